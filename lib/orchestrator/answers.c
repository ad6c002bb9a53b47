/*
 * What the provider's answers mean, for the state that we are in.
 */
#include "workflow.h"

#define GATHER_MS 50u

/*
 * Nothing is pending for us: a claim that we hold was canceled, or has run out of time. From
 * ACTIVATING on let the test decide: a provider restored from a backup must not revert a fleet.
 */
static void on_empty(struct ota_orchestrator *o)
{
    if (o->journal.state == OTA_JOURNAL_NONE) {
        if (ota_custom_runs(o)) {
            o->cfg.custom->compare(o, NULL, false);
            return;
        }
        ota_offer_forget(o);
        if (!o->event_waits) { /* what became of the one before is of more interest */
            ota_event(o, OTA_EVENT_NO_JOB);
        }
    } else if (ota_holds_claim(o)) {
        ota_event(o, OTA_EVENT_CANCELED);
        o->answered = V_DROP;
    }
}

/* The answer to what we told of the execution: of a claim, or of a result. */
static void on_told(struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    const enum ota_journal_state state = o->journal.state;
    if (state == OTA_JOURNAL_REPORT_OK || state == OTA_JOURNAL_REPORT_FAIL) {
        ota_report_on_answer(o, news);
    } else if (ota_custom_runs(o)) {
        o->cfg.custom->on_answer(o, news);
    } else if (state <= OTA_JOURNAL_RECEIVING || state == OTA_JOURNAL_FILES) {
        ota_claim_on_answer(o, news);
    } else if (news->kind == OTA_JOBS_NEWS_REJECTED) {
        ota_check(o); /* VERIFYING and READY: no others tell */
    }
}

/*
 * An answer about the next job is of use only while nothing has happened since the question: a state
 * that is about to be left, or another reason to look, makes it old. Then it is asked again.
 */
static bool is_old(struct ota_orchestrator *o)
{
    if (o->answered != V_WAIT) {
        ota_check(o);
    }
    return ota_check_waits(o);
}

/* notify and notify-next come together, and a whole fleet is told at once: wait a moment, then ask once. */
static void gather(struct ota_orchestrator *o)
{
    if (!ota_check_waits(o)) {
        o->gather_until = o->now + GATHER_MS;
        ota_check(o);
    }
}

static void on_news(struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    switch (news->kind) {
    case OTA_JOBS_NEWS_NONE: break;
    case OTA_JOBS_NEWS_CHANGED: gather(o); break;
    case OTA_JOBS_NEWS_EMPTY:
        if (!is_old(o)) {
            on_empty(o);
        }
        break;
    case OTA_JOBS_NEWS_OFFER:
        if (!is_old(o)) {
            ota_offer_judge(o, &news->offer);
        }
        break;
    case OTA_JOBS_NEWS_ACCEPTED:
    case OTA_JOBS_NEWS_REJECTED: on_told(o, news); break;
    }
}

ota_err_t ota_answers_on_message(struct ota_orchestrator *o, const struct ota_topic *topic,
                                 struct ota_span payload)
{
    struct ota_jobs_news news;
    const ota_err_t err = ota_jobs_on_message(&o->jobs, topic, payload, &news);
    if (err == OTA_OK) {
        on_news(o, &news);
    }
    return err;
}
