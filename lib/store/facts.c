/* What the boot decision and the workflow decide by. */
#include "facts.h"
#include "log.h"
#include "program.h"
#include "trailer.h"

ota_err_t ota_counter_facts(struct ota_store *s, struct ota_store_facts *facts)
{
    struct ota_counter *const fuses = s->layout->fuses;
    ota_err_t err;
    if (fuses != NULL) {
        err = fuses->ops->read(fuses, &facts->counter);
        return err == OTA_OK ? fuses->ops->room(fuses, &facts->counter_max) : err;
    }
    facts->counter = 0;
    facts->counter_max = UINT32_MAX;
    struct ota_log_record record;
    uint8_t bytes[4];
    err = ota_log_read(&s->counter, &record, bytes, sizeof bytes);
    if (err == OTA_OK) {
        facts->counter = ota_get_u32le(bytes);
    }
    if (err == OTA_E_NOT_FOUND) {
        /* A device that never had a counter: every image has enough. A record too short fails closed. */
        err = s->counter.newest == OTA_LOG_NONE ? OTA_OK : OTA_E_FLASH_READ_BACK;
    }
    return err;
}

ota_err_t ota_store_facts(struct ota_store *s, struct ota_store_facts *facts)
{
    struct ota_store_facts found;
    ota_err_t err = ota_counter_facts(s, &found);
    for (enum ota_slot slot = OTA_SLOT_A; err == OTA_OK && slot <= OTA_SLOT_B; slot++) {
        err = ota_trailer_facts(s, slot, &found.slot[slot]);
    }
    if (err == OTA_OK) {
        *facts = found;
    }
    return err;
}
