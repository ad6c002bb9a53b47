#include "ota/jobs.h"
#include "ota/assert.h"
#include <string.h>

/* --- requests ------------------------------------------------------------------ */

/* Seed and serial, eight hexadecimal digits each: no two boots and no two questions share one. */
#define TOKEN_SIZE 16u
_Static_assert(TOKEN_SIZE <= OTA_TOKEN_MAX, "a token of ours is a legal one");

static void write_token(struct ota_writer *w, const struct ota_jobs *j, uint32_t serial)
{
    ota_write_hex(w, j->cfg.seed, 8);
    ota_write_hex(w, serial, 8);
}

static void write_number(struct ota_writer *w, const char *key, uint64_t number)
{
    ota_write_str(w, key);
    ota_write_decimal(w, number);
}

/* Nothing of it needs escaping: words of the protocol, numbers, and details that are JSON already. */
static void write_update(struct ota_writer *w, const struct ota_jobs_update *update)
{
    ota_write_str(w, "\"status\":\"");
    ota_write_str(w, ota_job_status_name(update->status));
    if (update->details.len > 0) {
        ota_write_str(w, "\",\"statusDetails\":");
        ota_write_bytes(w, update->details);
    } else {
        ota_write_str(w, "\"");
    }
    if (update->expected_version > 0) {
        write_number(w, ",\"expectedVersion\":", update->expected_version);
    }
    write_number(w, ",\"executionNumber\":", update->execution);
    if (update->step_timeout_min == OTA_STEP_MINUTES_OFF) {
        ota_write_str(w, ",\"stepTimeoutInMinutes\":-1");
    } else if (update->step_timeout_min > 0) {
        write_number(w, ",\"stepTimeoutInMinutes\":", update->step_timeout_min);
    }
}

/* An update, or if there is none, the question what is next. */
static void publish(const struct ota_jobs *j, const struct ota_jobs_update *update, uint32_t serial,
                    const struct ota_scratch *scratch, struct ota_effect *effect)
{
    struct ota_topic topic = { .kind = OTA_TOPIC_JOB_GET,
                               .thing = j->cfg.thing,
                               .id = OTA_JOB_NEXT };
    struct ota_writer name = ota_writer(scratch->topic), w = ota_writer(scratch->payload);
    ota_write_u8(&w, '{');
    if (update != NULL) {
        OTA_ASSERT(ota_job_id_ok(update->job_id) && update->details.len <= OTA_JOBS_DETAILS_MAX);
        topic.kind = OTA_TOPIC_JOB_UPDATE;
        topic.id = update->job_id;
        write_update(&w, update);
        ota_write_str(&w, serial == j->tell.serial ? ",\"includeJobExecutionState\":true," : ",");
    } else if (j->brief) {
        ota_write_str(&w, "\"includeJobDocument\":false,");
    }
    ota_write_str(&w, "\"clientToken\":\"");
    write_token(&w, j, serial);
    ota_write_str(&w, "\"}");
    ota_topic_write(&name, j->cfg.root, &topic);
    OTA_ASSERT(!name.bad && !w.bad); /* the caller lent less than effect.h says */
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&name);
    effect->as.publish.payload = ota_writer_done(&w);
    effect->as.publish.qos = OTA_QOS_1;
}

/* --- asking and telling ------------------------------------------------------ */

static void become_idle(struct ota_jobs_talk *talk)
{
    talk->serial = 0;
    talk->deadline = OTA_NEVER;
}

static void become_due(struct ota_jobs_talk *talk)
{
    talk->serial = 0;
    talk->silences = 0;
    talk->deadline = 0;
}

