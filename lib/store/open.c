/* Does the layout fit the flash? Asked once, so that nothing else has to. */
#include "program.h"
#include "records.h"
#include "trailer.h"
#include <string.h>

/* Records are looked for, and sectors for blank bytes, in pieces of this size. */
static bool sector_ok(uint32_t size)
{
    return size > 0 && size % OTA_PIECE == 0;
}

/* The runs add up to the flash, and the largest sector is the one that it names. */
static bool runs_ok(const struct ota_flash *f)
{
    uint32_t left = f->size;
    uint32_t largest = 0;
    for (uint32_t i = 0; i < f->run_count; i++) {
        const struct ota_flash_run *run = &f->runs[i];
        if (!sector_ok(run->sector_size) || run->count > left / run->sector_size) {
            return false;
        }
        left -= run->count * run->sector_size;
        largest = run->sector_size > largest ? run->sector_size : largest;
    }
    return left == 0 && largest == f->sector_size;
}

static bool geometry_ok(const struct ota_flash *f)
{
    const uint32_t unit = f->write_size;
    const bool power_of_two = unit > 0 && (unit & (unit - 1u)) == 0;
    if (!power_of_two || unit > OTA_FLASH_WRITE_SIZE_MAX) {
        return false;
    }
    if (f->erased != 0xff && f->erased != 0x00) {
        return false;
    }
    if (f->run_count > 0) {
        return f->run_count <= OTA_FLASH_RUNS_MAX && runs_ok(f);
    }
    return sector_ok(f->sector_size) && f->size % f->sector_size == 0;
}

/* Does a sector begin here, or the flash end? */
static bool bound(const struct ota_flash *f, uint32_t offset)
{
    return offset == f->size || ota_flash_sector(f, offset).offset == offset;
}

/* Inside the flash, and of whole sectors. */
static bool region_ok(const struct ota_flash *f, const struct ota_region *r)
{
    return r->offset <= f->size && r->size <= f->size - r->offset && bound(f, r->offset) &&
           bound(f, r->offset + r->size);
}

static bool overlap(const struct ota_region *a, const struct ota_region *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static bool regions_ok(const struct ota_flash *f, const struct ota_layout *l)
{
    const struct ota_region *const all[] = {
        &l->slot[OTA_SLOT_A], &l->slot[OTA_SLOT_B], &l->journal, &l->counter, &l->trust,
        &l->identity,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (!region_ok(f, all[i])) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (overlap(all[i], all[k])) {
                return false;
            }
        }
    }
    return true;
}

/* Room for a trailer in sectors of its own, and for something in front of it. */
static bool slot_ok(const struct ota_store *s, enum ota_slot slot)
{
    const uint32_t size = s->layout->slot[slot].size;
    return size > 0 && size > ota_trailer_region(s, slot).size;
}

/* Two halves of whole sectors, each with room for `need` bytes. */
static bool log_ok(const struct ota_flash *f, const struct ota_log *log, uint32_t need)
{
    const uint32_t half = log->region.size / 2u;
    return half >= need && bound(f, log->region.offset + half);
}

static bool logs_ok(const struct ota_store *s)
{
    const struct ota_flash *f = s->flash;
    const uint32_t journal = ota_log_record_size(f, OTA_JOURNAL_STATE_SIZE) +
                             OTA_JOURNAL_MARKS * ota_log_record_size(f, OTA_JOURNAL_MARK_SIZE);
    return log_ok(f, &s->journal, journal) &&
           (s->layout->fuses != NULL || log_ok(f, &s->counter, 1)) &&
           log_ok(f, &s->trust, ota_log_record_size(f, OTA_TRUST_SIZE_MAX)) &&
           log_ok(f, &s->identity, 1);
}

static struct ota_log log_of(struct ota_region region, enum ota_log_kind kind)
{
    return (struct ota_log){ .region = region, .newest = OTA_LOG_NONE, .kind = (uint8_t)kind };
}

ota_err_t ota_store_open(struct ota_store *s, struct ota_flash *flash,
                         const struct ota_layout *layout)
{
    const struct ota_store opened = {
        .flash = flash,
        .layout = layout,
        .journal = log_of(layout->journal, OTA_LOG_STATE),
        .counter = log_of(layout->counter, OTA_LOG_COUNTER),
        .trust = log_of(layout->trust, OTA_LOG_TRUST),
        .identity = log_of(layout->identity, OTA_LOG_IDENTITY),
    };
    if (!geometry_ok(flash) || !regions_ok(flash, layout) || !slot_ok(&opened, OTA_SLOT_A) ||
        !slot_ok(&opened, OTA_SLOT_B) || !logs_ok(&opened)) {
        return OTA_E_RANGE;
    }
    *s = opened;
    return OTA_OK;
}
