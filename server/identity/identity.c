#include "base/log.h"
#include "identity/priv.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Our own servers: renewed without anyone noticing, so short. */
#define OWN_LIFE       (365 * DAY)
#define OWN_RENEW_LEFT (60 * DAY)

static const struct {
    const char *file, *name;
    enum x509_use use;
} owns[SRV_OWN_COUNT] = {
    [SRV_OWN_HTTPS] = { "https", "waft.https", X509_USE_SERVER },
    [SRV_OWN_BROKER] = { "broker", "waft.broker", X509_USE_SERVER },
    [SRV_OWN_CONTROL] = { "control", SRV_NAME_CONTROL, X509_USE_CLIENT },
    [SRV_OWN_STREAM] = { "stream", SRV_NAME_STREAM, X509_USE_CLIENT },
};

/* ---- names ---- */

static bool add_alt_name(char *names, const char *name, struct srv_err *err)
{
    ASN1_OCTET_STRING *address = a2i_IPADDRESS(name);
    const char *kind = address != NULL ? "IP" : "DNS";
    ASN1_OCTET_STRING_free(address);
    ERR_clear_error();
    /* The characters of host names and addresses: a comma would add names of its own. */
    if (name[0] == '\0' || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.:-_") != strlen(name)) {
        return srv_fail(err, SRV_E_INVALID, "%.80s is neither a host name nor an address", name);
    }
    size_t used = strlen(names);
    int len =
        snprintf(names + used, ALT_NAMES_MAX - used, "%s%s:%s", used > 0 ? "," : "", kind, name);
    if (len < 0 || (size_t)len >= ALT_NAMES_MAX - used) {
        return srv_fail(err, SRV_E_LIMIT, "too many names for one certificate");
    }
    return true;
}

static bool gather_alt_names(struct srv_identity *id, const struct srv_identity_cfg *cfg,
                             struct srv_err *err)
{
    static const char *const local[] = { "localhost", "127.0.0.1", "::1" };
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if (!add_alt_name(id->alt_names, local[i], err)) {
            return false;
        }
    }
    char host[256] = "";
    if (gethostname(host, sizeof host - 1u) == 0 && host[0] != '\0' &&
        !add_alt_name(id->alt_names, host, NULL)) {
        srv_log(SRV_LOG_WARN, "identity.host_name",
                "this machine's name cannot be in a certificate: left out");
    }
    for (size_t i = 0; i < cfg->name_count; i++) {
        if (!add_alt_name(id->alt_names, cfg->names[i], err)) {
            return false;
        }
    }
    return true;
}

/* ---- the authority ---- */

static bool make_ca(struct srv_identity *id, int64_t now, struct srv_err *err)
{
    static const char name[] = "waft CA";
    struct x509_spec spec = {
        .name = OTA_SPAN_LIT(name),
        .use = X509_USE_CA,
        .not_before = now - SKEW,
        .not_after = now + CA_LIFE,
    };
    struct x509_issuer self = { .cert = NULL, .key = id->ca.key };
    id->ca.cert = x509_make(&spec, id->ca.key, self, err);
    return id->ca.cert != NULL && x509_cert_write(id->ca_cert, id->ca.cert, err);
}

/*
 * The key is written first. So a key without a certificate is a start that was
 * cut short, and goes on; a certificate without its key is a loss that a person
 * must know of.
 */
static bool open_ca(struct srv_identity *id, int64_t now, struct srv_err *err)
{
    id->ca.cert = x509_cert_read(id->ca_cert, err);
    bool made_before = id->ca.cert != NULL;
    if (!made_before && err->code != SRV_E_NOT_FOUND) {
        return false;
    }
    id->ca.key = x509_key_read(id->ca_key, err);
    if (id->ca.key == NULL) {
        if (err->code != SRV_E_NOT_FOUND) {
            return false;
        }
        if (made_before) {
            return srv_fail(err, SRV_E_INTERNAL,
                            "%s is lost: restore it from a backup, or use a new data directory",
                            id->ca_key);
        }
        id->ca.key = x509_key_make(err);
        if (id->ca.key == NULL || !x509_key_write(id->ca_key, id->ca.key, err)) {
            return false;
        }
    }
    if (!made_before) {
        return make_ca(id, now, err);
    }
    if (X509_check_private_key(id->ca.cert, id->ca.key) != 1) {
        ERR_clear_error();
        return srv_fail(err, SRV_E_INTERNAL, "%s does not belong to %s", id->ca_key, id->ca_cert);
    }
    return true;
}

/* ---- our own certificates ---- */

static bool covers_names(const struct srv_identity *id, X509 *cert)
{
    char names[ALT_NAMES_MAX];
    memcpy(names, id->alt_names, sizeof names);
    char *rest = names;
    for (char *name = strtok_r(names, ",", &rest); name != NULL;
         name = strtok_r(NULL, ",", &rest)) {
        char *value = strchr(name, ':') + 1;
        bool is_address = name[0] == 'I';
        if ((is_address ? X509_check_ip_asc(cert, value, 0)
                        : X509_check_host(cert, value, 0, 0, NULL)) != 1) {
            return false;
        }
    }
    return true;
}

