/* Job document: what AWS writes is read, what is ambiguous or a lie is refused before a byte is fetched. */
#include "t.h"
#include "vectors.h"

#include "ota/base64.h"
#include "ota/jobdoc.h"

/* Until the next call. */
static const struct ota_json *parsed(struct ota_span text)
{
    static struct ota_json json;
    assert_int_equal(ota_json_parse(text, &json), OTA_OK);
    return &json;
}

static ota_err_t read_text(const char *text, struct ota_jobdoc *doc)
{
    struct ota_json json;
    const ota_err_t err = ota_json_parse(ota_span_of_str(text), &json);
    if (err != OTA_OK) {
        fail_msg("not JSON: %s", text);
    }
    return ota_jobdoc_read(&json, doc);
}

/* Every row is also read from an allocation of its exact length. */
static ota_err_t read_exact(const char *why, const char *text, struct ota_jobdoc *doc)
{
    uint8_t *copy = t_exact(text, strlen(text));
    static const struct ota_jobdoc empty;
    struct ota_jobdoc other;
    memset(doc, 0x55, sizeof *doc);
    memset(&other, 0x55, sizeof other);
    const ota_err_t exact =
        ota_jobdoc_read(parsed((struct ota_span){ copy, strlen(text) }), &other);
    const ota_err_t err = read_text(text, doc);
    CHECK_ROW(why, err == exact);
    CHECK_ROW(why, err == OTA_OK || memcmp(doc, &empty, sizeof empty) == 0);
    CHECK_ROW(why, err == OTA_OK || memcmp(&other, &empty, sizeof empty) == 0);
    free(copy);
    return err;
}

#define FILE0 "{\"filesize\":1000,\"fileid\":0,\"sig-sha256-ecdsa\":\"MEUC\"}"
#define AFR_OTA(files)                                                                             \
    "\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":[" files "]}"

static struct ota_span signature_of(const struct ota_jobdoc_file *file,
                                    uint8_t room[OTA_SIGNATURE_DER_MAX])
{
    struct ota_span der = OTA_SPAN_NONE;
    const ota_err_t err =
        ota_json_base64(&file->signature, (struct ota_buf){ room, OTA_SIGNATURE_DER_MAX }, &der);
    assert_int_equal(err, file->signature_kind == OTA_SIGNATURE_P256 ? OTA_OK : OTA_E_MALFORMED);
    return der;
}

/* --- what AWS writes -------------------------------------------------------------------------- */

static void a_captured_document_is_read(void **state)
{
    (void)state;
    const struct t_file m = t_vector("jobdoc/mqtt-capture.json");
    struct ota_jobdoc doc;
    assert_int_equal(ota_jobdoc_read(parsed((struct ota_span){ m.ptr, m.len }), &doc), OTA_OK);
    assert_int_equal(doc.protocols, OTA_PROTOCOL_MQTT);
    assert_int_equal(doc.file_count, 1);
    assert_true(
        ota_json_is(&doc.stream, OTA_SPAN_LIT("AFR_OTA-93e1bb19-0dcd-4aeb-9946-5df0260dc063")));
    assert_false(doc.has_digest || doc.has_version || doc.has_class || doc.has_counter ||
                 doc.has_hw);
    assert_int_equal(doc.sources.text.len, 0);
    struct ota_jobdoc_file file;
    assert_int_equal(ota_jobdoc_file(&doc, 0, &file), OTA_OK);
    assert_int_equal(file.size, 127762);
    assert_int_equal(file.file_id, 0);
    assert_int_equal(file.file_type, 0);
    assert_int_equal(file.url.text.len, 0);
    assert_true(ota_json_is(&file.certfile, OTA_SPAN_LIT("/cert.pem")));
    assert_int_equal(file.signature_kind, OTA_SIGNATURE_P256);
    static const uint8_t der[] = { 0x30, 0x45, 0x02, 0x21, 0x00, 0xf3, 0xa9 };
    uint8_t room[OTA_SIGNATURE_DER_MAX];
    assert_true(ota_span_eq(signature_of(&file, room), OTA_SPAN_OF(der)));
    free(m.ptr);
}

static void both_protocols_and_numbers_in_quotes_are_read(void **state)
{
    (void)state;
    const struct t_file m = t_vector("jobdoc/http-presigned.json");
    struct ota_jobdoc doc;
    struct ota_jobdoc_file file;
    assert_int_equal(ota_jobdoc_read(parsed((struct ota_span){ m.ptr, m.len }), &doc), OTA_OK);
    assert_int_equal(doc.protocols, OTA_PROTOCOL_MQTT | OTA_PROTOCOL_HTTP);
    assert_int_equal(ota_jobdoc_file(&doc, 0, &file), OTA_OK);
    assert_int_equal(file.size, 180568);
    assert_int_equal(file.file_id, 1);
    assert_int_equal(file.file_type, 2);
    assert_int_equal(file.signature_kind, OTA_SIGNATURE_UNSUPPORTED);
    assert_true(ota_json_is(&file.certfile, OTA_SPAN_LIT("/certs/signer.pem")));
    assert_true(ota_json_is(&file.url, OTA_SPAN_LIT("https://bucket.s3.example/a.bin?"
                                                    "X-Amz-Expires=1800&X-Amz-Date="
                                                    "20240101T000000Z")));
    free(m.ptr);
}

