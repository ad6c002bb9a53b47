/*
 * What the tests of store and boot share: a small flash of any geometry with a layout on it, a
 * store that is always opened anew, and trailers written byte by byte from the format's text.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include "flash_model.h"
#include "ota/boot.h"
#include "ota/store_trust.h"
#include "t.h"
#include "t_mark.h"

/* Sectors of each part: slots of three and a half KiB with 512-byte sectors, logs as small as may be. */
enum { FIX_SECTOR = 512, FIX_SLOT_SECTORS = 4, FIX_JOURNAL_SECTORS = 10 };

struct fix {
    struct flash_model m;
    struct ota_layout layout;
    struct ota_store s;
};

/* Everything in RAM forgotten, as after a reset. */
static inline void fix_restart(struct fix *x)
{
    flash_model_power_on(&x->m);
    memset(&x->s, 0xa5, sizeof x->s);
    assert_int_equal(ota_store_open(&x->s, &x->m.base, &x->layout), OTA_OK);
}

static inline struct ota_region fix_take(uint32_t *at, uint32_t sectors)
{
    const struct ota_region r = { *at, sectors * FIX_SECTOR };
    *at += r.size;
    return r;
}

/* `trust_sectors`: of both halves of the trust log together. */
static inline void fix_init_trust(struct fix *x, uint32_t write_size, uint8_t erased,
                                  uint32_t trust_sectors)
{
    uint32_t at = 0;
    x->layout = (struct ota_layout){ .fuses = NULL };
    x->layout.trust = fix_take(&at, trust_sectors);
    x->layout.counter = fix_take(&at, 2);
    x->layout.identity = fix_take(&at, 2);
    x->layout.journal = fix_take(&at, FIX_JOURNAL_SECTORS);
    x->layout.slot[OTA_SLOT_A] = fix_take(&at, FIX_SLOT_SECTORS);
    x->layout.slot[OTA_SLOT_B] = fix_take(&at, FIX_SLOT_SECTORS);
    flash_model_init(&x->m, &(struct flash_geometry){
                                .sectors = at / FIX_SECTOR,
                                .sector_size = FIX_SECTOR,
                                .write_size = write_size,
                                .erased_zero = erased == 0,
                            });
    fix_restart(x);
}

static inline void fix_init(struct fix *x, uint32_t write_size, uint8_t erased)
{
    fix_init_trust(x, write_size, erased, 2);
}

static inline void fix_free(struct fix *x)
{
    assert_int_equal(flash_model_faults(&x->m), 0);
    flash_model_free(&x->m);
}

/* --- a slot's trailer, by image-and-boot's table and flash.h's comment --------------- */

enum field { F_MAGIC, F_IMAGE_OK, F_COPY_DONE, F_DOWNLOAD, F_SEQUENCE, F_TRIAL };

static inline uint32_t field_at(const struct fix *x, enum ota_slot slot, uint32_t field)
{
    /* Bytes from the slot's end to each field, for A = 8, 16 and 32. */
    static const uint32_t off[3][5] = { { 16, 24, 32, 40, 48 },
                                        { 16, 32, 48, 64, 80 },
                                        { 16, 64, 96, 128, 160 } };
    const uint32_t w = x->m.base.write_size, row = w <= 8 ? 0 : w == 16 ? 1 : 2, a = 8u << row;
    const struct ota_region *r = &x->layout.slot[slot];
    const uint32_t below = field >= F_TRIAL ? (field - F_SEQUENCE) * a : 0;
    return r->offset + r->size - off[row][field > F_SEQUENCE ? F_SEQUENCE : field] - below;
}

static inline struct ota_slot_facts fix_facts(struct fix *x, enum ota_slot slot)
{
    struct ota_store_facts facts;
    assert_int_equal(ota_store_facts(&x->s, &facts), OTA_OK);
    return facts.slot[slot];
}

static inline enum ota_slot_class fix_class(struct fix *x, enum ota_slot slot)
{
    const struct ota_slot_facts facts = fix_facts(x, slot);
    return ota_slot_classify(&facts, true);
}

/* As if lib/image had verified it; the store looks only at where it is and at the proof. */
static inline struct ota_verified_image fix_verified(const struct fix *x, enum ota_slot slot)
{
    const struct ota_region where = ota_store_image_region(&x->s, slot);
    return (struct ota_verified_image){ .where = where, .proof = OTA_PROOF_ALL + where.offset };
}

static inline void fix_erase_slot(struct fix *x, enum ota_slot slot)
{
    uint32_t at = 0;
    while (at < x->layout.slot[slot].size) {
        assert_int_equal(ota_store_erase_step(&x->s, slot, &at), OTA_OK);
    }
}

/* Every write unit and both erased values. */
static inline void fix_everywhere(void (*check)(uint32_t write_size, uint8_t erased))
{
    for (uint32_t w = 1; w <= OTA_FLASH_WRITE_SIZE_MAX; w *= 2) {
        check(w, 0xff);
        check(w, 0x00);
    }
}

#endif
