#include "ota/cursor.h"
#include "records.h"
#include <string.h>

static struct ota_anchor *anchor_at(struct ota_trust *trust, uint32_t index)
{
    return index < trust->release_count ? &trust->release[index]
                                        : &trust->deployment[index - trust->release_count];
}

static ota_err_t read_anchors(struct ota_store *s, const struct ota_log_record *record,
                              struct ota_trust *trust)
{
    const uint32_t count = (uint32_t)trust->release_count + trust->deployment_count;
    for (uint32_t i = 0; i < count; i++) {
        struct ota_anchor *anchor = anchor_at(trust, i);
        const uint32_t at = OTA_TRUST_HEAD_SIZE + i * OTA_TRUST_ANCHOR_SIZE;
        ota_err_t err = ota_log_payload(s->flash, record, at, OTA_BUF_OF(anchor->key_id));
        if (err != OTA_OK) {
            return err;
        }
        err = ota_log_payload(s->flash, record, at + OTA_DIGEST_SIZE, OTA_BUF_OF(anchor->key));
        if (err != OTA_OK) {
            return err;
        }
    }
    return OTA_OK;
}

/* The head, if it and the anchors that it counts are all there. */
static ota_err_t read_head(struct ota_store *s, const struct ota_log_record *record,
                           struct ota_trust *trust)
{
    uint8_t head[OTA_TRUST_HEAD_SIZE];
    if (record->len < sizeof head) {
        return OTA_E_NOT_FOUND;
    }
    const ota_err_t err = ota_log_payload(s->flash, record, 0, OTA_BUF_OF(head));
    if (err != OTA_OK) {
        return err;
    }
    memcpy(trust->vendor, head, OTA_UUID_SIZE);
    memcpy(trust->class_id, head + OTA_UUID_SIZE, OTA_UUID_SIZE);
    struct ota_reader r = ota_reader(OTA_SPAN_OF(head));
    (void)ota_read_bytes(&r, 2u * OTA_UUID_SIZE);
    trust->hw_revision = ota_read_u16le(&r);
    trust->release_count = ota_read_u8(&r);
    trust->deployment_count = ota_read_u8(&r);
    if (trust->release_count > OTA_ANCHORS_MAX || trust->deployment_count > OTA_ANCHORS_MAX) {
        return OTA_E_NOT_FOUND;
    }
    const uint32_t count = (uint32_t)trust->release_count + trust->deployment_count;
    return record->len < sizeof head + count * OTA_TRUST_ANCHOR_SIZE ? OTA_E_NOT_FOUND : OTA_OK;
}

ota_err_t ota_store_trust(struct ota_store *s, struct ota_trust *trust)
{
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(s->flash, &s->trust, &record);
    if (err != OTA_OK) {
        return err;
    }
    /* Too large for a second one on the stack: on error it trusts nobody. */
    memset(trust, 0, sizeof *trust);
    err = read_head(s, &record, trust);
    if (err == OTA_OK) {
        err = read_anchors(s, &record, trust);
    }
    if (err != OTA_OK) {
        memset(trust, 0, sizeof *trust);
    }
    return err;
}
