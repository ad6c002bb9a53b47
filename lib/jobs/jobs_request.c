#include "jobs_priv.h"
#include "ota/assert.h"
#include "ota/json_write.h"

struct ota_span jobs_token(const struct ota_jobs *j, uint32_t serial, uint8_t room[TOKEN_SIZE])
{
    struct ota_writer w = ota_writer((struct ota_buf){ room, TOKEN_SIZE });
    ota_write_hex(&w, j->cfg.seed, 8);
    ota_write_hex(&w, serial, 8);
    return ota_writer_done(&w);
}

static void put_token(struct ota_json_out *o, const struct ota_jobs *j, uint32_t serial)
{
    uint8_t room[TOKEN_SIZE];
    ota_json_key(o, "clientToken");
    ota_json_put_string(o, jobs_token(j, serial, room));
}

static void put_number(struct ota_json_out *o, const char *key, uint64_t number)
{
    ota_json_key(o, key);
    ota_json_put_u64(o, number);
}

static void publish(const struct ota_jobs *j, const struct ota_topic *topic,
                    const struct ota_scratch *scratch, const struct ota_writer *payload,
                    struct ota_effect *effect)
{
    struct ota_writer w = ota_writer(scratch->topic);
    ota_topic_write(&w, j->cfg.root, topic);
    OTA_ASSERT(!w.bad && !payload->bad); /* the caller lent less than effect.h says */
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&w);
    effect->as.publish.payload = ota_writer_done(payload);
    effect->as.publish.qos = OTA_QOS_1;
}

void jobs_write_ask(const struct ota_jobs *j, const struct ota_scratch *scratch,
                    struct ota_effect *effect)
{
    struct ota_writer w = ota_writer(scratch->payload);
    struct ota_json_out o = ota_json_out(&w);
    ota_json_object_begin(&o);
    if (j->brief) {
        ota_json_key(&o, "includeJobDocument");
        ota_json_put_bool(&o, false);
    }
    put_token(&o, j, j->ask.serial);
    ota_json_object_end(&o);

    const struct ota_topic topic = { .kind = OTA_TOPIC_JOB_GET,
                                     .thing = j->cfg.thing,
                                     .id = OTA_JOB_NEXT };
    publish(j, &topic, scratch, &w, effect);
}

void jobs_write_update(const struct ota_jobs *j, const struct ota_jobs_update *update,
                       enum jobs_answer answer, const struct ota_scratch *scratch,
                       struct ota_effect *effect)
{
    struct ota_writer w = ota_writer(scratch->payload);
    struct ota_json_out o = ota_json_out(&w);
    ota_json_object_begin(&o);
    ota_json_key(&o, "status");
    ota_json_put_str(&o, ota_job_status_name(update->status));
    if (update->details.len > 0) {
        ota_json_key(&o, "statusDetails");
        ota_json_put_raw(&o, update->details);
    }
    if (update->expected_version > 0) {
        put_number(&o, "expectedVersion", update->expected_version);
    }
    put_number(&o, "executionNumber", update->execution);
    if (update->step_timeout_min > 0) {
        put_number(&o, "stepTimeoutInMinutes", update->step_timeout_min);
    }
    if (answer == ANSWER_WANTED) {
        ota_json_key(&o, "includeJobExecutionState");
        ota_json_put_bool(&o, true);
    }
    put_token(&o, j, answer == ANSWER_WANTED ? j->tell.serial : j->note.serial);
    ota_json_object_end(&o);

    const struct ota_topic topic = { .kind = OTA_TOPIC_JOB_UPDATE,
                                     .thing = j->cfg.thing,
                                     .id = update->job_id };
    publish(j, &topic, scratch, &w, effect);
}
