/* Stream: which blocks are asked for, what counts as one, and what a bad link costs. */
#include "t.h"
#include "vectors.h"

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

static struct ota_topic topic_of(enum ota_topic_kind kind, enum ota_format format)
{
    struct ota_topic topic = data_cbor;
    topic.kind = kind;
    topic.format = format;
    return topic;
}

static struct ota_stream begun(struct ota_stream_cfg cfg)
{
    struct ota_stream s;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_OK);
    ota_stream_fetch(&s, 0, cfg.file_size);
    return s;
}

/* --- the far end: reads requests, makes blocks --------------------------------------------- */

static uint8_t byte_at(uint32_t offset)
{
    return (uint8_t)(offset * 2654435761u >> 24);
}

struct asked {
    uint32_t file, size, offset, count;
    bool has_bits;
    uint8_t bits[32];
    size_t bits_len;
};

static struct asked read_request(struct ota_span payload, enum ota_format format)
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

/* The blocks of a request, ascending, as the service would send them. */
static size_t blocks_of(const struct asked *a, uint32_t *blocks, size_t max)
{
    size_t n = 0;
    const uint32_t span = a->has_bits ? (uint32_t)a->bits_len * 8u : a->count;
    for (uint32_t k = 0; k < span && n < a->count; k++) {
        if (!a->has_bits || (a->bits[k / 8] >> k % 8 & 1) != 0) {
            assert_true(n < max);
            blocks[n++] = a->offset + k;
        }
    }
    assert_int_equal(n, a->count);
    return n;
}

static struct ota_span write_data(struct ota_buf room, const struct ota_stream_cfg *cfg,
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
static bool give(struct ota_stream *s, uint32_t block, ota_ms_t now)
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
static struct asked ask(struct ota_stream *s, ota_ms_t now)
{
    struct ota_effect effect;
    assert_int_equal(ota_stream_deadline(s) <= now, 1);
    assert_true(ota_stream_poll(s, now, &scratch, &effect));
    assert_int_equal(effect.kind, OTA_EFFECT_PUBLISH);
    assert_int_equal(effect.as.publish.qos, OTA_QOS_0);
    return read_request(effect.as.publish.payload, s->cfg.format);
}

static void asks_nothing(struct ota_stream *s, ota_ms_t now)
{
    struct ota_effect effect;
    assert_false(ota_stream_poll(s, now, &scratch, &effect));
    assert_true(ota_stream_deadline(s) > now);
}

static void asks_run(struct ota_stream *s, ota_ms_t now, uint32_t offset, uint32_t count)
{
    const struct asked a = ask(s, now);
    assert_false(a.has_bits);
    assert_int_equal(a.offset, offset);
    assert_int_equal(a.count, count);
    assert_int_equal(a.file, s->cfg.file_id);
    assert_int_equal(a.size, s->cfg.block_size);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void init_takes_what_the_service_can_serve(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t file_size, block_size, window, retry_min, retry_max;
        ota_err_t want;
    } rows[] = {
        { "usual", 5000, 256, 8, 1, 1, OTA_OK },
        { "one byte", 1, 256, 1, 1, 1, OTA_OK },
        { "no byte", 0, 256, 1, 1, 1, OTA_E_RANGE },
        { "4 GiB - 1", UINT32_MAX, 131072, 256, 1, 1, OTA_OK },
        { "4 GiB - 1, block below", UINT32_MAX, 65536, 256, 1, 1, OTA_OK },
        { "4 GiB - 1, too many blocks", UINT32_MAX, 32768, 256, 1, 1, OTA_E_RANGE },
        { "98305 blocks", 98305u * 256, 256, 8, 1, 1, OTA_OK },
        { "98305 blocks and a byte", 98305u * 256 + 1, 256, 8, 1, 1, OTA_E_RANGE },
        { "smallest block - 1", 5000, 255, 8, 1, 1, OTA_E_RANGE },
        { "power of two below", 5000, 128, 8, 1, 1, OTA_E_RANGE },
        { "smallest block + 1", 5000, 257, 8, 1, 1, OTA_E_RANGE },
        { "largest block - 1", 5000, 131071, 8, 1, 1, OTA_E_RANGE },
        { "largest block", 5000, 131072, 8, 1, 1, OTA_OK },
        { "largest block + 1", 5000, 131073, 8, 1, 1, OTA_E_RANGE },
        { "power of two above", 5000, 262144, 8, 1, 1, OTA_E_RANGE },
        { "no block", 5000, 0, 8, 1, 1, OTA_E_RANGE },
        { "no window", 5000, 256, 0, 1, 1, OTA_E_RANGE },
        { "largest window", 5000, 256, 256, 1, 1, OTA_OK },
        { "largest window + 1", 5000, 256, 257, 1, 1, OTA_E_RANGE },
        { "no time", 5000, 256, 8, 0, 1, OTA_E_RANGE },
        { "times crossed", 5000, 256, 8, 2, 1, OTA_E_RANGE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_stream_cfg cfg = usual;
        cfg.file_size = rows[i].file_size;
        cfg.block_size = rows[i].block_size;
        cfg.window = rows[i].window;
        cfg.retry_ms_min = rows[i].retry_min;
        cfg.retry_ms_max = rows[i].retry_max;
        struct ota_stream s;
        CHECK_ROW(rows[i].why, ota_stream_init(&s, &cfg) == rows[i].want);
        if (rows[i].want == OTA_OK) {
            CHECK_ROW(rows[i].why, ota_stream_idle(&s));
            CHECK_ROW(rows[i].why, ota_stream_deadline(&s) == OTA_NEVER);
        }
    }
}

static void init_refuses_names_that_are_none(void **state)
{
    (void)state;
    char name[OTA_STREAM_ID_MAX + 2];
    memset(name, 's', sizeof name);
    struct ota_stream_cfg cfg = usual;
    struct ota_stream s;
    cfg.stream = (struct ota_span){ (uint8_t *)name, OTA_STREAM_ID_MAX };
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_OK);
    cfg.stream.len++;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_E_NAME);
    cfg.stream = OTA_SPAN_NONE;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_E_NAME);
    cfg.stream = OTA_SPAN_LIT("a/+");
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_E_NAME);
}

/* --- asking ------------------------------------------------------------------------------------- */

