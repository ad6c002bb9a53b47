/*
 * The invariants: what must hold whenever power is lost. All of them are here, and here only.
 *
 *  1. Some image boots that was signed, whole: never none, never a mixture.
 *  2. What boots has the counter that the device asks for; the device never asks for more than an
 *     image had that was confirmed.
 *  3. A download that did not end with its mark does not boot; an unconfirmed image does not boot
 *     more often than it has trials, unless nothing else could.
 *  4. Each update ends by itself, and what the provider was told is what runs.
 *  5. A fresh job succeeds afterwards.
 *  6. No write unit is programmed twice, nothing is misaligned, nothing outside the slots, the
 *     journal and the counter has changed.
 *
 * They look at flash with their own eyes: the places of the marks are those of docs/spec/flash.md,
 * written down a second time.
 */
#include "bench.h"

#include "ota/crc.h"

#include <string.h>

/* --- marks, as they lie in flash -------------------------------------------------------- */

enum field { MAGIC, IMAGE_OK, COPY_DONE, DOWNLOAD };

/* From the slot's end, for fields of 8, 16 and 32 bytes. */
static const uint8_t *field_of(const struct bench *b, enum ota_slot slot, enum field which)
{
    static const uint32_t back[3][4] = { { 16, 24, 32, 40 },
                                         { 16, 32, 48, 64 },
                                         { 16, 64, 96, 128 } };
    const uint32_t w = b->cfg.write_size, row = w <= 8 ? 0 : w == 16 ? 1 : 2;
    const struct ota_region *const r = &b->layout.slot[slot];
    return b->flash.bytes + r->offset + r->size - back[row][which];
}

static bool magic_good(const struct bench *b, enum ota_slot slot)
{
    static const uint8_t narrow[16] = { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                        0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 };
    static const uint8_t wide[14] = { 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d,
                                      0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a };
    const uint8_t *const at = field_of(b, slot, MAGIC);
    if (b->cfg.write_size <= 8) {
        return memcmp(at, narrow, sizeof narrow) == 0;
    }
    return at[0] == b->cfg.write_size && at[1] == 0 && memcmp(at + 2, wide, sizeof wide) == 0;
}

static bool flag_is(const struct bench *b, enum ota_slot slot, enum field which, uint8_t first)
{
    const uint8_t *const at = field_of(b, slot, which);
    const uint32_t width = b->cfg.write_size < 8 ? 8 : b->cfg.write_size;
    bool rest = true;
    for (uint32_t i = 1; i < width; i++) {
        rest = rest && at[i] == b->flash.base.erased;
    }
    return at[0] == first && rest;
}

static bool confirmed(const struct bench *b, enum ota_slot slot)
{
    return magic_good(b, slot) && flag_is(b, slot, IMAGE_OK, 0x01);
}

/* As a debugger leaves it: no magic, and no download began. A torn magic counts as none. */
static bool unmarked(const struct bench *b, enum ota_slot slot)
{
    return !magic_good(b, slot) && flag_is(b, slot, DOWNLOAD, b->flash.base.erased);
}

/* --- 1, 2, 3: at each boot ----------------------------------------------------------------- */

static uint32_t number_at(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The newest record of the counter's log; 0: there is none. */
static uint32_t counter_of(const struct bench *b)
{
    static const uint8_t head[8] = { 0x77, 0x72, 1, 3, 4, 0, 0, 0 };
    const struct ota_region r = b->layout.counter;
    uint32_t newest = 0, counter = 0;
    for (uint32_t i = 0; i + 20u <= r.size; i += b->cfg.write_size) {
        const uint8_t *const at = b->flash.bytes + r.offset + i;
        const bool record = memcmp(at, head, sizeof head) == 0 && number_at(at + 8) > newest;
        if (record && number_at(at + 12) == ota_crc32(ota_crc32(0, (struct ota_span){ at, 12 }),
                                                      (struct ota_span){ at + 16, 4 })) {
            newest = number_at(at + 8);
            counter = number_at(at + 16);
        }
    }
    return counter;
}

/* An erased trailer is the end of what was counted: whatever comes into the slot is new. */
static void forget_erased(struct bench *b, enum ota_slot slot)
{
    const struct ota_region *const r = &b->layout.slot[slot];
    uint32_t erases = 0, at = 0;
    for (uint32_t i = 0; i < b->flash.sectors; i++) {
        at += ota_flash_sector(&b->flash.base, at).size;
        if (at == r->offset + r->size) {
            erases = b->flash.erases[i];
        }
    }
    if (erases != b->seen.trailer_erases[slot]) {
        b->seen.trailer_erases[slot] = erases;
        b->seen.trials[slot] = 0;
    }
}

/* Could the bootloader have taken this one, trials or not? */
static bool could_boot(const struct bench *b, enum ota_slot slot, uint32_t counter)
{
    const struct sim_image *const image = bench_image_in(b, slot);
    if (image == NULL || image->counter < counter) {
        return false;
    }
    return confirmed(b, slot) || unmarked(b, slot) ||
           (magic_good(b, slot) && b->seen.trials[slot] < b->cfg.geometry->trials_max);
}

static void check_counter(struct bench *b, uint32_t counter, const struct sim_image *image)
{
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        const struct sim_image *const in = bench_image_in(b, slot);
        const bool counts = in != NULL && (confirmed(b, slot) || unmarked(b, slot));
        if (counts && in->counter > b->seen.confirmed_counter) {
            b->seen.confirmed_counter = in->counter;
        }
    }
    if (counter > b->seen.confirmed_counter) {
        bench_violation(b, "the counter was raised for an image that was not confirmed");
    }
    if (image->counter < counter) {
        bench_violation(b, "boots an image below the counter");
    }
}

