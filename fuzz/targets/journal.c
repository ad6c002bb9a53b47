/*
 * A journal of any content: it is read or it is not; what is written next is what is read after,
 * by this store and by one that begins anew; nothing is programmed twice.
 */
#include "fuzz.h"
#include "ota/store.h"
#include "ram_flash.h"

#include <string.h>

enum { SECTOR = 512, JOURNAL = 10 * SECTOR };

static const struct ota_layout layout = {
    .journal = { 0, JOURNAL },
    .slot = { { JOURNAL, 2 * SECTOR }, { JOURNAL + 2 * SECTOR, 2 * SECTOR } },
    .counter = { 14 * SECTOR, 2 * SECTOR },
    .trust = { 16 * SECTOR, 2 * SECTOR },
    .identity = { 18 * SECTOR, 2 * SECTOR },
};

static void check_same(struct ota_store *s, const struct ota_journal *want)
{
    struct ota_journal got;
    memset(&got, 0, sizeof got);
    FUZZ_CHECK(ota_journal_read(s, &got) == OTA_OK);
    FUZZ_CHECK(got.state == want->state && got.slot == want->slot && got.mark == want->mark);
    FUZZ_CHECK(got.execution == want->execution && got.file_size == want->file_size);
    FUZZ_CHECK(got.job_id_len == want->job_id_len);
    FUZZ_CHECK(memcmp(got.job_id, want->job_id, sizeof got.job_id) == 0);
}

static void open_anew(struct ota_store *s, struct ram_flash *flash)
{
    memset(s, 0xa5, sizeof *s);
    FUZZ_CHECK(ota_store_open(s, &flash->base, &layout) == OTA_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t write_sizes[6] = { 1, 2, 4, 8, 16, 32 };
    static struct ram_flash flash;
    struct ota_store s;
    struct ota_journal j;
    if (size < 4) {
        return 0;
    }
    ram_flash_init(&flash, SECTOR, write_sizes[bytes[0] % 6], bytes[0] >= 128 ? 0 : 0xff);
    const size_t len = size - 4 < JOURNAL ? size - 4 : JOURNAL;
    memcpy(flash.bytes, bytes + 4, len);
    /* The other half too, so that both hold something. */
    memcpy(flash.bytes + JOURNAL / 2, bytes + 4 + len / 2, len / 2);

    open_anew(&s, &flash);
    memset(&j, 0, sizeof j);
    const ota_err_t err = ota_journal_read(&s, &j);
    FUZZ_CHECK(err == OTA_OK || err == OTA_E_NOT_FOUND);
    FUZZ_CHECK(j.state <= OTA_JOURNAL_REPORT_FAIL && j.job_id_len <= OTA_JOB_ID_MAX);
    for (uint8_t round = 1; round < 4; round++) {
        j.state = (enum ota_journal_state)(bytes[round] % (OTA_JOURNAL_REPORT_FAIL + 1));
        j.execution += round;
        FUZZ_CHECK(ota_journal_write(&s, &j) == OTA_OK);
        check_same(&s, &j);
        j.mark = j.mark < UINT32_MAX - round ? j.mark + round : j.mark;
        FUZZ_CHECK(ota_journal_mark(&s, &j) == OTA_OK);
        open_anew(&s, &flash);
        check_same(&s, &j);
    }
    return 0;
}
