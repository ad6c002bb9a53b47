/*
 * A stream for tests: what it asks for, read as the service would, and the blocks that the service would send.
 */
#ifndef STREAM_FIXTURE_H
#define STREAM_FIXTURE_H

#include "t.h"

#include "ota/base64.h"
#include "ota/cbor.h"
#include "ota/json.h"
#include "ota/stream.h"

static const struct ota_stream_cfg usual = {
    .root = { (const uint8_t *)"$aws", 4 },
    .thing = { (const uint8_t *)"lamp-1", 6 },
    .stream = { (const uint8_t *)"AFR_OTA-0c4a3b2e-8a6f-4c1d-9a55-1a2b3c4d5e6f", 44 },
    .file_id = 3,
    .file_size = 20 * 256 - 100,
    .block_size = 256,
    .window = 8,
    .format = OTA_FORMAT_CBOR,
    .retry_ms_min = 1000,
    .retry_ms_max = 60000,
    .seed = 0x5eed,
};

static const struct ota_topic data_cbor = {
    OTA_TOPIC_STREAM_DATA,
    { (const uint8_t *)"lamp-1", 6 },
    { (const uint8_t *)"AFR_OTA-0c4a3b2e-8a6f-4c1d-9a55-1a2b3c4d5e6f", 44 },
    OTA_FORMAT_CBOR,
};

static uint8_t topic_room[OTA_TOPIC_MAX], payload_room[OTA_SCRATCH_PAYLOAD_MIN];
static const struct ota_scratch scratch = { { topic_room, sizeof topic_room },
                                            { payload_room, sizeof payload_room } };
static uint8_t block_room[OTA_STREAM_BLOCK_MAX];

static inline struct ota_topic topic_of(enum ota_topic_kind kind, enum ota_format format)
{
    struct ota_topic topic = data_cbor;
    topic.kind = kind;
    topic.format = format;
    return topic;
}

static inline struct ota_stream begun(struct ota_stream_cfg cfg)
{
    struct ota_stream s;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_OK);
    ota_stream_fetch(&s, 0, cfg.file_size);
    return s;
}

/* --- the far end: reads requests, makes blocks --------------------------------------------- */

static inline uint8_t byte_at(uint32_t offset)
{
    return (uint8_t)(offset * 2654435761u >> 24);
}

struct asked {
    uint32_t file, size, offset, count;
    bool has_bits;
    uint8_t bits[32];
    size_t bits_len;
};

static inline struct asked read_request(struct ota_span payload, enum ota_format format)
{
    struct asked a = { .file = 999 };
    if (format == OTA_FORMAT_JSON) {
        struct ota_json object, value;
        uint64_t n[4];
        static const char *const keys[] = { "f", "l", "o", "n" };
        assert_int_equal(ota_json_parse(payload, &object), OTA_OK);
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(ota_json_find(&object, keys[i], &value), OTA_OK);
            assert_int_equal(ota_json_u64(&value, &n[i]), OTA_OK);
        }
        assert_int_equal(ota_json_find(&object, "b", &value), OTA_E_NOT_FOUND);
        return (struct asked){
            (uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2], (uint32_t)n[3], false, { 0 }, 0
        };
    }
    struct ota_cbor c = ota_cbor(payload);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    while (ota_cbor_next_key(&c, &map, &key)) {
        assert_int_equal(key.len, 1);
        switch (key.ptr[0]) {
        case 'c': (void)ota_cbor_text(&c); break;
        case 'f': a.file = (uint32_t)ota_cbor_u64(&c); break;
        case 'l': a.size = (uint32_t)ota_cbor_u64(&c); break;
        case 'o': a.offset = (uint32_t)ota_cbor_u64(&c); break;
        case 'n': a.count = (uint32_t)ota_cbor_u64(&c); break;
        case 'b': {
            const struct ota_span bits = ota_cbor_bytes(&c);
            assert_true(bits.len <= sizeof a.bits);
            memcpy(a.bits, bits.ptr, bits.len);
            a.bits_len = bits.len;
            a.has_bits = true;
            break;
        }
        default: fail_msg("unknown key %c", key.ptr[0]);
        }
    }
    assert_int_equal(ota_cbor_end(&c), OTA_OK);
    return a;
}

