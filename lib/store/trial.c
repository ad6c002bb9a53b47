/* The only marks that a bootloader writes. */
#include "trailer.h"
#include <string.h>

ota_err_t ota_trailer_stain(struct ota_store *s, enum ota_slot slot, uint32_t field)
{
    struct ota_flash *const f = s->flash;
    const uint32_t at = ota_trailer_at(f, &s->layout->slot[slot], field);
    uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX];
    memset(bytes, f->erased, sizeof bytes);
    bytes[0] = OTA_TRAILER_SET;
    ota_err_t err = ota_flash_write(f, at, (struct ota_span){ bytes, f->write_size });
    if (err == OTA_OK) {
        err = ota_flash_load(f, at, bytes, 1);
    }
    return err == OTA_OK && bytes[0] == f->erased ? OTA_E_FLASH_READ_BACK : err;
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
