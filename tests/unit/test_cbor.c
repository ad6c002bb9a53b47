/* CBOR: the items of RFC 8949 that concern us, hostile lengths, and the service's messages. */
#include "vectors.h"

#include "ota/cbor.h"

#include <ctype.h>

/* --- bytes from hexadecimal -------------------------------------------------- */

/* An exact allocation of the bytes in `hex`: digits and blanks, '#' begins a comment. */
static struct t_file unhex(const char *hex, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[1024];
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        while (i < len && hex[i] == '#') {
            const char *line_end = memchr(&hex[i], '\n', len - i);
            assert_non_null(line_end);
            i = (size_t)(line_end - hex);
        }
        if (isspace((unsigned char)hex[i]) != 0) {
            continue;
        }
        const char *digit = memchr(digits, hex[i], 16);
        assert_non_null(digit);
        assert_true(count < 2 * sizeof bytes);
        bytes[count / 2] =
            (uint8_t)((count % 2 > 0 ? bytes[count / 2] << 4 : 0) | (digit - digits));
        count++;
    }
    assert_int_equal(count % 2, 0);
    return (struct t_file){ t_exact(bytes, count / 2), count / 2 };
}

static struct t_file hex(const char *text)
{
    return unhex(text, strlen(text));
}

static struct t_file hex_vector(const char *name)
{
    const struct t_file file = t_vector(name);
    const struct t_file bytes = unhex((const char *)file.ptr, file.len);
    free(file.ptr);
    return bytes;
}

static struct ota_span span(struct t_file bytes)
{
    return (struct ota_span){ bytes.ptr, bytes.len };
}

static ota_err_t skip_all(struct ota_span in)
{
    struct ota_cbor c = ota_cbor(in);
    ota_cbor_skip(&c);
    return ota_cbor_end(&c);
}

/* --- RFC 8949 ----------------------------------------------------------------- */

/* Appendix A. */
static const struct {
    const char *hex;
    enum ota_cbor_kind kind;
} items[] = {
    { "00", OTA_CBOR_UINT },
    { "17", OTA_CBOR_UINT },
    { "1818", OTA_CBOR_UINT },
    { "1bffffffffffffffff", OTA_CBOR_UINT },
    { "c249010000000000000000", OTA_CBOR_TAG },
    { "3bffffffffffffffff", OTA_CBOR_NEGATIVE },
    { "20", OTA_CBOR_NEGATIVE },
    { "3903e7", OTA_CBOR_NEGATIVE },
    { "f90000", OTA_CBOR_SIMPLE },
    { "fb3ff199999999999a", OTA_CBOR_SIMPLE },
    { "fa47c35000", OTA_CBOR_SIMPLE },
    { "f97e00", OTA_CBOR_SIMPLE },
    { "f4", OTA_CBOR_SIMPLE },
    { "f6", OTA_CBOR_SIMPLE },
    { "f0", OTA_CBOR_SIMPLE },
    { "f8ff", OTA_CBOR_SIMPLE },
    { "c074323031332d30332d32315432303a30343a30305a", OTA_CBOR_TAG },
    { "d74401020304", OTA_CBOR_TAG },
    { "d818456449455446", OTA_CBOR_TAG },
    { "40", OTA_CBOR_BYTES },
    { "4401020304", OTA_CBOR_BYTES },
    { "60", OTA_CBOR_TEXT },
    { "6449455446", OTA_CBOR_TEXT },
    { "62c3bc", OTA_CBOR_TEXT },
    { "64f0908591", OTA_CBOR_TEXT },
    { "80", OTA_CBOR_ARRAY },
    { "8301820203820405", OTA_CBOR_ARRAY },
    { "98190102030405060708090a0b0c0d0e0f101112131415161718181819", OTA_CBOR_ARRAY },
    { "a0", OTA_CBOR_MAP },
    { "a201020304", OTA_CBOR_MAP },
    { "a26161016162820203", OTA_CBOR_MAP },
    { "826161a161626163", OTA_CBOR_ARRAY },
    { "9fff", OTA_CBOR_ARRAY },
    { "9f018202039f0405ffff", OTA_CBOR_ARRAY },
    { "9f01820203820405ff", OTA_CBOR_ARRAY },
    { "83018202039f0405ff", OTA_CBOR_ARRAY },
    { "83019f0203ff820405", OTA_CBOR_ARRAY },
    { "bf61610161629f0203ffff", OTA_CBOR_MAP },
    { "826161bf61626163ff", OTA_CBOR_ARRAY },
    { "bf6346756ef563416d7421ff", OTA_CBOR_MAP },
    /* not in the appendix: forms that are longer than need be are well-formed */
    { "1800", OTA_CBOR_UINT },
    { "5b000000000000000101", OTA_CBOR_BYTES },
    { "c1c1c100", OTA_CBOR_TAG },
};

