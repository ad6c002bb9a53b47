/* waft keyset make: all keys and authorities of a kind of device in one signed document. No server is needed. */
#include "anchors.h"
#include "base/file.h"
#include "cli.h"
#include "image_file.h"
#include "keyset_file.h"
#include "out.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX (64u * 1024u)

struct draft {
    struct cli_keyset after; /* the keyset that devices have; `bytes` NULL: none was named */
    struct ota_trust trust;
    uint8_t revoked[OTA_KEYSET_REVOKED_MAX][OTA_DIGEST_SIZE];
    size_t revoked_count, ca_count;
    uint8_t ca_room[OTA_KEYSET_CAS_MAX][OTA_KEYSET_CA_SIZE_MAX];
    struct ota_span ca[OTA_KEYSET_CAS_MAX];
};

/* ---- what goes in ---- */

/* Vendor, class, revocations and a version to begin with: what devices have now. */
static bool read_after(const struct cli_args *args, struct draft *d, struct srv_err *err)
{
    const char *path = cli_option(args, "--after");
    if (path == NULL) {
        return true;
    }
    if (!cli_keyset_read(path, &d->after, err)) {
        return false;
    }
    const struct ota_trust *old = &d->after.keyset.trust;
    if (old->version == UINT32_MAX) {
        return srv_fail(err, SRV_E_LIMIT, "no keyset can come after version %u", UINT32_MAX);
    }
    d->trust.version = old->version + 1u;
    memcpy(d->trust.vendor, old->vendor, OTA_UUID_SIZE);
    memcpy(d->trust.class_id, old->class_id, OTA_UUID_SIZE);
    for (; d->revoked_count < old->revoked_count; d->revoked_count++) {
        memcpy(d->revoked[d->revoked_count],
               d->after.keyset.revoked.ptr + d->revoked_count * OTA_DIGEST_SIZE, OTA_DIGEST_SIZE);
    }
    return true;
}

static bool read_device(const struct cli_args *args, struct draft *d, struct srv_err *err)
{
    const char *vendor = cli_option(args, "--vendor"), *class_id = cli_option(args, "--class");
    if (d->after.bytes == NULL && (vendor == NULL || class_id == NULL)) {
        return srv_fail(err, SRV_E_INVALID,
                        "--vendor and --class say for which devices it is, or --after does");
    }
    return (vendor == NULL || cli_uuid_read(vendor, d->trust.vendor, err)) &&
           (class_id == NULL || cli_uuid_read(class_id, d->trust.class_id, err));
}

