#include "ota/flash.h"
#include "ota/assert.h"

/* Whole units, inside the flash; a unit is a power of two. */
static bool fits(const struct ota_flash *f, uint32_t offset, size_t len, uint32_t unit)
{
    return offset <= f->size && len <= f->size - offset && ((offset | len) & (unit - 1u)) == 0;
}

ota_err_t ota_flash_load(struct ota_flash *f, uint32_t offset, uint8_t *into, size_t len)
{
    const struct ota_buf room = { into, len };
    return fits(f, offset, len, 1) ? f->ops->read(f, offset, room) : OTA_E_RANGE;
}

ota_err_t ota_flash_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    return fits(f, offset, from.len, f->write_size) ? f->ops->write(f, offset, from) : OTA_E_RANGE;
}

struct ota_region ota_flash_sector(const struct ota_flash *f, uint32_t offset)
{
    OTA_ASSERT(f->sector_size > 0);
    const struct ota_flash_run even = { f->sector_size, f->size / f->sector_size };
    const struct ota_flash_run *run = f->run_count > 0 ? f->runs : &even;
    const struct ota_flash_run *end = run + (f->run_count > 0 ? f->run_count : 1);
    uint32_t in_run = offset;
    for (; run < end; run++) {
        const uint32_t sector = in_run / run->sector_size;
        if (sector < run->count) {
            return (struct ota_region){ offset - in_run % run->sector_size, run->sector_size };
        }
        in_run -= run->count * run->sector_size;
    }
    return (struct ota_region){ offset, 0 };
}

ota_err_t ota_flash_erase(struct ota_flash *f, uint32_t offset)
{
    const struct ota_region sector = ota_flash_sector(f, offset);
    if (sector.size == 0 || sector.offset != offset) {
        return OTA_E_RANGE;
    }
    return f->ops->erase(f, offset);
}
