/* The only marks that a bootloader writes. */
#include "program.h"
#include "trailer.h"

ota_err_t ota_trailer_set(struct ota_store *s, enum ota_slot slot, uint32_t field)
{
    uint8_t room[OTA_FLASH_WRITE_SIZE_MAX];
    struct ota_span bytes = ota_trailer_set_bytes(s->flash, field, OTA_BUF_OF(room));
    if (field != OTA_TRAILER_MAGIC) {
        bytes.len = s->flash->write_size; /* a flag is one unit: the least that a cut can tear */
    }
    return ota_program(s->flash, ota_trailer_offset(s, slot, field), bytes);
}

/* A mark that is torn counts, so one that could not be read back has still done its work if it is not blank. */
static ota_err_t set_or_tear(struct ota_store *s, enum ota_slot slot, uint32_t field)
{
    const ota_err_t err = ota_trailer_set(s, slot, field);
    if (err != OTA_E_FLASH_READ_BACK) {
        return err;
    }
    uint8_t byte;
    const ota_err_t again =
        ota_flash_read(s->flash, ota_trailer_offset(s, slot, field), (struct ota_buf){ &byte, 1 });
    if (again != OTA_OK) {
        return again;
    }
    return byte == s->flash->erased ? err : OTA_OK;
}

ota_err_t ota_store_trial(struct ota_store *s, enum ota_slot slot)
{
    struct ota_slot_facts facts;
    ota_err_t err = ota_trailer_facts(s, slot, &facts);
    if (err != OTA_OK) {
        return err;
    }
    if (facts.trials == OTA_TRIALS_MAX) {
        return OTA_E_STATE;
    }
    err = set_or_tear(s, slot, OTA_TRAILER_TRIAL + facts.trials);
    if (err != OTA_OK || facts.copy_done != OTA_MARK_UNSET) {
        return err;
    }
    return set_or_tear(s, slot, OTA_TRAILER_COPY_DONE);
}
