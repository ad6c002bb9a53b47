#include "db.h"

static bool well(const struct srv_db *db)
{
    return db->err.code == SRV_OK;
}

void srv_db_close(struct srv_db *db)
{
    if (db != NULL) {
        db->ops->close(db);
    }
}

void srv_db_begin(struct srv_db *db)
{
    db->err = (struct srv_err){ .code = SRV_OK };
    db->ops->begin(db);
}

bool srv_db_commit(struct srv_db *db, struct srv_err *err)
{
    if (well(db)) {
        db->ops->commit(db);
    }
    if (well(db)) {
        return true;
    }
    *err = db->err;
    srv_db_rollback(db);
    return false;
}

void srv_db_rollback(struct srv_db *db)
{
    db->ops->rollback(db);
    db->err = (struct srv_err){ .code = SRV_OK };
}

bool srv_db_thing_get(struct srv_db *db, struct ota_span name, struct srv_thing *row)
{
    return well(db) && db->ops->thing_get(db, name, row);
}

void srv_db_thing_put(struct srv_db *db, const struct srv_thing *row)
{
    if (well(db)) {
        db->ops->thing_put(db, row);
    }
}

size_t srv_db_thing_list(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                         size_t limit, struct srv_thing **rows)
{
    return well(db) ? db->ops->thing_list(db, a, after, limit, rows) : 0;
}

bool srv_db_report_get(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                       struct srv_report *row)
{
    return well(db) && db->ops->report_get(db, a, thing, row);
}

void srv_db_report_put(struct srv_db *db, const struct srv_report *row)
{
    if (well(db)) {
        db->ops->report_put(db, row);
    }
}

void srv_db_report_drop(struct srv_db *db, struct ota_span thing)
{
    if (well(db)) {
        db->ops->report_drop(db, thing);
    }
}

bool srv_db_artifact_get(struct srv_db *db, const uint8_t digest[SRV_DIGEST_SIZE],
                         struct srv_artifact *row)
{
    return well(db) && db->ops->artifact_get(db, digest, row);
}

void srv_db_artifact_put(struct srv_db *db, const struct srv_artifact *row)
{
    if (well(db)) {
        db->ops->artifact_put(db, row);
    }
}

bool srv_db_stream_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                       struct srv_stream *row)
{
    return well(db) && db->ops->stream_get(db, a, id, row);
}

void srv_db_stream_put(struct srv_db *db, const struct srv_stream *row)
{
    if (well(db)) {
        db->ops->stream_put(db, row);
    }
}

bool srv_db_job_get(struct srv_db *db, struct srv_arena *a, struct ota_span id, struct srv_job *row)
{
    return well(db) && db->ops->job_get(db, a, id, row);
}

void srv_db_job_put(struct srv_db *db, const struct srv_job *row)
{
    if (well(db)) {
        db->ops->job_put(db, row);
    }
}

size_t srv_db_job_list(struct srv_db *db, struct srv_arena *a, struct ota_span after, size_t limit,
                       struct srv_job **rows)
{
    return well(db) ? db->ops->job_list(db, a, after, limit, rows) : 0;
}

bool srv_db_execution_get(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                          struct ota_span thing, uint64_t number, struct srv_execution *row)
{
    return well(db) && db->ops->execution_get(db, a, job_id, thing, number, row);
}

void srv_db_execution_put(struct srv_db *db, const struct srv_execution *row)
{
    if (well(db)) {
        db->ops->execution_put(db, row);
    }
}

size_t srv_db_execution_pending(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                size_t limit, struct srv_execution **rows)
{
    return well(db) ? db->ops->execution_pending(db, a, thing, limit, rows) : 0;
}

size_t srv_db_execution_of_job(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                               struct ota_span after_thing, size_t limit,
                               struct srv_execution **rows)
{
    return well(db) ? db->ops->execution_of_job(db, a, job_id, after_thing, limit, rows) : 0;
}

size_t srv_db_execution_of_thing(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                 uint64_t before_order, size_t limit, struct srv_execution **rows)
{
    return well(db) ? db->ops->execution_of_thing(db, a, thing, before_order, limit, rows) : 0;
}

size_t srv_db_execution_due(struct srv_db *db, struct srv_arena *a, int64_t now_s, size_t limit,
                            struct srv_execution **rows)
{
    return well(db) ? db->ops->execution_due(db, a, now_s, limit, rows) : 0;
}

void srv_db_execution_shift(struct srv_db *db, int64_t by_s)
{
    if (well(db)) {
        db->ops->execution_shift(db, by_s);
    }
}

void srv_db_event_put(struct srv_db *db, const struct srv_event *row)
{
    if (well(db)) {
        db->ops->event_put(db, row);
    }
}

void srv_db_event_drop(struct srv_db *db, const struct srv_event *row)
{
    if (well(db)) {
        db->ops->event_drop(db, row);
    }
}

size_t srv_db_event_list(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                         uint64_t after_seq, size_t limit, struct srv_event **rows)
{
    return well(db) ? db->ops->event_list(db, a, job_id, after_seq, limit, rows) : 0;
}

uint64_t srv_db_outbox_put(struct srv_db *db, const struct srv_outbox_row *row)
{
    return well(db) ? db->ops->outbox_put(db, row) : 0;
}

void srv_db_outbox_drop(struct srv_db *db, uint64_t id)
{
    if (well(db)) {
        db->ops->outbox_drop(db, id);
    }
}

size_t srv_db_outbox_list(struct srv_db *db, struct srv_arena *a, uint64_t after_id, size_t limit,
                          struct srv_outbox_row **rows)
{
    return well(db) ? db->ops->outbox_list(db, a, after_id, limit, rows) : 0;
}
