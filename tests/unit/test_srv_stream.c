/* Streams of the provider: which blocks a request gets, in every form that clients send. */
#include "core/stream.h"
#include "ota/cbor.h"
#include "srv_world.h"
#include "vectors.h"

/* File 0: 100 blocks of 256 and one of 44. File 1: 16 MiB. File 7: empty. */
static struct srv_stream stream(void)
{
    struct srv_stream s = { .id = "s", .version = 1, .file_count = 3 };
    s.description = OTA_SPAN_LIT("firmware");
    s.files[0] = (struct srv_stream_file){ .id = 0, .size = 25644 };
    s.files[1] = (struct srv_stream_file){ .id = 1, .size = 16u << 20 };
    s.files[2] = (struct srv_stream_file){ .id = 7, .size = 0 };
    return s;
}

/* "o=7 i=9 13(44)": the numbers of the blocks, with the length where it is not the block size. */
static void blocks_of(struct srv_stream_get *get, char *out, size_t cap)
{
    struct srv_block b;
    out[0] = '\0';
    while (srv_stream_next(get, &b)) {
        const size_t used = strlen(out);
        assert_int_equal(b.offset, b.number * get->block_size);
        if (b.len == get->block_size) {
            snprintf(out + used, cap - used, "%s%u", used > 0 ? " " : "", (unsigned)b.number);
        } else {
            snprintf(out + used, cap - used, "%s%u(%u)", used > 0 ? " " : "", (unsigned)b.number,
                     b.len);
        }
    }
}

/* What a request gets: its blocks, or the error's code. */
static void answer(enum ota_format format, struct ota_span payload, char *out, size_t cap)
{
    struct srv_arena a = { NULL };
    const struct srv_stream s = stream();
    struct srv_stream_get get;
    struct srv_err err;
    uint8_t *exact = t_exact(payload.ptr, payload.len);
    if (srv_stream_get_parse(&get, format, (struct ota_span){ exact, payload.len }, &s, &a, &err)) {
        blocks_of(&get, out, cap);
    } else {
        snprintf(out, cap, "%s", ota_wire_code_name(srv_code_wire(err.code)));
    }
    free(exact);
    srv_arena_end(&a);
}

static struct ota_span from_hex(const char *text, uint8_t *out)
{
    size_t len = 0;
    bool comment = false, high = true;
    for (const char *at = text; *at != '\0'; at++) {
        comment = (comment || *at == '#') && *at != '\n';
        const char *digits = "0123456789abcdef";
        const char *digit = comment ? NULL : memchr(digits, *at, 16);
        if (digit == NULL) {
            continue;
        }
        const uint8_t value = (uint8_t)(digit - digits);
        if (high) {
            out[len] = (uint8_t)(value << 4);
        } else {
            out[len++] |= value;
        }
        high = !high;
    }
    return (struct ota_span){ out, len };
}

static void serves_what_existing_clients_send(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want;
    } rows[] = {
        { "cbor/get-agent-v3.hex", "0" },         { "cbor/get-agent-v1.hex", "0 1 2 3 4 5 6 7 8" },
        { "cbor/get-bitmap.hex", "20 21 24 43" }, { "cbor/get-modular.hex", "7" },
        { "stream/get-modular.json", "7" },       { "stream/get-guide-bitmap.json", "20 21 24 43" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_file file = t_vector(rows[i].file);
        uint8_t bytes[512];
        char text[2048] = "", got[256];
        const bool cbor = strstr(rows[i].file, ".hex") != NULL;
        memcpy(text, file.ptr, file.len);
        const struct ota_span payload =
            cbor ? from_hex(text, bytes) : (struct ota_span){ file.ptr, file.len };
        answer(cbor ? OTA_FORMAT_CBOR : OTA_FORMAT_JSON, payload, got, sizeof got);
        CHECK_ROW(rows[i].file, strcmp(got, rows[i].want) == 0);
        free(file.ptr);
    }
}