static void requests_are_the_bytes_that_are_specified(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    struct ota_effect effect;
    assert_true(ota_stream_poll(&s, 0, &scratch, &effect));
    assert_true(ota_span_eq(
        effect.as.publish.topic,
        OTA_SPAN_LIT(
            "$aws/things/lamp-1/streams/AFR_OTA-0c4a3b2e-8a6f-4c1d-9a55-1a2b3c4d5e6f/get/cbor")));
    /* {"c":"rdy","f":3,"l":256,"o":0,"n":8}, by hand from RFC 8949 */
    assert_true(ota_span_eq(effect.as.publish.payload,
                            OTA_SPAN_LIT("\xa5\x61\x63\x63rdy\x61\x66\x03\x61l\x19\x01\x00\x61o\x00"
                                         "\x61n\x08")));

    struct ota_stream_cfg json = usual;
    json.format = OTA_FORMAT_JSON;
    s = begun(json);
    assert_true(ota_stream_poll(&s, 0, &scratch, &effect));
    assert_true(ota_span_eq(effect.as.publish.payload,
                            OTA_SPAN_LIT("{\"c\":\"rdy\",\"f\":3,\"l\":256,\"o\":0,\"n\":8}")));
    assert_true(ota_span_eq(
        effect.as.publish.topic,
        OTA_SPAN_LIT(
            "$aws/things/lamp-1/streams/AFR_OTA-0c4a3b2e-8a6f-4c1d-9a55-1a2b3c4d5e6f/get/json")));
}

/* The developer guide's example bitmap: of blocks 20, 21, 24 and 43 the bytes are 13 00 80. */
static struct ota_span guides_example(uint32_t version)
{
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 100 * 256;
    cfg.window = 64;
    cfg.version = version;
    struct ota_stream s;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_OK);
    ota_stream_fetch(&s, 20 * 256, 48 * 256);
    struct ota_effect effect;
    assert_true(ota_stream_poll(&s, 0, &scratch, &effect));
    for (uint32_t block = 22; block < 48; block++) {
        if (block != 24 && block != 43) {
            assert_true(give(&s, block, 10));
        }
    }
    ota_stream_reconnected(&s);
    assert_true(ota_stream_poll(&s, 20, &scratch, &effect));
    return effect.as.publish.payload;
}

static void a_bitmap_is_written_as_the_service_documents_it(void **state)
{
    (void)state;
    static const uint8_t want[] = { 0xa6, 0x61, 'c',  0x63, 'r',  'd',  'y',  0x61, 'f',
                                    0x03, 0x61, 'l',  0x19, 0x01, 0x00, 0x61, 'o',  0x14,
                                    0x61, 'b',  0x43, 0x13, 0x00, 0x80, 0x61, 'n',  0x04 };
    assert_true(ota_span_eq(guides_example(0), OTA_SPAN_OF(want)));
}

/* It stands first; the maps are one pair longer. */
static void a_version_that_is_known_is_told_with_each_request(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    struct ota_effect effect;
    cfg.version = 300;
    struct ota_stream s = begun(cfg);
    assert_true(ota_stream_poll(&s, 0, &scratch, &effect));
    assert_true(
        ota_span_eq(effect.as.publish.payload,
                    OTA_SPAN_LIT("\xa6\x61s\x19\x01\x2c\x61\x63\x63rdy\x61\x66\x03\x61l\x19\x01"
                                 "\x00\x61o\x00\x61n\x08")));
    static const uint8_t bitmap[] = { 0xa7, 0x61, 's',  0x01, 0x61, 'c',  0x63, 'r',  'd',  'y',
                                      0x61, 'f',  0x03, 0x61, 'l',  0x19, 0x01, 0x00, 0x61, 'o',
                                      0x14, 0x61, 'b',  0x43, 0x13, 0x00, 0x80, 0x61, 'n',  0x04 };
    assert_true(ota_span_eq(guides_example(1), OTA_SPAN_OF(bitmap)));

    cfg.format = OTA_FORMAT_JSON;
    cfg.version = UINT32_MAX;
    s = begun(cfg);
    assert_true(ota_stream_poll(&s, 0, &scratch, &effect));
    assert_true(ota_span_eq(
        effect.as.publish.payload,
        OTA_SPAN_LIT("{\"s\":4294967295,\"c\":\"rdy\",\"f\":3,\"l\":256,\"o\":0,\"n\":8}")));
}

static void half_a_window_is_asked_for_when_half_has_come(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    asks_nothing(&s, 0);
    for (uint32_t block = 0; block < 3; block++) {
        give(&s, block, 1);
        asks_nothing(&s, 1);
    }
    give(&s, 3, 1);
    asks_run(&s, 1, 8, 4);
    asks_nothing(&s, 1);
}

static void the_rest_of_the_range_is_asked_for_as_soon_as_there_is_room(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 9 * 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    asks_run(&s, 1, 8, 1);
    for (uint32_t block = 1; block < 9; block++) {
        assert_false(ota_stream_idle(&s));
        give(&s, block, 1);
    }
    assert_true(ota_stream_idle(&s));
    assert_true(ota_stream_deadline(&s) == OTA_NEVER);
    asks_nothing(&s, 100000);
}

static void one_request_asks_for_128_kib_at_most(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.block_size = 32768;
    cfg.file_size = UINT32_MAX / 2;
    cfg.window = 10;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 4);
    asks_run(&s, 0, 4, 4);
    asks_nothing(&s, 0); /* two more fit, but would be a small request */
    give(&s, 0, 0);
    asks_nothing(&s, 0);
    give(&s, 1, 0);
    asks_run(&s, 0, 8, 4);
}

static void only_the_blocks_that_hold_the_range_are_fetched(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t begin, end, first, count;
    } rows[] = {
        { "first byte", 0, 1, 0, 1 },
        { "one block exactly", 256, 512, 1, 1 },
        { "a byte of each side", 255, 257, 0, 2 },
        { "the last byte", 20 * 256 - 101, 20 * 256 - 100, 19, 1 },
        { "the tail", 17 * 256 + 5, 20 * 256 - 100, 17, 3 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_stream s;
        assert_int_equal(ota_stream_init(&s, &usual), OTA_OK);
        ota_stream_fetch(&s, rows[i].begin, rows[i].end);
        asks_run(&s, 0, rows[i].first, rows[i].count);
        for (uint32_t k = 0; k < rows[i].count; k++) {
            CHECK_ROW(rows[i].why, ota_stream_stored_below(&s) == (rows[i].first + k) * 256);
            CHECK_ROW(rows[i].why, give(&s, rows[i].first + k, 1));
        }
        CHECK_ROW(rows[i].why, ota_stream_idle(&s));
        const uint32_t end = (rows[i].first + rows[i].count) * 256;
        CHECK_ROW(rows[i].why,
                  ota_stream_stored_below(&s) == (end < usual.file_size ? end : usual.file_size));
    }
}

