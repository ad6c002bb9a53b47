/*
 * The orchestrator's surface: inputs in, one bounded piece of work a poll.
 */
#include "ota/assert.h"
#include "workflow.h"

#include <string.h>

/* --- init and restart ------------------------------------------------------------ */

/* Read what the running image says of itself; the bootloader has verified it. */
static ota_err_t read_own(struct ota_orchestrator *o)
{
    struct ota_store *store = o->cfg.store;
    struct ota_image *image = &o->u.verify.result.image; /* room that nobody needs yet */
    const ota_err_t err =
        ota_image_from_flash(store->flash, ota_store_image_region(store, o->cfg.running), image);
    if (err == OTA_OK) {
        o->own.version = image->header.version;
        o->own.counter = image->counter;
        memcpy(o->own.digest, image->digest, sizeof o->own.digest);
    }
    return err;
}

/* Whatever wrote it: of a job without a name nothing can be said to anyone. */
static bool names_a_job(const struct ota_journal *j)
{
    return j->state == OTA_JOURNAL_NONE ||
           ota_job_id_ok((struct ota_span){ j->job_id, j->job_id_len });
}

ota_err_t ota_orchestrator_init(struct ota_orchestrator *o, const struct ota_orchestrator_cfg *cfg)
{
    OTA_ASSERT(cfg->scratch.topic.cap >= OTA_TOPIC_MAX &&
               cfg->scratch.payload.cap >= OTA_SCRATCH_PAYLOAD_MIN);
    memset(o, 0, sizeof *o);
    o->cfg = *cfg;
    o->verifying = OTA_SLOT_COUNT;
    o->deadline = OTA_NEVER;
    o->busy = true;
    o->ticket = 1;

    uint32_t seed;
    if (cfg->crypto->ops->random(cfg->crypto, (struct ota_buf){ (uint8_t *)&seed, sizeof seed }) !=
        OTA_OK) {
        return OTA_E_CRYPTO;
    }
    const struct ota_jobs_cfg jobs = {
        .root = cfg->root,
        .thing = cfg->thing,
        .retry_ms_min = cfg->retry_ms_min,
        .retry_ms_max = cfg->retry_ms_max,
        .seed = seed | 1u,
    };
    ota_jobs_init(&o->jobs, &jobs);

    ota_err_t err = read_own(o);
    if (err != OTA_OK) {
        return err;
    }
    err = ota_journal_read(cfg->store, &o->journal);
    if (err == OTA_E_NOT_FOUND || (err == OTA_OK && !names_a_job(&o->journal))) {
        o->journal = (struct ota_journal){ .state = OTA_JOURNAL_NONE };
        err = OTA_OK;
    }
    return err;
}

static enum ota_target_mark target_mark(const struct ota_slot_facts *f)
{
    switch (f->magic) {
    case OTA_MARK_UNSET: return OTA_TARGET_NONE;
    case OTA_MARK_TORN: return OTA_TARGET_TORN;
    case OTA_MARK_SET: break;
    }
    return f->trials > 0 || f->copy_done != OTA_MARK_UNSET ? OTA_TARGET_TRIED : OTA_TARGET_PENDING;
}

/* Take the verdict, and record it if it is another state. */
static enum verdict decide(struct ota_orchestrator *o)
{
    if (ota_look(o) != OTA_OK) {
        return V_HALT;
    }
    const struct ota_restart_facts f = {
        .journal = o->journal.state,
        .refusals = o->journal.refusals,
        .target_runs = o->journal.slot == o->cfg.running,
        .confirmed = (enum ota_confirmed)o->confirmed,
        .target = target_mark(&o->facts.slot[o->journal.slot]),
        .rule = o->cfg.handover.rule,
        .no_image = o->journal.no_image || o->journal.reason == OTA_REASON_JOB_DONE,
    };
    const struct ota_restart_verdict v = ota_restart_decide(&f);
    enum verdict entered = V_MORE;
    o->journal.refusals = v.refusals;
    if (v.reason != OTA_REASON_NONE) {
        o->journal.reason = v.reason;
        o->journal.reset_cause = (uint8_t)o->cfg.handover.cause;
        if (!f.target_runs) {
            o->journal.error = o->cfg.handover.refused; /* the other slot's, which is the claim's */
        }
    }
    if (v.state != f.journal || v.refusals != f.refusals) {
        entered = ota_workflow_enter(o, v.state);
    }
    o->mode = (uint8_t)v.mode; /* as the facts say, not as after a job */
    o->step = 1;
    return entered;
}

