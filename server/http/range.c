#include "http/range.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Digits, at least one; more than 64 bits are as good as the most that fits. */
static bool number_read(const char **at, uint64_t *value)
{
    const char *from = *at;
    uint64_t number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        const uint64_t digit = (uint64_t)(**at - '0');
        number = number > (UINT64_MAX - digit) / 10u ? UINT64_MAX : number * 10u + digit;
    }
    *value = number;
    return *at != from;
}

/* "-N": the last N bytes. */
static enum http_range_verdict suffix_read(const char *at, uint64_t size, struct http_range *out)
{
    uint64_t count;
    at++;
    if (!number_read(&at, &count) || *at != '\0') {
        return HTTP_RANGE_ALL;
    }
    if (count == 0) {
        return HTTP_RANGE_NONE;
    }
    count = count < size ? count : size;
    *out = (struct http_range){ size - count, count };
    return HTTP_RANGE_PART;
}

/* "A-B" or "A-". */
static enum http_range_verdict span_read(const char *at, uint64_t size, struct http_range *out)
{
    uint64_t first, last = UINT64_MAX;
    if (!number_read(&at, &first) || *at++ != '-') {
        return HTTP_RANGE_ALL;
    }
    if (*at != '\0' && (!number_read(&at, &last) || *at != '\0' || last < first)) {
        return HTTP_RANGE_ALL;
    }
    if (first >= size) {
        return HTTP_RANGE_NONE;
    }
    last = last < size ? last : size - 1u;
    *out = (struct http_range){ first, last - first + 1u };
    return HTTP_RANGE_PART;
}

enum http_range_verdict http_range_read(const char *range, const char *if_range, const char *etag,
                                        uint64_t size, struct http_range *out)
{
    static const char unit[] = "bytes=";
    *out = (struct http_range){ 0, size };
    if (range == NULL || strncasecmp(range, unit, sizeof unit - 1u) != 0 ||
        (if_range != NULL && strcmp(if_range, etag) != 0)) {
        return HTTP_RANGE_ALL;
    }
    const char *at = range + sizeof unit - 1u;
    return *at == '-' ? suffix_read(at, size, out) : span_read(at, size, out);
}
