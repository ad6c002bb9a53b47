/* Reading trust: what the bootloader needs of it. */
#include "records.h"
#include <string.h>

static ota_err_t read_anchors(struct ota_store *s, const struct ota_log_record *record, uint32_t at,
                              struct ota_anchor *anchors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++, at += OTA_KEYSET_ANCHOR_SIZE) {
        struct ota_anchor *const anchor = &anchors[i];
        ota_err_t err = ota_log_payload(s->flash, record, at, OTA_BUF_OF(anchor->key_id));
        if (err == OTA_OK) {
            err = ota_log_payload(s->flash, record, at + OTA_DIGEST_SIZE, OTA_BUF_OF(anchor->key));
        }
        if (err != OTA_OK) {
            return err;
        }
        if (ota_key_is_sample(anchor->key_id)) {
            return OTA_E_KEY_SAMPLE;
        }
    }
    return OTA_OK;
}

/* The head, if it and the anchors that it counts are all there; then these. */
static ota_err_t read_trust(struct ota_store *s, const struct ota_log_record *record,
                            struct ota_trust *trust)
{
    uint8_t head[OTA_KEYSET_HEAD_SIZE];
    if (record->len < sizeof head) {
        return OTA_E_NOT_FOUND;
    }
    const ota_err_t err = ota_log_payload(s->flash, record, 0, OTA_BUF_OF(head));
    if (err != OTA_OK) {
        return err;
    }
    if (ota_keyset_head_read(OTA_SPAN_OF(head), trust) != OTA_OK ||
        record->len < ota_keyset_revoked_offset(trust)) {
        return OTA_E_NOT_FOUND;
    }
    const uint32_t deployment_at =
        OTA_KEYSET_HEAD_SIZE + trust->release_count * OTA_KEYSET_ANCHOR_SIZE;
    const ota_err_t release =
        read_anchors(s, record, OTA_KEYSET_HEAD_SIZE, trust->release, trust->release_count);
    return release != OTA_OK
               ? release
               : read_anchors(s, record, deployment_at, trust->deployment, trust->deployment_count);
}

ota_err_t ota_store_trust(struct ota_store *s, struct ota_trust *trust)
{
    struct ota_log_record record;
    memset(trust, 0, sizeof *trust);
    ota_err_t err = ota_log_newest(s->flash, &s->trust, &record);
    if (err == OTA_OK) {
        err = read_trust(s, &record, trust);
    }
    if (err != OTA_OK) {
        trust->release_count = 0;
        trust->deployment_count = 0;
    }
    return err;
}
