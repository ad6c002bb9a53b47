/* Reading trailers; nothing else in the project does. */
#include "trailer.h"
#include "ota/assert.h"
#include "program.h"
#include <string.h>

#define MAGIC_SIZE 16u

/* The fields' width, MCUboot's "maximum alignment". */
static uint32_t width(const struct ota_flash *f)
{
    return f->write_size < 8u ? 8u : f->write_size;
}

/* Bytes from the begin of the magic to the slot's end. */
static uint32_t magic_room(uint32_t width)
{
    return width < MAGIC_SIZE ? MAGIC_SIZE : width;
}

OTA_APART uint32_t ota_trailer_at(const struct ota_flash *f, const struct ota_region *slot,
                                  uint32_t field)
{
    const uint32_t a = width(f);
    return slot->offset + slot->size - magic_room(a) - field * a;
}

struct ota_region ota_trailer_region(const struct ota_flash *f, const struct ota_region *slot)
{
    const uint32_t lowest = ota_trailer_at(f, slot, OTA_TRAILER_FIELDS - 1u);
    const bool fits = lowest - slot->offset < slot->size;
    const uint32_t begin = fits ? ota_flash_sector(f, lowest).offset : slot->offset;
    return (struct ota_region){ begin, slot->offset + slot->size - begin };
}

struct ota_region ota_store_image_region(const struct ota_store *s, enum ota_slot slot)
{
    const struct ota_region *whole = &s->layout->slot[slot];
    const struct ota_region trailer = ota_trailer_region(s->flash, whole);
    return (struct ota_region){ whole->offset, trailer.offset - whole->offset };
}

/* MCUboot's magic: two bytes that are A itself, or fixed ones for A = 8; then fourteen. */
#define TAIL_SIZE (MAGIC_SIZE - 2u)

static const uint8_t tails[2][TAIL_SIZE] = {
    { 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80 },
    { 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a },
};

static uint32_t head_of(uint32_t a)
{
    return a == 8u ? 0xc277u : a;
}

uint32_t ota_trailer_magic(const struct ota_store *s, uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX])
{
    const uint32_t a = width(s->flash), filling = magic_room(a) - MAGIC_SIZE;
    memset(bytes, s->flash->erased, filling);
    bytes[filling] = (uint8_t)head_of(a);
    bytes[filling + 1u] = (uint8_t)(head_of(a) >> 8);
    memcpy(bytes + filling + 2u, tails[a != 8u], TAIL_SIZE);
    return filling + MAGIC_SIZE;
}

/* --- reading ----------------------------------------------------------------- */

/* What the `size` bytes of a field say: all blank, or what the mark must be and blank filling; else it is torn. */
OTA_APART static enum ota_mark mark_of(const struct ota_flash *f, uint32_t field,
                                       const uint8_t *bytes, uint32_t size)
{
    const uint32_t a = width(f);
    if (ota_erased(bytes, size, f->erased)) {
        return OTA_MARK_UNSET;
    }
    if (field == OTA_TRAILER_MAGIC) { /* at the end of its field */
        size -= MAGIC_SIZE;
        if (ota_get_u16le(bytes + size) != head_of(a) ||
            memcmp(bytes + size + 2u, tails[a != 8u], TAIL_SIZE) != 0) {
            return OTA_MARK_TORN;
        }
    } else if (field == OTA_TRAILER_SEQUENCE) { /* a number and its complement */
        if (ota_get_u32le(bytes) != ~ota_get_u32le(bytes + 4)) {
            return OTA_MARK_TORN;
        }
        bytes += 8;
        size -= 8u;
    } else {
        if (bytes[0] != OTA_TRAILER_SET) {
            return OTA_MARK_TORN;
        }
        bytes++;
        size--;
    }
    return ota_erased(bytes, size, f->erased) ? OTA_MARK_SET : OTA_MARK_TORN;
}

ota_err_t ota_trailer_facts(struct ota_store *s, enum ota_slot slot, struct ota_slot_facts *facts)
{
    enum ota_mark marks[OTA_TRAILER_FIELDS];
    facts->sequence = 0;
    facts->trials = 0;
    for (uint32_t field = 0; field < OTA_TRAILER_FIELDS; field++) {
        uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
        const uint32_t a = width(s->flash);
        const uint32_t size = field == OTA_TRAILER_MAGIC ? magic_room(a) : a;
        const ota_err_t err = ota_flash_load(
            s->flash, ota_trailer_at(s->flash, &s->layout->slot[slot], field), bytes, size);
        if (err != OTA_OK) {
            return err;
        }
        marks[field] = mark_of(s->flash, field, bytes, size);
        if (field == OTA_TRAILER_SEQUENCE && marks[field] == OTA_MARK_SET) {
            facts->sequence = ota_get_u32le(bytes);
        }
        /* Trials: up to the last mark that is not blank, for a gap can only be a mark that was lost. */
        if (field >= OTA_TRAILER_TRIAL && marks[field] != OTA_MARK_UNSET) {
            facts->trials = (uint8_t)(field - OTA_TRAILER_TRIAL + 1u);
        }
    }
    facts->magic = marks[OTA_TRAILER_MAGIC];
    facts->image_ok = marks[OTA_TRAILER_IMAGE_OK];
    facts->copy_done = marks[OTA_TRAILER_COPY_DONE];
    facts->download = marks[OTA_TRAILER_DOWNLOAD];
    facts->sequence_mark = marks[OTA_TRAILER_SEQUENCE];
    return OTA_OK;
}

enum ota_slot_class ota_slot_classify(const struct ota_slot_facts *facts, bool verifies)
{
    if (!verifies) {
        return OTA_SLOT_INVALID;
    }
    if (facts->magic != OTA_MARK_SET) {
        return facts->download == OTA_MARK_UNSET ? OTA_SLOT_UNMARKED : OTA_SLOT_INCOMPLETE;
    }
    if (facts->image_ok == OTA_MARK_SET) {
        return OTA_SLOT_CONFIRMED;
    }
    const bool fresh = facts->trials == 0 && facts->copy_done == OTA_MARK_UNSET;
    return fresh ? OTA_SLOT_UNTRIED : OTA_SLOT_TRIED;
}
