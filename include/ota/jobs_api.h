/*
 * Jobs API: each request, reply and notification of AWS IoT Jobs over MQTT, as a value.
 *
 * For an orchestrator of one's own. No conversation here: no timer, no token, nothing remembered;
 * ota/jobs.h has that for the agent, and a device needs only one of the two.
 *
 *     kind of request            the service calls it           members beside kind and token
 *     OTA_TOPIC_JOBS_GET         GetPendingJobExecutions        -
 *     OTA_TOPIC_JOBS_START_NEXT  StartNextPendingJobExecution   details, step_timeout_min
 *     OTA_TOPIC_JOB_GET          DescribeJobExecution           job_id, execution, NO_DOCUMENT
 *     OTA_TOPIC_JOB_UPDATE       UpdateJobExecution             all but NO_DOCUMENT
 *
 * Source: AWS IoT developer guide, "Jobs device MQTT API"; docs/spec/wire.md.
 */
#ifndef OTA_JOBS_API_H
#define OTA_JOBS_API_H

#include "ota/effect.h"
#include "ota/json.h"
#include "ota/wire.h"

/* Minutes that a device can give itself for its next step: seven days. */
#define OTA_JOBS_STEP_TIMEOUT_MAX 10080
/* Takes back the step time-out that is running. */
#define OTA_JOBS_STEP_TIMEOUT_OFF (-1)

/* Flags of a request. */
enum {
    OTA_JOBS_NO_DOCUMENT = 1,   /* describe: leave the document out */
    OTA_JOBS_WANT_STATE = 2,    /* update: answer with the state that it came to */
    OTA_JOBS_WANT_DOCUMENT = 4, /* update: answer with the document */
};

/** What is not 0 and not empty is sent, if the kind has that member; see the table above. */
struct ota_jobs_request {
    enum ota_topic_kind kind; /* one of the four */
    struct ota_span job_id;   /* describe: OTA_JOB_NEXT peeks at the next one */
    struct ota_span token;    /* 0 ..= OTA_TOKEN_MAX bytes, echoed in the reply */
    struct ota_span details;  /* statusDetails, JSON: replaces what the provider has */
    uint64_t execution;       /* executionNumber; 0: the newest */
    uint64_t expected_version;
    enum ota_job_status
        status;               /* update: IN_PROGRESS, SUCCEEDED, FAILED or REJECTED; always sent */
    int32_t step_timeout_min; /* 1 ..= OTA_JOBS_STEP_TIMEOUT_MAX, or OTA_JOBS_STEP_TIMEOUT_OFF */
    uint32_t flags;           /* OTA_JOBS_... */
};

/**
 * Write a request.
 *
 * @param out     room for topic and payload. OTA_TOPIC_MAX bytes are enough for a topic; a payload takes
 *                up to 300 bytes besides its details and a token that needs no escapes.
 * @param effect  out: what to publish, QoS 1, inside `out`. Untouched on error.
 * @return OTA_OK; OTA_E_NAME: thing, job id (one that collides with a topic too) or token;
 *         OTA_E_RANGE: a status that no device may say, or the step time-out; OTA_E_MALFORMED: details that
 *         ota_jobs_api_details_ok() does not take; OTA_E_TOO_LARGE: `out` is too small.
 */
OTA_MUST_CHECK ota_err_t ota_jobs_api_write(const struct ota_jobs_request *request,
                                            struct ota_span root, struct ota_span thing,
                                            const struct ota_scratch *out,
                                            struct ota_effect *effect);

/**
 * Whether the service takes this as statusDetails: a flat JSON object of strings; names of 1 ..= 128 of
 * [a-zA-Z0-9:_-], values of 1 ..= 1024 characters (those beyond U+FFFF count as two) without
 * control characters.
 */
bool ota_jobs_api_details_ok(struct ota_span json);

/** What every list says of an execution. Times are seconds since 1970; 0: not said, or not yet. */
struct ota_jobs_summary {
    uint8_t
        job_id_len; /* of the service's alphabet; one that collides with a topic (see ota_job_id_ok())
                           can be listed, but not asked for */
    uint8_t job_id[OTA_JOB_ID_MAX];
    uint64_t queued_at, started_at, updated_at;
    uint64_t version;   /* versionNumber */
    uint64_t execution; /* executionNumber */
};

/** Where an execution stands. */
struct ota_jobs_state {
    enum ota_job_status status; /* OTA_JOB_STATUS_COUNT: a word that we do not know */
    uint64_t version;
    struct ota_json details; /* an object; empty text: none */
};

struct ota_jobs_execution {
    struct ota_jobs_summary summary;
    struct ota_jobs_state state; /* its version is the summary's */
    struct ota_json document;    /* an object; empty text: none, or not asked for */
    bool has_time_left;          /* a timer runs: */
    uint64_t seconds_left;       /* approximateSecondsBeforeTimedOut */
};

/** One reply or notification. What the kind of message does not have is empty, and has_... false. */
struct ota_jobs_reply {
    uint64_t timestamp;    /* seconds since 1970; 0: not said */
    struct ota_json token; /* a string, for ota_json_is(); empty text: none */
    struct ota_json started,
        queued;         /* pending, notify: lists for ota_json_walk() and ota_jobs_api_next() */
    bool has_execution; /* start-next, describe, notify-next: false: nothing is pending */
    bool has_state;     /* update, rejected */
    struct ota_jobs_execution execution;
    struct ota_jobs_state state;
    struct ota_json document; /* update, if it was asked for */
    bool rejected;
    enum ota_wire_code
        code; /* rejected: why; OTA_WIRE_CODE_COUNT: for a reason that we do not know */
    struct ota_json message; /* rejected: in words, a string; may be empty */
};

/**
 * Read what came on a topic of `kind`: the accepted and rejected replies of the four requests, notify, and
 * notify-next. Whose it is, the topic and the token say.
 *
 * @param payload  untrusted. What `reply` holds as JSON borrows from it.
 * @param reply    out, on OTA_OK; undefined on error.
 * @return OTA_OK, and then each element of the lists is well-formed too; OTA_E_UNEXPECTED for any other
 *         kind; OTA_E_NAME: a job id that is none; else class PEER: not what the protocol says.
 */
OTA_MUST_CHECK ota_err_t ota_jobs_api_read(enum ota_topic_kind kind, struct ota_span payload,
                                           struct ota_jobs_reply *reply);

/** The next execution of a list of `reply`; begin with ota_json_walk(). @return whether there was one. */
bool ota_jobs_api_next(struct ota_json_walk *list, struct ota_jobs_summary *summary);

#endif
