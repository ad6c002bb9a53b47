#include "ota/span.h"
#include <string.h>

struct ota_span ota_span_of_str(const char *str)
{
    if (str == NULL) {
        return OTA_SPAN_NONE;
    }
    return (struct ota_span){ (const uint8_t *)str, strlen(str) };
}

bool ota_span_eq(struct ota_span a, struct ota_span b)
{
    if (a.len != b.len) {
        return false;
    }
    /* An empty span may have no pointer, which memcmp() must not be given. */
    return a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0;
}
