#include "image_priv.h"
#include <string.h>

static bool same(const uint8_t *a, const uint8_t *b, size_t size)
{
    return memcmp(a, b, size) == 0;
}

typedef ota_err_t (*verify_fn)(struct ota_crypto *c, const uint8_t *key, const uint8_t *digest,
                               const uint8_t *rs);

/*
 * One signature by one anchor: OTA_E_IMAGE_KEY if it names another, or one of a kind that the crypto
 * port cannot check. A signature of another kind than its key's is no signature by it.
 */
static ota_err_t check_by(const struct ota_anchor *anchor, const struct ota_image_signature *s,
                          const uint8_t digest[OTA_DIGEST_SIZE], struct ota_crypto *c)
{
    const uint8_t *key = anchor->key;
    verify_fn verify = c->ops->verify_p256;
    if (anchor->key[0] == OTA_KEY_ED25519) {
        key++;
        verify = c->ops->verify_ed25519;
    }
    if (verify == NULL || !same(anchor->key_id, s->key_id, OTA_DIGEST_SIZE)) {
        return OTA_E_IMAGE_KEY;
    }
    return s->kind == anchor->key[0] ? verify(c, key, digest, s->rs) : OTA_E_IMAGE_SIGNATURE;
}

/* The record comes from flash: trust no count. */
ota_err_t image_check_signatures(const struct ota_image *image, const struct ota_trust *trust,
                                 struct ota_crypto *c)
{
    ota_err_t verdict = OTA_E_IMAGE_KEY;
    for (unsigned i = 0; i < image->signature_count; i++) {
        for (unsigned k = 0; k < trust->release_count && k < OTA_ANCHORS_MAX; k++) {
            const ota_err_t err =
                check_by(&trust->release[k], &image->signatures[i], image->digest, c);
            if (err == OTA_OK) {
                verdict = OTA_OK;
            } else if (err != OTA_E_IMAGE_KEY) {
                return err;
            }
        }
    }
    return verdict;
}

ota_err_t image_check_device(const struct ota_image *image, const struct ota_trust *trust)
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
    return image->dependency_unmet ? OTA_E_IMAGE_DEPENDENCY : OTA_OK;
}

ota_err_t ota_image_check(const struct ota_image *image, const struct ota_trust *trust,
                          uint32_t counter_min, struct ota_crypto *c)
{
    const ota_err_t err = image_check_device(image, trust);
    if (err != OTA_OK) {
        return err;
    }
    if (image->counter < counter_min) {
        return OTA_E_IMAGE_COUNTER;
    }
    return image_check_signatures(image, trust, c);
}

ota_err_t ota_deployment_check(const uint8_t file_digest[OTA_DIGEST_SIZE],
                               const uint8_t rs[OTA_P256_RS_SIZE], const struct ota_trust *trust,
                               struct ota_crypto *c)
{
    for (unsigned i = 0; i < trust->deployment_count && i < OTA_ANCHORS_MAX; i++) {
        const ota_err_t err = c->ops->verify_p256(c, trust->deployment[i].key, file_digest, rs);
        if (err != OTA_E_IMAGE_SIGNATURE) {
            return err; /* Good, or the port failed: which of the two is not for us to guess. */
        }
    }
    return OTA_E_JOB_SIGNATURE;
}
