/*
 * Modular: an orchestrator of one's own, from the single parts of waft:
 *
 *     jobs handler   ota/jobs.h      what is next; this is so
 *     parser chain   ota/jobdoc.h    the first that understands a document says what to fetch
 *     downloader     ota/stream.h    windows of blocks, lost ones again
 *     verifier       ota/image.h     in installer.h, which examples/usb uses too
 *     store          ota/store.h     there too; and the journal for the one thing that must survive a reset
 *
 *   IDLE -> TAKING -> ERASING -> FETCHING -> VERIFYING -> RESETTING ~~ reset ~~ TESTING -> REPORTING -> IDLE
 *     \________\__________\__________\___________\_________________________________________^
 *                      what fails is reported; what is canceled is dropped
 *
 * README.md says what ota/orchestrator.h does besides. Inputs are functions, outputs are effects, as there.
 */
#ifndef MODULAR_H
#define MODULAR_H

#include "installer.h"
#include "ota/backoff.h"
#include "ota/handover.h"
#include "ota/jobs.h"
#include "ota/stream.h"

struct modular_cfg {
    struct ota_jobs_cfg jobs;
    struct ota_stream_cfg stream; /* name, file id and size come with the job */
    struct ota_scratch scratch;
    struct installer_cfg installer;
    enum ota_boot_rule rule;         /* by which the bootloader started what runs */
    ota_ms_t test_until;             /* what is on trial and not called good by then goes back */
    struct ota_parser_chain parsers; /* of documents that name a file */
    /* A document that no parser understands. OTA_OK: what it wants has been done; else the job is refused. */
    ota_err_t (*custom)(void *context, struct ota_json document);
    void *context;
};

enum modular_state {
    MODULAR_IDLE,
    MODULAR_TAKING,  /* IN_PROGRESS is being told */
    MODULAR_ERASING, /* from here on the other slot is ours */
    MODULAR_FETCHING,
    MODULAR_VERIFYING,
    MODULAR_RESETTING,
    MODULAR_TESTING, /* the application's turn: modular_tested() */
    MODULAR_REPORTING,
};

struct modular {
    struct modular_cfg cfg;
    enum modular_state state;
    bool link, fetches; /* the job has a file */
    uint64_t version;   /* of its execution, as it was offered */
    ota_ms_t ask_at;    /* what is next; OTA_NEVER: it has been asked */
    uint32_t refusals;  /* of what was told, in a row */
    struct ota_backoff backoff;
    struct ota_jobs jobs;
    struct ota_stream stream;
    struct installer installer;
    struct ota_journal journal; /* whose job it is; in flash while the reset is asked for */
    uint8_t stream_id[OTA_STREAM_ID_MAX];
    uint8_t details[OTA_JOBS_DETAILS_MAX];
};

/** From here to the end of the job nothing that is on offer matters. */
static inline bool modular_is_settled(const struct modular *m)
{
    return m->state >= MODULAR_RESETTING;
}

/** @return OTA_OK, or what reading the flash said. After it, state tells whether a self-test is due. */
OTA_MUST_CHECK ota_err_t modular_init(struct modular *m, const struct modular_cfg *cfg);

/** What to subscribe to, 0 ..< MODULAR_FILTERS, in the lent scratch. */
#define MODULAR_FILTERS 8u
struct ota_span modular_filter(const struct modular *m, unsigned index);

/** Up: connected, and all SUBACKs have come. */
void modular_link(struct modular *m, bool up);
void modular_message(struct modular *m, struct ota_span topic, struct ota_span payload,
                     ota_ms_t now);
/** The self-test's result; only while TESTING. */
void modular_tested(struct modular *m, bool good);

/** What has become due by `now`; modular_poll() calls it. */
void modular_on_time(struct modular *m, ota_ms_t now);
/** One bounded piece of work, at most one effect: PUBLISH or REBOOT. Call again while it returns true. */
bool modular_poll(struct modular *m, ota_ms_t now, struct ota_effect *effect);
/** When to poll next if nothing comes. */
ota_ms_t modular_deadline(const struct modular *m);

#endif