static void what_is_stored_behind_a_gap_is_nothing_to_resume_from(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    for (uint32_t k = 1; k < 4; k++) {
        assert_true(give(&s, k, 1));
        assert_int_equal(ota_stream_stored_below(&s), 0);
    }
    assert_true(give(&s, 0, 1));
    assert_int_equal(ota_stream_stored_below(&s), 4 * 256);
}

static void the_end_of_the_largest_file_does_not_overflow(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = UINT32_MAX;
    cfg.block_size = OTA_STREAM_BLOCK_MAX;
    cfg.window = 2;
    struct ota_stream s;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_OK);
    ota_stream_fetch(&s, UINT32_MAX - 131072u, UINT32_MAX);
    asks_run(&s, 0, 32766, 1);
    asks_run(&s, 0, 32767, 1);
    assert_true(give(&s, 32767, 1));
    assert_true(give(&s, 32766, 1));
    assert_true(ota_stream_idle(&s));
}

/* --- losses ------------------------------------------------------------------------------------- */

static void one_lost_block_costs_one_request_for_one_block(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    give(&s, 2, 1); /* 1 is lost, or two places late */
    give(&s, 3, 1);
    asks_nothing(&s, 1);
    give(&s, 4, 1);
    asks_run(&s, 1, 8, 4);
    give(&s, 5, 1); /* four places behind it: lost */
    asks_run(&s, 1, 1, 1);
    assert_int_equal(s.stats.losses, 1);
    give(&s, 1, 1);
    assert_int_equal(s.stats.duplicates, 0);
    assert_int_equal(s.stats.silences, 0);
}

static void a_block_that_comes_a_few_places_late_is_not_asked_for_again(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    static const uint32_t order[] = { 3, 0, 1, 2, 6, 4, 5, 7 };
    for (size_t i = 0; i < COUNT(order); i++) {
        give(&s, order[i], 1);
    }
    assert_int_equal(s.stats.losses, 0);
}

static void the_last_block_of_the_range_proves_all_losses_before_it(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 4 * 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 4);
    give(&s, 0, 1);
    give(&s, 3, 1);
    asks_run(&s, 1, 1, 2);
}

static void a_block_asked_for_again_and_lost_again_is_proved_lost_by_new_ones(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 64 * 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 8);
    for (uint32_t block = 1; block < 5; block++) {
        give(&s, block, 1);
    }
    asks_run(&s, 1, 0, 1);
    asks_run(&s, 1, 8, 4); /* after the request that is lost now */
    for (uint32_t block = 5; block < 8; block++) {
        give(&s, block, 2);
    }
    uint32_t next = 12, again = 0;
    for (uint32_t block = 8; again == 0 && block < 20; block++) {
        give(&s, block, 3);
        while (ota_stream_deadline(&s) == 0) {
            const struct asked a = ask(&s, 3);
            if (a.offset == 0) {
                again++;
                assert_int_equal(a.count, 1);
            } else {
                assert_int_equal(a.offset, next);
                next += a.count;
            }
        }
    }
    assert_int_equal(again, 1);
    assert_int_equal(s.stats.silences, 0);
}

static void a_lost_block_does_not_hold_up_those_behind_it(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 1000 * 256;
    cfg.format = OTA_FORMAT_JSON;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 8);
    uint32_t asked_end = 8;
    for (uint32_t block = 1; block < 256; block++) { /* 0 never comes */
        give(&s, block, 1);
        while (ota_stream_deadline(&s) == 0) {
            const struct asked a = ask(&s, 1);
            asked_end = a.offset + a.count > asked_end ? a.offset + a.count : asked_end;
        }
    }
    /* The ring is full: nothing that lies 256 behind the first missing is asked for. */
    assert_int_equal(asked_end, 256);
    give(&s, 0, 1);
    asks_run(&s, 1, 256, 8);
}

/* --- silence -------------------------------------------------------------------------------------- */

static void silence_is_answered_with_a_growing_jittered_back_off_that_never_ends(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    ota_ms_t now = 5000;
    uint32_t whole = usual.retry_ms_min;
    for (int i = 0; i < 500; i++) {
        asks_run(&s, now, 0, 8);
        const ota_ms_t deadline = ota_stream_deadline(&s);
        assert_true(deadline >= now + whole / 2 && deadline <= now + whole);
        asks_nothing(&s, deadline - 1);
        now = deadline;
        whole = whole * 2 < usual.retry_ms_max ? whole * 2 : usual.retry_ms_max;
    }
    assert_true(now > 3 * 3600 * 1000);
    assert_int_equal(s.stats.silences, 499);
    /* The provider is back: all goes on, with the short wait again. */
    for (uint32_t block = 0; block < 8; block++) {
        assert_true(give(&s, block, now));
    }
    asks_run(&s, now, 8, 8);
    assert_true(ota_stream_deadline(&s) <= now + usual.retry_ms_min);
}

static void a_clock_that_jumps_is_one_silence(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    asks_run(&s, UINT64_C(1) << 40, 0, 8);
    asks_nothing(&s, UINT64_C(1) << 40);
    assert_int_equal(s.stats.silences, 1);
    asks_run(&s, OTA_NEVER - 1, 0, 8);
    assert_true(ota_stream_deadline(&s) == OTA_NEVER);
    struct ota_effect effect;
    assert_false(ota_stream_poll(&s, OTA_NEVER, &scratch, &effect));
}

static void after_a_silence_only_what_is_missing_is_asked_for(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    give(&s, 3, 1);
    const struct asked a = ask(&s, 10000);
    assert_false(a.has_bits);
    assert_int_equal(a.offset, 1);
    assert_int_equal(a.count, 2);
    asks_run(&s, 10000, 4, 6);
}

static void a_block_that_was_not_stored_is_asked_for_again(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 256;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 1);
    const struct ota_span message = write_data(OTA_BUF_OF(message_room), &cfg, 0, cfg.format);
    struct ota_block block;
    assert_int_equal(
        ota_stream_on_message(&s, &data_cbor, message, (struct ota_buf){ NULL, 0 }, &block),
        OTA_OK);
    assert_int_equal(block.data.len, 256);
    assert_false(ota_stream_idle(&s));
    asks_run(&s, 1000, 0, 1);
}

