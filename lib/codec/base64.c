#include "ota/base64.h"

/* A digit's six bits, or a value above them. */
static uint32_t digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return (uint32_t)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (uint32_t)(c - 'a' + 26);
    }
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0' + 52);
    }
    return c == '+' ? 62u : c == '/' ? 63u : 64u;
}

ota_err_t ota_base64_decode(struct ota_span text, struct ota_buf out, struct ota_span *decoded)
{
    struct ota_writer w = ota_writer(out);
    uint32_t bits = 0; /* digits shifted in; the low `waiting` bits are not written yet */
    unsigned waiting = 0;
    size_t pads = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c == '\r' || c == '\n') {
            continue;
        }
        if (c == '=') {
            pads++;
            continue;
        }
        const uint32_t digit = digit_value(c);
        if (digit > 63 || pads > 0) {
            return OTA_E_MALFORMED;
        }
        bits = bits << 6 | digit;
        waiting += 6;
        if (waiting >= 8) {
            waiting -= 8;
            ota_write_u8(&w, (uint8_t)(bits >> waiting));
        }
    }

    /* Two digits leave 4 bits and want two pads, three leave 2 and want one; a single digit is no byte. */
    const uint32_t behind_last_byte = bits & ((1u << waiting) - 1u);
    if (waiting == 6 || pads > waiting / 2u || behind_last_byte != 0) {
        return OTA_E_MALFORMED;
    }
    if (w.bad) {
        return OTA_E_TOO_LARGE;
    }
    *decoded = ota_writer_done(&w);
    return OTA_OK;
}

void ota_base64_write(struct ota_writer *w, struct ota_span bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes.len; i += 3) {
        const size_t left = bytes.len - i;
        const uint32_t bits = (uint32_t)bytes.ptr[i] << 16 |
                              (left > 1 ? (uint32_t)bytes.ptr[i + 1] << 8 : 0u) |
                              (left > 2 ? (uint32_t)bytes.ptr[i + 2] : 0u);
        const uint8_t group[4] = {
            (uint8_t)digits[bits >> 18],
            (uint8_t)digits[bits >> 12 & 63u],
            (uint8_t)(left > 1 ? digits[bits >> 6 & 63u] : '='),
            (uint8_t)(left > 2 ? digits[bits & 63u] : '='),
        };
        ota_write_bytes(w, OTA_SPAN_OF(group));
    }
}