static inline struct ota_span write_data(struct ota_buf room, const struct ota_stream_cfg *cfg,
                                         uint32_t block, enum ota_format format)
{
    static uint8_t bytes[OTA_STREAM_BLOCK_MAX];
    const uint32_t offset = block * cfg->block_size;
    const uint32_t rest = cfg->file_size - offset;
    const uint32_t len = rest < cfg->block_size ? rest : cfg->block_size;
    for (uint32_t i = 0; i < len; i++) {
        bytes[i] = byte_at(offset + i);
    }
    struct ota_writer w = ota_writer(room);
    if (format == OTA_FORMAT_JSON) {
        char head[96];
        (void)snprintf(head, sizeof head, "{\"c\":\"rdy\",\"f\":%u,\"l\":%u,\"i\":%u,\"p\":\"",
                       cfg->file_id, (unsigned)len, (unsigned)block);
        ota_write_str(&w, head);
        ota_base64_write(&w, (struct ota_span){ bytes, len });
        ota_write_str(&w, "\"}");
    } else {
        ota_cbor_put_map(&w, 4);
        ota_cbor_put_text(&w, OTA_SPAN_LIT("f"));
        ota_cbor_put_u64(&w, cfg->file_id);
        ota_cbor_put_text(&w, OTA_SPAN_LIT("i"));
        ota_cbor_put_u64(&w, block);
        ota_cbor_put_text(&w, OTA_SPAN_LIT("l"));
        ota_cbor_put_u64(&w, len);
        ota_cbor_put_text(&w, OTA_SPAN_LIT("p"));
        ota_cbor_put_bytes(&w, (struct ota_span){ bytes, len });
    }
    assert_false(w.bad);
    return ota_writer_done(&w);
}

static uint8_t message_room[OTA_STREAM_BLOCK_MAX * 2];

/* Hand over `block`; whether it was new. */
static inline bool give(struct ota_stream *s, uint32_t block, ota_ms_t now)
{
    const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_DATA, s->cfg.format);
    const struct ota_span message =
        write_data(OTA_BUF_OF(message_room), &s->cfg, block, s->cfg.format);
    struct ota_block got;
    assert_int_equal(ota_stream_on_message(s, &topic, message, OTA_BUF_OF(block_room), &got),
                     OTA_OK);
    assert_int_equal(got.offset, block * s->cfg.block_size);
    bool same = true;
    for (size_t i = 0; i < got.data.len; i++) {
        same = same && got.data.ptr[i] == byte_at(got.offset + (uint32_t)i);
    }
    assert_true(same);
    if (got.data.len > 0) {
        ota_stream_stored(s, got.offset, now);
    }
    return got.data.len > 0;
}

/* Poll once; it must ask. */
static inline struct asked ask(struct ota_stream *s, ota_ms_t now)
{
    struct ota_effect effect;
    assert_int_equal(ota_stream_deadline(s) <= now, 1);
    assert_true(ota_stream_poll(s, now, &scratch, &effect));
    assert_int_equal(effect.kind, OTA_EFFECT_PUBLISH);
    assert_int_equal(effect.as.publish.qos, OTA_QOS_0);
    return read_request(effect.as.publish.payload, s->cfg.format);
}

static inline void asks_nothing(struct ota_stream *s, ota_ms_t now)
{
    struct ota_effect effect;
    assert_false(ota_stream_poll(s, now, &scratch, &effect));
    assert_true(ota_stream_deadline(s) > now);
}

static inline void asks_run(struct ota_stream *s, ota_ms_t now, uint32_t offset, uint32_t count)
{
    const struct asked a = ask(s, now);
    assert_false(a.has_bits);
    assert_int_equal(a.offset, offset);
    assert_int_equal(a.count, count);
    assert_int_equal(a.file, s->cfg.file_id);
    assert_int_equal(a.size, s->cfg.block_size);
}

#endif
