/*
 * CBOR against an independent library: for each input libcbor and we must agree whether an
 * item stands at its begin, where it ends, and what it holds.
 *
 * Where the two differ for a reason, the reason is checked and not the input skipped: we refuse
 * strings of indefinite length and nesting past 16; libcbor refuses unassigned simple values
 * and tags, and text that is not UTF-8 even where we only skip it.
 */
#include "vectors.h"

#include "ota/cbor.h"

#include <cbor.h>
#include <sys/resource.h>

#define INPUT_MAX 512u

/*
 * libcbor asks for the memory of as many elements as a head claims, and fills it. It lives with a
 * refusal, so memory is kept short: by the sanitizer if there is one, else by the kernel.
 */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=8";
}

void __asan_init(void) __attribute__((weak));

static void keep_memory_short(void)
{
    if (__asan_init == NULL) {
        const struct rlimit limit = { 32u << 20, 32u << 20 };
        assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    }
}

/* --- values ---------------------------------------------------------------------- */

static size_t deeper(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t depth_of(const cbor_item_t *item)
{
    size_t deepest = 0;
    if (cbor_isa_array(item)) {
        for (size_t i = 0; i < cbor_array_size(item); i++) {
            deepest = deeper(deepest, depth_of(cbor_array_handle(item)[i]));
        }
        return deepest + 1;
    }
    if (cbor_isa_map(item)) {
        for (size_t i = 0; i < cbor_map_size(item); i++) {
            deepest = deeper(deepest, depth_of(cbor_map_handle(item)[i].key));
            deepest = deeper(deepest, depth_of(cbor_map_handle(item)[i].value));
        }
        return deepest + 1;
    }
    return cbor_isa_tag(item) ? depth_of(item->metadata.tag_metadata.tagged_item) : 0;
}

static bool has_indefinite_string(const cbor_item_t *item)
{
    bool has = false;
    if (cbor_isa_array(item)) {
        for (size_t i = 0; i < cbor_array_size(item); i++) {
            has = has || has_indefinite_string(cbor_array_handle(item)[i]);
        }
    } else if (cbor_isa_map(item)) {
        for (size_t i = 0; i < cbor_map_size(item); i++) {
            has = has || has_indefinite_string(cbor_map_handle(item)[i].key) ||
                  has_indefinite_string(cbor_map_handle(item)[i].value);
        }
    } else if (cbor_isa_tag(item)) {
        has = has_indefinite_string(item->metadata.tag_metadata.tagged_item);
    } else if (cbor_isa_bytestring(item)) {
        has = cbor_bytestring_is_indefinite(item);
    } else if (cbor_isa_string(item)) {
        has = cbor_string_is_indefinite(item);
    }
    return has;
}

static void compare_text(struct ota_span ours, const cbor_item_t *theirs)
{
    assert_int_equal(ours.len, cbor_string_length(theirs));
    assert_memory_equal(ours.ptr, cbor_string_handle(theirs), ours.len);
}

static bool compare(struct ota_cbor *c, const cbor_item_t *theirs);

static bool compare_array(struct ota_cbor *c, const cbor_item_t *theirs)
{
    struct ota_cbor_map array = ota_cbor_array(c);
    for (size_t i = 0; i < cbor_array_size(theirs); i++) {
        assert_true(ota_cbor_next_element(c, &array));
        if (!compare(c, cbor_array_handle(theirs)[i])) {
            return false;
        }
    }
    assert_false(ota_cbor_next_element(c, &array));
    return true;
}

static bool compare_map(struct ota_cbor *c, const cbor_item_t *theirs)
{
    struct ota_cbor_map map = ota_cbor_map(c);
    struct ota_span key;
    for (size_t i = 0; i < cbor_map_size(theirs); i++) {
        const struct cbor_pair pair = cbor_map_handle(theirs)[i];
        const bool next = ota_cbor_next_key(c, &map, &key);
        assert_int_equal(next, cbor_isa_string(pair.key));
        if (!next) {
            return false;
        }
        compare_text(key, pair.key);
        if (!compare(c, pair.value)) {
            return false;
        }
    }
    assert_false(ota_cbor_next_key(c, &map, &key));
    return true;
}

/* Reads the item through the typed functions; false if one of them had to fail, which is checked. */
static bool compare(struct ota_cbor *c, const cbor_item_t *theirs)
{
    const enum ota_cbor_kind kind = ota_cbor_peek(c);
    assert_int_equal(kind, (enum ota_cbor_kind)cbor_typeof(theirs));
    if (kind == OTA_CBOR_UINT) {
        assert_true(ota_cbor_u64(c) == cbor_get_int(theirs));
    } else if (kind == OTA_CBOR_BYTES) {
        const struct ota_span bytes = ota_cbor_bytes(c);
        assert_int_equal(bytes.len, cbor_bytestring_length(theirs));
        assert_memory_equal(bytes.ptr, cbor_bytestring_handle(theirs), bytes.len);
    } else if (kind == OTA_CBOR_TEXT) {
        compare_text(ota_cbor_text(c), theirs);
    } else if (kind == OTA_CBOR_ARRAY) {
        return compare_array(c, theirs);
    } else if (kind == OTA_CBOR_MAP) {
        return compare_map(c, theirs);
    } else {
        ota_cbor_skip(c);
    }
    return c->err == OTA_OK;
}

/* --- verdicts ---------------------------------------------------------------------- */

static struct {
    size_t both, typed, neither, too_deep, indefinite_string, unassigned, bad_text;
} tally;

/* Simple values, and tags 6 to 20, that had no meaning when libcbor 0.8 was written. */
static bool is_unassigned(uint8_t first)
{
    return (first >= 0xe0 && first <= 0xf3) || first == 0xf8 || (first >= 0xc6 && first <= 0xd4);
}

static void agree_on_content(struct ota_span in, size_t consumed, const cbor_item_t *theirs)
{
    struct ota_cbor c = ota_cbor(in);
    if (compare(&c, theirs)) {
        assert_int_equal(in.len - ota_reader_left(&c.r), consumed);
        tally.typed++;
    } else {
        assert_int_equal(c.err, OTA_E_MALFORMED);
    }
}

/* Whether a text that is not UTF-8 ends exactly there. */
static bool bad_text_ends_at(const uint8_t *bytes, size_t end)
{
    for (size_t begin = 0; begin < end; begin++) {
        struct ota_cbor text = ota_cbor((struct ota_span){ bytes + begin, end - begin });
        struct ota_cbor skipped = text;
        ota_cbor_skip(&skipped);
        if (ota_cbor_end(&skipped) == OTA_OK && ota_cbor_peek(&text) == OTA_CBOR_TEXT) {
            (void)ota_cbor_text(&text);
            return text.err == OTA_E_MALFORMED;
        }
    }
    return false;
}

/* What libcbor refuses and we skip over. */
static void check_their_refusal(const uint8_t *bytes, struct cbor_error error)
{
    if (error.code == CBOR_ERR_SYNTAXERROR) {
        assert_true(bad_text_ends_at(bytes, error.position));
        tally.bad_text++;
    } else {
        assert_int_equal(error.code, CBOR_ERR_MALFORMATED);
        assert_true(is_unassigned(bytes[error.position]));
        tally.unassigned++;
    }
}

static void agree(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = t_exact(bytes, len);
    const struct ota_span in = { copy, len };
    struct ota_cbor c = ota_cbor(in);
    ota_cbor_skip(&c);
    const size_t consumed = len - ota_reader_left(&c.r);
    struct cbor_load_result result;
    cbor_item_t *theirs = cbor_load(copy, len, &result);

    if (c.err == OTA_OK && theirs != NULL) {
        assert_int_equal(consumed, result.read);
        agree_on_content(in, consumed, theirs);
        tally.both++;
    } else if (c.err != OTA_OK && theirs == NULL) {
        tally.neither++;
    } else if (c.err == OTA_OK) {
        check_their_refusal(copy, result.error);
    } else if (c.err == OTA_E_DEPTH) {
        assert_true(depth_of(theirs) > OTA_CBOR_DEPTH_MAX);
        tally.too_deep++;
    } else {
        assert_int_equal(c.err, OTA_E_MALFORMED);
        assert_true(has_indefinite_string(theirs));
        tally.indefinite_string++;
    }
    if (theirs != NULL) {
        cbor_decref(&theirs);
    }
    free(copy);
}

/* --- inputs -------------------------------------------------------------------------- */

static uint32_t random_state;

static uint32_t below(uint32_t limit)
{
    return t_random(&random_state) % limit;
}

/* A head in any form that can hold the number. */
static void put_head(struct ota_writer *w, unsigned major, uint32_t number)
{
    const uint8_t first = (uint8_t)(major << 5);
    switch (below(number < 24 ? 8 : 3)) {
    case 0:
        ota_write_u8(w, first | 25u);
        ota_write_be(w, 2, number);
        break;
    case 1:
        ota_write_u8(w, first | 26u);
        ota_write_be(w, 4, number);
        break;
    case 2:
        ota_write_u8(w, first | 27u);
        ota_write_be(w, 8, number);
        break;
    default: ota_write_u8(w, (uint8_t)(first | number)); break;
    }
}

static void put_string(struct ota_writer *w, unsigned major)
{
    static const char *const texts[] = { "",         "a",    "id",
                                         "\xc3\xa9", "jobs", "0123456789abcdef0123456789" };
    const struct ota_span text = ota_span_of_str(texts[below(COUNT(texts))]);
    put_head(w, major, (uint32_t)text.len);
    ota_write_bytes(w, text);
}

static void put_item(struct ota_writer *w, unsigned depth)
{
    static const uint8_t simple[] = { 0xf4, 0xf5, 0xf6, 0xf7 };
    const unsigned major = below(depth > 0 ? 10 : 4);
    if (major == 2 || major == 3) {
        put_string(w, major);
    } else if (major < 2) {
        put_head(w, major, below(70000));
    } else if (major == 6) {
        put_head(w, 6, below(6));
        put_item(w, depth - 1);
    } else if (major == 7) {
        ota_write_u8(w, simple[below(COUNT(simple))]);
    } else {
        const bool map = major % 2 != 0, indefinite = below(3) == 0;
        const uint32_t count = below(5);
        if (indefinite) {
            ota_write_u8(w, map ? 0xbf : 0x9f);
        } else {
            put_head(w, map ? 5 : 4, count);
        }
        for (uint32_t i = 0; i < count; i++) {
            if (map) {
                put_string(w, 3);
            }
            put_item(w, depth - 1);
        }
        if (indefinite) {
            ota_write_u8(w, 0xff);
        }
    }
}

/* Some bytes changed, the end cut off, many arrays around it, or none of these. */
static size_t mutate(uint8_t bytes[INPUT_MAX], size_t len)
{
    static const uint8_t alphabet[] = { 0x00, 0x17, 0x18, 0x1b, 0x1c, 0x1f, 0x20, 0x41, 0x5f,
                                        0x61, 0x7f, 0x80, 0x81, 0x9b, 0x9f, 0xa0, 0xa1, 0xbf,
                                        0xc1, 0xdf, 0xe1, 0xf4, 0xf8, 0xf9, 0xfb, 0xfc, 0xff };
    const size_t at = len > 0 ? below((uint32_t)len) : 0;
    switch (below(5)) {
    case 0: bytes[at] = alphabet[below(COUNT(alphabet))]; return len > 0 ? len : 1;
    case 1: bytes[at] = (uint8_t)below(256); return len > 0 ? len : 1;
    case 2: return at;
    case 3: {
        const size_t depth = below(20);
        if (len + depth > INPUT_MAX) {
            return len;
        }
        memmove(&bytes[depth], bytes, len);
        memset(bytes, 0x81, depth);
        return len + depth;
    }
    default:
        memmove(&bytes[at], &bytes[at + 1], len > 0 ? len - at - 1 : 0);
        return len > 0 ? len - 1 : 0;
    }
}

static void agree_on_mutations(const uint8_t *bytes, size_t len, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        uint8_t changed[INPUT_MAX];
        memcpy(changed, bytes, len);
        size_t changed_len = len;
        for (uint32_t left = 1 + below(3); left > 0; left--) {
            changed_len = mutate(changed, changed_len);
        }
        agree(changed, changed_len);
    }
}

