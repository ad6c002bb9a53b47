/*
 * Ed25519 from OpenSSL, which PSA in Mbed TLS 2.28 lacks: for hosts, beside a port that has the rest.
 */
#ifndef ED25519_OPENSSL_H
#define ED25519_OPENSSL_H

#include "ota/crypto.h"

/** As struct ota_crypto_ops wants it; `c` is not looked at. Any thread. */
ota_err_t ed25519_openssl_verify(struct ota_crypto *c, const uint8_t key[OTA_ED25519_KEY_SIZE],
                                 const uint8_t digest[OTA_DIGEST_SIZE],
                                 const uint8_t rs[OTA_P256_RS_SIZE]);

#endif
