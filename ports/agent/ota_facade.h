/*
 * The OTA agent's interface, by the names that users of AWS's OTA agent library
 * know: one static instance, over lib/agent and a port that gives it a thread.
 *
 * The order of a program:
 *   1. connect to the broker; forward its callbacks to OTA_OnConnected(),
 *      OTA_OnDisconnected(), OTA_OnSubscribed(), OTA_OnMessage()
 *   2. OTA_AgentInit(); timed out? OTA_GetAgentState() tells when it is ready
 *   3. OTA_CheckForUpdate() whenever it likes (it is asked at each connect anyway)
 *   4. the callback says Activate: OTA_ActivateNewImage(), when convenient
 *   5. after the reset the callback says StartTest: test, then
 *      OTA_SetImageState(OTA_ImageState_Accepted) or ..._Rejected
 *
 * Every call before init or after shutdown has the answer that is written at it.
 */
#ifndef OTA_FACADE_H
#define OTA_FACADE_H

#include "ota/agent.h"

typedef enum {
    OTA_AgentState_Unknown = -1,
    OTA_AgentState_NotReady = 0, /* not started, starting, or ended */
    OTA_AgentState_Ready = 1,    /* waiting for a job */
    OTA_AgentState_Active = 2,   /* an update is going on */
    OTA_AgentState_ShuttingDown = 3,
    OTA_AgentState_Suspended = 4, /* OTA_Suspend() was called */
} OTA_State_t;

typedef enum {
    OTA_ImageState_Unknown = 0,
    OTA_ImageState_Testing = 1,
    OTA_ImageState_Accepted = 2,
    OTA_ImageState_Rejected = 3,
    OTA_ImageState_Aborted = 4,
} OTA_ImageState_t;

typedef enum {
    OTA_Err_None = 0,
    OTA_Err_NotReady,      /* before init or after shutdown */
    OTA_Err_BadImageState, /* no such state, or not one to set */
    OTA_Err_NoActiveJob,   /* nothing to activate, test, abort or decide */
    OTA_Err_Config,        /* a member of the config is missing or out of range */
    OTA_Err_Flash,
    OTA_Err_Reason, /* words that cannot be told */
} OTA_Err_t;

/** Words for a person; never NULL. */
const char *OTA_StateName(OTA_State_t state);
const char *OTA_ErrName(OTA_Err_t err);

typedef enum {
    OTA_JobEvent_Activate = 0,  /* verified; call OTA_ActivateNewImage() when convenient */
    OTA_JobEvent_Fail = 1,      /* `error`, `reason` */
    OTA_JobEvent_StartTest = 2, /* the new image runs: test, then OTA_SetImageState() */
    OTA_JobEvent_SelfTestFailed = 4,
    OTA_JobEvent_CustomJob = 5, /* `document`; with config.custom_jobs: OTA_Decide() */
    OTA_JobEvent_FileComplete = 7,
    OTA_JobEvent_NoJob = 8,
    OTA_JobEvent_Progress = 16, /* ours: `value` of `total` blocks */
    OTA_JobEvent_Info = 17,     /* ours: `info` says which (enum ota_event_kind); for logs */
    OTA_JobEvent_Offer =
        18, /* ours, with config.policy OTA_POLICY_ASK: `value` bytes, `document`; OTA_Decide() */
} OTA_JobEvent_t;

struct OTA_EventData {
    enum ota_event_kind info;
    ota_err_t error;
    uint32_t reason; /* enum ota_reason */
    uint32_t value, total;
    uint32_t ticket; /* of the execution: for OTA_Decide() */
    struct ota_span job_id, document;
};

/** Called on the agent's thread; may call every OTA_ function but Init and Shutdown. `data` lives for the call. */
typedef void (*OTA_CompleteCallback_t)(OTA_JobEvent_t event, const struct OTA_EventData *data,
                                       void *context);

/** The application's MQTT client. Called on the agent's thread; must not block long; false: try again later. */
struct OTA_Mqtt {
    bool (*publish)(void *context, struct ota_span topic, struct ota_span payload,
                    enum ota_qos qos);
    bool (*subscribe)(void *context, struct ota_span filter, enum ota_qos qos);
    bool (*unsubscribe)(void *context, struct ota_span filter);
    void *context;
};

