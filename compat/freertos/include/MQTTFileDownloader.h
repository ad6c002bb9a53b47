/*
 * MQTTFileDownloader.h of AWS IoT's MQTT file streams for embedded C (1.1), over waft's own parts: names, types and values
 * as published. Where a result differs, it says so here; README.md has the whole list.
 */
#ifndef MQTT_FILE_DOWNLOADER_H
#define MQTT_FILE_DOWNLOADER_H

#include "MQTTFileDownloader_defaults.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MQTT_API_THINGS    "$aws/things/"
#define MQTT_API_STREAMS   "/streams/"
#define MQTT_API_DATA_CBOR "/data/cbor"
#define MQTT_API_GET_CBOR  "/get/cbor"
#define MQTT_API_DATA_JSON "/data/json"
#define MQTT_API_GET_JSON  "/get/json"

#define STREAM_NAME_MAX_LEN            128U /* the service's; the library that this replaces has 44 */
#define NULL_CHAR_LEN                  1U
#define MAX_THINGNAME_LEN              128U
#define GET_STREAM_REQUEST_BUFFER_SIZE 256U

#define CONST_STRLEN(s) (((uint32_t)sizeof(s)) - 1UL)

#define TOPIC_COMMON_PARTS_LEN                                                                     \
    (CONST_STRLEN(MQTT_API_THINGS) + MAX_THINGNAME_LEN + CONST_STRLEN(MQTT_API_STREAMS) +          \
     STREAM_NAME_MAX_LEN + NULL_CHAR_LEN)
#define TOPIC_STREAM_DATA_BUFFER_SIZE (TOPIC_COMMON_PARTS_LEN + CONST_STRLEN(MQTT_API_DATA_CBOR))
#define TOPIC_GET_STREAM_BUFFER_SIZE  (TOPIC_COMMON_PARTS_LEN + CONST_STRLEN(MQTT_API_GET_CBOR))

typedef enum {
    MQTTFileDownloaderFailure,
    MQTTFileDownloaderSuccess,
    MQTTFileDownloaderBadParameter,
    MQTTFileDownloaderNotInitialized,
    MQTTFileDownloaderInitFailed,
    MQTTFileDownloaderSubscribeFailed,
    MQTTFileDownloaderPublishFailed,
    MQTTFileDownloaderDataDecodingFailed
} MQTTFileDownloaderStatus_t;

typedef enum { DATA_TYPE_JSON, DATA_TYPE_CBOR } DataType_t;

typedef struct {
    char topicStreamData[TOPIC_STREAM_DATA_BUFFER_SIZE]; /* ends with NUL */
    size_t topicStreamDataLength;
    char topicGetStream[TOPIC_GET_STREAM_BUFFER_SIZE];
    size_t topicGetStreamLength;
    uint8_t dataType;
} MqttFileDownloaderContext_t;

/* BadParameter, and the context untouched: NULL, or a name that the service does not allow. */
MQTTFileDownloaderStatus_t mqttDownloader_init(MqttFileDownloaderContext_t *context,
                                               const char *streamName, size_t streamNameLength,
                                               const char *thingName, size_t thingNameLength,
                                               DataType_t dataType);

/*
 * Ask for `numberOfBlocksRequested` blocks from `blockOffset` on: those, one after the other, in CBOR too. The offset has 32
 * bits (the service: up to 98,304).
 *
 * @return the request's length; 0: no buffer, or less than GET_STREAM_REQUEST_BUFFER_SIZE.
 */
size_t mqttDownloader_createGetDataBlockRequest(DataType_t dataType, uint16_t fileId,
                                                uint32_t blockSize, uint32_t blockOffset,
                                                uint32_t numberOfBlocksRequested,
                                                char *getStreamRequest,
                                                size_t getStreamRequestLength);

/* Success: it is the data topic of this stream; Failure: it is not; BadParameter: NULL or 0. */
MQTTFileDownloaderStatus_t
mqttDownloader_isDataBlockReceived(const MqttFileDownloaderContext_t *context, const char *topic,
                                   size_t topicLength);

/*
 * Read a block into `data`, which has room for mqttFileDownloader_CONFIG_BLOCK_SIZE bytes.
 *
 * @param dataLength  out: bytes of the block. What it held before is not looked at: callers leave it unset.
 * @return Success; Failure: NULL or 0; DataDecodingFailed: it is no block, or larger than it says or than the room.
 *         Whatever was wrong, no output has changed, and not more than the block has been written to `data`.
 */
MQTTFileDownloaderStatus_t mqttDownloader_processReceivedDataBlock(
    const MqttFileDownloaderContext_t *context, uint8_t *message, size_t messageLength,
    int32_t *fileId, int32_t *blockId, int32_t *blockSize, uint8_t *data, size_t *dataLength);

#ifdef __cplusplus
}
#endif

#endif