static void a_reconnect_asks_at_once_for_what_is_missing(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    give(&s, 0, 1);
    give(&s, 1, 1);
    ota_stream_reconnected(&s);
    assert_true(ota_stream_deadline(&s) == 0);
    asks_run(&s, 2, 2, 8);
    struct ota_stream idle;
    assert_int_equal(ota_stream_init(&idle, &usual), OTA_OK);
    ota_stream_reconnected(&idle);
    asks_nothing(&idle, 2);
}

static void another_range_replaces_the_one_before(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    asks_run(&s, 0, 0, 8);
    ota_stream_fetch(&s, 10 * 256, 12 * 256);
    asks_run(&s, 0, 10, 2);
    assert_false(give(&s, 0, 1)); /* of the old range */
    assert_false(give(&s, 19, 1));
    assert_int_equal(s.stats.duplicates, 2);
    assert_true(give(&s, 11, 1));
    assert_true(give(&s, 10, 1));
    assert_true(ota_stream_idle(&s));
    assert_false(give(&s, 10, 1)); /* after the end */
    ota_stream_stored(&s, 10 * 256, 1);
    ota_stream_stored(&s, 0, 1);
    assert_true(ota_stream_idle(&s));
}

static void a_block_that_nobody_asked_for_counts_and_is_not_asked_for(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 6 * 256;
    cfg.window = 4;
    struct ota_stream s = begun(cfg);
    asks_run(&s, 0, 0, 4);
    assert_true(give(&s, 4, 1));
    assert_true(give(&s, 0, 1));
    asks_run(&s, 1, 5, 1);
    assert_true(give(&s, 1, 1) && give(&s, 2, 1) && give(&s, 3, 1));
    asks_nothing(&s, 1);
    assert_true(give(&s, 5, 1));
    assert_true(ota_stream_idle(&s));
    assert_int_equal(s.stats.losses, 0);

    cfg.file_size = 5 * 256; /* and so when nothing else is left to ask for */
    s = begun(cfg);
    asks_run(&s, 0, 0, 4);
    assert_true(give(&s, 4, 1) && give(&s, 0, 1));
    asks_nothing(&s, 1);
}

static void a_block_that_comes_before_any_was_asked_for_is_one_less_to_ask_for(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 6 * 256;
    cfg.window = 4;
    struct ota_stream s = begun(cfg);
    assert_true(give(&s, 0, 0));
    asks_run(&s, 0, 1, 4);
    assert_false(give(&s, 0, 1));
    for (uint32_t block = 1; block < 5; block++) {
        assert_true(give(&s, block, 1));
    }
    asks_run(&s, 1, 5, 1);
    assert_true(give(&s, 5, 1));
    assert_true(ota_stream_idle(&s));
}

/* --- messages --------------------------------------------------------------------------------------- */

/* hex text with comments, as in tests/vectors */
static struct t_file hex_vector(const char *name)
{
    struct t_file text = t_vector(name);
    uint8_t *bytes = malloc(text.len);
    size_t n = 0, digits = 0;
    bool comment = false;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        comment = c == '#' || (comment && c != '\n');
        if (comment || c <= ' ') {
            continue;
        }
        const unsigned value = (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        bytes[n] = (uint8_t)(digits++ % 2 == 0 ? value << 4 : bytes[n] | value);
        n += digits % 2 == 0;
    }
    struct t_file out = { t_exact(bytes, n), n };
    free(bytes);
    free(text.ptr);
    return out;
}

static void captured_data_is_taken(void **state)
{
    (void)state;
    static const uint8_t want[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    struct ota_stream_cfg cfg = usual;
    cfg.file_id = 0;
    cfg.file_size = 300 * 256 + 8;
    struct ota_stream s;
    struct ota_block block;
    assert_int_equal(ota_stream_init(&s, &cfg), OTA_OK);
    ota_stream_fetch(&s, 300 * 256, cfg.file_size);
    struct t_file m = hex_vector("cbor/data.hex");
    assert_int_equal(ota_stream_on_message(&s, &data_cbor, (struct ota_span){ m.ptr, m.len },
                                           (struct ota_buf){ NULL, 0 }, &block),
                     OTA_OK);
    assert_true(ota_span_eq(block.data, OTA_SPAN_OF(want)));
    assert_int_equal(block.offset, 300 * 256);
    free(m.ptr);

    cfg.file_size = 8;
    s = begun(cfg);
    m = t_vector("json/stream-data.json");
    const struct ota_topic json = topic_of(OTA_TOPIC_STREAM_DATA, OTA_FORMAT_JSON);
    assert_int_equal(ota_stream_on_message(&s, &json, (struct ota_span){ m.ptr, m.len },
                                           (struct ota_buf){ block_room, 8 }, &block),
                     OTA_OK);
    assert_true(ota_span_eq(block.data, OTA_SPAN_OF(want)));
    free(m.ptr);
}

static void every_prefix_of_a_data_message_is_refused(void **state)
{
    (void)state;
    for (int format = OTA_FORMAT_CBOR; format <= OTA_FORMAT_JSON; format++) {
        struct ota_stream s = begun(usual);
        const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_DATA, (enum ota_format)format);
        const struct ota_span whole =
            write_data(OTA_BUF_OF(message_room), &usual, 19, (enum ota_format)format);
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *copy = t_exact(whole.ptr, len);
            struct ota_block block = { .offset = 77 };
            assert_int_equal(ota_stream_on_message(&s, &topic, (struct ota_span){ copy, len },
                                                   OTA_BUF_OF(block_room), &block),
                             OTA_E_TRUNCATED);
            assert_int_equal(block.offset, 77);
            free(copy);
        }
        assert_int_equal(s.stats.refused, whole.len);
        asks_run(&s, 0, 0, 8);
    }
}

