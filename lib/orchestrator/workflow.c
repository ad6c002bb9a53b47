/*
 * The workflow table and what turns it. See the drawing in ota/orchestrator.h.
 */
#include "workflow.h"
#include "ota/assert.h"

#include <assert.h>
#include <string.h>

typedef enum verdict deed(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect);

#define NONE         OTA_JOURNAL_NONE
#define CLAIMED      OTA_JOURNAL_CLAIMED
#define RECEIVING    OTA_JOURNAL_RECEIVING
#define VERIFYING    OTA_JOURNAL_VERIFYING
#define READY        OTA_JOURNAL_READY
#define ACTIVATING   OTA_JOURNAL_ACTIVATING
#define TESTING      OTA_JOURNAL_TESTING
#define OUTCOME_OK   OTA_JOURNAL_OUTCOME_OK
#define OUTCOME_FAIL OTA_JOURNAL_OUTCOME_FAIL
#define DROP         OTA_JOURNAL_DROP
#define REPORT_OK    OTA_JOURNAL_REPORT_OK
#define REPORT_FAIL  OTA_JOURNAL_REPORT_FAIL
#define STATES       12u
#define NEVER        0xffu

/* clang-format off */
/* The one place that names a next state. A verdict without a column cannot happen in that state (asserted). */
static const struct {
    deed *deed;
    uint8_t next[V_COUNT - V_LEAVES];
} workflow[STATES] = {
    /*                deed                     OK          FAIL          REFUSE       GONE     DROP   FORGET INSTALLED AGAIN */
    [NONE]         = { ota_deed_idle,         { CLAIMED,    NEVER,        REPORT_FAIL, NEVER,   NEVER, NEVER, OUTCOME_OK, NEVER } },
    [CLAIMED]      = { ota_deed_claim,        { RECEIVING,  OUTCOME_FAIL, REPORT_FAIL, CLAIMED, DROP,  NONE,  OUTCOME_OK, CLAIMED } },
    [RECEIVING]    = { ota_deed_receive,      { VERIFYING,  OUTCOME_FAIL, NEVER,       CLAIMED, DROP,  NEVER, NEVER, RECEIVING } },
    [VERIFYING]    = { ota_deed_verify,       { READY,      OUTCOME_FAIL, NEVER,       CLAIMED, DROP,  NEVER, NEVER, VERIFYING } },
    [READY]        = { ota_deed_ready,        { ACTIVATING, OUTCOME_FAIL, NEVER,       NEVER,   DROP,  NEVER, NEVER, READY } },
    [ACTIVATING]   = { ota_deed_activate,     { NEVER,      OUTCOME_FAIL, NEVER,       CLAIMED, NEVER, NEVER, NEVER, NEVER } },
    [TESTING]      = { ota_deed_test,         { OUTCOME_OK, OUTCOME_FAIL, NEVER,       NEVER,   NEVER, NEVER, NEVER, NEVER } },
    [OUTCOME_OK]   = { ota_deed_outcome_ok,   { REPORT_OK,  OUTCOME_FAIL, REPORT_FAIL, NEVER,   NEVER, NEVER, NEVER, NEVER } },
    [OUTCOME_FAIL] = { ota_deed_outcome_fail, { REPORT_FAIL, NEVER,       NEVER,       NEVER,   NEVER, NEVER, NEVER, NEVER } },
    [DROP]         = { ota_deed_drop,         { NONE,       NEVER,        NEVER,       NEVER,   NEVER, NEVER, NEVER, NEVER } },
    [REPORT_OK]    = { ota_deed_report,       { NONE,       NEVER,        NEVER,       NEVER,   NEVER, NEVER, NEVER, NEVER } },
    [REPORT_FAIL]  = { ota_deed_report,       { NONE,       NEVER,        NEVER,       NEVER,   NEVER, NEVER, NEVER, NEVER } },
};
/* clang-format on */

static_assert(OTA_JOURNAL_REPORT_FAIL + 1 == STATES, "a row for each state");

/* --- what deeds share ------------------------------------------------------- */

