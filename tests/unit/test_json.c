/* JSON: what RFC 8259 allows, and how a checked text is read and a new one written. */
#include "vectors.h"

#include "ota/json.h"
#include "ota/json_write.h"

#include <sys/wait.h>
#include <unistd.h>

#define LIT(s) s, sizeof(s) - 1

static const struct ota_json untouched = { { (const uint8_t *)"untouched", 9 } };

static ota_err_t parse(const char *text, size_t len, struct ota_json *value)
{
    return ota_json_parse((struct ota_span){ (const uint8_t *)text, len }, value);
}

/* A value of a text that must be right; until the next call. */
static const struct ota_json *json(const char *text)
{
    static struct ota_json value;
    value = untouched;
    assert_int_equal(parse(text, strlen(text), &value), OTA_OK);
    return &value;
}

/* --- grammar ---------------------------------------------------------------- */

static const struct {
    const char *why;
    const char *text;
    size_t len;
    ota_err_t want;
} texts[] = {
    /* RFC 8259, 2: values and blanks */
    { "null", LIT("null"), OTA_OK },
    { "true", LIT("true"), OTA_OK },
    { "false", LIT("false"), OTA_OK },
    { "a string alone", LIT("\"a\""), OTA_OK },
    { "every blank", LIT(" \t\r\n[ \t\r\n1 \t\r\n, \t\r\n{ } \t\r\n] \t\r\n"), OTA_OK },
    { "blanks around the colon", LIT("{ \"a\" : 1 }"), OTA_OK },
    { "empty object", LIT("{}"), OTA_OK },
    { "empty array", LIT("[]"), OTA_OK },
    { "same name twice is grammar", LIT("{\"a\":1,\"a\":2}"), OTA_OK },
    { "empty text", LIT(""), OTA_E_TRUNCATED },
    { "blanks only", LIT(" \n"), OTA_E_TRUNCATED },
    { "byte order mark", LIT("\xef\xbb\xbf{}"), OTA_E_MALFORMED },
    { "UTF-16", LIT("{\0}\0"), OTA_E_MALFORMED },
    { "NUL byte behind", LIT("{}\0"), OTA_E_MALFORMED },
    { "NUL byte before", LIT("\0{}"), OTA_E_MALFORMED },
    { "form feed is no blank", LIT("[1,\f2]"), OTA_E_MALFORMED },
    { "vertical tab is no blank", LIT("[1,\v2]"), OTA_E_MALFORMED },
    { "no-break space is no blank",
      LIT("[1,\xc2\xa0"
          "2]"),
      OTA_E_MALFORMED },
    { "capital word", LIT("True"), OTA_E_MALFORMED },
    { "word goes on", LIT("nulll"), OTA_E_MALFORMED },
    { "word breaks off", LIT("tru"), OTA_E_TRUNCATED },
    { "word breaks off inside", LIT("[tru]"), OTA_E_MALFORMED },
    { "NaN", LIT("NaN"), OTA_E_MALFORMED },
    { "Infinity", LIT("-Infinity"), OTA_E_MALFORMED },
    { "undefined", LIT("undefined"), OTA_E_MALFORMED },
    { "comment", LIT("[1/**/]"), OTA_E_MALFORMED },
    { "two values", LIT("1 2"), OTA_E_MALFORMED },
    { "value and closing", LIT("1]"), OTA_E_MALFORMED },
    { "closing alone", LIT("]"), OTA_E_MALFORMED },
    { "single quotes", LIT("['a']"), OTA_E_MALFORMED },
    /* 4, 5: objects and arrays */
    { "trailing comma in array", LIT("[1,]"), OTA_E_MALFORMED },
    { "trailing comma in object", LIT("{\"a\":1,}"), OTA_E_MALFORMED },
    { "comma alone in array", LIT("[,]"), OTA_E_MALFORMED },
    { "comma alone in object", LIT("{,}"), OTA_E_MALFORMED },
    { "leading comma", LIT("[,1]"), OTA_E_MALFORMED },
    { "doubled comma", LIT("[1,,2]"), OTA_E_MALFORMED },
    { "missing comma", LIT("[1 2]"), OTA_E_MALFORMED },
    { "missing colon", LIT("{\"a\" 1}"), OTA_E_MALFORMED },
    { "doubled colon", LIT("{\"a\"::1}"), OTA_E_MALFORMED },
    { "missing value", LIT("{\"a\":}"), OTA_E_MALFORMED },
    { "missing value and colon", LIT("{\"a\"}"), OTA_E_MALFORMED },
    { "name is no string", LIT("{1:1}"), OTA_E_MALFORMED },
    { "name is a container", LIT("{[]:1}"), OTA_E_MALFORMED },
    { "colon in array", LIT("[\"a\":1]"), OTA_E_MALFORMED },
    { "crossed brackets", LIT("[{]}"), OTA_E_MALFORMED },
    { "wrong closing of array", LIT("[1}"), OTA_E_MALFORMED },
    { "wrong closing of object", LIT("{\"a\":1]"), OTA_E_MALFORMED },
    { "wrong closing of an empty one", LIT("[}"), OTA_E_MALFORMED },
    { "wrong closing outside", LIT("[{\"a\":[1]]]"), OTA_E_MALFORMED },
    { "one closing too many", LIT("[1]]"), OTA_E_MALFORMED },
    { "never closed", LIT("[[1]"), OTA_E_TRUNCATED },
    { "opened, then nothing", LIT("{"), OTA_E_TRUNCATED },
    { "ends behind the comma", LIT("[1,"), OTA_E_TRUNCATED },
    { "ends behind the colon", LIT("{\"a\":"), OTA_E_TRUNCATED },
    { "ends behind the name", LIT("{\"a\""), OTA_E_TRUNCATED },
    /* 6: numbers */
    { "zero", LIT("0"), OTA_OK },
    { "minus zero", LIT("-0"), OTA_OK },
    { "whole", LIT("123456789012345678901234567890"), OTA_OK },
    { "fraction", LIT("-0.50"), OTA_OK },
    { "exponents", LIT("[1e1,1E1,1e+1,1e-1,1.5E+10,0e0,1e400]"), OTA_OK },
    { "exponent with leading zeros", LIT("1e001"), OTA_OK },
    { "leading zero", LIT("01"), OTA_E_MALFORMED },
    { "leading zero behind minus", LIT("-01"), OTA_E_MALFORMED },
    { "plus", LIT("+1"), OTA_E_MALFORMED },
    { "two minus", LIT("--1"), OTA_E_MALFORMED },
    { "minus alone", LIT("-"), OTA_E_TRUNCATED },
    { "minus alone inside", LIT("[-]"), OTA_E_MALFORMED },
    { "point alone", LIT("."), OTA_E_MALFORMED },
    { "no digit before the point", LIT(".5"), OTA_E_MALFORMED },
    { "no digit behind the point", LIT("[1.]"), OTA_E_MALFORMED },
    { "no digit between point and exponent", LIT("1.e1"), OTA_E_MALFORMED },
    { "no digit in the exponent", LIT("[1e]"), OTA_E_MALFORMED },
    { "sign alone in the exponent", LIT("[1e+]"), OTA_E_MALFORMED },
    { "two signs in the exponent", LIT("1e+-1"), OTA_E_MALFORMED },
    { "two points", LIT("1.2.3"), OTA_E_MALFORMED },
    { "fraction in the exponent", LIT("1e1.5"), OTA_E_MALFORMED },
    { "hexadecimal", LIT("0x10"), OTA_E_MALFORMED },
    { "underscore", LIT("1_000"), OTA_E_MALFORMED },
    { "blank after minus", LIT("- 1"), OTA_E_MALFORMED },
    { "digit of another script", LIT("\xd9\xa1"), OTA_E_MALFORMED },
    /* 7: strings */
    { "every escape", LIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u00E9\""), OTA_OK },
    { "escaped NUL", LIT("\"\\u0000\""), OTA_OK },
    { "escaped pair", LIT("\"\\ud83d\\ude80\""), OTA_OK },
    { "first and last pair", LIT("\"\\ud800\\udc00\\udbff\\udfff\""), OTA_OK },
    { "next to the surrogates", LIT("\"\\ud7ff\\ue000\\uffff\""), OTA_OK },
    { "DEL is allowed", LIT("\"\x7f\""), OTA_OK },
    { "lone first half", LIT("\"\\ud800\""), OTA_E_MALFORMED },
    { "lone second half", LIT("\"\\udc00\""), OTA_E_MALFORMED },
    { "first half twice", LIT("\"\\ud800\\ud800\""), OTA_E_MALFORMED },
    { "second half twice", LIT("\"\\udc00\\udc00\""), OTA_E_MALFORMED },
    { "first half, then the last first half", LIT("\"\\ud800\\udbff\""), OTA_E_MALFORMED },
    { "halves changed over", LIT("\"\\udc00\\ud800\""), OTA_E_MALFORMED },
    { "first half, then a letter", LIT("\"\\ud800a\""), OTA_E_MALFORMED },
    { "first half, then another escape", LIT("\"\\ud800\\n\""), OTA_E_MALFORMED },
    { "first half, then no half", LIT("\"\\ud800\\u0041\""), OTA_E_MALFORMED },
    { "first half, then past the second halves", LIT("\"\\ud800\\ue000\""), OTA_E_MALFORMED },
    { "unknown escape", LIT("\"\\x41\""), OTA_E_MALFORMED },
    { "escaped quote of C", LIT("\"\\'\""), OTA_E_MALFORMED },
    { "capital U", LIT("\"\\U0041\""), OTA_E_MALFORMED },
    { "escape with a NUL byte", LIT("\"\\\0\""), OTA_E_MALFORMED },
    { "three hex digits", LIT("\"\\u004\""), OTA_E_MALFORMED },
    { "no hex digit", LIT("\"\\u004g\""), OTA_E_MALFORMED },
    { "no hex digit, though near in ASCII", LIT("\"\\u004@\""), OTA_E_MALFORMED },
    { "control character that looks like a digit",
      LIT("\"\\u00\x11"
          "0\""),
      OTA_E_MALFORMED },
    { "line break", LIT("\"a\nb\""), OTA_E_MALFORMED },
    { "tab", LIT("\"\t\""), OTA_E_MALFORMED },
    { "NUL byte", LIT("\"\0\""), OTA_E_MALFORMED },
    { "last control character", LIT("\"\x1f\""), OTA_E_MALFORMED },
    { "escaped end", LIT("\"\\\""), OTA_E_TRUNCATED },
    { "never ends", LIT("\"a"), OTA_E_TRUNCATED },
    /* 8.1: UTF-8 */
    { "one to four bytes", LIT("\"a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80\""), OTA_OK },
    { "least of each length", LIT("\"\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80\""), OTA_OK },
    { "last code point", LIT("\"\xf4\x8f\xbf\xbf\""), OTA_OK },
    { "next to the surrogates", LIT("\"\xed\x9f\xbf\xee\x80\x80\""), OTA_OK },
    { "noncharacter", LIT("\"\xef\xbf\xbf\""), OTA_OK },
    { "continuation alone", LIT("\"\x80\""), OTA_E_MALFORMED },
    { "two bytes for ASCII", LIT("\"\xc0\xaf\""), OTA_E_MALFORMED },
    { "two bytes, one too low", LIT("\"\xc1\xbf\""), OTA_E_MALFORMED },
    { "three bytes for two", LIT("\"\xe0\x9f\xbf\""), OTA_E_MALFORMED },
    { "four bytes for three", LIT("\"\xf0\x8f\xbf\xbf\""), OTA_E_MALFORMED },
    { "first surrogate", LIT("\"\xed\xa0\x80\""), OTA_E_MALFORMED },
    { "last surrogate", LIT("\"\xed\xbf\xbf\""), OTA_E_MALFORMED },
    { "past the last code point", LIT("\"\xf4\x90\x80\x80\""), OTA_E_MALFORMED },
    { "five-byte lead, four bytes", LIT("\"\xf8\x90\x80\x80\""), OTA_E_MALFORMED },
    { "five-byte form", LIT("\"\xf8\x88\x80\x80\x80\""), OTA_E_MALFORMED },
    { "ff", LIT("\"\xff\""), OTA_E_MALFORMED },
    { "two of three bytes", LIT("\"\xe2\x82\""), OTA_E_MALFORMED },
    { "text ends inside a character", LIT("\"\xe2\x82"), OTA_E_TRUNCATED },
    { "not UTF-8 in a name", LIT("{\"\xff\":1}"), OTA_E_MALFORMED },
};

