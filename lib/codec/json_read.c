#include "ota/assert.h"
#include "ota/base64.h"
#include "ota/json.h"
#include "utf8.h"

/* --- characters ------------------------------------------------------------ */

/* The next byte without taking it; 0, which is nowhere legal, at the end. */
static uint8_t peek(const struct ota_reader *r)
{
    return r->at < r->end ? *r->at : 0;
}

/* Take one byte, if it is either of two. */
static bool take(struct ota_reader *r, uint32_t c, uint32_t or)
{
    const uint8_t next = peek(r);
    if (next != c && next != or) {
        return false;
    }
    r->at++;
    return true;
}

static bool is_digit(uint32_t c)
{
    return c - '0' < 10;
}

/* A hexadecimal digit's value, or one above 15. */
static uint32_t hex_value(uint32_t c)
{
    const uint32_t letter = (c | 0x20u) - 'a';
    return is_digit(c) ? c - '0' : letter < 6 ? letter + 10u : 16u;
}

static uint32_t read_hex4(struct ota_reader *r)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t digit = hex_value(ota_utf8_byte(r));
        if (digit > 15) {
            return OTA_UTF8_INVALID;
        }
        value = value << 4 | digit;
    }
    return value;
}

/* Behind the backslash: the character that is meant. */
static uint32_t read_escape(struct ota_reader *r)
{
    static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";

    const uint8_t c = ota_utf8_byte(r);
    if (c != 'u') {
        const char *pair = pairs;
        while (*pair != '\0' && (uint8_t)*pair != c) {
            pair += 2;
        }
        return *pair == '\0' ? OTA_UTF8_INVALID : (uint8_t)pair[1];
    }
    const uint32_t high = read_hex4(r);
    if (high >> 11 != 0xd800u >> 11) {
        return high;
    }
    /* The first half of a pair; its second half must follow at once. */
    if (high >= 0xdc00 || ota_utf8_byte(r) != '\\' || ota_utf8_byte(r) != 'u') {
        return OTA_UTF8_INVALID;
    }
    const uint32_t low = read_hex4(r);
    if (low >> 10 != 0xdc00u >> 10) {
        return OTA_UTF8_INVALID;
    }
    return 0x10000u + ((high & 0x3ffu) << 10 | (low & 0x3ffu));
}

/* Behind the last character of a string. */
#define END (OTA_UTF8_INVALID - 1u)

/* One character of a string, its escape decoded; END for the quote that closes it. */
static uint32_t read_char(struct ota_reader *r)
{
    const uint32_t c = ota_utf8_read(r);
    if (c == '"') {
        return END;
    }
    if (c < 0x20) {
        return OTA_UTF8_INVALID;
    }
    return c == '\\' ? read_escape(r) : c;
}

/* --- taking a value --------------------------------------------------------- */

/*
 * Text that was checked before goes the same way again: to check a value is to find its end. What
 * is wrong is remembered in the cursor, which then stands at the end, so that each piece is taken
 * as if the ones before it had been right.
 */

static void fail(struct ota_json_walk *w)
{
    if (w->err == OTA_OK) {
        w->err = w->r.bad ? OTA_E_TRUNCATED : OTA_E_MALFORMED;
    }
    w->r.at = w->r.end;
}

/* The first byte behind the blanks, not taken. */
static uint8_t skip_blanks(struct ota_json_walk *w)
{
    while (take(&w->r, ' ', '\t') || take(&w->r, '\n', '\r')) {
    }
    return peek(&w->r);
}

static void expect(struct ota_json_walk *w, uint32_t c)
{
    if (ota_utf8_byte(&w->r) != c) {
        fail(w);
    }
}

static void take_string(struct ota_json_walk *w)
{
    expect(w, '"');
    uint32_t c;
    do {
        c = read_char(&w->r);
    } while (c < END);
    if (c != END) {
        fail(w);
    }
}

