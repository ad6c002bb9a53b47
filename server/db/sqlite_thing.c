/* Things and what they report, artifacts, streams. */
#include "sqlite_priv.h"

static void thing_read(sqlite3_stmt *s, struct srv_arena *a, void *out)
{
    (void)a;
    struct srv_thing *row = out;
    row->state = sqlite3_column_text(s, 1)[0] == 'D' ? SRV_THING_DISABLED : SRV_THING_ENABLED;
    srv_sql_name(row->name, sizeof row->name, s, 0);
    row->created_at_s = sqlite3_column_int64(s, 2);
    row->updated_at_s = sqlite3_column_int64(s, 3);
    srv_sql_name(row->cert_serial, sizeof row->cert_serial, s, 4);
    row->cert_expires_s = sqlite3_column_int64(s, 5);
}

static const struct srv_sql_reader thing_reader = { sizeof(struct srv_thing), thing_read };

bool srv_sqlite_thing_get(struct srv_db *db, struct ota_span name, struct srv_thing *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_thing_get);
    srv_sql_bind_text(s, 1, name);
    if (!srv_sql_row(db, s)) {
        return false;
    }
    thing_read(s, NULL, row);
    srv_sql_done(s);
    return true;
}

void srv_sqlite_thing_put(struct srv_db *db, const struct srv_thing *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_thing_put);
    srv_sql_bind_str(s, 1, row->name);
    srv_sql_bind_str(s, 2, row->state == SRV_THING_DISABLED ? "DISABLED" : "ENABLED");
    srv_sql_bind_int(s, 3, row->created_at_s);
    srv_sql_bind_int(s, 4, row->updated_at_s);
    srv_sql_bind_str(s, 5, row->cert_serial);
    srv_sql_bind_int(s, 6, row->cert_expires_s);
    srv_sql_run(db, s);
}

size_t srv_sqlite_thing_list(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                             size_t limit, struct srv_thing **rows)
{
    sqlite3_stmt *s = srv_sql(db, SQL_thing_list);
    srv_sql_bind_text(s, 1, after);
    srv_sql_bind_u64(s, 2, limit);
    return srv_sql_rows(db, s, &thing_reader, a, limit, rows);
}

bool srv_sqlite_report_get(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                           struct srv_report *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_report_get);
    srv_sql_bind_text(s, 1, thing);
    if (!srv_sql_row(db, s)) {
        return false;
    }
    srv_sql_name(row->thing, sizeof row->thing, s, 0);
    row->version = srv_sql_u64(s, 1);
    row->at_s = sqlite3_column_int64(s, 2);
    row->attributes = srv_sql_text(a, s, 3);
    srv_sql_done(s);
    return true;
}

void srv_sqlite_report_put(struct srv_db *db, const struct srv_report *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_report_put);
    srv_sql_bind_str(s, 1, row->thing);
    srv_sql_bind_u64(s, 2, row->version);
    srv_sql_bind_int(s, 3, row->at_s);
    srv_sql_bind_text(s, 4, row->attributes);
    srv_sql_run(db, s);
}

void srv_sqlite_report_drop(struct srv_db *db, struct ota_span thing)
{
    sqlite3_stmt *s = srv_sql(db, SQL_report_drop);
    srv_sql_bind_text(s, 1, thing);
    srv_sql_run(db, s);
}

bool srv_sqlite_artifact_get(struct srv_db *db, const uint8_t digest[SRV_DIGEST_SIZE],
                             struct srv_artifact *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_artifact_get);
    srv_sql_bind_blob(s, 1, digest, SRV_DIGEST_SIZE);
    if (!srv_sql_row(db, s)) {
        return false;
    }
    srv_sql_digest(row->digest, s, 0);
    row->size = srv_sql_u64(s, 1);
    row->created_at_s = sqlite3_column_int64(s, 2);
    srv_sql_done(s);
    return true;
}

void srv_sqlite_artifact_put(struct srv_db *db, const struct srv_artifact *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_artifact_put);
    srv_sql_bind_blob(s, 1, row->digest, SRV_DIGEST_SIZE);
    srv_sql_bind_u64(s, 2, row->size);
    srv_sql_bind_int(s, 3, row->created_at_s);
    srv_sql_run(db, s);
}

static void files_read(struct srv_db *db, struct ota_span id, struct srv_stream *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_stream_files);
    srv_sql_bind_text(s, 1, id);
    row->file_count = 0;
    while (row->file_count < SRV_STREAM_FILES_MAX && srv_sql_row(db, s)) {
        struct srv_stream_file *file = &row->files[row->file_count++];
        file->id = (uint8_t)sqlite3_column_int(s, 0);
        file->size = srv_sql_u64(s, 1);
        srv_sql_digest(file->digest, s, 2);
    }
    srv_sql_done(s);
}

bool srv_sqlite_stream_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                           struct srv_stream *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_stream_get);
    srv_sql_bind_text(s, 1, id);
    if (!srv_sql_row(db, s)) {
        return false;
    }
    srv_sql_name(row->id, sizeof row->id, s, 0);
    row->version = (uint32_t)sqlite3_column_int64(s, 1);
    row->created_at_s = sqlite3_column_int64(s, 2);
    row->description = srv_sql_text(a, s, 3);
    srv_sql_done(s);
    files_read(db, ota_span_of_str(row->id), row);
    return db->err.code == SRV_OK;
}

static void file_put(struct srv_db *db, const char *stream_id, const struct srv_stream_file *file)
{
    sqlite3_stmt *s = srv_sql(db, SQL_stream_file_put);
    srv_sql_bind_str(s, 1, stream_id);
    srv_sql_bind_int(s, 2, file->id);
    srv_sql_bind_u64(s, 3, file->size);
    srv_sql_bind_blob(s, 4, file->digest, SRV_DIGEST_SIZE);
    srv_sql_run(db, s);
}

void srv_sqlite_stream_put(struct srv_db *db, const struct srv_stream *row)
{
    sqlite3_stmt *s = srv_sql(db, SQL_stream_put);
    srv_sql_bind_str(s, 1, row->id);
    srv_sql_bind_int(s, 2, row->version);
    srv_sql_bind_int(s, 3, row->created_at_s);
    srv_sql_bind_text(s, 4, row->description);
    srv_sql_run(db, s);

    s = srv_sql(db, SQL_stream_files_drop);
    srv_sql_bind_str(s, 1, row->id);
    srv_sql_run(db, s);
    for (size_t i = 0; i < row->file_count; i++) {
        file_put(db, row->id, &row->files[i]);
    }
}