static const struct json_row {
    const char *why, *payload, *want;
} json_rows[] = {
    { "a run", "{\"f\":0,\"l\":256,\"o\":3,\"n\":2}", "3 4" },
    { "the last, short", "{\"f\":0,\"l\":256,\"o\":100,\"n\":5}", "100(44)" },
    { "the first behind the end", "{\"f\":0,\"l\":256,\"o\":101,\"n\":1}", "InvalidRequest" },
    { "offset at its limit", "{\"f\":0,\"l\":256,\"o\":98304,\"n\":1}", "InvalidRequest" },
    { "offset one over", "{\"f\":0,\"l\":256,\"o\":98305,\"n\":1}", "OffsetOutOfBounds" },
    { "offset far over", "{\"f\":0,\"l\":256,\"o\":9007199254740993,\"n\":1}",
      "OffsetOutOfBounds" },
    { "offset negative", "{\"f\":0,\"l\":256,\"o\":-1,\"n\":1}", "InvalidRequest" },
    { "count at its limit", "{\"f\":0,\"l\":256,\"o\":99,\"n\":98304}", "99 100(44)" },
    { "count one over", "{\"f\":0,\"l\":256,\"n\":98305}", "BlockCountLimitExceeded" },
    { "count 0", "{\"f\":0,\"l\":256,\"n\":0}", "InvalidRequest" },
    { "block of 255", "{\"f\":0,\"l\":255}", "BlockSizeOutOfBounds" },
    { "block of 131072", "{\"f\":0,\"l\":131072}", "0(25644)" },
    { "block of 131073", "{\"f\":0,\"l\":131073}", "BlockSizeOutOfBounds" },
    { "block of 0", "{\"f\":0,\"l\":0}", "BlockSizeOutOfBounds" },
    { "no file", "{\"l\":256}", "InvalidRequest" },
    { "no size", "{\"f\":0}", "InvalidRequest" },
    { "unknown file", "{\"f\":2,\"l\":256}", "ResourceNotFound" },
    { "file 256 is not file 0", "{\"f\":256,\"l\":256}", "ResourceNotFound" },
    { "empty file", "{\"f\":7,\"l\":256}", "InvalidRequest" },
    { "file as text", "{\"f\":\"0\",\"l\":256}", "InvalidRequest" },
    { "right version", "{\"s\":1,\"f\":0,\"l\":256,\"n\":1}", "0" },
    { "wrong version", "{\"s\":2,\"f\":0,\"l\":256,\"n\":1}", "VersionMismatch" },
    { "unknown members", "{\"f\":0,\"l\":256,\"n\":1,\"x\":{\"y\":[1]}}", "0" },
    { "null is absent", "{\"f\":0,\"l\":256,\"n\":1,\"o\":null,\"b\":null,\"c\":null}", "0" },
    { "token of 64",
      "{\"c\":\"0123456789012345678901234567890123456789012345678901234567890123\",\"f\":0,"
      "\"l\":256,\"n\":1}",
      "0" },
    { "token of 65",
      "{\"c\":\"01234567890123456789012345678901234567890123456789012345678901234\",\"f\":0,"
      "\"l\":256,\"n\":1}",
      "InvalidRequest" },
    { "token a number", "{\"c\":1,\"f\":0,\"l\":256,\"n\":1}", "InvalidRequest" },
    { "hex without 0x", "{\"f\":0,\"l\":256,\"o\":20,\"b\":\"130080\"}", "20 21 24 43" },
    { "hex in capitals", "{\"f\":0,\"l\":256,\"b\":\"0XaF\"}", "0 1 2 3 5 7" },
    { "array of bytes", "{\"f\":0,\"l\":256,\"o\":20,\"b\":[19,0,128]}", "20 21 24 43" },
    { "array of too much", "{\"f\":0,\"l\":256,\"b\":[256]}", "InvalidRequest" },
    { "array of texts", "{\"f\":0,\"l\":256,\"b\":[\"1\"]}", "InvalidRequest" },
    { "half a byte", "{\"f\":0,\"l\":256,\"b\":\"0x1\"}", "InvalidRequest" },
    { "no hex", "{\"f\":0,\"l\":256,\"b\":\"MQ==\"}", "InvalidRequest" },
    { "bitmap a number", "{\"f\":0,\"l\":256,\"b\":1}", "InvalidRequest" },
    { "an empty bitmap", "{\"f\":0,\"l\":256,\"b\":\"\"}", "InvalidRequest" },
    { "a bitmap of zeros", "{\"f\":0,\"l\":256,\"b\":\"0000\"}", "InvalidRequest" },
    { "n caps the bits", "{\"f\":0,\"l\":256,\"b\":\"ff\",\"n\":3}", "0 1 2" },
    { "bits behind the end", "{\"f\":0,\"l\":256,\"o\":99,\"b\":\"ff\"}", "99 100(44)" },
    { "only bits behind the end", "{\"f\":0,\"l\":256,\"o\":99,\"b\":\"fc\"}", "InvalidRequest" },
    { "no JSON", "hello", "InvalidJson" },
    { "an array", "[]", "InvalidJson" },
    { "a member twice", "{\"f\":0,\"f\":0,\"l\":256}", "InvalidJson" },
    { "nothing", "", "InvalidRequest" },
};

