#include "keys.h"
#include "base/file.h"
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEM_MAX (64u * 1024u)

static void *fail_null(struct srv_err *err, const char *what, const char *path)
{
    ERR_clear_error();
    srv_fail(err, SRV_E_INVALID, "%s%s", path, what);
    return NULL;
}

EVP_PKEY *cli_key_make(struct srv_err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    return key != NULL ? key : fail_null(err, "a key could not be made", "");
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* The key if it is of the one kind that devices check. */
static EVP_PKEY *only_p256(EVP_PKEY *key, const char *path, const char *what, struct srv_err *err)
{
    if (key != NULL && is_p256(key)) {
        return key;
    }
    bool other = key != NULL;
    EVP_PKEY_free(key);
    return fail_null(err, other ? " is a key of another kind: P-256 is wanted" : what, path);
}

EVP_PKEY *cli_key_read_private(const char *path, struct srv_err *err)
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
    return only_p256(key, path, " holds no private key (PEM)", err);
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

EVP_PKEY *cli_key_read_public(const char *path, struct srv_err *err)
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
    return only_p256(key, path, " holds no key (PEM)", err);
}

static bool write_new(const char *path, BIO *bio, mode_t mode, struct srv_err *err)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    if (access(path, F_OK) == 0) {
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

bool cli_key_point(EVP_PKEY *key, uint8_t point[OTA_P256_POINT_SIZE], struct srv_err *err)
{
    size_t len = 0;
    uint8_t out[OTA_P256_POINT_SIZE];
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, out, sizeof out,
                                        &len) != 1 ||
        len != sizeof out || out[0] != 0x04) {
        ERR_clear_error();
        return srv_fail(err, SRV_E_INTERNAL, "the key has no uncompressed point");
    }
    memcpy(point, out, sizeof out);
    return true;
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

bool cli_sign_digest(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE],
                     struct cli_signature *out, struct srv_err *err)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t len = sizeof out->der;
    bool ok = ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_sign(ctx, out->der, &len, digest, OTA_DIGEST_SIZE) == 1;
    EVP_PKEY_CTX_free(ctx);
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
