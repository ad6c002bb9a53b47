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
    uint32_t size = f->sector_size, in_run = offset;
    if (offset >= f->size) {
        return (struct ota_region){ offset, 0 };
    }
    for (uint32_t i = 0; i < f->run_count; i++) {
        const uint32_t run_size = f->runs[i].count * f->runs[i].sector_size;
        if (in_run < run_size) {
            size = f->runs[i].sector_size;
            break;
        }
        in_run -= run_size;
    }
    return (struct ota_region){ offset - in_run % size, size };
}

ota_err_t ota_flash_erase(struct ota_flash *f, uint32_t offset)
{
    const struct ota_region sector = ota_flash_sector(f, offset);
    if (sector.size == 0 || sector.offset != offset) {
        return OTA_E_RANGE;
    }
    return f->ops->erase(f, offset);
}