static void json_requests_get_their_blocks_or_their_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(json_rows); i++) {
        char got[1024];
        answer(OTA_FORMAT_JSON, ota_span_of_str(json_rows[i].payload), got, sizeof got);
        CHECK_ROW(json_rows[i].why, strcmp(got, json_rows[i].want) == 0);
    }
}

static void cbor_requests_get_their_blocks_or_their_error(void **state)
{
    (void)state;
    static const struct json_row rows[] = {
        { "definite", "a3 6166 00 616c 190100 616e 02", "0 1" },
        { "indefinite", "bf 6166 00 616c 190100 616e 02 ff", "0 1" },
        { "longer heads than needed", "a3 6166 1800 616c 1a00000100 616e 1b0000000000000001", "0" },
        { "unknown members", "a4 6178 a1 6179 82 01 02 6166 00 616c 190100 616e 01", "0" },
        { "a key twice", "a3 6166 00 6166 00 616c 190100", "InvalidCbor" },
        { "key no text", "a2 00 00 616c 190100", "InvalidCbor" },
        { "no map", "83 01 02 03", "InvalidCbor" },
        { "something behind it", "a2 6166 00 616c 190100 00", "InvalidCbor" },
        { "indefinite without end", "bf 6166 00 616c 190100", "InvalidCbor" },
        { "file negative", "a2 6166 20 616c 190100", "InvalidRequest" },
        { "file as text", "a2 6166 6130 616c 190100", "InvalidRequest" },
        { "bitmap as text", "a3 6166 00 616c 190100 6162 626666", "InvalidRequest" },
        { "token as bytes", "a3 6163 4161 6166 00 616c 190100", "InvalidRequest" },
        { "block of 2^64 - 1", "a2 6166 00 616c 1bffffffffffffffff", "BlockSizeOutOfBounds" },
        { "offset of 2^64 - 1", "a3 6166 00 616c 190100 616f 1bffffffffffffffff",
          "OffsetOutOfBounds" },
        { "count of 2^64 - 1", "a3 6166 00 616c 190100 616e 1bffffffffffffffff",
          "BlockCountLimitExceeded" },
        { "map of 2^64 - 1 pairs", "bbffffffffffffffff", "InvalidCbor" },
        { "bytes of 2^64 - 1", "a1 6162 5bffffffffffffffff", "InvalidCbor" },
        { "an empty bitmap", "a3 6166 00 616c 190100 6162 40", "InvalidRequest" },
        { "nothing", "", "InvalidRequest" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t bytes[256];
        char got[256];
        answer(OTA_FORMAT_CBOR, from_hex(rows[i].payload, bytes), got, sizeof got);
        CHECK_ROW(rows[i].why, strcmp(got, rows[i].want) == 0);
    }
}

static void bitmaps_are_shorter_than_their_limit(void **state)
{
    (void)state;
    static char text[65536];
    static char got[65536];
    for (size_t len = SRV_STREAM_BITMAP_LIMIT - 1u; len <= SRV_STREAM_BITMAP_LIMIT; len++) {
        const char *want = len < SRV_STREAM_BITMAP_LIMIT ? "0" : "BlockBitmapLimitExceeded";
        int used = snprintf(text, sizeof text, "{\"f\":0,\"l\":256,\"n\":1,\"b\":\"0x");
        memset(text + used, 'f', 2u * len);
        strcpy(text + used + 2u * len, "\"}");
        answer(OTA_FORMAT_JSON, ota_span_of_str(text), got, sizeof got);
        assert_string_equal(got, want);

        used = snprintf(text, sizeof text, "{\"f\":0,\"l\":256,\"n\":1,\"b\":[");
        for (size_t i = 0; i < len; i++) {
            used += snprintf(text + used, 4, "1%s", i + 1u < len ? "," : "");
        }
        strcpy(text + used, "]}");
        answer(OTA_FORMAT_JSON, ota_span_of_str(text), got, sizeof got);
        assert_string_equal(got, want);

        struct ota_writer w = ota_writer(OTA_BUF_OF(text));
        ota_write_bytes(&w, (struct ota_span){ (const uint8_t *)"\xa4\x61"
                                                                "f\x00\x61l\x19\x01\x00\x61n\x01",
                                               12 });
        ota_cbor_put_text(&w, OTA_SPAN_LIT("b"));
        memset(got, 0xff, len);
        ota_cbor_put_bytes(&w, (struct ota_span){ (const uint8_t *)got, len });
        const struct ota_span cbor = ota_writer_done(&w);
        char result[64];
        answer(OTA_FORMAT_CBOR, cbor, result, sizeof result);
        assert_string_equal(result, want);
    }
}

/* The largest file that devices can count. With the smallest blocks its end is out of reach: as the protocol has it. */
static void a_file_of_4_gib_less_one_is_served_to_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *why, *request, *want;
    } rows[] = {
        { "the last of 128 KiB", "{\"f\":1,\"l\":131072,\"o\":32767}", "32767(131071)" },
        { "one behind it", "{\"f\":1,\"l\":131072,\"o\":32768}", "InvalidRequest" },
        { "the highest offset", "{\"f\":1,\"l\":43690,\"o\":98304,\"n\":9}", "98304 98305(21845)" },
        { "beyond the highest offset", "{\"f\":1,\"l\":256,\"o\":98304,\"n\":2}", "98304 98305" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct srv_stream s = stream();
        struct srv_stream_get get;
        struct srv_arena a = { 0 };
        struct srv_err err;
        char got[64];
        s.files[1].size = UINT32_MAX;
        if (srv_stream_get_parse(&get, OTA_FORMAT_JSON, ota_span_of_str(rows[i].request), &s, &a,
                                 &err)) {
            blocks_of(&get, got, sizeof got);
        } else {
            snprintf(got, sizeof got, "%s", ota_wire_code_name(srv_code_wire(err.code)));
        }
        if (strcmp(got, rows[i].want) != 0) {
            fail_msg("[%s] %s", rows[i].why, got);
        }
        srv_arena_end(&a);
    }
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static const char json[] =
        "{\"c\":\"t\",\"s\":1,\"f\":0,\"l\":256,\"o\":1,\"n\":2,\"b\":\"03\"}";
    static const char *const cbor[] = {
        "a7 6163 6174 6173 01 6166 00 616c 190100 616f 01 616e 02 6162 4103",
        "bf 6163 6174 6173 01 6166 00 616c 190100 616f 01 616e 02 6162 4103 ff",
    };
    char got[64];
    for (size_t len = 1; len < sizeof json - 1u; len++) {
        answer(OTA_FORMAT_JSON, (struct ota_span){ (const uint8_t *)json, len }, got, sizeof got);
        CHECK_ROW(json + len, strcmp(got, "InvalidJson") == 0);
    }
    answer(OTA_FORMAT_JSON, ota_span_of_str(json), got, sizeof got);
    assert_string_equal(got, "1 2");
    for (size_t form = 0; form < COUNT(cbor); form++) {
        uint8_t bytes[128];
        const struct ota_span whole = from_hex(cbor[form], bytes);
        for (size_t len = 1; len < whole.len; len++) {
            char why[24];
            snprintf(why, sizeof why, "%zu", len);
            answer(OTA_FORMAT_CBOR, (struct ota_span){ bytes, len }, got, sizeof got);
            CHECK_ROW(why, strcmp(got, "InvalidCbor") == 0);
        }
        answer(OTA_FORMAT_CBOR, whole, got, sizeof got);
        assert_string_equal(got, "1 2");
    }
}

