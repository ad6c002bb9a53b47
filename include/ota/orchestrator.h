/*
 * Orchestrator: one update, from offer to report, through any number of resets.
 *
 * A durable workflow: the state is in the journal before its deed begins, every
 * deed can be done again, and after a restart the state is computed from facts
 * (docs/architecture.md tells the life of an update). The table in workflow.c
 * is the only place that names a next state:
 *
 *   (none) -> CLAIMED -> RECEIVING -> VERIFYING -> READY -> ACTIVATING -> reset
 *                |           |            |          |          |
 *                |           +---------- OUTCOME(fail) ---------+
 *                +-> DROP -> (none)                |
 *                                                  v
 *   reset -> TESTING -> OUTCOME(ok) -> REPORT -> (none)
 *
 * With data files (ota/files.h): CLAIMED -> FILES -> RECEIVING. With nothing else:
 *
 *   CLAIMED -> FILES -> READY -> APPLYING -> REPORT
 *
 * Inputs are functions, outputs are effects: see ota/effect.h. Flash and crypto
 * are called straight through, a bounded piece per poll (one sector erased, or
 * OTA_VERIFY_BUDGET bytes hashed), so that the connection stays alive.
 *
 * One caller at a time. Two instances share nothing.
 */
#ifndef OTA_ORCHESTRATOR_H
#define OTA_ORCHESTRATOR_H

#include "ota/decision.h"
#include "ota/effect.h"
#include "ota/files.h"
#include "ota/handover.h"
#include "ota/jobdoc.h"
#include "ota/jobs.h"
#include "ota/source.h"
#include "ota/store.h"

/* Bytes hashed per poll: about 10 ms on a Cortex-M3 without hash hardware. */
#define OTA_VERIFY_BUDGET 4096u

/* Subscriptions: six of Jobs, two of streams (data, rejected). */
#define OTA_SUBSCRIPTIONS 8u

/* statusDetails of a report: a reason in words, an error, a version. */
#define OTA_DETAILS_MAX 256u

/** Jobs of the application's own kind: custom.c. Linked where it is named. */
struct ota_custom_ops;
extern const struct ota_custom_ops ota_custom_jobs;

/** Who decides about an offer. */
enum ota_policy {
    OTA_POLICY_ACCEPT, /* what passes the checks is taken at once */
    OTA_POLICY_ASK,    /* event OFFER; ACCEPT, LATER or REFUSE answers */
};

struct ota_orchestrator;

struct ota_orchestrator_cfg {
    struct ota_store *store; /* opened; the orchestrator's alone from now on */
    struct ota_crypto *crypto;
    const struct ota_trust *trust;
    struct ota_span root, thing; /* topic root and thing name; lent */
    struct ota_scratch scratch;  /* for effects; lent */
    struct ota_source *source;   /* the best one first; lent */
    struct ota_buf room;         /* one block, for JSON streams and HTTP; else unused */
    enum ota_slot running;
    struct ota_handover handover;
    enum ota_policy policy;
    struct ota_parser_chain parsers;     /* of job documents; lent; none: AFR alone */
    const struct ota_custom_ops *custom; /* &ota_custom_jobs: what no parser understands is the
                                            application's to decide; NULL: it is refused */
    enum ota_format format;              /* of streams */
    uint32_t block_size;                 /* bytes, a power of two, multiple of the write size */
    uint32_t window;                     /* blocks in flight, 1 ..= OTA_STREAM_WINDOW_MAX */
    uint32_t retry_ms_min, retry_ms_max; /* back-off of every request */
    uint32_t self_test_ms; /* of one boot: silence of the application is a failed test */
    /* When the provider may give the execution up (stepTimeoutInMinutes), told with IN_PROGRESS:
     * ota_step_minutes() of ota/step.h; NULL: never told. */
    uint32_t (*step_minutes)(struct ota_orchestrator *o);
    /* What is told of the device at each connect, and when an update has changed it: fills in a
     * PUBLISH, reads only. ota_shadow_announce() of ota/shadow.h; NULL: nothing. */
    void (*announce)(const struct ota_orchestrator *o, struct ota_effect *effect);
    const struct ota_files *files; /* handlers of data files; NULL: images only */
};

/** What (none) does. */
enum ota_idle_mode {
    OTA_MODE_IDLE,  /* ask */
    OTA_MODE_ADOPT, /* confirm the unmarked image, then idle */
    OTA_MODE_TRIAL, /* an unconfirmed image without a job: self-test, do not ask */
    OTA_MODE_STAY,  /* unconfirmed, failed, no way back: ask all the same */
};

