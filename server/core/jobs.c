#include "json.h"
#include "reply.h"
#include <stdlib.h>
#include <string.h>

/* Executions looked at together when a job is cancelled. */
#define CANCEL_PAGE 256u

const char *srv_job_status_name(enum srv_job_status status)
{
    switch (status) {
    case SRV_JOB_IN_PROGRESS: return "IN_PROGRESS";
    case SRV_JOB_CANCELED: return "CANCELED";
    case SRV_JOB_COMPLETED: return "COMPLETED";
    }
    return "?";
}

static bool document_ok(struct ota_span document, struct srv_err *err)
{
    if (document.len == 0 || document.len > OTA_JOB_DOCUMENT_MAX) {
        return srv_fail(err, SRV_E_INVALID, "a job document has 1 to %u bytes",
                        OTA_JOB_DOCUMENT_MAX);
    }
    json_t *object;
    struct srv_err why;
    if (!srv_json_object(document, &object, &why)) {
        return srv_fail(err, SRV_E_INVALID, "job document: %.120s", why.text);
    }
    json_decref(object);
    return true;
}

static bool fields_ok(struct srv_tx *tx, const struct srv_command *c)
{
    if (!ota_job_id_ok(c->job_create.id)) {
        return srv_fail(tx->err, SRV_E_INVALID,
                        "a job's id is 1 to %u of a-z A-Z 0-9 _ - and no topic word",
                        OTA_JOB_ID_MAX);
    }
    if (!srv_text_ok(c->job_create.description, "a description", tx->err)) {
        return false;
    }
    if (c->job_create.in_progress_timeout_min > SRV_TIMEOUT_MIN_MAX) {
        return srv_fail(tx->err, SRV_E_INVALID, "a timeout is 1 to %u minutes",
                        SRV_TIMEOUT_MIN_MAX);
    }
    return document_ok(c->job_create.document, tx->err) &&
           srv_document_check(tx, c->job_create.document);
}

static int by_bytes(const void *a, const void *b)
{
    const struct ota_span *x = a, *y = b;
    const size_t len = x->len < y->len ? x->len : y->len;
    const int order = memcmp(x->ptr, y->ptr, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

static bool target_ok(struct srv_tx *tx, struct ota_span name)
{
    struct srv_thing thing;
    const int len = name.len <= OTA_THING_NAME_MAX ? (int)name.len : 0;
    if (!ota_thing_name_ok(name) || !srv_db_thing_get(tx->db, name, &thing)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "there is no thing %.*s", len,
                        (const char *)name.ptr);
    }
    if (thing.state == SRV_THING_DISABLED) {
        return srv_fail(tx->err, SRV_E_STATE, "the thing %s is disabled", thing.name);
    }
    return true;
}

static bool targets_ok(struct srv_tx *tx, const struct srv_command *c)
{
    const size_t count = c->job_create.target_count;
    if (count < 1 || count > SRV_JOB_TARGETS_MAX) {
        return srv_fail(tx->err, SRV_E_LIMIT, "a job has 1 to %u targets", SRV_JOB_TARGETS_MAX);
    }
    struct ota_span *sorted = srv_arena_take(tx->arena, count * sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        if (!target_ok(tx, c->job_create.targets[i])) {
            return false;
        }
        sorted[i] = c->job_create.targets[i];
    }
    qsort(sorted, count, sizeof *sorted, by_bytes);
    for (size_t i = 1; i < count; i++) {
        if (ota_span_eq(sorted[i - 1u], sorted[i])) {
            return srv_fail(tx->err, SRV_E_INVALID, "the target %.*s stands there twice",
                            (int)sorted[i].len, (const char *)sorted[i].ptr);
        }
    }
    return true;
}

static bool references_ok(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_job *job = srv_arena_take(tx->arena, sizeof *job);
    if (srv_db_job_get(tx->db, tx->arena, c->job_create.id, job)) {
        return srv_fail(tx->err, SRV_E_EXISTS, "the job %s exists already", job->id);
    }
    struct srv_stream *stream = srv_arena_take(tx->arena, sizeof *stream);
    if (c->job_create.stream_id.len > 0 &&
        !srv_db_stream_get(tx->db, tx->arena, c->job_create.stream_id, stream)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "there is no such stream");
    }
    return targets_ok(tx, c);
}