/*
 * A cut between image_ok and the counter leaves the counter behind (H7): a confirmed
 * image, whose test is over, may raise it now if it verifies.
 */
static enum verdict catch_up_counter(struct ota_orchestrator *o)
{
    if (ota_look(o) != OTA_OK) {
        return V_HALT;
    }
    if (o->confirmed != OTA_CONFIRMED_YES || o->own.counter <= o->facts.counter) {
        return V_OK;
    }
    const enum verdict v = ota_raise_counter(o);
    return v == V_MORE ? V_MORE : V_OK;
}

enum verdict ota_restart_turn(struct ota_orchestrator *o)
{
    const enum verdict v = o->step == 0 ? decide(o) : catch_up_counter(o);
    if (v == V_OK) {
        o->restarted = true;
        o->step = 0;
        return V_MORE;
    }
    return v;
}

/* --- inputs ------------------------------------------------------------------------- */

void ota_orchestrator_link_up(struct ota_orchestrator *o)
{
    o->link = true;
    o->busy = true;
    ota_subscriptions_reset(o);
    ota_fetch_reconnected(o);
}

void ota_orchestrator_link_down(struct ota_orchestrator *o)
{
    o->link = false;
    ota_subscriptions_reset(o);
}

void ota_orchestrator_subscribed(struct ota_orchestrator *o, struct ota_span filter)
{
    ota_subscriptions_acked(o, filter);
}

void ota_heard(struct ota_orchestrator *o, ota_err_t err)
{
    o->stats.messages++;
    o->busy = true;
    if (err == OTA_OK) {
        return;
    }
    o->stats.refused++;
    if (!o->event_waits) {
        ota_event(o, OTA_EVENT_MESSAGE_REFUSED);
        o->event.as.event.error = err;
    }
}

/* Apart: what came does not lie on the stack while a job is judged. */
OTA_APART static ota_err_t give_to_source(struct ota_orchestrator *o, const struct ota_topic *topic,
                                          struct ota_span payload)
{
    struct ota_arrival arrival = { OTA_ARRIVAL_MESSAGE, .bytes = payload, .topic = topic };
    return ota_fetch_on_arrival(o, &arrival);
}

static ota_err_t dispatch(struct ota_orchestrator *o, const struct ota_topic *topic,
                          struct ota_span payload)
{
    if (!ota_span_eq(topic->thing, o->cfg.thing)) {
        return OTA_E_UNEXPECTED;
    }
    if (topic->kind < OTA_TOPIC_STREAM_DESCRIPTION) {
        return ota_answers_on_message(o, topic, payload);
    }
    return give_to_source(o, topic, payload);
}

void ota_orchestrator_message(struct ota_orchestrator *o, struct ota_span topic_text,
                              struct ota_span payload, ota_ms_t now)
{
    struct ota_topic topic;
    if (o->halted || o->suspended || !o->restarted) {
        return; /* no question of ours is open, or it will be asked again */
    }
    o->now = now;
    ota_err_t err = ota_topic_parse(o->cfg.root, topic_text, &topic);
    if (err == OTA_E_NOT_FOUND) {
        return; /* the application's own traffic */
    }
    if (err == OTA_OK) {
        err = dispatch(o, &topic, payload);
    }
    ota_heard(o, err);
}

