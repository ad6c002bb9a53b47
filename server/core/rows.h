/*
 * Rows: what the provider remembers. Names follow AWS IoT's control plane.
 *
 * Names are C strings in place. Longer texts are spans in the arena that the
 * row was read with (or, for a row to be written, of the writer). Times are
 * whole seconds since the epoch; 0 says "never".
 */
#ifndef SRV_ROWS_H
#define SRV_ROWS_H

#include "ota/wire.h"

#define SRV_DIGEST_SIZE 32u
/* X.509: a serial number has at most 20 bytes. */
#define SRV_SERIAL_HEX_MAX 40u
/* AWS IoT quotas. */
#define SRV_DESCRIPTION_MAX  2028u
#define SRV_STREAM_FILES_MAX 50u
#define SRV_REASON_CODE_MAX  128u
#define SRV_TIMEOUT_MIN_MAX  10080u
/* Ours: one transaction makes all executions of a job, and holds their messages. */
#define SRV_JOB_TARGETS_MAX 4096u

enum srv_thing_state { SRV_THING_ENABLED, SRV_THING_DISABLED };

struct srv_thing {
    char name[OTA_THING_NAME_MAX + 1u];
    enum srv_thing_state state;
    int64_t created_at_s;
    int64_t updated_at_s;
    char cert_serial[SRV_SERIAL_HEX_MAX + 1u]; /* lower-case hex; "": no certificate of ours */
    int64_t cert_expires_s;
};

/** What a device says of itself: its named shadow `waft`, which is the thing's attributes. */
struct srv_report {
    char thing[OTA_THING_NAME_MAX + 1u];
    uint64_t version;           /* of the shadow: 1 when made, +1 with each update */
    int64_t at_s;               /* of the newest */
    struct ota_span attributes; /* JSON object of texts */
};

struct srv_artifact {
    uint8_t digest[SRV_DIGEST_SIZE]; /* SHA-256 of the file; its hex is the file's name */
    uint64_t size;
    int64_t created_at_s;
};

struct srv_stream_file {
    uint8_t id;
    uint64_t size;
    uint8_t digest[SRV_DIGEST_SIZE];
};

struct srv_stream {
    char id[OTA_STREAM_ID_MAX + 1u];
    uint32_t version; /* 1 when made, +1 with each change of the files */
    int64_t created_at_s;
    struct ota_span description;
    size_t file_count;
    struct srv_stream_file files[SRV_STREAM_FILES_MAX]; /* by id, ascending */
};

enum srv_job_status { SRV_JOB_IN_PROGRESS, SRV_JOB_CANCELED, SRV_JOB_COMPLETED };
const char *srv_job_status_name(enum srv_job_status status);

struct srv_job {
    char id[OTA_JOB_ID_MAX + 1u];
    enum srv_job_status status;
    bool force_canceled;
    char reason_code[SRV_REASON_CODE_MAX + 1u]; /* of the cancel; "": none */
    struct ota_span comment;                    /* of the cancel */
    struct ota_span description;
    struct ota_span document;               /* JSON object, as it was given */
    struct ota_span targets;                /* JSON array of thing names */
    char stream_id[OTA_STREAM_ID_MAX + 1u]; /* "": none */
    uint32_t in_progress_timeout_min;       /* 0: none */
    int64_t created_at_s, updated_at_s, completed_at_s;
    uint32_t counts[OTA_JOB_STATUS_COUNT]; /* executions by status: AWS's jobProcessDetails */
};

struct srv_execution {
    char job_id[OTA_JOB_ID_MAX + 1u];
    char thing[OTA_THING_NAME_MAX + 1u];
    uint64_t number;  /* executionNumber, from 1 */
    uint64_t version; /* versionNumber: 1 when queued, +1 with each accepted change */
    enum ota_job_status status;
    struct ota_span details; /* statusDetails, a JSON object; empty: none */
    int64_t queued_at_s, started_at_s, updated_at_s;
    int64_t progress_deadline_s; /* the job's in-progress timer; 0: not running */
    int64_t step_deadline_s;     /* the device's step timer; 0: not running */
    uint64_t order;              /* of insertion; given by the database */
};

/** One accepted change of an execution: what `waft job watch` shows. */
struct srv_event {
    uint64_t seq; /* rises over all events; given by the database */
    int64_t at_s;
    char job_id[OTA_JOB_ID_MAX + 1u];
    char thing[OTA_THING_NAME_MAX + 1u];
    uint64_t number, version;
    enum ota_job_status status;
    struct ota_span details;
};

#endif
