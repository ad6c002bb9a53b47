/* waft keyset info: what a keyset says, and whether devices that trust given keys would believe it. */
#include "anchors.h"
#include "cli.h"
#include "ed25519_openssl.h"
#include "image_file.h"
#include "keyset_file.h"
#include "out.h"
#include "psa_port.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

/* ---- the signature ---- */

static ota_err_t check_by(const struct ota_anchor *anchor, const struct ota_keyset *k)
{
    struct psa_port port;
    uint8_t digest[OTA_DIGEST_SIZE];
    cli_sha256(k->covered.ptr, k->covered.len, digest);
    if (anchor->key[0] != k->signature.kind) {
        return OTA_E_IMAGE_SIGNATURE;
    }
    if (k->signature.kind == OTA_KEY_ED25519) {
        return ed25519_openssl_verify(NULL, anchor->key + 1, digest, k->signature.rs);
    }
    const ota_err_t why = psa_port_init(&port, NULL);
    return why != OTA_OK
               ? why
               : port.base.ops->verify_p256(&port.base, anchor->key, digest, k->signature.rs);
}

/* By one of the keys that devices trust now. */
static ota_err_t check_signature(const struct ota_keyset *k, const struct ota_anchor *anchors,
                                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(anchors[i].key_id, k->signature.key_id, OTA_DIGEST_SIZE) == 0 &&
            check_by(&anchors[i], k) == OTA_OK) {
            return OTA_OK;
        }
    }
    return OTA_E_KEYSET_SIGNATURE;
}

/* ---- what it says ---- */

#define IDS_MAX (OTA_KEYSET_REVOKED_MAX * (2u * OTA_DIGEST_SIZE + 1u) + 1u)
#define CA_MAX  300u

struct texts {
    char version[16], vendor[37], class_id[37];
    char release[IDS_MAX], deployment[IDS_MAX], revoked[IDS_MAX], signer[IDS_MAX];
    char ca[OTA_KEYSET_CAS_MAX][CA_MAX];
};

/* Key ids behind one another, `step` bytes from one to the next. */
static void write_ids(char out[IDS_MAX], const uint8_t *ids, size_t count, size_t step)
{
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char *at = out + strlen(out);
        if (i > 0) {
            *at++ = ' ';
        }
        cli_hex(at, ids + i * step, OTA_DIGEST_SIZE);
    }
}

/* "CN=waft CA, until Nov 21 23:00:00 2036 GMT". */
static void write_ca(char out[CA_MAX], struct ota_span der)
{
    const unsigned char *at = der.ptr;
    X509 *cert = der.len > 0 ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    out[0] = '\0';
    if (cert != NULL && bio != NULL) {
        X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_ONELINE);
        BIO_puts(bio, ", until ");
        ASN1_TIME_print(bio, X509_get0_notAfter(cert));
        const int len = BIO_read(bio, out, (int)CA_MAX - 1);
        out[len > 0 ? len : 0] = '\0';
    } else if (der.len > 0) {
        snprintf(out, CA_MAX, "%zu bytes that are no certificate", der.len);
    }
    ERR_clear_error();
    BIO_free(bio);
    X509_free(cert);
}

static void write_texts(struct texts *x, const struct ota_keyset *k)
{
    const struct ota_trust *t = &k->trust;
    snprintf(x->version, sizeof x->version, "%u", (unsigned)t->version);
    cli_uuid_print(x->vendor, t->vendor);
    cli_uuid_print(x->class_id, t->class_id);
    write_ids(x->release, t->release[0].key_id, t->release_count, sizeof t->release[0]);
    write_ids(x->deployment, t->deployment[0].key_id, t->deployment_count, sizeof t->deployment[0]);
    write_ids(x->revoked, k->revoked.ptr, t->revoked_count, OTA_DIGEST_SIZE);
    write_ids(x->signer, k->signature.key_id, 1, 0);
    for (size_t i = 0; i < OTA_KEYSET_CAS_MAX; i++) {
        write_ca(x->ca[i], k->ca[i]);
    }
}

void cli_keyset_print(const struct ota_keyset *keyset, const char *signature,
                      enum cli_format format)
{
    static const struct cli_column columns[] = {
        { "version", "version", CLI_NUMBER },
        { "vendor", "vendor", CLI_TEXT },
        { "class", "class", CLI_TEXT },
        { "releaseKeys", "release keys", CLI_TEXT },
        { "deploymentKeys", "deployment keys", CLI_TEXT },
        { "revokedKeys", "revoked keys", CLI_TEXT },
        { "ca", "broker's CA", CLI_TEXT },
        { "ca2", "another CA", CLI_TEXT },
        { "signer", "signed by", CLI_TEXT },
        { "signature", "signature", CLI_TEXT },
    };
    struct texts x;
    struct cli_table t;
    write_texts(&x, keyset);
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t,
                  (const char *const[]){ x.version, x.vendor, x.class_id, x.release, x.deployment,
                                         x.revoked, x.ca[0], x.ca[1], x.signer, signature });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
}

static enum cli_exit run(const struct cli_args *args)
{
    struct srv_err err = { 0 };
    struct cli_keyset file = { .bytes = NULL };
    struct ota_anchor anchors[OTA_ANCHORS_MAX];
    uint8_t count = 0;
    if (!cli_keyset_read(cli_operand(args, 0), &file, &err) ||
        !cli_anchors_read(args, "--key", CLI_KEY_RELEASE, anchors, &count, &err)) {
        cli_keyset_end(&file);
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    const ota_err_t why = count > 0 ? check_signature(&file.keyset, anchors, count) : OTA_OK;
    cli_keyset_print(&file.keyset,
                     count == 0      ? "not checked (--key)"
                     : why == OTA_OK ? "good"
                                     : "bad",
                     args->format);
    cli_keyset_end(&file);
    return why == OTA_OK
               ? CLI_OK
               : cli_fail(CLI_FAILED, NULL, "%s (%s)", ota_err_text(why), ota_err_name(why));
}

static const struct cli_option options[] = {
    { "--key", "FILE",
      "release key that devices trust now: is it signed by one of them? At most two",
      CLI_REPEATED },
    { 0 },
};

const struct cli_command cli_keyset_info = {
    .noun = "keyset",
    .verb = "info",
    .operands = "KEYSET",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "show what a keyset says, and check its signature",
    .options = options,
    .run = run,
};
