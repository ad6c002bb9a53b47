#include "ota/flash.h"
#include "ota/assert.h"

static bool inside(const struct ota_flash *f, uint32_t offset, size_t len)
{
    return offset <= f->size && len <= f->size - offset;
}

ota_err_t ota_flash_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    OTA_ASSERT(into.ptr != NULL || into.cap == 0);
    if (!inside(f, offset, into.cap)) {
        return OTA_E_RANGE;
    }
    return f->ops->read(f, offset, into);
}

ota_err_t ota_flash_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    OTA_ASSERT(from.ptr != NULL || from.len == 0);
    OTA_ASSERT(f->write_size > 0);
    if (!inside(f, offset, from.len)) {
        return OTA_E_RANGE;
    }
    if (offset % f->write_size != 0 || from.len % f->write_size != 0) {
        return OTA_E_RANGE;
    }
    return f->ops->write(f, offset, from);
}

ota_err_t ota_flash_erase(struct ota_flash *f, uint32_t offset)
{
    OTA_ASSERT(f->sector_size > 0);
    if (!inside(f, offset, f->sector_size) || offset % f->sector_size != 0) {
        return OTA_E_RANGE;
    }
    return f->ops->erase(f, offset);
}
