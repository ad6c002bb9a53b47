/* What an agent and a factory say about a slot. Each step goes on where a cut left it. */
#include "facts.h"
#include "program.h"
#include "trailer.h"
#include <string.h>

/* Marks on one slot, set one behind the other: the first that cannot be ends it. */
struct deed {
    struct ota_store *store;
    enum ota_slot slot;
    ota_err_t err;
    struct ota_slot_facts facts; /* as they were at the begin; all unset if they cannot be read */
};

/* A field, which must be erased, read back. `sequence` is what OTA_TRAILER_SEQUENCE says. */
static ota_err_t write_field(struct ota_store *s, enum ota_slot slot, uint32_t field,
                             uint32_t sequence)
{
    const uint32_t unit = s->flash->write_size;
    uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
    uint32_t size = unit; /* a flag is one unit: the least that a cut can tear */
    memset(bytes, s->flash->erased, sizeof bytes);
    bytes[0] = OTA_TRAILER_SET;
    if (field == OTA_TRAILER_MAGIC) {
        size = ota_trailer_magic(s, bytes);
    } else if (field == OTA_TRAILER_SEQUENCE) {
        size = unit < 8u ? 8u : unit;
        ota_put_u32le(bytes, sequence);
        ota_put_u32le(bytes + 4, ~sequence);
    }
    return ota_program(s->flash, ota_trailer_at(s->flash, &s->layout->slot[slot], field),
                       (struct ota_span){ bytes, size });
}

static struct deed begin(struct ota_store *s, enum ota_slot slot)
{
    struct deed d = { .store = s, .slot = slot };
    d.err = ota_trailer_facts(s, slot, &d.facts);
    return d;
}

static void refuse_if(struct deed *d, bool wrong)
{
    if (d->err == OTA_OK && wrong) {
        d->err = OTA_E_STATE;
    }
}

/* Set, unless it is so already; torn, it cannot be before an erase. */
static void set(struct deed *d, enum ota_trailer_field field, enum ota_mark mark)
{
    if (d->err == OTA_OK && mark != OTA_MARK_SET) {
        d->err = mark == OTA_MARK_TORN ? OTA_E_FLASH_READ_BACK
                                       : write_field(d->store, d->slot, field, 0);
    }
}

static void set_sequence(struct deed *d, uint32_t sequence)
{
    const enum ota_mark mark = d->facts.sequence_mark;
    refuse_if(d, mark == OTA_MARK_TORN || (mark == OTA_MARK_SET && d->facts.sequence != sequence));
    if (d->err == OTA_OK && mark == OTA_MARK_UNSET) {
        d->err = write_field(d->store, d->slot, OTA_TRAILER_SEQUENCE, sequence);
    }
}

/*
 * One more than the other slot's. Without a sequence that counts as lower than 0. The largest
 * number has no successor: nothing stays next to it.
 */
static void set_next_sequence(struct deed *d)
{
    struct ota_slot_facts other;
    if (d->err == OTA_OK) {
        d->err = ota_trailer_facts(d->store, ota_slot_other(d->slot), &other);
    }
    if (d->err == OTA_OK) {
        const bool has_one = other.sequence_mark == OTA_MARK_SET;
        refuse_if(d, has_one && other.sequence == UINT32_MAX);
        set_sequence(d, has_one ? other.sequence + 1u : 0);
    }
}

/* --- the deeds ------------------------------------------------------------- */

static bool tried_or_confirmed(const struct ota_slot_facts *facts)
{
    return facts->image_ok != OTA_MARK_UNSET || facts->copy_done != OTA_MARK_UNSET ||
           facts->trials > 0;
}

static bool is_in(const struct ota_store *s, enum ota_slot slot, const struct ota_region *where)
{
    const struct ota_region room = ota_store_image_region(s, slot);
    return room.offset == where->offset && room.size == where->size;
}

ota_err_t ota_store_activate(struct ota_store *s, const struct ota_verified_image *image)
{
    const bool in_a = is_in(s, OTA_SLOT_A, &image->where);
    if (!ota_proved(&image->proof, image->where.offset) ||
        (!in_a && !is_in(s, OTA_SLOT_B, &image->where))) {
        return OTA_E_STATE;
    }
    struct deed d = begin(s, in_a ? OTA_SLOT_A : OTA_SLOT_B);
    /* A mark of an earlier life would make the magic say "confirmed" or "tried". */
    refuse_if(&d, d.facts.magic == OTA_MARK_TORN || tried_or_confirmed(&d.facts));
    struct ota_store_facts facts;
    if (d.err == OTA_OK) {
        d.err = ota_counter_facts(s, &facts);
    }
    if (d.err == OTA_OK && image->image.counter > facts.counter_max) {
        d.err = OTA_E_IMAGE_COUNTER_ROOM;
    }
    set_next_sequence(&d);
    set(&d, OTA_TRAILER_MAGIC, d.facts.magic);
    return d.err;
}

ota_err_t ota_store_settle(struct ota_store *s, enum ota_slot slot, enum ota_slot_class other)
{
    if (other != OTA_SLOT_CONFIRMED) {
        return OTA_OK;
    }
    struct deed d = begin(s, slot);
    set_next_sequence(&d);
    return d.err;
}

ota_err_t ota_store_confirm(struct ota_store *s, enum ota_slot slot)
{
    struct deed d = begin(s, slot);
    refuse_if(&d, d.facts.magic != OTA_MARK_SET);
    set(&d, OTA_TRAILER_IMAGE_OK, d.facts.image_ok);
    return d.err;
}

ota_err_t ota_store_adopt(struct ota_store *s, enum ota_slot slot)
{
    struct deed d = begin(s, slot);
    const bool trial = d.facts.magic == OTA_MARK_SET && d.facts.image_ok != OTA_MARK_SET;
    refuse_if(&d, trial || (d.facts.magic != OTA_MARK_SET && d.facts.download != OTA_MARK_UNSET));
    /* The magic last: with it alone the slot would count as a trial, and its way back would be open. */
    set(&d, OTA_TRAILER_IMAGE_OK, d.facts.image_ok);
    set(&d, OTA_TRAILER_MAGIC, d.facts.magic);
    return d.err;
}

ota_err_t ota_store_mark_factory(struct ota_store *s, enum ota_slot slot)
{
    struct deed d = begin(s, slot);
    set_sequence(&d, 0);
    set(&d, OTA_TRAILER_MAGIC, d.facts.magic);
    set(&d, OTA_TRAILER_IMAGE_OK, d.facts.image_ok);
    return d.err;
}

ota_err_t ota_store_mark_download(struct ota_store *s, enum ota_slot slot)
{
    struct deed d = begin(s, slot);
    refuse_if(&d, d.facts.magic != OTA_MARK_UNSET || tried_or_confirmed(&d.facts) ||
                      d.facts.sequence_mark != OTA_MARK_UNSET);
    if (d.err == OTA_OK && d.facts.download == OTA_MARK_UNSET) {
        d.err = ota_trailer_stain(s, slot, OTA_TRAILER_DOWNLOAD);
    }
    return d.err;
}
