/*
 * JSON against an independent library: jansson must accept what we accept, refuse what we
 * refuse, and read the same values, over the vectors, generated texts and mutations of both.
 *
 * Where the two differ for a reason, the reason is checked and not the text skipped: jansson
 * cannot hold numbers past a double nor a NUL in a name, and loses a NUL byte behind a number
 * (2.14); we do not nest past 32.
 */
#include "vectors.h"

#include "ota/json.h"
#include "ota/json_write.h"

#include <jansson.h>

#define TEXT_MAX 4096u

/* --- values -------------------------------------------------------------------- */

static size_t decode(struct ota_json value, uint8_t room[TEXT_MAX])
{
    struct ota_span decoded;
    assert_int_equal(ota_json_string(&value, (struct ota_buf){ room, TEXT_MAX }, &decoded), OTA_OK);
    assert_ptr_equal(decoded.ptr, room);
    return decoded.len;
}

static bool is_whole(struct ota_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

static void compare_number(struct ota_json ours, const json_t *theirs)
{
    uint64_t number = 0;
    const ota_err_t err = ota_json_u64(&ours, &number);
    if (json_is_integer(theirs) && is_whole(ours.text)) {
        assert_int_equal(err, OTA_OK);
        assert_true(number == (uint64_t)json_integer_value(theirs));
    } else {
        assert_int_equal(err, OTA_E_MALFORMED);
    }
}

static size_t count_named(struct ota_json object, struct ota_span name)
{
    struct ota_json_walk w = ota_json_walk(&object);
    struct ota_json key, value;
    size_t count = 0;
    while (ota_json_next(&w, &key, &value)) {
        count += ota_json_is(&key, name);
    }
    return count;
}

static void compare(struct ota_json ours, const json_t *theirs);

/* Of members with one name jansson keeps the last. */
static void compare_object(struct ota_json ours, const json_t *theirs)
{
    uint8_t name[TEXT_MAX];
    struct ota_json_walk w = ota_json_walk(&ours);
    struct ota_json key, value;
    size_t distinct = 0, seen = 0;
    while (ota_json_next(&w, &key, &value)) {
        const struct ota_span text = { name, decode(key, name) };
        const size_t count = count_named(ours, text);
        const json_t *member = json_object_getn(theirs, (const char *)name, text.len);
        assert_non_null(member);
        if (count == 1) {
            distinct++;
            compare(value, member);
        }
        seen++;
        name[text.len] = '\0';
        struct ota_json found;
        const ota_err_t err = ota_json_find(&ours, (const char *)name, &found);
        if (count > 1) {
            assert_int_equal(err, OTA_E_MALFORMED);
        } else if (json_is_null(member)) {
            assert_int_equal(err, OTA_E_NOT_FOUND);
        } else {
            assert_int_equal(err, OTA_OK);
            assert_ptr_equal(found.text.ptr, value.text.ptr);
        }
    }
    assert_true(distinct <= json_object_size(theirs) && json_object_size(theirs) <= seen);
}

static void compare_array(struct ota_json ours, const json_t *theirs)
{
    struct ota_json_walk w = ota_json_walk(&ours);
    struct ota_json value;
    size_t count = 0;
    while (ota_json_next(&w, NULL, &value)) {
        compare(value, json_array_get(theirs, count));
        count++;
    }
    assert_int_equal(count, json_array_size(theirs));
}

static void compare_string(struct ota_json ours, const json_t *theirs)
{
    uint8_t text[TEXT_MAX];
    const size_t len = decode(ours, text);
    assert_int_equal(len, json_string_length(theirs));
    assert_memory_equal(text, json_string_value(theirs), len);
    assert_true(ota_json_is(&ours, (struct ota_span){ text, len }));
}

static void compare(struct ota_json ours, const json_t *theirs)
{
    assert_non_null(theirs);
    switch (ota_json_kind(&ours)) {
    case OTA_JSON_OBJECT: compare_object(ours, theirs); break;
    case OTA_JSON_ARRAY: compare_array(ours, theirs); break;
    case OTA_JSON_STRING: compare_string(ours, theirs); break;
    case OTA_JSON_NUMBER: compare_number(ours, theirs); break;
    case OTA_JSON_TRUE: assert_true(json_is_true(theirs)); break;
    case OTA_JSON_FALSE: assert_true(json_is_false(theirs)); break;
    case OTA_JSON_NULL: assert_true(json_is_null(theirs)); break;
    case OTA_JSON_ABSENT: fail(); break;
    }
}

/* --- verdicts -------------------------------------------------------------------- */

static struct {
    size_t both, neither, too_deep, number_limit, nul_in_name, nul_lost;
} tally;

/* Brackets open at once, outside of strings; for texts up to their first error. */
static size_t depth_of(const uint8_t *text, size_t len)
{
    size_t depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (in_string) {
            in_string = text[i] != '"';
        } else if (text[i] == '"') {
            in_string = true;
        } else if (text[i] == '[' || text[i] == '{') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}

static size_t without_nuls(uint8_t *text, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] != 0) {
            text[kept++] = text[i];
        }
    }
    return kept;
}

