/* Jobs API: requests byte for byte as the guide has them, replies as the service has sent them, and nothing else. */
#include "t.h"
#include "vectors.h"

#include "ota/jobs_api.h"

#define ROOT  OTA_SPAN_LIT("$aws")
#define THING OTA_SPAN_LIT("lamp-1")
#define JOBS  "$aws/things/lamp-1/jobs/"
/* For tables: a constant, unlike OTA_SPAN_LIT(). */
#define TEXT_OF(s)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(s), sizeof(s) - 1                                                        \
    }
#define JOB     TEXT_OF("AFR_OTA-x")
#define NEXT    TEXT_OF("$next")
#define DETAILS "{\"step\":\"1\"}"
/* The number that needs the most digits. */
#define LARGEST UINT64_MAX

static uint8_t topic_room[OTA_TOPIC_MAX], payload_room[2048];
static const struct ota_scratch scratch = { { topic_room, sizeof topic_room },
                                            { payload_room, sizeof payload_room } };

static ota_err_t write_to(const struct ota_jobs_request *q, const struct ota_scratch *out,
                          struct ota_effect *effect)
{
    return ota_jobs_api_write(q, ROOT, THING, out, effect);
}

/* --- requests ---------------------------------------------------------------------------------- */

#define EVERYTHING                                                                                 \
    .job_id = JOB, .token = TEXT_OF("t-1"), .details = TEXT_OF(DETAILS), .execution = 3,           \
    .expected_version = 2, .status = OTA_JOB_FAILED, .step_timeout_min = 5,                        \
    .flags = OTA_JOBS_NO_DOCUMENT | OTA_JOBS_WANT_STATE | OTA_JOBS_WANT_DOCUMENT

static const struct {
    const char *why;
    struct ota_jobs_request q;
    const char *topic, *payload;
} requests[] = {
    { "pending, bare", { .kind = OTA_TOPIC_JOBS_GET }, "get", "{}" },
    { "pending has a token and nothing else",
      { .kind = OTA_TOPIC_JOBS_GET, EVERYTHING },
      "get",
      "{\"clientToken\":\"t-1\"}" },
    { "start-next, bare", { .kind = OTA_TOPIC_JOBS_START_NEXT }, "start-next", "{}" },
    { "start-next has details and a step time-out",
      { .kind = OTA_TOPIC_JOBS_START_NEXT, EVERYTHING },
      "start-next",
      "{\"statusDetails\":{\"step\":\"1\"},\"stepTimeoutInMinutes\":5,\"clientToken\":\"t-1\"}" },
    { "describe, bare", { .kind = OTA_TOPIC_JOB_GET, .job_id = JOB }, "AFR_OTA-x/get", "{}" },
    { "describe the next",
      { .kind = OTA_TOPIC_JOB_GET, .job_id = NEXT, .flags = OTA_JOBS_NO_DOCUMENT },
      "$next/get",
      "{\"includeJobDocument\":false}" },
    { "describe has an execution number",
      { .kind = OTA_TOPIC_JOB_GET, EVERYTHING },
      "AFR_OTA-x/get",
      "{\"executionNumber\":3,\"includeJobDocument\":false,\"clientToken\":\"t-1\"}" },
    { "update, bare",
      { .kind = OTA_TOPIC_JOB_UPDATE, .job_id = JOB, .status = OTA_JOB_SUCCEEDED },
      "AFR_OTA-x/update",
      "{\"status\":\"SUCCEEDED\"}" },
    { "update has it all",
      { .kind = OTA_TOPIC_JOB_UPDATE, EVERYTHING },
      "AFR_OTA-x/update",
      "{\"status\":\"FAILED\",\"expectedVersion\":2,\"includeJobExecutionState\":true,"
      "\"includeJobDocument\":true,\"statusDetails\":{\"step\":\"1\"},\"stepTimeoutInMinutes\":5,"
      "\"executionNumber\":3,\"clientToken\":\"t-1\"}" },
    { "the longest numbers, and a timer that is taken back",
      { .kind = OTA_TOPIC_JOB_UPDATE,
        .job_id = JOB,
        .status = OTA_JOB_IN_PROGRESS,
        .execution = LARGEST,
        .expected_version = LARGEST,
        .step_timeout_min = OTA_JOBS_STEP_TIMEOUT_OFF },
      "AFR_OTA-x/update",
      "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":18446744073709551615,"
      "\"stepTimeoutInMinutes\":-1,\"executionNumber\":18446744073709551615}" },
    { "a token is any text",
      { .kind = OTA_TOPIC_JOBS_GET, .token = TEXT_OF("\"\\\n\xc3\xa9") },
      "get",
      "{\"clientToken\":\"\\\"\\\\\\u000a\xc3\xa9\"}" },
};

