/*
 * Crypto: the port to SHA-256, ECDSA P-256, perhaps Ed25519, and random bytes. PSA Crypto behind
 * it in ports/crypto/psa.c. Policy (which key, over what, how strict the
 * encoding) is in lib/image, never here.
 */
#ifndef OTA_CRYPTO_H
#define OTA_CRYPTO_H

#include "ota/err.h"
#include "ota/span.h"

#define OTA_DIGEST_SIZE     32u /* SHA-256 */
#define OTA_P256_POINT_SIZE 65u /* 0x04, X, Y */
#define OTA_P256_RS_SIZE                                                                           \
    64u /* r, s: big-endian, 32 bytes each; an Ed25519 signature has the same size */

#define OTA_ED25519_KEY_SIZE 32u

/* Room for a running SHA-256 of any port: the state is 104 bytes, Mbed TLS's PSA object 232. */
#define OTA_SHA256_ROOM 256u

/** A running digest. Plain memory: copying or dropping it needs no call. */
struct ota_sha256 {
    union {
        uint64_t align;
        uint8_t room[OTA_SHA256_ROOM];
    } state;
};

struct ota_crypto;

struct ota_crypto_ops {
    ota_err_t (*sha256_begin)(struct ota_crypto *c, struct ota_sha256 *h);
    ota_err_t (*sha256_update)(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span bytes);
    /* The digest of what came so far; `h` can go on. */
    ota_err_t (*sha256_peek)(struct ota_crypto *c, const struct ota_sha256 *h,
                             uint8_t digest[OTA_DIGEST_SIZE]);
    /* OTA_OK only if the signature is good; OTA_E_IMAGE_SIGNATURE if not; OTA_E_CRYPTO if it could not be checked. */
    ota_err_t (*verify_p256)(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                             const uint8_t digest[OTA_DIGEST_SIZE],
                             const uint8_t rs[OTA_P256_RS_SIZE]);
    /* The same for Ed25519 over the 32 bytes of a digest. NULL: this port cannot; such keys are no anchors then. */
    ota_err_t (*verify_ed25519)(struct ota_crypto *c, const uint8_t key[OTA_ED25519_KEY_SIZE],
                                const uint8_t digest[OTA_DIGEST_SIZE],
                                const uint8_t rs[OTA_P256_RS_SIZE]);
    ota_err_t (*random)(struct ota_crypto *c, struct ota_buf into);
};

struct ota_crypto {
    const struct ota_crypto_ops *ops; /* in ROM */
};

#endif
