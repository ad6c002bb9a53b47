#include "ota/base64.h"

/* A digit's six bits, or a value above them. */
static uint32_t digit_value(uint32_t c)
{
    const uint32_t letter = (c | 0x20u) - 'a';
    if (letter < 26) {
        return letter + ((c & 0x20u) != 0 ? 26u : 0);
    }
    if (c - '0' < 10) {
        return c - '0' + 52u;
    }
    return c == '+' ? 62u : c == '/' ? 63u : 64u;
}

struct ota_base64 ota_base64(struct ota_buf out)
{
    struct ota_base64 d = { .err = OTA_OK };
    d.w = ota_writer(out);
    return d;
}

void ota_base64_put(struct ota_base64 *d, uint32_t c)
{
    const uint32_t digit = digit_value(c);
    if (c == '=') {
        d->pads++;
    } else if (digit < 64 && d->pads == 0) {
        d->bits = d->bits << 6 | digit;
        if (d->waiting > 0) {
            ota_write_u8(&d->w, (uint8_t)(d->bits >> (d->waiting - 2u)));
        }
        d->waiting = (d->waiting + 6u) % 8u;
    } else if (c != '\r' && c != '\n') {
        d->err = OTA_E_MALFORMED;
    }
}

ota_err_t ota_base64_end(const struct ota_base64 *d, struct ota_span *decoded)
{
    /* Two digits leave 4 bits and want two pads, three leave 2 and want one; a single digit is no byte. */
    const uint32_t behind_last_byte = d->bits & ((1u << d->waiting) - 1u);
    if (d->err != OTA_OK || d->waiting == 6 || d->pads > d->waiting / 2u || behind_last_byte != 0) {
        return OTA_E_MALFORMED;
    }
    if (d->w.bad) {
        return OTA_E_TOO_LARGE;
    }
    *decoded = ota_writer_done(&d->w);
    return OTA_OK;
}
