#include "ota/base64.h"
#include "ota/cbor.h"
#include "stream_priv.h"

struct rejected {
    struct ota_json code, o; /* what the service calls it, and what its guide does */
};

/* Members in either format. In CBOR, ANY means bytes. */
static const struct ota_json_field data_fields[] = {
    OTA_JSON_FIELD("f", OTA_JSON_NUMBER | OTA_JSON_REQUIRED, struct stream_data, file),
    OTA_JSON_FIELD("i", OTA_JSON_NUMBER | OTA_JSON_REQUIRED, struct stream_data, index),
    OTA_JSON_FIELD("l", OTA_JSON_NUMBER | OTA_JSON_REQUIRED, struct stream_data, length),
    OTA_JSON_FIELD("p", OTA_JSON_ANY | OTA_JSON_REQUIRED, struct stream_data, bytes),
};
static const struct ota_json_field rejected_fields[] = {
    OTA_JSON_FIELD("code", OTA_JSON_STRING, struct rejected, code),
    OTA_JSON_FIELD("o", OTA_JSON_STRING, struct rejected, o),
};

static void read_cbor(struct ota_cbor *c, unsigned kind, void *into)
{
    if (kind == OTA_JSON_NUMBER) {
        *(uint64_t *)into = ota_cbor_u64(c);
    } else {
        struct ota_json *const string = into;
        string->text = kind == OTA_JSON_STRING ? ota_cbor_text(c) : ota_cbor_bytes(c);
    }
}

/* As ota_json_bind(); of the fields all are required, or none. */
static ota_err_t bind_cbor(struct ota_span payload, const struct ota_json_field *fields,
                           size_t count, void *into)
{
    struct ota_cbor c = ota_cbor(payload);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    uint32_t missing = (1u << count) - 1u;
    while (ota_cbor_next_key(&c, &map, &key)) {
        size_t i = 0;
        while (i < count && !ota_span_eq(key, ota_span_of_str(fields[i].name))) {
            i++;
        }
        if (i == count) {
            ota_cbor_skip(&c);
            continue;
        }
        if ((missing >> i & 1u) == 0) {
            return OTA_E_MALFORMED;
        }
        missing -= 1u << i;
        read_cbor(&c, fields[i].kind & ~OTA_JSON_REQUIRED, (uint8_t *)into + fields[i].offset);
    }
    const ota_err_t err = ota_cbor_end(&c);
    const bool complete = missing == 0 || (fields->kind & OTA_JSON_REQUIRED) == 0;
    return err == OTA_OK && !complete ? OTA_E_MALFORMED : err;
}

static ota_err_t bind(enum ota_format format, struct ota_span payload,
                      const struct ota_json_field *fields, size_t count, void *into)
{
    if (format == OTA_FORMAT_CBOR) {
        return bind_cbor(payload, fields, count, into);
    }
    struct ota_json object;
    const ota_err_t err = ota_json_parse(payload, &object);
    return err == OTA_OK ? ota_json_bind(&object, fields, count, into) : err;
}

ota_err_t stream_read_data(enum ota_format format, struct ota_span payload, struct ota_buf room,
                           struct stream_data *data)
{
    const ota_err_t err = bind(format, payload, OTA_JSON_FIELDS(data_fields), data);
    if (err != OTA_OK || format == OTA_FORMAT_CBOR) {
        return err;
    }
    return ota_json_base64(&data->bytes, room, &data->bytes.text);
}

ota_err_t stream_read_rejected(enum ota_format format, struct ota_span payload,
                               enum ota_wire_code *code)
{
    struct rejected said = { 0 };
    const ota_err_t err = bind(format, payload, OTA_JSON_FIELDS(rejected_fields), &said);
    struct ota_span word = said.code.text.len > 0 ? said.code.text : said.o.text;
    if (err != OTA_OK || word.len == 0) {
        return err != OTA_OK ? err : OTA_E_MALFORMED;
    }
    if (format ==
        OTA_FORMAT_JSON) { /* between its quotes; who writes a code with escapes has a new one */
        word = (struct ota_span){ word.ptr + 1, word.len - 2 };
    }
    *code = ota_wire_code_parse(word);
    return OTA_OK;
}
