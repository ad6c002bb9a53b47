/* Jobs API against the provider's domain: each request is understood there, each answer and notice here. */
#include "ota/jobs_api.h"
#include "srv_world.h"
#include "t.h"

static uint8_t topic_room[OTA_TOPIC_MAX], payload_room[1024];
static const struct ota_scratch scratch = { { topic_room, sizeof topic_room },
                                            { payload_room, sizeof payload_room } };

/* Message i of what the provider said last. */
static struct ota_jobs_reply hear(struct world *w, size_t i, enum ota_topic_kind want)
{
    struct ota_jobs_reply reply;
    struct ota_topic topic;
    assert_true(i < w->outcome.message_count);
    assert_int_equal(ota_topic_parse(OTA_SPAN_LIT("$aws"), w->outcome.messages[i].topic, &topic),
                     OTA_OK);
    assert_int_equal(topic.kind, want);
    assert_int_equal(ota_jobs_api_read(topic.kind, w->outcome.messages[i].payload, &reply), OTA_OK);
    assert_true(reply.timestamp == (uint64_t)w->now_s);
    return reply;
}

/* Say it; the first message is the answer, with our token. */
static struct ota_jobs_reply ask(struct world *w, const struct ota_jobs_request *q,
                                 enum ota_topic_kind want)
{
    struct ota_effect effect;
    struct ota_jobs_request with_token = *q;
    with_token.token = OTA_SPAN_LIT("a \"token\"");
    assert_int_equal(
        ota_jobs_api_write(&with_token, OTA_SPAN_LIT("$aws"), OTA_SPAN_LIT("t"), &scratch, &effect),
        OTA_OK);
    (void)world_apply(w, &(struct srv_command){
                             .kind = SRV_CMD_DEVICE_REQUEST,
                             .device = { effect.as.publish.topic, effect.as.publish.payload } });
    const struct ota_jobs_reply reply = hear(w, 0, want);
    assert_true(ota_json_is(&reply.token, with_token.token));
    return reply;
}

static size_t count(struct ota_json list)
{
    struct ota_json_walk w = ota_json_walk(&list);
    struct ota_jobs_summary summary;
    size_t n = 0;
    while (ota_jobs_api_next(&w, &summary)) {
        n++;
    }
    return n;
}

static void a_job_goes_its_whole_way(void **state)
{
    struct world *w = *state;
    struct ota_jobs_request q = { .kind = OTA_TOPIC_JOBS_START_NEXT };
    assert_false(ask(w, &q, OTA_TOPIC_JOBS_START_NEXT_ACCEPTED).has_execution);
    world_job_with(w, "one", "t", NULL, 60);
    assert_int_equal(count(hear(w, 0, OTA_TOPIC_JOBS_NOTIFY).queued), 1);
    assert_true(hear(w, 1, OTA_TOPIC_JOBS_NOTIFY_NEXT).has_execution);
    world_job(w, "two", "t");

    q.details = OTA_SPAN_LIT("{\"step\":\"1\"}");
    q.step_timeout_min = 5;
    struct ota_jobs_reply r = ask(w, &q, OTA_TOPIC_JOBS_START_NEXT_ACCEPTED);
    assert_true(r.has_execution && r.execution.summary.version == 2);
    assert_int_equal(r.execution.state.status, OTA_JOB_IN_PROGRESS);
    assert_true(r.execution.has_time_left && r.execution.seconds_left == 5 * 60);
    assert_true(ota_span_eq(r.execution.state.details.text, q.details));

    r = ask(w, &(struct ota_jobs_request){ .kind = OTA_TOPIC_JOBS_GET },
            OTA_TOPIC_JOBS_GET_ACCEPTED);
    assert_int_equal(count(r.started), 1);
    assert_int_equal(count(r.queued), 1);

    q = (struct ota_jobs_request){ .kind = OTA_TOPIC_JOB_UPDATE,
                                   .job_id = OTA_SPAN_LIT("one"),
                                   .status = OTA_JOB_IN_PROGRESS,
                                   .step_timeout_min = OTA_JOBS_STEP_TIMEOUT_OFF,
                                   .expected_version = 2,
                                   .execution = 1,
                                   .flags = OTA_JOBS_WANT_STATE | OTA_JOBS_WANT_DOCUMENT };
    r = ask(w, &q, OTA_TOPIC_JOB_UPDATE_ACCEPTED);
    assert_true(r.has_state && r.state.version == 3);
    assert_true(ota_span_eq(r.document.text, OTA_SPAN_LIT(WORLD_DOCUMENT)));
    q.status = OTA_JOB_SUCCEEDED;
    q.expected_version = 3;
    (void)ask(w, &q, OTA_TOPIC_JOB_UPDATE_ACCEPTED);
    assert_int_equal(count(hear(w, 1, OTA_TOPIC_JOBS_NOTIFY).queued), 1);
    r = hear(w, 2, OTA_TOPIC_JOBS_NOTIFY_NEXT);
    assert_true(r.has_execution && r.execution.summary.job_id_len == 3);
}

static void a_description_leaves_out_what_is_not_wanted(void **state)
{
    struct world *w = *state;
    world_job(w, "one", "t");
    struct ota_jobs_request q = { .kind = OTA_TOPIC_JOB_GET, .job_id = OTA_JOB_NEXT };
    struct ota_jobs_reply r = ask(w, &q, OTA_TOPIC_JOB_GET_ACCEPTED);
    assert_true(r.has_execution && r.execution.document.text.len > 0);
    assert_int_equal(r.execution.state.status, OTA_JOB_QUEUED); /* a look changes nothing */
    q.flags = OTA_JOBS_NO_DOCUMENT;
    q.job_id = OTA_SPAN_LIT("one");
    q.execution = 1;
    r = ask(w, &q, OTA_TOPIC_JOB_GET_ACCEPTED);
    assert_true(r.has_execution && r.execution.document.text.len == 0);
    q.execution = 2;
    r = ask(w, &q, OTA_TOPIC_JOB_GET_REJECTED);
    assert_true(r.rejected && r.code == OTA_WIRE_ResourceNotFound);
}

static void refusals_say_why_and_what_is_true(void **state)
{
    struct world *w = *state;
    world_job(w, "one", "t");
    struct ota_jobs_request q = { .kind = OTA_TOPIC_JOB_UPDATE,
                                  .job_id = OTA_SPAN_LIT("one"),
                                  .status = OTA_JOB_FAILED,
                                  .expected_version = 99 };
    struct ota_jobs_reply r = ask(w, &q, OTA_TOPIC_JOB_UPDATE_REJECTED);
    assert_int_equal(r.code, OTA_WIRE_VersionMismatch);
    assert_true(r.has_state && r.state.version == 1 && r.state.status == OTA_JOB_QUEUED);
    q.expected_version = 1;
    (void)ask(w, &q, OTA_TOPIC_JOB_UPDATE_ACCEPTED);
    q.expected_version = 0;
    r = ask(w, &q, OTA_TOPIC_JOB_UPDATE_REJECTED);
    assert_int_equal(r.code, OTA_WIRE_InvalidStateTransition);
    assert_true(r.has_state && r.state.status == OTA_JOB_FAILED);
    q.job_id = OTA_SPAN_LIT("none");
    assert_int_equal(ask(w, &q, OTA_TOPIC_JOB_UPDATE_REJECTED).code, OTA_WIRE_ResourceNotFound);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_job_goes_its_whole_way),
        WORLD_TEST(a_description_leaves_out_what_is_not_wanted),
        WORLD_TEST(refusals_say_why_and_what_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
