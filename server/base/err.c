#include "base/err.h"
#include "base/utf8.h"
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

/* What others wrote may be quoted, and is cut to fit: answers are JSON all the same. */
static void keep_characters(char *text)
{
    while (*text != '\0') {
        uint32_t point;
        const size_t len = srv_utf8_decode(text, &point);
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
