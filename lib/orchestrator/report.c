/*
 * What the provider is told: results, until they are taken; progress, once.
 */
#include "workflow.h"

/* Reasons that the application may put in words of its own: a bit each. */
#define BIT(reason) (1u << OTA_REASON_##reason)
#define IN_WORDS    (BIT(REFUSED_BY_APP) | BIT(ABORTED) | BIT(JOB_DONE) | BIT(JOB_FAILED))

/* Of enum ota_reset_cause. */
static const char *const causes[] = { "", " (power-on)", " (software reset)", " (watchdog)",
                                      " (fault)" };

static const char *cause_text(uint8_t cause)
{
    return cause <= OTA_RESET_FAULT ? causes[cause] : "";
}

/* --- words ----------------------------------------------------------------------- */

static void put_reason(struct ota_writer *w, const struct ota_orchestrator *o)
{
    const struct ota_journal *j = &o->journal;
    if (o->words_len > 0 && (IN_WORDS >> j->reason & 1u) != 0) {
        ota_write_bytes(w, (struct ota_span){ o->words, o->words_len });
        return;
    }
    ota_write_str(w, j->reason == OTA_REASON_ERROR ? ota_err_text(j->error)
                                                   : ota_reason_text(j->reason));
    if (j->reason == OTA_REASON_NONE) {
        ota_write_str(w, "accepted v");
        ota_version_write(w, o->own.version);
    } else if (j->reason == OTA_REASON_REVERTED || j->reason == OTA_REASON_DID_NOT_START) {
        ota_write_str(w, cause_text(j->reset_cause));
    } else if (j->reason == OTA_REASON_REFUSED_BY_BOOT && j->error != OTA_OK) {
        ota_write_str(w, ": ");
        ota_write_str(w, ota_err_text(j->error));
    }
}

/* What `%` and this letter stand for in statusDetails: nothing that JSON would escape. */
static void put_value(struct ota_writer *w, const struct ota_orchestrator *o, char what)
{
    const struct ota_journal *j = &o->journal;
    const struct ota_version own = o->own.version;
    switch (what) {
    case 'n': /* blocks that are here, and all */
        ota_write_decimal(w, o->received);
        ota_write_str(w, "/");
        ota_write_decimal(w, ota_claim_block_count(o));
        break;
    case 'p': /* the version that dashboards know: major, minor, revision packed into 32 bits */
        ota_write_hex(w, (uint32_t)own.major << 24 | (uint32_t)own.minor << 16 | own.revision, 8);
        break;
    case 's': /* how far the self-test is */
        ota_write_str(w, j->state == OTA_JOURNAL_READY ? "ready" : "active");
        break;
    case 'r': put_reason(w, o); break;
    case 'e': /* a member with the error, if there is one */
        if (j->error != OTA_OK) {
            ota_write_str(w, "\"error\":\"OTA_E_");
            ota_write_str(w, ota_err_word(j->error));
            ota_write_str(w, "\",");
        }
        break;
    default: ota_version_write(w, own); break; /* 'v': what runs, whatever was meant */
    }
}

/* Details as a text in which values have their places. */
static struct ota_span write_details(struct ota_orchestrator *o, const char *text)
{
    struct ota_writer w = ota_writer(OTA_BUF_OF(o->details));
    for (; *text != '\0'; text++) {
        if (*text == '%') {
            put_value(&w, o, *++text);
        } else {
            ota_write_u8(&w, (uint8_t)*text);
        }
    }
    return ota_writer_done(&w);
}

void ota_update_of(struct ota_orchestrator *o, enum ota_job_status status,
                   struct ota_jobs_update *update)
{
    *update = (struct ota_jobs_update){
        .job_id = { o->journal.job_id, o->journal.job_id_len },
        .execution = o->journal.execution,
        .status = status,
    };
    if (status == OTA_JOB_IN_PROGRESS && o->cfg.step_minutes != NULL) {
        update->step_timeout_min = o->cfg.step_minutes(o);
    }
}

/* --- the result ---------------------------------------------------------------------- */

/* Judged not to be for this device: the provider need not try it here again. */
static bool is_refusal(const struct ota_journal *j)
{
    if (j->reason == OTA_REASON_REFUSED_BY_APP) {
        return true;
    }
    return j->reason == OTA_REASON_ERROR && ota_err_class(j->error) == OTA_CLASS_IMAGE &&
           j->error != OTA_E_IMAGE_DIGEST; /* damaged on the way, perhaps */
}