static bool is_revoked(const struct draft *d, const uint8_t id[OTA_DIGEST_SIZE])
{
    for (size_t i = 0; i < d->revoked_count; i++) {
        if (memcmp(d->revoked[i], id, OTA_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* A key's file, or, when there is none any more, its id. */
static bool read_key_id(const char *text, uint8_t id[OTA_DIGEST_SIZE], struct srv_err *err)
{
    if (cli_unhex(text, id, OTA_DIGEST_SIZE)) {
        return true;
    }
    EVP_PKEY *key = cli_key_read_public(text, CLI_KEY_RELEASE, err);
    const bool ok = key != NULL && cli_key_id(key, id, err);
    EVP_PKEY_free(key);
    return ok;
}

static bool read_revoked(const struct cli_args *args, struct draft *d, struct srv_err *err)
{
    const char *text = NULL;
    for (size_t i = 0; (text = cli_option_at(args, "--revoke", i)) != NULL; i++) {
        uint8_t id[OTA_DIGEST_SIZE];
        if (!read_key_id(text, id, err)) {
            return false;
        }
        if (is_revoked(d, id)) {
            continue;
        }
        if (d->revoked_count == OTA_KEYSET_REVOKED_MAX) {
            return srv_fail(err, SRV_E_LIMIT, "a keyset can revoke at most %u keys, for ever",
                            OTA_KEYSET_REVOKED_MAX);
        }
        memcpy(d->revoked[d->revoked_count++], id, sizeof id);
    }
    return true;
}

static X509 *read_certificate(const char *path, struct srv_err *err)
{
    char *pem = NULL;
    size_t len = 0;
    if (!srv_file_read(path, PEM_MAX, &pem, &len, err)) {
        return NULL;
    }
    BIO *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    free(pem);
    ERR_clear_error();
    if (cert == NULL) {
        srv_fail(err, SRV_E_INVALID, "%s holds no certificate (PEM)", path);
    }
    return cert;
}

static bool read_ca(const char *path, uint8_t room[OTA_KEYSET_CA_SIZE_MAX], struct ota_span *der,
                    struct srv_err *err)
{
    X509 *cert = read_certificate(path, err);
    if (cert == NULL) {
        return false;
    }
    const int len = i2d_X509(cert, NULL);
    const bool fits = len > 0 && (size_t)len <= OTA_KEYSET_CA_SIZE_MAX;
    unsigned char *at = room;
    if (fits) {
        i2d_X509(cert, &at);
        *der = (struct ota_span){ room, (size_t)len };
    }
    X509_free(cert);
    return fits || srv_fail(err, SRV_E_LIMIT,
                            "%s has %d bytes of DER, and a keyset has room for %u: use a CA with a "
                            "P-256 key",
                            path, len, OTA_KEYSET_CA_SIZE_MAX);
}

static bool read_cas(const struct cli_args *args, struct draft *d, struct srv_err *err)
{
    const char *path = NULL;
    for (; (path = cli_option_at(args, "--ca", d->ca_count)) != NULL; d->ca_count++) {
        const size_t i = d->ca_count;
        if (i == OTA_KEYSET_CAS_MAX) {
            return srv_fail(err, SRV_E_LIMIT, "a keyset has room for %u certificates",
                            OTA_KEYSET_CAS_MAX);
        }
        if (!read_ca(path, d->ca_room[i], &d->ca[i], err)) {
            return false;
        }
    }
    return true;
}

static bool read_draft(const struct cli_args *args, struct draft *d, struct srv_err *err)
{
    return read_after(args, d, err) && read_device(args, d, err) &&
           cli_anchors_read(args, "--release-key", CLI_KEY_RELEASE, d->trust.release,
                            &d->trust.release_count, err) &&
           cli_anchors_read(args, "--deployment-key", CLI_KEY_OTHER, d->trust.deployment,
                            &d->trust.deployment_count, err) &&
           read_revoked(args, d, err) && read_cas(args, d, err);
}

/* ---- what comes out ---- */

/* What every device would refuse: then it is not made. */
static bool check(struct ota_span document, const struct draft *d, struct srv_err *err)
{
    struct ota_keyset made;
    ota_err_t why = ota_keyset_read(document, &made);
    if (why == OTA_OK && d->after.bytes != NULL &&
        made.trust.version <= d->after.keyset.trust.version) {
        why = OTA_E_KEYSET_VERSION;
    }
    return why == OTA_OK || srv_fail(err, SRV_E_INVALID, "no device would take it: %s (%s)",
                                     ota_err_text(why), ota_err_name(why));
}

static bool sign(struct ota_writer *w, EVP_PKEY *key, struct srv_err *err)
{
    uint8_t id[OTA_DIGEST_SIZE], digest[OTA_DIGEST_SIZE], rs[OTA_P256_RS_SIZE];
    struct cli_signature signature;
    if (!cli_key_id(key, id, err)) {
        return false;
    }
    ota_write_u8(w, (uint8_t)cli_key_kind(key));
    ota_write_bytes(w, OTA_SPAN_OF(id));
    const struct ota_span covered = ota_writer_done(w);
    cli_sha256(covered.ptr, covered.len, digest);
    if (!cli_sign_digest(key, digest, &signature, err)) {
        return false;
    }
    const struct ota_span made = { signature.der, signature.len };
    if (cli_key_kind(key) == OTA_KEY_ED25519) {
        memcpy(rs, made.ptr, sizeof rs);
    } else if (ota_signature_from_der(made, rs) != OTA_OK) {
        return srv_fail(err, SRV_E_INTERNAL, "the signature is none");
    }
    ota_write_bytes(w, OTA_SPAN_OF(rs));
    return true;
}

static bool make(const struct cli_args *args, struct draft *d, struct srv_err *err)
{
    uint8_t room[OTA_KEYSET_SIZE_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    const struct ota_span revoked = { d->revoked[0], d->revoked_count * OTA_DIGEST_SIZE };
    EVP_PKEY *key = cli_key_read_private(cli_option(args, "--key"), CLI_KEY_RELEASE, err);
    ota_keyset_write(&w, &d->trust, revoked, d->ca);
    const bool is_signed = key != NULL && sign(&w, key, err);
    EVP_PKEY_free(key);
    const struct ota_span document = ota_writer_done(&w);
    return is_signed && check(document, d, err) &&
           srv_file_write(cli_option(args, "--out"), document.ptr, document.len, 0644, err);
}

static enum cli_exit print_made(const char *path, enum cli_format format)
{
    struct cli_keyset file;
    struct srv_err err = { 0 };
    if (!cli_keyset_read(path, &file, &err)) {
        return cli_fail(CLI_FAILED, NULL, "what was written is no keyset: %s", err.text);
    }
    cli_keyset_print(&file.keyset, "made", format);
    cli_keyset_end(&file);
    return CLI_OK;
}

static enum cli_exit run(const struct cli_args *args)
{
    struct draft d = { .revoked_count = 0 };
    struct srv_err err = { 0 };
    const char *text = cli_option(args, "--version");
    unsigned long long version = 0;
    if (text == NULL && cli_option(args, "--after") == NULL) {
        return cli_fail(CLI_USAGE, "--after FILE takes one more than FILE's",
                        "--version is missing: higher than what devices have; a factory's is 0");
    }
    if (!cli_number("--version", text, 1, UINT32_MAX, &version)) {
        return CLI_USAGE;
    }
    bool ok = read_draft(args, &d, &err);
    d.trust.version = text != NULL ? (uint32_t)version : d.trust.version;
    ok = ok && make(args, &d, &err);
    cli_keyset_end(&d.after);
    return ok ? print_made(cli_option(args, "--out"), args->format)
              : cli_fail(CLI_FAILED, NULL, "%s", err.text);
}

static const struct cli_option options[] = {
    { "--key", "FILE", "private release key that devices trust now: it signs", CLI_REQUIRED },
    { "--out", "FILE", "where the keyset goes", CLI_REQUIRED },
    { "--release-key", "FILE",
      "public key that images must be signed with from then on; at most two", CLI_SOME },
    { "--deployment-key", "FILE", "public key that deployments must be signed with; at most two",
      CLI_SOME },
    { "--after", "FILE",
      "the keyset that devices have: vendor, class and revocations are taken from it, and the "
      "version "
      "is one more",
      CLI_ONCE },
    { "--version", "N", "higher than that of what devices have (a factory's is 0)", CLI_ONCE },
    { "--vendor", "UUID", "whose devices it is for", CLI_ONCE },
    { "--class", "UUID", "which class of devices it is for", CLI_ONCE },
    { "--revoke", "FILE|KEYID", "key that is never to be trusted again; at most eight, for ever",
      CLI_REPEATED },
    { "--ca", "FILE",
      "certificate (PEM) of an authority for the broker, in place of what devices have; at most "
      "two",
      CLI_REPEATED },
    { 0 },
};

const struct cli_command cli_keyset_make = {
    .noun = "keyset",
    .verb = "make",
    .summary =
        "make a keyset: it replaces all keys of devices, and their broker's CA (docs/keys.md)",
    .example = "waft keyset make --after 3.wkey --key release --release-key release.pub \\\n"
               "      --release-key next.pub --deployment-key deploy.pub --ca ca.crt --out 4.wkey",
    .options = options,
    .run = run,
};
