#include "ota/crc.h"

uint32_t ota_crc32(uint32_t crc, struct ota_span bytes)
{
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.ptr[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320u & -(crc & 1u));
        }
    }
    return ~crc;
}
