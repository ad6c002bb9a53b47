#include "ota/assert.h"
#include "ota/wire.h"

/*
 * What follows ROOT/things/THING/ in each topic: '%' stands for the job's or
 * stream's id, '*' for the format. Writing and parsing go by this one table.
 */
static const char *const templates[] = {
    [OTA_TOPIC_JOBS_GET] = "jobs/get",
    [OTA_TOPIC_JOBS_START_NEXT] = "jobs/start-next",
    [OTA_TOPIC_JOB_GET] = "jobs/%/get",
    [OTA_TOPIC_JOB_UPDATE] = "jobs/%/update",
    [OTA_TOPIC_STREAM_DESCRIBE] = "streams/%/describe/*",
    [OTA_TOPIC_STREAM_GET] = "streams/%/get/*",
    [OTA_TOPIC_JOBS_GET_ACCEPTED] = "jobs/get/accepted",
    [OTA_TOPIC_JOBS_GET_REJECTED] = "jobs/get/rejected",
    [OTA_TOPIC_JOBS_START_NEXT_ACCEPTED] = "jobs/start-next/accepted",
    [OTA_TOPIC_JOBS_START_NEXT_REJECTED] = "jobs/start-next/rejected",
    [OTA_TOPIC_JOB_GET_ACCEPTED] = "jobs/%/get/accepted",
    [OTA_TOPIC_JOB_GET_REJECTED] = "jobs/%/get/rejected",
    [OTA_TOPIC_JOB_UPDATE_ACCEPTED] = "jobs/%/update/accepted",
    [OTA_TOPIC_JOB_UPDATE_REJECTED] = "jobs/%/update/rejected",
    [OTA_TOPIC_JOBS_NOTIFY] = "jobs/notify",
    [OTA_TOPIC_JOBS_NOTIFY_NEXT] = "jobs/notify-next",
    [OTA_TOPIC_STREAM_DESCRIPTION] = "streams/%/description/*",
    [OTA_TOPIC_STREAM_DATA] = "streams/%/data/*",
    [OTA_TOPIC_STREAM_REJECTED] = "streams/%/rejected/*",
};
_Static_assert(sizeof templates / sizeof templates[0] == OTA_TOPIC_KIND_COUNT, "a template a kind");

static const char *format_name(enum ota_format format)
{
    return format == OTA_FORMAT_CBOR ? "cbor" : "json";
}

/* --- taking apart ------------------------------------------------------------ */

/* The bytes up to the next slash, which stays, or to the end. */
static struct ota_span take_level(struct ota_reader *r)
{
    const size_t left = ota_reader_left(r);
    size_t len = 0;
    while (len < left && r->at[len] != '/') {
        len++;
    }
    return ota_read_bytes(r, len);
}

static bool take_text(struct ota_reader *r, struct ota_span text)
{
    return ota_span_eq(ota_read_bytes(r, text.len), text) && !r->bad;
}

static bool begins_with(struct ota_reader r, struct ota_span text)
{
    return take_text(&r, text);
}

static bool take_format(struct ota_reader *r, enum ota_format *format)
{
    const struct ota_span level = take_level(r);
    *format = OTA_FORMAT_CBOR;
    if (ota_span_eq(level, OTA_SPAN_LIT("json"))) {
        *format = OTA_FORMAT_JSON;
    }
    return ota_span_eq(level, ota_span_of_str(format_name(*format)));
}

/* Whether all of `r` has the shape of the topic's kind; if so, id and format are in `topic`. */
static bool matches(struct ota_reader r, struct ota_topic *topic)
{
    for (const char *c = templates[topic->kind]; *c != '\0'; c++) {
        if (*c == '%') {
            topic->id = take_level(&r);
        } else if (*c == '*') {
            if (!take_format(&r, &topic->format)) {
                return false;
            }
        } else if (ota_read_u8(&r) != (uint8_t)*c) {
            return false;
        }
    }
    return !r.bad && ota_reader_left(&r) == 0;
}

/* Describing $next is legal, and its answers repeat the id that was asked for; updating it is not. */
static bool may_be_next(enum ota_topic_kind kind)
{
    return kind == OTA_TOPIC_JOB_GET || kind == OTA_TOPIC_JOB_GET_ACCEPTED ||
           kind == OTA_TOPIC_JOB_GET_REJECTED;
}

static bool names_ok(const struct ota_topic *topic)
{
    const struct ota_reader shape = ota_reader(ota_span_of_str(templates[topic->kind]));
    if (!ota_thing_name_ok(topic->thing)) {
        return false;
    }
    if (begins_with(shape, OTA_SPAN_LIT("streams/%"))) {
        return ota_stream_id_ok(topic->id);
    }
    if (!begins_with(shape, OTA_SPAN_LIT("jobs/%"))) {
        return true;
    }
    return ota_job_id_ok(topic->id) ||
           (may_be_next(topic->kind) && ota_span_eq(topic->id, OTA_JOB_NEXT));
}

ota_err_t ota_topic_parse(struct ota_span root, struct ota_span text, struct ota_topic *topic)
{
    struct ota_reader r = ota_reader(text);
    if (!take_text(&r, root) || !take_text(&r, OTA_SPAN_LIT("/things/"))) {
        return OTA_E_NOT_FOUND;
    }
    const struct ota_span thing = take_level(&r);
    if (!take_text(&r, OTA_SPAN_LIT("/"))) {
        return OTA_E_NOT_FOUND;
    }
    for (unsigned kind = 0; kind < OTA_TOPIC_KIND_COUNT; kind++) {
        struct ota_topic found = { .kind = (enum ota_topic_kind)kind, .thing = thing };
        if (!matches(r, &found)) {
            continue;
        }
        if (!names_ok(&found)) {
            return OTA_E_NAME;
        }
        *topic = found;
        return OTA_OK;
    }
    return OTA_E_NOT_FOUND;
}

/* --- writing ------------------------------------------------------------------ */

void ota_topic_write(struct ota_writer *w, struct ota_span root, const struct ota_topic *topic)
{
    OTA_ASSERT(topic->kind < OTA_TOPIC_KIND_COUNT);
    ota_write_bytes(w, root);
    ota_write_str(w, "/things/");
    ota_write_bytes(w, topic->thing);
    ota_write_u8(w, '/');
    for (const char *c = templates[topic->kind]; *c != '\0'; c++) {
        if (*c == '%') {
            ota_write_bytes(w, topic->id);
        } else if (*c == '*') {
            ota_write_str(w, format_name(topic->format));
        } else {
            ota_write_u8(w, (uint8_t)*c);
        }
    }
}
