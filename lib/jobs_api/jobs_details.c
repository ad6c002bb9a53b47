#include "ota/jobs_api.h"

/* AWS IoT Jobs: characters of a value of statusDetails. */
#define VALUE_MAX 1024u

static struct ota_span between_quotes(const struct ota_json *string)
{
    return (struct ota_span){ string->text.ptr + 1, string->text.len - 2 };
}

static uint32_t hex_digit(uint8_t c)
{
    return c <= '9' ? c - (uint32_t)'0' : (c | 0x20u) - (uint32_t)'a' + 10u;
}

/*
 * What the escape behind a backslash stands for, as far as it matters here: JSON's short ones but for
 * quotes and slashes are control characters. Of a pair of surrogates each counts as a character.
 */
static uint32_t read_escape(struct ota_reader *r)
{
    const uint8_t c = ota_read_u8(r);
    if (c != 'u') {
        return c == '"' || c == '\\' || c == '/' ? c : 0;
    }
    uint32_t code = 0;
    for (unsigned i = 0; i < 4; i++) {
        code = code << 4 | hex_digit(ota_read_u8(r));
    }
    return code;
}

/* The text is valid JSON: what is left to check is how many characters there are, and of which kind. */
static bool value_ok(const struct ota_json *value)
{
    if (ota_json_kind(value) != OTA_JSON_STRING) {
        return false;
    }
    struct ota_reader r = ota_reader(between_quotes(value));
    size_t count = 0;
    while (ota_reader_left(&r) > 0) {
        const uint8_t byte = ota_read_u8(&r);
        const uint32_t c = byte == '\\' ? read_escape(&r) : byte;
        if (c < ' ' || c == 0x7f) {
            return false;
        }
        /* By the first byte of each character; one of four bytes is two in UTF-16, as the service counts. */
        count += byte < 0x80 || byte >= 0xc0;
        count += byte >= 0xf0;
    }
    return count > 0 && count <= VALUE_MAX;
}

bool ota_jobs_api_details_ok(struct ota_span json)
{
    struct ota_json object, name, value;
    if (ota_json_parse(json, &object) != OTA_OK || ota_json_kind(&object) != OTA_JSON_OBJECT) {
        return false;
    }
    struct ota_json_walk w = ota_json_walk(&object);
    while (ota_json_next(&w, &name, &value)) {
        /* Alphabet and length are those of thing names. */
        if (!ota_thing_name_ok(between_quotes(&name)) || !value_ok(&value)) {
            return false;
        }
    }
    return true;
}