static void every_kind_of_item_is_told_and_skipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(items); i++) {
        const struct t_file bytes = hex(items[i].hex);
        struct ota_cbor c = ota_cbor(span(bytes));
        CHECK_ROW(items[i].hex, ota_cbor_peek(&c) == items[i].kind);
        ota_cbor_skip(&c);
        CHECK_ROW(items[i].hex, ota_cbor_end(&c) == OTA_OK);
        CHECK_ROW(items[i].hex, ota_cbor_peek(&c) == OTA_CBOR_NONE);
        free(bytes.ptr);
    }
}

static void every_prefix_of_an_item_is_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(items); i++) {
        const struct t_file whole = hex(items[i].hex);
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *prefix = t_exact(whole.ptr, len);
            CHECK_ROW(items[i].hex, skip_all((struct ota_span){ prefix, len }) == OTA_E_TRUNCATED);
            free(prefix);
        }
        free(whole.ptr);
    }
}

static const struct {
    const char *why, *hex;
    ota_err_t want;
} bad_items[] = {
    { "reserved number, first", "1c", OTA_E_MALFORMED },
    { "reserved number, last", "7e", OTA_E_MALFORMED },
    { "reserved simple", "fc", OTA_E_MALFORMED },
    { "indefinite number", "1f", OTA_E_MALFORMED },
    { "indefinite negative", "3f", OTA_E_MALFORMED },
    { "indefinite tag", "df00", OTA_E_MALFORMED },
    { "simple below 32 in two bytes", "f818", OTA_E_MALFORMED },
    { "last simple below 32 in two bytes", "f81f", OTA_E_MALFORMED },
    { "break alone", "ff", OTA_E_MALFORMED },
    { "break in a definite array", "81ff", OTA_E_MALFORMED },
    { "break in a definite map", "a1ff",
      OTA_E_TRUNCATED }, /* the pair cannot fit, before the break is seen */
    { "break for a value in a definite map", "a100ff", OTA_E_MALFORMED },
    { "break for a value in an indefinite map", "bf00ff", OTA_E_MALFORMED },
    { "break behind a tag", "9fc1ff", OTA_E_MALFORMED },
    { "break in a definite array in an indefinite one", "9f81ff", OTA_E_MALFORMED },
    { "indefinite bytes, which no service sends", "5f42010243030405ff", OTA_E_MALFORMED },
    { "indefinite text", "7f657374726561646d696e67ff", OTA_E_MALFORMED },
    { "left over", "0000", OTA_E_MALFORMED },
    { "2^64 - 1 bytes", "5bffffffffffffffff00", OTA_E_TRUNCATED },
    { "2^64 - 1 characters", "7bffffffffffffffff00", OTA_E_TRUNCATED },
    { "2^64 - 1 elements", "9bffffffffffffffff00", OTA_E_TRUNCATED },
    { "2^64 - 1 pairs", "bbffffffffffffffff0000", OTA_E_TRUNCATED },
    { "2^63 pairs, doubled 0", "bb80000000000000000000", OTA_E_TRUNCATED },
    { "2^63 + 1 pairs, doubled 2", "bb80000000000000010000", OTA_E_TRUNCATED },
    { "2^32 bytes", "5b000000010000000000", OTA_E_TRUNCATED },
    { "2^31 pairs, doubled 0 in 32 bits", "ba8000000000", OTA_E_TRUNCATED },
    { "2^32 - 1 bytes", "5affffffff00", OTA_E_TRUNCATED },
    { "one byte too many", "420a", OTA_E_TRUNCATED },
    { "one element too many", "8200", OTA_E_TRUNCATED },
    { "one pair too many", "a20000", OTA_E_TRUNCATED },
};

