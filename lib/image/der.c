#include "image_priv.h"
#include <string.h>

#define DER_INTEGER  0x02u
#define DER_SEQUENCE 0x30u

#define NUMBER_SIZE (OTA_P256_RS_SIZE / 2u)

/*
 * Step over the head of an element: the length of what is inside, which is there. Lengths from 128 on
 * have a long form, which nothing in a P-256 signature needs: the two integers and their heads are 70
 * bytes at most. 0: nothing inside, or no such element.
 */
OTA_APART static uint32_t open_element(struct ota_span *from, uint8_t tag)
{
    if (from->len < 2 || from->ptr[0] != tag || from->ptr[1] > from->len - 2) {
        return 0;
    }
    const uint8_t *const head = from->ptr;
    from->ptr += 2;
    from->len -= 2;
    return head[1];
}

/* A positive INTEGER of at most 32 bytes, in the one encoding that DER allows. */
OTA_APART static bool read_number(struct ota_span *from, uint8_t out[NUMBER_SIZE])
{
    uint32_t len = open_element(from, DER_INTEGER);
    const uint8_t *number = from->ptr;
    if (len == 0) {
        return false;
    }
    from->ptr += len;
    from->len -= len;
    const bool sign_byte = *number == 0;
    number += sign_byte;
    len -= sign_byte;
    if (len == 0 || len > NUMBER_SIZE) {
        return false; /* Zero, which is in no signature; or too much. */
    }
    if (sign_byte != (*number >= 0x80u)) {
        return false; /* Negative, or a sign byte without need. */
    }
    memset(out, 0, NUMBER_SIZE);
    memcpy(out + NUMBER_SIZE - len, number, len);
    return true;
}

bool image_read_der(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE])
{
    const uint32_t size = open_element(&der, DER_SEQUENCE);
    const size_t behind = der.len - size;
    if (!read_number(&der, rs) || !read_number(&der, rs + NUMBER_SIZE) || der.len != behind) {
        return false;
    }
    for (; der.len > 0; der.ptr++, der.len--) {
        if (*der.ptr != 0) {
            return false;
        }
    }
    return true;
}

ota_err_t ota_signature_from_der(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE])
{
    uint8_t read[OTA_P256_RS_SIZE];
    if (!image_read_der(der, read)) {
        return OTA_E_MALFORMED;
    }
    memcpy(rs, read, sizeof read);
    return OTA_OK;
}
