#include "ota/assert.h"
#include "ota/json.h"
#include <string.h>

/* 123e4567-e89b-12d3-a456-426614174000: a dash before bytes 4, 6, 8 and 10. */
#define UUID_DASHES (1u << 4 | 1u << 6 | 1u << 8 | 1u << 10)

static ota_err_t store_number(const struct ota_json *value, void *into, size_t size)
{
    uint64_t number;
    const ota_err_t err = ota_json_u64(value, &number);
    if (err != OTA_OK) {
        return err;
    }
    if (size == sizeof(uint64_t)) {
        *(uint64_t *)into = number;
        return OTA_OK;
    }
    if (number > (size == sizeof(uint32_t) ? UINT32_MAX : UINT8_MAX)) {
        return OTA_E_RANGE;
    }
    if (size == sizeof(uint32_t)) {
        *(uint32_t *)into = (uint32_t)number;
    } else {
        *(uint8_t *)into = (uint8_t)number;
    }
    return OTA_OK;
}

/*
 * One member, to the field of its row, which is aligned as its type needs. A row without a mark
 * marks its own field, which is written over at once.
 */
static ota_err_t store(const struct ota_json_field *field, const struct ota_json *value,
                       uint8_t *into)
{
    const unsigned kind = field->kind & ~OTA_JSON_REQUIRED;
    bool good = true;
    into[field->mark] = true;
    into += field->offset;
    if (kind == OTA_JSON_NUMBER) {
        return store_number(value, into, field->size);
    }
    if (kind == OTA_JSON_HEX || kind == OTA_JSON_UUID) {
        good = ota_json_hex(value, kind == OTA_JSON_HEX ? 0 : UUID_DASHES, into, field->size);
    } else {
        good = kind == OTA_JSON_ANY || kind == ota_json_kind(value);
        memcpy(into, value, sizeof *value);
    }
    return good ? OTA_OK : OTA_E_MALFORMED;
}

ota_err_t ota_json_bind(const struct ota_json *object, const struct ota_json_field *fields,
                        size_t count, void *into)
{
    struct ota_json_walk w = ota_json_walk(object);
    struct ota_json key, value;
    uint32_t seen = 0; /* a bit for each row; those that need not be seen, at the end */
    ota_err_t err = ota_json_kind(object) == OTA_JSON_OBJECT ? OTA_OK : OTA_E_MALFORMED;
    OTA_ASSERT(count <= 32);
    while (err == OTA_OK && ota_json_next(&w, &key, &value)) {
        size_t i = 0;
        while (i < count && !ota_json_is(&key, ota_span_of_str(fields[i].name))) {
            i++;
        }
        if (i == count) {
            continue;
        }
        if ((seen >> i & 1u) != 0) {
            return OTA_E_MALFORMED;
        }
        seen |= 1u << i;
        if (ota_json_kind(&value) != OTA_JSON_NULL) {
            err = store(&fields[i], &value, into);
        } else if ((fields[i].kind & OTA_JSON_REQUIRED) != 0) {
            err = OTA_E_MALFORMED;
        }
    }
    for (size_t i = 0; i < count && err == OTA_OK; i++) {
        if ((fields[i].kind & OTA_JSON_REQUIRED) != 0 && (seen >> i & 1u) == 0) {
            err = OTA_E_MALFORMED;
        }
    }
    return err;
}

ota_err_t ota_json_find(const struct ota_json *object, const char *name, struct ota_json *value)
{
    const struct ota_json_field field = { name, OTA_JSON_ANY, sizeof *value, 0, 0 };
    struct ota_json found = { OTA_SPAN_NONE };
    if (ota_json_kind(object) == OTA_JSON_OBJECT) {
        const ota_err_t err = ota_json_bind(object, &field, 1, &found);
        if (err != OTA_OK) {
            return err;
        }
    }
    if (found.text.len == 0) {
        return OTA_E_NOT_FOUND;
    }
    *value = found;
    return OTA_OK;
}