/** What (none) holds besides. */
enum ota_offered {
    OTA_OFFERED_NOTHING,
    OTA_OFFERED_IMAGE,  /* `journal` and the sources hold an offer that waits for a decision */
    OTA_OFFERED_CUSTOM, /* so does a custom job */
    OTA_CUSTOM_TAKING,  /* a custom job: IN_PROGRESS is being told */
    OTA_CUSTOM_TAKEN,   /* the application works on it */
};

struct ota_orchestrator_stats {
    uint32_t messages, refused, blocks, bytes, events_lost;
};

/*
 * Private to lib/orchestrator; open so that the caller can give it a home. What is small and often
 * used comes first: code reaches that with fewer bytes.
 */
struct ota_orchestrator {
    /* the workflow's place inside a state */
    uint8_t step;       /* of the deed; 0 at its begin */
    uint8_t mode;       /* enum ota_idle_mode, of (none) */
    uint8_t verifying;  /* the slot in `u.verify` that is being hashed; OTA_SLOT_COUNT: none */
    uint8_t answered;   /* a verdict that the provider's answer came to; 0: none */
    uint8_t sub_acked;  /* subscriptions, a bit each */
    uint8_t sub_sent;   /* the same */
    uint8_t offered;    /* enum ota_offered */
    uint8_t confirmed;  /* enum ota_confirmed of the running image, as `facts` say */
    uint8_t slot_class; /* enum ota_slot_class that ota_classify_slot() found */
    bool link;          /* up */
    bool restarted;     /* the restart's verdict has been carried out */
    bool halted;        /* flash fault: stand still until a restart */
    bool suspended;     /* by the application */
    bool busy;          /* the deed has more to do at once */
    bool deferred;      /* the application said LATER; `deadline` is when */
    bool claim_known;   /* the provider offered the claim in this boot: its source is good */
    bool must_take;     /* the execution is QUEUED: IN_PROGRESS must be told */
    bool untouched;     /* the claim, or what may become one, has not touched its slot yet */
    bool event_waits;   /* `event`, for poll; then busy too */
    bool verified;      /* u.verify holds the target's verified image */
    bool news;          /* to be told of the device */
    ota_err_t why;      /* why ota_verify_slot() said no */
    uint16_t commands;  /* a bit each, taken by the deeds */
    struct ota_journal journal; /* == the newest state in flash */
    struct ota_source *source;  /* that fetches; NULL: nothing is being fetched */
    uint32_t fetch_end;         /* of what it fetches */
    bool fresh;                 /* this boot has erased the target for the claim */
    bool brief_report;          /* the provider did not like our details: report without */
    bool next_file;             /* the provider is asked because the next file's turn has come */
    bool applied;               /* this boot has applied the job's data files */
    uint8_t words_len;          /* of `words` */
    struct ota_orchestrator_cfg cfg;
    uint32_t at;             /* of erase and clean: bytes done */
    uint32_t received, told; /* blocks of this download; of them told to the application */
    uint32_t published;      /* and to the provider */
    uint32_t sub_silences;   /* SUBACKs missing, in a row */
    ota_ms_t now;            /* the newest time that we were told */
    uint32_t ticket;         /* of the execution in `journal` */
    ota_ms_t
        deadline; /* of the self-test, a deferral or a report's repetition; OTA_NEVER: none runs */
    ota_ms_t sub_deadline;
    ota_ms_t gather_until; /* notifications come in twos: one question for both */
    ota_ms_t paid;         /* what the provider made us do to flash is paid for at this time */
    uint64_t version;      /* versionNumber of the offered execution */
    struct ota_orchestrator_stats stats;
    struct ota_effect event;
    struct ota_store_facts facts; /* as ota_look() found them */
    struct {
        struct ota_version version;
        uint32_t counter;
        uint8_t digest[OTA_DIGEST_SIZE];
    } own; /* the running image */
    struct ota_jobs jobs;
    struct {
        bool has_digest; /* the job names the image's digest */
        uint8_t digest[OTA_DIGEST_SIZE];
    } wanted; /* from the newest offer of the claim */
    struct {
        ota_ms_t since;
        uint32_t bytes, ticket;       /* stored by then; 0: of no execution */
    } pace;                           /* of the download, for ota_step_minutes() */
    struct ota_file file;             /* in FILES: the one whose turn it is */
    uint8_t details[OTA_DETAILS_MAX]; /* of what is being told */
    uint8_t words[OTA_WORDS_MAX];     /* that came with the newest decision */
    /* what a download needs, while one runs; the verifier at any other time */
    union {
        struct ota_verify verify;
        struct {
            union {
                union ota_source_room room;
                struct ota_image image; /* when head and tail have come: what they say */
            };
            struct ota_image_header header;
            uint8_t tlvs[OTA_IMAGE_TLVS_MAX];
        } fetch;
        struct {
            struct ota_sha256 hash;
            uint8_t piece[OTA_VERIFY_PIECE];
        } digest; /* of a data file */
    } u;
};

