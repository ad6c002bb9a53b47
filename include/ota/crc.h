#ifndef OTA_CRC_H
#define OTA_CRC_H

#include "ota/span.h"

/**
 * CRC-32 (IEEE 802.3, reflected, 0xEDB88320), the checksum of every record in
 * flash. Start with `crc` 0; feed the result back in to go on over more bytes.
 */
uint32_t ota_crc32(uint32_t crc, struct ota_span bytes);

#endif
