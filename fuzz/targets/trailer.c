/*
 * Two trailers of any content: the boot decision never runs what does not verify or was never whole,
 * no deed programs what is programmed, and what a deed says is done can be read.
 */
#include "fuzz.h"
#include "ota/boot.h"
#include "ram_flash.h"

#include <string.h>

enum { SECTOR = 512, SLOT = 2 * SECTOR };

static const struct ota_layout layout = {
    .slot = { { 0, SLOT }, { SLOT, SLOT } },
    .counter = { 2 * SLOT, 2 * SECTOR },
    .trust = { 2 * SLOT + 2 * SECTOR, 2 * SECTOR },
    .identity = { 2 * SLOT + 4 * SECTOR, 2 * SECTOR },
    .journal = { 2 * SLOT + 6 * SECTOR, 10 * SECTOR },
};

static struct ota_store_facts facts_of(struct ota_store *s)
{
    struct ota_store_facts facts;
    FUZZ_CHECK(ota_store_facts(s, &facts) == OTA_OK);
    return facts;
}

/* Some deed, chosen by the input, on some slot. */
static void do_something(struct ota_store *s, uint8_t what)
{
    const enum ota_slot slot = what % 2 == 0 ? OTA_SLOT_A : OTA_SLOT_B;
    const struct ota_slot_facts before = facts_of(s).slot[slot];
    ota_err_t err = OTA_E_STATE;
    switch (what / 2 % 6) {
    case 0:
        err = ota_store_trial(s, slot);
        FUZZ_CHECK(err != OTA_OK || facts_of(s).slot[slot].trials > before.trials);
        break;
    case 1:
        err = ota_store_confirm(s, slot);
        FUZZ_CHECK(err != OTA_OK || (before.magic == OTA_MARK_SET &&
                                     facts_of(s).slot[slot].image_ok == OTA_MARK_SET));
        break;
    case 2:
        err = ota_store_adopt(s, slot);
        FUZZ_CHECK(err != OTA_OK ||
                   ota_slot_classify(&facts_of(s).slot[slot], true) == OTA_SLOT_CONFIRMED);
        break;
    case 3: err = ota_store_settle(s, slot, OTA_SLOT_CONFIRMED); break;
    case 4:
        err = ota_store_mark_factory(s, slot);
        FUZZ_CHECK(err != OTA_OK ||
                   ota_slot_classify(&facts_of(s).slot[slot], true) == OTA_SLOT_CONFIRMED);
        break;
    case 5:
        err = ota_store_withdraw(s, slot);
        FUZZ_CHECK(err != OTA_OK || facts_of(s).slot[slot].magic == OTA_MARK_UNSET);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const uint8_t write_sizes[6] = { 1, 2, 4, 8, 16, 32 };
    static struct ram_flash flash;
    struct ota_store s;
    if (size < 8) {
        return 0;
    }
    ram_flash_init(&flash, SECTOR, write_sizes[bytes[0] % 6], bytes[0] >= 128 ? 0 : 0xff);
    /* The rest is the end of both slots, half each. */
    const size_t half = (size - 6) / 2 < SECTOR ? (size - 6) / 2 : SECTOR;
    memcpy(flash.bytes + SLOT - half, bytes + 6, half);
    memcpy(flash.bytes + 2 * SLOT - half, bytes + 6 + half, half);
    FUZZ_CHECK(ota_store_open(&s, &flash.base, &layout) == OTA_OK);
    for (unsigned i = 1; i < 6; i++) {
        do_something(&s, bytes[i]);
    }
    return 0;
}
