/*
 * The workflow table and what turns it. See the drawing in ota/orchestrator.h.
 */
#include "workflow.h"
#include "ota/assert.h"

#include <assert.h>
#include <string.h>

typedef enum verdict deed(struct ota_orchestrator *o, struct ota_effect *effect);

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
#define FILES        OTA_JOURNAL_FILES
#define APPLYING     OTA_JOURNAL_APPLYING

/* A deed's verdicts besides V_OK, a bit each. */
#define MAY(verdict) (1u << (V_##verdict - V_LEAVES))
#define GIVEN_UP     (MAY(DROP) | MAY(AGAIN))

/* clang-format off */
/* The one place that names a next state: */
static const struct {
    deed *deed;
    uint8_t done[2]; /* the state that follows V_OK; [1]: of a job without an image */
    uint16_t may;    /* what else can happen in that state (asserted) */
} workflow[OTA_JOURNAL_STATES] = {
    [NONE]         = { ota_deed_idle,       { CLAIMED, CLAIMED },         MAY(REFUSE) | MAY(INSTALLED) | MAY(FINISHED) },
    [CLAIMED]      = { ota_deed_fetch,      { RECEIVING, FILES },         MAY(FILES) | MAY(FAIL) | MAY(REFUSE) | MAY(FORGET) | MAY(INSTALLED) | GIVEN_UP },
    [FILES]        = { ota_deed_files,      { RECEIVING, READY },         MAY(FILES) | MAY(FAIL) | GIVEN_UP },
    [RECEIVING]    = { ota_deed_fetch,      { VERIFYING, NONE },          MAY(FAIL) | MAY(GONE) | GIVEN_UP },
    [VERIFYING]    = { ota_deed_verify,     { READY, NONE },              MAY(FAIL) | MAY(GONE) | GIVEN_UP },
    [READY]        = { ota_deed_ready,      { ACTIVATING, APPLYING },     MAY(FAIL) | GIVEN_UP },
    [ACTIVATING]   = { ota_deed_activate,   { ACTIVATING, NONE },         MAY(FAIL) | MAY(GONE) }, /* done is a reset */
    [APPLYING]     = { ota_deed_apply,      { NONE, REPORT_OK },          MAY(FAIL) },
    [TESTING]      = { ota_deed_test,       { OUTCOME_OK, NONE },         MAY(FAIL) },
    [OUTCOME_OK]   = { ota_deed_outcome_ok, { REPORT_OK, NONE },          MAY(FAIL) | MAY(REFUSE) },
    [OUTCOME_FAIL] = { ota_deed_give_up,    { REPORT_FAIL, REPORT_FAIL }, 0 },
    [DROP]         = { ota_deed_give_up,    { NONE, NONE },               0 },
    [REPORT_OK]    = { ota_deed_report,     { NONE, NONE },               0 },
    [REPORT_FAIL]  = { ota_deed_report,     { NONE, NONE },               0 },
};

/* ... and what follows the other verdicts, whatever the state. AGAIN is the state that there is. */
static const uint8_t otherwise[V_COUNT - V_LEAVES] = {
    [V_FAIL - V_LEAVES]      = OUTCOME_FAIL,
    [V_REFUSE - V_LEAVES]    = REPORT_FAIL,
    [V_GONE - V_LEAVES]      = CLAIMED,
    [V_DROP - V_LEAVES]      = DROP,
    [V_FORGET - V_LEAVES]    = NONE,
    [V_INSTALLED - V_LEAVES] = OUTCOME_OK,
    [V_FINISHED - V_LEAVES]  = REPORT_OK,
    [V_FILES - V_LEAVES]     = FILES,
};
/* clang-format on */

static_assert(V_COUNT - V_LEAVES <= 16, "a bit for each verdict");

/* --- what deeds share ------------------------------------------------------- */

bool ota_holds_claim(const struct ota_orchestrator *o)
{
    return (o->journal.state >= CLAIMED && o->journal.state <= READY) || o->journal.state == FILES;
}

