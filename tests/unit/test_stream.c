/* Stream: which blocks are asked for, and what counts as one. */
#include "stream_fixture.h"
#include "vectors.h"

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
        cmocka_unit_test(a_version_that_is_known_is_told_with_each_request),
        cmocka_unit_test(what_is_stored_behind_a_gap_is_nothing_to_resume_from),
        cmocka_unit_test(the_end_of_the_largest_file_does_not_overflow),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
