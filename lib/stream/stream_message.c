#include "ota/base64.h"
#include "ota/cbor.h"
#include "ota/json.h"
#include "stream_priv.h"

#define WORD_MAX 32u /* error codes are shorter; what is longer is none of them */

static const char keys[STREAM_NUMBERS][2] = { "f", "i", "l" };

/* --- CBOR ----------------------------------------------------------------------- */

/* Like ota_json_find(): the cursor before the member's value. The whole map is checked each time. */
static ota_err_t find_cbor(struct ota_span payload, const char *name, struct ota_cbor *value)
{
    const struct ota_span wanted = ota_span_of_str(name);
    struct ota_cbor c = ota_cbor(payload);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    unsigned found = 0;
    while (ota_cbor_next_key(&c, &map, &key)) {
        if (ota_span_eq(key, wanted)) {
            found++;
            *value = c;
        }
        ota_cbor_skip(&c);
    }
    const ota_err_t err = ota_cbor_end(&c);
    if (err != OTA_OK || found == 1) {
        return err;
    }
    return found == 0 ? OTA_E_NOT_FOUND : OTA_E_MALFORMED;
}

static ota_err_t read_data_cbor(struct ota_span payload, struct stream_data *data)
{
    struct ota_cbor value;
    ota_err_t err = OTA_OK;
    for (unsigned i = 0; err == OTA_OK && i < STREAM_NUMBERS; i++) {
        err = find_cbor(payload, keys[i], &value);
        if (err == OTA_OK) {
            data->number[i] = ota_cbor_u64(&value);
            err = value.err;
        }
    }
    if (err == OTA_OK) {
        err = find_cbor(payload, "p", &value);
    }
    if (err != OTA_OK) {
        return err;
    }
    data->bytes = ota_cbor_bytes(&value);
    return value.err;
}

static ota_err_t read_rejected_cbor(struct ota_span payload, enum ota_wire_code *code)
{
    struct ota_cbor value;
    ota_err_t err = find_cbor(payload, "code", &value);
    if (err == OTA_E_NOT_FOUND) {
        err = find_cbor(payload, "o", &value);
    }
    if (err != OTA_OK) {
        return err;
    }
    *code = ota_wire_code_parse(ota_cbor_text(&value));
    return value.err;
}

/* --- JSON ------------------------------------------------------------------------ */

static uint8_t hex_value(uint8_t digit)
{
    return (uint8_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

/* One character of a string that has been parsed before; what is not ASCII becomes '!', which is no base64. */
static uint8_t read_char(struct ota_reader *r)
{
    const uint8_t c = ota_read_u8(r);
    if (c != '\\') {
        return c;
    }
    const uint8_t escape = ota_read_u8(r);
    switch (escape) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 'u': break;
    default: return escape == '/' ? escape : '!';
    }
    const struct ota_span hex = ota_read_bytes(r, 4);
    if (hex.ptr[0] != '0' || hex.ptr[1] != '0') {
        return '!';
    }
    return (uint8_t)(hex_value(hex.ptr[2]) << 4 | hex_value(hex.ptr[3]));
}

/*
 * Base64 inside a JSON string, piece by piece, since the room has the size of the bytes, not of
 * the text. A piece is whole groups of four digits, so only the last may be padded or short.
 */
static ota_err_t decode_base64(struct ota_json string, struct ota_buf room, struct ota_span *bytes)
{
    uint8_t piece[64];
    struct ota_reader r = ota_reader((struct ota_span){ string.text.ptr + 1, string.text.len - 2 });
    size_t used = 0, decoded_want = 0;
    while (ota_reader_left(&r) > 0) {
        size_t len = 0;
        while (len < sizeof piece && ota_reader_left(&r) > 0) {
            const uint8_t c = read_char(&r);
            if (c != '\r' && c != '\n') {
                piece[len++] = c;
            }
        }
        struct ota_span decoded;
        const ota_err_t err = ota_base64_decode(
            (struct ota_span){ piece, len },
            (struct ota_buf){ room.cap > used ? room.ptr + used : NULL, room.cap - used },
            &decoded);
        if (err != OTA_OK) {
            return err;
        }
        if (used != decoded_want && len > 0) {
            return OTA_E_MALFORMED; /* goes on behind a padded piece */
        }
        used += decoded.len;
        decoded_want += sizeof piece / 4u * 3u;
    }
    *bytes = (struct ota_span){ room.ptr, used };
    return OTA_OK;
}

static ota_err_t parse_object(struct ota_span payload, struct ota_json *object)
{
    const ota_err_t err = ota_json_parse(payload, object);
    if (err != OTA_OK) {
        return err;
    }
    return ota_json_kind(*object) == OTA_JSON_OBJECT ? OTA_OK : OTA_E_MALFORMED;
}

static ota_err_t read_data_json(struct ota_span payload, struct ota_buf room,
                                struct stream_data *data)
{
    struct ota_json object, value;
    ota_err_t err = parse_object(payload, &object);
    for (unsigned i = 0; err == OTA_OK && i < STREAM_NUMBERS; i++) {
        err = ota_json_find(object, keys[i], &value);
        if (err == OTA_OK) {
            err = ota_json_u64(value, &data->number[i]);
        }
    }
    if (err == OTA_OK) {
        err = ota_json_find(object, "p", &value);
    }
    if (err != OTA_OK) {
        return err;
    }
    if (ota_json_kind(value) != OTA_JSON_STRING) {
        return OTA_E_MALFORMED;
    }
    return decode_base64(value, room, &data->bytes);
}

static ota_err_t read_rejected_json(struct ota_span payload, enum ota_wire_code *code)
{
    struct ota_json object, value;
    ota_err_t err = parse_object(payload, &object);
    if (err != OTA_OK) {
        return err;
    }
    err = ota_json_find(object, "code", &value);
    if (err == OTA_E_NOT_FOUND) {
        err = ota_json_find(object, "o", &value);
    }
    if (err != OTA_OK) {
        return err;
    }
    uint8_t room[WORD_MAX];
    struct ota_span word = OTA_SPAN_NONE;
    err = ota_json_string(value, OTA_BUF_OF(room), &word);
    *code = ota_wire_code_parse(word);
    return err == OTA_E_TOO_LARGE ? OTA_OK : err;
}

/* --- either ------------------------------------------------------------------------ */

/* A member that must be there is missing: that is no message of this protocol. */
static ota_err_t malformed_if_missing(ota_err_t err)
{
    return err == OTA_E_NOT_FOUND ? OTA_E_MALFORMED : err;
}

ota_err_t stream_read_data(enum ota_format format, struct ota_span payload, struct ota_buf room,
                           struct stream_data *data)
{
    return malformed_if_missing(format == OTA_FORMAT_CBOR ? read_data_cbor(payload, data)
                                                          : read_data_json(payload, room, data));
}

ota_err_t stream_read_rejected(enum ota_format format, struct ota_span payload,
                               enum ota_wire_code *code)
{
    return malformed_if_missing(format == OTA_FORMAT_CBOR ? read_rejected_cbor(payload, code)
                                                          : read_rejected_json(payload, code));
}
