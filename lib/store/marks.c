/* What an agent and a factory say about a slot. Each step goes on where a cut left it. */
#include "ota/assert.h"
#include "ota/cursor.h"
#include "program.h"
#include "trailer.h"
#include <string.h>

ota_err_t ota_trailer_set_sequence(struct ota_store *s, enum ota_slot slot, uint32_t sequence)
{
    uint8_t room[OTA_FLASH_WRITE_SIZE_MAX];
    memset(room, s->flash->erased, sizeof room);
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_write_u32le(&w, sequence);
    ota_write_u32le(&w, ~sequence);
    return ota_program(s->flash, ota_trailer_offset(s, slot, OTA_TRAILER_SEQUENCE),
                       (struct ota_span){ room, ota_trailer_align(s->flash) });
}

/* Make a flag set that may be so already; torn, it cannot be before an erase. */
static ota_err_t ensure(struct ota_store *s, enum ota_slot slot, enum ota_trailer_field field,
                        enum ota_mark mark)
{
    switch (mark) {
    case OTA_MARK_SET: return OTA_OK;
    case OTA_MARK_UNSET: return ota_trailer_set(s, slot, field);
    case OTA_MARK_TORN: return OTA_E_FLASH_READ_BACK;
    }
    OTA_UNREACHABLE();
}

static ota_err_t ensure_sequence(struct ota_store *s, enum ota_slot slot,
                                 const struct ota_slot_facts *facts, uint32_t sequence)
{
    switch (facts->sequence_mark) {
    case OTA_MARK_SET: return facts->sequence == sequence ? OTA_OK : OTA_E_STATE;
    case OTA_MARK_UNSET: return ota_trailer_set_sequence(s, slot, sequence);
    case OTA_MARK_TORN: return OTA_E_STATE;
    }
    OTA_UNREACHABLE();
}

/*
 * The sequence of a slot that shall be newer than the other one. Without a sequence the other
 * counts as lower than 0. The largest number has no successor: nothing stays next to it.
 */
static ota_err_t next_sequence(struct ota_store *s, enum ota_slot other, uint32_t *next)
{
    struct ota_slot_facts facts;
    const ota_err_t err = ota_trailer_facts(s, other, &facts);
    if (err != OTA_OK) {
        return err;
    }
    if (facts.sequence_mark == OTA_MARK_SET && facts.sequence == UINT32_MAX) {
        return OTA_E_STATE;
    }
    *next = facts.sequence_mark == OTA_MARK_SET ? facts.sequence + 1u : 0;
    return OTA_OK;
}

static bool tried_or_confirmed(const struct ota_slot_facts *facts)
{
    return facts->image_ok != OTA_MARK_UNSET || facts->copy_done != OTA_MARK_UNSET ||
           facts->trials > 0;
}

static ota_err_t slot_of(const struct ota_store *s, struct ota_region where, enum ota_slot *slot)
{
    for (enum ota_slot i = OTA_SLOT_A; i <= OTA_SLOT_B; i++) {
        const struct ota_region room = ota_store_image_region(s, i);
        if (room.offset == where.offset && room.size == where.size) {
            *slot = i;
            return OTA_OK;
        }
    }
    return OTA_E_STATE;
}

ota_err_t ota_store_activate(struct ota_store *s, const struct ota_verified_image *image)
{
    enum ota_slot slot;
    if (!ota_proved(&image->proof, image->where.offset)) {
        return OTA_E_STATE;
    }
    ota_err_t err = slot_of(s, image->where, &slot);
    if (err != OTA_OK) {
        return err;
    }
    struct ota_slot_facts facts;
    err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    /* A mark of an earlier life would make the magic say "confirmed" or "tried". */
    if (facts.magic == OTA_MARK_TORN || tried_or_confirmed(&facts)) {
        return OTA_E_STATE;
    }
    struct ota_store_facts all;
    err = ota_store_facts(s, &all);
    if (err != OTA_OK) {
        return err;
    }
    if (image->image.counter > all.counter_max) {
        return OTA_E_IMAGE_COUNTER_ROOM;
    }
    uint32_t sequence;
    err = next_sequence(s, ota_slot_other(slot), &sequence);
    if (err != OTA_OK) {
        return err;
    }
    err = ensure_sequence(s, slot, &facts, sequence);
    if (err != OTA_OK) {
        return err;
    }
    return ensure(s, slot, OTA_TRAILER_MAGIC, facts.magic);
}

ota_err_t ota_store_settle(struct ota_store *s, enum ota_slot slot, enum ota_slot_class other)
{
    if (other != OTA_SLOT_CONFIRMED) {
        return OTA_OK;
    }
    struct ota_slot_facts facts;
    ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    uint32_t sequence;
    err = next_sequence(s, ota_slot_other(slot), &sequence);
    if (err != OTA_OK) {
        return err;
    }
    return ensure_sequence(s, slot, &facts, sequence);
}

ota_err_t ota_store_confirm(struct ota_store *s, enum ota_slot slot)
{
    struct ota_slot_facts facts;
    const ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    if (facts.magic != OTA_MARK_SET) {
        return OTA_E_STATE;
    }
    return ensure(s, slot, OTA_TRAILER_IMAGE_OK, facts.image_ok);
}

ota_err_t ota_store_adopt(struct ota_store *s, enum ota_slot slot)
{
    struct ota_slot_facts facts;
    ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    const bool unconfirmed = facts.magic == OTA_MARK_SET && facts.image_ok != OTA_MARK_SET;
    if (unconfirmed || (facts.magic != OTA_MARK_SET && facts.download != OTA_MARK_UNSET)) {
        return OTA_E_STATE;
    }
    /* The magic last: with it alone the slot would count as a trial, and its way back would be open. */
    err = ensure(s, slot, OTA_TRAILER_IMAGE_OK, facts.image_ok);
    if (err != OTA_OK) {
        return err;
    }
    return ensure(s, slot, OTA_TRAILER_MAGIC, facts.magic);
}

ota_err_t ota_store_mark_factory(struct ota_store *s, enum ota_slot slot)
{
    struct ota_slot_facts facts;
    ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    err = ensure_sequence(s, slot, &facts, 0);
    if (err != OTA_OK) {
        return err;
    }
    err = ensure(s, slot, OTA_TRAILER_MAGIC, facts.magic);
    if (err != OTA_OK) {
        return err;
    }
    return ensure(s, slot, OTA_TRAILER_IMAGE_OK, facts.image_ok);
}
