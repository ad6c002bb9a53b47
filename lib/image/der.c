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
static struct ota_span number(struct ota_reader *r)
{
    struct ota_span n = element(r, DER_INTEGER);
    if (n.len == 0 || (n.ptr[0] & 0x80u) != 0) {
        r->bad = true; /* Empty, or negative. */
        return n;
    }
    if (n.ptr[0] == 0) {
        n.ptr++;
        n.len--;
        if (n.len == 0 || (n.ptr[0] & 0x80u) == 0) {
            r->bad = true; /* Zero is not in a signature; a sign byte must be needed. */
        }
    }
    if (n.len > NUMBER_SIZE) {
        r->bad = true;
    }
    return n;
}

ota_err_t ota_signature_from_der(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE])
{
    struct ota_reader outer = ota_reader(der);
    struct ota_reader inner = ota_reader(element(&outer, DER_SEQUENCE));
    const struct ota_span r = number(&inner), s = number(&inner);

    if (outer.bad || inner.bad || ota_reader_left(&inner) > 0) {
        return OTA_E_MALFORMED;
    }
    while (ota_reader_left(&outer) > 0) {
        if (ota_read_u8(&outer) != 0) {
            return OTA_E_MALFORMED;
        }
    }
    memset(rs, 0, OTA_P256_RS_SIZE);
    memcpy(rs + NUMBER_SIZE - r.len, r.ptr, r.len);
    memcpy(rs + OTA_P256_RS_SIZE - s.len, s.ptr, s.len);
    return OTA_OK;
}
