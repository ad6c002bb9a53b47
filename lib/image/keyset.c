#include "ota/keyset.h"
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

static void take(struct ota_reader *r, uint8_t *to, size_t size)
{
    const struct ota_span bytes = ota_read_bytes(r, size);
    if (bytes.len > 0) {
        memcpy(to, bytes.ptr, bytes.len);
    }
}

static bool read_head(struct ota_reader *r, struct ota_trust *trust)
{
    const uint32_t magic = ota_read_u32le(r);
    const uint8_t format = ota_read_u8(r);
    trust->release_count = ota_read_u8(r);
    trust->deployment_count = ota_read_u8(r);
    trust->revoked_count = ota_read_u8(r);
    trust->version = ota_read_u32le(r);
    trust->hw_revision = ota_read_u16le(r);
    for (uint32_t i = 0; i < OTA_KEYSET_CAS_MAX; i++) {
        trust->ca_size[i] = ota_read_u16le(r);
        r->bad = r->bad || trust->ca_size[i] > OTA_KEYSET_CA_SIZE_MAX;
    }
    take(r, trust->vendor, OTA_UUID_SIZE);
    take(r, trust->class_id, OTA_UUID_SIZE);
    return !r->bad && magic == OTA_KEYSET_MAGIC && format == OTA_KEYSET_FORMAT &&
           trust->release_count <= OTA_ANCHORS_MAX && trust->deployment_count <= OTA_ANCHORS_MAX &&
           trust->revoked_count <= OTA_KEYSET_REVOKED_MAX;
}

ota_err_t ota_keyset_head_read(struct ota_span bytes, struct ota_trust *trust)
{
    struct ota_reader r = ota_reader(bytes);
    return read_head(&r, trust) ? OTA_OK : OTA_E_KEYSET_FORMAT;
}

/* --- the document ---------------------------------------------------------------- */

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

ota_err_t ota_keyset_read(struct ota_span document, struct ota_keyset *keyset)
{
    struct ota_reader r = ota_reader(document);
    struct ota_trust *const t = &keyset->trust;

    if (!read_head(&r, t) || t->release_count == 0 || t->deployment_count == 0 ||
        t->hw_revision != 0 || (t->ca_size[0] == 0 && t->ca_size[1] != 0)) {
        return OTA_E_KEYSET_FORMAT;
    }
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
