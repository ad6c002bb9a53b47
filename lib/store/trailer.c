/* Reading trailers; nothing else in the project does. */
#include "trailer.h"
#include "log.h"
#include "ota/assert.h"
#include "ota/cursor.h"
#include "program.h"
#include <string.h>

#define MAGIC_SIZE 16u
#define FLAG_SET   0x01u

uint32_t ota_trailer_align(const struct ota_flash *f)
{
    return f->write_size < 8u ? 8u : f->write_size;
}

static uint32_t magic_field_size(const struct ota_flash *f)
{
    return ota_round_up(MAGIC_SIZE, ota_trailer_align(f));
}

static uint32_t field_size(const struct ota_flash *f, uint32_t field)
{
    return field == OTA_TRAILER_MAGIC ? magic_field_size(f) : ota_trailer_align(f);
}

struct ota_region ota_trailer_region(const struct ota_store *s, enum ota_slot slot)
{
    const struct ota_flash *f = s->flash;
    const struct ota_region *whole = &s->layout->slot[slot];
    const uint32_t fields = magic_field_size(f) + (OTA_TRAILER_FIELDS - 1u) * ota_trailer_align(f);
    const uint32_t end = whole->offset + whole->size;
    uint32_t begin = end;
    while (end - begin < fields && begin > 0) {
        begin = ota_flash_sector(f, begin - 1u).offset;
    }
    return (struct ota_region){ begin, end - begin };
}

struct ota_region ota_store_image_region(const struct ota_store *s, enum ota_slot slot)
{
    const struct ota_region trailer = ota_trailer_region(s, slot);
    const uint32_t begin = s->layout->slot[slot].offset;
    return (struct ota_region){ begin, trailer.offset - begin };
}

uint32_t ota_trailer_offset(const struct ota_store *s, enum ota_slot slot, uint32_t field)
{
    const struct ota_region *whole = &s->layout->slot[slot];
    OTA_ASSERT(field < OTA_TRAILER_FIELDS);
    return whole->offset + whole->size - magic_field_size(s->flash) -
           field * ota_trailer_align(s->flash);
}

/* MCUboot's magic: a fixed one for A = 8; for others A itself, then fourteen bytes. */
static void magic_fill(struct ota_buf field, uint32_t align)
{
    static const uint8_t magic_8[MAGIC_SIZE] = {
        0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
        0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80,
    };
    static const uint8_t magic_other[MAGIC_SIZE - 2u] = {
        0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a,
    };
    uint8_t *magic = field.ptr + field.cap - MAGIC_SIZE;
    if (align == 8u) {
        memcpy(magic, magic_8, sizeof magic_8);
        return;
    }
    magic[0] = (uint8_t)align;
    magic[1] = (uint8_t)(align >> 8);
    memcpy(magic + 2, magic_other, sizeof magic_other);
}

struct ota_span ota_trailer_set_bytes(const struct ota_flash *f, uint32_t field,
                                      struct ota_buf room)
{
    const uint32_t size = field_size(f, field);
    OTA_ASSERT(size <= room.cap);
    memset(room.ptr, f->erased, size);
    if (field == OTA_TRAILER_MAGIC) {
        magic_fill((struct ota_buf){ room.ptr, size }, ota_trailer_align(f));
    } else {
        room.ptr[0] = FLAG_SET;
    }
    return (struct ota_span){ room.ptr, size };
}

/* --- reading --------------------------------------------------------------- */

/* Sequence and complement, then filling: anything else was torn. */
static enum ota_mark read_sequence(struct ota_span field, uint8_t erased, uint32_t *sequence)
{
    struct ota_reader r = ota_reader(field);
    const uint32_t number = ota_read_u32le(&r);
    const uint32_t complement = ota_read_u32le(&r);
    const struct ota_span filling = ota_read_bytes(&r, ota_reader_left(&r));
    if (number != ~complement || !ota_erased(filling, erased)) {
        return OTA_MARK_TORN;
    }
    *sequence = number;
    return OTA_MARK_SET;
}