static void take_digits(struct ota_json_walk *w)
{
    do {
        if (!is_digit(ota_utf8_byte(&w->r))) {
            fail(w);
        }
    } while (is_digit(peek(&w->r)));
}

static void take_number(struct ota_json_walk *w)
{
    (void)take(&w->r, '-', '-');
    if (!take(&w->r, '0', '0')) {
        take_digits(w);
    }
    if (take(&w->r, '.', '.')) {
        take_digits(w);
    }
    if (take(&w->r, 'e', 'E')) {
        (void)take(&w->r, '-', '+');
        take_digits(w);
    }
}

static void take_word(struct ota_json_walk *w, const char *word)
{
    for (; *word != '\0'; word++) {
        expect(w, (uint8_t)*word);
    }
}

static void take_scalar(struct ota_json_walk *w, uint8_t first)
{
    switch (first) {
    case '"': take_string(w); break;
    case 't': take_word(w, "true"); break;
    case 'f': take_word(w, "false"); break;
    case 'n': take_word(w, "null"); break;
    default: take_number(w); break;
    }
}

static void take_key(struct ota_json_walk *w)
{
    (void)skip_blanks(w);
    take_string(w);
    (void)skip_blanks(w);
    expect(w, ':');
}

/* One value, and the blanks around it. */
static void take_value(struct ota_json_walk *w, struct ota_json *value)
{
    /* A bit for each open container, 1 for an object; the last is the innermost. */
    uint32_t objects = 0;
    unsigned depth = 0;
    _Static_assert(OTA_JSON_DEPTH_MAX <= 32, "one bit a level");
    uint8_t c = skip_blanks(w);
    const uint8_t *const begin = w->r.at;
    for (;;) {
        bool just_opened = c == '{' || c == '[';
        if (!just_opened) {
            take_scalar(w, c);
        } else if (depth < OTA_JSON_DEPTH_MAX) {
            objects = objects << 1 | (c == '{');
            depth++;
            w->r.at++;
        } else {
            w->err = OTA_E_DEPTH;
        }
        while (depth > 0 && skip_blanks(w) == ((objects & 1u) != 0 ? '}' : ']')) {
            objects >>= 1;
            depth--;
            w->r.at++;
            just_opened = false;
        }
        if (depth == 0 || w->err != OTA_OK) {
            break;
        }
        if (!just_opened) {
            expect(w, ',');
        }
        if ((objects & 1u) != 0) {
            take_key(w);
        }
        c = skip_blanks(w);
    }
    if (w->err == OTA_OK) {
        value->text = (struct ota_span){ begin, (size_t)(w->r.at - begin) };
        (void)skip_blanks(w);
    }
}

ota_err_t ota_json_parse(struct ota_span text, struct ota_json *value)
{
    struct ota_json_walk w = { ota_reader(text), OTA_OK };
    struct ota_json found;
    take_value(&w, &found);
    if (ota_reader_left(&w.r) > 0) {
        fail(&w);
    }
    if (w.err == OTA_OK) {
        *value = found;
    }
    return w.err;
}

/* --- walking over checked text --------------------------------------------- */

enum ota_json_kind ota_json_kind(const struct ota_json *value)
{
    if (value->text.len == 0) {
        return OTA_JSON_ABSENT;
    }
    const uint8_t c = value->text.ptr[0];
    return c == '-' || is_digit(c) ? OTA_JSON_NUMBER : (enum ota_json_kind)c;
}

struct ota_json_walk ota_json_walk(const struct ota_json *container)
{
    struct ota_json_walk w;
    w.r = ota_reader(container->text);
    w.err = take(&w.r, '{', '[') ? OTA_OK : OTA_E_NOT_FOUND;
    return w;
}

/* Where the last one ends is a closing bracket, which is no value: all that can be wrong with a checked text. */
bool ota_json_next(struct ota_json_walk *w, struct ota_json *key, struct ota_json *value)
{
    (void)take(&w->r, ',', ',');
    take_value(w, value);
    if (w->err == OTA_OK && take(&w->r, ':', ':')) {
        if (key != NULL) {
            *key = *value;
        }
        take_value(w, value);
    }
    return w->err == OTA_OK;
}