static void messages_that_are_no_block_of_this_file_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *json; /* the file: 4 blocks, the last 3 bytes long */
        ota_err_t want;
    } rows[] = {
        { "the last block", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AAAA\"}", OTA_OK },
        { "numbers as strings", "{\"f\":\"3\",\"i\":\"3\",\"l\":\"3\",\"p\":\"AAAA\"}", OTA_OK },
        { "unknown members, any order", "{\"p\":\"AAAA\",\"z\":[{}],\"l\":3,\"i\":3,\"f\":3}",
          OTA_OK },
        { "broken lines", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AA\\r\\nAA\\n\"}", OTA_OK },
        { "escapes", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"\\u0041\\u002b\\/\\u002F\"}", OTA_OK },
        { "escape that is no base64", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AA\\tAA\"}",
          OTA_E_MALFORMED },
        { "not ASCII", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AA\\u0141A\"}", OTA_E_MALFORMED },
        { "another file", "{\"f\":2,\"i\":3,\"l\":3,\"p\":\"AAAA\"}", OTA_E_UNEXPECTED },
        { "file + 256", "{\"f\":259,\"i\":3,\"l\":3,\"p\":\"AAAA\"}", OTA_E_UNEXPECTED },
        { "file + 2^32", "{\"f\":4294967299,\"i\":3,\"l\":3,\"p\":\"AAAA\"}", OTA_E_UNEXPECTED },
        { "one past the file", "{\"f\":3,\"i\":4,\"l\":3,\"p\":\"AAAA\"}", OTA_E_RANGE },
        { "block + 2^32", "{\"f\":3,\"i\":4294967299,\"l\":3,\"p\":\"AAAA\"}", OTA_E_RANGE },
        { "largest block", "{\"f\":3,\"i\":18446744073709551615,\"l\":3,\"p\":\"AAAA\"}",
          OTA_E_RANGE },
        { "number too large", "{\"f\":3,\"i\":18446744073709551616,\"l\":3,\"p\":\"AAAA\"}",
          OTA_E_RANGE },
        { "length of a full block", "{\"f\":3,\"i\":3,\"l\":256,\"p\":\"AAAA\"}", OTA_E_RANGE },
        { "length + 2^32", "{\"f\":3,\"i\":3,\"l\":4294967299,\"p\":\"AAAA\"}", OTA_E_RANGE },
        { "short payload", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AAA=\"}", OTA_E_RANGE },
        { "long payload", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AAAAAA==\"}", OTA_E_RANGE },
        { "no payload", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"\"}", OTA_E_RANGE },
        { "short block in the middle", "{\"f\":3,\"i\":0,\"l\":3,\"p\":\"AAAA\"}", OTA_E_RANGE },
        { "negative", "{\"f\":3,\"i\":-1,\"l\":3,\"p\":\"AAAA\"}", OTA_E_MALFORMED },
        { "payload missing", "{\"f\":3,\"i\":3,\"l\":3}", OTA_E_MALFORMED },
        { "payload null", "{\"f\":3,\"i\":3,\"l\":3,\"p\":null}", OTA_E_MALFORMED },
        { "payload no string", "{\"f\":3,\"i\":3,\"l\":3,\"p\":1}", OTA_E_MALFORMED },
        { "payload no base64", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"A*AA\"}", OTA_E_MALFORMED },
        { "pads in the middle", "{\"f\":3,\"i\":3,\"l\":3,\"p\":\"AA==AAAA\"}", OTA_E_MALFORMED },
        { "file missing", "{\"i\":3,\"l\":3,\"p\":\"AAAA\"}", OTA_E_MALFORMED },
        { "a name twice", "{\"f\":3,\"i\":3,\"i\":3,\"l\":3,\"p\":\"AAAA\"}", OTA_E_MALFORMED },
        { "an array", "[3]", OTA_E_MALFORMED },
        { "nothing", "", OTA_E_TRUNCATED },
    };
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 3 * 256 + 3;
    const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_DATA, OTA_FORMAT_JSON);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_stream s = begun(cfg), before = s;
        struct ota_block block = { .offset = 77 };
        const ota_err_t got = ota_stream_on_message(&s, &topic, ota_span_of_str(rows[i].json),
                                                    OTA_BUF_OF(block_room), &block);
        CHECK_ROW(rows[i].why, got == rows[i].want);
        CHECK_ROW(rows[i].why, (block.offset == 77) == (got != OTA_OK));
        CHECK_ROW(rows[i].why, s.stats.refused == (got != OTA_OK));
        s.stats = before.stats;
        CHECK_ROW(rows[i].why, memcmp(&s, &before, sizeof s) == 0);
    }
}

static void base64_in_json_is_decoded_into_room_for_one_block(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.format = OTA_FORMAT_JSON;
    const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_DATA, OTA_FORMAT_JSON);
    for (uint32_t size = 1; size <= 256; size++) {
        cfg.file_size = size;
        const struct ota_span message =
            write_data(OTA_BUF_OF(message_room), &cfg, 0, OTA_FORMAT_JSON);
        for (uint32_t less = 0; less < 2; less++) {
            struct ota_stream s = begun(cfg);
            uint8_t *room = malloc(size - less > 0 ? size - less : 1);
            struct ota_block block;
            const ota_err_t got = ota_stream_on_message(
                &s, &topic, message, (struct ota_buf){ room, size - less }, &block);
            assert_int_equal(got, less == 0 ? OTA_OK : OTA_E_TOO_LARGE);
            assert_true(less > 0 || (block.data.len == size && block.data.ptr == room));
            free(room);
        }
    }
}

static void base64_that_goes_on_behind_its_padding_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_DATA, OTA_FORMAT_JSON);
    for (int digits = 2; digits < 256; digits += 4) {
        char digit[256], text[512];
        memset(digit, 'A', sizeof digit);
        struct ota_stream_cfg cfg = usual;
        cfg.file_size = (uint32_t)digits * 3u / 4u + 3u;
        (void)snprintf(text, sizeof text, "{\"f\":3,\"i\":0,\"l\":%u,\"p\":\"%.*s==AAAA\"}",
                       (unsigned)cfg.file_size, digits, digit);
        struct ota_stream s = begun(cfg);
        struct ota_block block;
        assert_int_equal(ota_stream_on_message(&s, &topic, ota_span_of_str(text),
                                               OTA_BUF_OF(block_room), &block),
                         OTA_E_MALFORMED);
    }
}

