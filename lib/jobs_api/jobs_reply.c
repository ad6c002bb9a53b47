#include "ota/jobs_api.h"
#include <string.h>

/* Status words and error codes are shorter than a job id; a string that is longer is none of them. */
#define TEXT_MAX OTA_JOB_ID_MAX

/* The characters of a string; empty if it is too long, or none. */
static struct ota_span read_text(const struct ota_json *value, uint8_t room[TEXT_MAX])
{
    struct ota_span text = OTA_SPAN_NONE;
    const ota_err_t err = ota_json_string(value, (struct ota_buf){ room, TEXT_MAX }, &text);
    return err == OTA_OK ? text : OTA_SPAN_NONE;
}

/* --- an execution -------------------------------------------------------------- */

/* Everything that may stand in one; the rows are in the order of what its three forms share. */
struct execution {
    uint64_t version, number, queued_at, started_at, updated_at, left;
    struct ota_json status, details, id, document;
    bool has_left;
};
static const struct ota_json_field execution_fields[] = {
    OTA_JSON_FIELD("jobId", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct execution, id),
    OTA_JSON_FIELD("executionNumber", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct execution,
                   number),
    OTA_JSON_FIELD("queuedAt", OTA_JSON_NUMBER, struct execution, queued_at),
    OTA_JSON_FIELD("startedAt", OTA_JSON_NUMBER, struct execution, started_at),
    OTA_JSON_FIELD("lastUpdatedAt", OTA_JSON_NUMBER, struct execution, updated_at),
    OTA_JSON_FIELD("versionNumber", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct execution, version),
    OTA_JSON_FIELD("status", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct execution, status),
    OTA_JSON_FIELD("statusDetails", OTA_JSON_OBJECT, struct execution, details),
    OTA_JSON_FIELD("jobDocument", OTA_JSON_OBJECT, struct execution, document),
    OTA_JSON_MARKED("approximateSecondsBeforeTimedOut", OTA_JSON_NUMBER, struct execution, left,
                    has_left),
};
#define SUMMARY_FIELDS execution_fields, 6u
#define STATE_FIELDS   execution_fields + 5, 3u

static ota_err_t fill_summary(const struct execution *e, struct ota_jobs_summary *summary)
{
    uint8_t room[TEXT_MAX];
    const struct ota_span id = read_text(&e->id, room);
    /* Letters, digits, dashes as in the name of a stream; of those, not even what collides with a topic is refused. */
    if (!ota_stream_id_ok(id)) {
        return OTA_E_NAME;
    }
    summary->job_id_len = (uint8_t)id.len;
    memcpy(summary->job_id, id.ptr, id.len);
    summary->queued_at = e->queued_at;
    summary->started_at = e->started_at;
    summary->updated_at = e->updated_at;
    summary->version = e->version;
    summary->execution = e->number;
    return OTA_OK;
}

static void fill_state(const struct execution *e, struct ota_jobs_state *state)
{
    uint8_t room[TEXT_MAX];
    state->status = ota_job_status_parse(read_text(&e->status, room));
    state->version = e->version;
    state->details = e->details;
}

static ota_err_t read_summary(const struct ota_json *object, struct ota_jobs_summary *summary)
{
    struct execution e = { 0 };
    const ota_err_t err = ota_json_bind(object, SUMMARY_FIELDS, &e);
    return err == OTA_OK ? fill_summary(&e, summary) : err;
}

static ota_err_t read_state(const struct ota_json *object, struct ota_jobs_state *state)
{
    struct execution e = { 0 };
    const ota_err_t err = ota_json_bind(object, STATE_FIELDS, &e);
    if (err == OTA_OK) {
        fill_state(&e, state);
    }
    return err;
}

static ota_err_t read_execution(const struct ota_json *object, struct ota_jobs_execution *execution)
{
    struct execution e = { 0 };
    const ota_err_t err = ota_json_bind(object, OTA_JSON_FIELDS(execution_fields), &e);
    if (err != OTA_OK) {
        return err;
    }
    fill_state(&e, &execution->state);
    execution->document = e.document;
    execution->has_time_left = e.has_left;
    execution->seconds_left = e.left;
    return fill_summary(&e, &execution->summary);
}

/* --- lists ----------------------------------------------------------------------- */

struct lists {
    struct ota_json started, queued;
};
/* A notification has them in an object of their own, by the status. */
static const struct ota_json_field notified_fields[] = {
    OTA_JSON_FIELD("IN_PROGRESS", OTA_JSON_ARRAY, struct lists, started),
    OTA_JSON_FIELD("QUEUED", OTA_JSON_ARRAY, struct lists, queued),
};

bool ota_jobs_api_next(struct ota_json_walk *list, struct ota_jobs_summary *summary)
{
    struct ota_json element;
    return ota_json_next(list, NULL, &element) && read_summary(&element, summary) == OTA_OK;
}

static ota_err_t check_list(const struct ota_json *list)
{
    struct ota_json_walk w = ota_json_walk(list);
    struct ota_json element;
    struct ota_jobs_summary summary;
    ota_err_t err = OTA_OK;
    while (err == OTA_OK && ota_json_next(&w, NULL, &element)) {
        err = read_summary(&element, &summary);
    }
    return err;
}