/** The application's HTTP client, for downloads over ranges. Called on the agent's thread; must not block. */
struct OTA_Http {
    struct ota_source *source; /* ota_range_source(), lent until shutdown; NULL: no HTTP */
    /** `GET url` with `Range: bytes=first-last`; an earlier transfer that is open still is broken off. False: not now. */
    bool (*get)(void *context, struct ota_span url, uint32_t first, uint32_t last,
                uint32_t transfer);
    /** Break this one off, if it is open. */
    void (*give_up)(void *context, uint32_t transfer);
    void *context;
};

/** Of two protocols that a job offers. The other is fallen back on. */
typedef enum { OTA_Prefer_Http = 0, OTA_Prefer_Mqtt = 1 } OTA_Prefer_t;

struct OTA_Config {
    const char *thing_name;  /* copied */
    const char *topic_root;  /* copied; NULL: "$aws" */
    struct ota_flash *flash; /* lent until shutdown, as the layout and crypto */
    const struct ota_layout *layout;
    struct ota_crypto *crypto;
    enum ota_slot running_slot;
    struct ota_handover handover;
    struct OTA_Mqtt mqtt;
    struct OTA_Http http; /* zero: MQTT only */
    OTA_Prefer_t prefer;
    enum ota_format stream_format; /* 0: CBOR */
    void (*reset)(void *context);  /* must not return */
    void *reset_context;
    OTA_CompleteCallback_t callback; /* NULL: says yes to every offer, activation and test */
    void *callback_context;
    enum ota_policy policy;          /* OTA_POLICY_ASK: event Offer */
    struct ota_parser_chain parsers; /* of job documents, lent; empty: AFR alone */
    /* &ota_custom_jobs: jobs of your own kind are wanted; NULL: they are shown and refused. */
    const struct ota_custom_ops *custom_jobs;
    /* ota_step_minutes of ota/step.h: step time-outs are told; NULL: none. */
    uint32_t (*step_minutes)(struct ota_orchestrator *o);
    uint32_t block_size;                 /* 0: 4096 */
    uint32_t window;                     /* 0: 32 blocks */
    uint32_t self_test_ms;               /* 0: 16 s, as the agents before */
    uint32_t retry_ms_min, retry_ms_max; /* 0: 2 s, 5 min */
    uint32_t message_count;              /* messages that can wait; 0: the most that fit */
    /* &ota_shadow_announce of ota/shadow.h: the provider knows what runs on the device; NULL: it is not told */
    void (*announce)(const struct ota_orchestrator *o, struct ota_effect *effect);
    struct ota_buf memory; /* messages and a block: OTA_MEMORY_SIZE() */
    const struct ota_files
        *files; /* handlers of data files, on the agent's thread; NULL: images only */
};

/* Bytes of one waiting message: a block with its CBOR or base64 frame, or a document; and its topic. */
#define OTA_MESSAGE_SIZE(block_size) ((block_size)*3u / 2u + 512u + OTA_TOPIC_MAX)
/* Where requests are made: in the buffer for one block, but with HTTP, which puts a block together there bit by bit. */
#define OTA_REQUEST_SIZE (OTA_TOPIC_MAX + OTA_SCRATCH_PAYLOAD_MIN)
/* Bytes of config.memory for `count` messages; with HTTP OTA_REQUEST_SIZE more. */
#define OTA_MEMORY_SIZE(block_size, count)                                                         \
    ((size_t)OTA_MESSAGE_SIZE(block_size) * (count) +                                              \
     ((block_size) > OTA_REQUEST_SIZE ? (block_size) : OTA_REQUEST_SIZE))

/**
 * Start the agent and wait at most `timeout_ms` until it is READY (0: at once).
 * Called while it runs: swaps callback and context, clears the statistics, changes nothing else.
 * Called while it shuts down: nothing.
 *
 * @return the state that it saw; OTA_AgentState_NotReady too if the config is refused or flash
 *         cannot be read (OTA_GetLastError() says which).
 */
OTA_State_t OTA_AgentInit(const struct OTA_Config *config, uint32_t timeout_ms);

/**
 * Unsubscribe, let go of everything, end the thread. Of what the config lent nothing is used any more once the
 * state is NotReady.
 *
 * @return the state after at most `timeout_ms`: NotReady once it has ended, or if it did not run.
 */
OTA_State_t OTA_AgentShutdown(uint32_t timeout_ms);

OTA_State_t OTA_GetAgentState(void);
/** Why init refused; or, of an agent that stays NotReady, why. */
OTA_Err_t OTA_GetLastError(void);

/** Reset into the newest image received. OTA_Err_NoActiveJob if none is verified. Returns before the reset. */
OTA_Err_t OTA_ActivateNewImage(void);