static void requests_are_those_of_the_guide(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        struct ota_effect effect;
        char topic[64];
        snprintf(topic, sizeof topic, JOBS "%s", requests[i].topic);
        CHECK_ROW(requests[i].why, write_to(&requests[i].q, &scratch, &effect) == OTA_OK);
        CHECK_ROW(requests[i].why, effect.kind == OTA_EFFECT_PUBLISH);
        CHECK_ROW(requests[i].why, effect.as.publish.qos == OTA_QOS_1);
        CHECK_ROW(requests[i].why, ota_span_eq(effect.as.publish.topic, ota_span_of_str(topic)));
        CHECK_ROW(requests[i].why,
                  ota_span_eq(effect.as.publish.payload, ota_span_of_str(requests[i].payload)));
    }
}

/* Every smaller room for topic or payload is refused, and not one byte beyond it is touched. */
static void a_room_that_is_too_small_is_said_to_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(requests); i++) {
        const size_t topic_len = strlen(JOBS) + strlen(requests[i].topic);
        const size_t payload_len = strlen(requests[i].payload);
        for (size_t cut = 1; cut <= topic_len || cut <= payload_len; cut++) {
            struct ota_effect effect, before;
            memset(&effect, 0xa5, sizeof effect);
            before = effect;
            const size_t topic_cap = cut <= topic_len ? topic_len - cut : topic_len;
            const size_t payload_cap = cut <= topic_len ? payload_len : payload_len - cut;
            uint8_t *topic = malloc(topic_cap + 1), *payload = malloc(payload_cap + 1);
            const struct ota_scratch small = { { topic, topic_cap }, { payload, payload_cap } };
            topic[topic_cap] = payload[payload_cap] = 0xee;
            CHECK_ROW(requests[i].why,
                      write_to(&requests[i].q, &small, &effect) == OTA_E_TOO_LARGE);
            CHECK_ROW(requests[i].why, memcmp(&effect, &before, sizeof effect) == 0);
            CHECK_ROW(requests[i].why, topic[topic_cap] == 0xee && payload[payload_cap] == 0xee);
            free(topic);
            free(payload);
        }
    }
}

