/*
 * Keys: P-256 or Ed25519, in PEM files of the operator. They are used here and never sent
 * anywhere: the provider sees public keys, requests and signatures only.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "base/err.h"
#include "ota/image.h"
#include <openssl/evp.h>

/* ECDSA over P-256 in DER: at most 72 bytes. Ed25519: 64. */
#define CLI_SIGNATURE_MAX 80u

struct cli_signature {
    uint8_t der[CLI_SIGNATURE_MAX]; /* of Ed25519 the bytes themselves */
    size_t len;
};

/* What a key is for decides which kinds it may be of: a job document has room for P-256 signatures only. */
enum cli_key_use { CLI_KEY_RELEASE, CLI_KEY_OTHER };

/** A new key; NULL with err. */
EVP_PKEY *cli_key_make(enum ota_key_kind kind, struct srv_err *err);

/**
 * PEM files. An encrypted key's password is asked for on the terminal. NULL with err if it is of
 * another kind, or, in a build for real devices, a sample key.
 */
EVP_PKEY *cli_key_read_private(const char *path, enum cli_key_use use, struct srv_err *err);
/** A public key, or the public half of a private one, or a certificate's. */
EVP_PKEY *cli_key_read_public(const char *path, enum cli_key_use use, struct srv_err *err);

enum ota_key_kind cli_key_kind(EVP_PKEY *key);

/** 0600, refused if the file exists: keys are not overwritten. */
SRV_MUST_CHECK bool cli_key_write_private(const char *path, EVP_PKEY *key, struct srv_err *err);
SRV_MUST_CHECK bool cli_key_write_public(const char *path, EVP_PKEY *key, struct srv_err *err);

/** As devices hold it: its kind, then a point, or 32 bytes and zeros. */
SRV_MUST_CHECK bool cli_key_public(EVP_PKEY *key, uint8_t out[OTA_KEY_SIZE], struct srv_err *err);
/** SHA-256 over its SubjectPublicKeyInfo: how images and devices name a key. */
SRV_MUST_CHECK bool cli_key_id(EVP_PKEY *key, uint8_t id[OTA_DIGEST_SIZE], struct srv_err *err);

/** Ed25519: its message is the digest. */
SRV_MUST_CHECK bool cli_sign_digest(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE],
                                    struct cli_signature *out, struct srv_err *err);

/** A certificate request for `key`, PEM; the provider gives it its name. free() it. */
char *cli_csr_make(EVP_PKEY *key, struct srv_err *err);

void cli_sha256(const void *bytes, size_t len, uint8_t digest[OTA_DIGEST_SIZE]);

#endif
