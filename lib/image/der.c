#include "ota/image.h"
#include <string.h>

#define DER_INTEGER  0x02u
#define DER_SEQUENCE 0x30u

#define NUMBER_SIZE (OTA_P256_RS_SIZE / 2u)

/*
 * What is inside the element at the begin of `from`, which steps over it. Lengths from 128 on have a
 * long form, which nothing in a P-256 signature needs: the two integers and their heads are 70 bytes
 * at most. None: nothing inside, or no such element.
 */
static struct ota_span element(struct ota_span *from, uint8_t tag)
{
    if (from->len < 2 || from->ptr[0] != tag || from->ptr[1] > from->len - 2) {
        return OTA_SPAN_NONE;
    }
    const struct ota_span inside = { from->ptr + 2, from->ptr[1] };
    from->ptr = inside.ptr + inside.len;
    from->len -= 2 + inside.len;
    return inside;
}

/* A positive INTEGER of at most 32 bytes, in the one encoding that DER allows. */
static bool read_number(struct ota_span *from, uint8_t out[NUMBER_SIZE])
{
    struct ota_span n = element(from, DER_INTEGER);
    const bool sign_byte = n.len > 0 && n.ptr[0] == 0;
    if (sign_byte) {
        n.ptr++;
        n.len--;
    }
    if (n.len == 0 || n.len > NUMBER_SIZE) {
        return false; /* Nothing; zero, which is in no signature; or too much. */
    }
    if (sign_byte != (n.ptr[0] >= 0x80u)) {
        return false; /* Negative, or a sign byte without need. */
    }
    memset(out, 0, NUMBER_SIZE);
    memcpy(out + NUMBER_SIZE - n.len, n.ptr, n.len);
    return true;
}

ota_err_t ota_signature_from_der(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE])
{
    struct ota_span inner = element(&der, DER_SEQUENCE);
    uint8_t read[OTA_P256_RS_SIZE];
    if (!read_number(&inner, read) || !read_number(&inner, read + NUMBER_SIZE) || inner.len > 0) {
        return OTA_E_MALFORMED;
    }
    for (; der.len > 0; der.ptr++, der.len--) {
        if (*der.ptr != 0) {
            return OTA_E_MALFORMED;
        }
    }
    memcpy(rs, read, sizeof read);
    return OTA_OK;
}