static const char text_65[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg";
#define TEXT(len) ((struct ota_span){ (const uint8_t *)text_65, (len) })

#define AN_UPDATE .kind = OTA_TOPIC_JOB_UPDATE, .job_id = OTA_SPAN_LIT("j")

static void limits_of_a_request_are_the_services(void **state)
{
    (void)state;
    const struct {
        const char *why;
        struct ota_jobs_request q;
        ota_err_t want;
    } rows[] = {
        { "token of 64", { .kind = OTA_TOPIC_JOBS_GET, .token = TEXT(64) }, OTA_OK },
        { "token of 65", { .kind = OTA_TOPIC_JOBS_GET, .token = TEXT(65) }, OTA_E_NAME },
        { "id of 64", { .kind = OTA_TOPIC_JOB_GET, .job_id = TEXT(64) }, OTA_OK },
        { "id of 65", { .kind = OTA_TOPIC_JOB_GET, .job_id = TEXT(65) }, OTA_E_NAME },
        { "no id", { .kind = OTA_TOPIC_JOB_GET }, OTA_E_NAME },
        { "a level in the id",
          { .kind = OTA_TOPIC_JOB_GET, .job_id = OTA_SPAN_LIT("a/b") },
          OTA_E_NAME },
        { "an id that is a topic",
          { .kind = OTA_TOPIC_JOB_GET, .job_id = OTA_SPAN_LIT("notify") },
          OTA_E_NAME },
        { "$next cannot be updated",
          { .kind = OTA_TOPIC_JOB_UPDATE, .job_id = OTA_JOB_NEXT, .status = OTA_JOB_FAILED },
          OTA_E_NAME },
        { "QUEUED is the provider's to say", { AN_UPDATE, .status = OTA_JOB_QUEUED }, OTA_E_RANGE },
        { "TIMED_OUT too", { AN_UPDATE, .status = OTA_JOB_TIMED_OUT }, OTA_E_RANGE },
        { "CANCELED too", { AN_UPDATE, .status = OTA_JOB_CANCELED }, OTA_E_RANGE },
        { "REMOVED too", { AN_UPDATE, .status = OTA_JOB_REMOVED }, OTA_E_RANGE },
        { "no word at all", { AN_UPDATE, .status = OTA_JOB_STATUS_COUNT }, OTA_E_RANGE },
        { "REJECTED", { AN_UPDATE, .status = OTA_JOB_REJECTED }, OTA_OK },
        { "seven days",
          { AN_UPDATE, .status = OTA_JOB_FAILED, .step_timeout_min = 10080 },
          OTA_OK },
        { "a minute more",
          { AN_UPDATE, .status = OTA_JOB_FAILED, .step_timeout_min = 10081 },
          OTA_E_RANGE },
        { "below the one that takes back",
          { AN_UPDATE, .status = OTA_JOB_FAILED, .step_timeout_min = -2 },
          OTA_E_RANGE },
        { "details that are none",
          { .kind = OTA_TOPIC_JOBS_START_NEXT, .details = OTA_SPAN_LIT("{\"a\":1}") },
          OTA_E_MALFORMED },
        { "which are not looked at where there are none",
          { .kind = OTA_TOPIC_JOBS_GET, .details = OTA_SPAN_LIT("{"), .step_timeout_min = -9 },
          OTA_OK },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_effect effect = { .kind = OTA_EFFECT_REBOOT };
        CHECK_ROW(rows[i].why, write_to(&rows[i].q, &scratch, &effect) == rows[i].want);
        CHECK_ROW(rows[i].why, (effect.kind == OTA_EFFECT_REBOOT) == (rows[i].want != OTA_OK));
    }
    struct ota_effect effect;
    const struct ota_jobs_request q = { .kind = OTA_TOPIC_JOBS_GET };
    assert_int_equal(ota_jobs_api_write(&q, ROOT, OTA_SPAN_LIT("a/b"), &scratch, &effect),
                     OTA_E_NAME);
    assert_int_equal(ota_jobs_api_write(&q, OTA_SPAN_LIT("fleet/eu"), THING, &scratch, &effect),
                     OTA_OK);
    assert_true(
        ota_span_eq(effect.as.publish.topic, OTA_SPAN_LIT("fleet/eu/things/lamp-1/jobs/get")));
}

/* --- details ------------------------------------------------------------------------------------- */

static void details_are_flat_and_of_strings(void **state)
{
    (void)state;
    static const struct {
        const char *why, *json;
        bool ok;
    } rows[] = {
        { "one", "{\"reason\":\"why not\"}", true },
        { "none", "{}", true },
        { "several, blanks between", " { \"a:b_c-D9\" : \"x\" , \"b\":\"y\" } ", true },
        { "escapes that are characters", "{\"a\":\"\\u0041\\\"\\\\\\/\"}", true },
        { "beyond ASCII", "{\"a\":\"\xc3\xa9\xf0\x9f\x92\xa1\\ud83d\\udca1\"}", true },
        { "nothing", "", false },
        { "no object", "[\"a\"]", false },
        { "a string", "\"a\"", false },
        { "a number", "{\"a\":1}", false },
        { "nested", "{\"a\":{\"b\":\"c\"}}", false },
        { "null", "{\"a\":null}", false },
        { "an empty value", "{\"a\":\"\"}", false },
        { "an empty name", "{\"\":\"a\"}", false },
        { "a blank in a name", "{\"a b\":\"c\"}", false },
        { "an escape in a name", "{\"\\u0061\":\"c\"}", false },
        { "a line break", "{\"a\":\"b\\n\"}", false },
        { "NUL", "{\"a\":\"\\u0000\"}", false },
        { "the last control character", "{\"a\":\"\\u001F\"}", false },
        { "the blank behind it", "{\"a\":\"\\u0020\"}", true },
        { "delete", "{\"a\":\"\x7f\"}", false },
        { "delete, escaped", "{\"a\":\"\\u007f\"}", false },
        { "something behind", "{} {}", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].json);
        uint8_t *copy = t_exact(rows[i].json, len);
        CHECK_ROW(rows[i].why,
                  ota_jobs_api_details_ok((struct ota_span){ copy, len }) == rows[i].ok);
        free(copy);
    }
}

