#include "ota/assert.h"
#include "ota/wire.h"

/* What follows ROOT/things/THING/ has one of three forms. */
enum form {
    JOBS,   /* jobs/VERB                */
    JOB,    /* jobs/ID/VERB             */
    STREAM, /* streams/ID/VERB/FORMAT   */
};

/* Writing and parsing go by this one table. A verb may have two levels. */
static const struct {
    enum form form;
    const char *verb;
} shapes[] = {
    [OTA_TOPIC_JOBS_GET] = { JOBS, "get" },
    [OTA_TOPIC_JOBS_START_NEXT] = { JOBS, "start-next" },
    [OTA_TOPIC_JOB_GET] = { JOB, "get" },
    [OTA_TOPIC_JOB_UPDATE] = { JOB, "update" },
    [OTA_TOPIC_STREAM_DESCRIBE] = { STREAM, "describe" },
    [OTA_TOPIC_STREAM_GET] = { STREAM, "get" },
    [OTA_TOPIC_JOBS_GET_ACCEPTED] = { JOBS, "get/accepted" },
    [OTA_TOPIC_JOBS_GET_REJECTED] = { JOBS, "get/rejected" },
    [OTA_TOPIC_JOBS_START_NEXT_ACCEPTED] = { JOBS, "start-next/accepted" },
    [OTA_TOPIC_JOBS_START_NEXT_REJECTED] = { JOBS, "start-next/rejected" },
    [OTA_TOPIC_JOB_GET_ACCEPTED] = { JOB, "get/accepted" },
    [OTA_TOPIC_JOB_GET_REJECTED] = { JOB, "get/rejected" },
    [OTA_TOPIC_JOB_UPDATE_ACCEPTED] = { JOB, "update/accepted" },
    [OTA_TOPIC_JOB_UPDATE_REJECTED] = { JOB, "update/rejected" },
    [OTA_TOPIC_JOBS_NOTIFY] = { JOBS, "notify" },
    [OTA_TOPIC_JOBS_NOTIFY_NEXT] = { JOBS, "notify-next" },
    [OTA_TOPIC_STREAM_DESCRIPTION] = { STREAM, "description" },
    [OTA_TOPIC_STREAM_DATA] = { STREAM, "data" },
    [OTA_TOPIC_STREAM_REJECTED] = { STREAM, "rejected" },
};
_Static_assert(sizeof shapes / sizeof shapes[0] == OTA_TOPIC_KIND_COUNT, "a shape a kind");

static const char *first_level(enum form form)
{
    return form == STREAM ? "streams/" : "jobs/";
}

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

static bool take_str(struct ota_reader *r, const char *str)
{
    const struct ota_span text = ota_span_of_str(str);
    return ota_span_eq(ota_read_bytes(r, text.len), text);
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
    const enum form form = shapes[topic->kind].form;
    if (!take_str(&r, first_level(form))) {
        return false;
    }
    if (form != JOBS) {
        topic->id = take_level(&r);
        if (!take_str(&r, "/")) {
            return false;
        }
    }
    if (!take_str(&r, shapes[topic->kind].verb)) {
        return false;
    }
    if (form == STREAM && !(take_str(&r, "/") && take_format(&r, &topic->format))) {
        return false;
    }
    return ota_reader_left(&r) == 0;
}

/* Describing $next is legal, and its answers repeat the id that was asked for; updating it is not. */
static bool may_be_next(enum ota_topic_kind kind)
{
    return kind == OTA_TOPIC_JOB_GET || kind == OTA_TOPIC_JOB_GET_ACCEPTED ||
           kind == OTA_TOPIC_JOB_GET_REJECTED;
}

static bool names_ok(const struct ota_topic *topic)
{
    if (!ota_thing_name_ok(topic->thing)) {
        return false;
    }
    switch (shapes[topic->kind].form) {
    case JOBS: return true;
    case STREAM: return ota_stream_id_ok(topic->id);
    case JOB: break;
    }
    return ota_job_id_ok(topic->id) ||
           (may_be_next(topic->kind) && ota_span_eq(topic->id, OTA_JOB_NEXT));
}

ota_err_t ota_topic_parse(struct ota_span root, struct ota_span text, struct ota_topic *topic)
{
    struct ota_reader r = ota_reader(text);
    if (!ota_span_eq(ota_read_bytes(&r, root.len), root) || !take_str(&r, "/things/")) {
        return OTA_E_NOT_FOUND;
    }
    const struct ota_span thing = take_level(&r);
    if (!take_str(&r, "/")) {
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
    const enum form form = shapes[topic->kind].form;
    ota_write_str(w, first_level(form));
    if (form != JOBS) {
        ota_write_bytes(w, topic->id);
        ota_write_u8(w, '/');
    }
    ota_write_str(w, shapes[topic->kind].verb);
    if (form == STREAM) {
        ota_write_u8(w, '/');
        ota_write_str(w, format_name(topic->format));
    }
}