static void what_is_not_well_formed_is_refused_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_items); i++) {
        const struct t_file bytes = hex(bad_items[i].hex);
        CHECK_ROW(bad_items[i].why, skip_all(span(bytes)) == bad_items[i].want);
        free(bytes.ptr);
    }
}

/* `depth` containers in one another, each begun by `open`. */
static ota_err_t skip_nested(size_t depth, uint8_t open, const char *innermost, bool closed)
{
    uint8_t bytes[256];
    struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
    for (size_t i = 0; i < depth; i++) {
        ota_write_u8(&w, open);
        if (open == 0xa1) {
            ota_write_u8(&w, 0x00);
        }
    }
    ota_write_str(&w, innermost);
    for (size_t i = 0; closed && i < depth; i++) {
        ota_write_u8(&w, 0xff);
    }
    return skip_all(ota_writer_done(&w));
}

static void skipping_ends_at_the_limit_of_depth(void **state)
{
    (void)state;
    assert_int_equal(OTA_CBOR_DEPTH_MAX, 16);
    assert_int_equal(skip_nested(16, 0x81, "\x01", false), OTA_OK);
    assert_int_equal(skip_nested(17, 0x81, "\x01", false), OTA_E_DEPTH);
    assert_int_equal(skip_nested(16, 0xa1, "\x01", false), OTA_OK);
    assert_int_equal(skip_nested(17, 0xa1, "\x01", false), OTA_E_DEPTH);
    assert_int_equal(skip_nested(16, 0x9f, "", true), OTA_OK);
    assert_int_equal(skip_nested(17, 0x9f, "", true), OTA_E_DEPTH);
    assert_int_equal(skip_nested(15, 0x81, "\x80", false), OTA_OK);
    assert_int_equal(skip_nested(16, 0x81, "\x80", false), OTA_E_DEPTH); /* an empty one is one */
    assert_int_equal(skip_nested(200, 0xc1, "\x01", false), OTA_OK);     /* a tag is none */
}

/* --- typed reading ------------------------------------------------------------- */

static void numbers_are_read_in_every_width(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t want;
    } rows[] = {
        { "00", 0 },
        { "17", 23 },
        { "1818", 24 },
        { "18ff", 255 },
        { "190100", 256 },
        { "1903e8", 1000 },
        { "19ffff", 65535 },
        { "1a00010000", 65536 },
        { "1a000f4240", 1000000 },
        { "1affffffff", UINT32_MAX },
        { "1b0000000100000000", 4294967296 },
        { "1b000000e8d4a51000", 1000000000000 },
        { "1bffffffffffffffff", UINT64_MAX },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct t_file bytes = hex(rows[i].hex);
        struct ota_cbor c = ota_cbor(span(bytes));
        CHECK_ROW(rows[i].hex, ota_cbor_u64(&c) == rows[i].want);
        CHECK_ROW(rows[i].hex, ota_cbor_end(&c) == OTA_OK);
        uint8_t room[9];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        ota_cbor_put_u64(&w, rows[i].want);
        CHECK_ROW(rows[i].hex, ota_span_eq(ota_writer_done(&w), span(bytes)));
        free(bytes.ptr);
    }
}

