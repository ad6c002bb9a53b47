/* Ground: spans, cursors, the error list, the checksum. */
#include "t.h"

#include "ota/crc.h"
#include "ota/cursor.h"
#include "ota/err.h"

/* --- spans ----------------------------------------------------------------- */

static void empty_spans_are_equal_with_or_without_a_pointer(void **state)
{
    (void)state;
    assert_true(ota_span_eq(OTA_SPAN_NONE, OTA_SPAN_LIT("")));
    assert_true(ota_span_eq(ota_span_of_str(NULL), ota_span_of_str("")));
}

static void spans_differ_by_length_and_by_any_byte(void **state)
{
    (void)state;
    assert_true(ota_span_eq(OTA_SPAN_LIT("job\0x"), OTA_SPAN_LIT("job\0x")));
    assert_false(ota_span_eq(OTA_SPAN_LIT("job"), OTA_SPAN_LIT("jobs")));
    assert_false(ota_span_eq(OTA_SPAN_LIT("job\0x"), OTA_SPAN_LIT("job\0y")));
    assert_false(ota_span_eq(OTA_SPAN_NONE, OTA_SPAN_LIT("x")));
}

/* --- reading --------------------------------------------------------------- */

static const uint8_t eight[] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };

static void numbers_are_read_in_both_orders(void **state)
{
    (void)state;
    struct ota_reader r[7];
    for (size_t i = 0; i < COUNT(r); i++) {
        r[i] = ota_reader(OTA_SPAN_OF(eight));
    }
    assert_int_equal(ota_read_u8(&r[0]), 0x01);
    assert_int_equal(ota_read_u16le(&r[1]), 0x2301);
    assert_int_equal(ota_read_be(&r[2], 2), 0x0123);
    assert_int_equal(ota_read_u32le(&r[3]), 0x67452301);
    assert_int_equal(ota_read_be(&r[4], 4), 0x01234567);
    assert_true(ota_read_u64le(&r[5]) == 0xefcdab8967452301u);
    assert_true(ota_read_be(&r[6], 8) == 0x0123456789abcdefu);
    static const size_t left[] = { 7, 6, 6, 4, 4, 0, 0 };
    for (size_t i = 0; i < COUNT(r); i++) {
        assert_false(r[i].bad);
        assert_int_equal(ota_reader_left(&r[i]), left[i]);
    }
}

static void a_reader_stays_bad_after_the_first_read_past_the_end(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof eight; len++) {
        uint8_t *copy = t_exact(eight, len);
        struct ota_reader r = ota_reader((struct ota_span){ copy, len });
        assert_true(ota_read_u64le(&r) == 0);
        assert_true(r.bad);
        assert_int_equal(ota_reader_left(&r), 0);
        assert_int_equal(ota_read_u8(&r), 0);
        assert_int_equal(ota_read_bytes(&r, 0).len, 0);
        assert_true(r.bad);
        free(copy);
    }
}

static void bytes_are_borrowed_from_the_input(void **state)
{
    (void)state;
    struct ota_reader r = ota_reader(OTA_SPAN_OF(eight));
    (void)ota_read_u8(&r);
    const struct ota_span got = ota_read_bytes(&r, 7);
    assert_ptr_equal(got.ptr, &eight[1]);
    assert_int_equal(got.len, 7);
    assert_int_equal(ota_read_bytes(&r, 0).len, 0);
    assert_false(r.bad);
}

static void a_huge_length_does_not_wrap(void **state)
{
    (void)state;
    struct ota_reader r = ota_reader(OTA_SPAN_OF(eight));
    (void)ota_read_u8(&r);
    assert_int_equal(ota_read_bytes(&r, SIZE_MAX).len, 0);
    assert_true(r.bad);
}

static void nothing_is_a_valid_input(void **state)
{
    (void)state;
    struct ota_reader r = ota_reader(OTA_SPAN_NONE);
    assert_int_equal(ota_reader_left(&r), 0);
    assert_int_equal(ota_read_bytes(&r, 0).len, 0);
    assert_false(r.bad);
    assert_int_equal(ota_read_u8(&r), 0);
    assert_true(r.bad);
}

/* --- writing --------------------------------------------------------------- */

static void write_all_widths(struct ota_writer *w)
{
    ota_write_u8(w, 0xa1);
    ota_write_u16le(w, 0x0123);
    ota_write_be(w, 2, 0x0123);
    ota_write_u32le(w, 0x01234567);
    ota_write_be(w, 4, 0x01234567);
    ota_write_u64le(w, 0x0123456789abcdef);
    ota_write_be(w, 8, 0x0123456789abcdef);
    ota_write_str(w, "ok");
}