/* An object of one member: `name_len` times 'n', and `count` times `unit`. */
static bool takes(size_t name_len, size_t count, const char *unit)
{
    static uint8_t room[8192];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_write_str(&w, "{\"");
    for (size_t i = 0; i < name_len; i++) {
        ota_write_u8(&w, 'n');
    }
    ota_write_str(&w, "\":\"");
    for (size_t i = 0; i < count; i++) {
        ota_write_str(&w, unit);
    }
    ota_write_str(&w, "\"}");
    assert_false(w.bad);
    return ota_jobs_api_details_ok(ota_writer_done(&w));
}

static void limits_of_details_are_the_services(void **state)
{
    (void)state;
    assert_true(takes(128, 1, "v"));
    assert_false(takes(129, 1, "v"));
    assert_true(takes(1, 1024, "v"));
    assert_false(takes(1, 1025, "v"));
    assert_true(takes(1, 1024, "\xc3\xa9")); /* characters, not bytes */
    assert_false(takes(1, 1025, "\xc3\xa9"));
    assert_true(takes(1, 1024, "\\u00e9"));
    assert_false(takes(1, 1025, "\\u00e9"));
    assert_true(takes(1, 512, "\xf0\x9f\x92\xa1")); /* two each, however they are written */
    assert_false(takes(1, 513, "\xf0\x9f\x92\xa1"));
    assert_true(takes(1, 512, "\\ud83d\\udca1"));
    assert_false(takes(1, 513, "\\ud83d\\udca1"));
}

/* --- replies --------------------------------------------------------------------------------------- */

static ota_err_t read_text(enum ota_topic_kind kind, const char *text, struct ota_jobs_reply *reply)
{
    return ota_jobs_api_read(kind, ota_span_of_str(text), reply);
}

static bool is_id(const struct ota_jobs_summary *s, const char *id)
{
    return ota_span_eq((struct ota_span){ s->job_id, s->job_id_len }, ota_span_of_str(id));
}

static void reads_the_guides_notification(void **state)
{
    (void)state;
    struct t_file file = t_vector("jobs/device-notify.json");
    const struct ota_span payload = { file.ptr, file.len };
    struct ota_jobs_reply reply;
    struct ota_jobs_summary s;
    assert_int_equal(ota_jobs_api_read(OTA_TOPIC_JOBS_NOTIFY, payload, &reply), OTA_OK);
    assert_true(reply.timestamp == 1516929099 && reply.token.text.len == 0 && !reply.rejected);
    struct ota_json_walk w = ota_json_walk(&reply.started);
    assert_true(ota_jobs_api_next(&w, &s) && is_id(&s, "job1"));
    assert_true(s.queued_at == 1516928900 && s.started_at == 1516929000 &&
                s.updated_at == 1516929000 && s.version == 2 && s.execution == 1);
    assert_false(ota_jobs_api_next(&w, &s));
    w = ota_json_walk(&reply.queued);
    assert_true(ota_jobs_api_next(&w, &s) && is_id(&s, "job2"));
    assert_true(s.queued_at == 1516929099 && s.started_at == 0 && s.version == 1);
    assert_false(ota_jobs_api_next(&w, &s));
    free(file.ptr);
}

