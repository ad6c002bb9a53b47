/*
 * Flash model: NOR flash in RAM that loses power when it is told to.
 *
 *     struct flash_model m;
 *     flash_model_init(&m, &(struct flash_geometry){ .sectors = 16, .sector_size = 4096, .write_size = 8 });
 *     flash_model_cut(&m, 3, FLASH_CUT_HALF);   at the third write or erase from now on
 *     ...use &m.base until something returns OTA_E_FLASH...
 *     flash_model_power_on(&m);                 and build everything anew from what is in flash
 *     assert_int_equal(flash_model_faults(&m), 0);
 *     flash_model_free(&m);
 *
 * After a cut every verb returns OTA_E_FLASH and changes nothing, until the power is on again: so code
 * that ignores an error does no more harm than on a device without power.
 *
 * A write unit that is not blank and is programmed again, a write or erase that is misaligned or out
 * of range: each is carried out as far as physics goes, and counted as a fault.
 *
 * Needs no test framework: what cannot be (no memory, a bit that is none) ends the process.
 */
#ifndef FLASH_MODEL_H
#define FLASH_MODEL_H

#include "ota/flash.h"

/* What the operation that the cut hits leaves behind. */
enum flash_cut {
    FLASH_CUT_BEFORE, /* nothing of it */
    FLASH_CUT_HALF,   /* its first half; the unit in the middle has the first half of its bits */
    FLASH_CUT_NOISE,  /* a random part of it, the unit at work with random bits between old and new;
                         an erase, which works on all cells at once: that, or so in all its units */
};
#define FLASH_CUT_KINDS 3u

struct flash_geometry {
    uint32_t sectors, sector_size, write_size;
    bool erased_zero; /* erased bytes read 0x00, programming sets bits */
    /* Sectors of several sizes, lent; `sectors` and `sector_size` are then not looked at. */
    const struct ota_flash_run *runs;
    uint8_t run_count;
};

struct flash_model {
    struct ota_flash base;
    uint8_t *bytes;   /* base.size of them */
    uint32_t *erases; /* of each sector, counted from offset 0: wear */
    uint32_t sectors;
    uint32_t ops;    /* writes and erases since init or flash_model_power_on() */
    uint32_t cut_at; /* the operation that is hit, counted as in ops, from 1; 0: none */
    enum flash_cut cut;
    uint32_t cut_unit; /* of the write that is hit; UINT32_MAX: as `cut` chooses */
    uint32_t seed;
    bool off;
    /* Lent: write units of each operation so far, 1 for an erase; NULL: not wanted. */
    uint16_t *trace;
    uint32_t trace_cap;
    /* Reads, writes or erases that touch this range fail, as a broken part does. */
    struct ota_region broken_read, broken_write;
    /* Writes in this range are silently not done. */
    struct ota_region deaf;
    struct {
        uint32_t double_programs, misaligned, out_of_range;
    } faults;
};

/** An erased flash with power on. The seed is fixed; change m->seed for other noise (not 0). */
void flash_model_init(struct flash_model *m, const struct flash_geometry *g);
void flash_model_free(struct flash_model *m);

/** Lose power at the n-th (from 1) write or erase from now on. */
void flash_model_cut(struct flash_model *m, uint32_t n, enum flash_cut how);

/**
 * The same, with the write unit named that is torn: those before it are as wanted, those behind it
 * as they were. An erase is torn as flash_model_cut() would.
 */
void flash_model_cut_unit(struct flash_model *m, uint32_t n, uint32_t unit, enum flash_cut how);

/** Power is back, no cut is planned, operations are counted from 0. */
void flash_model_power_on(struct flash_model *m);

/** All faults together; a correct program makes none. */
uint32_t flash_model_faults(const struct flash_model *m);

/** Flip one bit, as time does. */
void flash_model_rot(struct flash_model *m, uint32_t offset, unsigned bit);

/** All bytes, in an allocation that the caller frees; and back again, with power on. Wear and faults stay. */
uint8_t *flash_model_save(const struct flash_model *m);
void flash_model_load(struct flash_model *m, const uint8_t *saved);

#endif
