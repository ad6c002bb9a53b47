#include "ota/image.h"
#include <string.h>

#define DER_INTEGER  0x02u
#define DER_SEQUENCE 0x30u

#define NUMBER_SIZE (OTA_P256_RS_SIZE / 2u)

/*
 * What is inside the next element. Lengths from 128 on have a long form, which nothing in a
 * P-256 signature needs: the two integers and their heads are 70 bytes at most.
 */
static struct ota_span element(struct ota_reader *r, uint8_t tag)
{
    if (ota_read_u8(r) != tag) {
        r->bad = true;
    }
    const uint8_t len = ota_read_u8(r);
    return ota_read_bytes(r, len);
}

/* A positive INTEGER of at most 32 bytes, in the one encoding that DER allows. */
static bool read_number(struct ota_reader *r, uint8_t out[NUMBER_SIZE])
{
    struct ota_span n = element(r, DER_INTEGER);
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
    struct ota_reader outer = ota_reader(der);
    struct ota_reader inner = ota_reader(element(&outer, DER_SEQUENCE));
    uint8_t read[OTA_P256_RS_SIZE];

    if (!read_number(&inner, read) || !read_number(&inner, read + NUMBER_SIZE)) {
        return OTA_E_MALFORMED;
    }
    if (ota_reader_left(&inner) > 0) {
        return OTA_E_MALFORMED;
    }
    while (ota_reader_left(&outer) > 0) {
        if (ota_read_u8(&outer) != 0) {
            return OTA_E_MALFORMED;
        }
    }
    memcpy(rs, read, sizeof read);
    return OTA_OK;
}
