/* jobs/get: GetPendingJobExecutions. */
#include "request.h"

bool srv_request_get(struct srv_tx *tx, struct srv_request *rq)
{
    struct srv_execution *rows;
    const size_t count =
        srv_db_execution_pending(tx->db, tx->arena, rq->topic.thing, SRV_PENDING_MAX, &rows);
    struct srv_reply r;
    srv_reply_begin(&r, tx, rq->token, count * SRV_SUMMARY_ROOM);
    srv_reply_summaries(&r, "inProgressJobs", rows, count, OTA_JOB_IN_PROGRESS);
    srv_reply_summaries(&r, "queuedJobs", rows, count, OTA_JOB_QUEUED);
    srv_request_accept(tx, rq, &r);
    return true;
}
