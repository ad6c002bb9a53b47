#include "keys.h"
#include "base/file.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PEM_MAX (64u * 1024u)

static void *fail_null(struct srv_err *err, const char *what, const char *path)
{
    ERR_clear_error();
    srv_fail(err, SRV_E_INVALID, "%s%s", path, what);
    return NULL;
}

EVP_PKEY *cli_key_make(enum ota_key_kind kind, struct srv_err *err)
{
    EVP_PKEY *key =
        kind == OTA_KEY_ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : EVP_EC_gen("P-256");
    return key != NULL ? key : fail_null(err, "a key could not be made", "");
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

enum ota_key_kind cli_key_kind(EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "ED25519") ? OTA_KEY_ED25519 : OTA_KEY_P256;
}

bool cli_key_id(EVP_PKEY *key, uint8_t id[OTA_DIGEST_SIZE], struct srv_err *err)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0) {
        return srv_fail(err, SRV_E_INTERNAL, "the key cannot be encoded");
    }
    cli_sha256(der, (size_t)len, id);
    OPENSSL_free(der);
    return true;
}

/* In a build for real devices no key whose private half anyone can have. */
static bool is_sample(EVP_PKEY *key)
{
    struct srv_err err = { 0 };
    uint8_t id[OTA_DIGEST_SIZE];
    return !cli_key_id(key, id, &err) || ota_key_is_sample(id);
}

/* The key if it is fit for its use; `what`: why there is none. */
static EVP_PKEY *only_fit(EVP_PKEY *key, const char *path, enum cli_key_use use, const char *what,
                          struct srv_err *err)
{
    const bool ed25519 = key != NULL && EVP_PKEY_is_a(key, "ED25519");
    if (key != NULL && !is_p256(key) && !(ed25519 && use == CLI_KEY_RELEASE)) {
        what = use == CLI_KEY_RELEASE ? " is a key of another kind: P-256 or Ed25519 is wanted"
               : ed25519 ? " is an Ed25519 key, which can only sign images and keysets: "
                           "P-256 is wanted"
                         : " is a key of another kind: P-256 is wanted";
    } else if (key != NULL && is_sample(key)) {
        what = " is a sample key: anyone can have its private half";
    } else if (key != NULL) {
        return key;
    }
    EVP_PKEY_free(key);
    return fail_null(err, what, path);
}

EVP_PKEY *cli_key_read_private(const char *path, enum cli_key_use use, struct srv_err *err)
{
    char *pem = NULL;
    size_t len = 0;
    if (!srv_file_read(path, PEM_MAX, &pem, &len, err)) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    OPENSSL_cleanse(pem, len);
    free(pem);
    return only_fit(key, path, use, " holds no private key (PEM)", err);
}

static EVP_PKEY *read_certificate_key(const char *pem, size_t len)
{
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY *key = cert != NULL ? X509_get_pubkey(cert) : NULL;
    X509_free(cert);
    BIO_free(bio);
    return key;
}

EVP_PKEY *cli_key_read_public(const char *path, enum cli_key_use use, struct srv_err *err)
{
    char *pem = NULL;
    size_t len = 0;
    if (!srv_file_read(path, PEM_MAX, &pem, &len, err)) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key = strstr(pem, "PRIVATE KEY") != NULL
                        ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
                        : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    key = key != NULL ? key : read_certificate_key(pem, len);
    OPENSSL_cleanse(pem, len);
    free(pem);
    return only_fit(key, path, use, " holds no key (PEM)", err);
}

static bool write_new(const char *path, BIO *bio, mode_t mode, struct srv_err *err)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    struct stat there; /* a link is one too, wherever it leads */
    if (lstat(path, &there) == 0) {
        return srv_fail(err, SRV_E_EXISTS, "%s exists: keys are not overwritten", path);
    }
    return srv_file_write(path, bytes, (size_t)len, mode, err);
}

bool cli_key_write_private(const char *path, EVP_PKEY *key, struct srv_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok =
        bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = ok ? write_new(path, bio, 0600, err)
            : srv_fail(err, SRV_E_INTERNAL, "the key could not be written");
    BIO_free(bio);
    return ok;
}

bool cli_key_write_public(const char *path, EVP_PKEY *key, struct srv_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1;
    ok = ok ? write_new(path, bio, 0644, err)
            : srv_fail(err, SRV_E_INTERNAL, "the key could not be written");
    BIO_free(bio);
    return ok;
}

bool cli_key_public(EVP_PKEY *key, uint8_t out[OTA_KEY_SIZE], struct srv_err *err)
{
    uint8_t bytes[OTA_KEY_SIZE] = { OTA_KEY_ED25519 };
    const bool ed25519 = cli_key_kind(key) == OTA_KEY_ED25519;
    size_t len = 0, want = ed25519 ? OTA_ED25519_KEY_SIZE : OTA_P256_POINT_SIZE;
    uint8_t *const at = ed25519 ? bytes + 1 : bytes;
    const char *name = ed25519 ? OSSL_PKEY_PARAM_PUB_KEY : OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY;
    if (EVP_PKEY_get_octet_string_param(key, name, at, want, &len) != 1 || len != want ||
        bytes[0] != (uint8_t)cli_key_kind(key)) {
        ERR_clear_error();
        return srv_fail(err, SRV_E_INTERNAL, "the key has no public half that devices can hold");
    }
    memcpy(out, bytes, sizeof bytes);
    return true;
}

static bool sign_p256(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE], uint8_t *der,
                      size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_sign(ctx, der, len, digest, OTA_DIGEST_SIZE) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool sign_ed25519(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE], uint8_t *out,
                         size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestSign(ctx, out, len, digest, OTA_DIGEST_SIZE) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

bool cli_sign_digest(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE],
                     struct cli_signature *out, struct srv_err *err)
{
    size_t len = sizeof out->der;
    bool ok = cli_key_kind(key) == OTA_KEY_ED25519 ? sign_ed25519(key, digest, out->der, &len)
                                                   : sign_p256(key, digest, out->der, &len);
    ERR_clear_error();
    out->len = ok ? len : 0;
    return ok || srv_fail(err, SRV_E_INTERNAL, "the key could not sign");
}

char *cli_csr_make(EVP_PKEY *key, struct srv_err *err)
{
    X509_REQ *request = X509_REQ_new();
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    if (request != NULL && bio != NULL && X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
        X509_REQ_set_pubkey(request, key) == 1 && X509_REQ_sign(request, key, EVP_sha256()) > 0 &&
        PEM_write_bio_X509_REQ(bio, request) == 1) {
        char *bytes = NULL;
        long len = BIO_get_mem_data(bio, &bytes);
        text = strndup(bytes, (size_t)len);
    }
    BIO_free(bio);
    X509_REQ_free(request);
    return text != NULL ? text : fail_null(err, "the certificate request could not be made", "");
}

void cli_sha256(const void *bytes, size_t len, uint8_t digest[OTA_DIGEST_SIZE])
{
    SHA256(bytes, len, digest);
}