/** Testing: harmless. Accepted, Rejected: ends the self-test; persisted and reported. Aborted: gives the update up. */
OTA_Err_t OTA_SetImageState(OTA_ImageState_t state);

/** From flash, so it survives a reset: Testing (unconfirmed), Accepted (confirmed), Rejected (the last update was refused
 * or reverted and its report is still out), Aborted. Before init, and while flash cannot be read: Unknown. */
OTA_ImageState_t OTA_GetImageState(void);

/** Ask for the next job now; an offer that was put off is told again. */
OTA_Err_t OTA_CheckForUpdate(void);

typedef enum {
    OTA_Decision_Accept,    /* Offer, CustomJob: take it; Activate: as OTA_ActivateNewImage() */
    OTA_Decision_Later,     /* Offer, CustomJob, Activate: tell me again */
    OTA_Decision_Refuse,    /* the same: REJECTED */
    OTA_Decision_Succeeded, /* CustomJob, taken or not: it is done */
    OTA_Decision_Failed,    /* the same: it cannot be done */
} OTA_Decision_t;

/**
 * Answer an event; from the callback, or at any later time.
 *
 * @param ticket    of the event's data: late, it decides nothing about another job. 0: about what waits now.
 * @param later_ms  Later: after so long; 0: when OTA_CheckForUpdate() is called. A reset forgets it.
 * @param reason    Refuse, Succeeded, Failed: what the provider is told, at most OTA_WORDS_MAX printable ASCII
 *                  characters without `"` and `\`; copied. NULL: our words.
 * @return None: posted (the newest counts, if two are posted at once); NoActiveJob: nothing like that waits; Reason; NotReady.
 */
OTA_Err_t OTA_Decide(OTA_Decision_t decision, uint32_t ticket, uint32_t later_ms,
                     const char *reason);

/**
 * Ask, tell, fetch and erase nothing, and drop what comes, until OTA_Resume(), which asks at once. A self-test goes on.
 * Called twice: nothing more. A restart of the agent is not suspended.
 */
OTA_Err_t OTA_Suspend(void);
OTA_Err_t OTA_Resume(void);

struct OTA_Statistics {
    uint32_t received, queued, processed, dropped; /* messages: all that came = queued + dropped */
    uint32_t refused;       /* of the processed: not what the protocol says */
    uint32_t blocks, bytes; /* stored */
};
/** Since init, or since init was last called while it runs. Zero before init; after shutdown what was last counted. */
struct OTA_Statistics OTA_GetStatistics(void);

/* What the application's MQTT callbacks forward. Thread-safe; copied before they return. Before init only the link is remembered; the rest is ignored. */
void OTA_OnConnected(void);
void OTA_OnDisconnected(void);
void OTA_OnSubscribed(struct ota_span filter);
void OTA_OnMessage(struct ota_span topic, struct ota_span payload);

/*
 * What the application's HTTP client hears of a transfer: its head, pieces of its body in their order, and its end in any case but
 * that of a transfer that was broken off (ota/fetched.h). Thread-safe; copied before they return. Without room nothing is
 * taken: hold the transfer up and say it again soon. Where there is no agent all is taken and forgotten.
 */
bool OTA_OnFetchedHead(uint32_t transfer, uint32_t status, struct ota_span content_range);
/** @return how many bytes were taken, from the first. */
size_t OTA_OnFetchedBody(uint32_t transfer, struct ota_span bytes);
bool OTA_OnFetchedEnded(uint32_t transfer);

/**
 * One turn of the agent, for a program that has one loop and no threads (ports/agent/superloop.c): bounded work, at
 * most one callback. With a port that has a thread, never to be called.
 *
 * @return when to come again if nothing is posted before; 0: at once; OTA_NEVER: it does not run.
 */
ota_ms_t OTA_AgentTurn(void);

/*
 * The port: one lock, one thing to wait for, one thread. ports/agent/pthread.c has it for POSIX,
 * superloop.c for a program with a loop of its own.
 */
struct OTA_OsOps {
    void (*lock)(void);
    void (*unlock)(void);
    void (*wait_until)(
        ota_ms_t deadline); /* lock held: gives it up meanwhile; ends at wake() or the deadline */
    void (*wake)(void);     /* lock held: ends every wait_until() */
    ota_ms_t (*now)(void);  /* monotonic */
    bool (*start)(void (*loop)(void)); /* run `loop` on a thread of its own */
    void (*join)(void);                /* wait for that thread's end */
};
extern const struct OTA_OsOps OTA_Os;

#endif