static void the_grammar_is_that_of_rfc_8259(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        uint8_t *copy = t_exact(texts[i].text, texts[i].len);
        struct ota_json value = untouched;
        const ota_err_t err = ota_json_parse((struct ota_span){ copy, texts[i].len }, &value);
        if (err != texts[i].want) {
            fail_msg("[%s] %s", texts[i].why, ota_err_name(err));
        }
        CHECK_ROW(texts[i].why, err == OTA_OK || ota_span_eq(value.text, untouched.text));
        free(copy);
    }
}

static ota_err_t parse_nested(size_t depth, bool objects)
{
    char text[512];
    size_t len = 0;
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)sprintf(&text[len], "%s", objects ? "{\"a\":" : "[");
    }
    if (objects) {
        text[len++] = '1';
    }
    for (size_t i = 0; i < depth; i++) {
        text[len++] = objects ? '}' : ']';
    }
    struct ota_json value;
    return parse(text, len, &value);
}

static void nesting_ends_at_the_limit(void **state)
{
    (void)state;
    assert_int_equal(OTA_JSON_DEPTH_MAX, 32);
    for (int objects = 0; objects < 2; objects++) {
        assert_int_equal(parse_nested(31, objects != 0), OTA_OK);
        assert_int_equal(parse_nested(32, objects != 0), OTA_OK);
        assert_int_equal(parse_nested(33, objects != 0), OTA_E_DEPTH);
    }
    char deep[4096];
    memset(deep, '[', sizeof deep);
    struct ota_json value;
    assert_int_equal(parse(deep, sizeof deep, &value), OTA_E_DEPTH);
    /* Depth is nesting, not the number of containers. */
    for (size_t i = 0; i < 1000; i++) {
        memcpy(&deep[1 + i * 3], "[],", 3);
    }
    memcpy(&deep[3001], "1]", 2);
    assert_int_equal(parse(deep, 3003, &value), OTA_OK);
}

