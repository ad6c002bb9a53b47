#include "utf8.h"
#include "ota/assert.h"

/* The continuation bytes that follow a first byte >= 0x80; 0 if none may begin so. */
static unsigned bytes_after(uint8_t first)
{
    if (first < 0xc0 || first >= 0xf8) {
        return 0;
    }
    return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

uint32_t ota_utf8_read(struct ota_reader *r)
{
    /* The least code point for each length: a smaller one has a shorter form. */
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

    const uint8_t first = ota_read_u8(r);
    if (first < 0x80) {
        return r->bad ? OTA_UTF8_INVALID : first;
    }
    const unsigned after = bytes_after(first);
    if (after == 0) {
        return OTA_UTF8_INVALID;
    }
    uint32_t code = first & (0x3fu >> after);
    for (unsigned i = 0; i < after; i++) {
        const uint8_t byte = ota_read_u8(r);
        if ((byte & 0xc0u) != 0x80u) {
            return OTA_UTF8_INVALID;
        }
        code = code << 6 | (byte & 0x3fu);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[after] || code > 0x10ffff || surrogate ? OTA_UTF8_INVALID : code;
}

void ota_utf8_write(struct ota_writer *w, uint32_t code)
{
    OTA_ASSERT(code <= 0x10ffff);
    uint8_t bytes[4];
    size_t first = sizeof bytes;
    uint32_t room = 0x7f; /* what the first byte can hold, as long as it is the only one */
    uint8_t mark = 0;
    while (code > room) {
        bytes[--first] = (uint8_t)(0x80u | (code & 0x3fu));
        code >>= 6;
        room = room == 0x7f ? 0x1f : room >> 1;
        mark = (uint8_t) ~(room * 2u + 1u);
    }
    bytes[--first] = (uint8_t)(mark | code);
    ota_write_bytes(w, (struct ota_span){ &bytes[first], sizeof bytes - first });
}