/* --- the whole ------------------------------------------------------------------------------------ */

#define S126                                                                                       \
    "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"                               \
    "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss"

static void what_is_no_ota_job_is_left_to_others_and_what_is_a_bad_one_is_refused(void **state)
{
    (void)state;
#define DOC(protocols, stream, files)                                                              \
    "{\"afr_ota\":{\"protocols\":" protocols stream ",\"files\":" files "}}"
#define ONE "[" FILE0 "]"
    static const struct {
        const char *why, *text;
        ota_err_t want;
    } rows[] = {
        { "a custom job", "{\"operation\":\"reboot\"}", OTA_E_NOT_FOUND },
        { "empty", "{}", OTA_E_NOT_FOUND },
        { "null", "{\"afr_ota\":null}", OTA_E_NOT_FOUND },
        { "only waft", "{\"waft\":{\"v\":1}}", OTA_E_NOT_FOUND },
        { "no object", "[1]", OTA_E_NOT_FOUND },
        { "afr_ota is no object", "{\"afr_ota\":[]}", OTA_E_JOB_DOCUMENT },
        { "afr_ota is empty", "{\"afr_ota\":{}}", OTA_E_JOB_DOCUMENT },
        { "afr_ota twice", "{" AFR_OTA(FILE0) "," AFR_OTA(FILE0) "}", OTA_E_JOB_DOCUMENT },
        { "MQTT", DOC("[\"MQTT\"]", ",\"streamname\":\"s\"", ONE), OTA_OK },
        { "HTTP only, no stream", DOC("[\"HTTP\"]", "", ONE), OTA_OK },
        { "HTTP only, null stream", DOC("[\"HTTP\"]", ",\"streamname\":null", ONE), OTA_OK },
        { "a protocol that we do not know", DOC("[\"COAP\"]", "", ONE), OTA_OK },
        { "MQTT without a stream", DOC("[\"MQTT\"]", "", ONE), OTA_E_JOB_DOCUMENT },
        { "protocols no array", DOC("\"MQTT\"", ",\"streamname\":\"s\"", ONE), OTA_E_JOB_DOCUMENT },
        { "a protocol that is no string", DOC("[1]", ",\"streamname\":\"s\"", ONE),
          OTA_E_JOB_DOCUMENT },
        { "no protocols", "{\"afr_ota\":{\"streamname\":\"s\",\"files\":" ONE "}}",
          OTA_E_JOB_DOCUMENT },
        { "stream of 128", DOC("[\"MQTT\"]", ",\"streamname\":\"" S126 "12\"", ONE), OTA_OK },
        { "stream of 129", DOC("[\"MQTT\"]", ",\"streamname\":\"" S126 "123\"", ONE),
          OTA_E_JOB_DOCUMENT },
        { "stream with a wildcard", DOC("[\"MQTT\"]", ",\"streamname\":\"a/+\"", ONE),
          OTA_E_JOB_DOCUMENT },
        { "stream without a name", DOC("[\"MQTT\"]", ",\"streamname\":\"\"", ONE),
          OTA_E_JOB_DOCUMENT },
        { "stream no string", DOC("[\"MQTT\"]", ",\"streamname\":1", ONE), OTA_E_JOB_DOCUMENT },
        { "stream twice", DOC("[\"MQTT\"]", ",\"streamname\":\"s\",\"streamname\":\"s\"", ONE),
          OTA_E_JOB_DOCUMENT },
        { "no file", DOC("[\"HTTP\"]", "", "[]"), OTA_E_JOB_DOCUMENT },
        { "files no array", DOC("[\"HTTP\"]", "", FILE0), OTA_E_JOB_DOCUMENT },
        { "a file that is no object", DOC("[\"HTTP\"]", "", "[1]"), OTA_E_JOB_DOCUMENT },
        { "a file id twice", DOC("[\"HTTP\"]", "", "[" FILE0 "," FILE0 "]"), OTA_E_JOB_DOCUMENT },
        { "a bad second file", DOC("[\"HTTP\"]", "", "[" FILE0 ",{\"fileid\":1}]"),
          OTA_E_JOB_DOCUMENT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobdoc doc;
        CHECK_ROW(rows[i].why, read_exact(rows[i].why, rows[i].text, &doc) == rows[i].want);
    }
}

static void fifty_files_are_read_and_fifty_one_are_not(void **state)
{
    (void)state;
    for (unsigned count = 50; count <= 51; count++) {
        char text[4096];
        int len = snprintf(text, sizeof text, "{\"afr_ota\":{\"protocols\":[\"HTTP\"],\"files\":[");
        for (unsigned i = 0; i < count; i++) {
            len += snprintf(text + len, sizeof text - (size_t)len,
                            "%s{\"fileid\":%u,\"filesize\":%u}", i > 0 ? "," : "", i, i + 1);
        }
        (void)snprintf(text + len, sizeof text - (size_t)len, "]}}");
        struct ota_jobdoc doc;
        assert_int_equal(read_text(text, &doc), count == 50 ? OTA_OK : OTA_E_JOB_DOCUMENT);
        for (unsigned i = 0; count == 50 && i < count; i++) {
            struct ota_jobdoc_file file;
            assert_int_equal(ota_jobdoc_file(&doc, i, &file), OTA_OK);
            assert_int_equal(file.file_id, i);
            assert_int_equal(file.size, i + 1);
            assert_int_equal(file.signature_kind, OTA_SIGNATURE_NONE);
        }
    }
}

/* --- files -------------------------------------------------------------------------------------------- */

static void members_of_a_file_have_limits(void **state)
{
    (void)state;
#define F(members) "{" AFR_OTA("{" members "}") "}"
#define B64_80                                                                                     \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\r\\n"                       \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    static const struct {
        const char *why, *text;
        ota_err_t want;
    } rows[] = {
        { "least", F("\"filesize\":1,\"fileid\":0"), OTA_OK },
        { "no size", F("\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size 0", F("\"filesize\":0,\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size 2^32 - 1", F("\"filesize\":4294967295,\"fileid\":0"), OTA_OK },
        { "size 2^32", F("\"filesize\":4294967296,\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size 2^64", F("\"filesize\":18446744073709551616,\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size -1", F("\"filesize\":-1,\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size 1e3", F("\"filesize\":1e3,\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size in words", F("\"filesize\":\"many\",\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "size twice", F("\"filesize\":1,\"filesize\":1,\"fileid\":0"), OTA_E_JOB_DOCUMENT },
        { "no id", F("\"filesize\":1"), OTA_E_JOB_DOCUMENT },
        { "id 255", F("\"filesize\":1,\"fileid\":255"), OTA_OK },
        { "id 256", F("\"filesize\":1,\"fileid\":256"), OTA_E_JOB_DOCUMENT },
        { "type 255", F("\"filesize\":1,\"fileid\":0,\"fileType\":255"), OTA_OK },
        { "type 256", F("\"filesize\":1,\"fileid\":0,\"fileType\":256"), OTA_E_JOB_DOCUMENT },
        { "type null", F("\"filesize\":1,\"fileid\":0,\"fileType\":null"), OTA_OK },
        { "type twice", F("\"filesize\":1,\"fileid\":0,\"fileType\":0,\"fileType\":1"),
          OTA_E_JOB_DOCUMENT },
        { "certificate no string", F("\"filesize\":1,\"fileid\":0,\"certfile\":1"),
          OTA_E_JOB_DOCUMENT },
        { "URL no string", F("\"filesize\":1,\"fileid\":0,\"update_data_url\":{}"),
          OTA_E_JOB_DOCUMENT },
        { "URL twice",
          F("\"filesize\":1,\"fileid\":0,\"update_data_url\":\"a\",\"update_data_url\":\"b\""),
          OTA_E_JOB_DOCUMENT },
        { "signature of 79 bytes, broken lines",
          F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":\"" B64_80 "\\r\\n\""), OTA_OK },
        { "signature of 80 bytes",
          F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":\"" B64_80 "A\""), OTA_OK },
        { "signature of 81 bytes",
          F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":\"" B64_80 "AA\""),
          OTA_E_JOB_DOCUMENT },
        { "signature no base64", F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":\"ME*C\""),
          OTA_E_JOB_DOCUMENT },
        { "signature empty", F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":\"\""),
          OTA_E_JOB_DOCUMENT },
        { "signature no string", F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":[]"),
          OTA_E_JOB_DOCUMENT },
        { "signature twice",
          F("\"filesize\":1,\"fileid\":0,\"sig-sha256-ecdsa\":\"MEUC\",\"sig-sha256-ecdsa\":"
            "\"MEUC\""),
          OTA_E_JOB_DOCUMENT },
        { "another signature no string", F("\"filesize\":1,\"fileid\":0,\"sig-sha1-rsa\":1"),
          OTA_E_JOB_DOCUMENT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobdoc doc;
        CHECK_ROW(rows[i].why, read_exact(rows[i].why, rows[i].text, &doc) == rows[i].want);
    }
}

static void the_signature_that_we_can_check_is_the_one_that_counts(void **state)
{
    (void)state;
    static const struct {
        const char *why, *members;
        enum ota_signature_kind want;
        size_t len;
    } rows[] = {
        { "none", "", OTA_SIGNATURE_NONE, 0 },
        { "null", ",\"sig-sha256-ecdsa\":null", OTA_SIGNATURE_NONE, 0 },
        { "P-256", ",\"sig-sha256-ecdsa\":\"MEUC\"", OTA_SIGNATURE_P256, 3 },
        { "RSA", ",\"sig-sha256-rsa\":\"MEUC\"", OTA_SIGNATURE_UNSUPPORTED, 0 },
        { "SHA-1", ",\"sig-sha1-ecdsa\":\"MEUC\"", OTA_SIGNATURE_UNSUPPORTED, 0 },
        { "both", ",\"sig-sha1-rsa\":\"MEUC\",\"sig-sha256-ecdsa\":\"MEUC\"", OTA_SIGNATURE_P256,
          3 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[512];
        (void)snprintf(text, sizeof text,
                       "{\"afr_ota\":{\"protocols\":[],\"files\":[{"
                       "\"filesize\":1,\"fileid\":0%s}]}}",
                       rows[i].members);
        struct ota_jobdoc doc;
        struct ota_jobdoc_file file;
        CHECK_ROW(rows[i].why, read_text(text, &doc) == OTA_OK);
        CHECK_ROW(rows[i].why, ota_jobdoc_file(&doc, 0, &file) == OTA_OK);
        CHECK_ROW(rows[i].why, file.signature_kind == rows[i].want);
        uint8_t room[OTA_SIGNATURE_DER_MAX];
        CHECK_ROW(rows[i].why, signature_of(&file, room).len == rows[i].len);
    }
}

/* In DER: a sequence of r = 1 and s = 2; the end of one is cut off, the other is no DER. */
static void a_signature_is_what_crypto_wants_or_none(void **state)
{
    (void)state;
    static const struct {
        const char *why, *members;
        ota_err_t want;
    } rows[] = {
        { "a good one", ",\"sig-sha256-ecdsa\":\"MAYCAQECAQI=\"", OTA_OK },
        { "none", "", OTA_E_JOB_UNSIGNED },
        { "RSA", ",\"sig-sha256-rsa\":\"MAYCAQECAQI=\"", OTA_E_JOB_SIGNATURE },
        { "too short", ",\"sig-sha256-ecdsa\":\"MAYCAQECAQ==\"", OTA_E_JOB_SIGNATURE },
        { "no DER", ",\"sig-sha256-ecdsa\":\"AAAA\"", OTA_E_JOB_SIGNATURE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        (void)snprintf(text, sizeof text,
                       "{\"afr_ota\":{\"protocols\":[],\"files\":[{"
                       "\"filesize\":1,\"fileid\":0%s}]}}",
                       rows[i].members);
        uint8_t rs[OTA_P256_RS_SIZE], want[OTA_P256_RS_SIZE];
        struct ota_jobdoc doc;
        struct ota_jobdoc_file file;
        memset(rs, 0x55, sizeof rs);
        memset(want, rows[i].want == OTA_OK ? 0 : 0x55, sizeof want);
        if (rows[i].want == OTA_OK) {
            want[sizeof want / 2 - 1] = 1;
            want[sizeof want - 1] = 2;
        }
        CHECK_ROW(rows[i].why, read_text(text, &doc) == OTA_OK);
        CHECK_ROW(rows[i].why, ota_jobdoc_file(&doc, 0, &file) == OTA_OK);
        CHECK_ROW(rows[i].why, ota_jobdoc_signature(&file, rs) == rows[i].want);
        CHECK_ROW(rows[i].why, memcmp(rs, want, sizeof rs) == 0);
    }
}

/* --- waft ------------------------------------------------------------------------------------------------ */

#define DIGEST     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define UUID       "123e4567-e89b-12d3-a456-426614174000"
#define FILES3     FILE0 ",{\"filesize\":2,\"fileid\":1},{\"filesize\":3,\"fileid\":2}"
#define W(members) "{" AFR_OTA(FILES3) ",\"waft\":{\"v\":1" members "}}"

/* The example of the specification. */
static void our_advice_is_read(void **state)
{
    (void)state;
    struct ota_jobdoc doc;
    assert_int_equal(
        read_text(W(",\"version\":\"1.4.0\",\"digest\":\"" DIGEST "\",\"class\":\"" UUID "\","
                    "\"hw\":[2,5],\"counter\":7,\"sources\":[{\"slot\":\"A\",\"fileid\":0}]"),
                  &doc),
        OTA_OK);
    assert_true(doc.has_digest && doc.has_version && doc.has_class && doc.has_counter &&
                doc.has_hw);
    for (uint8_t i = 0; i < OTA_DIGEST_SIZE; i++) {
        assert_int_equal(doc.digest[i], i);
    }
    static const uint8_t uuid[] = { 0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3,
                                    0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00 };
    assert_memory_equal(doc.class_id, uuid, sizeof uuid);
    assert_true(ota_json_is(&doc.version, OTA_SPAN_LIT("1.4.0")));
    assert_int_equal(doc.counter, 7);
    assert_int_equal(doc.hw_min, 2);
    assert_int_equal(doc.hw_max, 5);
    assert_true(ota_span_eq(doc.sources.text, OTA_SPAN_LIT("[{\"slot\":\"A\",\"fileid\":0}]")));
}

static void advice_that_is_a_lie_is_not_ignored(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        ota_err_t want;
    } rows[] = {
        { "nothing but the version", W(""), OTA_OK },
        { "null members", W(",\"digest\":null,\"class\":null,\"hw\":null,\"sources\":null"),
          OTA_OK },
        { "unknown members", W(",\"next\":{\"x\":[]}"), OTA_OK },
        { "waft null", "{" AFR_OTA(FILE0) ",\"waft\":null}", OTA_OK },
        { "waft no object", "{" AFR_OTA(FILE0) ",\"waft\":[]}", OTA_E_JOB_DOCUMENT },
        { "waft twice", "{" AFR_OTA(FILE0) ",\"waft\":{\"v\":1},\"waft\":{\"v\":1}}",
          OTA_E_JOB_DOCUMENT },
        { "a later version, whatever it holds",
          "{" AFR_OTA(FILE0) ",\"waft\":{\"v\":2,\"digest\":17}}", OTA_OK },
        { "no version", "{" AFR_OTA(FILE0) ",\"waft\":{}}", OTA_E_JOB_DOCUMENT },
        { "version in words", "{" AFR_OTA(FILE0) ",\"waft\":{\"v\":\"one\"}}", OTA_E_JOB_DOCUMENT },
        { "digest in capitals",
          W(",\"digest\":\"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F\""),
          OTA_OK },
        { "digest of 65", W(",\"digest\":\"0" DIGEST "\""), OTA_E_JOB_DOCUMENT },
        { "digest of 0: no digest to compare is not \"any\"", W(",\"digest\":\"\""),
          OTA_E_JOB_DOCUMENT },
        { "digest behind a blank", W(",\"digest\":\" " DIGEST "\""), OTA_E_JOB_DOCUMENT },
        { "digest of 62",
          W(",\"digest\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e\""),
          OTA_E_JOB_DOCUMENT },
        { "digest with a g",
          W(",\"digest\":\"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\""),
          OTA_E_JOB_DOCUMENT },
        { "digest a number", W(",\"digest\":17"), OTA_E_JOB_DOCUMENT },
        { "digest twice", W(",\"digest\":\"" DIGEST "\",\"digest\":\"" DIGEST "\""),
          OTA_E_JOB_DOCUMENT },
        { "class without dashes", W(",\"class\":\"123e4567e89b12d3a456426614174000\""),
          OTA_E_JOB_DOCUMENT },
        { "class with a dash elsewhere", W(",\"class\":\"123e456-7e89b-12d3-a456-426614174000\""),
          OTA_E_JOB_DOCUMENT },
        { "class too long", W(",\"class\":\"" UUID "0\""), OTA_E_JOB_DOCUMENT },
        { "version of two parts", W(",\"version\":\"1.4\""), OTA_E_JOB_DOCUMENT },
        { "largest version", W(",\"version\":\"255.255.65535+4294967295\""), OTA_OK },
        { "version above", W(",\"version\":\"256.0.0\""), OTA_E_JOB_DOCUMENT },
        { "version a number", W(",\"version\":1"), OTA_E_JOB_DOCUMENT },
        { "version longer than any", W(",\"version\":\"255.255.65535+42949672950\""),
          OTA_E_JOB_DOCUMENT },
        { "counter 2^32 - 1", W(",\"counter\":4294967295"), OTA_OK },
        { "counter 2^32", W(",\"counter\":4294967296"), OTA_E_JOB_DOCUMENT },
        { "counter as a string", W(",\"counter\":\"7\""), OTA_OK },
        { "counter true", W(",\"counter\":true"), OTA_E_JOB_DOCUMENT },
        { "hw 0 .. 65535", W(",\"hw\":[0,65535]"), OTA_OK },
        { "hw 65536", W(",\"hw\":[0,65536]"), OTA_E_JOB_DOCUMENT },
        { "hw backwards", W(",\"hw\":[5,2]"), OTA_E_JOB_DOCUMENT },
        { "hw of one", W(",\"hw\":[2]"), OTA_E_JOB_DOCUMENT },
        { "hw of three", W(",\"hw\":[2,3,4]"), OTA_E_JOB_DOCUMENT },
        { "hw of none", W(",\"hw\":[]"), OTA_E_JOB_DOCUMENT },
        { "hw an object", W(",\"hw\":{\"min\":2,\"max\":5}"), OTA_E_JOB_DOCUMENT },
        { "hw a number", W(",\"hw\":2"), OTA_E_JOB_DOCUMENT },
        { "hw in words", W(",\"hw\":[2,\"five\"]"), OTA_E_JOB_DOCUMENT },
        { "sources no array", W(",\"sources\":{}"), OTA_E_JOB_DOCUMENT },
        { "a source that is no object", W(",\"sources\":[0]"), OTA_E_JOB_DOCUMENT },
        { "a source without a file", W(",\"sources\":[{\"slot\":\"A\"}]"), OTA_E_JOB_DOCUMENT },
        { "a source with a file that is not there", W(",\"sources\":[{\"fileid\":3}]"),
          OTA_E_JOB_DOCUMENT },
        { "a slot that is no string", W(",\"sources\":[{\"slot\":0,\"fileid\":0}]"),
          OTA_E_JOB_DOCUMENT },
        { "a base that is no digest", W(",\"sources\":[{\"from\":\"1.3.0\",\"fileid\":0}]"),
          OTA_E_JOB_DOCUMENT },
        { "a size that is none",
          W(",\"sources\":[{\"from\":\"" DIGEST "\",\"fileid\":0,\"filesize\":\"x\"}]"),
          OTA_E_JOB_DOCUMENT },
        { "an image of a source that is no digest",
          W(",\"sources\":[{\"fileid\":0,\"digest\":\"1.3.0\"}]"), OTA_E_JOB_DOCUMENT },
        { "two images of a source",
          W(",\"sources\":[{\"fileid\":0,\"digest\":\"" DIGEST "\",\"digest\":\"" DIGEST "\"}]"),
          OTA_E_JOB_DOCUMENT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobdoc doc;
        CHECK_ROW(rows[i].why, read_exact(rows[i].why, rows[i].text, &doc) == rows[i].want);
    }
}

static void the_file_for_this_device_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        int a, b; /* file id for each slot; -1: none */
    } rows[] = {
        { "no sources: the first image",
          "{" AFR_OTA("{\"filesize\":1,\"fileid\":9,\"fileType\":1}," FILE0) "}", 0, 0 },
        { "no sources, no image", "{" AFR_OTA("{\"filesize\":1,\"fileid\":9,\"fileType\":1}") "}",
          -1, -1 },
        { "by slot",
          W(",\"sources\":[{\"slot\":\"A\",\"fileid\":0},{\"slot\":\"B\",\"fileid\":1}]"), 0, 1 },
        { "only for the other slot", W(",\"sources\":[{\"slot\":\"B\",\"fileid\":1}]"), -1, 1 },
        { "any slot", W(",\"sources\":[{\"fileid\":2}]"), 2, 2 },
        { "a delta is passed over",
          W(",\"sources\":[{\"from\":\"" DIGEST "\",\"fileid\":2,\"filesize\":3},{\"fileid\":1}]"),
          1, 1 },
        { "nothing but a delta", W(",\"sources\":[{\"from\":\"" DIGEST "\",\"fileid\":2}]"), -1,
          -1 },
        { "a slot of other devices",
          W(",\"sources\":[{\"slot\":\"C\",\"fileid\":2},{\"fileid\":1}]"), 1, 1 },
        { "the first that fits", W(",\"sources\":[{\"fileid\":1},{\"fileid\":2}]"), 1, 1 },
        { "no source at all", W(",\"sources\":[]"), -1, -1 },
        { "a later version's sources",
          "{" AFR_OTA(FILES3) ",\"waft\":{\"v\":2,\"sources\":[{\"fileid\":1}]}}", 0, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobdoc doc;
        CHECK_ROW(rows[i].why, read_text(rows[i].text, &doc) == OTA_OK);
        for (unsigned slot = 0; slot < 2; slot++) {
            const int want = slot == 0 ? rows[i].a : rows[i].b;
            struct ota_jobdoc_file file = { .size = 77 };
            const ota_err_t err = ota_jobdoc_choose(&doc, slot, &file);
            CHECK_ROW(rows[i].why, err == (want < 0 ? OTA_E_JOB_NO_FILE : OTA_OK));
            CHECK_ROW(rows[i].why, want < 0 ? file.size == 77 : file.file_id == want);
        }
    }
}

/* Linked for two slots, one version is two images. */
#define DIGEST_A                                                                                   \
    "a0"                                                                                           \
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define DIGEST_B                                                                                   \
    "b0"                                                                                           \
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define SOURCE_A "{\"slot\":\"A\",\"fileid\":0,\"digest\":\"" DIGEST_A "\"}"
#define SOURCE_B "{\"slot\":\"B\",\"fileid\":1,\"digest\":\"" DIGEST_B "\"}"

static void the_chosen_source_names_the_image(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        int a, b; /* first byte of the digest for each slot; -1: none */
    } rows[] = {
        { "a digest each", W(",\"sources\":[" SOURCE_A "," SOURCE_B "]"), 0xa0, 0xb0 },
        { "none", W(",\"sources\":[{\"slot\":\"A\",\"fileid\":0},{\"fileid\":1}]"), -1, -1 },
        { "null", W(",\"sources\":[{\"fileid\":0,\"digest\":null}]"), -1, -1 },
        { "one source has none: the document's own counts",
          W(",\"digest\":\"" DIGEST "\",\"sources\":[" SOURCE_A ",{\"fileid\":1}]"), 0xa0, 0x00 },
        { "no sources: the document's own", W(",\"digest\":\"" DIGEST "\""), 0x00, 0x00 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (unsigned slot = 0; slot < 2; slot++) {
            const int want = slot == 0 ? rows[i].a : rows[i].b;
            struct ota_jobdoc doc;
            struct ota_jobdoc_file file;
            CHECK_ROW(rows[i].why, read_text(rows[i].text, &doc) == OTA_OK);
            CHECK_ROW(rows[i].why, ota_jobdoc_choose(&doc, slot, &file) == OTA_OK);
            CHECK_ROW(rows[i].why, doc.has_digest == (want >= 0));
            CHECK_ROW(rows[i].why, want < 0 || doc.digest[0] == want);
        }
    }
}

static void an_image_of_either_slot_is_the_wanted_one(void **state)
{
    (void)state;
    uint8_t digest[OTA_DIGEST_SIZE];
    for (uint8_t i = 0; i < sizeof digest; i++) {
        digest[i] = i;
    }
    static const struct {
        const char *why, *text;
        uint8_t first;
        bool want;
    } rows[] = {
        { "the document's own", W(",\"digest\":\"" DIGEST "\""), 0x00, true },
        { "another one", W(",\"digest\":\"" DIGEST "\""), 0x01, false },
        { "no digest", W(""), 0x00, false },
        { "of the first source", W(",\"sources\":[" SOURCE_A "," SOURCE_B "]"), 0xa0, true },
        { "of the second source", W(",\"sources\":[" SOURCE_A "," SOURCE_B "]"), 0xb0, true },
        { "of no source", W(",\"sources\":[" SOURCE_A "," SOURCE_B "]"), 0xc0, false },
        { "sources without", W(",\"sources\":[{\"fileid\":0}]"), 0x00, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobdoc doc;
        CHECK_ROW(rows[i].why, read_text(rows[i].text, &doc) == OTA_OK);
        digest[0] = rows[i].first;
        CHECK_ROW(rows[i].why, ota_jobdoc_names_image(&doc, digest) == rows[i].want);
    }
}

/* --- data files --------------------------------------------------------------------------- */

#define FILE_OF(id, type) "{\"filesize\":1,\"fileid\":" #id ",\"fileType\":" #type "}"

static void files_besides_the_image_are_walked_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        int ids[4]; /* ends with -1 */
    } rows[] = {
        { "one image", "{" AFR_OTA(FILE0) "}", { -1 } },
        { "before and behind the image",
          "{" AFR_OTA(FILE_OF(9, 1) "," FILE0 "," FILE_OF(3, 2)) "}",
          { 9, 3, -1 } },
        { "no image", "{" AFR_OTA(FILE_OF(7, 255) "," FILE_OF(255, 1)) "}", { 7, 255, -1 } },
        { "a second image is another file", "{" AFR_OTA(FILE0 "," FILE_OF(1, 0)) "}", { 1, -1 } },
        { "sources are one file", W(",\"sources\":[{\"fileid\":0},{\"fileid\":1}]"), { 2, -1 } },
        { "all of them are sources",
          W(",\"sources\":[{\"fileid\":0},{\"fileid\":1},{\"fileid\":2}]"),
          { -1 } },
        { "no source: so no image", W(",\"sources\":[]"), { 0, 1, 2, -1 } },
        { "a source of another type is the image too",
          "{" AFR_OTA(FILE_OF(4, 1) "," FILE_OF(5, 1)) ",\"waft\":{\"v\":1,\"sources\":["
                                                       "{\"fileid\":5}]}}",
          { 4, -1 } },
        { "a later version's sources",
          "{" AFR_OTA(FILES3) ",\"waft\":{\"v\":2,\"sources\":[{\"fileid\":1}]}}",
          { 1, 2, -1 } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobdoc doc;
        struct ota_jobdoc_file file;
        unsigned n = 0;
        CHECK_ROW(rows[i].why, read_text(rows[i].text, &doc) == OTA_OK);
        struct ota_jobdoc_data data = { .begun = false };
        for (; ota_jobdoc_next_data(&doc, &data, &file); n++) {
            CHECK_ROW(rows[i].why, n < 4 && rows[i].ids[n] == file.file_id);
        }
        CHECK_ROW(rows[i].why, n < 4 && rows[i].ids[n] == -1);
        CHECK_ROW(rows[i].why, !ota_jobdoc_next_data(&doc, &data, &file));
    }
}

/* The text is lent: whoever writes into it gets errors, and nothing worse. */
static void a_document_that_changed_since_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why, *from, *to;
        ota_err_t file, choose;
        bool names, is_data; /* the one file */
    } rows[] = {
        { "nothing changed", "filesize", "filesize", OTA_OK, OTA_OK, true, false },
        { "a member of the file", "filesize", "filesizf", OTA_E_JOB_DOCUMENT, OTA_E_JOB_NO_FILE,
          true, false },
        { "the file itself", "{\"filesize", "]\"filesize", OTA_E_JOB_DOCUMENT, OTA_E_JOB_NO_FILE,
          true, false },
        { "a member of the source: now nothing names the file", "fileid\":0,\"digest",
          "fileie\":0,\"digest", OTA_OK, OTA_E_JOB_NO_FILE, false, true },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[] = "{" AFR_OTA(FILE0) ",\"waft\":{\"v\":1,\"sources\":[" SOURCE_A "]}}";
        uint8_t digest[OTA_DIGEST_SIZE];
        struct ota_jobdoc doc;
        struct ota_jobdoc_file file;
        CHECK_ROW(rows[i].why, read_text(text, &doc) == OTA_OK);
        memcpy(strstr(text, rows[i].from), rows[i].to, strlen(rows[i].to));
        CHECK_ROW(rows[i].why, ota_jobdoc_file(&doc, 0, &file) == rows[i].file);
        CHECK_ROW(rows[i].why, ota_jobdoc_choose(&doc, 0, &file) == rows[i].choose);
        struct ota_jobdoc_data data = { .begun = false };
        CHECK_ROW(rows[i].why, ota_jobdoc_next_data(&doc, &data, &file) == rows[i].is_data);
        CHECK_ROW(rows[i].why, !ota_jobdoc_next_data(&doc, &data, &file));
        doc.has_digest = false;
        for (uint8_t k = 0; k < sizeof digest; k++) {
            digest[k] = k;
        }
        digest[0] = 0xa0;
        CHECK_ROW(rows[i].why, ota_jobdoc_names_image(&doc, digest) == rows[i].names);
    }
}