static bool gives_nothing(struct ota_cbor *c, enum ota_cbor_kind asked)
{
    struct ota_cbor_map map = { 1 };
    switch (asked) {
    case OTA_CBOR_UINT: return ota_cbor_u64(c) == 0;
    case OTA_CBOR_BYTES: return ota_cbor_bytes(c).len == 0;
    case OTA_CBOR_TEXT: return ota_cbor_text(c).len == 0;
    case OTA_CBOR_ARRAY: map = ota_cbor_array(c); break;
    case OTA_CBOR_MAP: map = ota_cbor_map(c); break;
    case OTA_CBOR_NEGATIVE:
    case OTA_CBOR_TAG:
    case OTA_CBOR_SIMPLE:
    case OTA_CBOR_BREAK:
    case OTA_CBOR_NONE: fail();
    }
    return map.left == 0;
}

static void another_kind_gives_nothing_and_stays_a_failure(void **state)
{
    (void)state;
    static const enum ota_cbor_kind asked[] = { OTA_CBOR_UINT, OTA_CBOR_BYTES, OTA_CBOR_TEXT,
                                                OTA_CBOR_ARRAY, OTA_CBOR_MAP };
    static const char *const kinds[] = { "05",     "20",   "4101", "6161", "8101",
                                         "a10101", "c101", "f5",   "ff" };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        const struct t_file bytes = hex(kinds[i]);
        for (size_t k = 0; k < COUNT(asked); k++) {
            struct ota_cbor c = ota_cbor(span(bytes));
            if (ota_cbor_peek(&c) == asked[k]) {
                continue;
            }
            CHECK_ROW(kinds[i], gives_nothing(&c, asked[k]));
            for (size_t again = 0; again < COUNT(asked); again++) {
                CHECK_ROW(kinds[i], gives_nothing(&c, asked[again]));
            }
            CHECK_ROW(kinds[i], ota_cbor_peek(&c) == OTA_CBOR_NONE);
            ota_cbor_skip(&c);
            CHECK_ROW(kinds[i], ota_cbor_end(&c) == OTA_E_MALFORMED);
        }
        free(bytes.ptr);
    }
}

static void text_must_be_utf8(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "61ff", "62c0af", "63eda080", "64f4908080", "61c3", "62c361"
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct t_file bytes = hex(rows[i]);
        struct ota_cbor c = ota_cbor(span(bytes));
        CHECK_ROW(rows[i], ota_cbor_text(&c).len == 0);
        CHECK_ROW(rows[i], ota_cbor_end(&c) == OTA_E_MALFORMED);
        free(bytes.ptr);
    }
}

static void arrays_end_by_count_or_by_break(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        uint64_t sum;
        ota_err_t want;
    } rows[] = {
        { "80", 0, OTA_OK },
        { "83010203", 6, OTA_OK },
        { "9fff", 0, OTA_OK },
        { "9f010203ff", 6, OTA_OK },
        { "9f01", 1, OTA_E_TRUNCATED },
        { "9f01ffff", 1, OTA_E_MALFORMED },
        { "8101ff", 1, OTA_E_MALFORMED },
        { "9f0160", 1, OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct t_file bytes = hex(rows[i].hex);
        struct ota_cbor c = ota_cbor(span(bytes));
        struct ota_cbor_map array = ota_cbor_array(&c);
        uint64_t sum = 0;
        while (ota_cbor_next_element(&c, &array)) {
            sum += ota_cbor_u64(&c);
        }
        CHECK_ROW(rows[i].hex, sum == rows[i].sum);
        CHECK_ROW(rows[i].hex, !ota_cbor_next_element(&c, &array));
        CHECK_ROW(rows[i].hex, ota_cbor_end(&c) == rows[i].want);
        free(bytes.ptr);
    }
}

