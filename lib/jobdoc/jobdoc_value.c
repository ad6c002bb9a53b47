#include "jobdoc_priv.h"

bool jobdoc_optional(struct ota_json object, const char *name, struct ota_json *value)
{
    *value = (struct ota_json){ OTA_SPAN_NONE };
    const ota_err_t err = ota_json_find(object, name, value);
    return err == OTA_OK || err == OTA_E_NOT_FOUND;
}

bool jobdoc_required(struct ota_json object, const char *name, enum ota_json_kind kind,
                     struct ota_json *value)
{
    return ota_json_find(object, name, value) == OTA_OK && ota_json_kind(*value) == kind;
}

bool jobdoc_is_absent(struct ota_json value)
{
    return value.text.len == 0;
}

bool jobdoc_number(struct ota_json value, uint32_t max, uint32_t *number)
{
    uint64_t any;
    if (ota_json_u64(value, &any) != OTA_OK || any > max) {
        return false;
    }
    *number = (uint32_t)any;
    return true;
}

bool jobdoc_number_or(struct ota_json object, const char *name, uint32_t max, uint32_t fallback,
                      uint32_t *number)
{
    struct ota_json value;
    if (!jobdoc_optional(object, name, &value)) {
        return false;
    }
    *number = fallback;
    return jobdoc_is_absent(value) || jobdoc_number(value, max, number);
}

bool jobdoc_required_number(struct ota_json object, const char *name, uint32_t max,
                            uint32_t *number)
{
    struct ota_json value;
    return ota_json_find(object, name, &value) == OTA_OK && jobdoc_number(value, max, number);
}

/* A digit's value, or 16. */
static unsigned hex_value(uint8_t c)
{
    const unsigned letter = c | 0x20u;
    if (c >= '0' && c <= '9') {
        return (unsigned)c - '0';
    }
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10u : 16u;
}

static bool read_hex(struct ota_reader *r, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const unsigned high = hex_value(ota_read_u8(r)), low = hex_value(ota_read_u8(r));
        if (high > 15 || low > 15) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool jobdoc_hex(struct ota_json value, uint8_t *bytes, size_t len)
{
    uint8_t room[2u * OTA_DIGEST_SIZE];
    struct ota_span text;
    if (ota_json_string(value, OTA_BUF_OF(room), &text) != OTA_OK || text.len != 2u * len) {
        return false;
    }
    struct ota_reader r = ota_reader(text);
    return read_hex(&r, bytes, len);
}

bool jobdoc_uuid(struct ota_json value, uint8_t bytes[OTA_UUID_SIZE])
{
    static const uint8_t groups[] = { 4, 2, 2, 2, 6 };
    uint8_t room[2u * OTA_UUID_SIZE + sizeof groups - 1u];
    struct ota_span text;
    if (ota_json_string(value, OTA_BUF_OF(room), &text) != OTA_OK || text.len != sizeof room) {
        return false;
    }
    struct ota_reader r = ota_reader(text);
    for (size_t i = 0; i < sizeof groups; i++) {
        if ((i > 0 && ota_read_u8(&r) != '-') || !read_hex(&r, bytes, groups[i])) {
            return false;
        }
        bytes += groups[i];
    }
    return true;
}

bool jobdoc_has_id(const struct jobdoc_ids *ids, uint32_t id)
{
    return ((unsigned)ids->bits[id / 8u] >> (id % 8u) & 1u) != 0;
}