static void reads_the_guides_next_execution(void **state)
{
    (void)state;
    struct t_file file = t_vector("jobs/device-notify-next.json");
    struct ota_jobs_reply reply;
    assert_int_equal(ota_jobs_api_read(OTA_TOPIC_JOBS_NOTIFY_NEXT,
                                       (struct ota_span){ file.ptr, file.len }, &reply),
                     OTA_OK);
    assert_true(reply.has_execution && is_id(&reply.execution.summary, "job2"));
    assert_int_equal(reply.execution.state.status, OTA_JOB_QUEUED);
    assert_true(
        ota_span_eq(reply.execution.document.text, OTA_SPAN_LIT("{\"operation\":\"test\"}")));
    assert_true(reply.execution.state.details.text.len == 0 && !reply.execution.has_time_left);
    free(file.ptr);
}

static void reads_a_captured_description(void **state)
{
    (void)state;
    struct t_file file = t_vector("jobs/device-describe-next-accepted.json");
    struct ota_jobs_reply reply;
    assert_int_equal(ota_jobs_api_read(OTA_TOPIC_JOB_GET_ACCEPTED,
                                       (struct ota_span){ file.ptr, file.len }, &reply),
                     OTA_OK);
    assert_true(ota_json_is(&reply.token, OTA_SPAN_LIT(":840d8ee419b8")));
    assert_true(is_id(&reply.execution.summary, "AFR_OTA-OTA_TEST-230602-1828"));
    struct ota_json afr_ota;
    assert_int_equal(ota_json_find(&reply.execution.document, "afr_ota", &afr_ota), OTA_OK);
    free(file.ptr);
}

#define EXECUTION                                                                                  \
    "\"execution\":{\"jobId\":\"j\",\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a\":\"b\"},"   \
    "\"thingName\":\"lamp-1\",\"queuedAt\":1,\"startedAt\":2,\"lastUpdatedAt\":3,"                 \
    "\"versionNumber\":4,\"executionNumber\":5,\"approximateSecondsBeforeTimedOut\":59,"           \
    "\"jobDocument\":{}}"

static void reads_everything_that_an_execution_says(void **state)
{
    (void)state;
    struct ota_jobs_reply reply;
    const struct ota_jobs_execution *const e = &reply.execution;
    assert_int_equal(read_text(OTA_TOPIC_JOB_GET_ACCEPTED, "{" EXECUTION "}", &reply), OTA_OK);
    assert_true(reply.has_execution && reply.timestamp == 0);
    assert_true(e->summary.queued_at == 1 && e->summary.started_at == 2 &&
                e->summary.updated_at == 3 && e->summary.version == 4 && e->summary.execution == 5);
    assert_int_equal(e->state.status, OTA_JOB_IN_PROGRESS);
    assert_true(e->state.version == 4);
    assert_true(ota_span_eq(e->state.details.text, OTA_SPAN_LIT("{\"a\":\"b\"}")));
    assert_true(e->has_time_left && e->seconds_left == 59);
    assert_true(ota_span_eq(e->document.text, OTA_SPAN_LIT("{}")));
    /* A timer that has run out is not one that does not run. */
    assert_int_equal(
        read_text(OTA_TOPIC_JOBS_NOTIFY_NEXT,
                  "{\"execution\":{\"jobId\":\"j\",\"status\":\"SLEEPING\","
                  "\"versionNumber\":\"4\",\"executionNumber\":5,\"statusDetails\":null,"
                  "\"approximateSecondsBeforeTimedOut\":0}}",
                  &reply),
        OTA_OK);
    assert_true(e->has_time_left && e->seconds_left == 0 && e->summary.version == 4);
    assert_int_equal(e->state.status, OTA_JOB_STATUS_COUNT); /* a word of the future */
    assert_true(e->document.text.len == 0 && e->state.details.text.len == 0);
}

static void nothing_pending_is_no_execution(void **state)
{
    (void)state;
    static const enum ota_topic_kind kinds[] = { OTA_TOPIC_JOBS_START_NEXT_ACCEPTED,
                                                 OTA_TOPIC_JOB_GET_ACCEPTED,
                                                 OTA_TOPIC_JOBS_NOTIFY_NEXT };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct ota_jobs_reply reply;
        assert_int_equal(read_text(kinds[i], "{\"timestamp\":1729752877}", &reply), OTA_OK);
        assert_true(!reply.has_execution && !reply.rejected && reply.timestamp == 1729752877);
    }
}