static enum ota_job_status result_status(const struct ota_journal *j)
{
    if (j->state == OTA_JOURNAL_REPORT_OK) {
        return OTA_JOB_SUCCEEDED;
    }
    return is_refusal(j) ? OTA_JOB_REJECTED : OTA_JOB_FAILED;
}

/* Steps: the job's data files first; tell, wait for the answer, wait to tell again. */
enum { SETTLE, TELL, TOLD, LATER };

enum verdict ota_deed_report(struct ota_orchestrator *o, struct ota_effect *effect)
{
    (void)effect;
    if (o->step == SETTLE) {
        const enum verdict v = ota_files_settle(o);
        o->step = v == V_OK ? TELL : SETTLE;
        return v == V_OK ? V_MORE : v;
    }
    if (o->step == LATER && o->now >= o->deadline) {
        o->deadline = OTA_NEVER;
        o->step = TELL;
    }
    if (o->step != TELL) {
        return V_WAIT;
    }
    struct ota_jobs_update update;
    ota_update_of(o, result_status(&o->journal), &update);
    if (!o->brief_report) {
        update.details = write_details(o, "{\"reason\":\"%r\",%e\"version\":\"%v\"}");
    }
    ota_jobs_tell(&o->jobs, &update);
    o->step = TOLD;
    return V_MORE;
}

/* Refused, and what is to be done about it. */
enum remedy { GIVE_UP, TELL_BRIEFLY, TELL_LATER };

static enum remedy remedy_for(const struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    switch (news->answer.code) {
    case OTA_WIRE_InvalidStateTransition: /* the execution is over, or gone: nobody is left to tell */
    case OTA_WIRE_TerminalStateReached:
    case OTA_WIRE_ResourceNotFound: return GIVE_UP;
    case OTA_WIRE_VersionMismatch: /* told without a version; so this is an odd provider */
        return ota_job_status_terminal(news->answer.status) ? GIVE_UP : TELL_LATER;
    case OTA_WIRE_InvalidTopic: /* our words are not to its liking; the result counts */
    case OTA_WIRE_InvalidJson:
    case OTA_WIRE_InvalidCbor:
    case OTA_WIRE_InvalidRequest: return o->brief_report ? GIVE_UP : TELL_BRIEFLY;
    case OTA_WIRE_InternalError:
    case OTA_WIRE_RequestThrottled:
    case OTA_WIRE_Unauthorized:
    case OTA_WIRE_BlockSizeOutOfBounds:
    case OTA_WIRE_OffsetOutOfBounds:
    case OTA_WIRE_BlockCountLimitExceeded:
    case OTA_WIRE_BlockBitmapLimitExceeded:
    case OTA_WIRE_ETagMismatch:
    case OTA_WIRE_CODE_COUNT: break;
    }
    return TELL_LATER;
}

void ota_report_on_answer(struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    const bool refused = news->kind == OTA_JOBS_NEWS_REJECTED;
    switch (refused ? remedy_for(o, news) : GIVE_UP) {
    case GIVE_UP: break;
    case TELL_BRIEFLY:
        o->brief_report = true;
        o->step = TELL;
        return;
    case TELL_LATER:
        o->deadline = o->now + o->cfg.retry_ms_max;
        o->step = LATER;
        return;
    }
    o->brief_report = false;
    o->answered = V_OK;
    ota_event(o, OTA_EVENT_REPORTED);
    o->event.as.event.value = refused ? 0 : 1;
}

/* --- progress ----------------------------------------------------------------------------- */

enum verdict ota_publish(struct ota_orchestrator *o, const char *details, struct ota_effect *effect)
{
    if (!ota_jobs_gate(o)) {
        return V_MORE;
    }
    struct ota_jobs_update update;
    ota_update_of(o, OTA_JOB_IN_PROGRESS, &update);
    update.details = write_details(o, details);
    ota_jobs_progress(&o->jobs, &update, &o->cfg.scratch, effect);
    return V_EFFECT;
}

enum verdict ota_tell(struct ota_orchestrator *o, const char *details)
{
    struct ota_jobs_update update;
    ota_update_of(o, OTA_JOB_IN_PROGRESS, &update);
    update.details = write_details(o, details);
    ota_jobs_tell(&o->jobs, &update);
    return V_MORE;
}
