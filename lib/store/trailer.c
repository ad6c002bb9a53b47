/* Reading trailers; nothing else in the project does. */
#include "trailer.h"
#include "ota/assert.h"
#include "program.h"
#include <string.h>

#define MAGIC_SIZE 16u
#define FLAG_SET   0x01u

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

struct ota_region ota_trailer_region(const struct ota_flash *f, const struct ota_region *slot)
{
    const uint32_t a = width(f);
    const uint32_t fields = magic_room(a) + (OTA_TRAILER_FIELDS - 1u) * a;
    const uint32_t end = slot->offset + slot->size;
    uint32_t begin = end;
    while (end - begin < fields && begin > slot->offset) {
        begin = ota_flash_sector(f, begin - 1u).offset;
    }
    return (struct ota_region){ begin, end - begin };
}

struct ota_region ota_store_image_region(const struct ota_store *s, enum ota_slot slot)
{
    const struct ota_region *whole = &s->layout->slot[slot];
    const struct ota_region trailer = ota_trailer_region(s->flash, whole);
    return (struct ota_region){ whole->offset, trailer.offset - whole->offset };
}

/* MCUboot's magic: a fixed one for A = 8; for others A itself in two bytes, then fourteen. */
static void magic_fill(uint8_t magic[MAGIC_SIZE], uint32_t a)
{
    static const uint8_t magics[2][MAGIC_SIZE] = {
        { 0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79,
          0x80 },
        { 0x00, 0x00, 0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f,
          0x8a },
    };
    memcpy(magic, magics[a != 8u], MAGIC_SIZE);
    if (a != 8u) {
        magic[0] = (uint8_t)a;
    }
}

void ota_trailer_slice(const struct ota_store *s, enum ota_slot slot, uint32_t field,
                       struct ota_trailer_slice *slice)
{
    const struct ota_region *whole = &s->layout->slot[slot];
    const uint32_t a = width(s->flash);
    OTA_ASSERT(field < OTA_TRAILER_FIELDS);
    slice->offset = whole->offset + whole->size - magic_room(a) - field * a;
    slice->size = a;
    memset(slice->bytes, s->flash->erased, sizeof slice->bytes);
    if (field == OTA_TRAILER_MAGIC) {
        slice->size = magic_room(a);
        magic_fill(slice->bytes + slice->size - MAGIC_SIZE, a);
    } else {
        slice->bytes[0] = FLAG_SET;
    }
}

/* A number and its complement, then filling: anything else was torn. */
static bool sequence_is_whole(struct ota_span have, uint8_t erased)
{
    return ota_get_u32le(have.ptr) == ~ota_get_u32le(have.ptr + 4) &&
           ota_erased((struct ota_span){ have.ptr + 8, have.len - 8u }, erased);
}

ota_err_t ota_trailer_facts(struct ota_store *s, enum ota_slot slot, struct ota_slot_facts *facts)
{
    enum ota_mark marks[OTA_TRAILER_FIELDS];
    struct ota_slot_facts found = { .sequence = 0 };
    for (uint32_t field = 0; field < OTA_TRAILER_FIELDS; field++) {
        struct ota_trailer_slice set;
        uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
        ota_trailer_slice(s, slot, field, &set);
        const ota_err_t err =
            ota_flash_read(s->flash, set.offset, (struct ota_buf){ bytes, set.size });
        if (err != OTA_OK) {
            return err;
        }
        const struct ota_span have = { bytes, set.size };
        marks[field] = OTA_MARK_UNSET;
        if (ota_erased(have, s->flash->erased)) {
            continue;
        }
        bool whole = memcmp(bytes, set.bytes, set.size) == 0;
        if (field == OTA_TRAILER_SEQUENCE) {
            whole = sequence_is_whole(have, s->flash->erased);
            found.sequence = whole ? ota_get_u32le(bytes) : 0;
        }
        marks[field] = whole ? OTA_MARK_SET : OTA_MARK_TORN;
        /* Trials: up to the last mark that is not blank, for a gap can only be a mark that was lost. */
        if (field >= OTA_TRAILER_TRIAL) {
            found.trials = (uint8_t)(field - OTA_TRAILER_TRIAL + 1u);
        }
    }
    found.magic = marks[OTA_TRAILER_MAGIC];
    found.image_ok = marks[OTA_TRAILER_IMAGE_OK];
    found.copy_done = marks[OTA_TRAILER_COPY_DONE];
    found.download = marks[OTA_TRAILER_DOWNLOAD];
    found.sequence_mark = marks[OTA_TRAILER_SEQUENCE];
    *facts = found;
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
