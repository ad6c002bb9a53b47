/* Filling a slot, and forgetting what is in it. */
#include "ota/assert.h"
#include "program.h"
#include "trailer.h"
#include <string.h>

ota_err_t ota_store_erase_step(struct ota_store *s, enum ota_slot slot, uint32_t *at)
{
    const struct ota_region *whole = &s->layout->slot[slot];
    if (*at >= whole->size) {
        return OTA_OK;
    }
    uint32_t next = whole->offset + *at;
    const ota_err_t err = ota_erase_next(s->flash, &next);
    *at = next - whole->offset;
    return err;
}

/* Only the answer of a mark that is not blank counts: torn is as good as written. */
ota_err_t ota_store_mark_download(struct ota_store *s, enum ota_slot slot)
{
    struct ota_slot_facts facts;
    ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    if (facts.magic != OTA_MARK_UNSET || facts.image_ok != OTA_MARK_UNSET ||
        facts.copy_done != OTA_MARK_UNSET || facts.sequence_mark != OTA_MARK_UNSET ||
        facts.trials > 0) {
        return OTA_E_STATE;
    }
    if (facts.download != OTA_MARK_UNSET) {
        return OTA_OK;
    }
    err = ota_trailer_set(s, slot, OTA_TRAILER_DOWNLOAD);
    if (err != OTA_E_FLASH_READ_BACK) {
        return err;
    }
    const ota_err_t again = ota_trailer_facts(s, slot, &facts);
    if (again != OTA_OK) {
        return again;
    }
    return facts.download == OTA_MARK_UNSET ? err : OTA_OK;
}

static ota_err_t sector_erased(struct ota_flash *f, struct ota_region sector, bool *erased)
{
    uint8_t piece[OTA_PIECE];
    *erased = true;
    for (uint32_t at = 0; at < sector.size && *erased; at += sizeof piece) {
        const ota_err_t err = ota_flash_read(f, sector.offset + at, OTA_BUF_OF(piece));
        if (err != OTA_OK) {
            return err;
        }
        *erased = ota_erased(OTA_SPAN_OF(piece), f->erased);
    }
    return OTA_OK;
}

ota_err_t ota_store_clean_step(struct ota_store *s, enum ota_slot slot, uint32_t *at)
{
    const struct ota_region room = ota_store_image_region(s, slot);
    if (*at >= room.size) {
        return OTA_OK;
    }
    const struct ota_region sector = ota_flash_sector(s->flash, room.offset + *at);
    if (sector.offset != room.offset + *at) {
        return OTA_E_RANGE;
    }
    bool erased;
    ota_err_t err = sector_erased(s->flash, sector, &erased);
    if (err == OTA_OK && !erased) {
        err = ota_flash_erase(s->flash, sector.offset);
    }
    if (err == OTA_OK) {
        *at += sector.size;
    }
    return err;
}

ota_err_t ota_store_write(struct ota_store *s, enum ota_slot slot, uint32_t offset,
                          struct ota_span bytes)
{
    const struct ota_region room = ota_store_image_region(s, slot);
    const uint32_t unit = s->flash->write_size;
    if (offset > room.size || bytes.len > room.size - offset) {
        return OTA_E_IMAGE_SIZE;
    }
    if (offset % unit != 0) {
        return OTA_E_RANGE;
    }
    const size_t tail_len = bytes.len % unit;
    const size_t whole_len = bytes.len - tail_len;
    if (whole_len > 0) {
        const ota_err_t err = ota_flash_write(s->flash, room.offset + offset,
                                              (struct ota_span){ bytes.ptr, whole_len });
        if (err != OTA_OK) {
            return err;
        }
    }
    if (tail_len == 0) {
        return OTA_OK;
    }
    uint8_t tail[OTA_FLASH_WRITE_SIZE_MAX];
    memset(tail, s->flash->erased, unit);
    memcpy(tail, bytes.ptr + whole_len, tail_len);
    return ota_flash_write(s->flash, room.offset + offset + (uint32_t)whole_len,
                           (struct ota_span){ tail, unit });
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
    const ota_err_t err = ota_flash_erase(s->flash, s->layout->slot[slot].offset);
    if (err != OTA_OK) {
        return err;
    }
    return ota_erase_region(s->flash, ota_trailer_region(s, slot));
}
