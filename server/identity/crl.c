/* The revocation list. */
#include "identity/priv.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

/* The list's date is its sequence number: the last one's plus a second, or yesterday. */
static int64_t next_crl_date(const struct srv_identity *id, int64_t now)
{
    int64_t date = now - SKEW;
    FILE *file = fopen(id->crl, "re");
    X509_CRL *last = file != NULL ? PEM_read_X509_CRL(file, NULL, NULL, NULL) : NULL;
    if (last != NULL && x509_epoch(X509_CRL_get0_lastUpdate(last)) >= date) {
        date = x509_epoch(X509_CRL_get0_lastUpdate(last)) + 1;
    }
    X509_CRL_free(last);
    if (file != NULL) {
        fclose(file);
    }
    ERR_clear_error();
    return date;
}

static bool add_revoked(X509_CRL *crl, const char *serial, int64_t date)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    BIGNUM *number = NULL;
    ASN1_TIME *when = ASN1_TIME_set(NULL, date);
    bool parsed =
        strlen(serial) == SRV_SERIAL_DIGITS && BN_hex2bn(&number, serial) == SRV_SERIAL_DIGITS;
    ASN1_INTEGER *integer = parsed ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
    bool ok = entry != NULL && when != NULL && integer != NULL &&
              X509_REVOKED_set_serialNumber(entry, integer) == 1 &&
              X509_REVOKED_set_revocationDate(entry, when) == 1 &&
              X509_CRL_add0_revoked(crl, entry) == 1;
    if (!ok) {
        X509_REVOKED_free(entry);
    }
    ASN1_INTEGER_free(integer);
    ASN1_TIME_free(when);
    BN_free(number);
    return ok;
}

static bool fill_crl(const struct srv_identity *id, X509_CRL *crl, struct srv_serials held,
                     int64_t now)
{
    int64_t date = next_crl_date(id, now);
    ASN1_TIME *from = ASN1_TIME_set(NULL, date);
    /* It never goes stale: an old list must not lock the whole fleet out. */
    ASN1_TIME *until = ASN1_TIME_set(NULL, now + CA_LIFE);
    bool ok = from != NULL && until != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
              X509_CRL_set_issuer_name(crl, X509_get_subject_name(id->ca.cert)) == 1 &&
              X509_CRL_set1_lastUpdate(crl, from) == 1 && X509_CRL_set1_nextUpdate(crl, until) == 1;
    for (size_t i = 0; ok && i < held.count; i++) {
        ok = add_revoked(crl, held.serial[i].digits, date);
    }
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return ok && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, id->ca.key, EVP_sha256()) > 0;
}

bool srv_identity_write_crl(struct srv_identity *id, struct srv_serials held, int64_t now,
                            struct srv_err *err)
{
    pthread_mutex_lock(&id->lock);
    X509_CRL *crl = X509_CRL_new();
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = crl != NULL && bio != NULL && fill_crl(id, crl, held, now) &&
              PEM_write_bio_X509_CRL(bio, crl) == 1;
    char *bytes = NULL;
    long len = ok ? BIO_get_mem_data(bio, &bytes) : 0;
    ok = ok ? srv_file_write(id->crl, bytes, (size_t)len, 0644, err)
            : x509_fail(err, "cannot make the revocation list");
    BIO_free(bio);
    X509_CRL_free(crl);
    pthread_mutex_unlock(&id->lock);
    return ok;
}
