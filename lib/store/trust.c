/* Reading trust: what the bootloader needs of it. */
#include "records.h"
#include <assert.h>
#include <string.h>

/* Release keys, then deployment keys, one behind the other in flash. */
static ota_err_t read_anchors(struct ota_store *s, const struct ota_log_record *record,
                              struct ota_trust *trust)
{
    const uint32_t releases = trust->release_count;
    uint32_t at = OTA_KEYSET_HEAD_SIZE;
    for (uint32_t i = 0; i < releases + trust->deployment_count; i++) {
        struct ota_anchor *const anchor =
            i < releases ? &trust->release[i] : &trust->deployment[i - releases];
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
        at += OTA_KEYSET_ANCHOR_SIZE;
    }
    return OTA_OK;
}

ota_err_t ota_store_trust(struct ota_store *s, struct ota_trust *trust)
{
    static_assert(OTA_KEYSET_HEAD_SIZE <= OTA_KEY_SIZE, "a head fits where a key will be");
    uint8_t *const head = trust->release[0].key; /* lent for a moment, since stack is scarce here */
    struct ota_log_record record;
    memset(trust, 0, sizeof *trust);
    ota_err_t err =
        ota_log_read(s->flash, &s->trust, &record, (struct ota_buf){ head, OTA_KEYSET_HEAD_SIZE });
    if (err == OTA_OK) {
        err = ota_keyset_head_read((struct ota_span){ head, OTA_KEYSET_HEAD_SIZE }, trust);
    }
    if (err == OTA_OK) {
        err = read_anchors(s, &record, trust);
    }
    if (err != OTA_OK) {
        trust->release_count = 0;
        trust->deployment_count = 0;
    }
    return err == OTA_E_KEYSET_FORMAT ? OTA_E_NOT_FOUND : err;
}
