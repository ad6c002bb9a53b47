#include "MQTTFileDownloader.h"
#include "MQTTFileDownloader_cbor.h"
#include "ota/base64.h"
#include "ota/cbor.h"
#include "ota/wire.h"
#include <string.h>

static struct ota_span span(const char *text, size_t len)
{
    return text == NULL ? OTA_SPAN_NONE : (struct ota_span){ (const uint8_t *)text, len };
}

/* --- topics --------------------------------------------------------------------------------- */

/* With its NUL. The context's rooms are as long as the longest topic. */
static size_t write_topic(const struct ota_topic *topic, char *room, size_t cap)
{
    struct ota_writer w = ota_writer((struct ota_buf){ (uint8_t *)room, cap - 1 });
    ota_topic_write(&w, OTA_SPAN_LIT("$aws"), topic);
    const size_t len = ota_writer_done(&w).len;
    room[len] = '\0';
    return len;
}

MQTTFileDownloaderStatus_t mqttDownloader_init(MqttFileDownloaderContext_t *context,
                                               const char *streamName, size_t streamNameLength,
                                               const char *thingName, size_t thingNameLength,
                                               DataType_t dataType)
{
    struct ota_topic topic = {
        .kind = OTA_TOPIC_STREAM_DATA,
        .thing = span(thingName, thingNameLength),
        .id = span(streamName, streamNameLength),
        .format = dataType == DATA_TYPE_JSON ? OTA_FORMAT_JSON : OTA_FORMAT_CBOR,
    };
    if (context == NULL || !ota_stream_id_ok(topic.id) || !ota_thing_name_ok(topic.thing)) {
        return MQTTFileDownloaderBadParameter;
    }
    memset(context, 0, sizeof *context);
    context->dataType = (uint8_t)dataType;
    context->topicStreamDataLength =
        write_topic(&topic, context->topicStreamData, sizeof context->topicStreamData);
    topic.kind = OTA_TOPIC_STREAM_GET;
    context->topicGetStreamLength =
        write_topic(&topic, context->topicGetStream, sizeof context->topicGetStream);
    return MQTTFileDownloaderSuccess;
}

MQTTFileDownloaderStatus_t
mqttDownloader_isDataBlockReceived(const MqttFileDownloaderContext_t *context, const char *topic,
                                   size_t topicLength)
{
    if (context == NULL || topic == NULL || topicLength == 0) {
        return MQTTFileDownloaderBadParameter;
    }
    return ota_span_eq(span(topic, topicLength),
                       span(context->topicStreamData, context->topicStreamDataLength))
               ? MQTTFileDownloaderSuccess
               : MQTTFileDownloaderFailure;
}

/* --- asking --------------------------------------------------------------------------------- */

struct run {
    uint32_t file, size, offset, count;
};

static void write_json(struct ota_writer *w, const struct run *run)
{
    const uint32_t numbers[] = { run->file, run->size, run->offset, run->count };
    static const char *const names[] = { "{\"s\": 1,\"f\": ", ",\"l\": ", ",\"o\": ", ",\"n\": " };
    for (size_t i = 0; i < 4; i++) {
        ota_write_str(w, names[i]);
        ota_write_decimal(w, numbers[i]);
    }
    ota_write_u8(w, '}');
}

/* Without a bitmap, so that the service sends the blocks that were meant. */
static void write_cbor(struct ota_writer *w, const struct run *run)
{
    const uint32_t numbers[] = { run->file, run->size, run->offset, run->count };
    ota_cbor_put_map(w, 5);
    ota_cbor_put_text(w, OTA_SPAN_LIT("c"));
    ota_cbor_put_text(w, OTA_SPAN_LIT("rdy"));
    for (size_t i = 0; i < 4; i++) {
        ota_cbor_put_text(w, (struct ota_span){ (const uint8_t *)&"flon"[i], 1 });
        ota_cbor_put_u64(w, numbers[i]);
    }
}

size_t mqttDownloader_createGetDataBlockRequest(DataType_t dataType, uint16_t fileId,
                                                uint32_t blockSize, uint32_t blockOffset,
                                                uint32_t numberOfBlocksRequested,
                                                char *getStreamRequest,
                                                size_t getStreamRequestLength)
{
    const struct run run = { fileId, blockSize, blockOffset, numberOfBlocksRequested };
    const struct ota_buf room = { (uint8_t *)getStreamRequest, getStreamRequestLength };
    if (getStreamRequest == NULL || getStreamRequestLength < GET_STREAM_REQUEST_BUFFER_SIZE) {
        return 0;
    }
    struct ota_writer w = ota_writer(room);
    if (dataType == DATA_TYPE_JSON) {
        write_json(&w, &run);
        ota_write_u8(&w, '\0'); /* for those who print it */
        return ota_writer_done(&w).len - 1;
    }
    write_cbor(&w, &run);
    return ota_writer_done(&w).len;
}

