#include "json.h"
#include "ota/wire.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* jansson recurses; a bound of our own keeps a hostile text off the stack. */
static bool shallow(struct ota_span text)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (in_string) {
            i += c == '\\' ? 1u : 0u;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > SRV_JSON_DEPTH_MAX) {
                return false;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

bool srv_json_object(struct ota_span text, json_t **object, struct srv_err *err)
{
    if (text.len > SRV_PAYLOAD_MAX) {
        return srv_fail(err, SRV_E_INVALID, "a message has at most %u bytes", SRV_PAYLOAD_MAX);
    }
    if (!shallow(text)) {
        return srv_fail(err, SRV_E_JSON, "nested deeper than %u", SRV_JSON_DEPTH_MAX);
    }
    if (text.len == 0) {
        *object = json_object();
        return *object != NULL || srv_fail(err, SRV_E_INTERNAL, "out of memory");
    }
    json_error_t why;
    json_t *value = json_loadb((const char *)text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (value == NULL) {
        return srv_fail(err, SRV_E_JSON, "not valid JSON at byte %d: %.100s", why.position,
                        why.text);
    }
    if (!json_is_object(value)) {
        json_decref(value);
        return srv_fail(err, SRV_E_JSON, "not a JSON object");
    }
    *object = value;
    return true;
}

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

bool srv_json_token(const json_t *object, struct ota_span *token, struct srv_err *err)
{
    const json_t *value = member(object, "clientToken");
    *token = OTA_SPAN_NONE;
    if (value == NULL) {
        return true;
    }
    if (!json_is_string(value)) {
        return srv_fail(err, SRV_E_INVALID, "clientToken is not a string");
    }
    if (json_string_length(value) > OTA_TOKEN_MAX) {
        return srv_fail(err, SRV_E_INVALID, "clientToken is longer than %u bytes", OTA_TOKEN_MAX);
    }
    *token =
        (struct ota_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
    return true;
}

bool srv_json_flag(const json_t *object, const char *name, bool *flag, struct srv_err *err)
{
    const json_t *value = member(object, name);
    if (value == NULL) {
        return true;
    }
    if (!json_is_boolean(value)) {
        return srv_fail(err, SRV_E_INVALID, "%s is neither true nor false", name);
    }
    *flag = json_is_true(value);
    return true;
}

/* Decimal digits and nothing else; 18 of them cannot overflow. */
static bool digits(const json_t *text, int64_t *number)
{
    const char *at = json_string_value(text);
    const size_t len = json_string_length(text);
    if (len == 0 || len > 18) {
        return false;
    }
    int64_t sum = 0;
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        sum = sum * 10 + (at[i] - '0');
    }
    *number = sum;
    return true;
}

bool srv_json_number(const json_t *object, const struct srv_number_rule *rule,
                     struct srv_number *number, struct srv_err *err)
{
    const json_t *value = member(object, rule->name);
    *number = (struct srv_number){ .given = false };
    if (value == NULL) {
        return true;
    }
    int64_t n = 0;
    if (json_is_integer(value)) {
        n = json_integer_value(value);
    } else if (rule->form != SRV_NUMBER_OR_TEXT || !json_is_string(value) || !digits(value, &n)) {
        return srv_fail(err, SRV_E_INVALID, "%s is not a whole number", rule->name);
    }
    if (n < rule->min || n > rule->max) {
        return srv_fail(err, SRV_E_INVALID, "%s is outside %" PRId64 " to %" PRId64, rule->name,
                        rule->min, rule->max);
    }
    *number = (struct srv_number){ true, n };
    return true;
}

static bool detail_key_ok(const char *key)
{
    const size_t len = strlen(key);
    static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-";
    return len >= 1 && len <= SRV_DETAIL_KEY_MAX && strspn(key, legal) == len;
}

/* Characters, not bytes; jansson has checked the UTF-8. U+0080 to U+009F are C2 80 to C2 9F. */
static bool detail_value_ok(const json_t *value)
{
    const uint8_t *at = (const uint8_t *)json_string_value(value);
    const size_t len = json_string_length(value);
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        const bool c1 = at[i] == 0xc2 && i + 1u < len && at[i + 1u] < 0xa0;
        if (at[i] < 0x20 || at[i] == 0x7f || c1) {
            return false;
        }
        count += (at[i] & 0xc0u) != 0x80u ? 1u : 0u;
    }
    return count >= 1 && count <= SRV_DETAIL_VALUE_MAX;
}

static bool details_ok(json_t *map, struct srv_err *err)
{
    if (!json_is_object(map)) {
        return srv_fail(err, SRV_E_INVALID, "statusDetails is not an object");
    }
    if (json_object_size(map) > SRV_DETAILS_MAX) {
        return srv_fail(err, SRV_E_INVALID, "statusDetails has more than %u members",
                        SRV_DETAILS_MAX);
    }
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        if (!detail_key_ok(key)) {
            return srv_fail(err, SRV_E_INVALID,
                            "a key of statusDetails is not 1 to %u of a-z A-Z 0-9 : _ -",
                            SRV_DETAIL_KEY_MAX);
        }
        if (!json_is_string(value) || !detail_value_ok(value)) {
            return srv_fail(err, SRV_E_INVALID,
                            "a value of statusDetails is not 1 to %u characters of text",
                            SRV_DETAIL_VALUE_MAX);
        }
    }
    return true;
}

bool srv_json_details(const json_t *object, struct srv_arena *a, struct srv_details *details,
                      struct srv_err *err)
{
    json_t *map = json_object_get(object, "statusDetails");
    *details = (struct srv_details){ .given = false };
    if (map == NULL || json_is_null(map)) {
        return true;
    }
    if (!details_ok(map, err)) {
        return false;
    }
    details->given = true;
    if (json_object_size(map) == 0) {
        return true;
    }
    char *text = json_dumps(map, JSON_COMPACT);
    if (text == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "out of memory");
    }
    details->text = srv_arena_copy(a, ota_span_of_str(text));
    free(text);
    return true;
}