/**
 * Begin: read the running image's header and TLVs, the trailers and the journal. The verdict
 * of the restart is taken by the first polls.
 *
 * @return OTA_OK; OTA_E_FLASH; class IMAGE if the running slot holds no image (a wrong
 *         `running`); OTA_E_CRYPTO if there is no random number for tokens.
 */
OTA_MUST_CHECK ota_err_t ota_orchestrator_init(struct ota_orchestrator *o,
                                               const struct ota_orchestrator_cfg *cfg);

void ota_orchestrator_link_up(struct ota_orchestrator *o);
void ota_orchestrator_link_down(struct ota_orchestrator *o);
/** A SUBACK came for `filter`. Others' filters are ignored. */
void ota_orchestrator_subscribed(struct ota_orchestrator *o, struct ota_span filter);
/** A message came. What is none of ours, or not what the protocol says, is counted and dropped. */
void ota_orchestrator_message(struct ota_orchestrator *o, struct ota_span topic,
                              struct ota_span payload, ota_ms_t now);
/** A message on `topic` did not fit in the receiver's memory. */
void ota_orchestrator_too_large(struct ota_orchestrator *o, struct ota_span topic);

/**
 * OTA_OK if the decision means something now; OTA_E_STATE if not (also: its ticket is another's);
 * OTA_E_NAME if its words are too long or cannot be told. On error nothing happened.
 */
OTA_MUST_CHECK ota_err_t ota_orchestrator_decide(struct ota_orchestrator *o,
                                                 const struct ota_decision *decision);
/** A decision without more: about whatever waits, until told, in our words. */
OTA_MUST_CHECK ota_err_t ota_orchestrator_command(struct ota_orchestrator *o,
                                                  enum ota_command command);

/** One bounded piece of work, at most one effect. Call again until false. */
bool ota_orchestrator_poll(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect);

/** When to poll next if nothing comes: 0 at once. */
ota_ms_t ota_orchestrator_deadline(const struct ota_orchestrator *o);

/** The filter of subscription `index` (< OTA_SUBSCRIPTIONS), in the lent scratch: for unsubscribing at the end. */
struct ota_span ota_orchestrator_filter(const struct ota_orchestrator *o, unsigned index);

/** Why an update ended, in words for a person; "" for NONE and ERROR (see ota_err_text()). Never NULL. */
const char *ota_reason_text(enum ota_reason reason);

/** The newest state. */
enum ota_journal_state ota_orchestrator_state(const struct ota_orchestrator *o);

/*
 * The verdict after a restart: a total function of facts (update-workflow table;
 * docs/architecture.md). Public for its test: every row is one.
 */
enum ota_confirmed { OTA_CONFIRMED_NO, OTA_CONFIRMED_YES, OTA_CONFIRMED_UNMARKED };
enum ota_target_mark { OTA_TARGET_NONE, OTA_TARGET_TORN, OTA_TARGET_PENDING, OTA_TARGET_TRIED };

struct ota_restart_facts {
    enum ota_journal_state journal;
    uint8_t refusals;
    bool target_runs;             /* the running slot is the claim's target */
    enum ota_confirmed confirmed; /* the running image */
    enum ota_target_mark target;  /* the target's magic */
    enum ota_boot_rule rule;
    bool no_image; /* the job has nothing to do with slots */
};

struct ota_restart_verdict {
    enum ota_journal_state state;
    enum ota_idle_mode mode; /* of NONE */
    enum ota_reason reason;  /* set if it is new; NONE: keep the journal's */
    uint8_t refusals;
};

struct ota_restart_verdict ota_restart_decide(const struct ota_restart_facts *facts);

#endif