static const char *const vectors[] = {
    "json/start-next-accepted-idle.json",
    "json/start-next-accepted-job.json",
    "json/update-rejected.json",
    "json/notify-next-idle.json",
    "json/notify-empty.json",
    "json/stream-rejected.json",
    "json/stream-data.json",
    "json/stream-get-modular.json",
    "json/stream-get-bitmap.json",
    "json/presigned-url.json",
};

static void every_prefix_of_a_message_is_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct t_file file = t_vector(vectors[i]);
        size_t whole = file.len;
        while (file.ptr[whole - 1] != '}') {
            whole--;
        }
        for (size_t len = 0; len <= file.len; len++) {
            uint8_t *copy = t_exact(file.ptr, len);
            struct ota_json value = untouched;
            const ota_err_t err = ota_json_parse((struct ota_span){ copy, len }, &value);
            CHECK_ROW(vectors[i], err == (len < whole ? OTA_E_TRUNCATED : OTA_OK));
            free(copy);
        }
        free(file.ptr);
    }
}

static void the_value_is_given_without_the_blanks_around_it(void **state)
{
    (void)state;
    assert_true(ota_span_eq(json(" \n{ \"a\" : 1 }\t")->text, OTA_SPAN_LIT("{ \"a\" : 1 }")));
    assert_true(ota_span_eq(json(" -1.5 ")->text, OTA_SPAN_LIT("-1.5")));
}