void bench_check_boot(struct bench *b)
{
    const enum ota_slot slot = b->device.boot.verdict.slot;
    if (b->device.boot.verdict.rule == OTA_BOOT_RECOVERY ||
        !ota_boot_proved(&b->device.store, &b->device.boot)) {
        bench_violation(b, "nothing boots");
        return;
    }
    const struct sim_image *const image = bench_image_in(b, slot);
    if (image == NULL) {
        bench_violation(b, "boots a mixture");
        return;
    }
    const uint32_t counter = counter_of(b);
    check_counter(b, counter, image);
    forget_erased(b, OTA_SLOT_A);
    forget_erased(b, OTA_SLOT_B);
    if (confirmed(b, slot) || unmarked(b, slot)) {
        return;
    }
    if (!magic_good(b, slot)) {
        bench_violation(b, "boots a download that was never marked");
        return;
    }
    b->seen.trials[slot]++;
    if (b->seen.trials[slot] > b->cfg.geometry->trials_max &&
        could_boot(b, ota_slot_other(slot), counter)) {
        bench_violation(b, "boots an unconfirmed image beyond its trials");
    }
}

/* --- 4, 5, 6: at rest ----------------------------------------------------------------------- */

static const struct sim_image *running(const struct bench *b)
{
    return b->device.runs ? bench_image_in(b, b->device.boot.verdict.slot) : NULL;
}

uint64_t bench_outside(const struct bench *b)
{
    const struct ota_region *const parts[] = { &b->layout.trust, &b->layout.identity };
    uint64_t sum = 0;
    for (unsigned i = 0; i < 2; i++) {
        for (uint32_t at = 0; at < parts[i]->size; at += sizeof(uint64_t)) {
            uint64_t word;
            memcpy(&word, b->flash.bytes + parts[i]->offset + at, sizeof word);
            sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
            sum ^= sum >> 29;
        }
    }
    return sum;
}

static void check_flash(struct bench *b)
{
    if (b->seen.outside != bench_outside(b)) {
        bench_violation(b, "something changed that no update may change");
    }
    if (b->flash.faults.double_programs > 0) {
        bench_violation(b, "a write unit was programmed twice");
    }
    if (flash_model_faults(&b->flash) > b->flash.faults.double_programs) {
        bench_violation(b, "a write or erase was misaligned or outside of the flash");
    }
}

/* Told and true: `image` runs for good exactly if its job has SUCCEEDED. */
static void check_report(struct bench *b, uint32_t job, enum bench_image which)
{
    const struct sim_image *const runs = running(b);
    const enum ota_slot slot = b->device.boot.verdict.slot;
    const bool told = b->job[job].status == OTA_JOB_SUCCEEDED;
    if (runs == NULL) {
        bench_violation(b, "nothing runs");
        return;
    }
    if (!ota_job_status_terminal(b->job[job].status)) {
        bench_violation(b, "the update does not end");
    }
    if (told != (runs == b->image[which])) {
        bench_violation(b, "the report is not what runs");
    }
    if (told && !confirmed(b, slot)) {
        bench_violation(b, "told as done, but not confirmed");
    }
    if (told && counter_of(b) != runs->counter) {
        bench_violation(b, "told as done, but the counter is another");
    }
    if (!confirmed(b, slot) && !unmarked(b, slot)) {
        bench_violation(b, "at rest with an image that is not confirmed");
    }
}

void bench_check_rest(struct bench *b)
{
    if (b->job[0].deployed) {
        check_report(b, 0, BENCH_UPDATE);
    }
    check_flash(b);
}

void bench_check_fresh(struct bench *b)
{
    check_report(b, 1, BENCH_FRESH);
    if (b->job[1].status != OTA_JOB_SUCCEEDED) {
        bench_violation(b, "a fresh job does not succeed");
    }
    check_flash(b);
}
