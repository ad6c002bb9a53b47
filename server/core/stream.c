/*
 * GetStream and DescribeStream requests: first both formats into the same
 * members, then the checks on those.
 */
#include "stream.h"
#include "json.h"
#include "ota/assert.h"
#include "ota/cbor.h"
#include <string.h>

struct member {
    bool given;
    uint64_t value;
};

/* What a request says, whatever it was written in. */
struct members {
    struct ota_span token;
    struct member version, file, size, offset, count;
    struct ota_span bitmap; /* ptr NULL: none */
};

static bool json_member(const json_t *body, const char *name, struct member *m, struct srv_err *err)
{
    const struct srv_number_rule rule = { name, 0, INT64_MAX, SRV_NUMBER_ONLY };
    struct srv_number n;
    if (!srv_json_number(body, &rule, &n, err)) {
        return false;
    }
    *m = (struct member){ n.given, (uint64_t)n.value };
    return true;
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool bitmap_too_long(struct srv_err *err)
{
    return srv_fail(err, SRV_E_BITMAP, "a bitmap is shorter than %u bytes",
                    SRV_STREAM_BITMAP_LIMIT);
}

/* Hex in byte order, with or without 0x. */
static bool bitmap_from_hex(const json_t *text, struct srv_arena *a, struct ota_span *bitmap,
                            struct srv_err *err)
{
    const char *at = json_string_value(text);
    size_t len = json_string_length(text);
    if (len >= 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        at += 2;
        len -= 2;
    }
    if (len / 2u >= SRV_STREAM_BITMAP_LIMIT) {
        return bitmap_too_long(err);
    }
    uint8_t *bytes = srv_arena_take(a, len / 2u + 1u);
    for (size_t i = 0; i < len / 2u; i++) {
        const int high = nibble(at[2u * i]), low = nibble(at[2u * i + 1u]);
        if (high < 0 || low < 0) {
            return srv_fail(err, SRV_E_INVALID, "b is not hexadecimal");
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *bitmap = (struct ota_span){ bytes, len / 2u };
    return len % 2u == 0 || srv_fail(err, SRV_E_INVALID, "b has half a byte");
}

static bool bitmap_from_array(const json_t *array, struct srv_arena *a, struct ota_span *bitmap,
                              struct srv_err *err)
{
    const size_t len = json_array_size(array);
    if (len >= SRV_STREAM_BITMAP_LIMIT) {
        return bitmap_too_long(err);
    }
    uint8_t *bytes = srv_arena_take(a, len + 1u);
    for (size_t i = 0; i < len; i++) {
        const json_t *item = json_array_get(array, i);
        const json_int_t value = json_is_integer(item) ? json_integer_value(item) : -1;
        if (value < 0 || value > UINT8_MAX) {
            return srv_fail(err, SRV_E_INVALID, "b holds something that is no byte");
        }
        bytes[i] = (uint8_t)value;
    }
    *bitmap = (struct ota_span){ bytes, len };
    return true;
}

static bool json_bitmap(const json_t *body, struct srv_arena *a, struct ota_span *bitmap,
                        struct srv_err *err)
{
    const json_t *value = json_object_get(body, "b");
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (json_is_string(value)) {
        return bitmap_from_hex(value, a, bitmap, err);
    }
    if (json_is_array(value)) {
        return bitmap_from_array(value, a, bitmap, err);
    }
    return srv_fail(err, SRV_E_INVALID, "b is neither hexadecimal text nor an array of bytes");
}

/* There, though it may be empty: only what was not given has no pointer. */
static struct ota_span given(struct ota_span text)
{
    return text.len > 0 ? text : OTA_SPAN_LIT("");
}

static bool token_set(struct members *m, struct ota_span token, struct srv_err *err)
{
    if (token.len > OTA_TOKEN_MAX) {
        return srv_fail(err, SRV_E_INVALID, "c is longer than %u bytes", OTA_TOKEN_MAX);
    }
    m->token = given(token);
    return true;
}

static bool json_token(const json_t *body, struct srv_arena *a, struct members *m,
                       struct srv_err *err)
{
    const json_t *value = json_object_get(body, "c");
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value)) {
        return srv_fail(err, SRV_E_INVALID, "c is not text");
    }
    const struct ota_span text = { (const uint8_t *)json_string_value(value),
                                   json_string_length(value) };
    return token_set(m, srv_arena_copy(a, text), err);
}

static bool from_json(struct ota_span payload, struct srv_arena *a, struct members *m,
                      struct srv_err *err)
{
    json_t *body;
    if (!srv_json_object(payload, &body, err)) {
        return false;
    }
    const bool read =
        json_token(body, a, m, err) && json_member(body, "s", &m->version, err) &&
        json_member(body, "f", &m->file, err) && json_member(body, "l", &m->size, err) &&
        json_member(body, "o", &m->offset, err) && json_member(body, "n", &m->count, err) &&
        json_bitmap(body, a, &m->bitmap, err);
    json_decref(body);
    return read;
}

/* The number's home for a one-letter key; NULL: not one of the numbers. */
static struct member *number_at(struct members *m, uint8_t key)
{
    switch (key) {
    case 's': return &m->version;
    case 'f': return &m->file;
    case 'l': return &m->size;
    case 'o': return &m->offset;
    case 'n': return &m->count;
    }
    return NULL;
}

static bool cbor_number(struct ota_cbor *c, uint8_t key, struct member *m, struct srv_err *err)
{
    if (ota_cbor_peek(c) != OTA_CBOR_UINT) {
        return srv_fail(err, SRV_E_INVALID, "%c is not a whole number", (char)key);
    }
    *m = (struct member){ true, ota_cbor_u64(c) };
    return true;
}

static bool cbor_token(struct ota_cbor *c, struct members *m, struct srv_err *err)
{
    if (ota_cbor_peek(c) != OTA_CBOR_TEXT) {
        return srv_fail(err, SRV_E_INVALID, "c is not text");
    }
    return token_set(m, ota_cbor_text(c), err);
}

static bool cbor_bitmap(struct ota_cbor *c, struct members *m, struct srv_err *err)
{
    if (ota_cbor_peek(c) != OTA_CBOR_BYTES) {
        return srv_fail(err, SRV_E_INVALID, "b is not a byte string");
    }
    m->bitmap = given(ota_cbor_bytes(c));
    return m->bitmap.len < SRV_STREAM_BITMAP_LIMIT || bitmap_too_long(err);
}

/* One value whose key is known; false: refused. Broken CBOR is found by the caller. */
static bool cbor_value(struct ota_cbor *c, uint8_t key, struct members *m, struct srv_err *err)
{
    struct member *number = number_at(m, key);
    if (number != NULL) {
        return cbor_number(c, key, number, err);
    }
    if (key == 'c') {
        return cbor_token(c, m, err);
    }
    if (key == 'b') {
        return cbor_bitmap(c, m, err);
    }
    ota_cbor_skip(c);
    return true;
}

/* Keys we know are single letters; of those no one may come twice. */
static bool cbor_twice(uint32_t *seen, uint8_t key)
{
    if (key < 'a' || key > 'z') {
        return false;
    }
    const uint32_t bit = 1u << (key - 'a');
    const bool twice = (*seen & bit) != 0;
    *seen |= bit;
    return twice;
}

static bool from_cbor(struct ota_span payload, struct members *m, struct srv_err *err)
{
    if (payload.len > SRV_PAYLOAD_MAX) {
        return srv_fail(err, SRV_E_INVALID, "a message has at most %u bytes", SRV_PAYLOAD_MAX);
    }
    if (payload.len == 0) {
        return true; /* nothing said, as with {} */
    }
    struct ota_cbor c = ota_cbor(payload);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    uint32_t seen = 0;
    bool ended = true;
    while (ota_cbor_next_key(&c, &map, &key)) {
        const uint8_t letter = key.len == 1 ? key.ptr[0] : 0;
        if (cbor_twice(&seen, letter)) {
            return srv_fail(err, SRV_E_CBOR, "the key %c stands there twice", (char)letter);
        }
        if (ota_cbor_peek(&c) == OTA_CBOR_NONE) {
            ended = false; /* right behind a key */
            break;
        }
        if (!cbor_value(&c, letter, m, err)) {
            return false;
        }
    }
    return (ota_cbor_end(&c) == OTA_OK && ended) ||
           srv_fail(err, SRV_E_CBOR, "not a valid CBOR map");
}

static bool members_read(enum ota_format format, struct ota_span payload, struct srv_arena *a,
                         struct members *m, struct srv_err *err)
{
    switch (format) {
    case OTA_FORMAT_JSON: return from_json(payload, a, m, err);
    case OTA_FORMAT_CBOR: return from_cbor(payload, m, err);
    }
    OTA_UNREACHABLE();
}

static const struct srv_stream_file *file_find(const struct srv_stream *stream, uint64_t id)
{
    for (size_t i = 0; i < stream->file_count; i++) {
        if (stream->files[i].id == id) {
            return &stream->files[i];
        }
    }
    return NULL;
}

static bool members_check(const struct members *m, const struct srv_stream *stream,
                          struct srv_err *err)
{
    if (m->version.given && m->version.value != stream->version) {
        return srv_fail(err, SRV_E_VERSION, "the stream's version is %u", stream->version);
    }
    if (!m->file.given || !m->size.given) {
        return srv_fail(err, SRV_E_INVALID, "%s is missing", m->file.given ? "l" : "f");
    }
    if (file_find(stream, m->file.value) == NULL) {
        return srv_fail(err, SRV_E_NOT_FOUND, "the stream has no such file");
    }
    if (m->size.value < OTA_STREAM_BLOCK_MIN || m->size.value > OTA_STREAM_BLOCK_MAX) {
        return srv_fail(err, SRV_E_BLOCK_SIZE, "a block has %u to %u bytes", OTA_STREAM_BLOCK_MIN,
                        OTA_STREAM_BLOCK_MAX);
    }
    if (m->offset.given && m->offset.value > SRV_STREAM_OFFSET_MAX) {
        return srv_fail(err, SRV_E_OFFSET, "o is at most %u", SRV_STREAM_OFFSET_MAX);
    }
    if (m->count.given && m->count.value > SRV_STREAM_COUNT_MAX) {
        return srv_fail(err, SRV_E_BLOCK_COUNT, "n is at most %u", SRV_STREAM_COUNT_MAX);
    }
    return true;
}

bool srv_stream_get_parse(struct srv_stream_get *get, enum ota_format format,
                          struct ota_span payload, const struct srv_stream *stream,
                          struct srv_arena *a, struct srv_err *err)
{
    struct members m = { .token = OTA_SPAN_NONE };
    const bool read = members_read(format, payload, a, &m, err);
    *get = (struct srv_stream_get){ .token = m.token, .format = format };
    if (!read || !members_check(&m, stream, err)) {
        return false;
    }
    get->file = file_find(stream, m.file.value);
    get->block_size = (uint32_t)m.size.value;
    get->first = m.offset.value;
    get->bitmap = m.bitmap;
    get->count_left =
        m.count.given ? (uint32_t)m.count.value : OTA_STREAM_BURST_MAX / get->block_size;
    get->bytes_left = OTA_STREAM_BURST_MAX;

    struct srv_stream_get trial = *get;
    struct srv_block block;
    return srv_stream_next(&trial, &block) ||
           srv_fail(err, SRV_E_INVALID,
                    "The data requested is out of the range of data available.");
}

static bool wanted(const struct srv_stream_get *get, uint64_t bit)
{
    if (get->bitmap.ptr == NULL) {
        return true;
    }
    return bit / 8u < get->bitmap.len && (get->bitmap.ptr[bit / 8u] & (1u << (bit % 8u))) != 0;
}

bool srv_stream_next(struct srv_stream_get *get, struct srv_block *block)
{
    while (get->count_left > 0) {
        const uint64_t number = get->first + get->next;
        const uint64_t offset = number * get->block_size;
        const bool past_map = get->bitmap.ptr != NULL && get->next / 8u >= get->bitmap.len;
        if (offset >= get->file->size || past_map) {
            break;
        }
        const uint64_t left = get->file->size - offset;
        const uint32_t len = left < get->block_size ? (uint32_t)left : get->block_size;
        if (wanted(get, get->next)) {
            if (len > get->bytes_left) {
                break;
            }
            *block = (struct srv_block){ number, offset, len };
            get->next++;
            get->count_left--;
            get->bytes_left -= len;
            return true;
        }
        get->next++;
    }
    get->count_left = 0;
    return false;
}

bool srv_stream_describe_parse(enum ota_format format, struct ota_span payload, struct srv_arena *a,
                               struct ota_span *token, struct srv_err *err)
{
    struct members m = { .token = OTA_SPAN_NONE };
    const bool read = members_read(format, payload, a, &m, err);
    *token = m.token;
    return read;
}