/* --- walking ----------------------------------------------------------------- */

static void kinds_are_told_by_the_first_character(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ota_json_kind want;
    } rows[] = {
        { "{}", OTA_JSON_OBJECT }, { "[]", OTA_JSON_ARRAY },    { "\"{\"", OTA_JSON_STRING },
        { "0", OTA_JSON_NUMBER },  { "-1e1", OTA_JSON_NUMBER }, { "true", OTA_JSON_TRUE },
        { "null", OTA_JSON_NULL }, { "false", OTA_JSON_FALSE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].text, ota_json_kind(json(rows[i].text)) == rows[i].want);
    }
}

static void a_walk_gives_each_member_whole(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } want[] = {
        { "\"a\"", "1" },
        { "\"b}\\\"\"", "\"],}{\\\"\\\\\"" },
        { "\"c\"", "{\"d\" : [1 , {}] }" },
        { "\"\"", "null" },
        { "\"e\"", "[]" },
    };
    struct ota_json_walk w =
        ota_json_walk(json("{\"a\":1 , \"b}\\\"\" : \"],}{\\\"\\\\\",\"c\":{\"d\" : [1 , {}] "
                           "},\"\": null,\"e\":[]\n}"));
    struct ota_json key, value;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(ota_json_next(&w, &key, &value));
        CHECK_ROW(want[i].key, ota_span_eq(key.text, ota_span_of_str(want[i].key)));
        CHECK_ROW(want[i].key, ota_span_eq(value.text, ota_span_of_str(want[i].value)));
    }
    assert_false(ota_json_next(&w, &key, &value));
    assert_false(ota_json_next(&w, &key, &value));
}

static void a_walk_over_an_array_leaves_the_key_alone(void **state)
{
    (void)state;
    struct ota_json_walk w = ota_json_walk(json("[ 1,\"a:\" , [2,3],{\"a\":4} ,true ]"));
    static const char *const want[] = { "1", "\"a:\"", "[2,3]", "{\"a\":4}", "true" };
    struct ota_json key = untouched, value;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(ota_json_next(&w, &key, &value));
        CHECK_ROW(want[i], ota_span_eq(value.text, ota_span_of_str(want[i])));
    }
    assert_false(ota_json_next(&w, &key, &value));
    assert_true(ota_span_eq(key.text, untouched.text));
}

static void a_walk_over_an_object_needs_no_keys(void **state)
{
    (void)state;
    struct ota_json_walk w = ota_json_walk(json("{ \"a\" : 1 , \"b\" : {\"c\":2} }"));
    static const char *const want[] = { "1", "{\"c\":2}" };
    struct ota_json value;
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_true(ota_json_next(&w, NULL, &value));
        CHECK_ROW(want[i], ota_span_eq(value.text, ota_span_of_str(want[i])));
    }
    assert_false(ota_json_next(&w, NULL, &value));
}

static void what_is_no_container_has_no_members(void **state)
{
    (void)state;
    static const char *const rows[] = { "{}", "[ ]", "1", "\"[1]\"", "null", "true" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_json_walk w = ota_json_walk(json(rows[i]));
        struct ota_json value = untouched;
        CHECK_ROW(rows[i], !ota_json_next(&w, NULL, &value));
    }
}

static void finding_knows_absent_from_twice(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        ota_err_t want;
        const char *value;
    } rows[] = {
        { "first", "{\"id\":1,\"b\":2}", OTA_OK, "1" },
        { "last", "{\"b\":2,\"id\":[3]}", OTA_OK, "[3]" },
        { "escaped name", "{\"\\u0069d\":4}", OTA_OK, "4" },
        { "only the innermost has it", "{\"b\":{\"id\":1}}", OTA_E_NOT_FOUND, NULL },
        { "as a value", "{\"b\":\"id\"}", OTA_E_NOT_FOUND, NULL },
        { "longer name", "{\"id2\":1}", OTA_E_NOT_FOUND, NULL },
        { "shorter name", "{\"i\":1}", OTA_E_NOT_FOUND, NULL },
        { "other case", "{\"ID\":1}", OTA_E_NOT_FOUND, NULL },
        { "name with a NUL behind", "{\"id\\u0000\":1}", OTA_E_NOT_FOUND, NULL },
        { "null is absent", "{\"id\":null}", OTA_E_NOT_FOUND, NULL },
        { "empty", "{}", OTA_E_NOT_FOUND, NULL },
        { "array", "[\"id\",1]", OTA_E_NOT_FOUND, NULL },
        { "string", "\"id\"", OTA_E_NOT_FOUND, NULL },
        { "twice", "{\"id\":1,\"b\":2,\"id\":1}", OTA_E_MALFORMED, NULL },
        { "twice, once escaped", "{\"id\":1,\"i\\u0064\":2}", OTA_E_MALFORMED, NULL },
        { "twice, once null", "{\"id\":null,\"id\":2}", OTA_E_MALFORMED, NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_json value = untouched;
        CHECK_ROW(rows[i].why, ota_json_find(json(rows[i].text), "id", &value) == rows[i].want);
        const struct ota_span want =
            rows[i].value != NULL ? ota_span_of_str(rows[i].value) : untouched.text;
        CHECK_ROW(rows[i].why, ota_span_eq(value.text, want));
    }
}

