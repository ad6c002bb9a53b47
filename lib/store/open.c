/* Does the layout fit the flash? Asked once, so that nothing else has to. */
#include "program.h"
#include "records.h"
#include "trailer.h"

/*
 * All runs together are the flash. Sectors are looked through in pieces; and they are whole trailer
 * fields, so that a slot's end is aligned for them.
 */
static bool runs_ok(const struct ota_flash *f, const struct ota_flash_run *run, uint32_t count)
{
    uint32_t left = f->size;
    uint32_t largest = 0;
    for (; count > 0; count--, run++) {
        const uint32_t sector = run->sector_size;
        if (sector == 0 || sector % OTA_PIECE != 0 || run->count > left / sector) {
            return false;
        }
        left -= run->count * sector;
        largest = sector > largest ? sector : largest;
    }
    return left == 0 && largest == f->sector_size;
}

static bool geometry_ok(const struct ota_flash *f)
{
    const uint32_t unit = f->write_size;
    const bool power_of_two = unit > 0 && (unit & (unit - 1u)) == 0;
    if (!power_of_two || unit > OTA_FLASH_WRITE_SIZE_MAX || f->run_count > OTA_FLASH_RUNS_MAX ||
        (f->erased != 0xff && f->erased != 0x00) || f->sector_size == 0) {
        return false;
    }
    const struct ota_flash_run even = { f->sector_size, f->size / f->sector_size };
    return f->run_count > 0 ? runs_ok(f, f->runs, f->run_count) : runs_ok(f, &even, 1);
}

/* Does a sector begin at `offset`, or the flash end? */
static bool bound(const struct ota_flash *f, uint32_t offset)
{
    return ota_flash_sector(f, offset).offset == offset;
}

/* A region of one or two parts: inside the flash, of whole sectors each, each with room for `need` bytes. */
static bool region_ok(const struct ota_flash *f, const struct ota_region *r, uint32_t parts,
                      uint32_t need)
{
    const uint32_t part = r->size / parts;
    return r->offset <= f->size && r->size <= f->size - r->offset && part >= need &&
           bound(f, r->offset) && bound(f, r->offset + part) && bound(f, r->offset + r->size);
}

static bool overlap(const struct ota_region *a, const struct ota_region *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static bool layout_ok(const struct ota_flash *f, const struct ota_layout *l)
{
    const uint32_t journal = ota_log_record_size(f, OTA_JOURNAL_STATE_SIZE) +
                             OTA_JOURNAL_MARKS * ota_log_record_size(f, OTA_JOURNAL_MARK_SIZE);
    const struct {
        const struct ota_region *region;
        uint32_t need;
    } all[] = {
        { &l->slot[OTA_SLOT_A], 1 }, { &l->slot[OTA_SLOT_B], 1 },
        { &l->journal, journal },    { &l->trust, ota_log_record_size(f, OTA_TRUST_SIZE_MIN) },
        { &l->identity, 1 },         { &l->counter, l->fuses == NULL },
    };
    for (uint32_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const struct ota_region *region = all[i].region;
        const bool slot = i < OTA_SLOT_COUNT;
        if (!region_ok(f, region, slot ? 1 : 2, all[i].need) ||
            (slot && ota_trailer_region(f, region).offset == region->offset)) {
            return false;
        }
        for (uint32_t k = 0; k < i; k++) {
            if (overlap(region, all[k].region)) {
                return false;
            }
        }
    }
    return true;
}

/* What is in it is not known before it is looked through. */
static void log_begin(struct ota_log *log, struct ota_flash *flash, const struct ota_region *region,
                      enum ota_log_kind kind)
{
    log->flash = flash;
    log->region = region;
    log->kind = (uint8_t)kind;
    log->known = false;
}

void ota_store_begin(struct ota_store *s, struct ota_flash *flash, const struct ota_layout *layout)
{
    s->flash = flash;
    s->layout = layout;
    log_begin(&s->journal, flash, &layout->journal, OTA_LOG_STATE);
    log_begin(&s->counter, flash, &layout->counter, OTA_LOG_COUNTER);
    log_begin(&s->trust, flash, &layout->trust, OTA_LOG_TRUST);
    log_begin(&s->identity, flash, &layout->identity, OTA_LOG_IDENTITY);
}

ota_err_t ota_store_open(struct ota_store *s, struct ota_flash *flash,
                         const struct ota_layout *layout)
{
    if (!geometry_ok(flash) || !layout_ok(flash, layout)) {
        return OTA_E_RANGE;
    }
    ota_store_begin(s, flash, layout);
    return OTA_OK;
}
