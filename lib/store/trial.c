/* The only marks that a bootloader writes. */
#include "trailer.h"

ota_err_t ota_trailer_stain(struct ota_store *s, enum ota_slot slot, uint32_t field)
{
    struct ota_trailer_slice set;
    uint8_t back;
    ota_trailer_slice(s, slot, field, &set);
    ota_err_t err =
        ota_flash_write(s->flash, set.offset, (struct ota_span){ set.bytes, s->flash->write_size });
    if (err == OTA_OK) {
        err = ota_flash_read(s->flash, set.offset, (struct ota_buf){ &back, 1 });
    }
    return err == OTA_OK && back == s->flash->erased ? OTA_E_FLASH_READ_BACK : err;
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
