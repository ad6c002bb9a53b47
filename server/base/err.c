#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int srv_code_http(enum srv_code code)
{
    switch (code) {
#define X(name, http, exception)                                                                   \
    case name: return http;
        SRV_CODES(X)
#undef X
    }
    return 500;
}

const char *srv_code_exception(enum srv_code code)
{
    switch (code) {
#define X(name, http, exception)                                                                   \
    case name: return exception;
        SRV_CODES(X)
#undef X
    }
    return "InternalFailureException";
}

/* Bytes of the UTF-8 character at `at`, behind which a zero comes; 0: there is none (RFC 3629). */
static size_t character(const unsigned char *at)
{
    const unsigned char first = at[0];
    const size_t len = first < 0x80   ? 1
                       : first < 0xc2 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                       : first < 0xf5 ? 4
                                      : 0;
    /* Not longer than needed, no surrogates, nothing beyond U+10FFFF. */
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (size_t i = 1; i < len; i++) {
        if (at[i] < low || at[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return len;
}

/* What others wrote may be quoted, and is cut to fit: answers are JSON all the same. */
static void keep_characters(char *text)
{
    while (*text != '\0') {
        const size_t len = character((const unsigned char *)text);
        if (len == 0) {
            *text = '?';
        }
        text += len > 0 ? len : 1;
    }
}

bool srv_fail(struct srv_err *err, enum srv_code code, const char *format, ...)
{
    if (err == NULL) {
        return false;
    }
    err->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    keep_characters(err->text);
    return false;
}

bool srv_fail_errno(struct srv_err *err, const char *format, ...)
{
    int saved = errno;
    if (err == NULL) {
        return false;
    }
    err->code = saved == ENOSPC || saved == EDQUOT ? SRV_E_DISK_FULL : SRV_E_INTERNAL;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    size_t used = strlen(err->text);
    char reason[80];
    snprintf(err->text + used, sizeof err->text - used, ": %s",
             strerror_r(saved, reason, sizeof reason));
    keep_characters(err->text);
    return false;
}