/* --- values ------------------------------------------------------------------- */

static const struct {
    const char *why, *text;
    const char *want;
    size_t len;
} strings[] = {
    { "empty", "\"\"", LIT("") },
    { "plain", "\"jobs\"", LIT("jobs") },
    { "short escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", LIT("\"\\/\b\f\n\r\t") },
    { "escaped NUL", "\"a\\u0000b\"", LIT("a\0b") },
    { "one byte", "\"\\u007f\"", LIT("\x7f") },
    { "two bytes", "\"\\u0080\\u07FF\"", LIT("\xc2\x80\xdf\xbf") },
    { "three bytes", "\"\\u0800\\uffff\"", LIT("\xe0\xa0\x80\xef\xbf\xbf") },
    { "four bytes", "\"\\ud800\\udc00\\uDBFF\\uDFFF\"", LIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf") },
    { "UTF-8 as it is", "\"\xc3\xa9\xf0\x9f\x9a\x80\"", LIT("\xc3\xa9\xf0\x9f\x9a\x80") },
    { "URL", "\"https:\\/\\/h\\/?a=1\\u0026b\"", LIT("https://h/?a=1&b") },
};

static void strings_are_decoded_into_exactly_their_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        const struct ota_json value = *json(strings[i].text);
        const struct ota_span want = { (const uint8_t *)strings[i].want, strings[i].len };
        CHECK_ROW(strings[i].why, ota_json_is(&value, want));
        for (size_t cap = 0; cap <= want.len; cap++) {
            uint8_t *room = t_exact(strings[i].want, cap);
            memset(room, 0xaa, cap);
            struct ota_span got = untouched.text;
            const ota_err_t err = ota_json_string(&value, (struct ota_buf){ room, cap }, &got);
            CHECK_ROW(strings[i].why, err == (cap < want.len ? OTA_E_TOO_LARGE : OTA_OK));
            CHECK_ROW(strings[i].why, ota_span_eq(got, err == OTA_OK ? want : untouched.text));
            free(room);
        }
    }
}

static void what_is_no_string_is_not_decoded_and_equals_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = { "1", "null", "{}", "[\"a\"]", "true" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t room[8];
        struct ota_span got = untouched.text;
        CHECK_ROW(rows[i],
                  ota_json_string(json(rows[i]), OTA_BUF_OF(room), &got) == OTA_E_MALFORMED);
        CHECK_ROW(rows[i], ota_span_eq(got, untouched.text));
        CHECK_ROW(rows[i], !ota_json_is(json(rows[i]), ota_span_of_str(rows[i])));
    }
}

static void strings_are_compared_by_what_they_mean(void **state)
{
    (void)state;
    assert_true(ota_json_is(json("\"\\u004a\\u006F\\u0062\""), OTA_SPAN_LIT("Job")));
    assert_true(ota_json_is(json("\"\\ud83d\\ude80\""), OTA_SPAN_LIT("\xf0\x9f\x9a\x80")));
    assert_true(ota_json_is(json("\"\""), OTA_SPAN_NONE));
    assert_false(ota_json_is(json("\"a\""), OTA_SPAN_NONE));
    assert_false(ota_json_is(json("\"\""), OTA_SPAN_LIT("a")));
    assert_false(ota_json_is(json("\"ab\""), OTA_SPAN_LIT("a")));
    assert_false(ota_json_is(json("\"a\""), OTA_SPAN_LIT("ab")));
    assert_false(ota_json_is(json("\"a\\u0000\""), OTA_SPAN_LIT("a")));
    /* What it is compared with need not be UTF-8. */
    assert_false(ota_json_is(json("\"a\""), OTA_SPAN_LIT("\xff")));
    assert_false(ota_json_is(json("\"a\""), OTA_SPAN_LIT("\xe2")));
}