static void both_agree_on_generated_items_and_their_mutations(void **state)
{
    (void)state;
    random_state = 0x5eed0007;
    print_message("seed %08x\n", (unsigned)random_state);
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t bytes[INPUT_MAX];
        struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
        put_item(&w, below(5));
        const struct ota_span item = ota_writer_done(&w);
        if (item.len == 0) {
            continue; /* larger than the room */
        }
        const size_t both = tally.both;
        agree(bytes, item.len);
        assert_int_equal(tally.both, both + 1);
        agree_on_mutations(bytes, item.len, 6);
    }
}

static void both_agree_on_every_input_of_two_bytes_and_many_of_more(void **state)
{
    (void)state;
    random_state = 0x5eed0008;
    print_message("seed %08x\n", (unsigned)random_state);
    agree(NULL, 0);
    for (unsigned i = 0; i < 0x10000; i++) {
        const uint8_t two[2] = { (uint8_t)(i >> 8), (uint8_t)i };
        agree(two, i < 0x100 ? 1 : 2);
    }
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t bytes[12];
        for (size_t k = 0; k < sizeof bytes; k++) {
            bytes[k] = (uint8_t)below(256);
        }
        agree(bytes, 1 + below(sizeof bytes));
    }
}

/* The comparisons above are worth nothing if they never meet one of their cases. */
static void each_outcome_was_met(void **state)
{
    (void)state;
    print_message("both %zu (typed %zu), neither %zu\n", tally.both, tally.typed, tally.neither);
    print_message("too deep %zu, indefinite string %zu, unassigned %zu, bad text %zu\n",
                  tally.too_deep, tally.indefinite_string, tally.unassigned, tally.bad_text);
    assert_true(tally.both > 1000 && tally.typed > 1000 && tally.neither > 1000);
    assert_true(tally.too_deep > 0 && tally.indefinite_string > 0);
    assert_true(tally.unassigned > 0 && tally.bad_text > 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_agree_on_generated_items_and_their_mutations),
        cmocka_unit_test(both_agree_on_every_input_of_two_bytes_and_many_of_more),
        cmocka_unit_test(each_outcome_was_met),
    };
    keep_memory_short();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
