/* Does the layout fit the flash? Asked once, so that nothing else has to. */
#include "program.h"
#include "records.h"
#include "trailer.h"
#include <string.h>

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
    /* Sectors are whole trailer fields too, so that a slot's end is aligned for them. */
    return f->sector_size > 0 && f->sector_size % ota_trailer_align(f) == 0 &&
           f->size % f->sector_size == 0;
}

/* Inside the flash, whole sectors, at least `sectors` of them. */
static bool region_ok(const struct ota_flash *f, const struct ota_region *r, uint32_t sectors)
{
    return r->offset <= f->size && r->size <= f->size - r->offset &&
           r->offset % f->sector_size == 0 && r->size % f->sector_size == 0 &&
           r->size / f->sector_size >= sectors;
}

static bool overlap(const struct ota_region *a, const struct ota_region *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static bool logs_ok(const struct ota_flash *f, const struct ota_layout *l)
{
    const struct ota_region *const logs[] = { &l->journal, &l->counter, &l->trust, &l->identity };
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        if (!region_ok(f, logs[i], 2) || logs[i]->size / f->sector_size % 2u != 0) {
            return false;
        }
    }
    const uint32_t journal = ota_log_record_size(f, OTA_JOURNAL_STATE_SIZE) +
                             OTA_JOURNAL_MARKS * ota_log_record_size(f, OTA_JOURNAL_MARK_SIZE);
    return journal <= l->journal.size / 2u &&
           ota_log_record_size(f, OTA_TRUST_SIZE_MAX) <= l->trust.size / 2u &&
           ota_log_record_size(f, 4) <= l->counter.size / 2u;
}

static bool none_overlap(const struct ota_layout *l)
{
    const struct ota_region *const all[] = {
        &l->slot[OTA_SLOT_A], &l->slot[OTA_SLOT_B], &l->journal, &l->counter, &l->trust,
        &l->identity,
    };
    const size_t count = sizeof all / sizeof all[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (overlap(all[i], all[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool slots_ok(const struct ota_store *s)
{
    const struct ota_region *a = &s->layout->slot[OTA_SLOT_A];
    const struct ota_region *b = &s->layout->slot[OTA_SLOT_B];
    if (!region_ok(s->flash, a, 1) || !region_ok(s->flash, b, 1) || a->size != b->size) {
        return false;
    }
    /* The trailer's size does not depend on the slot's. */
    const uint32_t trailer = ota_trailer_region(s, OTA_SLOT_A).size;
    return a->size > trailer;
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
    if (!geometry_ok(flash) || !slots_ok(&opened) || !logs_ok(flash, layout) ||
        !none_overlap(layout)) {
        return OTA_E_RANGE;
    }
    *s = opened;
    return OTA_OK;
}
