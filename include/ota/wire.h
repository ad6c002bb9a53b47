/*
 * Wire: the words that device and provider share: topics, names, status words,
 * error codes of AWS IoT Jobs and MQTT file streams. Vocabulary only; each
 * side's behaviour is its own.
 *
 * Topics (ROOT is a setting, "$aws" unless the broker forbids it):
 *     ROOT/things/THING/jobs/...
 *     ROOT/things/THING/streams/STREAM/...
 * Source: AWS IoT developer guide, "Jobs MQTT API" and "MQTT-based file delivery".
 */
#ifndef OTA_WIRE_H
#define OTA_WIRE_H

#include "ota/cursor.h"
#include "ota/err.h"

/* Quotas of AWS IoT: names on the wire are never longer. */
#define OTA_THING_NAME_MAX 128u
#define OTA_JOB_ID_MAX     64u
#define OTA_STREAM_ID_MAX  128u
#define OTA_TOKEN_MAX      64u
/* Our limit: a topic root is a word or two ("$aws", "fleet/eu"). */
#define OTA_TOPIC_ROOT_MAX 32u
/* The longest topic of ours: root, thing, stream, words. (AWS stops at 256 with its 4-letter root.) */
#define OTA_TOPIC_MAX (OTA_TOPIC_ROOT_MAX + OTA_THING_NAME_MAX + OTA_STREAM_ID_MAX + 48u)
/* AWS: a job document is at most 32 KiB. */
#define OTA_JOB_DOCUMENT_MAX (32u * 1024u)
/* AWS: payload bytes of one GetStream answer, all its blocks together; also the largest block. */
#define OTA_STREAM_BURST_MAX (128u * 1024u)
#define OTA_STREAM_BLOCK_MIN 256u
#define OTA_STREAM_BLOCK_MAX OTA_STREAM_BURST_MAX

/** The job id that means "whichever is next"; never the name of a job. */
#define OTA_JOB_NEXT OTA_SPAN_LIT("$next")

/** 1 ..= 128 of [a-zA-Z0-9:_-]. */
bool ota_thing_name_ok(struct ota_span name);
/** 1 ..= 64 of [a-zA-Z0-9_-], and none of the words that collide with topics (get, start-next, notify, notify-next). */
bool ota_job_id_ok(struct ota_span id);
/** 1 ..= 128 of [a-zA-Z0-9_-]. */
bool ota_stream_id_ok(struct ota_span id);
/** 1 ..= 32 bytes; levels of printable ASCII without '+', '#' and blanks; no slash at either end, none doubled. */
bool ota_topic_root_ok(struct ota_span root);

enum ota_topic_kind {
    /* device to provider */
    OTA_TOPIC_JOBS_GET,        /* jobs/get            GetPendingJobExecutions     */
    OTA_TOPIC_JOBS_START_NEXT, /* jobs/start-next     StartNextPendingJobExecution */
    OTA_TOPIC_JOB_GET,         /* jobs/ID/get         DescribeJobExecution; ID may be $next */
    OTA_TOPIC_JOB_UPDATE,      /* jobs/ID/update      UpdateJobExecution          */
    OTA_TOPIC_STREAM_DESCRIBE, /* streams/ID/describe/FORMAT */
    OTA_TOPIC_STREAM_GET,      /* streams/ID/get/FORMAT      */
    /* provider to device */
    OTA_TOPIC_JOBS_GET_ACCEPTED,
    OTA_TOPIC_JOBS_GET_REJECTED,
    OTA_TOPIC_JOBS_START_NEXT_ACCEPTED,
    OTA_TOPIC_JOBS_START_NEXT_REJECTED,
    OTA_TOPIC_JOB_GET_ACCEPTED,
    OTA_TOPIC_JOB_GET_REJECTED,
    OTA_TOPIC_JOB_UPDATE_ACCEPTED,
    OTA_TOPIC_JOB_UPDATE_REJECTED,
    OTA_TOPIC_JOBS_NOTIFY,
    OTA_TOPIC_JOBS_NOTIFY_NEXT,
    OTA_TOPIC_STREAM_DESCRIPTION, /* streams/ID/description/FORMAT */
    OTA_TOPIC_STREAM_DATA,        /* streams/ID/data/FORMAT        */
    OTA_TOPIC_STREAM_REJECTED,    /* streams/ID/rejected/FORMAT    */
    OTA_TOPIC_KIND_COUNT,
};

enum ota_format { OTA_FORMAT_CBOR, OTA_FORMAT_JSON };

struct ota_topic {
    enum ota_topic_kind kind;
    struct ota_span thing;
    struct ota_span id;     /* job or stream; empty for kinds without one */
    enum ota_format format; /* streams only */
};

/**
 * Take a topic apart: by exact level count and words, never by prefix.
 *
 * @return OTA_OK, `topic` borrowing from `text`; OTA_E_NOT_FOUND if it is none
 *         of ours under `root` (then `topic` is untouched); OTA_E_NAME if its
 *         shape is ours but thing, job or stream is no legal name.
 */
OTA_MUST_CHECK ota_err_t ota_topic_parse(struct ota_span root, struct ota_span text,
                                         struct ota_topic *topic);

/** Write a topic. `thing` and `id` may be "+", for a subscription. Too little room: the writer is bad. */
void ota_topic_write(struct ota_writer *w, struct ota_span root, const struct ota_topic *topic);

/** Status of a job execution, AWS IoT Jobs' words. */
/* clang-format off */
#define OTA_JOB_STATUSES(X)                                                                        \
    X(QUEUED) X(IN_PROGRESS) X(SUCCEEDED) X(FAILED) X(REJECTED) X(TIMED_OUT) X(CANCELED) X(REMOVED)

enum ota_job_status {
#define X(word) OTA_JOB_##word,
    OTA_JOB_STATUSES(X)
#undef X
    OTA_JOB_STATUS_COUNT, /* none of them */
};
/* clang-format on */

const char *ota_job_status_name(enum ota_job_status status);
/** OTA_JOB_STATUS_COUNT if `word` is none. */
enum ota_job_status ota_job_status_parse(struct ota_span word);
/** Neither QUEUED nor IN_PROGRESS: frozen. */
bool ota_job_status_terminal(enum ota_job_status status);

/* clang-format off */
/** Error codes of rejected Jobs requests and streams. */
#define OTA_WIRE_CODES(X)                                                                          \
    X(InvalidTopic) X(InvalidJson) X(InvalidCbor) X(InvalidRequest) X(InvalidStateTransition)      \
    X(ResourceNotFound) X(VersionMismatch) X(InternalError) X(RequestThrottled)                    \
    X(TerminalStateReached) X(Unauthorized) X(BlockSizeOutOfBounds) X(OffsetOutOfBounds)           \
    X(BlockCountLimitExceeded) X(BlockBitmapLimitExceeded) X(ETagMismatch)

enum ota_wire_code {
#define X(word) OTA_WIRE_##word,
    OTA_WIRE_CODES(X)
#undef X
    OTA_WIRE_CODE_COUNT, /* a code that we do not know */
};
/* clang-format on */

const char *ota_wire_code_name(enum ota_wire_code code);
enum ota_wire_code ota_wire_code_parse(struct ota_span word);

#endif
