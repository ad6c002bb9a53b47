/* MQTTFileDownloader_cbor.h of AWS IoT's MQTT file streams for embedded C (1.1), over waft's own codec. */
#ifndef MQTT_FILE_DOWNLOADER_CBOR_H
#define MQTT_FILE_DOWNLOADER_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_CBOR_CLIENTTOKEN_KEY       "c"
#define OTA_CBOR_FILEID_KEY            "f"
#define OTA_CBOR_BLOCKSIZE_KEY         "l"
#define OTA_CBOR_BLOCKOFFSET_KEY       "o"
#define OTA_CBOR_BLOCKBITMAP_KEY       "b"
#define OTA_CBOR_STREAMDESCRIPTION_KEY "d"
#define OTA_CBOR_STREAMFILES_KEY       "r"
#define OTA_CBOR_FILESIZE_KEY          "z"
#define OTA_CBOR_BLOCKID_KEY           "i"
#define OTA_CBOR_BLOCKPAYLOAD_KEY      "p"
#define OTA_CBOR_NUMBEROFBLOCKS_KEY    "n"

/*
 * @param payload      where the bytes go.
 * @param payloadSize  in: room there; out: bytes.
 * @return false, and nothing changed: not a block, a number that is negative or above 2^31 - 1, or no room.
 */
bool CBOR_Decode_GetStreamResponseMessage(const uint8_t *messageBuffer, size_t messageSize,
                                          int32_t *fileId, int32_t *blockId, int32_t *blockSize,
                                          uint8_t *const *payload, size_t *payloadSize);

/* The map of six, byte for byte. The service serves the first numOfBlocksRequested blocks that the bitmap names. */
bool CBOR_Encode_GetStreamRequestMessage(uint8_t *messageBuffer, size_t messageBufferSize,
                                         size_t *encodedMessageSize, const char *clientToken,
                                         uint32_t fileId, uint32_t blockSize, uint32_t blockOffset,
                                         const uint8_t *blockBitmap, size_t blockBitmapSize,
                                         uint32_t numOfBlocksRequested);

#ifdef __cplusplus
}
#endif

#endif
