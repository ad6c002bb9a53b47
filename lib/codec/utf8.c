#include "utf8.h"
#include "ota/assert.h"

uint8_t ota_utf8_byte(struct ota_reader *r)
{
    if (r->at == r->end) {
        r->bad = true;
        return 0;
    }
    return *r->at++;
}

uint32_t ota_utf8_read(struct ota_reader *r)
{
    const uint8_t first = ota_utf8_byte(r);
    if (first < 0x80) {
        return r->bad ? OTA_UTF8_INVALID : first;
    }
    if (first < 0xc2) { /* no first byte, or of a form that is too long */
        return OTA_UTF8_INVALID;
    }
    const unsigned after = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    /* A first byte from f8 on becomes a code that is too large. */
    uint32_t code = first & (0x7fu >> after);
    for (unsigned i = 0; i < after; i++) {
        const uint8_t byte = ota_utf8_byte(r);
        if (byte >> 6 != 2) {
            return OTA_UTF8_INVALID;
        }
        code = code << 6 | (byte & 0x3fu);
    }
    /* Three bytes are for codes of more than 11 bits, four for more than 16: a smaller one has a shorter form. */
    const bool too_long = code >> (5 * after + 1) == 0;
    const bool surrogate = code >> 11 == 0xd800u >> 11;
    return too_long || surrogate || code > 0x10ffff ? OTA_UTF8_INVALID : code;
}

void ota_utf8_write(struct ota_writer *w, uint32_t code)
{
    static const uint8_t first[] = { 0, 0xc0, 0xe0, 0xf0 };

    OTA_ASSERT(code <= 0x10ffff);
    unsigned after = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    ota_write_u8(w, (uint8_t)(first[after] | code >> 6 * after));
    while (after-- > 0) {
        ota_write_u8(w, (uint8_t)(0x80u | (code >> 6 * after & 0x3fu)));
    }
}
