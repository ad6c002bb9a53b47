/*
 * Keys: P-256, in PEM files of the operator. They are used here and never sent
 * anywhere: the provider sees public keys, requests and signatures only.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "base/err.h"
#include "ota/crypto.h"
#include <openssl/evp.h>

/* ECDSA over P-256 in DER: at most 72 bytes. */
#define CLI_SIGNATURE_MAX 80u

struct cli_signature {
    uint8_t der[CLI_SIGNATURE_MAX];
    size_t len;
};

/** A new key; NULL with err. */
EVP_PKEY *cli_key_make(struct srv_err *err);

/** PEM files. An encrypted key's password is asked for on the terminal. NULL with err if it is no P-256 key. */
EVP_PKEY *cli_key_read_private(const char *path, struct srv_err *err);
/** A public key, or the public half of a private one, or a certificate's. */
EVP_PKEY *cli_key_read_public(const char *path, struct srv_err *err);

/** 0600, refused if the file exists: keys are not overwritten. */
SRV_MUST_CHECK bool cli_key_write_private(const char *path, EVP_PKEY *key, struct srv_err *err);
SRV_MUST_CHECK bool cli_key_write_public(const char *path, EVP_PKEY *key, struct srv_err *err);

SRV_MUST_CHECK bool cli_key_point(EVP_PKEY *key, uint8_t point[OTA_P256_POINT_SIZE],
                                  struct srv_err *err);
/** SHA-256 over its SubjectPublicKeyInfo: how images and devices name a key. */
SRV_MUST_CHECK bool cli_key_id(EVP_PKEY *key, uint8_t id[OTA_DIGEST_SIZE], struct srv_err *err);

SRV_MUST_CHECK bool cli_sign_digest(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE],
                                    struct cli_signature *out, struct srv_err *err);

/** A certificate request for `key`, PEM; the provider gives it its name. free() it. */
char *cli_csr_make(EVP_PKEY *key, struct srv_err *err);

void cli_sha256(const void *bytes, size_t len, uint8_t digest[OTA_DIGEST_SIZE]);

#endif
