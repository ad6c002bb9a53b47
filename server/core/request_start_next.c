/* jobs/start-next: StartNextPendingJobExecution. */
#include "request.h"

#define SECONDS_PER_MINUTE 60

bool srv_request_step_timeout(const struct srv_request *rq, struct srv_number *minutes,
                              struct srv_err *err)
{
    static const struct srv_number_rule rule = { "stepTimeoutInMinutes", -1, SRV_TIMEOUT_MIN_MAX,
                                                 SRV_NUMBER_ONLY };
    if (!srv_json_number(rq->body, &rule, minutes, err)) {
        return false;
    }
    return !minutes->given || minutes->value != 0 ||
           srv_fail(err, SRV_E_INVALID, "stepTimeoutInMinutes is 1 to %u, or -1",
                    SRV_TIMEOUT_MIN_MAX);
}

void srv_request_start(struct srv_tx *tx, struct srv_execution *e)
{
    struct srv_job job;
    if (e->started_at_s != 0 ||
        !srv_db_job_get(tx->db, tx->arena, ota_span_of_str(e->job_id), &job)) {
        return;
    }
    e->started_at_s = tx->now_s;
    if (job.in_progress_timeout_min > 0) {
        e->progress_deadline_s =
            tx->now_s + (int64_t)job.in_progress_timeout_min * SECONDS_PER_MINUTE;
    }
}

void srv_request_arm(struct srv_tx *tx, struct srv_execution *e, struct srv_number minutes)
{
    if (minutes.given) {
        e->step_deadline_s = minutes.value > 0 ? tx->now_s + minutes.value * SECONDS_PER_MINUTE : 0;
    }
}

/* Idempotent: an execution that is IN_PROGRESS already is handed out again as it is. */
static void start(struct srv_tx *tx, struct srv_execution *e, const struct srv_details *details,
                  struct srv_number step_minutes)
{
    if (e->status != OTA_JOB_QUEUED) {
        return;
    }
    e->status = OTA_JOB_IN_PROGRESS;
    e->details = details->given ? details->text : e->details;
    srv_request_start(tx, e);
    srv_request_arm(tx, e, step_minutes);
    srv_execution_change(tx, e, OTA_JOB_QUEUED);
}

bool srv_request_start_next(struct srv_tx *tx, struct srv_request *rq)
{
    struct srv_number step_minutes;
    struct srv_details details;
    if (!srv_request_step_timeout(rq, &step_minutes, tx->err) ||
        !srv_json_details(rq->body, tx->arena, &details, tx->err)) {
        return false;
    }
    struct srv_execution *e;
    struct srv_job job;
    struct srv_reply r;
    if (srv_db_execution_pending(tx->db, tx->arena, rq->topic.thing, 1, &e) == 0) {
        srv_reply_begin(&r, tx, rq->token, 0);
        srv_request_accept(tx, rq, &r);
        return true;
    }
    if (!srv_db_job_get(tx->db, tx->arena, ota_span_of_str(e->job_id), &job)) {
        return srv_fail(tx->err, SRV_E_INTERNAL, "an execution without its job");
    }
    start(tx, e, &details, step_minutes);
    const struct ota_span document = srv_document_for(tx, &job, e->thing);
    srv_reply_begin(&r, tx, rq->token, srv_execution_room(e, document));
    srv_reply_execution(&r, "execution", e, document, tx->now_s);
    srv_request_accept(tx, rq, &r);
    return true; /* it was the front and stays it: nothing to notify */
}
