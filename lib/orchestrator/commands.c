/*
 * What the application says: when it means something, and what it comes to.
 */
#include "workflow.h"

#include <string.h>

/* Where we are, a bit each: the states (never (none)), and four places inside (none). */
#define IN(state) (1u << OTA_JOURNAL_##state)
#define IN_OFFER  (1u << 28) /* an offer waits for a decision */
#define IN_CUSTOM (1u << 29) /* a custom job does */
#define IN_WORK   (1u << 30) /* the application has taken it */
#define IN_TRIAL  (1u << 31) /* an image without a job is under test */
#define IN_TEST   (IN(TESTING) | IN_TRIAL)

static const struct {
    uint8_t command;
    uint8_t reason; /* NONE: V_OK; else V_FAIL, and why */
    uint32_t where; /* it means something */
} commands[] = {
    { OTA_COMMAND_ACCEPT, OTA_REASON_NONE, IN_OFFER | IN_CUSTOM },
    { OTA_COMMAND_REFUSE, OTA_REASON_REFUSED_BY_APP, IN_OFFER | IN_CUSTOM },
    { OTA_COMMAND_ACTIVATE, OTA_REASON_NONE, IN(READY) },
    { OTA_COMMAND_CONFIRM, OTA_REASON_NONE, IN_TEST },
    { OTA_COMMAND_REJECT, OTA_REASON_SELF_TEST_FAILED, IN_TEST },
    { OTA_COMMAND_REJECT, OTA_REASON_REFUSED_BY_APP, IN(READY) },
    { OTA_COMMAND_ABORT, OTA_REASON_ABORTED,
      IN_TEST | IN_WORK | IN(CLAIMED) | IN(FILES) | IN(RECEIVING) | IN(READY) },
    { OTA_COMMAND_LATER, OTA_REASON_NONE, IN_OFFER | IN_CUSTOM | IN(READY) }, /* never obeyed */
    { OTA_COMMAND_SUCCEEDED, OTA_REASON_JOB_DONE, IN_CUSTOM | IN_WORK },
    { OTA_COMMAND_FAILED, OTA_REASON_JOB_FAILED, IN_CUSTOM | IN_WORK },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static uint32_t where(const struct ota_orchestrator *o)
{
    static const uint32_t places[] = { 0, IN_OFFER, IN_CUSTOM, IN_WORK, IN_WORK };
    if (o->journal.state != OTA_JOURNAL_NONE) {
        return 1u << o->journal.state;
    }
    if (o->mode == OTA_MODE_TRIAL) {
        return IN_TRIAL;
    }
    /* An offer that the application has not been told of cannot be what it decides about. */
    const bool unseen = o->event_waits && (o->event.as.event.kind == OTA_EVENT_OFFER ||
                                           o->event.as.event.kind == OTA_EVENT_CUSTOM_JOB);
    return unseen ? 0 : places[o->offered];
}

/* The first row that means something here, for one of `given`, a bit each; COMMANDS if there is none. */
static unsigned find(const struct ota_orchestrator *o, unsigned given)
{
    const uint32_t here = where(o);
    unsigned i = 0;
    while (i < COMMANDS &&
           ((commands[i].where & here) == 0 || (given >> commands[i].command & 1u) == 0)) {
        i++;
    }
    return i;
}

/* --- later ------------------------------------------------------------------------ */

void ota_undefer(struct ota_orchestrator *o)
{
    o->deferred = false;
    o->deadline = OTA_NEVER;
}

bool ota_deferral_is_over(struct ota_orchestrator *o)
{
    if (!o->deferred || o->now < o->deadline) {
        return false;
    }
    ota_undefer(o);
    return true;
}

/* --- decisions ---------------------------------------------------------------------- */

/* They are told as they are, inside a JSON string. */
bool ota_words_ok(struct ota_span words)
{
    bool ok = words.len <= OTA_WORDS_MAX;
    for (size_t i = 0; ok && i < words.len; i++) {
        const uint8_t c = words.ptr[i];
        ok = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    }
    return ok;
}

static void keep_words(struct ota_orchestrator *o, struct ota_span words)
{
    o->words_len = (uint8_t)words.len;
    if (words.len > 0) {
        memcpy(o->words, words.ptr, words.len);
    }
}

/* CHECK, SUSPEND, RESUME: about no job, so they mean something everywhere. */
#define ANYWHERE (1u << OTA_COMMAND_CHECK | 1u << OTA_COMMAND_SUSPEND | 1u << OTA_COMMAND_RESUME)

static void obey_at_once(struct ota_orchestrator *o, enum ota_command command)
{
    if (command == OTA_COMMAND_SUSPEND) {
        o->suspended = true;
        ota_fetch_pause(o);
        return;
    }
    if (o->suspended && command == OTA_COMMAND_RESUME) {
        o->suspended = false;
        ota_jobs_reconnected(&o->jobs);
        ota_fetch_reconnected(o);
        o->news = true; /* the link may have come meanwhile */
    }
    if (o->deferred && o->journal.state == OTA_JOURNAL_NONE) {
        ota_undefer(o);
    } else if (o->deferred && o->deadline == OTA_NEVER) {
        o->deadline = 0;
    }
    ota_check(o);
}

ota_err_t ota_orchestrator_decide(struct ota_orchestrator *o, const struct ota_decision *d)
{
    const unsigned bit = 1u << d->command;
    if (!ota_words_ok(d->reason)) {
        return OTA_E_NAME;
    }
    const bool meant = d->ticket == 0 || d->ticket == o->ticket;
    const bool anywhere = (bit & ANYWHERE) != 0;
    if (o->halted || !o->restarted || !(anywhere || (meant && find(o, bit) < COMMANDS))) {
        return OTA_E_STATE;
    }
    o->busy = true;
    if (anywhere) {
        obey_at_once(o, d->command);
    } else if (d->command == OTA_COMMAND_LATER) {
        o->deferred = true;
        o->deadline = d->until;
    } else {
        keep_words(o, d->reason);
        o->commands |= (uint16_t)bit;
    }
    return OTA_OK;
}

ota_err_t ota_orchestrator_command(struct ota_orchestrator *o, enum ota_command command)
{
    const struct ota_decision d = { .command = command, .until = OTA_NEVER };
    return ota_orchestrator_decide(o, &d);
}

enum verdict ota_obey(struct ota_orchestrator *o)
{
    const unsigned i = find(o, o->commands);
    if (i == COMMANDS) {
        return V_WAIT;
    }
    (void)ota_take_command(o, (enum ota_command)commands[i].command);
    const enum ota_reason reason = (enum ota_reason)commands[i].reason;
    return reason == OTA_REASON_NONE ? V_OK : ota_fail(o, reason);
}
