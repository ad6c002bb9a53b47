/*
 * The real ring: ECDSA P-256 keys of OpenSSL that live as long as the process.
 */
#include "sim_image_priv.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

static void must(bool ok)
{
    sim_must(ok, "OpenSSL without P-256");
}

static EVP_PKEY *key_of(enum sim_key which)
{
    static EVP_PKEY *keys[SIM_KEYS_COUNT];
    if (keys[which] == NULL) {
        keys[which] = EVP_EC_gen("P-256");
        must(keys[which] != NULL);
    }
    return keys[which];
}

static size_t sign(enum sim_key which, const uint8_t digest[OTA_DIGEST_SIZE],
                   uint8_t der[SIM_DER_MAX])
{
    size_t len = SIM_DER_MAX;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key_of(which), NULL);
    must(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
         EVP_PKEY_sign(ctx, der, &len, digest, OTA_DIGEST_SIZE) == 1);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static void point_of(enum sim_key which, uint8_t point[OTA_P256_POINT_SIZE])
{
    size_t len = 0;
    must(EVP_PKEY_get_octet_string_param(key_of(which), "pub", point, OTA_P256_POINT_SIZE, &len) ==
             1 &&
         len == OTA_P256_POINT_SIZE);
}

const struct sim_keys *sim_keys_real(void)
{
    static struct sim_keys keys = { .point = point_of, .sign = sign, .seed = sim_crypto_seed };
    keys.crypto = sim_crypto();
    return &keys;
}