static void print_bytes(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        print_error(bytes[i] >= ' ' && bytes[i] <= '~' ? "%c" : "<%02x>", bytes[i]);
    }
    print_error("\n");
}

static void agree(const uint8_t *text, size_t len)
{
    uint8_t *copy = t_exact(text, len);
    struct ota_json ours;
    json_error_t error;
    const ota_err_t err = ota_json_parse((struct ota_span){ copy, len }, &ours);
    json_t *theirs = json_loadb((const char *)copy, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (err == OTA_E_DEPTH) {
        assert_true(depth_of(copy, len) > OTA_JSON_DEPTH_MAX);
        tally.too_deep++;
    } else if (err == OTA_OK && theirs != NULL) {
        compare(ours, theirs);
        tally.both++;
    } else if (err != OTA_OK && theirs == NULL) {
        tally.neither++;
    } else if (err == OTA_OK && json_error_code(&error) == json_error_numeric_overflow) {
        tally.number_limit++;
    } else if (err == OTA_OK && json_error_code(&error) == json_error_null_byte_in_key) {
        tally.nul_in_name++;
    } else if (theirs != NULL && memchr(copy, 0, len) != NULL) {
        const size_t kept = without_nuls(copy, len);
        assert_int_equal(ota_json_parse((struct ota_span){ copy, kept }, &ours), OTA_OK);
        compare(ours, theirs);
        tally.nul_lost++;
    } else {
        print_bytes(copy, len);
        fail_msg("we say %s, jansson says %s", ota_err_name(err),
                 theirs != NULL ? "yes" : error.text);
    }
    json_decref(theirs);
    free(copy);
}

/* --- texts ------------------------------------------------------------------------ */

static uint32_t random_state;

static uint32_t below(uint32_t limit)
{
    return t_random(&random_state) % limit;
}

static void put(struct ota_writer *w, const char *str)
{
    ota_write_str(w, str);
}

#define PICK(w, words) put((w), (words)[below(COUNT(words))])

static const char *const blanks[] = { "", "", "", "", " ", "\n", "\t", "\r\n", "  " };
static const char *const scalars[] = {
    "0",
    "-0",
    "1",
    "-12",
    "180568",
    "9223372036854775807",
    "9223372036854775808",
    "1.5",
    "-0.25",
    "1e3",
    "2E-4",
    "1e400",
    "true",
    "false",
    "null",
    "\"\"",
};
static const char *const pieces[] = {
    "a",
    "id",
    "\\n",
    "\\\"",
    "\\\\",
    "\\/",
    "\\u0000",
    "\\u00e9",
    "\\ud83d\\ude80",
    "\xc3\xa9",
    "\xe2\x82\xac",
    "\xf0\x9f\x9a\x80",
    "]},:[{",
    " ",
    "\x7f",
};

static void put_string(struct ota_writer *w)
{
    put(w, "\"");
    for (uint32_t i = below(4); i > 0; i--) {
        PICK(w, pieces);
    }
    put(w, "\"");
}

static void put_value(struct ota_writer *w, unsigned depth)
{
    const uint32_t kind = below(depth > 0 ? 8 : 4);
    PICK(w, blanks);
    if (kind < 2) {
        PICK(w, scalars);
    } else if (kind < 4) {
        put_string(w);
    } else {
        const bool object = kind < 6;
        put(w, object ? "{" : "[");
        PICK(w, blanks);
        for (uint32_t left = below(5); left > 0; left--) {
            if (object) {
                PICK(w, blanks);
                put_string(w);
                PICK(w, blanks);
                put(w, ":");
            }
            put_value(w, depth - 1);
            put(w, left > 1 ? "," : "");
        }
        put(w, object ? "}" : "]");
    }
    PICK(w, blanks);
}

/* A valid text, or none if it would not fit. */
static size_t generate(uint8_t text[TEXT_MAX])
{
    struct ota_writer w = ota_writer((struct ota_buf){ text, TEXT_MAX / 2 });
    put_value(&w, below(6));
    return ota_writer_done(&w).len;
}

/* One change: a byte flipped, put in, taken out; the end cut off; a piece doubled; many brackets. */
static size_t mutate(uint8_t text[TEXT_MAX], size_t len)
{
    static const char alphabet[] =
        "{}[]:,\"\\/bfnrtu0123456789abcdefABCDEF+-.eE \t\r\n\0\x1f\x7f\x80"
        "\xbf\xc0\xc2\xe0\xed\xa0\xf0\xf4\x90\xff";
    const uint8_t byte = (uint8_t)alphabet[below(sizeof alphabet - 1)];
    const size_t at = len > 0 ? below((uint32_t)len) : 0;
    switch (below(7)) {
    case 0:
    case 1:
        if (len > 0) {
            text[at] = byte;
        }
        return len;
    case 2:
        if (len < TEXT_MAX) {
            memmove(&text[at + 1], &text[at], len - at);
            text[at] = byte;
            len++;
        }
        return len;
    case 3:
        if (len > 0) {
            memmove(&text[at], &text[at + 1], len - at - 1);
            len--;
        }
        return len;
    case 4: return at;
    case 5: {
        const size_t count = len - at < 40 ? len - at : 40;
        if (len + count <= TEXT_MAX) {
            memmove(&text[at + count], &text[at], len - at);
            len += count;
        }
        return len;
    }
    default: {
        const size_t count = 28 + below(8);
        if (below(20) > 0 || len + 2 * count > TEXT_MAX) {
            return len;
        }
        memmove(&text[count], text, len);
        memset(text, '[', count);
        memset(&text[count + len], ']', count);
        return len + 2 * count;
    }
    }
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

static void agree_on_mutations(uint8_t text[TEXT_MAX], size_t len, unsigned rounds)
{
    uint8_t changed[TEXT_MAX];
    for (unsigned i = 0; i < rounds; i++) {
        memcpy(changed, text, len);
        size_t changed_len = len;
        for (uint32_t left = 1 + below(4); left > 0; left--) {
            changed_len = mutate(changed, changed_len);
        }
        agree(changed, changed_len);
    }
}

static void both_agree_on_the_services_messages_and_their_mutations(void **state)
{
    (void)state;
    random_state = 0x5eed0002;
    print_message("seed %08x\n", (unsigned)random_state);
    uint8_t text[TEXT_MAX];
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct t_file file = t_vector(vectors[i]);
        assert_true(file.len <= TEXT_MAX);
        memcpy(text, file.ptr, file.len);
        const size_t both = tally.both;
        agree(text, file.len);
        assert_int_equal(tally.both, both + 1);
        agree_on_mutations(text, file.len, 1000);
        free(file.ptr);
    }
}

static void both_agree_on_generated_texts_and_their_mutations(void **state)
{
    (void)state;
    random_state = 0x5eed0003;
    print_message("seed %08x\n", (unsigned)random_state);
    uint8_t text[TEXT_MAX];
    for (unsigned i = 0; i < 4000; i++) {
        const size_t len = generate(text);
        agree(text, len);
        agree_on_mutations(text, len, 5);
    }
}

/* The comparisons above are worth nothing if they never meet one of their cases. */
static void each_outcome_was_met(void **state)
{
    (void)state;
    print_message(
        "both %zu, neither %zu, too deep %zu, number limit %zu, NUL in name %zu, lost %zu\n",
        tally.both, tally.neither, tally.too_deep, tally.number_limit, tally.nul_in_name,
        tally.nul_lost);
    assert_true(tally.both > 1000 && tally.neither > 1000);
    assert_true(tally.too_deep > 0 && tally.number_limit > 0 && tally.nul_in_name > 0);
}

static void put_random_tree(struct ota_json_out *o, unsigned depth)
{
    static const char *const texts[] = { "", "a", "\"\\\n", "\xc3\xa9", "\xff", "\x01\x7f" };
    switch (below(depth > 0 ? 7 : 5)) {
    case 0: ota_json_put_u64(o, below(UINT32_MAX)); break;
    case 1: ota_json_put_bool(o, below(2) != 0); break;
    case 2: ota_json_put_null(o); break;
    case 3: ota_json_put_str(o, texts[below(COUNT(texts))]); break;
    case 4: ota_json_put_base64(o, ota_span_of_str(texts[below(COUNT(texts))])); break;
    case 5:
        ota_json_array_begin(o);
        for (uint32_t left = below(4); left > 0; left--) {
            put_random_tree(o, depth - 1);
        }
        ota_json_array_end(o);
        break;
    default:
        ota_json_object_begin(o);
        for (uint32_t left = below(4); left > 0; left--) {
            ota_json_key(o, texts[below(COUNT(texts))]);
            put_random_tree(o, depth - 1);
        }
        ota_json_object_end(o);
        break;
    }
}

static void whatever_is_written_both_can_read(void **state)
{
    (void)state;
    random_state = 0x5eed0004;
    print_message("seed %08x\n", (unsigned)random_state);
    uint8_t room[TEXT_MAX];
    for (unsigned i = 0; i < 2000; i++) {
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        struct ota_json_out o = ota_json_out(&w);
        put_random_tree(&o, 4);
        const struct ota_span text = ota_writer_done(&w);
        const size_t both = tally.both;
        agree(text.ptr, text.len);
        assert_int_equal(tally.both, both + 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_agree_on_the_services_messages_and_their_mutations),
        cmocka_unit_test(both_agree_on_generated_texts_and_their_mutations),
        cmocka_unit_test(each_outcome_was_met),
        cmocka_unit_test(whatever_is_written_both_can_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
