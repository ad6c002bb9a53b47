/* jobs/ID/get: DescribeJobExecution. $next only peeks. */
#include "request.h"

static const struct srv_number_rule number_rule = { "executionNumber", 1, INT64_MAX,
                                                    SRV_NUMBER_OR_TEXT };

static bool find(struct srv_tx *tx, struct srv_request *rq, uint64_t number,
                 struct srv_execution *e)
{
    if (!srv_db_execution_get(tx->db, tx->arena, rq->topic.id, rq->topic.thing, number, e)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "the thing has no such job execution");
    }
    if (ota_job_status_terminal(e->status)) {
        return srv_fail(tx->err, SRV_E_TERMINAL, "the job execution is %s",
                        ota_job_status_name(e->status));
    }
    return true;
}

static void accept(struct srv_tx *tx, struct srv_request *rq, const struct srv_execution *e,
                   bool with_document)
{
    struct srv_job job = { .document = OTA_SPAN_NONE };
    if (with_document) {
        (void)srv_db_job_get(tx->db, tx->arena, ota_span_of_str(e->job_id), &job);
    }
    const struct ota_span document = srv_document_for(tx, &job, e->thing);
    struct srv_reply r;
    srv_reply_begin(&r, tx, rq->token, srv_execution_room(e, document));
    srv_reply_execution(&r, "execution", e, document, tx->now_s);
    srv_request_accept(tx, rq, &r);
}

bool srv_request_describe(struct srv_tx *tx, struct srv_request *rq)
{
    struct srv_number number;
    bool with_document = true;
    if (!srv_json_number(rq->body, &number_rule, &number, tx->err) ||
        !srv_json_flag(rq->body, "includeJobDocument", &with_document, tx->err)) {
        return false;
    }
    if (!ota_span_eq(rq->topic.id, OTA_JOB_NEXT)) {
        struct srv_execution e;
        if (!find(tx, rq, (uint64_t)number.value, &e)) {
            return false;
        }
        accept(tx, rq, &e, with_document);
        return true;
    }
    struct srv_execution *first;
    if (srv_db_execution_pending(tx->db, tx->arena, rq->topic.thing, 1, &first) > 0) {
        accept(tx, rq, first, with_document);
        return true;
    }
    struct srv_reply idle; /* nothing pending is no error */
    srv_reply_begin(&idle, tx, rq->token, 0);
    srv_request_accept(tx, rq, &idle);
    return true;
}
