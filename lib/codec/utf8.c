#include "utf8.h"
#include "ota/assert.h"

uint32_t ota_utf8_read(struct ota_reader *r)
{
    /* For each number of bytes that follow, the bits of the least code: a smaller one has a shorter form. */
    static const uint8_t least_bits[] = { 7, 7, 11, 16 };

    const uint8_t first = ota_read_u8(r);
    if (first < 0x80) {
        return r->bad ? OTA_UTF8_INVALID : first;
    }
    const unsigned after = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    /* A byte that begins no character becomes a code that is too small (80 .. bf) or too large (f8 .. ff). */
    uint32_t code = first & (0x7fu >> after);
    for (unsigned i = 0; i < after; i++) {
        const uint8_t byte = ota_read_u8(r);
        if (byte >> 6 != 2) {
            return OTA_UTF8_INVALID;
        }
        code = code << 6 | (byte & 0x3fu);
    }
    const bool surrogate = code >> 11 == 0xd800u >> 11;
    return code >> least_bits[after] == 0 || code > 0x10ffff || surrogate ? OTA_UTF8_INVALID : code;
}

void ota_utf8_write(struct ota_writer *w, uint32_t code)
{
    OTA_ASSERT(code <= 0x10ffff);
    if (code < 0x80) {
        ota_write_u8(w, (uint8_t)code);
        return;
    }
    unsigned after = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    ota_write_u8(w, (uint8_t)(0xff00u >> (after + 1) | code >> 6 * after));
    while (after > 0) {
        after--;
        ota_write_u8(w, (uint8_t)(0x80u | (code >> 6 * after & 0x3fu)));
    }
}
