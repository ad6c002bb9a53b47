/* Base64, strict where a signature could be written in two ways, lenient where signers differ. */
#include "vectors.h"

#include "ota/base64.h"

static const uint8_t nothing[1];
static const struct ota_span untouched = { nothing, 1 };

/* RFC 4648, section 10. */
static const struct {
    const char *bytes, *text;
} pairs[] = {
    { "", "" },
    { "f", "Zg==" },
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
};

static void the_rfcs_pairs_hold_in_both_directions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const struct ota_span bytes = ota_span_of_str(pairs[i].bytes);
        const struct ota_span text = ota_span_of_str(pairs[i].text);
        uint8_t room[8];
        struct ota_span got;
        assert_int_equal(ota_base64_decode(text, OTA_BUF_OF(room), &got), OTA_OK);
        CHECK_ROW(pairs[i].text, ota_span_eq(got, bytes));

        assert_int_equal(OTA_BASE64_SIZE(bytes.len), text.len);
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        ota_base64_write(&w, bytes);
        CHECK_ROW(pairs[i].text, ota_span_eq(ota_writer_done(&w), text));
    }
}

static void every_digit_has_its_place(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t room[48];
    struct ota_span got;
    assert_int_equal(ota_base64_decode(OTA_SPAN_LIT(digits), OTA_BUF_OF(room), &got), OTA_OK);
    for (uint32_t i = 0; i < 64; i++) { /* digit i means i */
        const uint32_t bit = i * 6;
        const uint32_t two =
            (uint32_t)got.ptr[bit / 8] << 8 | (bit / 8 + 1 < 48 ? got.ptr[bit / 8 + 1] : 0u);
        assert_int_equal(two >> (10 - bit % 8) & 63u, i);
    }
    uint8_t text[64];
    struct ota_writer w = ota_writer(OTA_BUF_OF(text));
    ota_base64_write(&w, got);
    assert_true(ota_span_eq(ota_writer_done(&w), OTA_SPAN_LIT(digits)));
}

static void all_other_characters_are_refused(void **state)
{
    (void)state;
    size_t refused = 0;
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t text[4] = { 'Z', (uint8_t)c, '9', 'v' };
        uint8_t room[3];
        struct ota_span got = untouched;
        const ota_err_t err = ota_base64_decode(OTA_SPAN_OF(text), OTA_BUF_OF(room), &got);
        refused += err == OTA_E_MALFORMED;
        assert_true(err == OTA_OK || got.ptr == untouched.ptr);
    }
    /* 64 digits are right; CR and LF leave three digits, whose last has bits behind the byte ('v'). */
    assert_int_equal(refused, 256 - 64);
}

static const struct {
    const char *why, *text;
    ota_err_t want;
    const char *bytes;
} rows[] = {
    { "CRLF", "Zm9v\r\nYmFy", OTA_OK, "foobar" },
    { "LF", "Zm9v\nYmFy", OTA_OK, "foobar" },
    { "line end in a group", "Zm\r\n9vY\nmFy", OTA_OK, "foobar" },
    { "line ends around", "\r\nZm9v\r\n", OTA_OK, "foo" },
    { "line end before and in the padding", "Zg\r\n=\n=\r\n", OTA_OK, "f" },
    { "line ends only", "\r\n\r\n", OTA_OK, "" },
    { "padding of two missing", "Zg", OTA_OK, "f" },
    { "one of two missing", "Zg=", OTA_OK, "f" },
    { "padding of one missing", "Zm8", OTA_OK, "fo" },
    { "blank", "Zm9v YmFy", OTA_E_MALFORMED, NULL },
    { "tab", "Zm9v\tYmFy", OTA_E_MALFORMED, NULL },
    { "other alphabet", "Zm9-", OTA_E_MALFORMED, NULL },
    { "other alphabet, second", "Zm9_", OTA_E_MALFORMED, NULL },
    { "padding alone", "=", OTA_E_MALFORMED, NULL },
    { "padding alone, four", "====", OTA_E_MALFORMED, NULL },
    { "padding of a full group", "Zm9v=", OTA_E_MALFORMED, NULL },
    { "a whole group of padding", "Zm9v====", OTA_E_MALFORMED, NULL },
    { "two for one", "Zm8==", OTA_E_MALFORMED, NULL },
    { "three for two", "Zg===", OTA_E_MALFORMED, NULL },
    { "digits behind the padding", "Zg==Zg==", OTA_E_MALFORMED, NULL },
    { "digit behind the padding", "Zg=Z", OTA_E_MALFORMED, NULL },
    { "padding before the last digit", "Zm=8", OTA_E_MALFORMED, NULL },
    { "one digit", "Z", OTA_E_MALFORMED, NULL },
    { "one digit, padded", "Z===", OTA_E_MALFORMED, NULL },
    { "one digit that is zero", "A", OTA_E_MALFORMED, NULL },
    { "one digit behind a group", "Zm9vY", OTA_E_MALFORMED, NULL },
    { "lowest bit behind one byte", "Zh==", OTA_E_MALFORMED, NULL },
    { "highest bit behind one byte", "Zo==", OTA_E_MALFORMED, NULL },
    { "bit behind one byte, no padding", "Zh", OTA_E_MALFORMED, NULL },
    { "lowest bit behind two bytes", "Zm9=", OTA_E_MALFORMED, NULL },
    { "highest bit behind two bytes", "Zm+=", OTA_E_MALFORMED, NULL },
    { "wrong and too large", "Zm9vYmFyZm9vYmFy!", OTA_E_MALFORMED, NULL },
    { "right and too large", "Zm9vYmFyZm9vYmFy", OTA_E_TOO_LARGE, NULL },
};

