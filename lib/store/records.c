/* Writing trust, identity and the rollback counter: the agent's and the factory's side. */
#include "records.h"
#include "facts.h"
#include "ota/assert.h"
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
    return ota_log_append(s->flash, &s->counter, OTA_LOG_COUNTER, OTA_SPAN_OF(bytes));
}

static void write_anchors(struct ota_writer *w, const struct ota_anchor *anchors, uint8_t count)
{
    OTA_ASSERT(count <= OTA_ANCHORS_MAX);
    for (uint8_t i = 0; i < count; i++) {
        ota_write_bytes(w, OTA_SPAN_OF(anchors[i].key_id));
        ota_write_bytes(w, OTA_SPAN_OF(anchors[i].key));
    }
}

ota_err_t ota_store_trust_write(struct ota_store *s, const struct ota_trust *trust)
{
    uint8_t bytes[OTA_TRUST_SIZE_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
    ota_write_bytes(&w, OTA_SPAN_OF(trust->vendor));
    ota_write_bytes(&w, OTA_SPAN_OF(trust->class_id));
    ota_write_u16le(&w, trust->hw_revision);
    ota_write_u8(&w, trust->release_count);
    ota_write_u8(&w, trust->deployment_count);
    write_anchors(&w, trust->release, trust->release_count);
    write_anchors(&w, trust->deployment, trust->deployment_count);
    OTA_ASSERT(!w.bad);
    return ota_log_append(s->flash, &s->trust, OTA_LOG_TRUST, ota_writer_done(&w));
}

ota_err_t ota_store_identity(struct ota_store *s, struct ota_buf into, struct ota_span *identity)
{
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(s->flash, &s->identity, &record);
    if (err == OTA_OK && record.len > into.cap) {
        err = OTA_E_TOO_LARGE;
    }
    if (err == OTA_OK) {
        into.cap = record.len;
        err = ota_log_payload(s->flash, &record, 0, into);
    }
    if (err == OTA_OK) {
        *identity = (struct ota_span){ into.ptr, record.len };
    }
    return err;
}

ota_err_t ota_store_identity_write(struct ota_store *s, struct ota_span identity)
{
    return ota_log_append(s->flash, &s->identity, OTA_LOG_IDENTITY, identity);
}
