#include "ota/base64.h"

ota_err_t ota_base64_decode(struct ota_span text, struct ota_buf out, struct ota_span *decoded)
{
    struct ota_base64 d = ota_base64(out);
    for (size_t i = 0; i < text.len; i++) {
        ota_base64_put(&d, text.ptr[i]);
    }
    return ota_base64_end(&d, decoded);
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
