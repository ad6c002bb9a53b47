/*
 * The provider's domain: things, artifacts, streams, jobs, executions.
 *
 * Pure: (rows, command, now) -> (rows, messages). No MQTT, HTTP, SQL or clock
 * in here; rows are reached through srv_db. MQTT, HTTP and timers only build a
 * srv_command, and srv_apply() is the one place that changes anything.
 *
 *     srv_db_begin(core->db);
 *     srv_apply(core, &command, now_s, &outcome);      as many as have come
 *     if (srv_db_commit(core->db, &err)) {
 *         publish each outcome's messages, in order
 *     }
 *
 * A command that is refused has written nothing. A database failure is sticky
 * and shows at commit: then nothing of the whole transaction has happened, and
 * no message of it may be published.
 */
#ifndef SRV_H
#define SRV_H

#include "db.h"

/** What a device reads in "code". */
enum ota_wire_code srv_code_wire(enum srv_code code);

/* The longest URL that a presigner writes. */
#define SRV_PRESIGNED_URL_MAX 640u

/** A port: who makes the URLs that stand where a document has placeholders for them. */
struct srv_presigner {
    /** Write a URL under which `thing` may fetch the artifact `digest` (hex) from `now_s` on for
     * some time: nothing in it needs an escape in JSON. Cannot: the writer is bad. */
    void (*write)(const struct srv_presigner *self, struct ota_writer *w, struct ota_span thing,
                  struct ota_span digest, int64_t now_s);
};

struct srv_core {
    struct srv_db *db;
    char topic_root[OTA_TOPIC_ROOT_MAX + 1u];
    const struct srv_presigner *presigner; /* NULL: placeholders stay as they are; see document.c */
};

/** One file of a stream to be made: the artifact must have been added before. */
struct srv_file_spec {
    uint8_t id;
    uint8_t digest[SRV_DIGEST_SIZE];
};

enum srv_command_kind {
    SRV_CMD_THING_CREATE,
    SRV_CMD_THING_DISABLE,
    SRV_CMD_THING_ENABLE,
    SRV_CMD_ARTIFACT_ADD,
    SRV_CMD_STREAM_CREATE,
    SRV_CMD_STREAM_UPDATE,
    SRV_CMD_JOB_CREATE,
    SRV_CMD_JOB_CANCEL,
    SRV_CMD_DEVICE_REQUEST, /* a message on a request topic of Jobs or the shadow */
    SRV_CMD_TICK,           /* time has passed: expire timers */
    SRV_CMD_CLOCK_JUMP,     /* the wall clock was set: running timers move with it */
    SRV_CMD_OUTBOX_SENT,    /* the broker has taken these notifications */
};

/** What somebody wants. Every span is borrowed for the call; nothing in it is trusted. */
struct srv_command {
    enum srv_command_kind kind;
    union {
        struct { /* exists already: SRV_E_EXISTS */
            struct ota_span name;
            struct ota_span cert_serial; /* hex; may be empty */
            int64_t cert_expires_s;
        } thing_create;
        struct { /* twice is harmless */
            struct ota_span name;
        } thing_disable;
        struct { /* with a new certificate, if one is given */
            struct ota_span name;
            struct ota_span cert_serial;
            int64_t cert_expires_s;
        } thing_enable;
        struct { /* the file is in place already, see db/artifacts.h; twice is harmless */
            uint8_t digest[SRV_DIGEST_SIZE];
            uint64_t size;
        } artifact_add;
        struct {
            struct ota_span id, description;
            const struct srv_file_spec *files;
            size_t file_count; /* 1 ..= SRV_STREAM_FILES_MAX, ids distinct */
        } stream_create;       /* of STREAM_UPDATE too: other files, and the version rises by one */
        struct {
            struct ota_span id, description;
            struct ota_span document;  /* text of a JSON object, 1 ..= OTA_JOB_DOCUMENT_MAX bytes */
            struct ota_span stream_id; /* the stream that its executions may read; may be empty */
            const struct ota_span *targets;   /* names of things that exist */
            size_t target_count;              /* 1 ..= SRV_JOB_TARGETS_MAX */
            uint32_t in_progress_timeout_min; /* 0: none; else 1 ..= SRV_TIMEOUT_MIN_MAX */
        } job_create;
        struct {
            struct ota_span id;
            bool force; /* IN_PROGRESS executions too, not QUEUED ones only */
            struct ota_span reason_code, comment;
        } job_cancel;
        struct {
            struct ota_span topic, payload; /* as they came */
        } device;
        struct {
            int64_t by_s; /* > 0: it was set forward */
        } clock_jump;
        struct {
            const uint64_t *ids;
            size_t count;
        } outbox_sent;
    };
};

