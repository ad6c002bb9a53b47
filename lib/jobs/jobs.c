#include "jobs_priv.h"
#include "ota/assert.h"

void ota_jobs_init(struct ota_jobs *j, const struct ota_jobs_cfg *cfg)
{
    OTA_ASSERT(ota_topic_root_ok(cfg->root) && ota_thing_name_ok(cfg->thing));
    OTA_ASSERT(cfg->retry_ms_min > 0 && cfg->retry_ms_min <= cfg->retry_ms_max);
    *j = (struct ota_jobs){
        .cfg = *cfg,
        .backoff = { cfg->retry_ms_min, cfg->retry_ms_max, cfg->seed },
    };
}

/* --- asking and telling ------------------------------------------------------ */

static void become_due(struct ota_jobs_talk *talk)
{
    talk->state = OTA_JOBS_DUE;
    talk->silences = 0;
}

void ota_jobs_ask(struct ota_jobs *j)
{
    j->brief = false;
    become_due(&j->ask);
}

void ota_jobs_ask_briefly(struct ota_jobs *j)
{
    j->brief = true;
    become_due(&j->ask);
}

static void assert_sendable(const struct ota_jobs_update *update)
{
    OTA_ASSERT(ota_job_id_ok(update->job_id) && update->status < OTA_JOB_STATUS_COUNT);
    OTA_ASSERT(update->details.len <= OTA_JOBS_DETAILS_MAX);
}

void ota_jobs_tell(struct ota_jobs *j, const struct ota_jobs_update *update)
{
    assert_sendable(update);
    j->update = *update;
    become_due(&j->tell);
}

void ota_jobs_hush(struct ota_jobs *j)
{
    j->tell.state = OTA_JOBS_IDLE;
}

void ota_jobs_reconnected(struct ota_jobs *j)
{
    if (j->ask.state != OTA_JOBS_IDLE) {
        become_due(&j->ask);
    }
    if (j->tell.state != OTA_JOBS_IDLE) {
        become_due(&j->tell);
    }
}

void ota_jobs_progress(struct ota_jobs *j, const struct ota_jobs_update *update,
                       const struct ota_scratch *scratch, struct ota_effect *effect)
{
    assert_sendable(update);
    j->note.state = OTA_JOBS_OPEN;
    j->note.serial = ++j->serial;
    jobs_write_update(j, update, ANSWER_NOT_AWAITED, scratch, effect);
    effect->as.publish.qos = OTA_QOS_0;
}

/* --- time --------------------------------------------------------------------- */

/* Whether to send the question of `talk` now; if so it is open, with a token of its own. */
static bool open_if_due(struct ota_jobs *j, struct ota_jobs_talk *talk, ota_ms_t now)
{
    switch (talk->state) {
    case OTA_JOBS_IDLE: return false;
    case OTA_JOBS_DUE: break;
    case OTA_JOBS_OPEN:
        if (now < talk->deadline || talk->deadline == OTA_NEVER) {
            return false;
        }
        talk->silences++;
        j->stats.silences++;
        break;
    }
    talk->state = OTA_JOBS_OPEN;
    talk->serial = ++j->serial;
    talk->deadline = ota_backoff_deadline(&j->backoff, talk->silences, now);
    return true;
}

/* What is told first, since it may change what is next. */
bool ota_jobs_poll(struct ota_jobs *j, ota_ms_t now, const struct ota_scratch *scratch,
                   struct ota_effect *effect)
{
    if (open_if_due(j, &j->tell, now)) {
        j->stats.told++;
        jobs_write_update(j, &j->update, ANSWER_WANTED, scratch, effect);
        return true;
    }
    if (open_if_due(j, &j->ask, now)) {
        j->stats.asked++;
        jobs_write_ask(j, scratch, effect);
        return true;
    }
    return false;
}

static ota_ms_t talk_deadline(const struct ota_jobs_talk *talk)
{
    switch (talk->state) {
    case OTA_JOBS_IDLE: return OTA_NEVER;
    case OTA_JOBS_DUE: return 0;
    case OTA_JOBS_OPEN: return talk->deadline;
    }
    OTA_UNREACHABLE();
}

ota_ms_t ota_jobs_deadline(const struct ota_jobs *j)
{
    const ota_ms_t ask = talk_deadline(&j->ask), tell = talk_deadline(&j->tell);
    return ask < tell ? ask : tell;
}

/* --- messages ------------------------------------------------------------------ */

/*
 * Whether `reply` answers the open question of `talk`. Without a token it does not, but for two
 * refusals: a provider that could not read the request could not read its token either.
 */
static bool answers(const struct ota_jobs *j, const struct ota_jobs_talk *talk,
                    const struct jobs_reply *reply)
{
    if (talk->state != OTA_JOBS_OPEN) {
        return false;
    }
    if (reply->token.text.len == 0) {
        return reply->rejected &&
               (reply->code == OTA_WIRE_InvalidJson || reply->code == OTA_WIRE_InvalidTopic);
    }
    uint8_t room[TOKEN_SIZE];
    return ota_json_is(reply->token, jobs_token(j, talk->serial, room));
}