static void an_update_says_only_what_it_was_asked_for(void **state)
{
    (void)state;
    struct ota_jobs_reply reply;
    assert_int_equal(read_text(OTA_TOPIC_JOB_UPDATE_ACCEPTED, "{\"timestamp\":1}", &reply), OTA_OK);
    assert_true(!reply.has_state && reply.document.text.len == 0);
    assert_int_equal(read_text(OTA_TOPIC_JOB_UPDATE_ACCEPTED,
                               "{\"executionState\":{\"status\":\"IN_PROGRESS\",\"statusDetails\":"
                               "{\"step\":\"1\"},\"versionNumber\":2},\"jobDocument\":"
                               "{\"operation\":\"a\"},\"timestamp\":1,\"clientToken\":\"f\"}",
                               &reply),
                     OTA_OK);
    assert_true(reply.has_state && reply.state.version == 2 &&
                reply.state.status == OTA_JOB_IN_PROGRESS);
    assert_true(ota_span_eq(reply.state.details.text, OTA_SPAN_LIT(DETAILS)));
    assert_true(ota_span_eq(reply.document.text, OTA_SPAN_LIT("{\"operation\":\"a\"}")));
}

#define REJECTION(code) "{\"code\":\"" code "\",\"message\":\"m\",\"timestamp\":1}"

static void every_error_code_is_known_by_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ota_wire_code code;
    } rows[] = {
        { REJECTION("InvalidTopic"), OTA_WIRE_InvalidTopic },
        { REJECTION("InvalidJson"), OTA_WIRE_InvalidJson },
        { REJECTION("InvalidRequest"), OTA_WIRE_InvalidRequest },
        { REJECTION("InvalidStateTransition"), OTA_WIRE_InvalidStateTransition },
        { REJECTION("ResourceNotFound"), OTA_WIRE_ResourceNotFound },
        { REJECTION("VersionMismatch"), OTA_WIRE_VersionMismatch },
        { REJECTION("InternalError"), OTA_WIRE_InternalError },
        { REJECTION("RequestThrottled"), OTA_WIRE_RequestThrottled },
        { REJECTION("TerminalStateReached"), OTA_WIRE_TerminalStateReached },
        { REJECTION("OfTheFuture"), OTA_WIRE_CODE_COUNT },
        { REJECTION("ACodeThatIsLongerThanAnyJobIdCouldEverBeSoThatThereIsNoRoomForIt"),
          OTA_WIRE_CODE_COUNT },
    };
    static const enum ota_topic_kind kinds[] = { OTA_TOPIC_JOBS_GET_REJECTED,
                                                 OTA_TOPIC_JOBS_START_NEXT_REJECTED,
                                                 OTA_TOPIC_JOB_GET_REJECTED,
                                                 OTA_TOPIC_JOB_UPDATE_REJECTED };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < COUNT(kinds); k++) {
            struct ota_jobs_reply reply;
            CHECK_ROW(rows[i].text, read_text(kinds[k], rows[i].text, &reply) == OTA_OK);
            CHECK_ROW(rows[i].text, reply.rejected && reply.code == rows[i].code);
            CHECK_ROW(rows[i].text, ota_json_is(&reply.message, OTA_SPAN_LIT("m")));
        }
    }
}

/* Captured from the service. */
static const char mismatch[] =
    "{\"code\":\"VersionMismatch\",\"message\":\"Expected version 99 but found version 1\","
    "\"timestamp\":1700000001,\"executionState\":{\"status\":\"QUEUED\",\"versionNumber\":1}}";

static void a_mismatch_carries_the_truth(void **state)
{
    (void)state;
    struct ota_jobs_reply reply;
    assert_int_equal(read_text(OTA_TOPIC_JOB_UPDATE_REJECTED, mismatch, &reply), OTA_OK);
    assert_true(reply.has_state && reply.state.version == 1 &&
                reply.state.status == OTA_JOB_QUEUED);
}

