/*
 * The CRC-32 of include/ota/crc.h by tables, four bytes at a time, in place of the device's, which is small rather
 * than fast: half of all the time would go there. test_base holds the device's to its vectors.
 */
#include "ota/crc.h"

enum { STRIDE = 4 };

/* table[k][b]: what byte b does to the register when k more bytes of zeros follow it. */
static uint32_t table[STRIDE][256];

static void fill_tables(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1u));
        }
        table[0][b] = crc;
    }
    for (unsigned k = 1; k < STRIDE; k++) {
        for (uint32_t b = 0; b < 256; b++) {
            const uint32_t before = table[k - 1][b];
            table[k][b] = before >> 8 ^ table[0][before & 0xffu];
        }
    }
}

uint32_t ota_crc32(uint32_t crc, struct ota_span bytes)
{
    const uint8_t *at = bytes.ptr;
    size_t left = bytes.len;
    if (table[0][1] == 0) {
        fill_tables();
    }
    crc = ~crc;
    for (; left >= STRIDE; left -= STRIDE, at += STRIDE) {
        crc ^= (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
        crc = table[3][crc & 0xffu] ^ table[2][crc >> 8 & 0xffu] ^ table[1][crc >> 16 & 0xffu] ^
              table[0][crc >> 24];
    }
    for (; left > 0; left--, at++) {
        crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xffu];
    }
    return ~crc;
}