static void cbor_of_any_length_and_order_is_taken_and_a_wrong_type_is_not(void **state)
{
    (void)state;
#define ROW(why, bytes, want)                                                                      \
    {                                                                                              \
        why, { (const uint8_t *)(bytes), sizeof(bytes) - 1 }, want                                 \
    }
    static const struct {
        const char *why;
        struct ota_span message;
        ota_err_t want;
    } rows[] = {
        ROW("indefinite map", "\xbf\x61i\x00\x61p\x42hi\x61l\x02\x61\x66\x03\xff", OTA_OK),
        ROW("unknown key, token",
            "\xa6\x61\x63\x61x\x61z\x82\x01\xf6\x61\x66\x03\x61i\x00\x61l\x02\x61p\x42hi", OTA_OK),
        ROW("longer number than needed",
            "\xa4\x61\x66\x18\x03\x61i\x19\x00\x00\x61l\x02\x61p\x42hi", OTA_OK),
        ROW("payload as text", "\xa4\x61\x66\x03\x61i\x00\x61l\x02\x61p\x62hi", OTA_E_MALFORMED),
        ROW("negative block", "\xa4\x61\x66\x03\x61i\x20\x61l\x02\x61p\x42hi", OTA_E_MALFORMED),
        ROW("key that is a number", "\xa4\x01\x03\x61i\x00\x61l\x02\x61p\x42hi", OTA_E_MALFORMED),
        ROW("block twice", "\xa5\x61\x66\x03\x61i\x00\x61i\x00\x61l\x02\x61p\x42hi",
            OTA_E_MALFORMED),
        ROW("payload missing", "\xa3\x61\x66\x03\x61i\x00\x61l\x02", OTA_E_MALFORMED),
        ROW("bytes behind", "\xa4\x61\x66\x03\x61i\x00\x61l\x02\x61p\x42hi\x00", OTA_E_MALFORMED),
        ROW("an array", "\x80", OTA_E_MALFORMED),
        ROW("JSON: a text of 2.4e18 bytes", "{\"f\":30000}", OTA_E_TRUNCATED),
        ROW("huge length",
            "\xa4\x61\x66\x03\x61i\x00\x61l\x02\x61p\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
            OTA_E_TRUNCATED),
    };
#undef ROW
    struct ota_stream_cfg cfg = usual;
    cfg.file_size = 2;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_stream s = begun(cfg);
        uint8_t *copy = t_exact(rows[i].message.ptr, rows[i].message.len);
        struct ota_block block;
        CHECK_ROW(rows[i].why, ota_stream_on_message(
                                   &s, &data_cbor, (struct ota_span){ copy, rows[i].message.len },
                                   (struct ota_buf){ NULL, 0 }, &block) == rows[i].want);
        free(copy);
    }
}

static void mutated_messages_do_no_harm(void **state)
{
    (void)state;
    uint32_t seed = 0x5eed0002;
    for (int format = OTA_FORMAT_CBOR; format <= OTA_FORMAT_JSON; format++) {
        struct ota_stream s = begun(usual);
        const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_DATA, (enum ota_format)format);
        const struct ota_span whole =
            write_data(OTA_BUF_OF(message_room), &usual, 2, (enum ota_format)format);
        for (int i = 0; i < 3000; i++) {
            uint8_t *copy = t_exact(whole.ptr, whole.len);
            for (uint32_t k = 0; k <= t_random(&seed) % 3; k++) {
                copy[t_random(&seed) % (i % 2 == 0 ? 24 : whole.len)] = (uint8_t)t_random(&seed);
            }
            struct ota_block block;
            const ota_err_t err =
                ota_stream_on_message(&s, &topic, (struct ota_span){ copy, whole.len },
                                      (struct ota_buf){ block_room, 256 }, &block);
            assert_true(err == OTA_OK || ota_err_class(err) == OTA_CLASS_PEER);
            assert_true(err != OTA_OK || block.data.len == 0 || block.data.len == 256 ||
                        block.data.len == 156);
            free(copy);
        }
        asks_run(&s, 0, 0, 8);
    }
}

static void topics_of_others_are_refused(void **state)
{
    (void)state;
    struct ota_stream s = begun(usual);
    const struct ota_span message =
        write_data(OTA_BUF_OF(message_room), &usual, 0, OTA_FORMAT_CBOR);
    struct ota_topic rows[] = { data_cbor, data_cbor, data_cbor, data_cbor };
    rows[0].thing = OTA_SPAN_LIT("lamp-2");
    rows[1].id = OTA_SPAN_LIT("AFR_OTA-another");
    rows[2].kind = OTA_TOPIC_STREAM_DESCRIPTION;
    rows[3].kind = OTA_TOPIC_STREAM_GET;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_block block;
        assert_int_equal(
            ota_stream_on_message(&s, &rows[i], message, OTA_BUF_OF(block_room), &block),
            OTA_E_UNEXPECTED);
    }
    assert_int_equal(s.stats.refused, COUNT(rows));
}

/* --- rejected ----------------------------------------------------------------------------------------- */

static void captured_rejections_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ota_format format;
    } rows[] = {
        { "cbor/rejected.hex", OTA_FORMAT_CBOR },
        { "stream/rejected-invalid-cbor.hex", OTA_FORMAT_CBOR },
        { "json/stream-rejected.json", OTA_FORMAT_JSON },
        { "stream/rejected-short-keys.json", OTA_FORMAT_JSON },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct t_file m =
            rows[i].format == OTA_FORMAT_CBOR ? hex_vector(rows[i].name) : t_vector(rows[i].name);
        const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_REJECTED, rows[i].format);
        struct ota_stream s = begun(usual);
        struct ota_block block;
        CHECK_ROW(rows[i].name,
                  ota_stream_on_message(&s, &topic, (struct ota_span){ m.ptr, m.len },
                                        (struct ota_buf){ NULL, 0 }, &block) == OTA_E_NOT_FOUND);
        CHECK_ROW(rows[i].name, s.stats.rejected == 1 && s.stats.refused == 0);
        size_t len = m.len;
        while (len > 0 && m.ptr[len - 1] <= ' ') {
            len--; /* a line feed at the end of a file is none of the message */
        }
        while (len-- > 0) {
            uint8_t *copy = t_exact(m.ptr, len);
            CHECK_ROW(rows[i].name, ota_stream_on_message(
                                        &s, &topic, (struct ota_span){ copy, len },
                                        (struct ota_buf){ NULL, 0 }, &block) == OTA_E_TRUNCATED);
            free(copy);
        }
        free(m.ptr);
    }
}