/* --- the chain ------------------------------------------------------------------------------- */

/* Whose document it is, its text says: "mine", "mine, but wrong", or something else. */
static ota_err_t read_own(const struct ota_json *document, struct ota_jobdoc *doc)
{
    memset(doc, 0, sizeof *doc);
    doc->file_count = 7;
    return ota_json_is(document, OTA_SPAN_LIT("mine"))              ? OTA_OK
           : ota_json_is(document, OTA_SPAN_LIT("mine, but wrong")) ? OTA_E_MALFORMED
                                                                    : OTA_E_NOT_FOUND;
}

static ota_err_t read_anything(const struct ota_json *document, struct ota_jobdoc *doc)
{
    (void)document;
    memset(doc, 0, sizeof *doc);
    doc->file_count = 9;
    return OTA_OK;
}

static void the_first_parser_that_understands_has_the_word(void **state)
{
    (void)state;
    static const struct ota_parser own = { .read = read_own }, any = { .read = read_anything };
    static const struct ota_parser *const own_first[] = { &own, &ota_parser_afr, &any };
    static const char afr[] = "{" AFR_OTA(FILE0) "}";
    /* clang-format off */
    static const struct {
        const char *why, *text;
        uint32_t count;
        ota_err_t err;
        const struct ota_parser *whose;
        unsigned files;
    } rows[] = {
        { "none are configured: afr_ota",      afr,                     0, OTA_OK,             &ota_parser_afr, 1 },
        { "none are configured, another one",  "\"mine\"",              0, OTA_E_NOT_FOUND,    NULL,            0 },
        { "the first",                         "\"mine\"",              3, OTA_OK,             &own,            7 },
        { "an error has the word, too",        "\"mine, but wrong\"",   3, OTA_E_MALFORMED,    &own,            7 },
        { "the second",                        afr,                     3, OTA_OK,             &ota_parser_afr, 1 },
        { "the second, and it is wrong",       "{\"afr_ota\":{}}",      3, OTA_E_JOB_DOCUMENT, &ota_parser_afr, 0 },
        { "the last",                          "{}",                    3, OTA_OK,             &any,            9 },
        { "nobody's",                          "{}",                    2, OTA_E_NOT_FOUND,    NULL,            0 },
    };
    /* clang-format on */
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ota_parser_chain chain = { own_first, rows[i].count };
        const struct ota_parser *whose = &any;
        struct ota_jobdoc doc;
        const ota_err_t err =
            ota_parser_chain_read(chain, parsed(ota_span_of_str(rows[i].text)), &doc, &whose);
        CHECK_ROW(rows[i].why, err == rows[i].err);
        CHECK_ROW(rows[i].why, whose == rows[i].whose && doc.file_count == rows[i].files);
    }
}

