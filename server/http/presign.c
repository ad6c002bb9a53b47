#include "http/presign.h"
#include "base/file.h"
#include "http/request.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 32u
#define MAC_SIZE 32u
/* Decimal digits of an expiry: enough for the next 30,000 years, and for int64_t. */
#define EXPIRES_DIGITS_MAX 12u
#define LINES_MAX          (32u + OTA_THING_NAME_MAX + 2u * SRV_DIGEST_SIZE + EXPIRES_DIGITS_MAX)

/* Of the fixed parts, "/d/?t=&e=&s=", 12 characters. */
_Static_assert(SRV_PRESIGN_BASE_MAX + 12u + 2u * SRV_DIGEST_SIZE + OTA_THING_NAME_MAX +
                       EXPIRES_DIGITS_MAX + 2u * MAC_SIZE <=
                   SRV_PRESIGNED_URL_MAX,
               "the core has room for every URL");

struct srv_presign {
    struct srv_presigner port;
    uint8_t key[KEY_SIZE];
    uint32_t valid_s;
    char base[SRV_PRESIGN_BASE_MAX + 1u];
};

/* MAC as hex text; false: OpenSSL cannot. */
static bool mac_of(const struct srv_presign *p, const struct srv_presigned *url,
                   char hex[2 * MAC_SIZE + 1])
{
    uint8_t lines[LINES_MAX], mac[MAC_SIZE];
    struct ota_writer w = ota_writer(OTA_BUF_OF(lines));
    ota_write_str(&w, "waft-download-1\n");
    ota_write_bytes(&w, url->thing);
    ota_write_str(&w, "\n");
    ota_write_bytes(&w, url->digest);
    ota_write_str(&w, "\n");
    ota_write_bytes(&w, url->expires);
    const struct ota_span text = ota_writer_done(&w);
    unsigned len = sizeof mac;
    if (text.len == 0 || /* longer than any of ours */
        HMAC(EVP_sha256(), p->key, KEY_SIZE, text.ptr, text.len, mac, &len) == NULL) {
        return false;
    }
    http_hex(hex, mac, sizeof mac);
    return true;
}

static void write_url(const struct srv_presigner *self, struct ota_writer *w, struct ota_span thing,
                      struct ota_span digest, int64_t now_s)
{
    const struct srv_presign *p = (const struct srv_presign *)self;
    char expires[24], mac[2 * MAC_SIZE + 1];
    snprintf(expires, sizeof expires, "%lld", (long long)now_s + p->valid_s);
    if (!mac_of(p, &(struct srv_presigned){ thing, digest, ota_span_of_str(expires), { 0 } },
                mac)) {
        w->bad = true;
        return;
    }
    ota_write_str(w, p->base);
    ota_write_str(w, "/d/");
    ota_write_bytes(w, digest);
    ota_write_str(w, "?t=");
    ota_write_bytes(w, thing);
    ota_write_str(w, "&e=");
    ota_write_str(w, expires);
    ota_write_str(w, "&s=");
    ota_write_str(w, mac);
}

/* 0: not a number, or too long to be one of ours. */
static int64_t seconds_of(struct ota_span digits)
{
    int64_t value = 0;
    if (digits.len > EXPIRES_DIGITS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') {
            return 0;
        }
        value = 10 * value + (digits.ptr[i] - '0');
    }
    return value;
}

bool srv_presign_check(const struct srv_presign *p, const struct srv_presigned *url, int64_t now_s,
                       struct srv_err *err)
{
    char mac[2 * MAC_SIZE + 1];
    if (url->mac.len != 2 * MAC_SIZE || !mac_of(p, url, mac) ||
        CRYPTO_memcmp(url->mac.ptr, mac, 2 * MAC_SIZE) != 0) {
        return srv_fail(err, SRV_E_UNAUTHORIZED, "this URL was not made here");
    }
    return seconds_of(url->expires) > now_s ||
           srv_fail(err, SRV_E_UNAUTHORIZED, "this URL has expired");
}

static bool make_key(const char *path, struct srv_err *err)
{
    uint8_t key[KEY_SIZE];
    char line[2 * KEY_SIZE + 2];
    if (RAND_bytes(key, sizeof key) != 1) {
        return srv_fail(err, SRV_E_INTERNAL, "no random bytes for a key");
    }
    http_hex(line, key, sizeof key);
    line[2 * KEY_SIZE] = '\n';
    const bool ok = srv_file_write(path, line, 2 * KEY_SIZE + 1, 0600, err);
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(line, sizeof line);
    return ok;
}

static bool load_key(struct srv_presign *p, const char *dir, struct srv_err *err)
{
    char path[SRV_PATH_MAX], *text = NULL;
    size_t len = 0;
    if (!srv_path(path, dir, "download.key", err)) {
        return false;
    }
    if (!srv_file_read(path, 2 * KEY_SIZE + 1, &text, &len, err) &&
        (err->code != SRV_E_NOT_FOUND || !make_key(path, err) ||
         !srv_file_read(path, 2 * KEY_SIZE + 1, &text, &len, err))) {
        return false;
    }
    const bool line = len == 2 * KEY_SIZE + 1 && text[2 * KEY_SIZE] == '\n';
    const bool ok = line && http_unhex((struct ota_span){ (const uint8_t *)text, 2 * KEY_SIZE },
                                       p->key, KEY_SIZE);
    OPENSSL_cleanse(text, len);
    free(text);
    return ok || srv_fail(err, SRV_E_INVALID, "%s is no key: remove it for a new one", path);
}

struct srv_presign *srv_presign_open(const char *dir, uint32_t valid_s, struct srv_err *err)
{
    struct srv_presign *p = calloc(1, sizeof *p);
    if (p == NULL) {
        srv_fail(err, SRV_E_INTERNAL, "no memory");
        return NULL;
    }
    p->port.write = write_url;
    p->valid_s = valid_s;
    *err = (struct srv_err){ .code = SRV_OK };
    if (!load_key(p, dir, err)) {
        srv_presign_close(p);
        return NULL;
    }
    *err = (struct srv_err){ .code = SRV_OK };
    return p;
}

void srv_presign_close(struct srv_presign *p)
{
    if (p != NULL) {
        OPENSSL_cleanse(p, sizeof *p);
        free(p);
    }
}

bool srv_presign_base_ok(const char *base)
{
    static const char scheme[] = "https://";
    const size_t len = strlen(base);
    if (len <= sizeof scheme - 1u || len > SRV_PRESIGN_BASE_MAX ||
        strncmp(base, scheme, sizeof scheme - 1u) != 0 || base[len - 1u] == '/') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (base[i] <= ' ' || base[i] > '~' || strchr("\"\\?#%{}", base[i]) != NULL) {
            return false;
        }
    }
    return true;
}

void srv_presign_base_set(struct srv_presign *p, const char *base)
{
    snprintf(p->base, sizeof p->base, "%s", base);
}

const struct srv_presigner *srv_presign_port(const struct srv_presign *p)
{
    return &p->port;
}
