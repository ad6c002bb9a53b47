#include "ota/json_write.h"
#include "ota/assert.h"
#include "ota/base64.h"
#include "utf8.h"

/* `open` is a stack of bits below a leading 1: the last bit is the innermost container, 1 for an object. */
static bool in_object(const struct ota_json_out *o)
{
    return o->open > 1 && (o->open & 1u) != 0;
}

static void put_comma(struct ota_json_out *o)
{
    if (!o->first) {
        ota_write_u8(o->w, ',');
    }
    o->first = false;
}

static void begin_value(struct ota_json_out *o)
{
    OTA_ASSERT(o->after_key == in_object(o)); /* a key before each member, and only there */
    if (!o->after_key) {
        OTA_ASSERT(o->open > 1 || o->first); /* one value at the top */
        put_comma(o);
    }
    o->after_key = false;
}

static void open_container(struct ota_json_out *o, uint32_t object, char bracket)
{
    begin_value(o);
    OTA_ASSERT(o->open <= UINT32_MAX / 2u);
    o->open = o->open << 1 | object;
    o->first = true;
    ota_write_u8(o->w, (uint8_t)bracket);
}

static void close_container(struct ota_json_out *o, uint32_t object, char bracket)
{
    OTA_ASSERT(o->open > 1 && (o->open & 1u) == object && !o->after_key);
    o->open >>= 1;
    o->first = false;
    ota_write_u8(o->w, (uint8_t)bracket);
}

/* One character, escaped; U+FFFD for a byte that begins none. */
static void put_char(struct ota_writer *w, struct ota_reader *r)
{
    const struct ota_reader before = *r;
    const uint32_t c = ota_utf8_read(r);
    if (c == OTA_UTF8_INVALID) {
        *r = before;
        (void)ota_read_u8(r);
        ota_write_str(w, "\xef\xbf\xbd");
    } else if (c < 0x20) {
        ota_write_str(w, "\\u");
        ota_write_hex(w, c, 4);
    } else {
        if (c == '"' || c == '\\') {
            ota_write_u8(w, '\\');
        }
        ota_utf8_write(w, c);
    }
}

static void put_quoted(struct ota_writer *w, struct ota_span text)
{
    struct ota_reader r = ota_reader(text);
    ota_write_u8(w, '"');
    while (ota_reader_left(&r) > 0) {
        put_char(w, &r);
    }
    ota_write_u8(w, '"');
}

struct ota_json_out ota_json_out(struct ota_writer *w)
{
    return (struct ota_json_out){ .w = w, .open = 1, .first = true };
}

void ota_json_object_begin(struct ota_json_out *o)
{
    open_container(o, 1, '{');
}

void ota_json_object_end(struct ota_json_out *o)
{
    close_container(o, 1, '}');
}

void ota_json_array_begin(struct ota_json_out *o)
{
    open_container(o, 0, '[');
}

void ota_json_array_end(struct ota_json_out *o)
{
    close_container(o, 0, ']');
}

void ota_json_key(struct ota_json_out *o, const char *name)
{
    OTA_ASSERT(in_object(o) && !o->after_key);
    put_comma(o);
    put_quoted(o->w, ota_span_of_str(name));
    ota_write_u8(o->w, ':');
    o->after_key = true;
}

void ota_json_put_string(struct ota_json_out *o, struct ota_span text)
{
    begin_value(o);
    put_quoted(o->w, text);
}

void ota_json_put_str(struct ota_json_out *o, const char *str)
{
    ota_json_put_string(o, ota_span_of_str(str));
}

void ota_json_put_u64(struct ota_json_out *o, uint64_t number)
{
    begin_value(o);
    ota_write_decimal(o->w, number);
}

void ota_json_put_raw(struct ota_json_out *o, struct ota_span json)
{
    OTA_ASSERT(json.len > 0);
    begin_value(o);
    ota_write_bytes(o->w, json);
}

void ota_json_put_bool(struct ota_json_out *o, bool value)
{
    ota_json_put_raw(o, value ? OTA_SPAN_LIT("true") : OTA_SPAN_LIT("false"));
}

void ota_json_put_null(struct ota_json_out *o)
{
    ota_json_put_raw(o, OTA_SPAN_LIT("null"));
}

void ota_json_put_base64(struct ota_json_out *o, struct ota_span bytes)
{
    begin_value(o);
    ota_write_u8(o->w, '"');
    ota_base64_write(o->w, bytes);
    ota_write_u8(o->w, '"');
}