static void mutated_documents_do_no_harm(void **state)
{
    (void)state;
    static const char text[] =
        W(",\"version\":\"1.4.0\",\"digest\":\"" DIGEST "\",\"class\":\"" UUID "\",\"hw\":[2,5],"
          "\"counter\":7,\"sources\":[{\"slot\":\"A\",\"fileid\":0},{\"fileid\":1}]");
    uint32_t seed = 0x5eed0001;
    unsigned taken = 0;
    for (int i = 0; i < 3000; i++) {
        uint8_t *copy = t_exact(text, sizeof text - 1);
        for (uint32_t k = 0; k <= t_random(&seed) % 2; k++) {
            copy[t_random(&seed) % (sizeof text - 1)] = (uint8_t)(' ' + t_random(&seed) % 95);
        }
        struct ota_json json;
        struct ota_jobdoc doc;
        struct ota_jobdoc_file file;
        if (ota_json_parse((struct ota_span){ copy, sizeof text - 1 }, &json) == OTA_OK &&
            ota_jobdoc_read(&json, &doc) == OTA_OK) {
            taken++;
            for (uint32_t k = 0; k < doc.file_count; k++) {
                assert_int_equal(ota_jobdoc_file(&doc, k, &file), OTA_OK);
            }
            const ota_err_t err = ota_jobdoc_choose(&doc, i % 2 != 0, &file);
            assert_true(err == OTA_OK || err == OTA_E_JOB_NO_FILE);
        }
        free(copy);
    }
    assert_true(taken > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_captured_document_is_read),
        cmocka_unit_test(both_protocols_and_numbers_in_quotes_are_read),
        cmocka_unit_test(what_is_no_ota_job_is_left_to_others_and_what_is_a_bad_one_is_refused),
        cmocka_unit_test(fifty_files_are_read_and_fifty_one_are_not),
        cmocka_unit_test(members_of_a_file_have_limits),
        cmocka_unit_test(the_signature_that_we_can_check_is_the_one_that_counts),
        cmocka_unit_test(a_signature_is_what_crypto_wants_or_none),
        cmocka_unit_test(our_advice_is_read),
        cmocka_unit_test(advice_that_is_a_lie_is_not_ignored),
        cmocka_unit_test(the_file_for_this_device_is_chosen),
        cmocka_unit_test(the_chosen_source_names_the_image),
        cmocka_unit_test(an_image_of_either_slot_is_the_wanted_one),
        cmocka_unit_test(files_besides_the_image_are_walked_in_order),
        cmocka_unit_test(a_document_that_changed_since_is_refused),
        cmocka_unit_test(the_first_parser_that_understands_has_the_word),
        cmocka_unit_test(mutated_documents_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
