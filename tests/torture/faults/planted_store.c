/*
 * Faults around flash: what is written, read, erased, remembered.
 */
#include "planted.h"

#include "ota/boot.h"

#include <string.h>

/* --- flash -------------------------------------------------------------------------------------- */

WRAP(ota_err_t, ota_flash_write, struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    const ota_err_t err = __real_ota_flash_write(f, offset, from);
    return planted("wolfboot-ignored-errors") ? OTA_OK : err;
}

WRAP(ota_err_t, ota_store_write, struct ota_store *s, enum ota_slot slot, uint32_t offset,
     struct ota_span bytes)
{
    const ota_err_t err = __real_ota_store_write(s, slot, offset, bytes);
    if (err == OTA_E_IMAGE_SIZE && planted("rauc-past-the-size")) {
        return ota_flash_write(s->flash, s->layout->slot[slot].offset + offset, bytes);
    }
    return err;
}

static bool begins_blank(struct ota_store *s, uint32_t offset)
{
    uint8_t first[16];
    bool blank = ota_flash_read(s->flash, offset, OTA_BUF_OF(first)) == OTA_OK;
    for (unsigned i = 0; i < sizeof first; i++) {
        blank = blank && first[i] == s->flash->erased;
    }
    return blank;
}

WRAP(ota_err_t, ota_store_erase_step, struct ota_store *s, enum ota_slot slot, uint32_t *at)
{
    static bool erased_once[OTA_SLOT_COUNT];
    const struct ota_region r = s->layout->slot[slot];
    const struct ota_region sector = ota_flash_sector(s->flash, r.offset + *at);
    const bool last = *at + sector.size >= r.size;
    const bool skip = (planted("mcuboot-half-erase") && begins_blank(s, r.offset + *at)) ||
                      (planted("mcuboot-stuck-flag") && last) ||
                      (planted("mender-mcu-second-update") && erased_once[slot]);
    if (*at < r.size && skip) {
        *at += sector.size;
        return OTA_OK;
    }
    const ota_err_t err = __real_ota_store_erase_step(s, slot, at);
    erased_once[slot] = erased_once[slot] || (err == OTA_OK && last);
    return err;
}

/* --- trailers and counter -------------------------------------------------------------------- */

/* What one life of the device has learned, and the next believes. */
WRAP(ota_err_t, ota_store_open, struct ota_store *s, struct ota_flash *flash,
     const struct ota_layout *layout)
{
    static struct ota_store before;
    static struct ota_store *last;
    if (last != NULL && last->flash == flash && last->layout == layout &&
        planted("mcuboot-surviving-global")) {
        if (last == s) {
            *s = before;
            return OTA_OK;
        }
    }
    const ota_err_t err = __real_ota_store_open(s, flash, layout);
    if (err == OTA_OK && planted("mcuboot-surviving-global")) {
        struct ota_journal j;
        (void)!ota_journal_read(s, &j);
        before = *s;
        last = s;
    }
    return err;
}

WRAP(ota_err_t, ota_store_facts, struct ota_store *s, struct ota_store_facts *facts)
{
    const ota_err_t err = __real_ota_store_facts(s, facts);
    if (err == OTA_OK && planted("go-tuf-default-counter")) {
        facts->counter = 0;
    }
    if (err == OTA_OK && planted("mcuboot-counter-room")) {
        facts->counter_max = UINT32_MAX;
    }
    return err;
}

WRAP(enum ota_slot_class, ota_slot_classify, const struct ota_slot_facts *facts, bool verifies)
{
    const enum ota_slot_class class = __real_ota_slot_classify(facts, verifies);
    return class == OTA_SLOT_INCOMPLETE && planted("unmarked-download") ? OTA_SLOT_CONFIRMED
                                                                        : class;
}

WRAP(ota_err_t, ota_store_activate, struct ota_store *s, const struct ota_verified_image *image)
{
    const ota_err_t err = __real_ota_store_activate(s, image);
    return err == OTA_E_STATE && planted("mcuboot-torn-magic") ? OTA_OK : err;
}

WRAP(ota_err_t, ota_store_trial, struct ota_store *s, enum ota_slot slot)
{
    if (planted("uncounted-trial")) {
        return OTA_OK;
    }
    const ota_err_t err = __real_ota_store_trial(s, slot);
    struct ota_image image;
    if (err == OTA_OK && planted("mcuboot-early-counter") &&
        ota_image_from_flash(s->flash, ota_store_image_region(s, slot), &image) == OTA_OK) {
        return ota_store_counter_raise(s, image.counter);
    }
    return err;
}

/* --- journal ------------------------------------------------------------------------------------- */

WRAP(ota_err_t, ota_journal_read, struct ota_store *s, struct ota_journal *j)
{
    const ota_err_t err = __real_ota_journal_read(s, j);
    if (err == OTA_E_NOT_FOUND && planted("wolfboot-erased-index")) {
        memset(j, 0xff, sizeof *j);
        return OTA_OK;
    }
    return err;
}
