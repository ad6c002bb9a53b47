/* MQTTFileDownloader_base64.h of AWS IoT's MQTT file streams for embedded C (1.1), over waft's own decoder. */
#ifndef MQTT_FILE_DOWNLOADER_BASE64_H
#define MQTT_FILE_DOWNLOADER_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    Base64Success,
    Base64InvalidSymbol,
    Base64InvalidSymbolOrdering,
    Base64InvalidInputSize,
    Base64NullPointerInput,
    Base64InvalidBufferSize,
    Base64NonZeroPadding,
    Base64InvalidPaddingSymbol
} Base64Status_t;

/*
 * Padding may be missing, CR and LF may stand anywhere, blanks at the end. More padding than there is room for is
 * Base64InvalidPaddingSymbol. On error resultLen is untouched; some of dest may have been written.
 */
Base64Status_t base64_Decode(uint8_t *dest, const size_t destLen, size_t *resultLen,
                             const uint8_t *encodedData, const size_t encodedLen);

#ifdef __cplusplus
}
#endif

#endif
