/*
 * srv_db: the rows, behind one vtable (SQLite now).
 *
 * Failures are sticky, as in a reader: the first one is kept in `err`, each
 * later verb does nothing (gives nothing), and commit refuses. So the domain
 * reads and writes rows in straight lines and asks once. A rollback clears
 * it. No verb knows a rule; all of them take and give whole rows.
 *
 * One connection serves one thread at a time. Writes need a transaction
 * (srv_db_begin); reads do not.
 */
#ifndef SRV_DB_H
#define SRV_DB_H

#include "arena.h"
#include "base/err.h"
#include "rows.h"

struct srv_db {
    const struct srv_db_ops *ops;
    struct srv_err err; /* the first failure since begin; SRV_OK: none */
};

/** A notification that must go out even if the process dies: which, and to whom. */
enum srv_notice { SRV_NOTICE_NOTIFY, SRV_NOTICE_NOTIFY_NEXT };
struct srv_outbox_row {
    uint64_t id;
    enum srv_notice notice;
    char thing[OTA_THING_NAME_MAX + 1u];
};

/* Lists are arrays in the arena, at most `limit` rows; they return the count. */
struct srv_db_ops {
    void (*close)(struct srv_db *db);
    void (*begin)(struct srv_db *db);
    void (*commit)(struct srv_db *db);
    void (*rollback)(struct srv_db *db);

    bool (*thing_get)(struct srv_db *db, struct ota_span name, struct srv_thing *row);
    void (*thing_put)(struct srv_db *db, const struct srv_thing *row);
    size_t (*thing_list)(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                         size_t limit, struct srv_thing **rows);

    bool (*report_get)(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                       struct srv_report *row);
    void (*report_put)(struct srv_db *db, const struct srv_report *row);
    void (*report_drop)(struct srv_db *db, struct ota_span thing);

    bool (*artifact_get)(struct srv_db *db, const uint8_t digest[SRV_DIGEST_SIZE],
                         struct srv_artifact *row);
    void (*artifact_put)(struct srv_db *db, const struct srv_artifact *row);

    bool (*stream_get)(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                       struct srv_stream *row);
    void (*stream_put)(struct srv_db *db, const struct srv_stream *row);

    bool (*job_get)(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                    struct srv_job *row);
    void (*job_put)(struct srv_db *db, const struct srv_job *row);
    size_t (*job_list)(struct srv_db *db, struct srv_arena *a, struct ota_span after, size_t limit,
                       struct srv_job **rows);

    bool (*execution_get)(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                          struct ota_span thing, uint64_t number, struct srv_execution *row);
    void (*execution_put)(struct srv_db *db, const struct srv_execution *row);
    size_t (*execution_pending)(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                size_t limit, struct srv_execution **rows);
    size_t (*execution_of_job)(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                               struct ota_span after_thing, size_t limit,
                               struct srv_execution **rows);
    size_t (*execution_of_thing)(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                 uint64_t before_order, size_t limit, struct srv_execution **rows);
    size_t (*execution_due)(struct srv_db *db, struct srv_arena *a, int64_t now_s, size_t limit,
                            struct srv_execution **rows);
    void (*execution_shift)(struct srv_db *db, int64_t by_s);

    void (*event_put)(struct srv_db *db, const struct srv_event *row);
    void (*event_drop)(struct srv_db *db, const struct srv_event *row);
    size_t (*event_list)(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                         uint64_t after_seq, size_t limit, struct srv_event **rows);

    uint64_t (*outbox_put)(struct srv_db *db, const struct srv_outbox_row *row);
    void (*outbox_drop)(struct srv_db *db, uint64_t id);
    size_t (*outbox_list)(struct srv_db *db, struct srv_arena *a, uint64_t after_id, size_t limit,
                          struct srv_outbox_row **rows);
};

void srv_db_close(struct srv_db *db);
void srv_db_begin(struct srv_db *db);
/** Make everything since begin durable. On failure nothing of it is, and `err` says why. */
SRV_MUST_CHECK bool srv_db_commit(struct srv_db *db, struct srv_err *err);
void srv_db_rollback(struct srv_db *db);

/* The verbs. `get` says whether the row is there and leaves `row` untouched if not; `put` inserts
 * or replaces by key. */

bool srv_db_thing_get(struct srv_db *db, struct ota_span name, struct srv_thing *row);
void srv_db_thing_put(struct srv_db *db, const struct srv_thing *row);
/** By name, those behind `after` (empty: from the first). */
size_t srv_db_thing_list(struct srv_db *db, struct srv_arena *a, struct ota_span after,
                         size_t limit, struct srv_thing **rows);

bool srv_db_report_get(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                       struct srv_report *row);
void srv_db_report_put(struct srv_db *db, const struct srv_report *row);
void srv_db_report_drop(struct srv_db *db, struct ota_span thing);

bool srv_db_artifact_get(struct srv_db *db, const uint8_t digest[SRV_DIGEST_SIZE],
                         struct srv_artifact *row);
void srv_db_artifact_put(struct srv_db *db, const struct srv_artifact *row);

bool srv_db_stream_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                       struct srv_stream *row);
void srv_db_stream_put(struct srv_db *db, const struct srv_stream *row);

bool srv_db_job_get(struct srv_db *db, struct srv_arena *a, struct ota_span id,
                    struct srv_job *row);
void srv_db_job_put(struct srv_db *db, const struct srv_job *row);
/** Newest first; behind the job `after` (empty: from the newest). Without their documents and targets. */
size_t srv_db_job_list(struct srv_db *db, struct srv_arena *a, struct ota_span after, size_t limit,
                       struct srv_job **rows);

/** `number` 0: the latest. */
bool srv_db_execution_get(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                          struct ota_span thing, uint64_t number, struct srv_execution *row);
/** An execution that is new is given its `order` by the database. */
void srv_db_execution_put(struct srv_db *db, const struct srv_execution *row);
/** IN_PROGRESS before QUEUED, then by insertion. */
size_t srv_db_execution_pending(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                size_t limit, struct srv_execution **rows);
/** By thing, those behind `after_thing`; of each thing the latest execution. */
size_t srv_db_execution_of_job(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                               struct ota_span after_thing, size_t limit,
                               struct srv_execution **rows);
/** Newest first, those made before `before_order` (0: from the newest). */
size_t srv_db_execution_of_thing(struct srv_db *db, struct srv_arena *a, struct ota_span thing,
                                 uint64_t before_order, size_t limit, struct srv_execution **rows);
/** Those with a running timer that ends at or before `now_s`. */
size_t srv_db_execution_due(struct srv_db *db, struct srv_arena *a, int64_t now_s, size_t limit,
                            struct srv_execution **rows);
/** Move every running timer: the wall clock has jumped. */
void srv_db_execution_shift(struct srv_db *db, int64_t by_s);

void srv_db_event_put(struct srv_db *db, const struct srv_event *row);
/** Forget the event of this job, thing, number and version. */
void srv_db_event_drop(struct srv_db *db, const struct srv_event *row);
/** Oldest first, those behind `after_seq`. */
size_t srv_db_event_list(struct srv_db *db, struct srv_arena *a, struct ota_span job_id,
                         uint64_t after_seq, size_t limit, struct srv_event **rows);

uint64_t srv_db_outbox_put(struct srv_db *db, const struct srv_outbox_row *row);
void srv_db_outbox_drop(struct srv_db *db, uint64_t id);
size_t srv_db_outbox_list(struct srv_db *db, struct srv_arena *a, uint64_t after_id, size_t limit,
                          struct srv_outbox_row **rows);

#endif