void ota_event(struct ota_orchestrator *o, enum ota_event_kind kind)
{
    if (o->event_waits) {
        o->stats.events_lost++; /* one waits at a time; deeds run only when none does */
    }
    memset(&o->event, 0, sizeof o->event);
    o->event.kind = OTA_EFFECT_EVENT;
    o->event.as.event.kind = kind;
    o->event.as.event.error = o->journal.error;
    o->event.as.event.reason = (uint32_t)o->journal.reason;
    o->event.as.event.ticket = o->ticket;
    o->event.as.event.job_id = (struct ota_span){ o->journal.job_id, o->journal.job_id_len };
    o->event_waits = true;
    o->news = o->news || kind == OTA_EVENT_CONFIRMED || kind == OTA_EVENT_FAILED;
}

static enum verdict failed(struct ota_orchestrator *o, enum ota_reason reason, ota_err_t error)
{
    o->journal.reason = reason;
    o->journal.error = error;
    return V_FAIL;
}

enum verdict ota_fail(struct ota_orchestrator *o, enum ota_reason reason)
{
    return failed(o, reason, OTA_OK);
}

enum verdict ota_fail_with(struct ota_orchestrator *o, ota_err_t error)
{
    return failed(o, OTA_REASON_ERROR, error);
}

enum verdict ota_reboot(struct ota_orchestrator *o, struct ota_effect *effect)
{
    effect->kind = OTA_EFFECT_REBOOT;
    o->halted = true;
    return V_EFFECT;
}

bool ota_take_command(struct ota_orchestrator *o, enum ota_command command)
{
    const uint16_t bit = (uint16_t)(1u << command);
    const bool given = (o->commands & bit) != 0;
    o->commands &= (uint16_t)~bit;
    return given;
}

