/*
 * Effects: what a module wants done, as values. poll() returns them, the
 * application performs them; the libraries never call up.
 */
#ifndef OTA_EFFECT_H
#define OTA_EFFECT_H

#include "ota/clock.h"
#include "ota/err.h"
#include "ota/span.h"

enum ota_effect_kind {
    OTA_EFFECT_SUBSCRIBE, /* answer with ota_..._subscribed() at the SUBACK */
    OTA_EFFECT_UNSUBSCRIBE,
    OTA_EFFECT_PUBLISH,
    OTA_EFFECT_FETCH, /* GET with a range; answer with ota_..._fetched_head(), _body(), _ended() */
    OTA_EFFECT_FETCH_STOP, /* what comes of that transfer is not wanted: break it off */
    OTA_EFFECT_REBOOT,     /* reset now; do not come back */
    OTA_EFFECT_EVENT,      /* for the application, metrics and logs */
};

enum ota_qos { OTA_QOS_0, OTA_QOS_1 };

/** What a person, or the application's callback, would want to know. */
enum ota_event_kind {
    OTA_EVENT_OFFER,      /* a job is offered; value: image size. Decide */
    OTA_EVENT_NO_JOB,     /* asked; nothing is pending */
    OTA_EVENT_CUSTOM_JOB, /* a document that no parser understood. Decide, if that was asked for */
    OTA_EVENT_CLAIMED,
    OTA_EVENT_RESUMED,    /* a download goes on after a restart; value: bytes that are here */
    OTA_EVENT_PROGRESS,   /* value: blocks received, total: blocks of the file */
    OTA_EVENT_ACTIVATE,   /* verified: activate when convenient */
    OTA_EVENT_START_TEST, /* an unconfirmed image runs: test, then confirm or reject */
    OTA_EVENT_CONFIRMED,
    OTA_EVENT_SELF_TEST_FAILED,
    OTA_EVENT_FAILED, /* error, reason */
    OTA_EVENT_CANCELED,
    OTA_EVENT_REPORTED,        /* the provider took the result */
    OTA_EVENT_MESSAGE_REFUSED, /* error: what was wrong with it */
    OTA_EVENT_FLASH_FAULT,     /* class DEVICE: the update stands still until a restart */
    OTA_EVENT_FILE_COMPLETE, /* a data file is verified; value: how many are, total: of how many */
};

struct ota_effect {
    enum ota_effect_kind kind;
    union {
        struct {
            struct ota_span filter;
            enum ota_qos qos;
        } subscribe; /* UNSUBSCRIBE too */
        struct {
            struct ota_span topic, payload;
            enum ota_qos qos;
        } publish;
        struct {
            struct ota_span url;  /* of printable ASCII, at most OTA_URL_MAX bytes */
            uint32_t first, last; /* bytes of the file, both inclusive: "Range: bytes=FIRST-LAST" */
            uint32_t transfer;    /* its number, to be said with all that comes of it */
        } fetch; /* one that is open still is to be broken off. FETCH_STOP: transfer alone */
        struct {
            enum ota_event_kind kind;
            ota_err_t error;
            uint32_t reason; /* enum ota_reason */
            uint32_t value, total;
            uint32_t ticket;          /* of the execution: see struct ota_decision */
            struct ota_span job_id;   /* valid until the next call, as the document */
            struct ota_span document; /* OFFER, CUSTOM_JOB */
        } event;
    } as;
};

/** Where poll() may put topic and payload of an effect: lent, valid until the next call. */
struct ota_scratch {
    struct ota_buf topic;   /* >= OTA_TOPIC_MAX */
    struct ota_buf payload; /* >= OTA_SCRATCH_PAYLOAD_MIN */
};

/* The longest request: an update with its details (see ota/jobs.h). */
#define OTA_SCRATCH_PAYLOAD_MIN 512u

/* A presigned URL of S3 with a session's token is 1,500 bytes long; servers take 2,048 and more. */
#define OTA_URL_MAX 2048u

#endif
