/* The identity record, and writing the rollback counter: the agent's and the factory's side. */
#include "records.h"
#include "facts.h"
#include "ota/cursor.h"
#include "program.h"

/* Fuses may stop between two values; then the next raise goes on from there. */
static ota_err_t burn(struct ota_store *s, uint32_t value)
{
    struct ota_store_facts facts;
    struct ota_counter *const fuses = s->layout->fuses;
    ota_err_t err = fuses->ops->raise(fuses, value);
    if (err == OTA_OK) {
        err = ota_counter_facts(s, &facts);
    }
    return err == OTA_OK && facts.counter < value ? OTA_E_FLASH_READ_BACK : err;
}

ota_err_t ota_store_counter_raise(struct ota_store *s, uint32_t value)
{
    struct ota_store_facts facts;
    const ota_err_t err = ota_counter_facts(s, &facts);
    if (err != OTA_OK || value <= facts.counter) {
        return err;
    }
    if (value > facts.counter_max) {
        return OTA_E_COUNTER_FULL;
    }
    if (s->layout->fuses != NULL) {
        return burn(s, value);
    }
    uint8_t bytes[4];
    ota_put_u32le(bytes, value);
    return ota_log_append(&s->counter, OTA_LOG_COUNTER, OTA_SPAN_OF(bytes));
}

ota_err_t ota_store_identity(struct ota_store *s, struct ota_buf into, struct ota_span *identity)
{
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(&s->identity, &record);
    if (err == OTA_OK && record.len > into.cap) {
        err = OTA_E_TOO_LARGE;
    }
    if (err == OTA_OK) {
        into.cap = record.len;
        err = ota_log_payload(&s->identity, &record, 0, into);
    }
    if (err == OTA_OK) {
        *identity = (struct ota_span){ into.ptr, record.len };
    }
    return err;
}

ota_err_t ota_store_identity_write(struct ota_store *s, struct ota_span identity)
{
    return ota_log_append(&s->identity, OTA_LOG_IDENTITY, identity);
}
