/* Making certificates: OpenSSL's part of the identity module. Private to it. */
#ifndef SRV_X509_H
#define SRV_X509_H

#include "base/err.h"
#include "ota/span.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

enum x509_use { X509_USE_CA, X509_USE_SERVER, X509_USE_CLIENT };

struct x509_spec {
    struct ota_span name; /* the common name; may be longer than X.509's 64 characters */
    enum x509_use use;
    const char *alt_names; /* OpenSSL's notation, "DNS:a,IP:b"; NULL for none */
    int64_t not_before, not_after;
};

struct x509_issuer {
    X509 *cert; /* NULL: self-signed */
    EVP_PKEY *key;
};

/** A certificate for `subject_key`; NULL with `err`. The serial is random, 16 bytes. */
X509 *x509_make(const struct x509_spec *spec, EVP_PKEY *subject_key, struct x509_issuer issuer,
                struct srv_err *err);

EVP_PKEY *x509_key_make(struct srv_err *err);

/** The serial as lower-case hexadecimal digits; false if they do not fit. */
bool x509_serial(const X509 *cert, char *digits, size_t cap);

/** Seconds since 1970; 0 if it is no time. */
int64_t x509_epoch(const ASN1_TIME *time);

/** Store as PEM, in one step. */
bool x509_cert_write(const char *path, X509 *cert, struct srv_err *err);
bool x509_key_write(const char *path, EVP_PKEY *key, struct srv_err *err);

/** Load PEM; SRV_E_NOT_FOUND if there is no such file. */
X509 *x509_cert_read(const char *path, struct srv_err *err);
EVP_PKEY *x509_key_read(const char *path, struct srv_err *err);

/** false, with what OpenSSL says appended. */
bool x509_fail(struct srv_err *err, const char *what);

#endif
