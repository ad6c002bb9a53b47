/* The only marks that a bootloader writes. */
#include "program.h"
#include "trailer.h"

ota_err_t ota_trailer_set(struct ota_store *s, enum ota_slot slot, uint32_t field,
                          uint32_t sequence)
{
    struct ota_trailer_slice set;
    ota_trailer_slice(s, slot, field, &set);
    if (field == OTA_TRAILER_SEQUENCE) {
        ota_put_u32le(set.bytes, sequence);
        ota_put_u32le(set.bytes + 4, ~sequence);
    } else if (field != OTA_TRAILER_MAGIC) {
        set.size = s->flash->write_size; /* a flag is one unit: the least that a cut can tear */
    }
    return ota_program(s->flash, set.offset, (struct ota_span){ set.bytes, set.size });
}

ota_err_t ota_trailer_stain(struct ota_store *s, enum ota_slot slot, uint32_t field)
{
    ota_err_t err = ota_trailer_set(s, slot, field, 0);
    if (err == OTA_E_FLASH_READ_BACK) {
        struct ota_trailer_slice set;
        ota_trailer_slice(s, slot, field, &set);
        const struct ota_buf first = { set.bytes, 1 };
        const ota_err_t again = ota_flash_read(s->flash, set.offset, first);
        const bool stained = again == OTA_OK && set.bytes[0] != s->flash->erased;
        err = stained ? OTA_OK : err;
    }
    return err;
}

ota_err_t ota_store_trial(struct ota_store *s, enum ota_slot slot)
{
    struct ota_slot_facts facts;
    ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err == OTA_OK && facts.trials == OTA_TRIALS_MAX) {
        err = OTA_E_STATE;
    }
    if (err == OTA_OK) {
        err = ota_trailer_stain(s, slot, OTA_TRAILER_TRIAL + facts.trials);
    }
    if (err == OTA_OK && facts.copy_done == OTA_MARK_UNSET) {
        err = ota_trailer_stain(s, slot, OTA_TRAILER_COPY_DONE);
    }
    return err;
}