static void a_key_is_text_and_untouched_at_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        ota_err_t want;
    } rows[] = {
        { "a0", OTA_OK },
        { "bfff", OTA_OK },
        { "a10000", OTA_E_MALFORMED },
        { "a1416101", OTA_E_MALFORMED },
        { "a161ff01", OTA_E_MALFORMED },
        { "bf", OTA_E_TRUNCATED },
        { "bf61", OTA_E_TRUNCATED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct t_file bytes = hex(rows[i].hex);
        struct ota_cbor c = ota_cbor(span(bytes));
        struct ota_cbor_map map = ota_cbor_map(&c);
        struct ota_span key = OTA_SPAN_LIT("untouched");
        CHECK_ROW(rows[i].hex, !ota_cbor_next_key(&c, &map, &key));
        CHECK_ROW(rows[i].hex, !ota_cbor_next_key(&c, &map, &key));
        CHECK_ROW(rows[i].hex, ota_span_eq(key, OTA_SPAN_LIT("untouched")));
        CHECK_ROW(rows[i].hex, ota_cbor_end(&c) == rows[i].want);
        free(bytes.ptr);
    }
}

/* --- the service's messages ------------------------------------------------------ */

/* One reader for every message of streams, written as the header shows. */
struct seen {
    uint64_t f, i, l, o, n, s;
    struct ota_span c, p, b, code;
    unsigned files, other;
};

static void read_files(struct ota_cbor *c, struct seen *seen)
{
    struct ota_cbor_map array = ota_cbor_array(c);
    while (ota_cbor_next_element(c, &array)) {
        seen->files++;
        ota_cbor_skip(c);
    }
}

static ota_err_t read_message(struct ota_span in, struct seen *seen)
{
    *seen = (struct seen){ 0 };
    struct ota_cbor c = ota_cbor(in);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    while (ota_cbor_next_key(&c, &map, &key)) {
        const enum ota_cbor_kind kind = ota_cbor_peek(&c);
        if (ota_span_eq(key, OTA_SPAN_LIT("f"))) {
            seen->f = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("i"))) {
            seen->i = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("l"))) {
            seen->l = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("n"))) {
            seen->n = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("s"))) {
            seen->s = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("o")) && kind == OTA_CBOR_UINT) {
            seen->o = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("o"))) {
            seen->code = ota_cbor_text(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("c"))) {
            seen->c = ota_cbor_text(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("p"))) {
            seen->p = ota_cbor_bytes(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("b"))) {
            seen->b = ota_cbor_bytes(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("r"))) {
            read_files(&c, seen);
        } else {
            seen->other++;
            ota_cbor_skip(&c);
        }
    }
    return ota_cbor_end(&c);
}

static const char *const messages[] = {
    "cbor/get-agent-v3.hex", "cbor/get-agent-v1.hex", "cbor/get-modular.hex", "cbor/get-bitmap.hex",
    "cbor/data.hex",         "cbor/description.hex",  "cbor/rejected.hex",
};

static void the_services_messages_are_read(void **state)
{
    (void)state;
    struct seen seen[COUNT(messages)];
    struct t_file bytes[COUNT(messages)];
    for (size_t i = 0; i < COUNT(messages); i++) {
        bytes[i] = hex_vector(messages[i]);
        CHECK_ROW(messages[i], read_message(span(bytes[i]), &seen[i]) == OTA_OK);
    }
    assert_true(seen[0].l == 4096 && seen[0].n == 1 && seen[0].b.len == 20 &&
                seen[0].b.ptr[19] == 0x7f);
    assert_true(seen[1].l == 1024 && seen[1].n == 0 && ota_span_eq(seen[1].c, OTA_SPAN_LIT("rdy")));
    assert_true(seen[2].o == 7 && ota_span_eq(seen[2].b, OTA_SPAN_LIT("MQ==")));
    assert_true(seen[3].o == 20 && seen[3].n == 100 &&
                ota_span_eq(seen[3].b, OTA_SPAN_LIT("\x13\x00\x80")));
    assert_true(seen[4].i == 300 && seen[4].l == 8 && seen[4].p.len == 8 && seen[4].p.ptr[7] == 7);
    assert_true(seen[5].s == 1 && seen[5].files == 2 && seen[5].other == 1);
    assert_true(ota_span_eq(seen[6].code, OTA_SPAN_LIT("InvalidRequest")) && seen[6].other == 4);
    for (size_t i = 0; i < COUNT(messages); i++) {
        free(bytes[i].ptr);
    }
}

