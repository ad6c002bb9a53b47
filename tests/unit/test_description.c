/* Description: what is asked, and what counts as an answer. */
#include "t.h"

#include "ota/description.h"

#define FILES "\"r\":[{\"f\":0,\"z\":131072},{\"f\":1,\"z\":51200}]"
static const char guide[] = "{\"c\":\"rdy\",\"s\":1,\"d\":\"two files\"," FILES "}";

/* The same in CBOR: a map of four, of indefinite length, as the service sends its rejections. */
static const uint8_t guide_cbor[] = {
    0xbf, 0x61, 'c',  0x63, 'r',  'd',  'y',  0x61, 's',  0x01, 0x61, 'd',  0x61,
    't',  0x61, 'r',  0x82, 0xa2, 0x61, 'f',  0x00, 0x61, 'z',  0x1a, 0x00, 0x02,
    0x00, 0x00, 0xa2, 0x61, 'z',  0x19, 0xc8, 0x00, 0x61, 'f',  0x01, 0xff,
};

static ota_err_t read_json(const char *text, uint8_t id, struct ota_description *d)
{
    return ota_description_read(OTA_FORMAT_JSON, ota_span_of_str(text), id, d);
}

static void asks_in_both_formats(void **state)
{
    (void)state;
    uint8_t topic_room[OTA_TOPIC_MAX], payload_room[OTA_SCRATCH_PAYLOAD_MIN];
    const struct ota_scratch scratch = { OTA_BUF_OF(topic_room), OTA_BUF_OF(payload_room) };
    struct ota_topic stream = { .thing = OTA_SPAN_LIT("lamp-1"),
                                .id = OTA_SPAN_LIT("AFR_OTA-1"),
                                .format = OTA_FORMAT_JSON };
    struct ota_effect effect;
    ota_describe(OTA_SPAN_LIT("$aws"), &stream, &scratch, &effect);
    assert_int_equal(effect.kind, OTA_EFFECT_PUBLISH);
    assert_int_equal(effect.as.publish.qos, OTA_QOS_0);
    assert_true(ota_span_eq(effect.as.publish.topic,
                            OTA_SPAN_LIT("$aws/things/lamp-1/streams/AFR_OTA-1/describe/json")));
    assert_true(ota_span_eq(effect.as.publish.payload, OTA_SPAN_LIT("{\"c\":\"rdy\"}")));

    static const uint8_t cbor[] = { 0xa1, 0x61, 'c', 0x63, 'r', 'd', 'y' };
    stream.format = OTA_FORMAT_CBOR;
    ota_describe(OTA_SPAN_LIT("$aws"), &stream, &scratch, &effect);
    assert_true(ota_span_eq(effect.as.publish.topic,
                            OTA_SPAN_LIT("$aws/things/lamp-1/streams/AFR_OTA-1/describe/cbor")));
    assert_true(ota_span_eq(effect.as.publish.payload, OTA_SPAN_OF(cbor)));
}