void ota_event(struct ota_orchestrator *o, enum ota_event_kind kind, uint32_t value, uint32_t total)
{
    if (o->event_waits) {
        o->stats.events_lost++; /* one waits at a time; deeds run only when none does */
    }
    o->event = (struct ota_effect){ .kind = OTA_EFFECT_EVENT };
    o->event.as.event.kind = kind;
    o->event.as.event.error = o->journal.error;
    o->event.as.event.reason = (uint32_t)o->journal.reason;
    o->event.as.event.value = value;
    o->event.as.event.total = total;
    o->event.as.event.job_id = (struct ota_span){ o->journal.job_id, o->journal.job_id_len };
    o->event_waits = true;
}

enum verdict ota_fail(struct ota_orchestrator *o, enum ota_reason reason, ota_err_t error,
                      enum verdict as)
{
    o->journal.reason = reason;
    o->journal.error = error;
    return as;
}

enum verdict ota_reboot(struct ota_orchestrator *o, struct ota_effect *effect)
{
    *effect = (struct ota_effect){ .kind = OTA_EFFECT_REBOOT };
    o->halted = true;
    return V_EFFECT;
}

bool ota_take_command(struct ota_orchestrator *o, enum ota_command command)
{
    const uint8_t bit = (uint8_t)(1u << command);
    const bool given = (o->commands & bit) != 0;
    o->commands &= (uint8_t)~bit;
    return given;
}

void ota_check(struct ota_orchestrator *o)
{
    o->commands |= (uint8_t)(1u << OTA_COMMAND_CHECK);
}

bool ota_check_waits(const struct ota_orchestrator *o)
{
    return (o->commands & (1u << OTA_COMMAND_CHECK)) != 0;
}

/*
 * Each job that ends, and each claim that begins anew, writes the journal and may erase the slot.
 * So many in a row are free; then one in ten minutes. A part that bears 100,000 erases so bears
 * two years of a provider that never stops; one that means well does not notice.
 */
#define FREE_IN_A_ROW 16u
#define MS_EACH       600000u

void ota_spend(struct ota_orchestrator *o)
{
    const ota_ms_t from = o->paid > o->now ? o->paid : o->now;
    o->paid = from < OTA_NEVER - MS_EACH ? from + MS_EACH : OTA_NEVER;
}

ota_ms_t ota_rested_at(const struct ota_orchestrator *o)
{
    const ota_ms_t free_ms = FREE_IN_A_ROW * MS_EACH;
    const ota_ms_t rested = o->paid > free_ms ? o->paid - free_ms : 0;
    return rested > o->gather_until ? rested : o->gather_until;
}

enum verdict ota_verify_slot(struct ota_orchestrator *o, enum ota_slot slot, ota_err_t *why)
{
    if (o->verifying != (uint8_t)slot) {
        struct ota_store_facts facts;
        *why = ota_store_facts(o->cfg.store, &facts);
        if (*why != OTA_OK) {
            return V_FAIL;
        }
        const struct ota_verify_cfg cfg = {
            .flash = o->cfg.store->flash,
            .crypto = o->cfg.crypto,
            .trust = o->cfg.trust,
            .where = ota_store_image_region(o->cfg.store, slot),
            .counter_min = facts.counter,
        };
        ota_verify_begin(&o->u.verify, &cfg);
        o->verifying = (uint8_t)slot;
        o->verified = false;
    }

    const struct ota_verified_image *done = NULL;
    *why = ota_verify_step(&o->u.verify, OTA_VERIFY_BUDGET, &done);
    if (*why == OTA_OK && done == NULL) {
        return V_MORE;
    }
    o->verifying = OTA_SLOT_COUNT;
    return *why == OTA_OK ? V_OK : V_FAIL;
}

enum verdict ota_classify_slot(struct ota_orchestrator *o, enum ota_slot slot,
                               enum ota_slot_class *class_)
{
    ota_err_t why;
    const enum verdict v = ota_verify_slot(o, slot, &why);
    if (v == V_MORE) {
        return V_MORE;
    }
    struct ota_store_facts facts;
    if (ota_store_facts(o->cfg.store, &facts) != OTA_OK) {
        *class_ = OTA_SLOT_INVALID; /* what cannot be read cannot be relied on */
        return V_OK;
    }
    *class_ = ota_slot_classify(&facts.slot[slot], v == V_OK);
    return V_OK;
}

