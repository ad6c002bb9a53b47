/* Reading trust: what the bootloader needs of it. */
#include "records.h"
#include <assert.h>
#include <string.h>

/* `count` keys, one behind the other in flash from `*at` on, which is then behind them. */
static ota_err_t read_anchors(struct ota_flash *f, uint32_t *at, struct ota_anchor *anchor,
                              uint32_t count)
{
    for (; count > 0; count--, anchor++) {
        ota_err_t err = ota_flash_load(f, *at, anchor->key_id, sizeof anchor->key_id);
        if (err == OTA_OK) {
            err = ota_flash_load(f, *at + OTA_DIGEST_SIZE, anchor->key, sizeof anchor->key);
        }
        if (err != OTA_OK) {
            return err;
        }
        if (ota_key_is_sample(anchor->key_id)) {
            return OTA_E_KEY_SAMPLE;
        }
        *at += OTA_KEYSET_ANCHOR_SIZE;
    }
    return OTA_OK;
}

/* A record that is too short for what its head says has no keys that count. */
static ota_err_t read_trust(struct ota_store *s, struct ota_trust *trust)
{
    static_assert(OTA_KEYSET_HEAD_SIZE <= OTA_KEY_SIZE, "a head fits where a key will be");
    uint8_t *const head = trust->release[0].key; /* lent for a moment, since stack is scarce here */
    struct ota_log_record record;
    ota_err_t err = ota_log_read(&s->trust, &record, head, OTA_KEYSET_HEAD_SIZE);
    if (err == OTA_OK) {
        err = ota_keyset_head_read((struct ota_span){ head, OTA_KEYSET_HEAD_SIZE }, trust);
    }
    if (err == OTA_OK && record.len < ota_keyset_revoked_offset(trust)) {
        err = OTA_E_NOT_FOUND;
    }
    uint32_t at = record.payload + OTA_KEYSET_HEAD_SIZE;
    if (err == OTA_OK) {
        err = read_anchors(s->flash, &at, trust->release, trust->release_count);
    }
    if (err == OTA_OK) {
        err = read_anchors(s->flash, &at, trust->deployment, trust->deployment_count);
    }
    return err;
}

ota_err_t ota_store_trust(struct ota_store *s, struct ota_trust *trust)
{
    memset(trust, 0, sizeof *trust);
    const ota_err_t err = read_trust(s, trust);
    if (err != OTA_OK) {
        trust->release_count = 0;
        trust->deployment_count = 0;
    }
    return err == OTA_E_KEYSET_FORMAT ? OTA_E_NOT_FOUND : err;
}
