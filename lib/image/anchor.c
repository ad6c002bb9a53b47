/* Key ids: for whoever makes anchors; a bootloader only compares them. */
#include "ota/image.h"
#include <string.h>

/* SubjectPublicKeyInfo up to the key itself: P-256 by RFC 5480, up to the point; Ed25519 by RFC 8410. */
static const uint8_t p256_head[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
};
static const uint8_t ed25519_head[] = {
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
};

static ota_err_t digest_two(struct ota_crypto *c, struct ota_span first, struct ota_span second,
                            uint8_t digest[OTA_DIGEST_SIZE])
{
    struct ota_sha256 h;
    ota_err_t err = c->ops->sha256_begin(c, &h);
    if (err == OTA_OK) {
        err = c->ops->sha256_update(c, &h, first);
    }
    if (err == OTA_OK) {
        err = c->ops->sha256_update(c, &h, second);
    }
    return err == OTA_OK ? c->ops->sha256_peek(c, &h, digest) : err;
}

ota_err_t ota_anchor_make(struct ota_crypto *c, const uint8_t key[OTA_KEY_SIZE],
                          struct ota_anchor *anchor)
{
    struct ota_span head = OTA_SPAN_OF(p256_head), rest = { key, OTA_KEY_SIZE };
    if (key[0] == OTA_KEY_ED25519) {
        head = OTA_SPAN_OF(ed25519_head);
        rest = (struct ota_span){ key + 1, OTA_ED25519_KEY_SIZE };
    } else if (key[0] != OTA_KEY_P256) {
        return OTA_E_RANGE;
    }
    uint8_t key_id[OTA_DIGEST_SIZE];
    const ota_err_t err = digest_two(c, head, rest, key_id);
    if (err == OTA_OK) {
        memcpy(anchor->key_id, key_id, sizeof key_id);
        memcpy(anchor->key, key, OTA_KEY_SIZE);
    }
    return err;
}