static struct ota_span targets_text(struct srv_tx *tx, const struct srv_command *c)
{
    struct ota_writer w =
        srv_tx_writer(tx, 2u + c->job_create.target_count * (OTA_THING_NAME_MAX + 3u));
    struct ota_json_out o = ota_json_out(&w);
    ota_json_array_begin(&o);
    for (size_t i = 0; i < c->job_create.target_count; i++) {
        ota_json_put_string(&o, c->job_create.targets[i]);
    }
    ota_json_array_end(&o);
    return ota_writer_done(&w);
}

bool srv_do_job_create(struct srv_tx *tx, const struct srv_command *c)
{
    if (!fields_ok(tx, c) || !references_ok(tx, c)) {
        return false;
    }
    struct srv_job job = { .status = SRV_JOB_IN_PROGRESS,
                           .description = c->job_create.description,
                           .document = c->job_create.document,
                           .targets = targets_text(tx, c),
                           .in_progress_timeout_min = c->job_create.in_progress_timeout_min,
                           .created_at_s = tx->now_s,
                           .updated_at_s = tx->now_s };
    srv_name_set(job.id, sizeof job.id, c->job_create.id);
    srv_name_set(job.stream_id, sizeof job.stream_id, c->job_create.stream_id);
    srv_db_job_put(tx->db, &job);
    for (size_t i = 0; i < c->job_create.target_count; i++) {
        const struct ota_span thing = c->job_create.targets[i];
        const struct srv_front before = srv_front_of(tx, thing);
        srv_execution_create(tx, &job, thing);
        srv_notify(tx, thing, &before, SRV_PENDING_CHANGED);
    }
    srv_db_job_put(tx->db, &job);
    return true;
}

static void cancel_one(struct srv_tx *tx, struct srv_job *job, struct srv_execution *e)
{
    const bool touched =
        e->status == OTA_JOB_QUEUED || (e->status == OTA_JOB_IN_PROGRESS && job->force_canceled);
    if (!touched) {
        return;
    }
    const enum ota_job_status before_status = e->status;
    const struct ota_span thing = ota_span_of_str(e->thing);
    const struct srv_front before = srv_front_of(tx, thing);
    e->status = OTA_JOB_CANCELED;
    srv_execution_change_of(tx, job, e, before_status);
    srv_notify(tx, thing, &before, SRV_PENDING_CHANGED);
}

static void cancel_all(struct srv_tx *tx, struct srv_job *job)
{
    struct ota_span after = OTA_SPAN_NONE;
    size_t count;
    do {
        struct srv_execution *rows;
        count = srv_db_execution_of_job(tx->db, tx->arena, ota_span_of_str(job->id), after,
                                        CANCEL_PAGE, &rows);
        for (size_t i = 0; i < count; i++) {
            cancel_one(tx, job, &rows[i]);
            after = ota_span_of_str(rows[i].thing);
        }
    } while (count == CANCEL_PAGE);
}

static bool reason_code_ok(struct ota_span code)
{
    for (size_t i = 0; i < code.len; i++) {
        const uint8_t c = code.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return code.len <= SRV_REASON_CODE_MAX;
}

/* A cancelled job can be cancelled again with force, for those that are still at it. */
static bool cancel_ok(struct srv_tx *tx, const struct srv_command *c, const struct srv_job *job)
{
    const bool again = job->status == SRV_JOB_CANCELED && c->job_cancel.force &&
                       job->counts[OTA_JOB_IN_PROGRESS] > 0;
    if (job->status != SRV_JOB_IN_PROGRESS && !again) {
        return srv_fail(tx->err, SRV_E_INVALID, "the job is %s already",
                        srv_job_status_name(job->status));
    }
    if (!reason_code_ok(c->job_cancel.reason_code)) {
        return srv_fail(tx->err, SRV_E_INVALID, "a reason code is 1 to %u of A-Z 0-9 _",
                        SRV_REASON_CODE_MAX);
    }
    return srv_text_ok(c->job_cancel.comment, "a comment", tx->err);
}

bool srv_do_job_cancel(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_job job;
    if (!srv_db_job_get(tx->db, tx->arena, c->job_cancel.id, &job)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "there is no job %.*s", (int)c->job_cancel.id.len,
                        (const char *)c->job_cancel.id.ptr);
    }
    if (!cancel_ok(tx, c, &job)) {
        return false;
    }
    job.status = SRV_JOB_CANCELED;
    job.force_canceled = job.force_canceled || c->job_cancel.force;
    job.updated_at_s = tx->now_s;
    job.completed_at_s = tx->now_s;
    srv_name_set(job.reason_code, sizeof job.reason_code, c->job_cancel.reason_code);
    job.comment = c->job_cancel.comment;
    cancel_all(tx, &job);
    srv_db_job_put(tx->db, &job);
    return true;
}