static void pending_executions_come_in_two_lists(void **state)
{
    (void)state;
    struct ota_jobs_reply reply;
    struct ota_jobs_summary s;
    assert_int_equal(read_text(OTA_TOPIC_JOBS_GET_ACCEPTED,
                               "{\"inProgressJobs\":[],\"queuedJobs\":[{\"jobId\":\"get\","
                               "\"versionNumber\":1,\"executionNumber\":1},{\"jobId\":\"b\","
                               "\"versionNumber\":1,\"executionNumber\":2}]}",
                               &reply),
                     OTA_OK);
    struct ota_json_walk w = ota_json_walk(&reply.started);
    assert_false(ota_jobs_api_next(&w, &s));
    w = ota_json_walk(&reply.queued);
    assert_true(ota_jobs_api_next(&w, &s) && is_id(&s, "get")); /* legal at AWS, and unreachable */
    assert_true(ota_jobs_api_next(&w, &s) && is_id(&s, "b") && s.execution == 2);
    assert_false(ota_jobs_api_next(&w, &s));
    w = ota_json_walk(&(struct ota_json){ OTA_SPAN_LIT("[1]") }); /* of no reply */
    assert_false(ota_jobs_api_next(&w, &s));
}

#define ONE(members) "{\"inProgressJobs\":[],\"queuedJobs\":[{" members "}]}"

static void what_is_not_the_protocol_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum ota_topic_kind kind;
        const char *text;
        ota_err_t want;
    } rows[] = {
        { "a request", OTA_TOPIC_JOBS_GET, "{}", OTA_E_UNEXPECTED },
        { "a stream's", OTA_TOPIC_STREAM_DATA, "{}", OTA_E_UNEXPECTED },
        { "no kind", OTA_TOPIC_KIND_COUNT, "{}", OTA_E_UNEXPECTED },
        { "no object", OTA_TOPIC_JOB_UPDATE_ACCEPTED, "[]", OTA_E_MALFORMED },
        { "a member twice", OTA_TOPIC_JOB_UPDATE_ACCEPTED, "{\"timestamp\":1,\"timestamp\":2}",
          OTA_E_MALFORMED },
        { "a token that is no text", OTA_TOPIC_JOB_UPDATE_ACCEPTED, "{\"clientToken\":1}",
          OTA_E_MALFORMED },
        { "a time before all", OTA_TOPIC_JOB_UPDATE_ACCEPTED, "{\"timestamp\":-1}",
          OTA_E_MALFORMED },
        { "a rejection without a code", OTA_TOPIC_JOB_GET_REJECTED, "{}", OTA_E_MALFORMED },
        { "a code that is no text", OTA_TOPIC_JOB_GET_REJECTED, "{\"code\":404}", OTA_E_MALFORMED },
        { "a state without its version", OTA_TOPIC_JOB_UPDATE_ACCEPTED,
          "{\"executionState\":{\"status\":\"QUEUED\"}}", OTA_E_MALFORMED },
        { "an execution that is none", OTA_TOPIC_JOB_GET_ACCEPTED, "{\"execution\":7}",
          OTA_E_MALFORMED },
        { "one list only", OTA_TOPIC_JOBS_GET_ACCEPTED, "{\"queuedJobs\":[]}", OTA_E_MALFORMED },
        { "a notice of nothing", OTA_TOPIC_JOBS_NOTIFY, "{\"timestamp\":1}", OTA_E_MALFORMED },
        { "a list of numbers", OTA_TOPIC_JOBS_NOTIFY, "{\"jobs\":{\"QUEUED\":[1]}}",
          OTA_E_MALFORMED },
        { "no version", OTA_TOPIC_JOBS_GET_ACCEPTED, ONE("\"jobId\":\"j\",\"executionNumber\":1"),
          OTA_E_MALFORMED },
        { "an id with a level", OTA_TOPIC_JOBS_GET_ACCEPTED,
          ONE("\"jobId\":\"a/b\",\"executionNumber\":1,\"versionNumber\":1"), OTA_E_NAME },
        { "an id of 65", OTA_TOPIC_JOBS_GET_ACCEPTED,
          ONE("\"jobId\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg\","
              "\"executionNumber\":1,\"versionNumber\":1"),
          OTA_E_NAME },
        { "an id of 64", OTA_TOPIC_JOBS_GET_ACCEPTED,
          ONE("\"jobId\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
              "\"executionNumber\":1,\"versionNumber\":1"),
          OTA_OK },
        { "2^64", OTA_TOPIC_JOBS_GET_ACCEPTED,
          ONE("\"jobId\":\"j\",\"executionNumber\":18446744073709551616,\"versionNumber\":1"),
          OTA_E_RANGE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs_reply reply;
        CHECK_ROW(rows[i].why, read_text(rows[i].kind, rows[i].text, &reply) == rows[i].want);
    }
}