static const uint8_t all_widths[] = {
    0xa1, 0x23, 0x01, 0x01, 0x23, 0x67, 0x45, 0x23, 0x01, 0x01, 0x23, 0x45, 0x67, 0xef, 0xcd, 0xab,
    0x89, 0x67, 0x45, 0x23, 0x01, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 'o',  'k',
};

static void numbers_are_written_in_both_orders(void **state)
{
    (void)state;
    uint8_t room[sizeof all_widths];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    write_all_widths(&w);
    assert_true(ota_span_eq(ota_writer_done(&w), OTA_SPAN_OF(all_widths)));
}

static void a_writer_with_too_little_room_gives_nothing(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < sizeof all_widths; cap++) {
        uint8_t *room = t_exact(all_widths, cap);
        struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
        write_all_widths(&w);
        assert_true(w.bad);
        assert_int_equal(ota_writer_done(&w).len, 0);
        free(room);
    }
}

static void bytes_are_written_wholly_or_not_at_all(void **state)
{
    (void)state;
    uint8_t room[4] = { 9, 9, 9, 9 };
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_write_u8(&w, 1);
    ota_write_bytes(&w, OTA_SPAN_LIT("four"));
    ota_write_u8(&w, 2); /* would fit, but comes after the failure */
    static const uint8_t want[] = { 1, 9, 9, 9 };
    assert_true(w.bad);
    assert_memory_equal(room, want, sizeof want);
}

static void writing_nothing_into_no_room_is_fine(void **state)
{
    (void)state;
    struct ota_writer w = ota_writer((struct ota_buf){ NULL, 0 });
    ota_write_bytes(&w, OTA_SPAN_NONE);
    ota_write_str(&w, "");
    assert_false(w.bad);
    assert_int_equal(ota_writer_done(&w).len, 0);
    ota_write_u8(&w, 0);
    assert_true(w.bad);
}

static void decimals_are_what_the_c_library_prints(void **state)
{
    (void)state;
    static const uint64_t edges[] = {
        0,      1,          9,          10,        65535,      65536,         655359,
        655360, UINT32_MAX, 1ull << 32, INT64_MAX, UINT64_MAX, UINT64_MAX - 1
    };
    uint32_t seed = 0x5eed0001;
    for (size_t i = 0; i < COUNT(edges) + 2000; i++) {
        uint64_t value = i < COUNT(edges) ? edges[i] : 0;
        if (i >= COUNT(edges)) {
            value = ((uint64_t)t_random(&seed) << 32 | t_random(&seed)) >> (t_random(&seed) % 64);
        }
        char want[24];
        snprintf(want, sizeof want, "%llu", (unsigned long long)value);
        uint8_t room[20];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        ota_write_decimal(&w, value);
        CHECK_ROW(want, ota_span_eq(ota_writer_done(&w), ota_span_of_str(want)));
    }
}

static void hexadecimals_have_exactly_the_digits_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t value;
        unsigned digits;
        const char *want;
    } rows[] = {
        { "one digit", 0xf, 1, "f" },
        { "padded", 0xa9, 4, "00a9" },
        { "higher digits are cut off", 0x1234, 2, "34" },
        { "all eight", 0x89abcdef, 8, "89abcdef" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t room[8];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        ota_write_hex(&w, rows[i].value, rows[i].digits);
        CHECK_ROW(rows[i].why, ota_span_eq(ota_writer_done(&w), ota_span_of_str(rows[i].want)));
    }
}

/* --- errors ---------------------------------------------------------------- */

static void every_error_has_its_name_its_text_and_a_number_of_its_own(void **state)
{
    (void)state;
    static const struct {
        ota_err_t err;
        const char *name;
    } rows[] = {
#define X(name, value, class, text) { OTA_E_##name, "OTA_E_" #name },
        { OTA_OK, "OTA_OK" }, OTA_ERRORS(X)
#undef X
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_string_equal(ota_err_name(rows[i].err), rows[i].name);
        assert_string_equal(ota_err_word(rows[i].err),
                            rows[i].name + strlen(i == 0 ? "OTA_" : "OTA_E_"));
        assert_true(strlen(ota_err_text(rows[i].err)) > 0);
        for (size_t k = 0; k < i; k++) {
            CHECK_ROW(rows[i].name, rows[i].err != rows[k].err);
            CHECK_ROW(rows[i].name,
                      strcmp(ota_err_text(rows[i].err), ota_err_text(rows[k].err)) != 0);
        }
    }
}

