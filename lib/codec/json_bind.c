#include "ota/assert.h"
#include "ota/json.h"

/* One member, to the field of its row. `into` is aligned as the field is. */
static ota_err_t store(const struct ota_json_field *field, struct ota_json value, void *into)
{
    const unsigned kind = field->kind & ~OTA_JSON_REQUIRED;
    if (kind != OTA_JSON_NUMBER) {
        *(struct ota_json *)into = value;
        return kind == OTA_JSON_ANY || kind == ota_json_kind(value) ? OTA_OK : OTA_E_MALFORMED;
    }
    uint64_t number;
    const ota_err_t err = ota_json_u64(value, &number);
    if (err != OTA_OK) {
        return err;
    }
    switch (field->size) {
    case 1: *(uint8_t *)into = (uint8_t)number; return number > UINT8_MAX ? OTA_E_RANGE : OTA_OK;
    case 4: *(uint32_t *)into = (uint32_t)number; return number > UINT32_MAX ? OTA_E_RANGE : OTA_OK;
    case 8: *(uint64_t *)into = number; return OTA_OK;
    }
    OTA_UNREACHABLE();
}

ota_err_t ota_json_bind(struct ota_json object, const struct ota_json_field *fields, size_t count,
                        void *into)
{
    struct ota_json_walk w = ota_json_walk(object);
    struct ota_json key, value;
    uint32_t seen = 0, missing = 0;
    if (ota_json_kind(object) != OTA_JSON_OBJECT) {
        return OTA_E_MALFORMED;
    }
    OTA_ASSERT(count <= 32);
    for (size_t i = 0; i < count; i++) {
        missing |= (uint32_t)((fields[i].kind & OTA_JSON_REQUIRED) != 0) << i;
    }
    while (ota_json_next(&w, &key, &value)) {
        for (size_t i = 0; i < count; i++) {
            const uint32_t bit = 1u << i;
            if (!ota_json_is(key, ota_span_of_str(fields[i].name))) {
                continue;
            }
            if ((seen & bit) != 0) {
                return OTA_E_MALFORMED;
            }
            seen |= bit;
            if (ota_json_kind(value) == OTA_JSON_NULL) {
                continue;
            }
            missing &= ~bit;
            const ota_err_t err = store(&fields[i], value, (uint8_t *)into + fields[i].offset);
            if (err != OTA_OK) {
                return err;
            }
        }
    }
    return missing != 0 ? OTA_E_MALFORMED : OTA_OK;
}

ota_err_t ota_json_find(struct ota_json object, const char *name, struct ota_json *value)
{
    const struct ota_json_field field = { name, OTA_JSON_ANY, sizeof *value, 0 };
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
