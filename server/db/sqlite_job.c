#include "sqlite_priv.h"
#include <string.h>

static enum srv_job_status status_of(sqlite3_stmt *s, int column)
{
    const char *word = (const char *)sqlite3_column_text(s, column);
    for (int i = SRV_JOB_IN_PROGRESS; i <= SRV_JOB_COMPLETED; i++) {
        if (word != NULL && strcmp(word, srv_job_status_name((enum srv_job_status)i)) == 0) {
            return (enum srv_job_status)i;
        }
    }
    return SRV_JOB_CANCELED; /* a word that we never wrote: nothing more happens to it */
}

static void job_read(sqlite3_stmt *s, struct srv_arena *a, void *out)
{
    struct srv_job *row = out;
    srv_sql_name(row->id, sizeof row->id, s, 0);
    row->status = status_of(s, 1);
    row->force_canceled = sqlite3_column_int(s, 2) != 0;
    srv_sql_name(row->reason_code, sizeof row->reason_code, s, 3);
    row->comment = srv_sql_text(a, s, 4);
    row->description = srv_sql_text(a, s, 5);
    row->document = srv_sql_text(a, s, 6);
    row->targets = srv_sql_text(a, s, 7);
    srv_sql_name(row->stream_id, sizeof row->stream_id, s, 8);
    row->in_progress_timeout_min = (uint32_t)sqlite3_column_int64(s, 9);
    row->created_at_s = sqlite3_column_int64(s, 10);
    row->updated_at_s = sqlite3_column_int64(s, 11);
    row->completed_at_s = sqlite3_column_int64(s, 12);
    for (int i = 0; i < OTA_JOB_STATUS_COUNT; i++) {
        row->counts[i] = (uint32_t)sqlite3_column_int64(s, 13 + i);
    }
}

static const struct srv_sql_reader job_reader = { sizeof(struct srv_job), job_read };

bool srv_sqlite_job_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                        struct srv_job *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_job_get);
    srv_sql_bind_text(s, 1, id);
    if (!srv_sql_row(db, s)) {
        return false;
    }
    job_read(s, a, row);
    srv_sql_done(s);
    return true;
}

static void text_put(struct srv_db *db, const struct srv_job *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_job_text_put);
    srv_sql_bind_str(s, 1, row->id);
    srv_sql_bind_text(s, 2, row->document);
    srv_sql_bind_text(s, 3, row->targets);
    srv_sql_run(db, s);
}

void srv_sqlite_job_put(struct srv_db *db, const struct srv_job *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_job_put);
    srv_sql_bind_str(s, 1, row->id);
    srv_sql_bind_str(s, 2, srv_job_status_name(row->status));
    srv_sql_bind_int(s, 3, row->force_canceled ? 1 : 0);
    srv_sql_bind_str(s, 4, row->reason_code);
    srv_sql_bind_text(s, 5, row->comment);
    srv_sql_bind_text(s, 6, row->description);
    if (row->stream_id[0] != '\0') { /* else NULL: a reference to none */
        srv_sql_bind_str(s, 7, row->stream_id);
    }
    srv_sql_bind_int(s, 8, row->in_progress_timeout_min);
    srv_sql_bind_int(s, 9, row->created_at_s);
    srv_sql_bind_int(s, 10, row->updated_at_s);
    srv_sql_bind_int(s, 11, row->completed_at_s);
    for (int i = 0; i < OTA_JOB_STATUS_COUNT; i++) {
        srv_sql_bind_int(s, 12 + i, row->counts[i]);
    }
    srv_sql_run(db, s);
    text_put(db, row);
}

size_t srv_sqlite_job_list(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                           size_t limit, struct srv_job **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_job_list);
    srv_sql_bind_text(s, 1, after);
    srv_sql_bind_u64(s, 2, limit);
    return srv_sql_rows(db, s, &job_reader, a, limit, rows);
}