/* The provider is there but not now: the question stays open, so that silence repeats it. */
static bool is_passing(enum ota_wire_code code)
{
    return code == OTA_WIRE_RequestThrottled || code == OTA_WIRE_InternalError;
}

static bool says_over(enum ota_wire_code code)
{
    return code == OTA_WIRE_ResourceNotFound || code == OTA_WIRE_TerminalStateReached ||
           code == OTA_WIRE_InvalidStateTransition;
}

static ota_err_t hear_ask(struct ota_jobs *j, const struct jobs_reply *reply,
                          struct ota_jobs_news *news)
{
    if (!reply->rejected) {
        const ota_err_t err = jobs_read_execution(reply, j->brief, news);
        if (err != OTA_OK) {
            return err;
        }
    } else if (says_over(reply->code)) {
        news->kind = OTA_JOBS_NEWS_EMPTY;
    } else {
        return OTA_OK;
    }
    j->ask.state = OTA_JOBS_IDLE;
    return OTA_OK;
}

static ota_err_t hear_tell(struct ota_jobs *j, const struct jobs_reply *reply,
                           struct ota_jobs_news *news)
{
    if (reply->rejected && is_passing(reply->code)) {
        return OTA_OK;
    }
    const ota_err_t err = jobs_read_state(reply, news);
    if (err != OTA_OK) {
        return err;
    }
    j->tell.state = OTA_JOBS_IDLE;
    return OTA_OK;
}

static ota_err_t hear_reply(struct ota_jobs *j, const struct jobs_reply *reply,
                            struct ota_jobs_news *news)
{
    ota_err_t err = OTA_OK;
    if (reply->to_get && answers(j, &j->ask, reply)) {
        err = hear_ask(j, reply, news);
    } else if (!reply->to_get && ota_span_eq(reply->job_id, j->update.job_id) &&
               answers(j, &j->tell, reply)) {
        err = hear_tell(j, reply, news);
    } else if (!reply->to_get && answers(j, &j->note, reply)) {
        j->note.state = OTA_JOBS_IDLE;
        news->kind =
            reply->rejected && says_over(reply->code) ? OTA_JOBS_NEWS_CHANGED : OTA_JOBS_NEWS_NONE;
    } else {
        j->stats.stale++;
        return OTA_OK;
    }
    j->stats.answers += err == OTA_OK;
    return err;
}

/* A flat switch over every topic there is. */
static ota_err_t hear(struct ota_jobs *j, const struct ota_topic *topic, struct ota_span payload,
                      struct ota_jobs_news *news)
{
    struct jobs_reply reply = { .job_id = topic->id, .code = OTA_WIRE_CODE_COUNT };
    bool notification = false, ours = ota_span_eq(topic->thing, j->cfg.thing);
    switch (topic->kind) {
    case OTA_TOPIC_JOB_GET_ACCEPTED: reply.to_get = true; break;
    case OTA_TOPIC_JOB_GET_REJECTED: reply.to_get = reply.rejected = true; break;
    case OTA_TOPIC_JOB_UPDATE_ACCEPTED: break;
    case OTA_TOPIC_JOB_UPDATE_REJECTED: reply.rejected = true; break;
    case OTA_TOPIC_JOBS_NOTIFY:
    case OTA_TOPIC_JOBS_NOTIFY_NEXT: notification = true; break;
    case OTA_TOPIC_JOBS_GET_ACCEPTED:
    case OTA_TOPIC_JOBS_GET_REJECTED:
    case OTA_TOPIC_JOBS_START_NEXT_ACCEPTED:
    case OTA_TOPIC_JOBS_START_NEXT_REJECTED: ours = false; break; /* we never ask these */
    case OTA_TOPIC_JOBS_GET:
    case OTA_TOPIC_JOBS_START_NEXT:
    case OTA_TOPIC_JOB_GET:
    case OTA_TOPIC_JOB_UPDATE:
    case OTA_TOPIC_STREAM_DESCRIBE:
    case OTA_TOPIC_STREAM_GET:
    case OTA_TOPIC_STREAM_DESCRIPTION:
    case OTA_TOPIC_STREAM_DATA:
    case OTA_TOPIC_STREAM_REJECTED:
    case OTA_TOPIC_KIND_COUNT: return OTA_E_UNEXPECTED;
    }
    const ota_err_t err = jobs_read_envelope(payload, &reply);
    if (err != OTA_OK) {
        return err;
    }
    if (ours && notification) {
        news->kind = OTA_JOBS_NEWS_CHANGED;
    } else if (ours) {
        return hear_reply(j, &reply, news);
    } else {
        j->stats.stale++;
    }
    return OTA_OK;
}

ota_err_t ota_jobs_on_message(struct ota_jobs *j, const struct ota_topic *topic,
                              struct ota_span payload, struct ota_jobs_news *news)
{
    struct ota_jobs_news heard = { .kind = OTA_JOBS_NEWS_NONE,
                                   .answer = { OTA_WIRE_CODE_COUNT, OTA_JOB_STATUS_COUNT, 0 } };
    const ota_err_t err = hear(j, topic, payload, &heard);
    if (err != OTA_OK) {
        j->stats.refused++;
        return err;
    }
    *news = heard;
    return OTA_OK;
}
