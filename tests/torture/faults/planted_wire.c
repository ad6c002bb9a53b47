/*
 * Faults around messages: names, numbers, tokens, blocks.
 */
#include "planted.h"

#include "ota/jobs.h"
#include "ota/json.h"
#include "ota/stream.h"
#include "ota/wire.h"

#include <stdlib.h>
#include <string.h>

/* --- names -------------------------------------------------------------------------------------- */

static bool only_besides(struct ota_span name, const char *allowed, bool (*ok)(struct ota_span))
{
    uint8_t patched[256];
    if (name.len > sizeof patched) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = name.ptr[i];
        patched[i] = c != '\0' && strchr(allowed, c) != NULL ? (uint8_t)'x' : c;
    }
    return ok((struct ota_span){ patched, name.len });
}

WRAP(bool, ota_job_id_ok, struct ota_span id)
{
    if (planted("mender-short-name") && id.len == 0) {
        return true;
    }
    if (planted("updatehub-long-name") && id.len == OTA_JOB_ID_MAX + 1u) {
        return true;
    }
    if (planted("mender-traversal")) {
        return only_besides(id, "./", __real_ota_job_id_ok);
    }
    return __real_ota_job_id_ok(id);
}

WRAP(bool, ota_thing_name_ok, struct ota_span name)
{
    if (planted("mosquitto-wildcard")) {
        return only_besides(name, "+#", __real_ota_thing_name_ok);
    }
    return __real_ota_thing_name_ok(name);
}

/* --- texts -------------------------------------------------------------------------------------- */

WRAP(struct ota_span, ota_read_bytes, struct ota_reader *r, size_t len)
{
    if (planted("swupdate-underflow") && !r->bad && len > SIZE_MAX / 2u) {
        return (struct ota_span){ r->at, len }; /* at + len is below the end: it has wrapped */
    }
    return __real_ota_read_bytes(r, len);
}

WRAP(ota_err_t, ota_json_parse, struct ota_span text, struct ota_json *value)
{
    ota_err_t err = __real_ota_json_parse(text, value);
    while (err == OTA_E_MALFORMED && text.len > 1 && planted("corejson-lenient")) {
        text.len--;
        err = __real_ota_json_parse(text, value);
    }
    return err;
}

WRAP(ota_err_t, ota_json_u64, const struct ota_json *value, uint64_t *number)
{
    if (planted("file-streams-digits") && value->text.len > 10) {
        abort(); /* an assert on what the network says */
    }
    return __real_ota_json_u64(value, number);
}

WRAP(bool, ota_json_hex, const struct ota_json *value, uint32_t dashes, uint8_t *bytes,
     size_t count)
{
    const bool ok = __real_ota_json_hex(value, dashes, bytes, count);
    if (!ok && planted("swupdate-hex")) {
        memset(bytes, 0, count);
        return true;
    }
    if (!ok && planted("opkg-blank-digest") && value->text.len > 1 &&
        (value->text.ptr[1] == ' ' || value->text.ptr[1] == '"')) {
        return true; /* as of length 0: nothing to compare */
    }
    return ok;
}

WRAP(bool, ota_json_is, const struct ota_json *value, struct ota_span text)
{
    const bool token = text.len == 16 && ota_json_kind(value) == OTA_JSON_STRING;
    if (token && planted("freertos-tcp-any-answer")) {
        return true;
    }
    return __real_ota_json_is(value, text);
}

/* --- blocks -------------------------------------------------------------------------------------- */

WRAP(ota_err_t, ota_stream_on_message, struct ota_stream *s, const struct ota_topic *topic,
     struct ota_span payload, struct ota_buf room, struct ota_block *block)
{
    static uint32_t last;
    const ota_err_t err = __real_ota_stream_on_message(s, topic, payload, room, block);
    if (err != OTA_OK && err != OTA_E_NOT_FOUND && planted("file-streams-fields")) {
        *block = (struct ota_block){ .data = payload };
        return OTA_OK;
    }
    if (err == OTA_OK && planted("ota-sdk-order")) {
        if (block->offset < last && block->offset != 0) {
            abort(); /* the next block can only be a later one */
        }
        last = block->offset;
    }
    return err;
}

/* --- reports ------------------------------------------------------------------------------------- */

WRAP(void, ota_jobs_tell, struct ota_jobs *j, const struct ota_jobs_update *update)
{
    static uint8_t first[OTA_JOB_ID_MAX];
    static size_t first_len;
    struct ota_jobs_update told = *update;
    if (planted("swupdate-old-report")) {
        if (first_len == 0) {
            first_len = update->job_id.len;
            memcpy(first, update->job_id.ptr, first_len);
        }
        told.job_id = (struct ota_span){ first, first_len };
    }
    __real_ota_jobs_tell(j, &told);
}
