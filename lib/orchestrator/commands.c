/*
 * What the application says: when it means something, and what it comes to.
 */
#include "workflow.h"

/* Where we are, a bit each: the states, and three places inside (none). */
#define IN(state) (1u << OTA_JOURNAL_##state)
#define IN_OFFER  (1u << 14) /* an offer waits for a decision */
#define IN_TRIAL  (1u << 15) /* an image without a job is under test */
#define IN_TEST   (IN(TESTING) | IN_TRIAL)

static const struct {
    uint8_t command;
    uint8_t reason; /* NONE: V_OK; else V_FAIL, and why */
    uint16_t where; /* it means something */
} commands[] = {
    { OTA_COMMAND_ACCEPT, OTA_REASON_NONE, IN_OFFER },
    { OTA_COMMAND_REFUSE, OTA_REASON_REFUSED_BY_APP, IN_OFFER },
    { OTA_COMMAND_ACTIVATE, OTA_REASON_NONE, IN(READY) },
    { OTA_COMMAND_CONFIRM, OTA_REASON_NONE, IN_TEST },
    { OTA_COMMAND_REJECT, OTA_REASON_SELF_TEST_FAILED, IN_TEST },
    { OTA_COMMAND_REJECT, OTA_REASON_REFUSED_BY_APP, IN(READY) },
    { OTA_COMMAND_ABORT, OTA_REASON_ABORTED, IN_TEST | IN(CLAIMED) | IN(RECEIVING) | IN(READY) },
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static unsigned where(const struct ota_orchestrator *o)
{
    if (o->journal.state != OTA_JOURNAL_NONE) {
        return 1u << o->journal.state;
    }
    if (o->mode == OTA_MODE_TRIAL) {
        return IN_TRIAL;
    }
    /* An offer that the application has not been told of cannot be what it decides about. */
    const bool unseen = o->event_waits && o->event.as.event.kind == OTA_EVENT_OFFER;
    return o->offered && !unseen ? IN_OFFER : 0;
}

/* The first row that means something here, for one of `given`, a bit each; COMMANDS if there is none. */
static unsigned find(const struct ota_orchestrator *o, unsigned given)
{
    const unsigned here = where(o);
    unsigned i = 0;
    while (i < COMMANDS &&
           ((commands[i].where & here) == 0 || (given >> commands[i].command & 1u) == 0)) {
        i++;
    }
    return i;
}

ota_err_t ota_orchestrator_command(struct ota_orchestrator *o, enum ota_command command)
{
    const unsigned bit = 1u << command;
    const bool meaningful = command == OTA_COMMAND_CHECK || find(o, bit) < COMMANDS;
    if (o->halted || !o->restarted || !meaningful) {
        return OTA_E_STATE;
    }
    o->commands |= (uint8_t)bit;
    o->busy = true;
    return OTA_OK;
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
