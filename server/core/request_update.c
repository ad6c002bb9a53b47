/*
 * jobs/ID/update: UpdateJobExecution.
 *
 * Order of the checks: members readable, execution there, expectedVersion,
 * terminal, status, statusDetails. The first that fails is the answer.
 */
#include "request.h"
#include <inttypes.h>
#include <string.h>

struct update {
    struct ota_span status;
    struct srv_number expected_version, number, step_minutes;
    bool tell_state, tell_document;
    struct srv_details details;
};

static bool status_read(const json_t *body, struct update *u, struct srv_err *err)
{
    const json_t *value = json_object_get(body, "status");
    if (!json_is_string(value)) {
        return srv_fail(err, SRV_E_INVALID, "status is missing");
    }
    u->status =
        (struct ota_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
    return true;
}

static bool members_read(const struct srv_request *rq, struct update *u, struct srv_err *err)
{
    static const struct srv_number_rule expected = { "expectedVersion", 0, INT64_MAX,
                                                     SRV_NUMBER_OR_TEXT };
    static const struct srv_number_rule number = { "executionNumber", 1, INT64_MAX,
                                                   SRV_NUMBER_OR_TEXT };
    return status_read(rq->body, u, err) &&
           srv_json_number(rq->body, &expected, &u->expected_version, err) &&
           srv_json_number(rq->body, &number, &u->number, err) &&
           srv_request_step_timeout(rq, &u->step_minutes, err) &&
           srv_json_flag(rq->body, "includeJobExecutionState", &u->tell_state, err) &&
           srv_json_flag(rq->body, "includeJobDocument", &u->tell_document, err);
}

/* The device may say these four; the others are the provider's. */
static bool status_check(struct srv_request *rq, const struct update *u,
                         enum ota_job_status *status, struct srv_err *err)
{
    *status = ota_job_status_parse(u->status);
    switch (*status) {
    case OTA_JOB_IN_PROGRESS:
    case OTA_JOB_SUCCEEDED:
    case OTA_JOB_FAILED:
    case OTA_JOB_REJECTED: return true;
    case OTA_JOB_QUEUED:
        rq->tells_state = true;
        return srv_fail(err, SRV_E_STATE, "an execution cannot be queued again");
    case OTA_JOB_TIMED_OUT:
    case OTA_JOB_CANCELED:
    case OTA_JOB_REMOVED:
        return srv_fail(err, SRV_E_INVALID, "a device cannot set %s", ota_job_status_name(*status));
    case OTA_JOB_STATUS_COUNT: break;
    }
    return srv_fail(err, SRV_E_INVALID, "no such status");
}

static bool current_find(struct srv_tx *tx, struct srv_request *rq, const struct update *u)
{
    struct srv_execution *e = &rq->current;
    if (!srv_db_execution_get(tx->db, tx->arena, rq->topic.id, rq->topic.thing, 0, e) ||
        (u->number.given && (uint64_t)u->number.value != e->number)) {
        *e = (struct srv_execution){ .number = 0 };
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "the thing has no such job execution");
    }
    if (u->expected_version.given && (uint64_t)u->expected_version.value != e->version) {
        rq->tells_state = true;
        return srv_fail(tx->err, SRV_E_VERSION,
                        "Expected version %" PRId64 " but found version %" PRIu64,
                        u->expected_version.value, e->version);
    }
    if (ota_job_status_terminal(e->status)) {
        rq->tells_state = true;
        return srv_fail(tx->err, SRV_E_STATE, "the job execution is %s",
                        ota_job_status_name(e->status));
    }
    return true;
}

static void accept(struct srv_tx *tx, struct srv_request *rq, const struct update *u,
                   const struct srv_execution *e)
{
    struct srv_job job = { .document = OTA_SPAN_NONE };
    if (u->tell_document) {
        (void)srv_db_job_get(tx->db, tx->arena, ota_span_of_str(e->job_id), &job);
    }
    const struct ota_span document = srv_document_for(tx, &job, e->thing);
    struct srv_reply r;
    srv_reply_begin(&r, tx, rq->token, srv_execution_room(e, document));
    if (u->tell_state) {
        srv_reply_state(&r, "executionState", e);
    }
    if (document.len > 0) {
        ota_json_key(&r.o, "jobDocument");
        ota_json_put_raw(&r.o, document);
    }
    srv_request_accept(tx, rq, &r);
}

/* Accepted first, then what it means to the list: the order on the wire. */
static void apply(struct srv_tx *tx, struct srv_request *rq, const struct update *u,
                  enum ota_job_status status)
{
    struct srv_execution e = rq->current;
    const struct srv_front before = srv_front_of(tx, rq->topic.thing);
    e.status = status;
    e.details = u->details.given ? u->details.text : e.details;
    srv_request_start(tx, &e);
    srv_request_arm(tx, &e, u->step_minutes);
    srv_execution_change(tx, &e, rq->current.status);
    accept(tx, rq, u, &e);
    srv_notify(tx, rq->topic.thing, &before,
               ota_job_status_terminal(status) ? SRV_PENDING_CHANGED : SRV_PENDING_SAME);
}

bool srv_request_update(struct srv_tx *tx, struct srv_request *rq)
{
    struct update u = { .tell_state = false };
    enum ota_job_status status;
    if (!members_read(rq, &u, tx->err) || !current_find(tx, rq, &u) ||
        !status_check(rq, &u, &status, tx->err) ||
        !srv_json_details(rq->body, tx->arena, &u.details, tx->err)) {
        return false;
    }
    apply(tx, rq, &u, status);
    return true;
}
