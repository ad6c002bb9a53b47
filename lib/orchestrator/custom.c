/*
 * Jobs of the application's own kind: documents that no parser understands. Nothing of one is in the
 * journal before it is finished: a restart in the middle, and the provider offers it again.
 */
#include "workflow.h"

static void offered(struct ota_orchestrator *o, const struct ota_job_offer *offer)
{
    o->version = offer->version;
    o->must_take = offer->status == OTA_JOB_QUEUED;
    o->offered = OTA_OFFERED_CUSTOM;
    if (!o->deferred) {
        ota_event(o, OTA_EVENT_CUSTOM_JOB);
        o->event.as.event.document = offer->document.text;
    }
}

static void begin_work(struct ota_orchestrator *o)
{
    o->offered = OTA_CUSTOM_TAKEN;
    ota_event(o, OTA_EVENT_CLAIMED);
}

/* First the application hears of this one's end, then of what is next; not without a rest, if it goes on like that. */
static void lose_work(struct ota_orchestrator *o)
{
    ota_jobs_hush(&o->jobs);
    ota_offer_forget(o);
    ota_event(o, OTA_EVENT_CANCELED);
    ota_check(o);
    ota_spend(o);
}

static enum verdict take(struct ota_orchestrator *o)
{
    ota_undefer(o);
    if (o->must_take) {
        o->offered = OTA_CUSTOM_TAKING;
        ota_claim_tell(o);
    } else {
        begin_work(o);
    }
    return V_MORE;
}

static void compare(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                    bool same_execution)
{
    if (offer == NULL || !same_execution) {
        lose_work(o);
    } else if (offer->status == OTA_JOB_QUEUED || o->offered == OTA_CUSTOM_TAKING) {
        o->version = offer->version; /* it changed while we told, or the provider forgot */
        o->must_take = true;
        (void)take(o);
    }
}

static void on_answer(struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    if (news->kind == OTA_JOBS_NEWS_ACCEPTED) {
        begin_work(o);
    } else if (news->answer.code == OTA_WIRE_VersionMismatch &&
               !ota_job_status_terminal(news->answer.status)) {
        ota_check(o);
    } else {
        lose_work(o);
    }
}

static enum verdict decided(struct ota_orchestrator *o, enum verdict said)
{
    if (said == V_OK) {
        return take(o);
    }
    if (o->journal.reason != OTA_REASON_JOB_DONE) {
        return said;
    }
    o->journal.slot = o->cfg.running; /* where an older agent looks for a good end */
    return V_FINISHED;
}

const struct ota_custom_ops ota_custom_jobs = { offered, compare, on_answer, decided };
