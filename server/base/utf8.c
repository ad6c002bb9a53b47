#include "base/utf8.h"
#include <stdbool.h>

size_t srv_utf8_decode(const char *at, uint32_t *point)
{
    const unsigned char *s = (const unsigned char *)at;
    static const struct {
        unsigned char mask, lead, bits;
        uint32_t least;
    } forms[] = { { 0x80, 0x00, 0x7f, 0 },
                  { 0xe0, 0xc0, 0x1f, 0x80 },
                  { 0xf0, 0xe0, 0x0f, 0x800 },
                  { 0xf8, 0xf0, 0x07, 0x10000 } };
    for (size_t n = 0; n < 4; n++) {
        if ((s[0] & forms[n].mask) != forms[n].lead) {
            continue;
        }
        *point = s[0] & forms[n].bits;
        for (size_t i = 1; i <= n; i++) {
            if ((s[i] & 0xc0) != 0x80) {
                return 0;
            }
            *point = (*point << 6) | (s[i] & 0x3fu);
        }
        bool surrogate = *point >= 0xd800 && *point <= 0xdfff;
        return *point >= forms[n].least && *point <= 0x10ffff && !surrogate ? n + 1 : 0;
    }
    return 0;
}