/* --- hearing ---------------------------------------------------------------------------------- */

struct block {
    uint32_t file, index, size;
    struct ota_json data;
};
static const struct ota_json_field block_fields[] = {
    OTA_JSON_FIELD("f", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct block, file),
    OTA_JSON_FIELD("i", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct block, index),
    OTA_JSON_FIELD("l", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct block, size),
    OTA_JSON_FIELD("p", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct block, data),
};

static bool read_json(struct ota_span message, struct ota_buf room, struct block *block)
{
    struct ota_json object;
    return ota_json_parse(message, &object) == OTA_OK &&
           ota_json_bind(&object, OTA_JSON_FIELDS(block_fields), block) == OTA_OK &&
           ota_json_base64(&block->data, room, &block->data.text) == OTA_OK;
}

/* A number of ours goes out as a signed one. */
static bool in_range(const struct block *block)
{
    return block->file <= INT32_MAX && block->index <= INT32_MAX && block->size <= INT32_MAX;
}

static uint32_t read_u32(struct ota_cbor *c)
{
    const uint64_t number = ota_cbor_u64(c);
    return number <= UINT32_MAX ? (uint32_t)number : UINT32_MAX; /* which is too large, too */
}

/* Each of the four once; what else there is, is skipped. */
static bool read_cbor(struct ota_span message, struct block *block)
{
    static const char names[] = "filp";
    struct ota_cbor c = ota_cbor(message);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    unsigned seen = 0, twice = 0;
    while (ota_cbor_next_key(&c, &map, &key)) {
        const char *const name = key.len == 1 ? memchr(names, key.ptr[0], 4) : NULL;
        const unsigned bit = name != NULL ? 1u << (name - names) : 0;
        twice |= seen & bit;
        seen |= bit;
        switch (bit) {
        case 1: block->file = read_u32(&c); break;
        case 2: block->index = read_u32(&c); break;
        case 4: block->size = read_u32(&c); break;
        case 8: block->data.text = ota_cbor_bytes(&c); break;
        default: ota_cbor_skip(&c); break;
        }
    }
    return ota_cbor_end(&c) == OTA_OK && seen == 15 && twice == 0;
}

bool CBOR_Decode_GetStreamResponseMessage(const uint8_t *messageBuffer, size_t messageSize,
                                          int32_t *fileId, int32_t *blockId, int32_t *blockSize,
                                          uint8_t *const *payload, size_t *payloadSize)
{
    struct block block = { .size = 0 };
    if (messageBuffer == NULL || fileId == NULL || blockId == NULL || blockSize == NULL ||
        payload == NULL || *payload == NULL || payloadSize == NULL ||
        !read_cbor((struct ota_span){ messageBuffer, messageSize }, &block) || !in_range(&block) ||
        block.data.text.len > *payloadSize) {
        return false;
    }
    memmove(*payload, block.data.text.ptr, block.data.text.len);
    *payloadSize = block.data.text.len;
    *fileId = (int32_t)block.file;
    *blockId = (int32_t)block.index;
    *blockSize = (int32_t)block.size;
    return true;
}

MQTTFileDownloaderStatus_t mqttDownloader_processReceivedDataBlock(
    const MqttFileDownloaderContext_t *context, uint8_t *message, size_t messageLength,
    int32_t *fileId, int32_t *blockId, int32_t *blockSize, uint8_t *data, size_t *dataLength)
{
    struct block block = { .size = 0 };
    if (context == NULL || message == NULL || messageLength == 0 || fileId == NULL ||
        blockId == NULL || blockSize == NULL || data == NULL || dataLength == NULL) {
        return MQTTFileDownloaderFailure;
    }
    const struct ota_span text = { message, messageLength };
    const struct ota_buf room = { data, mqttFileDownloader_CONFIG_BLOCK_SIZE };
    const bool json = context->dataType == DATA_TYPE_JSON;
    if (!(json ? read_json(text, room, &block) : read_cbor(text, &block)) || !in_range(&block) ||
        block.data.text.len > room.cap || block.data.text.len > block.size) {
        return MQTTFileDownloaderDataDecodingFailed;
    }
    if (!json) {
        memmove(data, block.data.text.ptr, block.data.text.len);
    }
    *dataLength = block.data.text.len;
    *fileId = (int32_t)block.file;
    *blockId = (int32_t)block.index;
    *blockSize = (int32_t)block.size;
    return MQTTFileDownloaderSuccess;
}
