/*
 * Messages to devices: AWS IoT Jobs' shapes, written.
 */
#ifndef SRV_REPLY_H
#define SRV_REPLY_H

#include "ota/json_write.h"
#include "tx.h"

/* Room for the fixed members of one message with one execution, and of one summary: names and
 * numbers at their longest, with their keys. */
#define SRV_REPLY_ROOM   2048u
#define SRV_SUMMARY_ROOM 320u

struct srv_reply {
    struct ota_writer w;
    struct ota_json_out o; /* writes into w: do not move it */
};

/** Open the object: timestamp, and the token if there is one. `extra` bytes follow. */
void srv_reply_begin(struct srv_reply *r, struct srv_tx *tx, struct ota_span token, size_t extra);
/** Close it and queue it. */
void srv_reply_send(struct srv_reply *r, struct srv_tx *tx, const struct ota_topic *topic,
                    uint64_t outbox_id);

/** Bytes that an execution needs beyond SRV_REPLY_ROOM. */
size_t srv_execution_room(const struct srv_execution *e, struct ota_span document);

/** "name": JobExecution; without a document if `document` is empty. */
void srv_reply_execution(struct srv_reply *r, const char *name, const struct srv_execution *e,
                         struct ota_span document, int64_t now_s);
/** "name": JobExecutionState. */
void srv_reply_state(struct srv_reply *r, const char *name, const struct srv_execution *e);
/** "name": the summaries of those rows that have this status. */
void srv_reply_summaries(struct srv_reply *r, const char *name, const struct srv_execution *rows,
                         size_t count, enum ota_job_status status);

#endif
