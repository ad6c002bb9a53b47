#include "tx.h"
#include <string.h>

/* Progress reports must not fill the disk: an execution keeps its newest events. */
#define EVENTS_MAX 100u
/* Timers that expire in one transaction. */
#define TICK_MAX 256u

static void note(struct srv_tx *tx, const struct srv_execution *e)
{
    struct srv_event event = { .at_s = tx->now_s,
                               .number = e->number,
                               .version = e->version,
                               .status = e->status,
                               .details = e->details };
    memcpy(event.job_id, e->job_id, sizeof event.job_id);
    memcpy(event.thing, e->thing, sizeof event.thing);
    srv_db_event_put(tx->db, &event);
    if (event.version > EVENTS_MAX) {
        event.version -= EVENTS_MAX;
        srv_db_event_drop(tx->db, &event);
    }
}

void srv_execution_create(struct srv_tx *tx, struct srv_job *job, struct ota_span thing)
{
    struct srv_execution e = { .number = 1,
                               .version = 1,
                               .status = OTA_JOB_QUEUED,
                               .queued_at_s = tx->now_s,
                               .updated_at_s = tx->now_s };
    memcpy(e.job_id, job->id, sizeof e.job_id);
    srv_name_set(e.thing, sizeof e.thing, thing);
    srv_db_execution_put(tx->db, &e);
    job->counts[OTA_JOB_QUEUED]++;
    note(tx, &e);
}

static void write_change(struct srv_tx *tx, struct srv_execution *e)
{
    e->version++;
    e->updated_at_s = tx->now_s;
    if (ota_job_status_terminal(e->status)) {
        e->progress_deadline_s = 0;
        e->step_deadline_s = 0;
    }
    srv_db_execution_put(tx->db, e);
    note(tx, e);
}

void srv_execution_change_of(struct srv_tx *tx, struct srv_job *job, struct srv_execution *e,
                             enum ota_job_status before)
{
    write_change(tx, e);
    job->counts[before]--;
    job->counts[e->status]++;
    job->updated_at_s = tx->now_s;
    const bool over = job->counts[OTA_JOB_QUEUED] == 0 && job->counts[OTA_JOB_IN_PROGRESS] == 0;
    if (over && job->status == SRV_JOB_IN_PROGRESS) {
        job->status = SRV_JOB_COMPLETED;
        job->completed_at_s = tx->now_s;
    }
}

void srv_execution_change(struct srv_tx *tx, struct srv_execution *e, enum ota_job_status before)
{
    struct srv_job job;
    if (e->status == before) { /* a progress report: the job's row stays as it is */
        write_change(tx, e);
        return;
    }
    if (srv_db_job_get(tx->db, tx->arena, ota_span_of_str(e->job_id), &job)) {
        srv_execution_change_of(tx, &job, e, before);
        srv_db_job_put(tx->db, &job);
    }
}

void srv_tick(struct srv_tx *tx)
{
    struct srv_execution *rows;
    const size_t count = srv_db_execution_due(tx->db, tx->arena, tx->now_s, TICK_MAX, &rows);
    for (size_t i = 0; i < count; i++) {
        const struct ota_span thing = ota_span_of_str(rows[i].thing);
        const struct srv_front before = srv_front_of(tx, thing);
        rows[i].status = OTA_JOB_TIMED_OUT;
        srv_execution_change(tx, &rows[i], OTA_JOB_IN_PROGRESS);
        srv_notify(tx, thing, &before, SRV_PENDING_CHANGED);
    }
    tx->outcome->more = count == TICK_MAX;
}