/* --- the whole --------------------------------------------------------------------- */

#define KIND(kind) (UINT32_C(1) << OTA_TOPIC_##kind)
#define REJECTED                                                                                   \
    (KIND(JOBS_GET_REJECTED) | KIND(JOBS_START_NEXT_REJECTED) | KIND(JOB_GET_REJECTED) |           \
     KIND(JOB_UPDATE_REJECTED))
#define HAS_STATE (REJECTED | KIND(JOB_UPDATE_ACCEPTED))
#define HAS_EXECUTION                                                                              \
    (KIND(JOBS_START_NEXT_ACCEPTED) | KIND(JOB_GET_ACCEPTED) | KIND(JOBS_NOTIFY_NEXT))
#define REPLIES (HAS_STATE | HAS_EXECUTION | KIND(JOBS_GET_ACCEPTED) | KIND(JOBS_NOTIFY))

/* Everything that may stand in a message; which of it counts, its kind says. */
struct message {
    uint64_t timestamp;
    struct ota_json token, code, words, execution, state, document, jobs;
    struct lists lists;
};
static const struct ota_json_field message_fields[] = {
    OTA_JSON_FIELD("timestamp", OTA_JSON_NUMBER, struct message, timestamp),
    OTA_JSON_FIELD("clientToken", OTA_JSON_STRING, struct message, token),
    OTA_JSON_FIELD("code", OTA_JSON_STRING, struct message, code),
    OTA_JSON_FIELD("message", OTA_JSON_STRING, struct message, words),
    OTA_JSON_FIELD("execution", OTA_JSON_OBJECT, struct message, execution),
    OTA_JSON_FIELD("executionState", OTA_JSON_OBJECT, struct message, state),
    OTA_JSON_FIELD("jobDocument", OTA_JSON_OBJECT, struct message, document),
    OTA_JSON_FIELD("jobs", OTA_JSON_OBJECT, struct message, jobs),
    OTA_JSON_FIELD("inProgressJobs", OTA_JSON_ARRAY, struct message, lists.started),
    OTA_JSON_FIELD("queuedJobs", OTA_JSON_ARRAY, struct message, lists.queued),
};

/* Both lists of an answer are always there, even empty; a notification leaves out those that are, but never `jobs`. */
static ota_err_t read_lists(uint32_t is, struct message *m, struct ota_jobs_reply *reply)
{
    ota_err_t err = OTA_OK;
    if (is == KIND(JOBS_NOTIFY)) {
        err = ota_json_bind(&m->jobs, OTA_JSON_FIELDS(notified_fields), &m->lists);
    } else if (m->lists.started.text.len == 0 || m->lists.queued.text.len == 0) {
        err = OTA_E_MALFORMED;
    }
    if (err == OTA_OK) {
        err = check_list(&m->lists.started);
    }
    if (err == OTA_OK) {
        err = check_list(&m->lists.queued);
    }
    reply->started = m->lists.started;
    reply->queued = m->lists.queued;
    return err;
}

static ota_err_t read_rejection(const struct message *m, struct ota_jobs_reply *reply)
{
    uint8_t room[TEXT_MAX];
    if (m->code.text.len == 0) {
        return OTA_E_MALFORMED;
    }
    reply->rejected = true;
    reply->code = ota_wire_code_parse(read_text(&m->code, room));
    reply->message = m->words;
    return OTA_OK;
}

static ota_err_t read_message(uint32_t is, struct message *m, struct ota_jobs_reply *reply)
{
    ota_err_t err = OTA_OK;
    reply->timestamp = m->timestamp;
    reply->token = m->token;
    if ((is & REJECTED) != 0) {
        err = read_rejection(m, reply);
    } else if (is == KIND(JOB_UPDATE_ACCEPTED)) {
        reply->document = m->document;
    } else if ((is & HAS_EXECUTION) == 0) {
        err = read_lists(is, m, reply);
    } else if (m->execution.text.len > 0) {
        reply->has_execution = true;
        err = read_execution(&m->execution, &reply->execution);
    }
    if (err == OTA_OK && (is & HAS_STATE) != 0 && m->state.text.len > 0) {
        reply->has_state = true;
        err = read_state(&m->state, &reply->state);
    }
    return err;
}

ota_err_t ota_jobs_api_read(enum ota_topic_kind kind, struct ota_span payload,
                            struct ota_jobs_reply *reply)
{
    const uint32_t is = kind < OTA_TOPIC_KIND_COUNT ? UINT32_C(1) << kind : 0;
    if ((is & REPLIES) == 0) {
        return OTA_E_UNEXPECTED;
    }
    struct ota_json object;
    struct message m = { 0 };
    ota_err_t err = ota_json_parse(payload, &object);
    if (err == OTA_OK) {
        err = ota_json_bind(&object, OTA_JSON_FIELDS(message_fields), &m);
    }
    if (err != OTA_OK) {
        return err;
    }
    memset(reply, 0, sizeof *reply);
    reply->code = OTA_WIRE_CODE_COUNT;
    return read_message(is, &m, reply);
}