static void what_is_rejected_for_now_is_asked_for_again(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *json;
        ota_err_t want;
    } rows[] = {
        { "throttled", "{\"o\":\"RequestThrottled\",\"m\":\"\"}", OTA_OK },
        { "internal", "{\"code\":\"InternalError\"}", OTA_OK },
        { "unknown", "{\"code\":\"SomethingNew\"}", OTA_OK },
        { "unknown and long", "{\"code\":\"SomethingNewThatIsMuchLongerThanAnyOther\"}", OTA_OK },
        { "gone", "{\"code\":\"ResourceNotFound\"}", OTA_E_NOT_FOUND },
        { "another version", "{\"code\":\"VersionMismatch\"}", OTA_E_NOT_FOUND },
        { "changed under us", "{\"code\":\"ETagMismatch\"}", OTA_E_NOT_FOUND },
        { "illegal", "{\"o\":\"BlockSizeOutOfBounds\"}", OTA_E_NOT_FOUND },
        { "code no string", "{\"code\":7}", OTA_E_MALFORMED },
        { "no code", "{\"message\":\"?\"}", OTA_E_MALFORMED },
        { "no object", "7", OTA_E_MALFORMED },
    };
    const struct ota_topic topic = topic_of(OTA_TOPIC_STREAM_REJECTED, OTA_FORMAT_JSON);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_stream s = begun(usual);
        struct ota_block block;
        asks_run(&s, 0, 0, 8);
        CHECK_ROW(rows[i].why,
                  ota_stream_on_message(&s, &topic, ota_span_of_str(rows[i].json),
                                        (struct ota_buf){ NULL, 0 }, &block) == rows[i].want);
        CHECK_ROW(rows[i].why, rows[i].want != OTA_OK || block.data.len == 0);
        asks_nothing(&s, 0);
        asks_run(&s, 1000, 0, 8);
    }
}

/* --- bad links ------------------------------------------------------------------------------------------ */

/* A link in virtual time: blocks arrive one after another, each may be lost, doubled or swapped. */
#define QUEUE_MAX 4096u
struct link {
    struct ota_stream s;
    uint32_t seed;
    unsigned loss, twice, late; /* chances of 1000; `late`: two to three places */
    ota_ms_t now, free_at;
    struct {
        uint32_t block;
        ota_ms_t at;
    } queue[QUEUE_MAX];
    size_t head, tail;
    uint32_t sent, in_window_max;
};

static bool chance(struct link *l, unsigned of_1000)
{
    return t_random(&l->seed) % 1000u < of_1000;
}

static void send_block(struct link *l, uint32_t block)
{
    l->free_at = (l->free_at > l->now + 50 ? l->free_at : l->now + 50) + 2;
    l->sent++;
    if (chance(l, l->loss)) {
        return;
    }
    for (int copies = chance(l, l->twice) ? 2 : 1; copies > 0; copies--) {
        assert_true(l->tail - l->head < QUEUE_MAX);
        l->queue[l->tail % QUEUE_MAX].block = block;
        l->queue[l->tail++ % QUEUE_MAX].at = l->free_at;
    }
}

static void serve(struct link *l, const struct ota_effect *effect)
{
    static uint32_t blocks[OTA_STREAM_WINDOW_MAX];
    if (chance(l, l->loss)) {
        return; /* the request itself */
    }
    const struct asked a = read_request(effect->as.publish.payload, l->s.cfg.format);
    assert_true(a.count * a.size <= OTA_STREAM_BURST_MAX);
    const size_t n = blocks_of(&a, blocks, COUNT(blocks));
    for (size_t i = 0; i < n; i++) {
        assert_true(blocks[i] < l->s.block_count);
        send_block(l, blocks[i]);
    }
}

/* The next block out of the queue: usually its head, now and then one that stands behind it. */
static uint32_t arrival(struct link *l)
{
    const size_t waiting = l->tail - l->head;
    const size_t ahead = waiting > 3 && chance(l, l->late) ? 2 + t_random(&l->seed) % 2 : 0;
    const uint32_t block = l->queue[(l->head + ahead) % QUEUE_MAX].block;
    for (size_t i = ahead; i > 0; i--) {
        l->queue[(l->head + i) % QUEUE_MAX].block = l->queue[(l->head + i - 1) % QUEUE_MAX].block;
    }
    l->head++;
    return block;
}

/* Until the range is fetched: each of its blocks was handed over once, and no other was. */
static void run(struct link *l, uint8_t *seen, uint32_t first, uint32_t end)
{
    struct ota_effect effect;
    uint32_t missing = end - first;
    while (!ota_stream_idle(&l->s)) {
        while (ota_stream_poll(&l->s, l->now, &scratch, &effect)) {
            serve(l, &effect);
        }
        assert_true(l->s.in_flight <= l->s.cfg.window);
        const ota_ms_t deadline = ota_stream_deadline(&l->s);
        assert_true(deadline > l->now && deadline != OTA_NEVER);
        if (l->head == l->tail || l->queue[l->head % QUEUE_MAX].at > deadline) {
            l->now = deadline;
            continue;
        }
        const ota_ms_t at = l->queue[l->head % QUEUE_MAX].at;
        l->now = at > l->now ? at : l->now;
        const uint32_t block = arrival(l);
        if (give(&l->s, block, l->now)) {
            assert_true(block >= first && block < end && seen[block] == 0);
            seen[block] = 1;
            missing--;
        }
    }
    assert_int_equal(missing, 0);
}

static struct link link_of(struct ota_stream_cfg cfg, uint32_t seed)
{
    struct link l = { .seed = seed, .now = 1 };
    cfg.seed = seed;
    assert_int_equal(ota_stream_init(&l.s, &cfg), OTA_OK);
    return l;
}

static void any_link_that_lets_something_through_brings_the_whole_file(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 240; round++) {
        uint32_t seed = 0x9e3779b9u * round;
        print_message("seed %u\n", (unsigned)round);
        static const uint32_t windows[] = { 1, 2, 3, 4, 7, 8, 16, 31, 64, 128, 255, 256 };
        struct ota_stream_cfg cfg = usual;
        cfg.window = windows[t_random(&seed) % COUNT(windows)];
        cfg.format = t_random(&seed) % 4 == 0 ? OTA_FORMAT_JSON : OTA_FORMAT_CBOR;
        const uint32_t windows_max = cfg.window > 16 ? 4 : 52;
        const uint32_t blocks = 1 + t_random(&seed) % (cfg.window * windows_max + 3);
        cfg.file_size = blocks * 256 - t_random(&seed) % 2 * (t_random(&seed) % 256);
        struct link l = link_of(cfg, seed);
        l.loss = t_random(&seed) % 4 == 0 ? 0 : t_random(&seed) % 400;
        l.twice = t_random(&seed) % 2 * (t_random(&seed) % 300);
        l.late = t_random(&seed) % 2 * (t_random(&seed) % 300);
        uint8_t *seen = calloc(1, blocks);
        const uint32_t begin = t_random(&seed) % cfg.file_size;
        const uint32_t end = begin + 1 + t_random(&seed) % (cfg.file_size - begin);
        ota_stream_fetch(&l.s, begin, end);
        run(&l, seen, begin / 256, (end - 1) / 256 + 1);
        free(seen);
    }
}