static void the_answer_of_the_guide_is_read_in_both_formats(void **state)
{
    (void)state;
    static const struct {
        uint8_t id;
        bool has;
        uint64_t size;
    } rows[] = { { 0, true, 131072 }, { 1, true, 51200 }, { 2, false, 0 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (unsigned format = 0; format < 2; format++) {
            struct ota_description d;
            const struct ota_span payload =
                format == OTA_FORMAT_JSON ? ota_span_of_str(guide) : OTA_SPAN_OF(guide_cbor);
            assert_int_equal(ota_description_read((enum ota_format)format, payload, rows[i].id, &d),
                             OTA_OK);
            assert_int_equal(d.version, 1);
            assert_int_equal(d.file_count, 2);
            assert_int_equal(d.has_file, rows[i].has);
            assert_int_equal(d.file_size, rows[i].size);
        }
    }
}

static void every_prefix_of_an_answer_is_refused(void **state)
{
    (void)state;
    const struct ota_span whole[] = {
        [OTA_FORMAT_CBOR] = OTA_SPAN_OF(guide_cbor), [OTA_FORMAT_JSON] = ota_span_of_str(guide)
    };
    static const struct ota_description zero;
    for (unsigned format = 0; format < 2; format++) {
        for (size_t len = 0; len < whole[format].len; len++) {
            uint8_t *prefix = t_exact(whole[format].ptr, len);
            struct ota_description d;
            memset(&d, 0xa5, sizeof d);
            const ota_err_t err = ota_description_read((enum ota_format)format,
                                                       (struct ota_span){ prefix, len }, 0, &d);
            assert_true(err == OTA_E_TRUNCATED || err == OTA_E_MALFORMED);
            assert_memory_equal(&d, &zero, sizeof d);
            free(prefix);
        }
    }
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        ota_err_t err;
    } rows[] = {
        { "no version", "{" FILES "}", OTA_E_MALFORMED },
        { "no list", "{\"s\":1}", OTA_E_MALFORMED },
        { "a list that is none", "{\"s\":1,\"r\":{}}", OTA_E_MALFORMED },
        { "a file that is none", "{\"s\":1,\"r\":[1]}", OTA_E_MALFORMED },
        { "a file without a size", "{\"s\":1,\"r\":[{\"f\":0}]}", OTA_E_MALFORMED },
        { "a file without an id", "{\"s\":1,\"r\":[{\"z\":1}]}", OTA_E_MALFORMED },
        { "an id twice", "{\"s\":1,\"r\":[{\"f\":7,\"z\":1},{\"f\":7,\"z\":1}]}", OTA_E_MALFORMED },
        { "an id above 255", "{\"s\":1,\"r\":[{\"f\":256,\"z\":1}]}", OTA_E_RANGE },
        { "a version above 32 bits", "{\"s\":4294967296,\"r\":[]}", OTA_E_RANGE },
        { "a version twice", "{\"s\":1,\"s\":1,\"r\":[]}", OTA_E_MALFORMED },
        { "a size twice", "{\"s\":1,\"r\":[{\"f\":0,\"z\":1,\"z\":1}]}", OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_description d;
        CHECK_ROW(rows[i].why, read_json(rows[i].text, 0, &d) == rows[i].err);
        CHECK_ROW(rows[i].why, d.file_count == 0 && d.version == 0);
    }
}

static void what_is_no_answer_in_cbor_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint8_t len, bytes[24];
        ota_err_t err;
    } rows[] = {
        { "no version", 4, { 0xa1, 0x61, 'r', 0x80 }, OTA_E_MALFORMED },
        { "no list", 4, { 0xa1, 0x61, 's', 0x01 }, OTA_E_MALFORMED },
        { "a version twice",
          10,
          { 0xa3, 0x61, 's', 1, 0x61, 's', 1, 0x61, 'r', 0x80 },
          OTA_E_MALFORMED },
        { "a list twice",
          10,
          { 0xa3, 0x61, 's', 1, 0x61, 'r', 0x80, 0x61, 'r', 0x80 },
          OTA_E_MALFORMED },
        { "a version above 32 bits",
          15,
          { 0xa2, 0x61, 's', 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0x61, 'r', 0x80 },
          OTA_E_MALFORMED },
        { "a file without a size",
          11,
          { 0xa2, 0x61, 's', 1, 0x61, 'r', 0x81, 0xa1, 0x61, 'f', 0 },
          OTA_E_MALFORMED },
        { "a file without an id",
          11,
          { 0xa2, 0x61, 's', 1, 0x61, 'r', 0x81, 0xa1, 0x61, 'z', 1 },
          OTA_E_MALFORMED },
        { "a size twice",
          17,
          { 0xa2, 0x61, 's', 1, 0x61, 'r', 0x81, 0xa3, 0x61, 'f', 0, 0x61, 'z', 1, 0x61, 'z', 1 },
          OTA_E_MALFORMED },
        { "an id twice",
          22,
          { 0xa2, 0x61, 's', 1,    0x61, 'r', 0x82, 0xa2, 0x61, 'f', 0,
            0x61, 'z',  1,   0xa2, 0x61, 'f', 0,    0x61, 'z',  1 },
          OTA_E_MALFORMED },
        { "a size that is none",
          14,
          { 0xa2, 0x61, 's', 1, 0x61, 'r', 0x81, 0xa2, 0x61, 'f', 0, 0x61, 'z', 0x40 },
          OTA_E_MALFORMED },
        { "an id above 255",
          16,
          { 0xa2, 0x61, 's', 1, 0x61, 'r', 0x81, 0xa2, 0x61, 'z', 1, 0x61, 'f', 0x19, 1, 0 },
          OTA_E_RANGE },
        { "something behind it", 8, { 0xa2, 0x61, 's', 1, 0x61, 'r', 0x80, 0 }, OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_description d;
        uint8_t *exact = t_exact(rows[i].bytes, rows[i].len);
        const ota_err_t err =
            ota_description_read(OTA_FORMAT_CBOR, (struct ota_span){ exact, rows[i].len }, 0, &d);
        CHECK_ROW(rows[i].why, err == rows[i].err);
        free(exact);
    }
}