void ota_jobs_init(struct ota_jobs *j, const struct ota_jobs_cfg *cfg)
{
    OTA_ASSERT(ota_topic_root_ok(cfg->root) && ota_thing_name_ok(cfg->thing));
    OTA_ASSERT(cfg->retry_ms_min > 0 && cfg->retry_ms_min <= cfg->retry_ms_max);
    memset(j, 0, sizeof *j);
    j->cfg = *cfg;
    j->backoff = (struct ota_backoff){ cfg->retry_ms_min, cfg->retry_ms_max, cfg->seed };
    become_idle(&j->ask);
    become_idle(&j->tell);
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

void ota_jobs_tell(struct ota_jobs *j, const struct ota_jobs_update *update)
{
    j->update = *update;
    become_due(&j->tell);
}

void ota_jobs_hush(struct ota_jobs *j)
{
    become_idle(&j->tell);
}

void ota_jobs_reconnected(struct ota_jobs *j)
{
    if (j->ask.serial != 0) {
        become_due(&j->ask);
    }
    if (j->tell.serial != 0) {
        become_due(&j->tell);
    }
}

void ota_jobs_progress(struct ota_jobs *j, const struct ota_jobs_update *update,
                       const struct ota_scratch *scratch, struct ota_effect *effect)
{
    j->note.serial = ++j->serial;
    publish(j, update, j->note.serial, scratch, effect);
    effect->as.publish.qos = OTA_QOS_0;
}

/* --- time --------------------------------------------------------------------- */

/* Whether to send the question of `talk` now; if so it is open, with a token of its own. */
static bool open_if_due(struct ota_jobs *j, struct ota_jobs_talk *talk, ota_ms_t now)
{
    if (talk->deadline > now || talk->deadline == OTA_NEVER) {
        return false;
    }
    if (talk->serial != 0) {
        talk->silences++;
        j->stats.silences++;
    }
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
        publish(j, &j->update, j->serial, scratch, effect);
        return true;
    }
    if (open_if_due(j, &j->ask, now)) {
        j->stats.asked++;
        publish(j, NULL, j->serial, scratch, effect);
        return true;
    }
    return false;
}

ota_ms_t ota_jobs_deadline(const struct ota_jobs *j)
{
    return j->ask.deadline < j->tell.deadline ? j->ask.deadline : j->tell.deadline;
}

/* --- reading ------------------------------------------------------------------- */

/* Status words and error codes are shorter than a job id; a string that is longer is none of them. */
#define TEXT_MAX OTA_JOB_ID_MAX

/* The characters of a string; empty if it is too long, or none. */
static struct ota_span read_text(const struct ota_json *value, uint8_t room[TEXT_MAX])
{
    struct ota_span text = OTA_SPAN_NONE;
    const ota_err_t err = ota_json_string(value, (struct ota_buf){ room, TEXT_MAX }, &text);
    return err == OTA_OK ? text : OTA_SPAN_NONE;
}

/* What we read of a reply. */
struct reply {
    enum ota_wire_code code; /* of a refusal */
    uint32_t refusal;        /* its bit; 0: accepted */
    struct ota_json token, word, execution, state;
};
static const struct ota_json_field reply_fields[] = {
    OTA_JSON_FIELD("clientToken", OTA_JSON_ANY, struct reply, token),
    OTA_JSON_FIELD("code", OTA_JSON_ANY, struct reply, word),
    OTA_JSON_FIELD("execution", OTA_JSON_ANY, struct reply, execution),
    OTA_JSON_FIELD("executionState", OTA_JSON_ANY, struct reply, state),
};

static ota_err_t read_reply(struct ota_span payload, bool refused, struct reply *reply)
{
    struct ota_json object;
    uint8_t room[TEXT_MAX];
    memset(reply, 0, sizeof *reply);
    ota_err_t err = ota_json_parse(payload, &object);
    if (err == OTA_OK) {
        err = ota_json_bind(&object, OTA_JSON_FIELDS(reply_fields), reply);
    }
    reply->code = OTA_WIRE_CODE_COUNT;
    if (err == OTA_OK && refused) {
        reply->code = ota_wire_code_parse(read_text(&reply->word, room));
        reply->refusal = UINT32_C(1) << reply->code;
        err = ota_json_kind(&reply->word) == OTA_JSON_STRING ? OTA_OK : OTA_E_MALFORMED;
    }
    return err;
}

