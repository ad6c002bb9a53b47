#include "ota/image.h"
#include <string.h>

static bool same(const uint8_t *a, const uint8_t *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

/* The release anchor that a signature names, or NULL. The record comes from flash: trust no count. */
static const struct ota_anchor *anchor_of(const struct ota_trust *trust,
                                          const struct ota_image_signature *s)
{
    for (unsigned i = 0; i < trust->release_count && i < OTA_ANCHORS_MAX; i++) {
        if (same(trust->release[i].key_id, s->key_id, OTA_DIGEST_SIZE)) {
            return &trust->release[i];
        }
    }
    return NULL;
}

/*
 * At least one signature must be by an anchor, and none by an anchor may be bad. The others are
 * those of a key that came later or went earlier than this device's anchors.
 */
static ota_err_t check_signatures(const struct ota_image *image, const struct ota_trust *trust,
                                  struct ota_crypto *c)
{
    ota_err_t verdict = OTA_E_IMAGE_KEY;
    for (unsigned i = 0; i < image->signature_count; i++) {
        const struct ota_image_signature *const s = &image->signatures[i];
        const struct ota_anchor *const anchor = anchor_of(trust, s);
        if (anchor == NULL) {
            continue;
        }
        verdict = c->ops->verify_p256(c, anchor->point, image->digest, s->rs);
        if (verdict != OTA_OK) {
            return verdict;
        }
    }
    return verdict;
}

ota_err_t ota_image_check(const struct ota_image *image, const struct ota_trust *trust,
                          uint32_t counter_min, struct ota_crypto *c)
{
    if (!same(image->vendor, trust->vendor, OTA_UUID_SIZE)) {
        return OTA_E_IMAGE_VENDOR;
    }
    if (!same(image->class_id, trust->class_id, OTA_UUID_SIZE)) {
        return OTA_E_IMAGE_CLASS;
    }
    if (trust->hw_revision < image->hw_min || trust->hw_revision > image->hw_max) {
        return OTA_E_IMAGE_HARDWARE;
    }
    if (image->counter < counter_min) {
        return OTA_E_IMAGE_COUNTER;
    }
    return check_signatures(image, trust, c);
}

ota_err_t ota_deployment_check(const uint8_t file_digest[OTA_DIGEST_SIZE],
                               const uint8_t rs[OTA_P256_RS_SIZE], const struct ota_trust *trust,
                               struct ota_crypto *c)
{
    for (unsigned i = 0; i < trust->deployment_count && i < OTA_ANCHORS_MAX; i++) {
        const ota_err_t err = c->ops->verify_p256(c, trust->deployment[i].point, file_digest, rs);
        if (err != OTA_E_IMAGE_SIGNATURE) {
            return err; /* Good, or the port failed: which of the two is not for us to guess. */
        }
    }
    return OTA_E_JOB_SIGNATURE;
}

ota_err_t ota_anchor_make(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                          struct ota_anchor *anchor)
{
    /* SubjectPublicKeyInfo of P-256 (RFC 5480) up to the point: id-ecPublicKey, prime256v1, BIT STRING. */
    static const uint8_t spki_head[] = {
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
        0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    };
    struct ota_sha256 h;
    uint8_t key_id[OTA_DIGEST_SIZE];

    ota_err_t err = c->ops->sha256_begin(c, &h);
    if (err == OTA_OK) {
        err = c->ops->sha256_update(c, &h, OTA_SPAN_OF(spki_head));
    }
    if (err == OTA_OK) {
        err = c->ops->sha256_update(c, &h, (struct ota_span){ point, OTA_P256_POINT_SIZE });
    }
    if (err == OTA_OK) {
        err = c->ops->sha256_peek(c, &h, key_id);
    }
    if (err != OTA_OK) {
        return err;
    }
    memcpy(anchor->key_id, key_id, sizeof key_id);
    memcpy(anchor->point, point, OTA_P256_POINT_SIZE);
    return OTA_OK;
}
