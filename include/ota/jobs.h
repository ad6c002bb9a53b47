/*
 * Jobs: the device's half of AWS IoT Jobs over MQTT.
 *
 * Two conversations, each with one question open at a time:
 *
 *   ask     "what is next?"   $next/get       answered by an offer, or by nothing
 *   tell    "this is so"      JOB/update      answered by accepted, or by rejected with a code
 *
 * Each open question has a client token of its own, a timer, and a jittered
 * exponential back-off that never ends. Only the answer to the newest question
 * counts, once. Progress is different: told once, never asked after.
 *
 *            ota_jobs_ask/tell          poll                answer
 *   IDLE ---------------------> DUE ------------> OPEN ---------------> IDLE
 *                                ^                  |
 *                                +--- silence ------+
 *
 * Knows nothing of subscriptions, flash, or what an offer means: the
 * orchestrator does. Source: AWS IoT developer guide, "Jobs device MQTT API".
 */
#ifndef OTA_JOBS_H
#define OTA_JOBS_H

#include "ota/backoff.h"
#include "ota/effect.h"
#include "ota/json.h"
#include "ota/wire.h"

struct ota_jobs_cfg {
    struct ota_span root, thing; /* lent for the life of the context */
    uint32_t retry_ms_min;       /* first silence that is too long, > 0 */
    uint32_t retry_ms_max;       /* back-off stops growing here, >= min */
    uint32_t seed;               /* random, new at each boot: tokens and jitter come from it */
};

/* Open so that the caller can give it a home; private to lib/jobs. */
struct ota_jobs_talk {
    ota_ms_t deadline; /* DUE: 0; OPEN: when silence is too long; IDLE: OTA_NEVER */
    uint32_t serial;   /* OPEN: of the question, part of its token; else 0 */
    uint32_t silences; /* in a row */
};

/* Details that fit into an update of OTA_SCRATCH_PAYLOAD_MIN bytes whose numbers are the longest. */
#define OTA_JOBS_DETAILS_MAX 288u

/* Seven days, AWS IoT Jobs quota; and -1 on the wire. */
#define OTA_STEP_MINUTES_MAX 10080u
#define OTA_STEP_MINUTES_OFF UINT32_MAX

/** What to tell. Spans are lent until the answer (or ota_jobs_hush()). */
struct ota_jobs_update {
    struct ota_span job_id;
    uint64_t execution;        /* execution number: always sent */
    uint64_t expected_version; /* 0: not sent */
    enum ota_job_status status;
    struct ota_span details;   /* statusDetails: a JSON object of at most
                                  OTA_JOBS_DETAILS_MAX bytes; empty: not sent */
    uint32_t step_timeout_min; /* stepTimeoutInMinutes, 1 ..= OTA_STEP_MINUTES_MAX; 0: not sent;
                                  OTA_STEP_MINUTES_OFF: the timer that there is ends */
};

struct ota_jobs_stats {
    uint32_t asked, told, answers, stale, refused, silences;
};

struct ota_jobs {
    struct ota_jobs_cfg cfg;
    struct ota_jobs_talk ask, tell;
    struct ota_jobs_talk note;     /* the newest progress; never asked after */
    bool brief;                    /* ask without the document */
    struct ota_jobs_update update; /* what `tell` tells */
    uint32_t serial;               /* of the newest question of any kind */
    struct ota_backoff backoff;
    struct ota_jobs_stats stats;
};

enum ota_jobs_news_kind {
    OTA_JOBS_NEWS_NONE,     /* nothing for the orchestrator: stale, another's */
    OTA_JOBS_NEWS_CHANGED,  /* a notification, or progress refused for a job that is over: ask */
    OTA_JOBS_NEWS_EMPTY,    /* answer to ask: nothing is pending */
    OTA_JOBS_NEWS_OFFER,    /* answer to ask */
    OTA_JOBS_NEWS_ACCEPTED, /* answer to tell */
    OTA_JOBS_NEWS_REJECTED, /* answer to tell */
};

struct ota_job_offer {
    uint8_t job_id_len;
    uint8_t job_id[OTA_JOB_ID_MAX];
    uint64_t execution, version;
    enum ota_job_status status; /* QUEUED or IN_PROGRESS */
    struct ota_json document;   /* inside the payload; empty text if asked briefly;
                                   `{}` if the job has none */
};

struct ota_jobs_news {
    enum ota_jobs_news_kind kind;
    union {
        struct ota_job_offer offer; /* OFFER */
        struct {
            enum ota_wire_code code;
            enum ota_job_status status; /* OTA_JOB_STATUS_COUNT: not said */
            uint64_t version;           /* 0: not said */
        } answer;                       /* ACCEPTED (status, version if said), REJECTED */
    };
};

/** Begin idle. Limits in `cfg` are the caller's own: asserted. */
void ota_jobs_init(struct ota_jobs *j, const struct ota_jobs_cfg *cfg);

/** Ask what is next, as soon as poll is called. A question that is open already is asked anew. */
void ota_jobs_ask(struct ota_jobs *j);
/** The same without the document: for when the answer did not fit in the receiver's memory. */
void ota_jobs_ask_briefly(struct ota_jobs *j);
/** Tell `update` until it is answered; replaces what is being told. */
void ota_jobs_tell(struct ota_jobs *j, const struct ota_jobs_update *update);
/** Stop telling: an answer that comes late is stale. */
void ota_jobs_hush(struct ota_jobs *j);
/** The link came back: what is open is sent again at once, with new tokens and no back-off. */
void ota_jobs_reconnected(struct ota_jobs *j);

/**
 * Write one update that nobody waits for (progress, self_test marks): topic and payload into `scratch`.
 * QoS 0. Should the answer be that the job is over, that is news: CHANGED.
 */
void ota_jobs_progress(struct ota_jobs *j, const struct ota_jobs_update *update,
                       const struct ota_scratch *scratch, struct ota_effect *effect);

/**
 * What to send now, if anything: at most one effect (PUBLISH, QoS 1) a call.
 * @return whether `effect` was filled; call again until not.
 */
bool ota_jobs_poll(struct ota_jobs *j, ota_ms_t now, const struct ota_scratch *scratch,
                   struct ota_effect *effect);

/**
 * Read one message; `topic` is one of the Jobs kinds (others: OTA_E_UNEXPECTED).
 *
 * @param news  out, on OTA_OK: what it means. Untouched on error.
 * @return OTA_OK; class PEER if it is not what the protocol says: only stats.refused has changed,
 *         and the open question stays open.
 */
OTA_MUST_CHECK ota_err_t ota_jobs_on_message(struct ota_jobs *j, const struct ota_topic *topic,
                                             struct ota_span payload, struct ota_jobs_news *news);

/** When to poll next if nothing arrives: 0 at once, OTA_NEVER if all is idle. */
ota_ms_t ota_jobs_deadline(const struct ota_jobs *j);

#endif
