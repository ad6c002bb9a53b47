#include "ota/wire.h"

/* Letters, digits, '-' and '_', as in every name of AWS IoT; a colon only in thing names. */
static bool is_name_char(uint8_t c)
{
    const uint8_t letter = (uint8_t)(c | 0x20u);
    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool name_ok(struct ota_span name, size_t len_max, uint8_t also)
{
    if (name.len == 0 || name.len > len_max) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_char(name.ptr[i]) && name.ptr[i] != also) {
            return false;
        }
    }
    return true;
}

bool ota_thing_name_ok(struct ota_span name)
{
    return name_ok(name, OTA_THING_NAME_MAX, ':');
}

bool ota_stream_id_ok(struct ota_span id)
{
    return name_ok(id, OTA_STREAM_ID_MAX, '-');
}

bool ota_job_id_ok(struct ota_span id)
{
    static const char *const taken[] = { "get", "start-next", "notify", "notify-next" };

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        if (ota_span_eq(id, ota_span_of_str(taken[i]))) {
            return false;
        }
    }
    return name_ok(id, OTA_JOB_ID_MAX, '-');
}

bool ota_topic_root_ok(struct ota_span root)
{
    if (root.len == 0 || root.len > OTA_TOPIC_ROOT_MAX) {
        return false;
    }
    uint8_t before = '/'; /* what stands before the first level is as if it were a slash */
    for (size_t i = 0; i < root.len; i++) {
        const uint8_t c = root.ptr[i];
        if (c <= ' ' || c > '~' || c == '+' || c == '#' || (c == '/' && before == '/')) {
            return false;
        }
        before = c;
    }
    return before != '/';
}