static void signers_may_break_lines_but_not_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].text);
        uint8_t *text = t_exact(rows[i].text, len);
        uint8_t room[8];
        struct ota_span got = untouched;
        const ota_err_t err =
            ota_base64_decode((struct ota_span){ text, len }, OTA_BUF_OF(room), &got);
        CHECK_ROW(rows[i].why, err == rows[i].want);
        CHECK_ROW(rows[i].why,
                  ota_span_eq(got, err == OTA_OK ? ota_span_of_str(rows[i].bytes) : untouched));
        free(text);
    }
}

static void exactly_its_room_is_enough_and_one_less_is_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const size_t need = strlen(pairs[i].bytes);
        for (size_t cap = 0; cap <= need; cap++) {
            uint8_t *room = t_exact(pairs[i].bytes, cap);
            struct ota_span got = untouched;
            const ota_err_t err = ota_base64_decode(ota_span_of_str(pairs[i].text),
                                                    (struct ota_buf){ room, cap }, &got);
            CHECK_ROW(pairs[i].text, err == (cap < need ? OTA_E_TOO_LARGE : OTA_OK));
            CHECK_ROW(pairs[i].text, err == OTA_OK || got.ptr == untouched.ptr);
            free(room);
        }
    }
}

static void decoding_in_place_gives_the_same(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        { "base64/signature-lf.txt", "base64/signature.der" },
        { "base64/rsa3072-crlf.txt", "base64/rsa3072.bin" },
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct t_file text = t_vector(names[i][0]), want = t_vector(names[i][1]);
        const struct ota_span wanted = { want.ptr, want.len };
        uint8_t *room = t_exact(want.ptr, want.len);
        memset(room, 0, want.len);
        struct ota_span got;
        assert_int_equal(ota_base64_decode((struct ota_span){ text.ptr, text.len },
                                           (struct ota_buf){ room, want.len }, &got),
                         OTA_OK);
        CHECK_ROW(names[i][0], ota_span_eq(got, wanted));
        assert_int_equal(ota_base64_decode((struct ota_span){ text.ptr, text.len },
                                           (struct ota_buf){ text.ptr, text.len }, &got),
                         OTA_OK);
        CHECK_ROW(names[i][0], ota_span_eq(got, wanted) && got.ptr == text.ptr);
        free(room);
        free(text.ptr);
        free(want.ptr);
    }
}

static void what_is_written_is_read_back_whatever_its_length(void **state)
{
    (void)state;
    uint32_t seed = 0x5eed0005;
    print_message("seed %08x\n", (unsigned)seed);
    for (size_t len = 0; len < 200; len++) {
        uint8_t bytes[200], text[OTA_BASE64_SIZE(200)];
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)t_random(&seed);
        }
        struct ota_writer w = ota_writer((struct ota_buf){ text, OTA_BASE64_SIZE(len) });
        ota_base64_write(&w, (struct ota_span){ bytes, len });
        const struct ota_span written = ota_writer_done(&w);
        assert_int_equal(written.len, OTA_BASE64_SIZE(len));
        struct ota_span got;
        assert_int_equal(ota_base64_decode(written, OTA_BUF_OF(text), &got), OTA_OK);
        assert_true(ota_span_eq(got, (struct ota_span){ bytes, len }));
    }
}

/* What is accepted is, without line ends and padding, the one text that is written for its bytes. */
static void mutations_are_refused_or_mean_exactly_their_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "AZaz09+/gh=\r\n-_ .";
    uint32_t seed = 0x5eed0006;
    print_message("seed %08x\n", (unsigned)seed);
    size_t accepted = 0;
    for (unsigned round = 0; round < 20000; round++) {
        const size_t len = t_random(&seed) % 12;
        uint8_t text[12], plain[16], again[16], room[9];
        size_t plain_len = 0;
        for (size_t i = 0; i < len; i++) {
            text[i] = (uint8_t)
                alphabet[t_random(&seed) % (t_random(&seed) % 4 > 0 ? 8 : COUNT(alphabet) - 1)];
            if (strchr("=\r\n", text[i]) == NULL) {
                plain[plain_len++] = text[i];
            }
        }
        struct ota_span got;
        if (ota_base64_decode((struct ota_span){ text, len }, OTA_BUF_OF(room), &got) != OTA_OK) {
            continue;
        }
        accepted++;
        while (plain_len % 4 != 0) {
            plain[plain_len++] = '=';
        }
        struct ota_writer w = ota_writer(OTA_BUF_OF(again));
        ota_base64_write(&w, got);
        assert_true(ota_span_eq(ota_writer_done(&w), (struct ota_span){ plain, plain_len }));
    }
    assert_true(accepted > 1000);
}

static void writing_with_too_little_room_gives_nothing(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 8; cap++) {
        uint8_t *room = t_exact("Zm9vYmE=", cap);
        struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
        ota_base64_write(&w, OTA_SPAN_LIT("fooba"));
        assert_true(w.bad);
        assert_int_equal(ota_writer_done(&w).len, 0);
        free(room);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_pairs_hold_in_both_directions),
        cmocka_unit_test(every_digit_has_its_place),
        cmocka_unit_test(all_other_characters_are_refused),
        cmocka_unit_test(signers_may_break_lines_but_not_rules),
        cmocka_unit_test(exactly_its_room_is_enough_and_one_less_is_not),
        cmocka_unit_test(decoding_in_place_gives_the_same),
        cmocka_unit_test(what_is_written_is_read_back_whatever_its_length),
        cmocka_unit_test(mutations_are_refused_or_mean_exactly_their_bytes),
        cmocka_unit_test(writing_with_too_little_room_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