static void the_class_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        ota_err_t err;
        enum ota_err_class want;
    } rows[] = {
        { OTA_OK, OTA_CLASS_NONE },          { OTA_E_TIMEOUT, OTA_CLASS_RETRY },
        { OTA_E_MALFORMED, OTA_CLASS_PEER }, { OTA_E_IMAGE_DIGEST, OTA_CLASS_IMAGE },
        { OTA_E_FLASH, OTA_CLASS_DEVICE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(ota_err_name(rows[i].err), ota_err_class(rows[i].err) == rows[i].want);
    }
}

static void every_error_has_the_class_that_its_list_gives_it(void **state)
{
    (void)state;
#define X(name, value, class, text)                                                                \
    assert_int_equal(ota_err_class((ota_err_t)(value)), OTA_CLASS_##class);
    OTA_ERRORS(X)
#undef X
}

static void a_number_outside_the_list_stops_the_device(void **state)
{
    (void)state;
    static const int strange[] = { 1, -3, -99, INT32_MAX, INT32_MIN };
    for (size_t i = 0; i < COUNT(strange); i++) {
        const ota_err_t err = (ota_err_t)strange[i];
        assert_int_equal(ota_err_class(err), OTA_CLASS_DEVICE);
        assert_string_equal(ota_err_name(err), "OTA_E_?");
        assert_string_equal(ota_err_word(err), "?");
        assert_true(strlen(ota_err_text(err)) > 0);
    }
}

/* --- checksum -------------------------------------------------------------- */

static void crc_gives_the_published_check_values(void **state)
{
    (void)state;
    /* Catalogue of parametrised CRC algorithms: CRC-32/ISO-HDLC, check 0xcbf43926. */
    assert_int_equal(ota_crc32(0, OTA_SPAN_LIT("123456789")), 0xcbf43926);
    assert_int_equal(ota_crc32(0, OTA_SPAN_NONE), 0);
    /* Ethernet, 32 bytes of 0x00 and of 0xff. */
    uint8_t bytes[32] = { 0 };
    assert_int_equal(ota_crc32(0, OTA_SPAN_OF(bytes)), 0x190a55ad);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(ota_crc32(0, OTA_SPAN_OF(bytes)), 0xff6cab0b);
}

static void crc_in_pieces_is_crc_at_once(void **state)
{
    (void)state;
    const struct ota_span whole = OTA_SPAN_LIT("123456789");
    for (size_t cut = 0; cut <= whole.len; cut++) {
        uint32_t crc = ota_crc32(0, (struct ota_span){ whole.ptr, cut });
        crc = ota_crc32(crc, (struct ota_span){ whole.ptr + cut, whole.len - cut });
        assert_int_equal(crc, 0xcbf43926);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_spans_are_equal_with_or_without_a_pointer),
        cmocka_unit_test(spans_differ_by_length_and_by_any_byte),
        cmocka_unit_test(numbers_are_read_in_both_orders),
        cmocka_unit_test(a_reader_stays_bad_after_the_first_read_past_the_end),
        cmocka_unit_test(bytes_are_borrowed_from_the_input),
        cmocka_unit_test(a_huge_length_does_not_wrap),
        cmocka_unit_test(nothing_is_a_valid_input),
        cmocka_unit_test(numbers_are_written_in_both_orders),
        cmocka_unit_test(a_writer_with_too_little_room_gives_nothing),
        cmocka_unit_test(bytes_are_written_wholly_or_not_at_all),
        cmocka_unit_test(writing_nothing_into_no_room_is_fine),
        cmocka_unit_test(decimals_are_what_the_c_library_prints),
        cmocka_unit_test(hexadecimals_have_exactly_the_digits_asked_for),
        cmocka_unit_test(every_error_has_its_name_its_text_and_a_number_of_its_own),
        cmocka_unit_test(the_class_says_what_to_do),
        cmocka_unit_test(every_error_has_the_class_that_its_list_gives_it),
        cmocka_unit_test(a_number_outside_the_list_stops_the_device),
        cmocka_unit_test(crc_gives_the_published_check_values),
        cmocka_unit_test(crc_in_pieces_is_crc_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
