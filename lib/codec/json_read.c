#include "ota/assert.h"
#include "ota/json.h"
#include "utf8.h"
#include <string.h>

/* --- characters ------------------------------------------------------------ */

/* The next byte without taking it; 0, which is nowhere legal, at the end. */
static uint8_t peek(const struct ota_reader *r)
{
    return ota_reader_left(r) > 0 ? *r->at : 0;
}

static bool take(struct ota_reader *r, char c)
{
    if (peek(r) != (uint8_t)c) {
        return false;
    }
    r->at++;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static void skip_blanks(struct ota_reader *r)
{
    while (is_blank(peek(r))) {
        r->at++;
    }
}

static uint32_t read_hex4(struct ota_reader *r)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t c = ota_read_u8(r);
        const uint8_t letter = (uint8_t)(c | 0x20u);
        if (is_digit(c)) {
            value = value << 4 | (uint32_t)(c - '0');
        } else if (letter >= 'a' && letter <= 'f') {
            value = value << 4 | (uint32_t)(letter - 'a' + 10);
        } else {
            return OTA_UTF8_INVALID;
        }
    }
    return value;
}

/* Behind the backslash: the character that is meant. */
static uint32_t read_escape(struct ota_reader *r)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";

    const uint8_t c = ota_read_u8(r);
    if (c != 'u') {
        const char *at = memchr(letters, c, sizeof letters - 1);
        return at == NULL ? OTA_UTF8_INVALID : (uint32_t)meant[at - letters];
    }
    const uint32_t high = read_hex4(r);
    if (high < 0xd800 || high > 0xdfff) {
        return high;
    }
    /* The first half of a pair; its second half must follow at once. */
    if (high > 0xdbff || ota_read_u8(r) != '\\' || ota_read_u8(r) != 'u') {
        return OTA_UTF8_INVALID;
    }
    const uint32_t low = read_hex4(r);
    if (low < 0xdc00 || low > 0xdfff) {
        return OTA_UTF8_INVALID;
    }
    return 0x10000u + ((high - 0xd800u) << 10) + (low - 0xdc00u);
}

/* --- checking a text ------------------------------------------------------- */

/*
 * Each check takes its piece and says whether it was right. Where the text ends
 * too early, it is wrong and the reader is bad: that tells TRUNCATED from MALFORMED.
 */

static bool check_string(struct ota_reader *r)
{
    for (;;) {
        const uint32_t c = ota_utf8_read(r);
        if (c == '"') {
            return true;
        }
        if (c < 0x20 || c == OTA_UTF8_INVALID) {
            return false;
        }
        if (c == '\\' && read_escape(r) == OTA_UTF8_INVALID) {
            return false;
        }
    }
}

static bool check_digits(struct ota_reader *r)
{
    if (!is_digit(ota_read_u8(r))) {
        return false;
    }
    while (is_digit(peek(r))) {
        r->at++;
    }
    return true;
}

static bool check_number(struct ota_reader *r)
{
    (void)take(r, '-');
    if (!take(r, '0') && !check_digits(r)) {
        return false;
    }
    if (take(r, '.') && !check_digits(r)) {
        return false;
    }
    if (!take(r, 'e') && !take(r, 'E')) {
        return true;
    }
    if (!take(r, '-')) {
        (void)take(r, '+');
    }
    return check_digits(r);
}

static bool check_word(struct ota_reader *r, const char *word)
{
    while (*word != '\0') {
        if (ota_read_u8(r) != (uint8_t)*word++) {
            return false;
        }
    }
    return true;
}

static bool check_scalar(struct ota_reader *r)
{
    switch (peek(r)) {
    case '"': r->at++; return check_string(r);
    case 't': return check_word(r, "true");
    case 'f': return check_word(r, "false");
    case 'n': return check_word(r, "null");
    default: return check_number(r);
    }
}

static bool check_key(struct ota_reader *r)
{
    skip_blanks(r);
    if (ota_read_u8(r) != '"' || !check_string(r)) {
        return false;
    }
    skip_blanks(r);
    return ota_read_u8(r) == ':';
}

