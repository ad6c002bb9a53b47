/* Certificates for devices, and passes in their name. */
#include "identity/priv.h"
#include "ota/wire.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#define PASS_LIFE ((int64_t)10 * 60)

/* RSA keys below this are not signed; above, a handshake on a small device takes minutes. */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

static X509_REQ *parse_csr(struct ota_span csr)
{
    BIO *bio = BIO_new_mem_buf(csr.ptr, (int)csr.len);
    X509_REQ *request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
    if (request == NULL) {
        const unsigned char *at = csr.ptr;
        request = d2i_X509_REQ(NULL, &at, (long)csr.len);
    }
    BIO_free(bio);
    ERR_clear_error();
    return request;
}

static bool key_is_strong(EVP_PKEY *key)
{
    char group[32] = "";
    if (EVP_PKEY_is_a(key, "EC")) {
        return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
               (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
    }
    return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= RSA_BITS_MIN &&
           EVP_PKEY_get_bits(key) <= RSA_BITS_MAX;
}

static bool check_csr(X509_REQ *request, struct srv_err *err)
{
    if (request == NULL) {
        return srv_fail(err, SRV_E_INVALID, "this is no certificate request (PEM or DER)");
    }
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    if (key == NULL || !key_is_strong(key)) {
        return srv_fail(err, SRV_E_INVALID,
                        "the request's key is not P-256, P-384 or RSA of 2048 to 4096 bits");
    }
    if (X509_REQ_verify(request, key) != 1) {
        ERR_clear_error();
        return srv_fail(err, SRV_E_INVALID, "the request is not signed with its own key");
    }
    return true;
}

static bool export_certificate(X509 *cert, struct srv_certificate *out, struct srv_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long len =
        bio != NULL && PEM_write_bio_X509(bio, cert) == 1 ? BIO_get_mem_data(bio, &bytes) : 0;
    bool ok = len > 0 && (size_t)len < sizeof out->pem &&
              x509_serial(cert, out->serial.digits, sizeof out->serial.digits);
    if (ok) {
        memcpy(out->pem, bytes, (size_t)len);
        out->pem[len] = '\0';
        out->not_after = x509_epoch(X509_get0_notAfter(cert));
    }
    BIO_free(bio);
    return ok || srv_fail(err, SRV_E_INTERNAL, "the certificate does not fit its buffer");
}

bool srv_identity_issue(struct srv_identity *id, struct ota_span thing, struct ota_span csr,
                        int64_t now, struct srv_certificate *out, struct srv_err *err)
{
    if (!ota_thing_name_ok(thing)) {
        return srv_fail(err, SRV_E_INVALID, "a thing name is 1 to %u of a-z A-Z 0-9 : _ -",
                        OTA_THING_NAME_MAX);
    }
    if (csr.len > SRV_CSR_MAX) {
        return srv_fail(err, SRV_E_LIMIT, "a certificate request has at most %u bytes",
                        SRV_CSR_MAX);
    }
    int64_t ca_end = x509_epoch(X509_get0_notAfter(id->ca.cert));
    struct x509_spec spec = {
        .name = thing,
        .use = X509_USE_CLIENT,
        .not_before = now - SKEW,
        .not_after = now + DEVICE_LIFE < ca_end ? now + DEVICE_LIFE : ca_end,
    };
    X509_REQ *request = parse_csr(csr);
    X509 *cert = check_csr(request, err)
                     ? x509_make(&spec, X509_REQ_get0_pubkey(request), id->ca, err)
                     : NULL;
    bool ok = cert != NULL && export_certificate(cert, out, err);
    X509_free(cert);
    X509_REQ_free(request);
    return ok;
}

bool srv_identity_pass(struct srv_identity *id, struct ota_span thing, int64_t now,
                       struct srv_pass *out, struct srv_err *err)
{
    if (thing.len > 0 && !ota_thing_name_ok(thing)) {
        return srv_fail(err, SRV_E_INVALID, "no thing has that name");
    }
    struct x509_spec spec = {
        .name = thing.len > 0 ? thing : OTA_SPAN_LIT("waft.probe"),
        .use = X509_USE_CLIENT,
        .not_before = now - SKEW,
        .not_after = now + PASS_LIFE,
    };
    struct srv_pass pass = { .key = x509_key_make(err) };
    pass.cert = pass.key != NULL ? x509_make(&spec, pass.key, id->ca, err) : NULL;
    if (pass.cert == NULL ||
        !x509_serial(pass.cert, pass.serial.digits, sizeof pass.serial.digits)) {
        srv_pass_clear(&pass);
        return false;
    }
    *out = pass;
    return true;
}

void srv_pass_clear(struct srv_pass *pass)
{
    X509_free(pass->cert);
    EVP_PKEY_free(pass->key);
    *pass = (struct srv_pass){ 0 };
}