static void every_prefix_of_a_message_is_truncated(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(messages); i++) {
        const struct t_file whole = hex_vector(messages[i]);
        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *prefix = t_exact(whole.ptr, len);
            struct seen seen;
            CHECK_ROW(messages[i],
                      read_message((struct ota_span){ prefix, len }, &seen) == OTA_E_TRUNCATED);
            free(prefix);
        }
        free(whole.ptr);
    }
}

/* --- writing ---------------------------------------------------------------------- */

static void write_request(struct ota_writer *w)
{
    ota_cbor_put_map(w, 6);
    ota_cbor_put_text(w, OTA_SPAN_LIT("s"));
    ota_cbor_put_u64(w, 1);
    ota_cbor_put_text(w, OTA_SPAN_LIT("f"));
    ota_cbor_put_u64(w, 1);
    ota_cbor_put_text(w, OTA_SPAN_LIT("l"));
    ota_cbor_put_u64(w, 256);
    ota_cbor_put_text(w, OTA_SPAN_LIT("o"));
    ota_cbor_put_u64(w, 20);
    ota_cbor_put_text(w, OTA_SPAN_LIT("n"));
    ota_cbor_put_u64(w, 100);
    ota_cbor_put_text(w, OTA_SPAN_LIT("b"));
    ota_cbor_put_bytes(w, OTA_SPAN_LIT("\x13\x00\x80"));
}

static void a_request_is_written_as_the_guide_shows_it(void **state)
{
    (void)state;
    const struct t_file want = hex_vector("cbor/get-bitmap.hex");
    for (size_t cap = 0; cap <= want.len; cap++) {
        uint8_t *room = t_exact(want.ptr, cap);
        memset(room, 0, cap);
        struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
        write_request(&w);
        const struct ota_span done = ota_writer_done(&w);
        assert_true(cap == want.len ? ota_span_eq(done, span(want)) : done.len == 0);
        free(room);
    }
    free(want.ptr);
}

static void containers_and_strings_are_written_in_the_shortest_form(void **state)
{
    (void)state;
    uint8_t room[64];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_cbor_put_array(&w, 2);
    ota_cbor_put_bytes(&w, OTA_SPAN_NONE);
    ota_cbor_put_text(&w, OTA_SPAN_LIT("aaaaaaaaaaaaaaaaaaaaaaaa"));
    ota_cbor_put_map(&w, 65536);
    const struct t_file want =
        hex("82 40 7818 616161616161616161616161616161616161616161616161 ba00010000");
    assert_true(ota_span_eq(ota_writer_done(&w), span(want)));
    free(want.ptr);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_item_is_told_and_skipped),
        cmocka_unit_test(every_prefix_of_an_item_is_truncated),
        cmocka_unit_test(what_is_not_well_formed_is_refused_by_its_name),
        cmocka_unit_test(skipping_ends_at_the_limit_of_depth),
        cmocka_unit_test(numbers_are_read_in_every_width),
        cmocka_unit_test(another_kind_gives_nothing_and_stays_a_failure),
        cmocka_unit_test(text_must_be_utf8),
        cmocka_unit_test(arrays_end_by_count_or_by_break),
        cmocka_unit_test(a_key_is_text_and_untouched_at_the_end),
        cmocka_unit_test(the_services_messages_are_read),
        cmocka_unit_test(every_prefix_of_a_message_is_truncated),
        cmocka_unit_test(a_request_is_written_as_the_guide_shows_it),
        cmocka_unit_test(containers_and_strings_are_written_in_the_shortest_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
