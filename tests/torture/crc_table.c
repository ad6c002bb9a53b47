/*
 * The CRC-32 of include/ota/crc.h by table, in place of the device's, which is small rather than
 * fast: half of all the time would go there. test_base holds the device's to its vectors.
 */
#include "ota/crc.h"

uint32_t ota_crc32(uint32_t crc, struct ota_span bytes)
{
    static uint32_t table[256];
    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            table[i] = i;
            for (unsigned bit = 0; bit < 8; bit++) {
                table[i] = table[i] >> 1 ^ (0xedb88320u & -(table[i] & 1u));
            }
        }
    }
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc = crc >> 8 ^ table[(crc ^ bytes.ptr[i]) & 0xffu];
    }
    return ~crc;
}
