#include "inbox.h"
#include "ota/assert.h"

#include <assert.h>
#include <string.h>

static_assert(OTA_INBOX_MESSAGES_MAX <= 64u, "a bit each in used");

ota_err_t ota_inbox_init(struct ota_inbox *in, struct ota_buf memory, uint32_t message_size)
{
    if (message_size <= OTA_INBOX_OVERHEAD || memory.cap < message_size) {
        return OTA_E_NO_ROOM;
    }
    const size_t fit = memory.cap / message_size;
    memset(in, 0, sizeof *in);
    in->memory = memory;
    in->message_size = message_size;
    in->message_count = (uint8_t)(fit < OTA_INBOX_MESSAGES_MAX ? fit : OTA_INBOX_MESSAGES_MAX);
    return OTA_OK;
}

static struct ota_buf block_at(const struct ota_inbox *in, uint8_t block)
{
    return (struct ota_buf){ in->memory.ptr + (size_t)block * in->message_size, in->message_size };
}

static bool find_free(const struct ota_inbox *in, uint8_t *block)
{
    for (uint8_t i = 0; i < in->message_count; i++) {
        if ((in->used >> i & 1u) == 0) {
            *block = i;
            return true;
        }
    }
    return false;
}

static void remember_too_large(struct ota_inbox *in, struct ota_span topic)
{
    in->stats.too_large++;
    if (topic.len > 0 && topic.len <= sizeof in->too_large) {
        memcpy(in->too_large, topic.ptr, topic.len);
        in->too_large_len = (uint16_t)topic.len;
    }
}

bool ota_inbox_put(struct ota_inbox *in, enum ota_inbox_kind kind, struct ota_span topic,
                   struct ota_span payload)
{
    const size_t room = in->message_size - OTA_INBOX_OVERHEAD;
    uint8_t block;

    in->stats.received++;
    if (topic.len > OTA_TOPIC_MAX) {
        in->stats.dropped++; /* none of ours is so long */
        return false;
    }
    if (topic.len > room || payload.len > room - topic.len) {
        remember_too_large(in, topic);
        return false;
    }
    if (!find_free(in, &block)) {
        in->stats.dropped++;
        return false;
    }

    struct ota_writer w = ota_writer(block_at(in, block));
    ota_write_u16le(&w, (uint16_t)kind);
    ota_write_u16le(&w, (uint16_t)topic.len);
    ota_write_u32le(&w, (uint32_t)payload.len);
    ota_write_bytes(&w, topic);
    ota_write_bytes(&w, payload);
    in->used |= UINT64_C(1) << block;
    in->order[(in->head + in->waiting) % OTA_INBOX_MESSAGES_MAX] = block;
    in->waiting++;
    return true;
}

bool ota_inbox_take(struct ota_inbox *in, struct ota_inbox_item *item)
{
    OTA_ASSERT(!in->reading);
    if (in->waiting == 0) {
        return false;
    }
    const uint8_t block = in->order[in->head];
    const struct ota_buf memory = block_at(in, block);
    struct ota_reader r = ota_reader((struct ota_span){ memory.ptr, memory.cap });

    in->head = (uint8_t)((in->head + 1u) % OTA_INBOX_MESSAGES_MAX);
    in->waiting--;
    in->reading = true;
    in->reading_block = block;
    in->stats.processed++;
    item->kind = (enum ota_inbox_kind)ota_read_u16le(&r);
    const size_t topic_len = ota_read_u16le(&r);
    const size_t payload_len = ota_read_u32le(&r);
    item->topic = ota_read_bytes(&r, topic_len);
    item->payload = ota_read_bytes(&r, payload_len);
    return true;
}

void ota_inbox_release(struct ota_inbox *in)
{
    if (in->reading) {
        in->used &= ~(UINT64_C(1) << in->reading_block);
        in->reading = false;
    }
}

void ota_inbox_flush(struct ota_inbox *in)
{
    while (in->waiting > 0) {
        in->used &= ~(UINT64_C(1) << in->order[in->head]);
        in->head = (uint8_t)((in->head + 1u) % OTA_INBOX_MESSAGES_MAX);
        in->waiting--;
        in->stats.dropped++;
    }
    in->too_large_len = 0;
}