void ota_check(struct ota_orchestrator *o)
{
    o->commands |= (uint16_t)(1u << OTA_COMMAND_CHECK);
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

static ota_ms_t later(ota_ms_t a, ota_ms_t b)
{
    return a > b ? a : b;
}

void ota_spend(struct ota_orchestrator *o)
{
    o->paid = later(o->paid, o->now) + MS_EACH;
}

ota_ms_t ota_rested_at(const struct ota_orchestrator *o)
{
    const ota_ms_t free_ms = FREE_IN_A_ROW * MS_EACH;
    return later(o->paid, o->gather_until + free_ms) - free_ms;
}

/* --- what is in flash ---------------------------------------------------------- */

ota_err_t ota_look(struct ota_orchestrator *o)
{
    const ota_err_t err = ota_store_facts(o->cfg.store, &o->facts);
    /* It runs, so the bootloader saw it verify. */
    const enum ota_slot_class own = ota_slot_classify(&o->facts.slot[o->cfg.running], true);
    o->confirmed = own == OTA_SLOT_CONFIRMED  ? OTA_CONFIRMED_YES
                   : own == OTA_SLOT_UNMARKED ? OTA_CONFIRMED_UNMARKED
                                              : OTA_CONFIRMED_NO;
    return err;
}

static ota_err_t begin_verifying(struct ota_orchestrator *o, enum ota_slot slot)
{
    const ota_err_t err = ota_look(o);
    if (err == OTA_OK) {
        const struct ota_verify_cfg cfg = {
            .flash = o->cfg.store->flash,
            .crypto = o->cfg.crypto,
            .trust = o->cfg.trust,
            .where = ota_store_image_region(o->cfg.store, slot),
            .counter_min = o->facts.counter,
        };
        ota_verify_begin(&o->u.verify, &cfg);
        o->verifying = (uint8_t)slot;
        o->verified = false;
    }
    return err;
}

enum verdict ota_verify_slot(struct ota_orchestrator *o, enum ota_slot slot)
{
    const struct ota_verified_image *done = NULL;
    o->why = o->verifying == (uint8_t)slot ? OTA_OK : begin_verifying(o, slot);
    if (o->why == OTA_OK) {
        o->why = ota_verify_step(&o->u.verify, OTA_VERIFY_BUDGET, &done);
    }
    if (o->why == OTA_OK && done == NULL) {
        return V_MORE;
    }
    o->verifying = OTA_SLOT_COUNT;
    return o->why == OTA_OK ? V_OK : V_FAIL;
}

enum verdict ota_classify_slot(struct ota_orchestrator *o, enum ota_slot slot)
{
    const enum verdict v = ota_verify_slot(o, slot);
    if (v != V_MORE) {
        /* What cannot be read cannot be relied on. */
        const bool known = ota_look(o) == OTA_OK;
        o->slot_class = known ? (uint8_t)ota_slot_classify(&o->facts.slot[slot], v == V_OK)
                              : (uint8_t)OTA_SLOT_INVALID;
        return V_OK;
    }
    return v;
}

bool ota_target_blank(struct ota_orchestrator *o)
{
    uint8_t head[OTA_IMAGE_HEADER_SIZE];
    o->why = ota_store_read(o->cfg.store, o->journal.slot, 0, OTA_BUF_OF(head));
    bool blank = o->why == OTA_OK;
    for (size_t i = 0; blank && i < sizeof head; i++) {
        blank = head[i] == o->cfg.store->flash->erased;
    }
    return blank;
}

/* --- turning the table -------------------------------------------------------- */

static enum verdict halt(struct ota_orchestrator *o)
{
    if (!o->halted) {
        o->halted = true;
        ota_event(o, OTA_EVENT_FLASH_FAULT);
    }
    return V_HALT;
}

/* (none) is entered after a report or a drop: look for the next job. */
static enum verdict begin_idle(struct ota_orchestrator *o)
{
    if (ota_look(o) != OTA_OK) {
        return halt(o);
    }
    if (o->confirmed == OTA_CONFIRMED_YES) {
        o->mode = OTA_MODE_IDLE;
    }
    o->claim_known = false;
    ota_check(o);
    ota_spend(o);
    return V_MORE;
}

enum verdict ota_workflow_enter(struct ota_orchestrator *o, enum ota_journal_state state)
{
    if (state == NONE) {
        (void)ota_fail(
            o,
            OTA_REASON_NONE); /* the report identity stays: an event may wait that names the job */
    }
    o->journal.state = state;
    o->step = 0;
    o->commands &=
        (uint16_t)(1u << OTA_COMMAND_CHECK); /* the others were said to the state before */
    o->answered = V_WAIT;
    o->verifying = OTA_SLOT_COUNT;
    o->untouched = o->untouched && state == CLAIMED;
    o->offered = OTA_OFFERED_NOTHING;
    ota_undefer(o);
    ota_fetch_stop(o);
    ota_jobs_hush(&o->jobs);
    if (ota_journal_write(o->cfg.store, &o->journal) != OTA_OK) {
        return halt(o);
    }
    if (state == REPORT_FAIL) {
        ota_event(o, OTA_EVENT_FAILED);
    }
    return state == NONE ? begin_idle(o) : V_MORE;
}

/* Nothing is to be cleaned up in a slot that is as it was. */
static enum verdict weigh(const struct ota_orchestrator *o, enum verdict v)
{
    if (o->untouched && (v == V_FAIL || v == V_DROP)) {
        return v == V_FAIL ? V_REFUSE : V_FORGET;
    }
    return v;
}

enum verdict ota_workflow_turn(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const enum ota_journal_state state = o->journal.state;
    enum verdict v = (enum verdict)o->answered;
    if (!o->restarted) {
        v = ota_restart_turn(o);
    } else if (v == V_WAIT) {
        v = workflow[state].deed(o, effect);
    }
    o->answered = V_WAIT;
    if (v == V_HALT) {
        return halt(o);
    }
    if (v < V_LEAVES) {
        return v;
    }
    if (v == V_OK) {
        return ota_workflow_enter(
            o, (enum ota_journal_state)workflow[state].done[o->journal.no_image]);
    }
    v = weigh(o, v);
    OTA_ASSERT((workflow[state].may >> (v - V_LEAVES) & 1u) != 0);
    return ota_workflow_enter(o, v == V_AGAIN ? state
                                              : (enum ota_journal_state)otherwise[v - V_LEAVES]);
}