/* The containers that are open: the last bit is the innermost, 1 for an object. */
struct nesting {
    uint32_t objects;
    unsigned depth;
};
_Static_assert(OTA_JSON_DEPTH_MAX <= 32, "one bit a level");

static bool in_object(const struct nesting *n)
{
    return (n->objects & 1u) != 0;
}

static void leave(struct nesting *n)
{
    n->objects >>= 1;
    n->depth--;
}

/* Behind a value, or behind the bracket that opens: close all that closes here, or go on to the next value. */
static bool check_between(struct ota_reader *r, struct nesting *n, bool just_opened)
{
    while (n->depth > 0) {
        skip_blanks(r);
        if (take(r, in_object(n) ? '}' : ']')) {
            leave(n);
            just_opened = false;
            continue;
        }
        if (!just_opened && ota_read_u8(r) != ',') {
            return false;
        }
        return !in_object(n) || check_key(r);
    }
    return true;
}

static ota_err_t check_value(struct ota_reader *r)
{
    struct nesting n = { 0 };
    bool good;
    do {
        skip_blanks(r);
        const uint8_t c = peek(r);
        const bool opens = c == '{' || c == '[';
        if (opens && n.depth == OTA_JSON_DEPTH_MAX) {
            return OTA_E_DEPTH;
        }
        if (opens) {
            r->at++;
            n.objects = n.objects << 1 | (c == '{');
            n.depth++;
        }
        good = (opens || check_scalar(r)) && check_between(r, &n, opens);
    } while (good && n.depth > 0);
    if (good) {
        return OTA_OK;
    }
    return r->bad ? OTA_E_TRUNCATED : OTA_E_MALFORMED;
}

ota_err_t ota_json_parse(struct ota_span text, struct ota_json *value)
{
    struct ota_reader r = ota_reader(text);
    skip_blanks(&r);
    const uint8_t *begin = r.at;
    const ota_err_t err = check_value(&r);
    if (err != OTA_OK) {
        return err;
    }
    const struct ota_span found = { begin, (size_t)(r.at - begin) };
    skip_blanks(&r);
    if (ota_reader_left(&r) > 0) {
        return OTA_E_MALFORMED;
    }
    value->text = found;
    return OTA_OK;
}

/* --- walking over checked text --------------------------------------------- */

enum ota_json_kind ota_json_kind(struct ota_json value)
{
    OTA_ASSERT(value.text.len > 0);
    switch (value.text.ptr[0]) {
    case '{': return OTA_JSON_OBJECT;
    case '[': return OTA_JSON_ARRAY;
    case '"': return OTA_JSON_STRING;
    case 't': return OTA_JSON_TRUE;
    case 'f': return OTA_JSON_FALSE;
    case 'n': return OTA_JSON_NULL;
    default: return OTA_JSON_NUMBER;
    }
}

/* What is between the quotes or brackets. */
static struct ota_reader inside(struct ota_json value)
{
    OTA_ASSERT(value.text.len >= 2);
    return ota_reader((struct ota_span){ value.text.ptr + 1, value.text.len - 2 });
}

static void skip_string(struct ota_reader *r)
{
    uint8_t c;
    do {
        c = ota_read_u8(r);
        if (c == '\\') {
            (void)ota_read_u8(r);
        }
    } while (c != '"' && !r->bad);
}

static void skip_word(struct ota_reader *r)
{
    for (uint8_t c = peek(r); c != 0 && c != ',' && !is_blank(c); c = peek(r)) {
        r->at++;
    }
}

/* Numbers and words are not cut inside a container: there, only strings and brackets count. */
static struct ota_json take_value(struct ota_reader *r)
{
    const uint8_t *begin = r->at;
    unsigned depth = 0;
    do {
        switch (ota_read_u8(r)) {
        case '{':
        case '[': depth++; break;
        case '}':
        case ']': depth--; break;
        case '"': skip_string(r); break;
        default:
            if (depth == 0) {
                skip_word(r);
            }
            break;
        }
    } while (depth > 0 && !r->bad);
    return (struct ota_json){ { begin, (size_t)(r->at - begin) } };
}

