/*
 * Inside of the domain: one command on its way, and the helpers that its rules
 * share. Nothing outside server/core includes this.
 */
#ifndef SRV_TX_H
#define SRV_TX_H

#include "srv.h"

/* AWS IoT Jobs: a list on the device plane has at most 10 executions. */
#define SRV_PENDING_MAX 10u

struct srv_tx {
    struct srv_core *core;
    struct srv_db *db;
    struct srv_arena *arena; /* the outcome's */
    struct srv_outcome *outcome;
    struct srv_err *err; /* the outcome's */
    int64_t now_s;
};

/* Which execution comes first for a thing; an empty id: none. */
struct srv_front {
    char job_id[OTA_JOB_ID_MAX + 1u];
    uint64_t number;
};

enum srv_membership { SRV_PENDING_SAME, SRV_PENDING_CHANGED };

/* srv.c */
void srv_tx_message(struct srv_tx *tx, struct ota_span topic, struct ota_span payload,
                    uint64_t outbox_id);
void srv_tx_publish(struct srv_tx *tx, const struct ota_topic *topic, struct ota_span payload,
                    uint64_t outbox_id);
void srv_tx_changed(struct srv_tx *tx, const char *thing);
/** Copy a name that has been checked; longer is a bug. */
void srv_name_set(char *out, size_t cap, struct ota_span name);
/** A description or comment: bounded, no control characters; `what` begins the refusal. */
bool srv_text_ok(struct ota_span text, const char *what, struct srv_err *err);
struct ota_writer srv_tx_writer(struct srv_tx *tx, size_t cap);

/* notice.c */
struct srv_front srv_front_of(struct srv_tx *tx, struct ota_span thing);
/** Queue notify if the pending list has another membership, notify-next if its front is another. */
void srv_notify(struct srv_tx *tx, struct ota_span thing, const struct srv_front *before,
                enum srv_membership membership);
/** Render one notification from the present rows. */
void srv_notice_render(struct srv_tx *tx, const struct srv_outbox_row *row);

/* execution.c */
/** A new QUEUED execution of `job` for `thing`; counts in `job` are raised, the job row not written. */
void srv_execution_create(struct srv_tx *tx, struct srv_job *job, struct ota_span thing);
/**
 * Write a change that has been decided: version + 1, time, event, timers, the job's
 * counters and, with its last execution, its end. `e` holds the new status and details.
 */
void srv_execution_change(struct srv_tx *tx, struct srv_execution *e, enum ota_job_status before);
/** The same for a caller that holds the job's row and writes it. */
void srv_execution_change_of(struct srv_tx *tx, struct srv_job *job, struct srv_execution *e,
                             enum ota_job_status before);
/** Expire timers. */
void srv_tick(struct srv_tx *tx);

/* document.c */
/** Whether all placeholders of a document to be stored are well-formed, and their artifacts here. */
bool srv_document_check(struct srv_tx *tx, struct ota_span document);
/** The document as `thing` gets it: a URL for each placeholder. */
struct ota_span srv_document_for(struct srv_tx *tx, const struct srv_job *job, const char *thing);

/* shadow.c: device requests too, on the topics of the named shadow */
bool srv_shadow_is(const struct srv_tx *tx, struct ota_span topic);
bool srv_do_shadow(struct srv_tx *tx, const struct srv_command *c);
void srv_shadow_refuse(struct srv_tx *tx, const struct srv_command *c);

/* things.c, jobs.c, device.c: the commands */
bool srv_do_thing_create(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_thing_disable(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_thing_enable(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_artifact_add(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_stream_create(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_stream_update(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_job_create(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_job_cancel(struct srv_tx *tx, const struct srv_command *c);
bool srv_do_device_request(struct srv_tx *tx, const struct srv_command *c);
/** Queue the rejection that tx->err stands for, without the database. */
void srv_device_refuse(struct srv_tx *tx, const struct srv_command *c);

#endif