static bool still_good(const struct srv_identity *id, enum srv_own own, int64_t now)
{
    struct srv_err ignored;
    X509 *cert = x509_cert_read(id->own_cert[own], &ignored);
    EVP_PKEY *key = x509_key_read(id->own_key[own], &ignored);
    time_t renew_from = now + OWN_RENEW_LEFT;
    time_t today = now;
    bool good = cert != NULL && key != NULL && X509_check_private_key(cert, key) == 1 &&
                X509_verify(cert, id->ca.key) == 1 &&
                X509_cmp_time(X509_get0_notAfter(cert), &renew_from) > 0 &&
                X509_cmp_time(X509_get0_notBefore(cert), &today) < 0 &&
                (owns[own].use != X509_USE_SERVER || covers_names(id, cert));
    ERR_clear_error();
    X509_free(cert);
    EVP_PKEY_free(key);
    return good;
}

/* The old certificate goes first: cut between the two writes, the pair does not match and is made again. */
static bool make_own(struct srv_identity *id, enum srv_own own, int64_t now, struct srv_err *err)
{
    struct x509_spec spec = {
        .name = ota_span_of_str(owns[own].name),
        .use = owns[own].use,
        .alt_names = owns[own].use == X509_USE_SERVER ? id->alt_names : NULL,
        .not_before = now - SKEW,
        .not_after = now + OWN_LIFE,
    };
    EVP_PKEY *key = x509_key_make(err);
    X509 *cert = key != NULL ? x509_make(&spec, key, id->ca, err) : NULL;
    bool ok = cert != NULL && x509_key_write(id->own_key[own], key, err) &&
              x509_cert_write(id->own_cert[own], cert, err);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

/* How many were made; -1 with err. */
static int renew_owns(struct srv_identity *id, int64_t now, struct srv_err *err)
{
    int made = 0;
    for (enum srv_own own = 0; own < SRV_OWN_COUNT; own++) {
        if (still_good(id, own, now)) {
            continue;
        }
        if (!make_own(id, own, now, err)) {
            return -1;
        }
        made++;
    }
    return made;
}

bool srv_identity_renew(struct srv_identity *id, int64_t now, struct srv_err *err)
{
    err->code = SRV_OK;
    pthread_mutex_lock(&id->lock);
    int made = renew_owns(id, now, err);
    pthread_mutex_unlock(&id->lock);
    return made > 0;
}

/* ---- open, close ---- */

static bool build_paths(struct srv_identity *id, const char *dir, struct srv_err *err)
{
    char ca[SRV_PATH_MAX], tls[SRV_PATH_MAX], name[32];
    if (!srv_path(ca, dir, "ca", err) || !srv_path(tls, dir, "tls", err) ||
        !srv_dir_make(ca, 0700, err) || !srv_dir_make(tls, 0700, err) ||
        !srv_path(id->ca_cert, ca, "ca.crt", err) || !srv_path(id->ca_key, ca, "ca.key", err) ||
        !srv_path(id->crl, ca, "crl.pem", err)) {
        return false;
    }
    for (enum srv_own own = 0; own < SRV_OWN_COUNT; own++) {
        snprintf(name, sizeof name, "%s.crt", owns[own].file);
        bool ok = srv_path(id->own_cert[own], tls, name, err);
        snprintf(name, sizeof name, "%s.key", owns[own].file);
        if (!ok || !srv_path(id->own_key[own], tls, name, err)) {
            return false;
        }
    }
    return true;
}

struct srv_identity *srv_identity_open(const struct srv_identity_cfg *cfg, struct srv_err *err)
{
    struct srv_identity *id = calloc(1, sizeof *id);
    if (id == NULL) {
        srv_fail(err, SRV_E_INTERNAL, "no memory");
        return NULL;
    }
    pthread_mutex_init(&id->lock, NULL);
    struct srv_serials none = { NULL, 0 };
    if (build_paths(id, cfg->dir, err) && gather_alt_names(id, cfg, err) &&
        open_ca(id, cfg->now, err) && renew_owns(id, cfg->now, err) >= 0 &&
        (access(id->crl, F_OK) == 0 || srv_identity_write_crl(id, none, cfg->now, err))) {
        return id;
    }
    srv_identity_close(id);
    return NULL;
}

void srv_identity_close(struct srv_identity *id)
{
    if (id == NULL) {
        return;
    }
    X509_free(id->ca.cert);
    EVP_PKEY_free(id->ca.key);
    pthread_mutex_destroy(&id->lock);
    free(id);
}

const char *srv_identity_ca_path(const struct srv_identity *id)
{
    return id->ca_cert;
}

const char *srv_identity_crl_path(const struct srv_identity *id)
{
    return id->crl;
}

const char *srv_identity_cert_path(const struct srv_identity *id, enum srv_own own)
{
    return id->own_cert[own];
}

const char *srv_identity_key_path(const struct srv_identity *id, enum srv_own own)
{
    return id->own_key[own];
}