/* In the whole and in a file; what is of any depth in it is passed over with it. */
static void members_that_nobody_knows_are_passed_over(void **state)
{
    (void)state;
    static const char json[] = "{\"s\":3,\"x\":[{\"s\":4}],"
                               "\"r\":[{\"f\":9,\"e\":{\"z\":1},\"z\":70000,\"n\":null}]}";
    static const uint8_t cbor[] = {
        0xa3, 0x61, 's',  3,    0x61, 'x',  0x81, 0xa1, 0x61, 's',  4,   0x61,
        'r',  0x81, 0xa4, 0x61, 'f',  9,    0x61, 'e',  0xa1, 0x61, 'z', 1,
        0x61, 'z',  0x1a, 0,    1,    0x11, 0x70, 0x61, 'n',  0xf6,
    };
    const struct ota_span payload[] = {
        [OTA_FORMAT_CBOR] = OTA_SPAN_OF(cbor), [OTA_FORMAT_JSON] = ota_span_of_str(json)
    };
    for (unsigned format = 0; format < 2; format++) {
        struct ota_description d;
        assert_int_equal(ota_description_read((enum ota_format)format, payload[format], 9, &d),
                         OTA_OK);
        assert_int_equal(d.version, 3);
        assert_int_equal(d.file_count, 1);
        assert_true(d.has_file);
        assert_int_equal(d.file_size, 70000);
    }
}

static void a_stream_has_at_most_fifty_files(void **state)
{
    (void)state;
    for (unsigned count = OTA_STREAM_FILES_MAX; count <= OTA_STREAM_FILES_MAX + 1u; count++) {
        char text[2048];
        size_t at = (size_t)snprintf(text, sizeof text, "{\"s\":2,\"r\":[");
        for (unsigned i = 0; i < count; i++) {
            at += (size_t)snprintf(text + at, sizeof text - at, "%s{\"f\":%u,\"z\":%u}",
                                   i > 0 ? "," : "", i, i + 100u);
        }
        snprintf(text + at, sizeof text - at, "]}");
        struct ota_description d;
        const ota_err_t err = read_json(text, 49, &d);
        assert_int_equal(err, count == OTA_STREAM_FILES_MAX ? OTA_OK : OTA_E_MALFORMED);
        assert_int_equal(d.file_size, err == OTA_OK ? 149 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_in_both_formats),
        cmocka_unit_test(the_answer_of_the_guide_is_read_in_both_formats),
        cmocka_unit_test(every_prefix_of_an_answer_is_refused),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(what_is_no_answer_in_cbor_is_refused),
        cmocka_unit_test(members_that_nobody_knows_are_passed_over),
        cmocka_unit_test(a_stream_has_at_most_fifty_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