/** What to publish after the commit, QoS 1, in this order. */
struct srv_message {
    struct ota_span topic, payload;
    uint64_t outbox_id; /* 0: a reply; else to be confirmed by SRV_CMD_OUTBOX_SENT */
};

/* A job for thousands of things has thousands of notifications, each with its document: those
 * behind the first are rendered from the outbox, page by page. */
#define SRV_OUTCOME_MESSAGES_MAX 256u

struct srv_outcome {
    struct srv_err err; /* SRV_OK, or why it was refused */
    struct srv_message *messages;
    size_t message_count;
    /* Things whose pending list has lost or gained a job, or that were disabled:
     * what is cached about their streams is no longer true. */
    char (*changed)[OTA_THING_NAME_MAX + 1u];
    size_t changed_count;
    bool streams_changed; /* what is cached about any stream is no longer true */
    bool more;            /* SRV_CMD_TICK: there was more to do than fits one transaction */
    bool only_in_outbox;  /* beyond SRV_OUTCOME_MESSAGES_MAX: srv_outbox_render() gives the rest */
    struct srv_arena arena; /* owns all of the above */
};

/** Make `outcome` fit for srv_apply(); pair it with srv_outcome_end(). */
void srv_outcome_begin(struct srv_outcome *outcome);
void srv_outcome_end(struct srv_outcome *outcome);

/**
 * Do what `command` says, inside the transaction that is open on core->db.
 *
 * A refused device request still has a message: the rejection.
 *
 * @return whether it was done; outcome->err says why not.
 */
bool srv_apply(struct srv_core *core, const struct srv_command *command, int64_t now_s,
               struct srv_outcome *outcome);

/**
 * The same in a transaction of its own. On a database failure nothing has
 * happened; the only message then is a device request's rejection.
 */
bool srv_apply_alone(struct srv_core *core, const struct srv_command *command, int64_t now_s,
                     struct srv_outcome *outcome);

/* Notifications rendered in one call: each may hold a document of 32 KiB. */
#define SRV_OUTBOX_RENDER_MAX 64u

/**
 * Render notifications that are still in the outbox (after a start, or a lost
 * connection): the present truth, so a doubled one is harmless.
 *
 * @param after_id  those behind this one; 0: from the oldest.
 * @return the last id rendered; `after_id` if there was none. At most SRV_OUTBOX_RENDER_MAX a call.
 */
uint64_t srv_outbox_render(struct srv_core *core, uint64_t after_id, int64_t now_s,
                           struct srv_outcome *outcome);

/**
 * Whether `thing` may read the stream `id` now: it is not disabled and one of
 * its QUEUED or IN_PROGRESS executions belongs to a job with that stream.
 *
 * @return true and `stream` filled; false with SRV_E_NOT_FOUND or SRV_E_UNAUTHORIZED.
 */
SRV_MUST_CHECK bool srv_stream_grant(struct srv_core *core, struct srv_arena *a,
                                     struct ota_span thing, struct ota_span id,
                                     struct srv_stream *stream, struct srv_err *err);

#endif