/* Whatever comes, what is served lies inside the file and the burst. */
static void damaged_requests_never_read_outside_the_file(void **state)
{
    (void)state;
    static const char *const whole[] = {
        "a7 6163 6174 6173 01 6166 00 616c 190100 616f 01 616e 02 6162 4103",
        "bf 6163 6174 6173 01 6166 01 616c 1a00020000 616f 01 616e 02 6162 41ff ff",
    };
    uint32_t x = 0x5eed0002u;
    for (int round = 0; round < 20000; round++) {
        struct srv_arena a = { NULL };
        const struct srv_stream s = stream();
        struct srv_stream_get get;
        struct srv_block b;
        struct srv_err err;
        uint8_t bytes[128];
        const struct ota_span request = from_hex(whole[t_random(&x) % COUNT(whole)], bytes);
        for (uint32_t hits = 1u + t_random(&x) % 3u; hits > 0; hits--) {
            bytes[t_random(&x) % request.len] = (uint8_t)t_random(&x);
        }
        uint8_t *exact = t_exact(bytes, request.len);
        uint64_t sum = 0;
        if (srv_stream_get_parse(&get, OTA_FORMAT_CBOR, (struct ota_span){ exact, request.len }, &s,
                                 &a, &err)) {
            while (srv_stream_next(&get, &b)) {
                assert_true(b.len > 0 && b.offset + b.len <= get.file->size);
                sum += b.len;
            }
            assert_true(sum > 0 && sum <= OTA_STREAM_BURST_MAX);
        }
        free(exact);
        srv_arena_end(&a);
    }
}