static enum ota_mark mark_of(const struct ota_flash *f, uint32_t field, struct ota_span have,
                             uint32_t *sequence)
{
    if (ota_erased(have, f->erased)) {
        return OTA_MARK_UNSET;
    }
    if (field == OTA_TRAILER_SEQUENCE) {
        return read_sequence(have, f->erased, sequence);
    }
    uint8_t set[OTA_FLASH_WRITE_SIZE_MAX];
    const bool is_set = ota_span_eq(have, ota_trailer_set_bytes(f, field, OTA_BUF_OF(set)));
    return is_set ? OTA_MARK_SET : OTA_MARK_TORN;
}

ota_err_t ota_trailer_facts(struct ota_store *s, enum ota_slot slot, struct ota_slot_facts *facts)
{
    enum ota_mark marks[OTA_TRAILER_FIELDS];
    uint32_t sequence = 0;
    uint8_t trials = 0;
    for (uint32_t field = 0; field < OTA_TRAILER_FIELDS; field++) {
        uint8_t room[OTA_FLASH_WRITE_SIZE_MAX];
        const struct ota_buf have = { room, field_size(s->flash, field) };
        const ota_err_t err = ota_flash_read(s->flash, ota_trailer_offset(s, slot, field), have);
        if (err != OTA_OK) {
            return err;
        }
        marks[field] = mark_of(s->flash, field, (struct ota_span){ room, have.cap }, &sequence);
        /* Trials: up to the last mark that is not blank, for a gap can only be a mark that was lost. */
        if (field >= OTA_TRAILER_TRIAL && marks[field] != OTA_MARK_UNSET) {
            trials = (uint8_t)(field - OTA_TRAILER_TRIAL + 1u);
        }
    }
    *facts = (struct ota_slot_facts){
        .magic = marks[OTA_TRAILER_MAGIC],
        .image_ok = marks[OTA_TRAILER_IMAGE_OK],
        .copy_done = marks[OTA_TRAILER_COPY_DONE],
        .download = marks[OTA_TRAILER_DOWNLOAD],
        .sequence_mark = marks[OTA_TRAILER_SEQUENCE],
        .sequence = sequence,
        .trials = trials,
    };
    return OTA_OK;
}

/* The port's counter, if the device has one. */
static ota_err_t read_fuses(struct ota_counter *fuses, struct ota_store_facts *facts)
{
    const ota_err_t err = fuses->ops->read(fuses, &facts->counter);
    return err == OTA_OK ? fuses->ops->room(fuses, &facts->counter_max) : err;
}

static ota_err_t read_counter(struct ota_store *s, struct ota_store_facts *facts)
{
    if (s->layout->fuses != NULL) {
        return read_fuses(s->layout->fuses, facts);
    }
    /* No record: a device that never had a counter, so every image has enough. */
    facts->counter = 0;
    facts->counter_max = UINT32_MAX;
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(s->flash, &s->counter, &record);
    if (err != OTA_OK) {
        return err == OTA_E_NOT_FOUND ? OTA_OK : err;
    }
    uint8_t bytes[4];
    if (record.len < sizeof bytes) {
        return OTA_E_FLASH_READ_BACK;
    }
    err = ota_log_payload(s->flash, &record, 0, OTA_BUF_OF(bytes));
    if (err != OTA_OK) {
        return err;
    }
    struct ota_reader r = ota_reader(OTA_SPAN_OF(bytes));
    facts->counter = ota_read_u32le(&r);
    return OTA_OK;
}

ota_err_t ota_store_facts(struct ota_store *s, struct ota_store_facts *facts)
{
    struct ota_store_facts found;
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        const ota_err_t err = ota_trailer_facts(s, slot, &found.slot[slot]);
        if (err != OTA_OK) {
            return err;
        }
    }
    const ota_err_t err = read_counter(s, &found);
    if (err != OTA_OK) {
        return err;
    }
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