/* --- values ----------------------------------------------------------------- */

/* A cursor over the characters of a string; false, and it stands at the value's first one, if it is none. */
static bool enter_string(const struct ota_json *value, struct ota_reader *r)
{
    r->at = r->end = value->text.ptr;
    r->bad = false;
    if (value->text.len > 0) { /* C has no sum of a null pointer and zero */
        r->end += value->text.len;
    }
    return take(r, '"', '"');
}

bool ota_json_is(const struct ota_json *value, struct ota_span text)
{
    struct ota_reader have, want = ota_reader(text);
    if (!enter_string(value, &have)) {
        return false;
    }
    uint32_t c;
    while ((c = read_char(&have)) < END) {
        if (c != ota_utf8_read(&want)) {
            return false;
        }
    }
    return ota_reader_left(&want) == 0;
}

ota_err_t ota_json_string(const struct ota_json *value, struct ota_buf out,
                          struct ota_span *decoded)
{
    struct ota_reader r;
    struct ota_writer w = ota_writer(out);
    if (!enter_string(value, &r)) {
        return OTA_E_MALFORMED;
    }
    uint32_t c;
    while ((c = read_char(&r)) < END) {
        ota_utf8_write(&w, c);
    }
    if (w.bad) {
        return OTA_E_TOO_LARGE;
    }
    *decoded = ota_writer_done(&w);
    return OTA_OK;
}

ota_err_t ota_json_base64(const struct ota_json *value, struct ota_buf out,
                          struct ota_span *decoded)
{
    struct ota_reader r;
    struct ota_base64 d = ota_base64(out);
    if (!enter_string(value, &r)) {
        return OTA_E_MALFORMED;
    }
    uint32_t c;
    while ((c = read_char(&r)) < END) {
        ota_base64_put(&d, c);
    }
    return ota_base64_end(&d, decoded);
}

/* Put a digit behind a number; false, and the number as it was, if it would not fit. */
static bool append_digit(uint64_t *number, uint32_t digit)
{
    const uint64_t low = (*number & UINT32_MAX) * 10u + digit;
    const uint64_t high = (*number >> 32) * 10u + (low >> 32);
    if (high > UINT32_MAX) {
        return false;
    }
    *number = high << 32 | (low & UINT32_MAX);
    return true;
}

ota_err_t ota_json_u64(const struct ota_json *value, uint64_t *number)
{
    struct ota_reader r;
    uint64_t sum = 0;
    ota_err_t err = OTA_E_MALFORMED; /* as long as there is no digit */
    (void)enter_string(value, &r);   /* what is not a string is read as it stands */
    uint32_t c;
    while ((c = read_char(&r)) < END) {
        const uint32_t digit = c - '0';
        if (digit > 9 || (err == OTA_OK && sum == 0)) {
            return OTA_E_MALFORMED;
        }
        if (err != OTA_E_RANGE) {
            err = append_digit(&sum, digit) ? OTA_OK : OTA_E_RANGE;
        }
    }
    if (err == OTA_OK) {
        *number = sum;
    }
    return err;
}

bool ota_json_hex(const struct ota_json *value, uint32_t dashes, uint8_t *bytes, size_t count)
{
    OTA_ASSERT(count <= 32);
    struct ota_reader r;
    if (!enter_string(value, &r)) {
        return false;
    }
    for (; count > 0; count--, dashes >>= 1) {
        if ((dashes & 1u) != 0 && read_char(&r) != '-') {
            return false;
        }
        const uint32_t byte = hex_value(read_char(&r)) << 4;
        const uint32_t low = hex_value(read_char(&r));
        if (byte > 0xf0 || low > 15) {
            return false;
        }
        *bytes++ = (uint8_t)(byte | low);
    }
    return read_char(&r) == END;
}
