#include "sqlite_priv.h"

static void execution_read(sqlite3_stmt *s, struct srv_arena *a, void *out)
{
    struct srv_execution *row = out;
    srv_sql_name(row->job_id, sizeof row->job_id, s, 0);
    srv_sql_name(row->thing, sizeof row->thing, s, 1);
    row->number = srv_sql_u64(s, 2);
    row->version = srv_sql_u64(s, 3);
    row->status = ota_job_status_parse(ota_span_of_str((const char *)sqlite3_column_text(s, 4)));
    row->details = srv_sql_text(a, s, 5);
    row->queued_at_s = sqlite3_column_int64(s, 6);
    row->started_at_s = sqlite3_column_int64(s, 7);
    row->updated_at_s = sqlite3_column_int64(s, 8);
    row->progress_deadline_s = sqlite3_column_int64(s, 9);
    row->step_deadline_s = sqlite3_column_int64(s, 10);
    row->order = srv_sql_u64(s, 11);
}

static const struct srv_sql_reader execution_reader = { sizeof(struct srv_execution),
                                                        execution_read };

bool srv_sqlite_execution_get(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                              struct ota_span thing, uint64_t number, struct srv_execution *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_get);
    srv_sql_bind_text(s, 1, job_id);
    srv_sql_bind_text(s, 2, thing);
    srv_sql_bind_u64(s, 3, number);
    if (!srv_sql_row(db, s)) {
        return false;
    }
    execution_read(s, a, row);
    srv_sql_done(s);
    return true;
}

void srv_sqlite_execution_put(struct srv_db *db, const struct srv_execution *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_put);
    srv_sql_bind_str(s, 1, row->job_id);
    srv_sql_bind_str(s, 2, row->thing);
    srv_sql_bind_u64(s, 3, row->number);
    srv_sql_bind_u64(s, 4, row->version);
    srv_sql_bind_str(s, 5, ota_job_status_name(row->status));
    srv_sql_bind_text(s, 6, row->details);
    srv_sql_bind_int(s, 7, row->queued_at_s);
    srv_sql_bind_int(s, 8, row->started_at_s);
    srv_sql_bind_int(s, 9, row->updated_at_s);
    srv_sql_bind_int(s, 10, row->progress_deadline_s);
    srv_sql_bind_int(s, 11, row->step_deadline_s);
    srv_sql_run(db, s);
}

size_t srv_sqlite_execution_pending(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                    size_t limit, struct srv_execution **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_pending);
    srv_sql_bind_text(s, 1, thing);
    srv_sql_bind_u64(s, 2, limit);
    return srv_sql_rows(db, s, &execution_reader, a, limit, rows);
}

size_t srv_sqlite_execution_of_job(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                                   struct ota_span after_thing, size_t limit,
                                   struct srv_execution **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_of_job);
    srv_sql_bind_text(s, 1, job_id);
    srv_sql_bind_text(s, 2, after_thing);
    srv_sql_bind_u64(s, 3, limit);
    return srv_sql_rows(db, s, &execution_reader, a, limit, rows);
}

size_t srv_sqlite_execution_of_thing(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                     uint64_t before_order, size_t limit,
                                     struct srv_execution **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_of_thing);
    srv_sql_bind_text(s, 1, thing);
    srv_sql_bind_u64(s, 2, before_order);
    srv_sql_bind_u64(s, 3, limit);
    return srv_sql_rows(db, s, &execution_reader, a, limit, rows);
}

size_t srv_sqlite_execution_due(struct srv_db *db, struct srv_arena *a, int64_t now_s, size_t limit,
                                struct srv_execution **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_due);
    srv_sql_bind_int(s, 1, now_s);
    srv_sql_bind_u64(s, 2, limit);
    return srv_sql_rows(db, s, &execution_reader, a, limit, rows);
}

void srv_sqlite_execution_shift(struct srv_db *db, int64_t by_s)
{
    sqlite3_stmt *s = srv_sql(db, SQL_execution_shift);
    srv_sql_bind_int(s, 1, by_s);
    srv_sql_run(db, s);
}
