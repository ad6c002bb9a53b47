/*
 * What the application says to the orchestrator, and what goes with it.
 */
#ifndef OTA_DECISION_H
#define OTA_DECISION_H

#include "ota/clock.h"
#include "ota/span.h"

/* A reason in the application's words: enough for a line on a dashboard. */
#define OTA_WORDS_MAX 64u

enum ota_command {
    OTA_COMMAND_CHECK,    /* ask for the next job now; an offer that was put off is told again */
    OTA_COMMAND_ACCEPT,   /* the offer; a custom job: IN_PROGRESS, and CLAIMED when that is taken */
    OTA_COMMAND_REFUSE,   /* the offer, the custom job: REJECTED */
    OTA_COMMAND_ACTIVATE, /* reset into the image that is READY */
    OTA_COMMAND_CONFIRM,  /* self-test passed */
    OTA_COMMAND_REJECT,   /* self-test failed; or: do not use the READY image */
    OTA_COMMAND_ABORT,    /* give the update up */
    OTA_COMMAND_LATER,    /* the offer, the custom job, the READY image: ask me again */
    OTA_COMMAND_SUCCEEDED, /* the custom job, taken or not */
    OTA_COMMAND_FAILED,    /* the same */
    OTA_COMMAND_SUSPEND, /* any time: ask, tell, fetch and erase nothing, and hear nothing, until RESUME. A self-test
                            goes on, its deadline and what it comes to; a restart is not suspended */
    OTA_COMMAND_RESUME, /* any time: go on, and ask at once */
    OTA_COMMAND_LAST = OTA_COMMAND_RESUME,
};

/** A command and what goes with it. */
struct ota_decision {
    enum ota_command command;
    /** The event's that it answers: a decision that comes late is none about the next job. 0: about whatever waits. */
    uint32_t ticket;
    /**
     * LATER. An offer: asked for again at this time, and told again if it is still there; until then the
     * execution stays QUEUED. A READY image: event ACTIVATE at this time. OTA_NEVER: until CHECK, or a
     * decision of another kind. A restart forgets it, and tells again.
     */
    ota_ms_t until;
    /**
     * REFUSE, REJECT, ABORT, SUCCEEDED, FAILED: the reason that the provider is told, 1 ..= OTA_WORDS_MAX
     * printable ASCII characters without `"` and `\`; empty: our own words. Copied. A reset before the
     * provider has taken it leaves our own words too.
     */
    struct ota_span reason;
};

/** Whether a decision's reason can be told. */
bool ota_words_ok(struct ota_span words);

#endif