static void numbers_may_be_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        ota_err_t want;
        uint64_t number;
    } rows[] = {
        { "0", OTA_OK, 0 },
        { "\"0\"", OTA_OK, 0 },
        { "180568", OTA_OK, 180568 },
        { "\"180568\"", OTA_OK, 180568 },
        { "\"\\u0031\\u0032\"", OTA_OK, 12 },
        { "18446744073709551615", OTA_OK, UINT64_MAX },
        { "\"18446744073709551615\"", OTA_OK, UINT64_MAX },
        { "18446744073709551616", OTA_E_RANGE, 0 },
        { "\"18446744073709551616\"", OTA_E_RANGE, 0 },
        { "18446744073709551620", OTA_E_RANGE, 0 },
        { "184467440737095516150", OTA_E_RANGE, 0 },
        { "99999999999999999999999999999999999999999", OTA_E_RANGE, 0 },
        { "36893488147419103232", OTA_E_RANGE, 0 }, /* 2^65: the sum would wrap to 0 */
        { "-1", OTA_E_MALFORMED, 0 },
        { "-0", OTA_E_MALFORMED, 0 },
        { "1.0", OTA_E_MALFORMED, 0 },
        { "1e3", OTA_E_MALFORMED, 0 },
        { "\"\"", OTA_E_MALFORMED, 0 },
        { "\"01\"", OTA_E_MALFORMED, 0 },
        { "\"00\"", OTA_E_MALFORMED, 0 },
        { "\" 1\"", OTA_E_MALFORMED, 0 },
        { "\"1 \"", OTA_E_MALFORMED, 0 },
        { "\"+1\"", OTA_E_MALFORMED, 0 },
        { "\"0x1\"", OTA_E_MALFORMED, 0 },
        { "\"1\\u0000\"", OTA_E_MALFORMED, 0 },
        { "\"\xd9\xa1\"", OTA_E_MALFORMED, 0 },
        { "true", OTA_E_MALFORMED, 0 },
        { "null", OTA_E_MALFORMED, 0 },
        { "[1]", OTA_E_MALFORMED, 0 },
        { "{}", OTA_E_MALFORMED, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t number = 4711;
        CHECK_ROW(rows[i].text, ota_json_u64(json(rows[i].text), &number) == rows[i].want);
        CHECK_ROW(rows[i].text, number == (rows[i].want == OTA_OK ? rows[i].number : 4711));
    }
}

static void a_job_is_read_out_of_the_services_message(void **state)
{
    (void)state;
    const struct t_file file = t_vector("json/start-next-accepted-job.json");
    struct ota_json value, array, url;
    assert_int_equal(ota_json_parse((struct ota_span){ file.ptr, file.len }, &value), OTA_OK);
    static const char *const path[] = { "execution", "jobDocument", "afr_ota" };
    for (size_t i = 0; i < COUNT(path); i++) {
        assert_int_equal(ota_json_find(&value, path[i], &value), OTA_OK);
    }
    assert_int_equal(ota_json_find(&value, "files", &array), OTA_OK);
    struct ota_json_walk w = ota_json_walk(&array);
    assert_true(ota_json_next(&w, NULL, &value));
    assert_int_equal(ota_json_find(&value, "update_data_url", &url), OTA_E_NOT_FOUND);
    uint64_t size = 0;
    assert_int_equal(ota_json_find(&value, "filesize", &value), OTA_OK);
    assert_int_equal(ota_json_u64(&value, &size), OTA_OK);
    assert_true(size == 180568);
    free(file.ptr);
}

/* --- binding ------------------------------------------------------------------ */

struct bound {
    struct ota_json any, text, list;
    uint64_t large;
    uint32_t middle;
    uint8_t small;
};

static const struct ota_json_field fields[] = {
    OTA_JSON_FIELD("small", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct bound, small),
    OTA_JSON_FIELD("middle", OTA_JSON_NUMBER, struct bound, middle),
    OTA_JSON_FIELD("large", OTA_JSON_NUMBER, struct bound, large),
    OTA_JSON_FIELD("text", OTA_JSON_STRING, struct bound, text),
    OTA_JSON_FIELD("list", OTA_JSON_ARRAY, struct bound, list),
    OTA_JSON_FIELD("any", OTA_JSON_ANY, struct bound, any),
};

static void an_object_is_read_into_a_struct(void **state)
{
    (void)state;
    struct bound b = { .middle = 4711 };
    const struct ota_json object =
        *json("{\"other\":{\"small\":9},\"any\":-1.5,\"text\":\"a\",\"sm\\u0061ll\":\"255\","
              "\"large\":18446744073709551615,\"middle\":null,\"list\":[1]}");
    assert_int_equal(ota_json_bind(&object, OTA_JSON_FIELDS(fields), &b), OTA_OK);
    assert_int_equal(b.small, 255);
    assert_int_equal(b.middle, 4711); /* null is absent, and what is absent stays as it was */
    assert_true(b.large == UINT64_MAX);
    assert_true(ota_span_eq(b.any.text, OTA_SPAN_LIT("-1.5")));
    assert_true(ota_span_eq(b.text.text, OTA_SPAN_LIT("\"a\"")));
    assert_true(ota_span_eq(b.list.text, OTA_SPAN_LIT("[1]")));
}

