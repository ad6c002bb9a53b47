#include "identity/x509.h"
#include "base/file.h"
#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL_SIZE 16
#define PEM_MAX     (64u * 1024u)

bool x509_fail(struct srv_err *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return srv_fail(err, SRV_E_INTERNAL, "%s: %s", what,
                    reason != NULL ? reason : "no reason given");
}

EVP_PKEY *x509_key_make(struct srv_err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL) {
        x509_fail(err, "cannot make a key");
    }
    return key;
}

static bool set_serial(X509 *cert)
{
    unsigned char bytes[SERIAL_SIZE];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return false;
    }
    /* Positive, and of one length: the first byte is 0x40 ..= 0x7f. */
    bytes[0] = (unsigned char)((bytes[0] & 0x3fu) | 0x40u);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

/*
 * V_ASN1_UTF8STRING takes the bytes as they are. The usual MBSTRING setters
 * enforce X.520's 64 characters, but a thing name has up to 128.
 */
static bool set_name(X509 *cert, struct ota_span name)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, name.ptr,
                                      (int)name.len, -1, 0) == 1;
}

static bool add_extension(X509 *cert, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, const struct x509_spec *spec)
{
    static const struct {
        const char *basic, *usage, *extended;
    } of_use[] = {
        [X509_USE_CA] = { "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL },
        [X509_USE_SERVER] = { "critical,CA:FALSE", "critical,digitalSignature", "serverAuth" },
        [X509_USE_CLIENT] = { "critical,CA:FALSE", "critical,digitalSignature", "clientAuth" },
    };
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    const char *extended = of_use[spec->use].extended;
    return add_extension(cert, &ctx, NID_basic_constraints, of_use[spec->use].basic) &&
           add_extension(cert, &ctx, NID_key_usage, of_use[spec->use].usage) &&
           add_extension(cert, &ctx, NID_subject_key_identifier, "hash") &&
           add_extension(cert, &ctx, NID_authority_key_identifier, "keyid:always") &&
           (extended == NULL || add_extension(cert, &ctx, NID_ext_key_usage, extended)) &&
           (spec->alt_names == NULL ||
            add_extension(cert, &ctx, NID_subject_alt_name, spec->alt_names));
}

static bool fill(X509 *cert, const struct x509_spec *spec, EVP_PKEY *subject_key, X509 *issuer)
{
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
           ASN1_TIME_set(X509_getm_notBefore(cert), spec->not_before) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(cert), spec->not_after) != NULL &&
           set_name(cert, spec->name) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
           X509_set_pubkey(cert, subject_key) == 1 && add_extensions(cert, issuer, spec);
}

X509 *x509_make(const struct x509_spec *spec, EVP_PKEY *subject_key, struct x509_issuer issuer,
                struct srv_err *err)
{
    X509 *cert = X509_new();
    if (cert != NULL && fill(cert, spec, subject_key, issuer.cert != NULL ? issuer.cert : cert) &&
        X509_sign(cert, issuer.key, EVP_sha256()) > 0) {
        return cert;
    }
    X509_free(cert);
    x509_fail(err, "cannot make a certificate");
    return NULL;
}

bool x509_serial(const X509 *cert, char *digits, size_t cap)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = number != NULL ? BN_bn2hex(number) : NULL;
    bool ok = hex != NULL && strlen(hex) < cap;
    for (size_t i = 0; ok && i <= strlen(hex); i++) {
        digits[i] = (char)tolower((unsigned char)hex[i]);
    }
    OPENSSL_free(hex);
    BN_free(number);
    return ok;
}

int64_t x509_epoch(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

static bool write_bio(const char *path, BIO *bio, mode_t mode, struct srv_err *err)
{
    char *bytes = NULL;
    long len = BIO_get_mem_data(bio, &bytes);
    return srv_file_write(path, bytes, (size_t)len, mode, err);
}

bool x509_cert_write(const char *path, X509 *cert, struct srv_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL && PEM_write_bio_X509(bio, cert) == 1;
    ok = ok ? write_bio(path, bio, 0644, err) : x509_fail(err, "cannot write a certificate");
    BIO_free(bio);
    return ok;
}

bool x509_key_write(const char *path, EVP_PKEY *key, struct srv_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool ok =
        bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = ok ? write_bio(path, bio, 0600, err) : x509_fail(err, "cannot write a key");
    BIO_free(bio);
    return ok;
}

/* Without this, OpenSSL would ask the terminal for the password of an encrypted key. */
static int no_password(char *buf, int size, int writing, void *user)
{
    (void)buf, (void)size, (void)writing, (void)user;
    return 0;
}

X509 *x509_cert_read(const char *path, struct srv_err *err)
{
    char *pem = NULL;
    size_t len = 0;
    if (!srv_file_read(path, PEM_MAX, &pem, &len, err)) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    BIO_free(bio);
    free(pem);
    if (cert == NULL) {
        ERR_clear_error();
        srv_fail(err, SRV_E_INTERNAL, "%s is no certificate", path);
    }
    return cert;
}

EVP_PKEY *x509_key_read(const char *path, struct srv_err *err)
{
    char *pem = NULL;
    size_t len = 0;
    if (!srv_file_read(path, PEM_MAX, &pem, &len, err)) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    OPENSSL_cleanse(pem, len);
    free(pem);
    if (key == NULL) {
        ERR_clear_error();
        srv_fail(err, SRV_E_INTERNAL, "%s is no unencrypted private key", path);
    }
    return key;
}