ota_err_t ota_own_confirmed(struct ota_orchestrator *o, enum ota_confirmed *confirmed)
{
    struct ota_store_facts facts;
    const ota_err_t err = ota_store_facts(o->cfg.store, &facts);
    if (err != OTA_OK) {
        return err;
    }
    /* It runs, so the bootloader saw it verify. */
    switch (ota_slot_classify(&facts.slot[o->cfg.running], true)) {
    case OTA_SLOT_CONFIRMED: *confirmed = OTA_CONFIRMED_YES; break;
    case OTA_SLOT_UNMARKED: *confirmed = OTA_CONFIRMED_UNMARKED; break;
    case OTA_SLOT_INVALID:
    case OTA_SLOT_UNTRIED:
    case OTA_SLOT_TRIED:
    case OTA_SLOT_INCOMPLETE: *confirmed = OTA_CONFIRMED_NO; break;
    }
    return OTA_OK;
}

ota_err_t ota_target_blank(struct ota_orchestrator *o, bool *blank)
{
    uint8_t head[OTA_IMAGE_HEADER_SIZE];
    const ota_err_t err =
        ota_store_read(o->cfg.store, o->journal.slot, 0, (struct ota_buf){ head, sizeof head });
    if (err != OTA_OK) {
        return err;
    }
    *blank = true;
    for (size_t i = 0; i < sizeof head; i++) {
        *blank = *blank && head[i] == o->cfg.store->flash->erased;
    }
    return OTA_OK;
}

/* --- turning the table -------------------------------------------------------- */

static enum verdict halt(struct ota_orchestrator *o)
{
    if (o->halted) {
        return V_HALT;
    }
    o->halted = true;
    ota_event(o, OTA_EVENT_FLASH_FAULT, 0, 0);
    return V_HALT;
}

/* (none) is entered after a report or a drop: look for the next job. */
static enum verdict begin_idle(struct ota_orchestrator *o)
{
    enum ota_confirmed confirmed;
    if (ota_own_confirmed(o, &confirmed) != OTA_OK) {
        return halt(o);
    }
    if (confirmed == OTA_CONFIRMED_YES) {
        o->mode = OTA_MODE_IDLE;
    }
    o->claim_known = false;
    o->offered = false;
    ota_check(o);
    ota_spend(o);
    return V_MORE;
}

/* All but the report identity: an event that waits still names the job. */
static void forget(struct ota_journal *j)
{
    const struct ota_journal old = *j;
    *j = (struct ota_journal){ .job_id_len = old.job_id_len, .execution = old.execution };
    memcpy(j->job_id, old.job_id, sizeof j->job_id);
}

enum verdict ota_workflow_enter(struct ota_orchestrator *o, enum ota_journal_state state)
{
    if (state == NONE) {
        forget(&o->journal);
    }
    o->journal.state = state;
    o->step = 0;
    o->commands &=
        (uint8_t)(1u << OTA_COMMAND_CHECK); /* the others were said to the state before */
    o->answered = V_WAIT;
    o->verifying = OTA_SLOT_COUNT;
    o->deadline = OTA_NEVER;
    ota_jobs_hush(&o->jobs);
    if (ota_journal_write(o->cfg.store, &o->journal) != OTA_OK) {
        return halt(o);
    }
    if (state == REPORT_FAIL) {
        ota_event(o, OTA_EVENT_FAILED, 0, 0);
    }
    return state == NONE ? begin_idle(o) : V_MORE;
}

enum verdict ota_workflow_turn(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    const enum ota_journal_state state = o->journal.state;
    enum verdict v = (enum verdict)o->answered;
    if (!o->restarted) {
        v = ota_restart_turn(o);
    } else if (v == V_WAIT) {
        v = workflow[state].deed(o, now, effect);
    }
    o->answered = V_WAIT;
    if (v == V_HALT) {
        return halt(o);
    }
    if (v < V_LEAVES) {
        return v;
    }
    const uint8_t next = workflow[state].next[v - V_LEAVES];
    OTA_ASSERT(next != NEVER);
    return ota_workflow_enter(o, (enum ota_journal_state)next);
}