static void a_member_that_breaks_its_row_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        ota_err_t want;
    } rows[] = {
        { "least", "{\"small\":0}", OTA_OK },
        { "required, absent", "{\"middle\":1}", OTA_E_MALFORMED },
        { "required, null", "{\"small\":null}", OTA_E_MALFORMED },
        { "required, only inside", "{\"any\":{\"small\":0}}", OTA_E_MALFORMED },
        { "small one over", "{\"small\":256}", OTA_E_RANGE },
        { "small is no number", "{\"small\":true}", OTA_E_MALFORMED },
        { "middle at its limit", "{\"small\":0,\"middle\":4294967295}", OTA_OK },
        { "middle one over", "{\"small\":0,\"middle\":4294967296}", OTA_E_RANGE },
        { "large one over", "{\"small\":0,\"large\":18446744073709551616}", OTA_E_RANGE },
        { "number negative", "{\"small\":0,\"large\":-1}", OTA_E_MALFORMED },
        { "text is a number", "{\"small\":0,\"text\":1}", OTA_E_MALFORMED },
        { "list is an object", "{\"small\":0,\"list\":{}}", OTA_E_MALFORMED },
        { "twice", "{\"small\":0,\"small\":0}", OTA_E_MALFORMED },
        { "twice, once escaped", "{\"small\":0,\"any\":1,\"\\u0061ny\":1}", OTA_E_MALFORMED },
        { "twice, once null", "{\"small\":0,\"any\":null,\"any\":1}", OTA_E_MALFORMED },
        { "twice, but of no interest", "{\"small\":0,\"b\":1,\"b\":1}", OTA_OK },
        { "empty", "{}", OTA_E_MALFORMED },
        { "array", "[\"small\",0]", OTA_E_MALFORMED },
        { "number", "0", OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bound b = { 0 };
        CHECK_ROW(rows[i].why,
                  ota_json_bind(json(rows[i].text), OTA_JSON_FIELDS(fields), &b) == rows[i].want);
    }
}

static void what_is_absent_is_no_value_of_any_kind(void **state)
{
    (void)state;
    const struct ota_json absent = { OTA_SPAN_NONE };
    uint8_t room[4];
    uint64_t number;
    struct ota_span decoded;
    struct ota_json value;
    struct ota_json_walk w = ota_json_walk(&absent);
    assert_int_equal(ota_json_kind(&absent), OTA_JSON_ABSENT);
    assert_false(ota_json_next(&w, NULL, &value));
    assert_false(ota_json_is(&absent, OTA_SPAN_NONE));
    assert_false(ota_json_hex(&absent, 0, room, 0));
    assert_int_equal(ota_json_string(&absent, OTA_BUF_OF(room), &decoded), OTA_E_MALFORMED);
    assert_int_equal(ota_json_u64(&absent, &number), OTA_E_MALFORMED);
    assert_int_equal(ota_json_find(&absent, "a", &value), OTA_E_NOT_FOUND);
    assert_int_equal(ota_json_bind(&absent, OTA_JSON_FIELDS(fields), room), OTA_E_MALFORMED);
}

static void hexadecimal_digits_are_whole_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        uint32_t dashes;
        size_t count;
        bool want;
    } rows[] = {
        { "bytes", "\"09afAF\"", 0, 3, true },
        { "none", "\"\"", 0, 0, true },
        { "escaped digit", "\"\\u0030\\u0039afAF\"", 0, 3, true },
        { "a digit too many", "\"09afAF0\"", 0, 3, false },
        { "a digit too few", "\"09afA\"", 0, 3, false },
        { "below 0", "\"/9afAF\"", 0, 3, false },
        { "above 9", "\"0:afAF\"", 0, 3, false },
        { "below a", "\"09`fAF\"", 0, 3, false },
        { "above f", "\"09agAF\"", 0, 3, false },
        { "below A", "\"09af@F\"", 0, 3, false },
        { "above F", "\"09afAG\"", 0, 3, false },
        { "another script", "\"\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\xd9\xa1\"", 0, 3, false },
        { "dash", "\"09-afAF\"", 2, 3, true },
        { "dash first and last", "\"-09af-AF\"", 5, 3, true },
        { "dash missing", "\"09afAF\"", 2, 3, false },
        { "dash elsewhere", "\"09af-AF\"", 2, 3, false },
        { "dash not wanted", "\"09-afAF\"", 0, 3, false },
        { "number", "101010", 0, 3, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        static const uint8_t want[] = { 0x09, 0xaf, 0xaf };
        uint8_t *room = t_exact(want, rows[i].count);
        memset(room, 0, rows[i].count);
        CHECK_ROW(rows[i].why, ota_json_hex(json(rows[i].text), rows[i].dashes, room,
                                            rows[i].count) == rows[i].want);
        CHECK_ROW(rows[i].why, !rows[i].want || memcmp(room, want, rows[i].count) == 0);
        free(room);
    }
}

/* --- writing -------------------------------------------------------------------- */

static void write_sample(struct ota_writer *w)
{
    struct ota_json_out o = ota_json_out(w);
    ota_json_object_begin(&o);
    ota_json_key(&o, "status");
    ota_json_put_str(&o, "IN_PROGRESS");
    ota_json_key(&o, "n");
    ota_json_put_u64(&o, UINT64_MAX);
    ota_json_key(&o, "list");
    ota_json_array_begin(&o);
    ota_json_array_begin(&o);
    ota_json_array_end(&o);
    ota_json_put_bool(&o, true);
    ota_json_put_bool(&o, false);
    ota_json_put_null(&o);
    ota_json_object_begin(&o);
    ota_json_object_end(&o);
    ota_json_array_end(&o);
    ota_json_key(&o, "doc");
    ota_json_put_raw(&o, OTA_SPAN_LIT("{\"a\": 1}"));
    ota_json_key(&o, "q\"");
    ota_json_put_base64(&o, OTA_SPAN_LIT("fooba"));
    ota_json_object_end(&o);
}