static const struct {
    enum ota_topic_kind kind;
    const char *text;
} valid[] = {
    { OTA_TOPIC_JOBS_GET_ACCEPTED,
      ONE("\"jobId\":\"j\",\"queuedAt\":1,\"versionNumber\":1,\"executionNumber\":1") },
    { OTA_TOPIC_JOBS_NOTIFY, "{\"jobs\":{\"IN_PROGRESS\":[{\"jobId\":\"j\",\"versionNumber\":1,"
                             "\"executionNumber\":1}]}}" },
    { OTA_TOPIC_JOB_GET_ACCEPTED, "{\"clientToken\":\"t\"," EXECUTION "}" },
    { OTA_TOPIC_JOB_UPDATE_REJECTED, mismatch },
};

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++) {
        for (size_t len = 0; len < strlen(valid[i].text); len++) {
            struct ota_jobs_reply reply;
            uint8_t *copy = t_exact(valid[i].text, len);
            CHECK_ROW(valid[i].text,
                      ota_jobs_api_read(valid[i].kind, (struct ota_span){ copy, len }, &reply) ==
                          OTA_E_TRUNCATED);
            free(copy);
        }
    }
}

/* Whatever a byte is turned into (a third of all there is): it is refused, or what is read can be walked to its end. */
static void no_byte_can_be_turned_into_a_trap(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(valid); i++) {
        const size_t len = strlen(valid[i].text);
        uint8_t *copy = t_exact(valid[i].text, len);
        for (size_t at = 0; at < len * 256; at += 3) {
            struct ota_jobs_reply reply;
            struct ota_jobs_summary s;
            copy[at / 256] = (uint8_t)at;
            if (ota_jobs_api_read(valid[i].kind, (struct ota_span){ copy, len }, &reply) ==
                OTA_OK) {
                struct ota_json_walk w = ota_json_walk(&reply.queued);
                struct ota_json element;
                size_t count = 0;
                while (ota_json_next(&w, NULL, &element)) {
                    count++;
                }
                for (w = ota_json_walk(&reply.queued); ota_jobs_api_next(&w, &s); count--) {
                    assert_true(s.job_id_len > 0 && s.job_id_len <= OTA_JOB_ID_MAX);
                }
                assert_int_equal(count, 0);
            }
            copy[at / 256] = (uint8_t)valid[i].text[at / 256];
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_those_of_the_guide),
        cmocka_unit_test(a_room_that_is_too_small_is_said_to_be),
        cmocka_unit_test(limits_of_a_request_are_the_services),
        cmocka_unit_test(details_are_flat_and_of_strings),
        cmocka_unit_test(limits_of_details_are_the_services),
        cmocka_unit_test(reads_the_guides_notification),
        cmocka_unit_test(reads_the_guides_next_execution),
        cmocka_unit_test(reads_a_captured_description),
        cmocka_unit_test(reads_everything_that_an_execution_says),
        cmocka_unit_test(nothing_pending_is_no_execution),
        cmocka_unit_test(an_update_says_only_what_it_was_asked_for),
        cmocka_unit_test(every_error_code_is_known_by_its_name),
        cmocka_unit_test(a_mismatch_carries_the_truth),
        cmocka_unit_test(pending_executions_come_in_two_lists),
        cmocka_unit_test(what_is_not_the_protocol_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(no_byte_can_be_turned_into_a_trap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
