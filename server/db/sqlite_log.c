/* What is only ever appended and dropped: events, the outbox. */
#include "sqlite_priv.h"

static void event_read(sqlite3_stmt *s, struct srv_arena *a, void *out)
{
    struct srv_event *row = out;
    row->seq = srv_sql_u64(s, 0);
    row->at_s = sqlite3_column_int64(s, 1);
    srv_sql_name(row->job_id, sizeof row->job_id, s, 2);
    srv_sql_name(row->thing, sizeof row->thing, s, 3);
    row->number = srv_sql_u64(s, 4);
    row->version = srv_sql_u64(s, 5);
    row->status = ota_job_status_parse(ota_span_of_str((const char *)sqlite3_column_text(s, 6)));
    row->details = srv_sql_text(a, s, 7);
}

static const struct srv_sql_reader event_reader = { sizeof(struct srv_event), event_read };

void srv_sqlite_event_put(struct srv_db *db, const struct srv_event *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_event_put);
    srv_sql_bind_int(s, 1, row->at_s);
    srv_sql_bind_str(s, 2, row->job_id);
    srv_sql_bind_str(s, 3, row->thing);
    srv_sql_bind_u64(s, 4, row->number);
    srv_sql_bind_u64(s, 5, row->version);
    srv_sql_bind_str(s, 6, ota_job_status_name(row->status));
    srv_sql_bind_text(s, 7, row->details);
    srv_sql_run(db, s);
}

void srv_sqlite_event_drop(struct srv_db *db, const struct srv_event *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_event_drop);
    srv_sql_bind_str(s, 1, row->job_id);
    srv_sql_bind_str(s, 2, row->thing);
    srv_sql_bind_u64(s, 3, row->number);
    srv_sql_bind_u64(s, 4, row->version);
    srv_sql_run(db, s);
}

size_t srv_sqlite_event_list(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                             uint64_t after_seq, size_t limit, struct srv_event **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_event_list);
    srv_sql_bind_text(s, 1, job_id);
    srv_sql_bind_u64(s, 2, after_seq);
    srv_sql_bind_u64(s, 3, limit);
    return srv_sql_rows(db, s, &event_reader, a, limit, rows);
}

static void outbox_read(sqlite3_stmt *s, struct srv_arena *a, void *out)
{
    (void)a;
    struct srv_outbox_row *row = out;
    row->id = srv_sql_u64(s, 0);
    row->notice = sqlite3_column_bytes(s, 1) > (int)(sizeof "notify" - 1) ? SRV_NOTICE_NOTIFY_NEXT
                                                                          : SRV_NOTICE_NOTIFY;
    srv_sql_name(row->thing, sizeof row->thing, s, 2);
}

static const struct srv_sql_reader outbox_reader = { sizeof(struct srv_outbox_row), outbox_read };

uint64_t srv_sqlite_outbox_put(struct srv_db *db, const struct srv_outbox_row *row)
{
    struct srv_sqlite *self = (struct srv_sqlite *)db;
    sqlite3_stmt *s = srv_sql(db, SQL_outbox_put);
    srv_sql_bind_str(s, 1, row->notice == SRV_NOTICE_NOTIFY ? "notify" : "notify-next");
    srv_sql_bind_str(s, 2, row->thing);
    srv_sql_run(db, s);
    return (uint64_t)sqlite3_last_insert_rowid(self->connection);
}

void srv_sqlite_outbox_drop(struct srv_db *db, uint64_t id)
{
    sqlite3_stmt *s = srv_sql(db, SQL_outbox_drop);
    srv_sql_bind_u64(s, 1, id);
    srv_sql_run(db, s);
}

size_t srv_sqlite_outbox_list(struct srv_db *db, struct srv_arena *a, uint64_t after_id,
                              size_t limit, struct srv_outbox_row **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_outbox_list);
    srv_sql_bind_u64(s, 1, after_id);
    srv_sql_bind_u64(s, 2, limit);
    return srv_sql_rows(db, s, &outbox_reader, a, limit, rows);
}