struct ota_json_walk ota_json_walk(struct ota_json container)
{
    const enum ota_json_kind kind = ota_json_kind(container);
    if (kind != OTA_JSON_OBJECT && kind != OTA_JSON_ARRAY) {
        return (struct ota_json_walk){ ota_reader(OTA_SPAN_NONE) };
    }
    return (struct ota_json_walk){ inside(container) };
}

bool ota_json_next(struct ota_json_walk *w, struct ota_json *key, struct ota_json *value)
{
    struct ota_reader *r = &w->r;
    skip_blanks(r);
    if (take(r, ',')) {
        skip_blanks(r);
    }
    if (ota_reader_left(r) == 0) {
        return false;
    }
    struct ota_json item = take_value(r);
    skip_blanks(r);
    if (take(r, ':')) {
        if (key != NULL) {
            *key = item;
        }
        skip_blanks(r);
        item = take_value(r);
    }
    *value = item;
    return true;
}

ota_err_t ota_json_find(struct ota_json object, const char *name, struct ota_json *value)
{
    if (ota_json_kind(object) != OTA_JSON_OBJECT) {
        return OTA_E_NOT_FOUND;
    }
    const struct ota_span wanted = ota_span_of_str(name);
    struct ota_json_walk w = ota_json_walk(object);
    struct ota_json key, member, found = { OTA_SPAN_NONE };
    while (ota_json_next(&w, &key, &member)) {
        if (!ota_json_is(key, wanted)) {
            continue;
        }
        if (found.text.len > 0) {
            return OTA_E_MALFORMED;
        }
        found = member;
    }
    if (found.text.len == 0 || ota_json_kind(found) == OTA_JSON_NULL) {
        return OTA_E_NOT_FOUND;
    }
    *value = found;
    return OTA_OK;
}

/* --- values ----------------------------------------------------------------- */

static uint32_t read_char(struct ota_reader *r)
{
    const uint32_t c = ota_utf8_read(r);
    return c == '\\' ? read_escape(r) : c;
}

bool ota_json_is(struct ota_json value, struct ota_span text)
{
    if (ota_json_kind(value) != OTA_JSON_STRING) {
        return false;
    }
    struct ota_reader have = inside(value), want = ota_reader(text);
    while (ota_reader_left(&have) > 0 && ota_reader_left(&want) > 0) {
        if (read_char(&have) != ota_utf8_read(&want)) {
            return false;
        }
    }
    return ota_reader_left(&have) == 0 && ota_reader_left(&want) == 0;
}

ota_err_t ota_json_string(struct ota_json value, struct ota_buf out, struct ota_span *decoded)
{
    if (ota_json_kind(value) != OTA_JSON_STRING) {
        return OTA_E_MALFORMED;
    }
    struct ota_reader r = inside(value);
    struct ota_writer w = ota_writer(out);
    while (ota_reader_left(&r) > 0) {
        ota_utf8_write(&w, read_char(&r));
    }
    if (w.bad) {
        return OTA_E_TOO_LARGE;
    }
    *decoded = ota_writer_done(&w);
    return OTA_OK;
}

ota_err_t ota_json_u64(struct ota_json value, uint64_t *number)
{
    const enum ota_json_kind kind = ota_json_kind(value);
    if (kind != OTA_JSON_NUMBER && kind != OTA_JSON_STRING) {
        return OTA_E_MALFORMED;
    }
    struct ota_reader r = kind == OTA_JSON_STRING ? inside(value) : ota_reader(value.text);
    uint64_t sum = 0;
    size_t count = 0;
    bool leading_zero = false, too_large = false;
    while (ota_reader_left(&r) > 0) {
        const uint32_t c = read_char(&r);
        if (!is_digit(c) || leading_zero) {
            return OTA_E_MALFORMED;
        }
        const uint32_t digit = c - '0';
        leading_zero = count++ == 0 && digit == 0;
        too_large = too_large || sum > UINT64_MAX / 10u;
        sum = sum * 10u + digit;
        too_large = too_large || sum < digit; /* it went past the end */
    }
    if (count == 0) {
        return OTA_E_MALFORMED;
    }
    if (too_large) {
        return OTA_E_RANGE;
    }
    *number = sum;
    return OTA_OK;
}
