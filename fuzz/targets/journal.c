/*
 * A journal of any content: it is read or it is not; what is written next is what is read after,
 * by this store and by one that begins anew; nothing is programmed twice.
 */
#include "fuzz.h"
#include "ota/crc.h"
#include "ota/store.h"
#include "ram_flash.h"

#include <string.h>

/* The smallest halves that a state and all its marks fit into, with small and with large write units. */
enum { SECTOR = 256, HALF_SMALL = 7 * SECTOR, HALF_LARGE = 9 * SECTOR };

#define LAYOUT(half)                                                                               \
    {                                                                                              \
        .journal = { 0, 2 * (half) },                                                              \
        .slot = { { 2 * (half), 4 * SECTOR }, { 2 * (half) + 4 * SECTOR, 4 * SECTOR } },           \
        .counter = { 2 * (half) + 8 * SECTOR, 2 * SECTOR },                                        \
        .trust = { 2 * (half) + 10 * SECTOR, 4 * SECTOR },                                         \
        .identity = { 2 * (half) + 14 * SECTOR, 2 * SECTOR },                                      \
    }

static const struct ota_layout small = LAYOUT(HALF_SMALL), large = LAYOUT(HALF_LARGE);

static void check_same(struct ota_store *s, const struct ota_journal *want)
{
    struct ota_journal got;
    memset(&got, 0, sizeof got);
    FUZZ_CHECK(ota_journal_read(s, &got) == OTA_OK);
    FUZZ_CHECK(got.state == want->state && got.slot == want->slot && got.mark == want->mark);
    FUZZ_CHECK(got.execution == want->execution && got.file_size == want->file_size);
    FUZZ_CHECK(got.job_id_len == want->job_id_len);
    FUZZ_CHECK(memcmp(got.job_id, want->job_id, want->job_id_len) == 0);
}

static void open_anew(struct ota_store *s, struct ram_flash *flash)
{
    memset(s, 0xa5, sizeof *s);
    const struct ota_layout *layout = flash->base.write_size <= 8 ? &small : &large;
    FUZZ_CHECK(ota_store_open(s, &flash->base, layout) == OTA_OK);
}

static uint32_t u32le(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/*
 * No input could guess a checksum: each record gets the right one. Its layout: docs/spec/flash.md. Sequences that are in
 * flash together are never far apart, which the log relies on: here they are around where they wrap.
 */
static void seal(uint8_t *at, const uint8_t *end, uint32_t unit)
{
    enum { HEADER = 16, LEN = 4, SEQUENCE = 8, CRC = 12 };
    for (; end - at >= HEADER; at += unit) {
        const uint32_t len = u32le(at + LEN);
        if (memcmp(at, "wr\x01", 3) != 0 || len > (size_t)(end - at) - HEADER) {
            continue;
        }
        at[SEQUENCE + 3] = at[SEQUENCE + 3] % 2 == 0 ? 0 : 0xff;
        uint32_t crc = ota_crc32(0, (struct ota_span){ at, CRC });
        crc = ota_crc32(crc, (struct ota_span){ at + HEADER, len });
        for (unsigned i = 0; i < 4; i++) {
            at[CRC + i] = (uint8_t)(crc >> 8 * i);
        }
    }
}

/* Both halves hold something: the input from the beginning, and what is in its middle. */
static void fill(struct ram_flash *flash, const uint8_t *bytes, size_t size, bool sealed)
{
    const size_t half = flash->base.write_size <= 8 ? HALF_SMALL : HALF_LARGE;
    const size_t len = size < 2 * half ? size : 2 * half;
    memcpy(flash->bytes, bytes, len);
    memcpy(flash->bytes + half, bytes + len / 2, len / 2);
    if (sealed) {
        seal(flash->bytes, flash->bytes + half, flash->base.write_size);
        seal(flash->bytes + half, flash->bytes + 2 * half, flash->base.write_size);
    }
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
    fill(&flash, bytes + 4, size - 4, bytes[3] >= 128);
    open_anew(&s, &flash);
    memset(&j, 0, sizeof j);
    const ota_err_t err = ota_journal_read(&s, &j);
    FUZZ_CHECK(err == OTA_OK || err == OTA_E_NOT_FOUND);
    FUZZ_CHECK(j.state < OTA_JOURNAL_STATES && j.job_id_len <= OTA_JOB_ID_MAX);
    FUZZ_CHECK(j.files <= OTA_JOURNAL_FILES_MAX && j.file <= j.files);
    for (uint8_t round = 1; round < 4; round++) {
        j.state = (enum ota_journal_state)(bytes[round] / 2 % OTA_JOURNAL_STATES);
        j.execution += round;
        FUZZ_CHECK(ota_journal_write(&s, &j) == OTA_OK);
        check_same(&s, &j);
        j.mark = j.mark < UINT32_MAX - round ? j.mark + round : j.mark;
        FUZZ_CHECK(ota_journal_mark(&s, &j) == OTA_OK);
        if (bytes[round] % 2 == 0 || round == 3) {
            open_anew(&s, &flash);
        }
        check_same(&s, &j);
    }
    return 0;
}