/* An execution; the first two rows are its state. */
struct execution {
    uint64_t version, number;
    struct ota_json status, id, document;
};
static const struct ota_json_field execution_fields[] = {
    OTA_JSON_FIELD("status", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct execution, status),
    OTA_JSON_FIELD("versionNumber", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct execution, version),
    OTA_JSON_FIELD("jobId", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct execution, id),
    OTA_JSON_FIELD("executionNumber", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct execution,
                   number),
    OTA_JSON_FIELD("jobDocument", OTA_JSON_OBJECT, struct execution, document),
};
#define STATE_FIELDS execution_fields, 2u

static ota_err_t read_offer(const struct ota_json *object, bool brief, struct ota_job_offer *offer)
{
    uint8_t room[TEXT_MAX];
    struct execution e;
    /* An absent document is the empty one: a job that asks for nothing still deserves an answer. */
    e.document.text = brief ? OTA_SPAN_NONE : OTA_SPAN_LIT("{}");
    const ota_err_t err = ota_json_bind(object, OTA_JSON_FIELDS(execution_fields), &e);
    if (err != OTA_OK) {
        return err;
    }
    const enum ota_job_status status = ota_job_status_parse(read_text(&e.status, room));
    if (status != OTA_JOB_QUEUED && status != OTA_JOB_IN_PROGRESS) {
        return OTA_E_MALFORMED;
    }
    const struct ota_span id = read_text(&e.id, room);
    if (!ota_job_id_ok(id)) {
        return OTA_E_NAME;
    }
    offer->job_id_len = (uint8_t)id.len;
    memcpy(offer->job_id, id.ptr, id.len);
    offer->execution = e.number;
    offer->version = e.version;
    offer->status = status;
    offer->document = e.document;
    return OTA_OK;
}

/* What the provider holds, if it says so. */
static ota_err_t read_state(const struct reply *reply, struct ota_jobs_news *news)
{
    uint8_t room[TEXT_MAX];
    struct execution e = { 0 };
    if (reply->state.text.len > 0) {
        const ota_err_t err = ota_json_bind(&reply->state, STATE_FIELDS, &e);
        if (err != OTA_OK) {
            return err;
        }
    }
    news->answer.code = reply->code;
    news->answer.status = ota_job_status_parse(read_text(&e.status, room));
    news->answer.version = e.version;
    return OTA_OK;
}

/* --- messages ------------------------------------------------------------------ */

/* Sets of topics and of codes, a bit each. */
#define TOPIC(kind) (UINT32_C(1) << OTA_TOPIC_##kind)
#define CODE(word)  (UINT32_C(1) << OTA_WIRE_##word)

#define ASKED    (TOPIC(JOB_GET_ACCEPTED) | TOPIC(JOB_GET_REJECTED))
#define TOLD     (TOPIC(JOB_UPDATE_ACCEPTED) | TOPIC(JOB_UPDATE_REJECTED))
#define REFUSED  (TOPIC(JOB_GET_REJECTED) | TOPIC(JOB_UPDATE_REJECTED))
#define NOTIFIED (TOPIC(JOBS_NOTIFY) | TOPIC(JOBS_NOTIFY_NEXT))
#define NEVER_ASKED                                                                                \
    (TOPIC(JOBS_GET_ACCEPTED) | TOPIC(JOBS_GET_REJECTED) | TOPIC(JOBS_START_NEXT_ACCEPTED) |       \
     TOPIC(JOBS_START_NEXT_REJECTED))

/* A provider that could not read the request could not read its token either. */
#define NEEDS_NO_TOKEN (CODE(InvalidJson) | CODE(InvalidTopic))
/* The provider is there but not now: the question stays open, so that silence repeats it. */
#define PASSING (CODE(RequestThrottled) | CODE(InternalError))
/* The execution is over, or gone. */
#define OVER (CODE(ResourceNotFound) | CODE(TerminalStateReached) | CODE(InvalidStateTransition))