static void files_around_each_multiple_of_a_block_are_complete(void **state)
{
    (void)state;
    for (uint32_t blocks = 1; blocks <= 20; blocks++) {
        for (uint32_t more = 0; more < 3; more++) {
            struct ota_stream_cfg cfg = usual;
            cfg.file_size = blocks * 256 + more - 1;
            cfg.window = 4;
            struct link l = link_of(cfg, blocks * 3 + more);
            l.loss = 50;
            uint8_t seen[22] = { 0 };
            ota_stream_fetch(&l.s, 0, cfg.file_size);
            run(&l, seen, 0, (cfg.file_size - 1) / 256 + 1);
        }
    }
}

static void losses_cost_little_more_than_what_was_lost(void **state)
{
    (void)state;
    static const struct {
        unsigned loss, late, more; /* of 1000; `more`: payloads sent above the least possible */
    } rows[] = {
        { 0, 0, 0 }, { 10, 0, 2 }, { 50, 0, 5 }, { 100, 0, 8 }, { 0, 100, 20 }, { 50, 50, 15 },
    };
    static const uint32_t windows[] = { 8, 32, 128 };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < COUNT(windows); k++) {
            struct ota_stream_cfg cfg = usual;
            cfg.window = windows[k];
            cfg.file_size = 4000 * 256;
            struct link l = link_of(cfg, 0x5eed0003);
            l.loss = rows[i].loss;
            l.late = rows[i].late;
            uint8_t *seen = calloc(1, 4000);
            ota_stream_fetch(&l.s, 0, cfg.file_size);
            run(&l, seen, 0, 4000);
            free(seen);
            const unsigned least = 4000u * 1000u / (1000u - rows[i].loss);
            print_message("loss %u late %u window %u: sent %u, least %u, duplicates %u, "
                          "silences %u, %u ms\n",
                          rows[i].loss, rows[i].late, (unsigned)windows[k], (unsigned)l.sent, least,
                          (unsigned)l.s.stats.duplicates, (unsigned)l.s.stats.silences,
                          (unsigned)l.now);
            assert_true(l.sent <= least + least * rows[i].more / 1000u + 8u);
        }
    }
}

static void a_clean_link_never_idles(void **state)
{
    (void)state;
    struct ota_stream_cfg cfg = usual;
    cfg.window = 128; /* a round trip holds 25 blocks */
    cfg.file_size = 4000 * 256;
    struct link l = link_of(cfg, 1);
    uint8_t *seen = calloc(1, 4000);
    ota_stream_fetch(&l.s, 0, cfg.file_size);
    run(&l, seen, 0, 4000);
    free(seen);
    assert_int_equal(l.sent, 4000);
    assert_true(l.now <= 4000 * 2 + 100);
    assert_true(l.s.stats.requests <= 4000 / 64 + 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_takes_what_the_service_can_serve),
        cmocka_unit_test(init_refuses_names_that_are_none),
        cmocka_unit_test(requests_are_the_bytes_that_are_specified),
        cmocka_unit_test(a_bitmap_is_written_as_the_service_documents_it),
        cmocka_unit_test(half_a_window_is_asked_for_when_half_has_come),
        cmocka_unit_test(the_rest_of_the_range_is_asked_for_as_soon_as_there_is_room),
        cmocka_unit_test(one_request_asks_for_128_kib_at_most),
        cmocka_unit_test(only_the_blocks_that_hold_the_range_are_fetched),
        cmocka_unit_test(what_is_stored_behind_a_gap_is_nothing_to_resume_from),
        cmocka_unit_test(a_version_that_is_known_is_told_with_each_request),
        cmocka_unit_test(the_end_of_the_largest_file_does_not_overflow),
        cmocka_unit_test(one_lost_block_costs_one_request_for_one_block),
        cmocka_unit_test(a_block_that_comes_a_few_places_late_is_not_asked_for_again),
        cmocka_unit_test(the_last_block_of_the_range_proves_all_losses_before_it),
        cmocka_unit_test(a_block_asked_for_again_and_lost_again_is_proved_lost_by_new_ones),
        cmocka_unit_test(a_lost_block_does_not_hold_up_those_behind_it),
        cmocka_unit_test(silence_is_answered_with_a_growing_jittered_back_off_that_never_ends),
        cmocka_unit_test(a_clock_that_jumps_is_one_silence),
        cmocka_unit_test(after_a_silence_only_what_is_missing_is_asked_for),
        cmocka_unit_test(a_block_that_was_not_stored_is_asked_for_again),
        cmocka_unit_test(a_reconnect_asks_at_once_for_what_is_missing),
        cmocka_unit_test(another_range_replaces_the_one_before),
        cmocka_unit_test(a_block_that_nobody_asked_for_counts_and_is_not_asked_for),
        cmocka_unit_test(a_block_that_comes_before_any_was_asked_for_is_one_less_to_ask_for),
        cmocka_unit_test(captured_data_is_taken),
        cmocka_unit_test(every_prefix_of_a_data_message_is_refused),
        cmocka_unit_test(messages_that_are_no_block_of_this_file_are_refused),
        cmocka_unit_test(base64_in_json_is_decoded_into_room_for_one_block),
        cmocka_unit_test(base64_that_goes_on_behind_its_padding_is_refused_wherever_it_stands),
        cmocka_unit_test(cbor_of_any_length_and_order_is_taken_and_a_wrong_type_is_not),
        cmocka_unit_test(mutated_messages_do_no_harm),
        cmocka_unit_test(topics_of_others_are_refused),
        cmocka_unit_test(captured_rejections_are_understood),
        cmocka_unit_test(what_is_rejected_for_now_is_asked_for_again),
        cmocka_unit_test(any_link_that_lets_something_through_brings_the_whole_file),
        cmocka_unit_test(files_around_each_multiple_of_a_block_are_complete),
        cmocka_unit_test(losses_cost_little_more_than_what_was_lost),
        cmocka_unit_test(a_clean_link_never_idles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
