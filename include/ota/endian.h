/*
 * Numbers out of bytes and into them, the least significant byte first, at a place that is known to
 * be there. (Where it is not known: ota/cursor.h.)
 */
#ifndef OTA_ENDIAN_H
#define OTA_ENDIAN_H

#include "ota/err.h"

#include <stdint.h>

/* One instruction each on a Cortex-M3, less than a call; a compiler that counts before it knows that would call. */

OTA_INLINE uint16_t ota_get_u16le(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

OTA_INLINE uint32_t ota_get_u32le(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

OTA_INLINE void ota_put_u32le(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
}

#endif
