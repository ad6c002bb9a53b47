#include "ed25519_openssl.h"
#include <openssl/err.h>
#include <openssl/evp.h>

ota_err_t ed25519_openssl_verify(struct ota_crypto *c, const uint8_t key[OTA_ED25519_KEY_SIZE],
                                 const uint8_t digest[OTA_DIGEST_SIZE],
                                 const uint8_t rs[OTA_P256_RS_SIZE])
{
    (void)c;
    EVP_PKEY *const public =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, OTA_ED25519_KEY_SIZE);
    EVP_MD_CTX *const context = EVP_MD_CTX_new();
    int good = -1;
    if (public != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1) {
        good = EVP_DigestVerify(context, rs, OTA_P256_RS_SIZE, digest, OTA_DIGEST_SIZE);
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    ERR_clear_error();
    if (good == 1) {
        return OTA_OK;
    }
    return good == 0 ? OTA_E_IMAGE_SIGNATURE : OTA_E_CRYPTO;
}
