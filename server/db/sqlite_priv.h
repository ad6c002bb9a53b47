/* Inside of the SQLite adapter: one connection and its prepared statements. */
#ifndef SRV_SQLITE_PRIV_H
#define SRV_SQLITE_PRIV_H

#include "sqlite.h"
#include <sqlite3.h>

/* The sections of statements.sql. */
#define SRV_STATEMENTS(X)                                                                          \
    X(begin)                                                                                       \
    X(commit)                                                                                      \
    X(rollback)                                                                                    \
    X(thing_get)                                                                                   \
    X(thing_put)                                                                                   \
    X(thing_list)                                                                                  \
    X(report_get)                                                                                  \
    X(report_put)                                                                                  \
    X(report_drop)                                                                                 \
    X(artifact_get)                                                                                \
    X(artifact_put)                                                                                \
    X(stream_get)                                                                                  \
    X(stream_put)                                                                                  \
    X(stream_files)                                                                                \
    X(stream_files_drop)                                                                           \
    X(stream_file_put)                                                                             \
    X(job_get)                                                                                     \
    X(job_put)                                                                                     \
    X(job_text_put)                                                                                \
    X(job_list)                                                                                    \
    X(execution_get)                                                                               \
    X(execution_put)                                                                               \
    X(execution_pending)                                                                           \
    X(execution_of_job)                                                                            \
    X(execution_of_thing)                                                                          \
    X(execution_due)                                                                               \
    X(execution_shift)                                                                             \
    X(event_put)                                                                                   \
    X(event_drop)                                                                                  \
    X(event_list)                                                                                  \
    X(outbox_put)                                                                                  \
    X(outbox_drop)                                                                                 \
    X(outbox_list)

enum srv_statement {
#define X(name) SQL_##name,
    SRV_STATEMENTS(X)
#undef X
        SQL_COUNT,
};

struct srv_sqlite {
    struct srv_db base;
    sqlite3 *connection;
    sqlite3_stmt *statements[SQL_COUNT]; /* prepared at first use */
};

/** Bring an open database to the newest migration. */
SRV_MUST_CHECK bool srv_sqlite_migrate(sqlite3 *connection, struct srv_err *err);

/* sqlite_statement.c. Failures are sticky in db->err; with one, everything here does nothing. */

/** The statement, reset, nothing bound; NULL after a failure. Each bind and read takes NULL. */
sqlite3_stmt *srv_sql(struct srv_db *db, enum srv_statement which);
void srv_sql_bind_text(sqlite3_stmt *s, int index, struct ota_span text); /* borrowed until reset */
void srv_sql_bind_str(sqlite3_stmt *s, int index, const char *text);
void srv_sql_bind_blob(sqlite3_stmt *s, int index, const uint8_t *bytes, size_t size);
void srv_sql_bind_int(sqlite3_stmt *s, int index, int64_t value);
void srv_sql_bind_u64(sqlite3_stmt *s, int index, uint64_t value);
/** Whether there is a row (more). The statement is reset after the last one. */
bool srv_sql_row(struct srv_db *db, sqlite3_stmt *s);
/** Run a statement that gives no rows. */
void srv_sql_run(struct srv_db *db, sqlite3_stmt *s);
/** One row was wanted: let go of the rest. */
void srv_sql_done(sqlite3_stmt *s);
void srv_sql_fail(struct srv_db *db, const char *doing);

struct ota_span srv_sql_text(struct srv_arena *a, sqlite3_stmt *s, int column);
void srv_sql_name(char *out, size_t cap, sqlite3_stmt *s, int column);
void srv_sql_digest(uint8_t out[SRV_DIGEST_SIZE], sqlite3_stmt *s, int column);
uint64_t srv_sql_u64(sqlite3_stmt *s, int column);

/** What makes rows of one kind, in an arena. */
struct srv_sql_reader {
    size_t item_size; /* of one row's struct */
    void (*read)(sqlite3_stmt *s, struct srv_arena *a, void *row);
};

/**
 * All rows of `s`, at most `limit`, as an array in the arena.
 *
 * @param rows  out: where the pointer to the first goes; NULL if there is none.
 */
size_t srv_sql_rows(struct srv_db *db, sqlite3_stmt *s, const struct srv_sql_reader *reader,
                    struct srv_arena *a, size_t limit, void *rows);

/* The verbs, one file a kind of row. */
extern const struct srv_db_ops srv_sqlite_ops;
bool srv_sqlite_thing_get(struct srv_db *db, struct ota_span name, struct srv_thing *row);
void srv_sqlite_thing_put(struct srv_db *db, const struct srv_thing *row);
size_t srv_sqlite_thing_list(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                             size_t limit, struct srv_thing **rows);
bool srv_sqlite_report_get(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                           struct srv_report *row);
void srv_sqlite_report_put(struct srv_db *db, const struct srv_report *row);
void srv_sqlite_report_drop(struct srv_db *db, struct ota_span thing);
bool srv_sqlite_artifact_get(struct srv_db *db, const uint8_t digest[SRV_DIGEST_SIZE],
                             struct srv_artifact *row);
void srv_sqlite_artifact_put(struct srv_db *db, const struct srv_artifact *row);
bool srv_sqlite_stream_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                           struct srv_stream *row);
void srv_sqlite_stream_put(struct srv_db *db, const struct srv_stream *row);

bool srv_sqlite_job_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                        struct srv_job *row);
void srv_sqlite_job_put(struct srv_db *db, const struct srv_job *row);
size_t srv_sqlite_job_list(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                           size_t limit, struct srv_job **rows);

bool srv_sqlite_execution_get(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                              struct ota_span thing, uint64_t number, struct srv_execution *row);
void srv_sqlite_execution_put(struct srv_db *db, const struct srv_execution *row);
size_t srv_sqlite_execution_pending(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                    size_t limit, struct srv_execution **rows);
size_t srv_sqlite_execution_of_job(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                                   struct ota_span after_thing, size_t limit,
                                   struct srv_execution **rows);
size_t srv_sqlite_execution_of_thing(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                     uint64_t before_order, size_t limit,
                                     struct srv_execution **rows);
size_t srv_sqlite_execution_due(struct srv_db *db, struct srv_arena *a, int64_t now_s, size_t limit,
                                struct srv_execution **rows);
void srv_sqlite_execution_shift(struct srv_db *db, int64_t by_s);

void srv_sqlite_event_put(struct srv_db *db, const struct srv_event *row);
void srv_sqlite_event_drop(struct srv_db *db, const struct srv_event *row);
size_t srv_sqlite_event_list(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                             uint64_t after_seq, size_t limit, struct srv_event **rows);
uint64_t srv_sqlite_outbox_put(struct srv_db *db, const struct srv_outbox_row *row);
void srv_sqlite_outbox_drop(struct srv_db *db, uint64_t id);
size_t srv_sqlite_outbox_list(struct srv_db *db, struct srv_arena *a, uint64_t after_id,
                              size_t limit, struct srv_outbox_row **rows);

#endif
