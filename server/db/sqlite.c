#include "sqlite_priv.h"
#include <stdlib.h>

/* Another process looks into the file (a backup): wait for it this long. */
#define BUSY_MS 5000

static void close_db(struct srv_db *db)
{
    struct srv_sqlite *self = (struct srv_sqlite *)db;
    for (size_t i = 0; i < SQL_COUNT; i++) {
        sqlite3_finalize(self->statements[i]);
    }
    sqlite3_close(self->connection);
    free(self);
}

static void begin(struct srv_db *db)
{
    srv_sql_run(db, srv_sql(db, SQL_begin));
}

static void commit(struct srv_db *db)
{
    srv_sql_run(db, srv_sql(db, SQL_commit));
}

static void rollback(struct srv_db *db)
{
    struct srv_sqlite *self = (struct srv_sqlite *)db;
    db->err.code = SRV_OK; /* the way back must work in spite of it */
    if (sqlite3_get_autocommit(self->connection) == 0) {
        srv_sql_run(db, srv_sql(db, SQL_rollback));
    }
}

const struct srv_db_ops srv_sqlite_ops = {
    .close = close_db,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .thing_get = srv_sqlite_thing_get,
    .thing_put = srv_sqlite_thing_put,
    .thing_list = srv_sqlite_thing_list,
    .report_get = srv_sqlite_report_get,
    .report_put = srv_sqlite_report_put,
    .report_drop = srv_sqlite_report_drop,
    .artifact_get = srv_sqlite_artifact_get,
    .artifact_put = srv_sqlite_artifact_put,
    .stream_get = srv_sqlite_stream_get,
    .stream_put = srv_sqlite_stream_put,
    .job_get = srv_sqlite_job_get,
    .job_put = srv_sqlite_job_put,
    .job_list = srv_sqlite_job_list,
    .execution_get = srv_sqlite_execution_get,
    .execution_put = srv_sqlite_execution_put,
    .execution_pending = srv_sqlite_execution_pending,
    .execution_of_job = srv_sqlite_execution_of_job,
    .execution_of_thing = srv_sqlite_execution_of_thing,
    .execution_due = srv_sqlite_execution_due,
    .execution_shift = srv_sqlite_execution_shift,
    .event_put = srv_sqlite_event_put,
    .event_drop = srv_sqlite_event_drop,
    .event_list = srv_sqlite_event_list,
    .outbox_put = srv_sqlite_outbox_put,
    .outbox_drop = srv_sqlite_outbox_drop,
    .outbox_list = srv_sqlite_outbox_list,
};

static bool set_up(struct srv_sqlite *self, const char *pragmas, struct srv_err *err)
{
    sqlite3_busy_timeout(self->connection, BUSY_MS);
    if (sqlite3_exec(self->connection, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
        return srv_fail(err, SRV_E_INTERNAL, "database settings: %.100s",
                        sqlite3_errmsg(self->connection));
    }
    return true;
}

static bool open_file(const char *path, int flags, struct srv_sqlite **out, struct srv_err *err)
{
    struct srv_sqlite *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "out of memory");
    }
    self->base.ops = &srv_sqlite_ops;
    if (sqlite3_open_v2(path, &self->connection, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        srv_fail(err, SRV_E_INTERNAL, "cannot open the database %.60s: %.60s", path,
                 sqlite3_errmsg(self->connection));
        close_db(&self->base);
        return false;
    }
    *out = self;
    return true;
}

bool srv_sqlite_open(const char *path, struct srv_db **db, struct srv_err *err)
{
    struct srv_sqlite *self = NULL;
    if (!open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &self, err)) {
        return false;
    }
    if (!set_up(self,
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
                err) ||
        !srv_sqlite_migrate(self->connection, err)) {
        close_db(&self->base);
        return false;
    }
    *db = &self->base;
    return true;
}

bool srv_sqlite_open_reader(const char *path, struct srv_db **db, struct srv_err *err)
{
    struct srv_sqlite *self = NULL;
    if (!open_file(path, SQLITE_OPEN_READONLY, &self, err)) {
        return false;
    }
    if (!set_up(self, "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;", err)) {
        close_db(&self->base);
        return false;
    }
    *db = &self->base;
    return true;
}
