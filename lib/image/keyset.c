#include "ota/keyset.h"
#include "image_priv.h"
#include <string.h>

/* --- the head ------------------------------------------------------------------ */

uint32_t ota_keyset_revoked_offset(const struct ota_trust *trust)
{
    const uint32_t anchors = (uint32_t)trust->release_count + trust->deployment_count;
    return OTA_KEYSET_HEAD_SIZE + anchors * OTA_KEYSET_ANCHOR_SIZE;
}

uint32_t ota_keyset_ca_offset(const struct ota_trust *trust, uint32_t index)
{
    uint32_t at = ota_keyset_revoked_offset(trust) + trust->revoked_count * OTA_DIGEST_SIZE;
    for (uint32_t i = 0; i < index; i++) {
        at += trust->ca_size[i];
    }
    return at;
}

ota_err_t ota_keyset_head_read(struct ota_span bytes, struct ota_trust *trust)
{
    const uint8_t *const at = bytes.ptr;
    if (bytes.len < OTA_KEYSET_HEAD_SIZE || ota_get_u32le(at) != OTA_KEYSET_MAGIC ||
        at[4] != OTA_KEYSET_FORMAT || at[5] > OTA_ANCHORS_MAX || at[6] > OTA_ANCHORS_MAX ||
        at[7] > OTA_KEYSET_REVOKED_MAX) {
        return OTA_E_KEYSET_FORMAT;
    }
    trust->release_count = at[5];
    trust->deployment_count = at[6];
    trust->revoked_count = at[7];
    trust->version = ota_get_u32le(at + 8);
    trust->hw_revision = ota_get_u16le(at + OTA_KEYSET_HW_OFFSET);
    trust->ca_size[0] = ota_get_u16le(at + 14);
    trust->ca_size[1] = ota_get_u16le(at + 16);
    memcpy(trust->vendor, at + 18, sizeof trust->vendor);
    memcpy(trust->class_id, at + 34, sizeof trust->class_id);
    return OTA_OK;
}

/* --- the document ---------------------------------------------------------------- */

static void take(struct ota_reader *r, uint8_t *to, size_t size)
{
    const struct ota_span bytes = ota_read_bytes(r, size);
    if (bytes.len > 0) {
        memcpy(to, bytes.ptr, bytes.len);
    }
}

static void read_anchors(struct ota_reader *r, struct ota_anchor *anchors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        take(r, anchors[i].key_id, OTA_DIGEST_SIZE);
        take(r, anchors[i].key, OTA_KEY_SIZE);
    }
}

bool ota_keyset_revokes(const struct ota_keyset *keyset, const uint8_t key_id[OTA_DIGEST_SIZE])
{
    for (size_t at = 0; at < keyset->revoked.len; at += OTA_DIGEST_SIZE) {
        if (memcmp(keyset->revoked.ptr + at, key_id, OTA_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* An Ed25519 key is filled up with zeros: no byte of a keyset is without meaning. */
static bool kind_ok(const struct ota_anchor *anchor, bool signs_images)
{
    static const uint8_t zeros[OTA_KEY_SIZE - 1u - OTA_ED25519_KEY_SIZE];
    if (anchor->key[0] == OTA_KEY_P256) {
        return true;
    }
    return signs_images && anchor->key[0] == OTA_KEY_ED25519 &&
           memcmp(anchor->key + 1 + OTA_ED25519_KEY_SIZE, zeros, sizeof zeros) == 0;
}

/* Each of one sort. */
static ota_err_t check_anchors(const struct ota_keyset *keyset, const struct ota_anchor *anchors,
                               uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!kind_ok(&anchors[i], anchors == keyset->trust.release)) {
            return OTA_E_KEYSET_FORMAT;
        }
        if (ota_keyset_revokes(keyset, anchors[i].key_id)) {
            return OTA_E_KEYSET_REVOKED;
        }
    }
    return OTA_OK;
}

/* What a device's own record may lack, or have more of; certificates are the application's to read. */
static bool may_be_news(const struct ota_trust *t)
{
    return t->release_count > 0 && t->deployment_count > 0 && t->hw_revision == 0 &&
           t->ca_size[0] <= OTA_KEYSET_CA_SIZE_MAX && t->ca_size[1] <= OTA_KEYSET_CA_SIZE_MAX &&
           (t->ca_size[0] > 0 || t->ca_size[1] == 0);
}

ota_err_t ota_keyset_read(struct ota_span document, struct ota_keyset *keyset)
{
    struct ota_reader r = ota_reader(document);
    struct ota_trust *const t = &keyset->trust;

    if (ota_keyset_head_read(document, t) != OTA_OK || !may_be_news(t)) {
        return OTA_E_KEYSET_FORMAT;
    }
    (void)ota_read_bytes(&r, OTA_KEYSET_HEAD_SIZE);
    read_anchors(&r, t->release, t->release_count);
    read_anchors(&r, t->deployment, t->deployment_count);
    keyset->revoked = ota_read_bytes(&r, t->revoked_count * OTA_DIGEST_SIZE);
    for (uint32_t i = 0; i < OTA_KEYSET_CAS_MAX; i++) {
        keyset->ca[i] = ota_read_bytes(&r, t->ca_size[i]);
    }
    keyset->signature.kind = ota_read_u8(&r);
    take(&r, keyset->signature.key_id, OTA_DIGEST_SIZE);
    take(&r, keyset->signature.rs, OTA_P256_RS_SIZE);
    if (r.bad || ota_reader_left(&r) > 0) {
        return OTA_E_KEYSET_FORMAT;
    }
    keyset->covered = (struct ota_span){ document.ptr, document.len - OTA_P256_RS_SIZE };
    const ota_err_t err = check_anchors(keyset, t->release, t->release_count);
    return err != OTA_OK ? err : check_anchors(keyset, t->deployment, t->deployment_count);
}