static void an_answer_has_128_kib_at_most(void **state)
{
    (void)state;
    static const struct {
        const char *payload;
        uint64_t blocks;
    } rows[] = {
        { "{\"f\":1,\"l\":256,\"n\":98304}", 512 },     { "{\"f\":1,\"l\":256}", 512 },
        { "{\"f\":1,\"l\":4096,\"n\":100}", 32 },       { "{\"f\":1,\"l\":131072,\"n\":3}", 1 },
        { "{\"f\":1,\"l\":100000,\"n\":3}", 1 },        { "{\"f\":1,\"l\":4096,\"n\":31}", 31 },
        { "{\"f\":1,\"l\":43690,\"o\":2,\"n\":9}", 3 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct srv_arena a = { NULL };
        const struct srv_stream s = stream();
        struct srv_stream_get get;
        struct srv_err err;
        struct srv_block b;
        uint64_t blocks = 0, bytes = 0;
        CHECK_ROW(rows[i].payload,
                  srv_stream_get_parse(&get, OTA_FORMAT_JSON, ota_span_of_str(rows[i].payload), &s,
                                       &a, &err));
        while (srv_stream_next(&get, &b)) {
            blocks++;
            bytes += b.len;
        }
        CHECK_ROW(rows[i].payload, blocks == rows[i].blocks && bytes <= OTA_STREAM_BURST_MAX);
        srv_arena_end(&a);
    }
}

static void a_block_is_sent_in_the_format_of_its_request(void **state)
{
    (void)state;
    /* Capture of the service, JSON without a token: {"f":0,"i":0,"l":4096,"p":"..."}; CBOR: vectors. */
    const struct srv_stream s = stream();
    const uint8_t bytes[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    const struct srv_block block = { .number = 300, .offset = 300 * 256, .len = 8 };
    struct srv_stream_get get = { .file = &s.files[0], .format = OTA_FORMAT_JSON };
    uint8_t room[SRV_STREAM_DATA_ROOM(8)];
    struct ota_span got = srv_stream_data(&get, &block, OTA_SPAN_OF(bytes), OTA_BUF_OF(room));
    assert_true(
        ota_span_eq(got, OTA_SPAN_LIT("{\"f\":0,\"i\":300,\"l\":8,\"p\":\"AAECAwQFBgc=\"}")));

    struct t_file file = t_vector("cbor/data.hex");
    char text[1024] = "";
    uint8_t want[256];
    memcpy(text, file.ptr, file.len);
    get.format = OTA_FORMAT_CBOR;
    got = srv_stream_data(&get, &block, OTA_SPAN_OF(bytes), OTA_BUF_OF(room));
    assert_true(ota_span_eq(got, from_hex(text, want)));
    free(file.ptr);

    get.token = OTA_SPAN_LIT("rdy");
    got = srv_stream_data(&get, &block, OTA_SPAN_OF(bytes), OTA_BUF_OF(room));
    assert_int_equal(got.ptr[0], 0xa5);
    assert_memory_equal(got.ptr + got.len - 6,
                        "\x61"
                        "c\x63rdy",
                        6);
}

static void a_description_lists_the_files(void **state)
{
    (void)state;
    struct srv_stream s = stream();
    uint8_t room[SRV_STREAM_DESCRIPTION_ROOM];
    struct ota_span got =
        srv_stream_description(OTA_FORMAT_JSON, OTA_SPAN_NONE, &s, OTA_BUF_OF(room));
    assert_true(
        ota_span_eq(got, OTA_SPAN_LIT("{\"s\":1,\"d\":\"firmware\",\"r\":[{\"f\":0,\"z\":25644"
                                      "},{\"f\":1,\"z\":16777216},{\"f\":7,\"z\":0}]}")));

    s.file_count = 2; /* the developer guide's example */
    s.files[0].size = 131072;
    s.files[1].size = 51200;
    struct t_file file = t_vector("cbor/description.hex");
    char text[1024] = "";
    uint8_t want[256];
    memcpy(text, file.ptr, file.len);
    got = srv_stream_description(OTA_FORMAT_CBOR, OTA_SPAN_LIT("rdy"), &s, OTA_BUF_OF(room));
    assert_true(ota_span_eq(got, from_hex(text, want)));
    free(file.ptr);
}

static void the_longest_description_fits(void **state)
{
    (void)state;
    struct srv_stream s = stream();
    uint8_t text[SRV_DESCRIPTION_MAX], room[SRV_STREAM_DESCRIPTION_ROOM];
    memset(text, '"', sizeof text);
    s.description = OTA_SPAN_OF(text);
    s.file_count = SRV_STREAM_FILES_MAX;
    for (size_t i = 0; i < SRV_STREAM_FILES_MAX; i++) {
        s.files[i] = (struct srv_stream_file){ .id = 255, .size = UINT64_MAX };
    }
    assert_true(srv_stream_description(OTA_FORMAT_JSON, OTA_SPAN_NONE, &s, OTA_BUF_OF(room)).len >
                0);
}

static void a_rejection_has_both_spellings(void **state)
{
    (void)state;
    struct srv_err err;
    uint8_t room[1024];
    srv_fail(&err, SRV_E_INVALID, "why");
    struct ota_span got =
        srv_stream_rejected(OTA_FORMAT_JSON, OTA_SPAN_LIT("rdy"), &err, OTA_BUF_OF(room));
    assert_true(ota_span_eq(
        got,
        OTA_SPAN_LIT("{\"clientToken\":\"rdy\",\"c\":\"rdy\",\"code\":\"InvalidRequest\",\"o\":"
                     "\"InvalidRequest\",\"message\":\"why\",\"m\":\"why\"}")));
    got = srv_stream_rejected(OTA_FORMAT_CBOR, OTA_SPAN_NONE, &err, OTA_BUF_OF(room));
    struct ota_cbor c = ota_cbor(got);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    size_t members = 0;
    while (ota_cbor_next_key(&c, &map, &key)) {
        ota_cbor_skip(&c);
        members++;
    }
    assert_int_equal(ota_cbor_end(&c), OTA_OK);
    assert_int_equal(members, 4);
}

static void a_stream_is_for_things_with_a_pending_job_of_it(void **state)
{
    (void)state;
    struct world w;
    struct srv_arena a = { NULL };
    struct srv_stream got;
    struct srv_err err;
    const struct srv_file_spec file = { .id = 0 };
    world_open(&w);
    world_thing(&w, "t");
    world_thing(&w, "u");
    assert_true(world_apply(
        &w, &(struct srv_command){ .kind = SRV_CMD_ARTIFACT_ADD, .artifact_add = { .size = 1 } }));
    assert_true(world_apply(
        &w, &(struct srv_command){
                .kind = SRV_CMD_STREAM_CREATE,
                .stream_create = { .id = OTA_SPAN_LIT("s"), .files = &file, .file_count = 1 } }));
#define GRANT(thing, id)                                                                           \
    srv_stream_grant(&w.core, &a, OTA_SPAN_LIT(thing), OTA_SPAN_LIT(id), &got, &err)
    assert_false(GRANT("t", "s"));
    assert_int_equal(err.code, SRV_E_UNAUTHORIZED);
    world_job_with(&w, "j", "t", "s", 0);
    assert_int_equal(w.outcome.changed_count, 1);
    assert_true(GRANT("t", "s")); /* QUEUED suffices: stock firmware asks that early */
    assert_int_equal(got.files[0].size, 1);
    assert_false(GRANT("u", "s"));
    assert_int_equal(err.code, SRV_E_UNAUTHORIZED);
    assert_false(GRANT("t", "x"));
    assert_int_equal(err.code, SRV_E_NOT_FOUND);
    assert_true(world_device(&w, "t/jobs/start-next", ""));
    assert_true(GRANT("t", "s"));
    assert_true(world_device(&w, "t/jobs/j/update", "{\"status\":\"FAILED\"}"));
    assert_string_equal(w.outcome.changed[0], "t"); /* so a cache knows */
    assert_false(GRANT("t", "s"));
    world_job_with(&w, "k", "t", "s", 0);
    assert_true(GRANT("t", "s"));
    assert_true(world_apply(&w, &(struct srv_command){ .kind = SRV_CMD_THING_DISABLE,
                                                       .thing_disable = { OTA_SPAN_LIT("t") } }));
    assert_false(GRANT("t", "s"));
    srv_arena_end(&a);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_what_existing_clients_send),
        cmocka_unit_test(json_requests_get_their_blocks_or_their_error),
        cmocka_unit_test(cbor_requests_get_their_blocks_or_their_error),
        cmocka_unit_test(bitmaps_are_shorter_than_their_limit),
        cmocka_unit_test(a_file_of_4_gib_less_one_is_served_to_its_end),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(damaged_requests_never_read_outside_the_file),
        cmocka_unit_test(an_answer_has_128_kib_at_most),
        cmocka_unit_test(a_block_is_sent_in_the_format_of_its_request),
        cmocka_unit_test(a_description_lists_the_files),
        cmocka_unit_test(the_longest_description_fits),
        cmocka_unit_test(a_rejection_has_both_spellings),
        cmocka_unit_test(a_stream_is_for_things_with_a_pending_job_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
