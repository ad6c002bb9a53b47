/*
 * Identity: the provider's own certificate authority.
 *
 *     DIR/ca/ca.key          0600, P-256; made at the first start, never leaves
 *     DIR/ca/ca.crt          what devices, the broker and the CLI trust
 *     DIR/ca/crl.pem         certificates of disabled things, replaced in one step
 *     DIR/tls/NAME.crt .key  our own certificates; made again when they near their end
 *
 * A device's common name is its thing name: the broker takes it as user and as
 * client id, so the one place that decides what a device may be called is
 * srv_identity_issue(). Our own names contain a dot, which no thing name does.
 *
 * Thread-safe after srv_identity_open().
 */
#ifndef SRV_IDENTITY_H
#define SRV_IDENTITY_H

#include "base/file.h"
#include "ota/span.h"
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

/* The broker uses the name as client id, so each connection of ours needs its own. */
#define SRV_NAME_CONTROL "waft.provider"
#define SRV_NAME_STREAM  "waft.provider.stream"

/* RFC 5280: serials are at most 20 bytes. Ours are 16, as lower-case hexadecimal digits. */
#define SRV_SERIAL_DIGITS 32u

/* A P-256 request is 0.5 KiB, RSA-4096 1.8 KiB; extensions are ignored, but may be there. */
#define SRV_CSR_MAX (16u * 1024u)

/* A P-256 certificate of ours with a 128-character name, as PEM, is about 1 KiB; RSA-4096 adds 0.7. */
#define SRV_CERTIFICATE_PEM_MAX 4096u

enum srv_own {
    SRV_OWN_HTTPS,
    SRV_OWN_BROKER,
    SRV_OWN_CONTROL,
    SRV_OWN_STREAM,
    SRV_OWN_COUNT,
};

struct srv_identity;

struct srv_identity_cfg {
    const char *dir; /* the data directory; made if it is not there */
    const char *const *
        names; /* host names and addresses that our server certificates cover besides localhost's; may be NULL */
    size_t name_count;
    int64_t now; /* epoch seconds */
};

/**
 * Open the authority of a data directory, or make it. Own certificates that are
 * absent, near their end, of another authority or without a wanted name are made anew.
 *
 * @return NULL with `err` filled if a key is missing, foreign or unreadable: a lost
 *         CA key is never silently replaced, since every device would be locked out.
 */
struct srv_identity *srv_identity_open(const struct srv_identity_cfg *cfg, struct srv_err *err);
void srv_identity_close(struct srv_identity *id);

/** Paths, valid until close. */
const char *srv_identity_ca_path(const struct srv_identity *id);
const char *srv_identity_crl_path(const struct srv_identity *id);
const char *srv_identity_cert_path(const struct srv_identity *id, enum srv_own own);
const char *srv_identity_key_path(const struct srv_identity *id, enum srv_own own);

/**
 * Make again what of our own certificates nears its end; call it once a day.
 *
 * @return whether any was made: the broker then has to load it.
 */
bool srv_identity_renew(struct srv_identity *id, int64_t now, struct srv_err *err);

struct srv_serial {
    char digits[SRV_SERIAL_DIGITS + 1u];
};

struct srv_certificate {
    char pem[SRV_CERTIFICATE_PEM_MAX];
    struct srv_serial serial;
    int64_t not_after; /* epoch seconds */
};

/**
 * Sign a device certificate for `thing`. Of the request (PEM or DER) only the
 * public key counts, and the proof that its owner has the private one: the
 * name is the caller's, extensions are ours.
 *
 * @return false with SRV_E_INVALID if the name is no thing name, or the request is
 *         no request, its signature is wrong or its key is too weak.
 */
SRV_MUST_CHECK bool srv_identity_issue(struct srv_identity *id, struct ota_span thing,
                                       struct ota_span csr, int64_t now,
                                       struct srv_certificate *out, struct srv_err *err);

struct srv_serials {
    const struct srv_serial *serial;
    size_t count;
};

/**
 * Replace the revocation list by exactly these. Each list is newer than the one
 * before by its own date, however fast they follow each other: a reader that
 * keeps several takes the newest.
 */
SRV_MUST_CHECK bool srv_identity_write_crl(struct srv_identity *id, struct srv_serials held,
                                           int64_t now, struct srv_err *err);

/** A key and a certificate that live in memory for one connection of ours. */
struct srv_pass {
    EVP_PKEY *key;
    X509 *cert;
    struct srv_serial serial;
};

/**
 * A pass in the name of a thing, good for minutes: to take over its client id at
 * the broker, which is how a disabled device is put out. An empty name gives one in a name of
 * our own, to see whether the broker lets us in.
 */
SRV_MUST_CHECK bool srv_identity_pass(struct srv_identity *id, struct ota_span thing, int64_t now,
                                      struct srv_pass *out, struct srv_err *err);
void srv_pass_clear(struct srv_pass *pass);

#endif
