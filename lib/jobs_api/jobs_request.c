#include "ota/assert.h"
#include "ota/jobs_api.h"
#include "ota/json_write.h"

/* Sets of kinds, and of status words, a bit each. */
#define KIND(kind) (UINT32_C(1) << OTA_TOPIC_##kind)
#define WORD(word) (UINT32_C(1) << OTA_JOB_##word)

#define UPDATE        KIND(JOB_UPDATE)
#define DESCRIBE      KIND(JOB_GET)
#define HAS_JOB       (UPDATE | DESCRIBE)
#define HAS_DETAILS   (UPDATE | KIND(JOBS_START_NEXT))
#define REQUESTS      (HAS_JOB | HAS_DETAILS | KIND(JOBS_GET))
#define A_DEVICE_SAYS (WORD(IN_PROGRESS) | WORD(SUCCEEDED) | WORD(FAILED) | WORD(REJECTED))

static bool is_next(const struct ota_jobs_request *q)
{
    return q->kind == OTA_TOPIC_JOB_GET && ota_span_eq(q->job_id, OTA_JOB_NEXT);
}

/* Whether the provider could take it. What the kind of request does not have is not looked at. */
static ota_err_t check(const struct ota_jobs_request *q, uint32_t is)
{
    const int32_t timeout = q->step_timeout_min;
    if (q->token.len > OTA_TOKEN_MAX) {
        return OTA_E_NAME;
    }
    if ((is & HAS_JOB) != 0 && !ota_job_id_ok(q->job_id) && !is_next(q)) {
        return OTA_E_NAME;
    }
    if (is == UPDATE &&
        (q->status >= OTA_JOB_STATUS_COUNT || (A_DEVICE_SAYS >> q->status & 1u) == 0)) {
        return OTA_E_RANGE;
    }
    if ((is & HAS_DETAILS) == 0) {
        return OTA_OK;
    }
    if (timeout < OTA_JOBS_STEP_TIMEOUT_OFF || timeout > OTA_JOBS_STEP_TIMEOUT_MAX) {
        return OTA_E_RANGE;
    }
    return q->details.len == 0 || ota_jobs_api_details_ok(q->details) ? OTA_OK : OTA_E_MALFORMED;
}

static void put_number(struct ota_json_out *o, const char *name, uint64_t number)
{
    if (number > 0) {
        ota_json_key(o, name);
        ota_json_put_u64(o, number);
    }
}

static void put_flag(struct ota_json_out *o, const char *name, bool value)
{
    ota_json_key(o, name);
    ota_json_put_bool(o, value);
}

static void write_details(struct ota_json_out *o, const struct ota_jobs_request *q)
{
    if (q->details.len > 0) {
        ota_json_key(o, "statusDetails");
        ota_json_put_raw(o, q->details);
    }
    if (q->step_timeout_min > 0) {
        put_number(o, "stepTimeoutInMinutes", (uint64_t)q->step_timeout_min);
    } else if (q->step_timeout_min < 0) {
        ota_json_key(o, "stepTimeoutInMinutes");
        ota_json_put_raw(o, OTA_SPAN_LIT("-1"));
    }
}

static void write_update(struct ota_json_out *o, const struct ota_jobs_request *q)
{
    ota_json_key(o, "status");
    ota_json_put_str(o, ota_job_status_name(q->status));
    put_number(o, "expectedVersion", q->expected_version);
    if ((q->flags & OTA_JOBS_WANT_STATE) != 0) {
        put_flag(o, "includeJobExecutionState", true);
    }
    if ((q->flags & OTA_JOBS_WANT_DOCUMENT) != 0) {
        put_flag(o, "includeJobDocument", true);
    }
}

static void write_payload(struct ota_writer *w, const struct ota_jobs_request *q, uint32_t is)
{
    struct ota_json_out o = ota_json_out(w);
    ota_json_object_begin(&o);
    if (is == UPDATE) {
        write_update(&o, q);
    }
    if ((is & HAS_DETAILS) != 0) {
        write_details(&o, q);
    }
    if ((is & HAS_JOB) != 0) {
        put_number(&o, "executionNumber", q->execution);
    }
    if (is == DESCRIBE && (q->flags & OTA_JOBS_NO_DOCUMENT) != 0) {
        put_flag(&o, "includeJobDocument", false);
    }
    if (q->token.len > 0) {
        ota_json_key(&o, "clientToken");
        ota_json_put_string(&o, q->token);
    }
    ota_json_object_end(&o);
}

ota_err_t ota_jobs_api_write(const struct ota_jobs_request *request, struct ota_span root,
                             struct ota_span thing, const struct ota_scratch *out,
                             struct ota_effect *effect)
{
    OTA_ASSERT(request->kind < 32 && (REQUESTS >> request->kind & 1u) != 0);
    OTA_ASSERT(ota_topic_root_ok(root));
    const uint32_t is = UINT32_C(1) << request->kind;
    const struct ota_topic topic = { .kind = request->kind, .thing = thing, .id = request->job_id };
    struct ota_writer name = ota_writer(out->topic), w = ota_writer(out->payload);
    const ota_err_t err = ota_thing_name_ok(thing) ? check(request, is) : OTA_E_NAME;
    if (err != OTA_OK) {
        return err;
    }
    ota_topic_write(&name, root, &topic);
    write_payload(&w, request, is);
    if (name.bad || w.bad) {
        return OTA_E_TOO_LARGE;
    }
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&name);
    effect->as.publish.payload = ota_writer_done(&w);
    effect->as.publish.qos = OTA_QOS_1;
    return OTA_OK;
}