static const char sample[] = "{\"status\":\"IN_PROGRESS\",\"n\":18446744073709551615,"
                             "\"list\":[[],true,false,null,{}],\"doc\":{\"a\": 1},"
                             "\"q\\\"\":\"Zm9vYmE=\"}";

static void commas_and_quotes_are_the_writers(void **state)
{
    (void)state;
    uint8_t room[sizeof sample - 1];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    write_sample(&w);
    assert_true(ota_span_eq(ota_writer_done(&w), OTA_SPAN_LIT(sample)));
}

static void with_too_little_room_nothing_is_written(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < sizeof sample - 1; cap++) {
        uint8_t *room = t_exact(sample, cap);
        struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
        write_sample(&w);
        assert_true(w.bad);
        assert_int_equal(ota_writer_done(&w).len, 0);
        free(room);
    }
}

static void strings_are_written_so_that_they_can_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text;
        size_t len;
        const char *want;
    } rows[] = {
        { "plain", LIT("a/b"), "\"a/b\"" },
        { "quote and backslash", LIT("\"\\"), "\"\\\"\\\\\"" },
        { "controls", LIT("\0\n\x1f\x7f"), "\"\\u0000\\u000a\\u001f\x7f\"" },
        { "UTF-8", LIT("\xc3\xa9\xf0\x9f\x9a\x80"), "\"\xc3\xa9\xf0\x9f\x9a\x80\"" },
        { "no UTF-8",
          LIT("a\xff"
              "b"),
          "\"a\xef\xbf\xbd"
          "b\"" },
        { "cut off", LIT("a\xe2\x82"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
        { "broken by a quote", LIT("\xe2\""), "\"\xef\xbf\xbd\\\"\"" },
        { "surrogate", LIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *text = t_exact(rows[i].text, rows[i].len);
        uint8_t room[64];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        struct ota_json_out o = ota_json_out(&w);
        ota_json_put_string(&o, (struct ota_span){ text, rows[i].len });
        CHECK_ROW(rows[i].why, ota_span_eq(ota_writer_done(&w), ota_span_of_str(rows[i].want)));
        free(text);
    }
}

static void ends_the_wrong_container(struct ota_json_out *o)
{
    ota_json_array_begin(o);
    ota_json_object_end(o);
}

static void ends_more_than_was_begun(struct ota_json_out *o)
{
    ota_json_array_begin(o);
    ota_json_array_end(o);
    ota_json_array_end(o);
}

static void forgets_the_key(struct ota_json_out *o)
{
    ota_json_object_begin(o);
    ota_json_put_null(o);
}

static void forgets_the_value(struct ota_json_out *o)
{
    ota_json_object_begin(o);
    ota_json_key(o, "a");
    ota_json_object_end(o);
}

static void names_an_element(struct ota_json_out *o)
{
    ota_json_array_begin(o);
    ota_json_key(o, "a");
}

static void writes_two_values(struct ota_json_out *o)
{
    ota_json_put_null(o);
    ota_json_put_null(o);
}

static bool dies(void (*misuse)(struct ota_json_out *))
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)!freopen("/dev/null", "w", stderr);
        uint8_t room[64];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        struct ota_json_out o = ota_json_out(&w);
        misuse(&o);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_wrong_order_of_calls_is_asserted(void **state)
{
    (void)state;
    assert_true(dies(ends_the_wrong_container));
    assert_true(dies(ends_more_than_was_begun));
    assert_true(dies(forgets_the_key));
    assert_true(dies(forgets_the_value));
    assert_true(dies(names_an_element));
    assert_true(dies(writes_two_values));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_grammar_is_that_of_rfc_8259),
        cmocka_unit_test(nesting_ends_at_the_limit),
        cmocka_unit_test(every_prefix_of_a_message_is_truncated),
        cmocka_unit_test(the_value_is_given_without_the_blanks_around_it),
        cmocka_unit_test(kinds_are_told_by_the_first_character),
        cmocka_unit_test(a_walk_gives_each_member_whole),
        cmocka_unit_test(a_walk_over_an_array_leaves_the_key_alone),
        cmocka_unit_test(a_walk_over_an_object_needs_no_keys),
        cmocka_unit_test(what_is_no_container_has_no_members),
        cmocka_unit_test(finding_knows_absent_from_twice),
        cmocka_unit_test(strings_are_decoded_into_exactly_their_room),
        cmocka_unit_test(what_is_no_string_is_not_decoded_and_equals_nothing),
        cmocka_unit_test(strings_are_compared_by_what_they_mean),
        cmocka_unit_test(numbers_may_be_strings),
        cmocka_unit_test(a_job_is_read_out_of_the_services_message),
        cmocka_unit_test(an_object_is_read_into_a_struct),
        cmocka_unit_test(a_member_that_breaks_its_row_is_refused),
        cmocka_unit_test(what_is_absent_is_no_value_of_any_kind),
        cmocka_unit_test(hexadecimal_digits_are_whole_bytes),
        cmocka_unit_test(commas_and_quotes_are_the_writers),
        cmocka_unit_test(with_too_little_room_nothing_is_written),
        cmocka_unit_test(strings_are_written_so_that_they_can_be_read),
        cmocka_unit_test(a_wrong_order_of_calls_is_asserted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
