/* Filling a slot, and forgetting what is in it. */
#include "program.h"
#include "trailer.h"
#include <string.h>

/* The sector that begins at `at` in a slot; of size 0 if none begins there. */
static struct ota_region sector_at(const struct ota_store *s, enum ota_slot slot, uint32_t at)
{
    const uint32_t offset = s->layout->slot[slot].offset + at;
    struct ota_region sector = ota_flash_sector(s->flash, offset);
    sector.size = sector.offset == offset ? sector.size : 0;
    return sector;
}

ota_err_t ota_store_erase_step(struct ota_store *s, enum ota_slot slot, uint32_t *at)
{
    const struct ota_region sector = sector_at(s, slot, *at);
    if (*at >= s->layout->slot[slot].size) {
        return OTA_OK;
    }
    const ota_err_t err = ota_flash_erase(s->flash, s->layout->slot[slot].offset + *at);
    *at += err == OTA_OK ? sector.size : 0;
    return err;
}

ota_err_t ota_store_clean_step(struct ota_store *s, enum ota_slot slot, uint32_t *at)
{
    const struct ota_region sector = sector_at(s, slot, *at);
    if (*at >= ota_store_image_region(s, slot).size) {
        return OTA_OK;
    }
    if (sector.size == 0) {
        return OTA_E_RANGE;
    }
    uint32_t end;
    ota_err_t err = ota_used_end(s->flash, sector, &end);
    if (err == OTA_OK && end > sector.offset) {
        err = ota_flash_erase(s->flash, sector.offset);
    }
    *at += err == OTA_OK ? sector.size : 0;
    return err;
}

ota_err_t ota_store_write(struct ota_store *s, enum ota_slot slot, uint32_t offset,
                          struct ota_span bytes)
{
    const struct ota_region room = ota_store_image_region(s, slot);
    const size_t tail_len = bytes.len % s->flash->write_size;
    const size_t whole_len = bytes.len - tail_len;
    if (offset > room.size || bytes.len > room.size - offset) {
        return OTA_E_IMAGE_SIZE;
    }
    ota_err_t err = OTA_OK;
    offset += room.offset;
    if (whole_len > 0) {
        err = ota_flash_write(s->flash, offset, (struct ota_span){ bytes.ptr, whole_len });
    }
    if (err == OTA_OK && tail_len > 0) {
        uint8_t tail[OTA_FLASH_WRITE_SIZE_MAX];
        memset(tail, s->flash->erased, sizeof tail);
        memcpy(tail, bytes.ptr + whole_len, tail_len);
        err = ota_flash_write(s->flash, offset + (uint32_t)whole_len,
                              (struct ota_span){ tail, s->flash->write_size });
    }
    return err;
}

ota_err_t ota_store_read(struct ota_store *s, enum ota_slot slot, uint32_t offset,
                         struct ota_buf into)
{
    const struct ota_region room = ota_store_image_region(s, slot);
    if (offset > room.size || into.cap > room.size - offset) {
        return OTA_E_RANGE;
    }
    return ota_flash_read(s->flash, room.offset + offset, into);
}

/* The image's header goes first: from then on nothing in the slot can verify, whatever its marks say. */
ota_err_t ota_store_withdraw(struct ota_store *s, enum ota_slot slot)
{
    const struct ota_region *whole = &s->layout->slot[slot];
    const ota_err_t err = ota_flash_erase(s->flash, whole->offset);
    return err == OTA_OK ? ota_erase_region(s->flash, ota_trailer_region(s->flash, whole)) : err;
}