void ota_orchestrator_too_large(struct ota_orchestrator *o, struct ota_span topic_text)
{
    struct ota_topic topic;
    if (o->suspended || ota_topic_parse(o->cfg.root, topic_text, &topic) != OTA_OK ||
        !ota_span_eq(topic.thing, o->cfg.thing)) {
        return;
    }
    o->busy = true;
    if (topic.kind == OTA_TOPIC_JOB_GET_ACCEPTED) {
        ota_jobs_ask_briefly(&o->jobs);
    } else if (topic.kind == OTA_TOPIC_JOBS_NOTIFY || topic.kind == OTA_TOPIC_JOBS_NOTIFY_NEXT) {
        ota_check(o);
    }
}

/* --- work --------------------------------------------------------------------------- */

/* The provider is to be asked, and its answer would change something. */
static bool would_ask(const struct ota_orchestrator *o)
{
    const bool idle = o->journal.state == OTA_JOURNAL_NONE &&
                      (o->mode == OTA_MODE_IDLE || o->mode == OTA_MODE_STAY);
    return ota_jobs_gate(o) && ota_check_waits(o) && (idle || ota_holds_claim(o));
}

static bool poll_link(struct ota_orchestrator *o, struct ota_effect *effect)
{
    if (!o->suspended && ota_subscriptions_poll(o, effect)) {
        return true;
    }
    if (!ota_jobs_gate(o) || !o->restarted) {
        return ota_fetch_poll(o, effect);
    }
    if (o->news && o->cfg.announce != NULL) {
        o->news = false;
        o->cfg.announce(o, effect);
        return true;
    }
    if (would_ask(o) && o->now >= ota_rested_at(o)) {
        (void)ota_take_command(o, OTA_COMMAND_CHECK);
        ota_jobs_ask(&o->jobs);
    }
    if (ota_jobs_poll(&o->jobs, o->now, &o->cfg.scratch, effect)) {
        return true;
    }
    return ota_fetch_poll(o, effect);
}

/* Suspended, only what a self-test needs is done: it has begun, and must come to an end. */
static bool stands_still(const struct ota_orchestrator *o)
{
    if (o->halted || !o->suspended) {
        return o->halted;
    }
    uint32_t goes_on = 1u << OTA_JOURNAL_TESTING | 1u << OTA_JOURNAL_OUTCOME_OK;
    if (o->journal.slot == o->cfg.running) {
        goes_on |= 1u << OTA_JOURNAL_OUTCOME_FAIL; /* back to the image before */
    }
    if (o->mode == OTA_MODE_TRIAL) {
        goes_on |= 1u << OTA_JOURNAL_NONE;
    }
    return (goes_on >> o->journal.state & 1u) == 0;
}

/* An event that waits goes before any work. */
bool ota_orchestrator_poll(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    o->now = now;
    if (!o->event_waits) {
        if (!o->halted && poll_link(o, effect)) {
            return true;
        }
        const enum verdict v = stands_still(o) ? V_HALT : ota_workflow_turn(o, effect);
        o->busy = v != V_WAIT && v != V_HALT;
        if (v == V_EFFECT) {
            return true;
        }
    }
    if (o->event_waits) {
        *effect = o->event;
        o->event_waits = false;
        return true;
    }
    return false;
}

static ota_ms_t sooner(ota_ms_t a, ota_ms_t b)
{
    return a < b ? a : b;
}

ota_ms_t ota_orchestrator_deadline(const struct ota_orchestrator *o)
{
    if (o->busy) {
        return 0;
    }
    if (o->suspended || o->halted) {
        const ota_ms_t of_test = stands_still(o) ? OTA_NEVER : o->deadline;
        return o->halted ? of_test : sooner(of_test, ota_fetch_deadline(o));
    }
    ota_ms_t at = sooner(o->deadline, ota_fetch_deadline(o));
    if (o->link && !ota_stream_gate(o)) {
        at = sooner(at, o->sub_deadline);
    }
    if (ota_jobs_gate(o)) {
        at = sooner(at, ota_jobs_deadline(&o->jobs));
    }
    if (would_ask(o)) {
        at = sooner(at, ota_rested_at(o));
    }
    return at;
}

enum ota_journal_state ota_orchestrator_state(const struct ota_orchestrator *o)
{
    return o->journal.state;
}