/* Whether `reply` answers the open question of `talk`. */
static bool answers(const struct ota_jobs *j, const struct ota_jobs_talk *talk,
                    const struct reply *reply)
{
    if (talk->serial == 0) {
        return false;
    }
    if (reply->token.text.len == 0) {
        return (reply->refusal & NEEDS_NO_TOKEN) != 0;
    }
    uint8_t room[TOKEN_SIZE];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    write_token(&w, j, talk->serial);
    return ota_json_is(&reply->token, OTA_SPAN_OF(room));
}

/* The open question that a reply answers; NULL if it is stale. */
static struct ota_jobs_talk *find_talk(struct ota_jobs *j, const struct ota_topic *topic,
                                       const struct reply *reply)
{
    const uint32_t is = UINT32_C(1) << topic->kind;
    if (!ota_span_eq(topic->thing, j->cfg.thing)) {
        return NULL;
    }
    if ((is & ASKED) != 0 && answers(j, &j->ask, reply)) {
        return &j->ask;
    }
    if ((is & TOLD) != 0 && ota_span_eq(topic->id, j->update.job_id) &&
        answers(j, &j->tell, reply)) {
        return &j->tell;
    }
    return (is & TOLD) != 0 && answers(j, &j->note, reply) ? &j->note : NULL;
}

/* What the answer to `talk` means; the question is closed, unless another answer may come. */
static ota_err_t hear_answer(struct ota_jobs *j, struct ota_jobs_talk *talk,
                             const struct reply *reply, struct ota_jobs_news *news)
{
    enum ota_jobs_news_kind kind = OTA_JOBS_NEWS_NONE;
    ota_err_t err = OTA_OK;
    if (talk == &j->note) {
        kind = (reply->refusal & OVER) != 0 ? OTA_JOBS_NEWS_CHANGED : OTA_JOBS_NEWS_NONE;
        talk->serial = 0;
    } else if (talk == &j->tell) {
        if ((reply->refusal & PASSING) == 0) {
            kind = reply->refusal != 0 ? OTA_JOBS_NEWS_REJECTED : OTA_JOBS_NEWS_ACCEPTED;
            err = read_state(reply, news);
        }
    } else if (reply->refusal != 0) {
        kind = (reply->refusal & OVER) != 0 ? OTA_JOBS_NEWS_EMPTY : OTA_JOBS_NEWS_NONE;
    } else if (reply->execution.text.len > 0) {
        kind = OTA_JOBS_NEWS_OFFER;
        err = read_offer(&reply->execution, j->brief, &news->offer);
    } else {
        kind = OTA_JOBS_NEWS_EMPTY;
    }
    if (err != OTA_OK) {
        return err;
    }
    if (kind != OTA_JOBS_NEWS_NONE) {
        become_idle(talk);
    }
    j->stats.answers++;
    news->kind = kind;
    return OTA_OK;
}

static ota_err_t hear(struct ota_jobs *j, const struct ota_topic *topic, struct ota_span payload,
                      struct ota_jobs_news *news)
{
    const uint32_t is = UINT32_C(1) << topic->kind;
    if ((is & (ASKED | TOLD | NOTIFIED | NEVER_ASKED)) == 0) {
        return OTA_E_UNEXPECTED;
    }
    struct reply reply;
    const ota_err_t err = read_reply(payload, (is & REFUSED) != 0, &reply);
    if (err != OTA_OK) {
        return err;
    }
    if ((is & NOTIFIED) != 0 && ota_span_eq(topic->thing, j->cfg.thing)) {
        news->kind = OTA_JOBS_NEWS_CHANGED;
        return OTA_OK;
    }
    struct ota_jobs_talk *const talk = find_talk(j, topic, &reply);
    if (talk == NULL) {
        j->stats.stale++;
        news->kind = OTA_JOBS_NEWS_NONE;
        return OTA_OK;
    }
    return hear_answer(j, talk, &reply, news);
}

ota_err_t ota_jobs_on_message(struct ota_jobs *j, const struct ota_topic *topic,
                              struct ota_span payload, struct ota_jobs_news *news)
{
    const ota_err_t err = hear(j, topic, payload, news);
    j->stats.refused += err != OTA_OK;
    return err;
}
