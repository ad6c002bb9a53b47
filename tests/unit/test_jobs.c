/* Jobs: one question open at a time, only its own answer counts, and it is asked until it is answered. */
#include "t.h"
#include "vectors.h"

#include "ota/jobs.h"

static const struct ota_jobs_cfg usual = {
    .root = { (const uint8_t *)"$aws", 4 },
    .thing = { (const uint8_t *)"lamp-1", 6 },
    .retry_ms_min = 1000,
    .retry_ms_max = 60000,
    .seed = 0xc0ffee01,
};

#define TOKEN(n) "c0ffee01" n
#define FIRST    TOKEN("00000001")
#define SECOND   TOKEN("00000002")

static uint8_t topic_room[OTA_TOPIC_MAX], payload_room[OTA_SCRATCH_PAYLOAD_MIN];
static const struct ota_scratch scratch = { { topic_room, sizeof topic_room },
                                            { payload_room, sizeof payload_room } };

static struct ota_jobs_update update_of(enum ota_job_status status)
{
    return (struct ota_jobs_update){
        .job_id = OTA_SPAN_LIT("AFR_OTA-x"),
        .execution = 1,
        .expected_version = 2,
        .status = status,
        .details = OTA_SPAN_LIT("{\"reason\":\"why\"}"),
    };
}

static struct ota_jobs begun(void)
{
    struct ota_jobs j;
    ota_jobs_init(&j, &usual);
    return j;
}

static struct ota_jobs asking(void)
{
    struct ota_jobs j = begun();
    struct ota_effect effect;
    ota_jobs_ask(&j);
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    return j;
}

static struct ota_jobs telling(void)
{
    struct ota_jobs j = begun();
    struct ota_effect effect;
    const struct ota_jobs_update update = update_of(OTA_JOB_SUCCEEDED);
    ota_jobs_tell(&j, &update);
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    return j;
}

static ota_err_t hear_as(struct ota_jobs *j, const char *topic_text, struct ota_span payload,
                         struct ota_jobs_news *news)
{
    struct ota_topic topic;
    assert_int_equal(ota_topic_parse(usual.root, ota_span_of_str(topic_text), &topic), OTA_OK);
    uint8_t *copy = t_exact(payload.ptr, payload.len);
    const ota_err_t err =
        ota_jobs_on_message(j, &topic, (struct ota_span){ copy, payload.len }, news);
    free(copy);
    return err;
}

static enum ota_jobs_news_kind hear(struct ota_jobs *j, const char *topic, const char *payload)
{
    struct ota_jobs_news news = { .kind = OTA_JOBS_NEWS_ACCEPTED };
    assert_int_equal(hear_as(j, topic, ota_span_of_str(payload), &news), OTA_OK);
    return news.kind;
}

#define JOBS          "$aws/things/lamp-1/jobs/"
#define GET_ACCEPTED  JOBS "$next/get/accepted"
#define GET_REJECTED  JOBS "$next/get/rejected"
#define TELL_ACCEPTED JOBS "AFR_OTA-x/update/accepted"
#define TELL_REJECTED JOBS "AFR_OTA-x/update/rejected"

/* --- what is sent ------------------------------------------------------------------------------ */

static void sends(struct ota_jobs *j, ota_ms_t now, const char *topic, const char *payload)
{
    struct ota_effect effect;
    assert_true(ota_jobs_deadline(j) <= now);
    assert_true(ota_jobs_poll(j, now, &scratch, &effect));
    assert_int_equal(effect.kind, OTA_EFFECT_PUBLISH);
    assert_int_equal(effect.as.publish.qos, OTA_QOS_1);
    CHECK_ROW(payload, ota_span_eq(effect.as.publish.topic, ota_span_of_str(topic)));
    CHECK_ROW(payload, ota_span_eq(effect.as.publish.payload, ota_span_of_str(payload)));
}

static void sends_nothing(struct ota_jobs *j, ota_ms_t now)
{
    struct ota_effect effect;
    assert_false(ota_jobs_poll(j, now, &scratch, &effect));
    assert_true(ota_jobs_deadline(j) > now);
}

static void requests_are_what_the_service_documents(void **state)
{
    (void)state;
    struct ota_jobs j = begun();
    assert_true(ota_jobs_deadline(&j) == OTA_NEVER);
    sends_nothing(&j, 0);
    ota_jobs_ask(&j);
    sends(&j, 0, JOBS "$next/get", "{\"clientToken\":\"" FIRST "\"}");
    ota_jobs_ask_briefly(&j);
    sends(&j, 0, JOBS "$next/get", "{\"includeJobDocument\":false,\"clientToken\":\"" SECOND "\"}");
    struct ota_jobs_update update = update_of(OTA_JOB_IN_PROGRESS);
    update.step_timeout_min = 10080;
    ota_jobs_tell(&j, &update);
    sends(&j, 0, JOBS "AFR_OTA-x/update",
          "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"reason\":\"why\"},"
          "\"expectedVersion\":2,\"executionNumber\":1,\"stepTimeoutInMinutes\":10080,"
          "\"includeJobExecutionState\":true,\"clientToken\":\"" TOKEN("00000003") "\"}");
    update = (struct ota_jobs_update){ .job_id = OTA_SPAN_LIT("j"),
                                       .execution = UINT64_MAX,
                                       .status = OTA_JOB_REJECTED };
    ota_jobs_tell(&j, &update);
    sends(&j, 0, JOBS "j/update",
          "{\"status\":\"REJECTED\",\"executionNumber\":18446744073709551615,"
          "\"includeJobExecutionState\":true,\"clientToken\":\"" TOKEN("00000004") "\"}");
    update.step_timeout_min = OTA_STEP_MINUTES_OFF;
    ota_jobs_tell(&j, &update);
    sends(&j, 0, JOBS "j/update",
          "{\"status\":\"REJECTED\",\"executionNumber\":18446744073709551615,"
          "\"stepTimeoutInMinutes\":-1,"
          "\"includeJobExecutionState\":true,\"clientToken\":\"" TOKEN("00000005") "\"}");
}

static void progress_is_told_once_and_not_waited_for(void **state)
{
    (void)state;
    struct ota_jobs j = begun();
    struct ota_effect effect;
    struct ota_jobs_update update = update_of(OTA_JOB_IN_PROGRESS);
    update.details = OTA_SPAN_LIT("{\"receive\":\"64/159\"}");
    update.expected_version = 0;
    ota_jobs_progress(&j, &update, &scratch, &effect);
    assert_int_equal(effect.as.publish.qos, OTA_QOS_0);
    assert_true(ota_span_eq(effect.as.publish.topic, OTA_SPAN_LIT(JOBS "AFR_OTA-x/update")));
    assert_true(ota_span_eq(
        effect.as.publish.payload,
        OTA_SPAN_LIT("{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"receive\":\"64/159\"},"
                     "\"executionNumber\":1,\"clientToken\":\"" FIRST "\"}")));
    sends_nothing(&j, UINT64_C(1) << 40);
}

static void the_longest_update_fits_the_smallest_scratch(void **state)
{
    (void)state;
    char id[OTA_JOB_ID_MAX], thing[OTA_THING_NAME_MAX], root[OTA_TOPIC_ROOT_MAX];
    char details[OTA_JOBS_DETAILS_MAX];
    memset(id, 'j', sizeof id);
    memset(thing, 't', sizeof thing);
    memset(root, 'r', sizeof root);
    memset(details, ' ', sizeof details);
    details[0] = '{';
    details[sizeof details - 1] = '}';
    struct ota_jobs_cfg cfg = usual;
    cfg.thing = OTA_SPAN_OF(thing);
    cfg.root = OTA_SPAN_OF(root);
    struct ota_jobs j;
    ota_jobs_init(&j, &cfg);
    const struct ota_jobs_update update = { .job_id = OTA_SPAN_OF(id),
                                            .execution = UINT64_MAX,
                                            .expected_version = UINT64_MAX,
                                            .status = OTA_JOB_IN_PROGRESS,
                                            .details = OTA_SPAN_OF(details),
                                            .step_timeout_min = 10080 };
    ota_jobs_tell(&j, &update);
    struct ota_effect effect;
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    assert_true(effect.as.publish.payload.len > OTA_JOBS_DETAILS_MAX + 150);
}

static void what_is_told_goes_before_what_is_asked(void **state)
{
    (void)state;
    struct ota_jobs j = begun();
    const struct ota_jobs_update update = update_of(OTA_JOB_FAILED);
    ota_jobs_ask(&j);
    ota_jobs_tell(&j, &update);
    struct ota_effect effect;
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    assert_true(ota_span_eq(effect.as.publish.topic, OTA_SPAN_LIT(JOBS "AFR_OTA-x/update")));
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    assert_true(ota_span_eq(effect.as.publish.topic, OTA_SPAN_LIT(JOBS "$next/get")));
    sends_nothing(&j, 0);
}

/* --- silence ------------------------------------------------------------------------------------ */

static void a_question_is_asked_until_it_is_answered(void **state)
{
    (void)state;
    struct ota_jobs j = begun();
    ota_jobs_ask(&j);
    ota_ms_t now = 70000;
    uint32_t whole = usual.retry_ms_min;
    for (unsigned i = 1; i <= 1000; i++) {
        struct ota_effect effect;
        assert_true(ota_jobs_poll(&j, now, &scratch, &effect));
        const ota_ms_t deadline = ota_jobs_deadline(&j);
        assert_true(deadline >= now + whole / 2 && deadline <= now + whole);
        sends_nothing(&j, deadline - 1);
        now = deadline;
        whole = whole * 2 < usual.retry_ms_max ? whole * 2 : usual.retry_ms_max;
        assert_int_equal(j.stats.silences, i - 1);
    }
    assert_true(now > 7 * 3600 * 1000); /* hours, and still asking */
    assert_int_equal(hear(&j, GET_ACCEPTED, "{\"clientToken\":\"" TOKEN("000003e8") "\"}"),
                     OTA_JOBS_NEWS_EMPTY);
    sends_nothing(&j, now + 3600 * 1000);
    /* The provider is there again: the next question begins with the short wait. */
    struct ota_effect effect;
    ota_jobs_ask(&j);
    assert_true(ota_jobs_poll(&j, now, &scratch, &effect));
    assert_true(ota_jobs_deadline(&j) <= now + usual.retry_ms_min);
}

static void a_clock_that_jumps_is_one_silence(void **state)
{
    (void)state;
    struct ota_jobs j = asking();
    sends(&j, UINT64_C(1) << 45, JOBS "$next/get", "{\"clientToken\":\"" SECOND "\"}");
    sends_nothing(&j, UINT64_C(1) << 45);
    assert_int_equal(j.stats.silences, 1);
    struct ota_effect effect;
    assert_true(ota_jobs_poll(&j, OTA_NEVER - 1, &scratch, &effect));
    assert_true(ota_jobs_deadline(&j) == OTA_NEVER);
    assert_false(ota_jobs_poll(&j, OTA_NEVER, &scratch, &effect));
}

static void two_thousand_devices_do_not_ask_again_in_step(void **state)
{
    (void)state;
    unsigned in_slot[20] = { 0 };
    for (uint32_t device = 0; device < 2000; device++) {
        struct ota_jobs_cfg cfg = usual;
        cfg.seed = device * 2654435761u;
        struct ota_jobs j;
        struct ota_effect effect;
        ota_jobs_init(&j, &cfg);
        ota_jobs_ask(&j);
        assert_true(ota_jobs_poll(&j, 0, &scratch, &effect)); /* the first one at once */
        const ota_ms_t deadline = ota_jobs_deadline(&j);
        assert_true(deadline >= 500 && deadline <= 1000);
        in_slot[(deadline - 500) * 19 / 500]++;
    }
    for (size_t i = 0; i + 1 < COUNT(in_slot); i++) {
        assert_true(in_slot[i] > 60 && in_slot[i] < 160); /* 105 on the average */
    }
}

static void a_reconnect_sends_what_is_open_at_once_with_a_new_token(void **state)
{
    (void)state;
    struct ota_jobs j = begun();
    ota_jobs_reconnected(&j);
    sends_nothing(&j, 0);
    j = asking();
    ota_jobs_reconnected(&j);
    assert_true(ota_jobs_deadline(&j) == 0);
    sends(&j, 1, JOBS "$next/get", "{\"clientToken\":\"" SECOND "\"}");
    assert_int_equal(hear(&j, GET_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}"), OTA_JOBS_NEWS_NONE);
    assert_int_equal(hear(&j, GET_ACCEPTED, "{\"clientToken\":\"" SECOND "\"}"),
                     OTA_JOBS_NEWS_EMPTY);
    j = telling();
    ota_jobs_reconnected(&j);
    assert_true(ota_jobs_deadline(&j) == 0);
    assert_int_equal(hear(&j, TELL_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}"),
                     OTA_JOBS_NEWS_NONE);
    struct ota_effect effect;
    assert_true(ota_jobs_poll(&j, 1, &scratch, &effect));
    assert_int_equal(hear(&j, TELL_ACCEPTED, "{\"clientToken\":\"" SECOND "\"}"),
                     OTA_JOBS_NEWS_ACCEPTED);
}

/* --- answers to ask ------------------------------------------------------------------------------- */

#define EXECUTION(status)                                                                          \
    "\"execution\":{\"jobId\":\"AFR_OTA-x\",\"status\":\"" status "\",\"queuedAt\":1729752990,"    \
    "\"lastUpdatedAt\":1729752994,\"versionNumber\":7,\"executionNumber\":2,"                      \
    "\"jobDocument\":{\"a\":1}}"

static void an_offer_is_read_with_its_numbers_and_its_document(void **state)
{
    (void)state;
    struct ota_jobs j = asking();
    struct ota_topic topic;
    struct ota_jobs_news news;
    const struct ota_span payload =
        OTA_SPAN_LIT("{\"clientToken\":\"" FIRST "\",\"timestamp\":1," EXECUTION("QUEUED") "}");
    assert_int_equal(ota_topic_parse(usual.root, OTA_SPAN_LIT(GET_ACCEPTED), &topic), OTA_OK);
    assert_int_equal(ota_jobs_on_message(&j, &topic, payload, &news), OTA_OK);
    assert_int_equal(news.kind, OTA_JOBS_NEWS_OFFER);
    assert_int_equal(news.offer.status, OTA_JOB_QUEUED);
    assert_true(news.offer.version == 7 && news.offer.execution == 2);
    assert_int_equal(news.offer.job_id_len, 9);
    assert_memory_equal(news.offer.job_id, "AFR_OTA-x", 9);
    assert_true(ota_span_eq(news.offer.document.text, OTA_SPAN_LIT("{\"a\":1}")));
    assert_true(ota_jobs_deadline(&j) == OTA_NEVER);
    /* Once. */
    assert_int_equal(ota_jobs_on_message(&j, &topic, payload, &news), OTA_OK);
    assert_int_equal(news.kind, OTA_JOBS_NEWS_NONE);
    assert_int_equal(j.stats.stale, 1);
    assert_int_equal(j.stats.answers, 1);
}

static void answers_to_a_question_that_is_not_the_newest_are_stale(void **state)
{
    (void)state;
    static const struct {
        const char *why, *topic, *payload;
    } rows[] = {
        { "no token", GET_ACCEPTED, "{" EXECUTION("QUEUED") "}" },
        { "null token", GET_ACCEPTED, "{\"clientToken\":null}" },
        { "another's token", GET_ACCEPTED, "{\"clientToken\":\"0:lamp-1\"}" },
        { "token and more", GET_ACCEPTED, "{\"clientToken\":\"" FIRST "0\"}" },
        { "token and less", GET_ACCEPTED, "{\"clientToken\":\"c0ffee010000000\"}" },
        { "token in capitals", GET_ACCEPTED, "{\"clientToken\":\"C0FFEE0100000001\"}" },
        { "a number", GET_ACCEPTED, "{\"clientToken\":1}" },
        { "an answer to tell", TELL_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}" },
        { "start-next, never asked", JOBS "start-next/accepted",
          "{\"clientToken\":\"" FIRST "\"}" },
        { "the list, never asked", JOBS "get/accepted", "{\"clientToken\":\"" FIRST "\"}" },
        { "another thing", "$aws/things/lamp-2/jobs/$next/get/accepted",
          "{\"clientToken\":\"" FIRST "\"}" },
        { "another thing's notify", "$aws/things/lamp-2/jobs/notify", "{}" },
        { "rejected without a token", GET_REJECTED, "{\"code\":\"ResourceNotFound\"}" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = asking();
        CHECK_ROW(rows[i].why, hear(&j, rows[i].topic, rows[i].payload) == OTA_JOBS_NEWS_NONE);
        CHECK_ROW(rows[i].why, j.stats.stale == 1);
        CHECK_ROW(rows[i].why, ota_jobs_deadline(&j) <= 1000); /* still open */
        CHECK_ROW(rows[i].why,
                  hear(&j, GET_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}") == OTA_JOBS_NEWS_EMPTY);
    }
}

static void an_answer_on_the_jobs_own_topic_counts_too(void **state)
{
    (void)state;
    struct ota_jobs j = asking();
    assert_int_equal(hear(&j, JOBS "AFR_OTA-x/get/accepted",
                          "{\"clientToken\":\"" FIRST "\"," EXECUTION("IN_PROGRESS") "}"),
                     OTA_JOBS_NEWS_OFFER);
}

static void offers_that_are_none_are_refused_and_the_question_stays_open(void **state)
{
    (void)state;
#define OFFER(id, status, version, execution, document)                                            \
    "{\"clientToken\":\"" FIRST "\",\"execution\":{\"jobId\":" id ",\"status\":" status            \
    ",\"versionNumber\":" version ",\"executionNumber\":" execution document "}}"
#define ID64 "0123456789012345678901234567890123456789012345678901234567890123"
    static const struct {
        const char *why, *payload;
        ota_err_t want;
    } rows[] = {
        { "good", OFFER("\"j\"", "\"QUEUED\"", "1", "1", ""), OTA_OK },
        { "numbers as strings", OFFER("\"j\"", "\"QUEUED\"", "\"1\"", "\"1\"", ""), OTA_OK },
        { "largest numbers",
          OFFER("\"j\"", "\"QUEUED\"", "18446744073709551615", "18446744073709551615", ""),
          OTA_OK },
        { "number too large", OFFER("\"j\"", "\"QUEUED\"", "18446744073709551616", "1", ""),
          OTA_E_RANGE },
        { "negative", OFFER("\"j\"", "\"QUEUED\"", "1", "-1", ""), OTA_E_MALFORMED },
        { "fraction", OFFER("\"j\"", "\"QUEUED\"", "1.0", "1", ""), OTA_E_MALFORMED },
        { "null version", OFFER("\"j\"", "\"QUEUED\"", "null", "1", ""), OTA_E_MALFORMED },
        { "finished", OFFER("\"j\"", "\"SUCCEEDED\"", "1", "1", ""), OTA_E_MALFORMED },
        { "no status of ours", OFFER("\"j\"", "\"queued\"", "1", "1", ""), OTA_E_MALFORMED },
        { "long status",
          OFFER("\"j\"", "\"QUEUED_AND_A_LOT_MORE_THAN_ANY_STATUS_HAS\"", "1", "1", ""),
          OTA_E_MALFORMED },
        { "status no string", OFFER("\"j\"", "1", "1", "1", ""), OTA_E_MALFORMED },
        { "id of 64", OFFER("\"" ID64 "\"", "\"QUEUED\"", "1", "1", ""), OTA_OK },
        { "id of 65", OFFER("\"" ID64 "4\"", "\"QUEUED\"", "1", "1", ""), OTA_E_NAME },
        { "no id", OFFER("\"\"", "\"QUEUED\"", "1", "1", ""), OTA_E_NAME },
        { "id with a slash", OFFER("\"a/b\"", "\"QUEUED\"", "1", "1", ""), OTA_E_NAME },
        { "id with a wildcard", OFFER("\"+\"", "\"QUEUED\"", "1", "1", ""), OTA_E_NAME },
        { "id that is a verb", OFFER("\"start-next\"", "\"QUEUED\"", "1", "1", ""), OTA_E_NAME },
        { "$next is no id", OFFER("\"$next\"", "\"QUEUED\"", "1", "1", ""), OTA_E_NAME },
        { "id no string", OFFER("17", "\"QUEUED\"", "1", "1", ""), OTA_E_MALFORMED },
        { "document no object", OFFER("\"j\"", "\"QUEUED\"", "1", "1", ",\"jobDocument\":\"{}\""),
          OTA_E_MALFORMED },
        { "version twice", OFFER("\"j\"", "\"QUEUED\"", "1,\"versionNumber\":2", "1", ""),
          OTA_E_MALFORMED },
        { "execution no object", "{\"clientToken\":\"" FIRST "\",\"execution\":[]}",
          OTA_E_MALFORMED },
        { "token twice", "{\"clientToken\":\"" FIRST "\",\"clientToken\":\"" FIRST "\"}",
          OTA_E_MALFORMED },
        { "no object", "[]", OTA_E_MALFORMED },
        { "nothing", "", OTA_E_TRUNCATED },
        { "no JSON", "hello", OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = asking(), before = j;
        struct ota_jobs_news news = { .kind = OTA_JOBS_NEWS_ACCEPTED };
        const ota_err_t got = hear_as(&j, GET_ACCEPTED, ota_span_of_str(rows[i].payload), &news);
        CHECK_ROW(rows[i].why, got == rows[i].want);
        if (got != OTA_OK) {
            CHECK_ROW(rows[i].why, news.kind == OTA_JOBS_NEWS_ACCEPTED);
            CHECK_ROW(rows[i].why, j.stats.refused == 1);
            j.stats = before.stats;
            CHECK_ROW(rows[i].why, memcmp(&j, &before, sizeof j) == 0);
        }
    }
}

static void an_offer_without_a_document_has_an_empty_one(void **state)
{
    (void)state;
    const struct ota_span payload = OTA_SPAN_LIT(
        "{\"clientToken\":\"" FIRST "\",\"execution\":{\"jobId\":\"j\",\"status\":\"QUEUED\","
        "\"versionNumber\":1,\"executionNumber\":1}}");
    struct ota_jobs j = asking();
    struct ota_jobs_news news;
    assert_int_equal(hear_as(&j, GET_ACCEPTED, payload, &news), OTA_OK);
    assert_true(ota_span_eq(news.offer.document.text, OTA_SPAN_LIT("{}")));

    struct ota_effect effect;
    j = begun();
    ota_jobs_ask_briefly(&j);
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    assert_int_equal(hear_as(&j, GET_ACCEPTED, payload, &news), OTA_OK);
    assert_int_equal(news.kind, OTA_JOBS_NEWS_OFFER);
    assert_int_equal(news.offer.document.text.len, 0);
}

static void a_refused_question_is_over_or_asked_again(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum ota_jobs_news_kind want;
    } rows[] = {
        { "ResourceNotFound", OTA_JOBS_NEWS_EMPTY },
        { "TerminalStateReached", OTA_JOBS_NEWS_EMPTY },
        { "RequestThrottled", OTA_JOBS_NEWS_NONE },
        { "InternalError", OTA_JOBS_NEWS_NONE },
        { "InvalidRequest", OTA_JOBS_NEWS_NONE },
        { "SomethingNew", OTA_JOBS_NEWS_NONE },
        { "SomethingNewThatIsMuchLongerThanAnyOther", OTA_JOBS_NEWS_NONE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = asking();
        char payload[160];
        (void)snprintf(payload, sizeof payload, "{\"code\":\"%s\",\"clientToken\":\"%s\"}",
                       rows[i].code, FIRST);
        const ota_ms_t deadline = ota_jobs_deadline(&j);
        CHECK_ROW(rows[i].code, hear(&j, GET_REJECTED, payload) == rows[i].want);
        CHECK_ROW(rows[i].code, ota_jobs_deadline(&j) ==
                                    (rows[i].want == OTA_JOBS_NEWS_EMPTY ? OTA_NEVER : deadline));
    }
    struct ota_jobs j = asking();
    struct ota_jobs_news news;
    assert_int_equal(
        hear_as(&j, GET_REJECTED, OTA_SPAN_LIT("{\"clientToken\":\"" FIRST "\"}"), &news),
        OTA_E_MALFORMED);
}

/* --- answers to tell ------------------------------------------------------------------------------ */

static void an_answer_to_tell_carries_what_the_provider_holds(void **state)
{
    (void)state;
    static const struct {
        const char *why, *topic, *payload;
        enum ota_jobs_news_kind kind;
        enum ota_wire_code code;
        enum ota_job_status status;
        uint64_t version;
    } rows[] = {
        { "bare", TELL_ACCEPTED, "{\"timestamp\":1,\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_ACCEPTED, OTA_WIRE_CODE_COUNT, OTA_JOB_STATUS_COUNT, 0 },
        { "with state", TELL_ACCEPTED,
          "{\"executionState\":{\"status\":\"SUCCEEDED\",\"statusDetails\":{},\"versionNumber\":3},"
          "\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_ACCEPTED, OTA_WIRE_CODE_COUNT, OTA_JOB_SUCCEEDED, 3 },
        { "version as a string", TELL_ACCEPTED,
          "{\"executionState\":{\"status\":\"SUCCEEDED\",\"versionNumber\":\"3\"},"
          "\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_ACCEPTED, OTA_WIRE_CODE_COUNT, OTA_JOB_SUCCEEDED, 3 },
        { "canceled meanwhile", TELL_REJECTED,
          "{\"code\":\"InvalidStateTransition\",\"message\":\"m\",\"timestamp\":1,"
          "\"executionState\":{\"status\":\"CANCELED\",\"versionNumber\":4},"
          "\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_REJECTED, OTA_WIRE_InvalidStateTransition, OTA_JOB_CANCELED, 4 },
        { "version mismatch", TELL_REJECTED,
          "{\"code\":\"VersionMismatch\",\"executionState\":{\"status\":\"IN_PROGRESS\","
          "\"versionNumber\":9},\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_REJECTED, OTA_WIRE_VersionMismatch, OTA_JOB_IN_PROGRESS, 9 },
        { "gone", TELL_REJECTED, "{\"code\":\"ResourceNotFound\",\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_REJECTED, OTA_WIRE_ResourceNotFound, OTA_JOB_STATUS_COUNT, 0 },
        { "unreadable to it, so no token", TELL_REJECTED, "{\"code\":\"InvalidJson\"}",
          OTA_JOBS_NEWS_REJECTED, OTA_WIRE_InvalidJson, OTA_JOB_STATUS_COUNT, 0 },
        { "an unknown code", TELL_REJECTED,
          "{\"code\":\"SomethingNew\",\"clientToken\":\"" FIRST "\"}", OTA_JOBS_NEWS_REJECTED,
          OTA_WIRE_CODE_COUNT, OTA_JOB_STATUS_COUNT, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = telling();
        struct ota_jobs_news news;
        const struct ota_span payload = ota_span_of_str(rows[i].payload);
        for (size_t len = 0; len < payload.len; len++) {
            CHECK_ROW(rows[i].why, hear_as(&j, rows[i].topic, (struct ota_span){ payload.ptr, len },
                                           &news) == OTA_E_TRUNCATED);
        }
        CHECK_ROW(rows[i].why, hear_as(&j, rows[i].topic, payload, &news) == OTA_OK);
        CHECK_ROW(rows[i].why, news.kind == rows[i].kind);
        CHECK_ROW(rows[i].why, news.answer.code == rows[i].code);
        CHECK_ROW(rows[i].why, news.answer.status == rows[i].status);
        CHECK_ROW(rows[i].why, news.answer.version == rows[i].version);
        CHECK_ROW(rows[i].why, ota_jobs_deadline(&j) == OTA_NEVER);
        CHECK_ROW(rows[i].why, hear(&j, rows[i].topic, rows[i].payload) == OTA_JOBS_NEWS_NONE);
    }
}

static void what_is_told_stays_open(void **state)
{
    (void)state;
    static const struct {
        const char *why, *topic, *payload;
        ota_err_t want;
    } rows[] = {
        { "throttled", TELL_REJECTED,
          "{\"code\":\"RequestThrottled\",\"clientToken\":\"" FIRST "\"}", OTA_OK },
        { "provider in trouble", TELL_REJECTED,
          "{\"code\":\"InternalError\",\"clientToken\":\"" FIRST "\"}", OTA_OK },
        { "another job", JOBS "AFR_OTA-y/update/accepted", "{\"clientToken\":\"" FIRST "\"}",
          OTA_OK },
        { "another job's refusal", JOBS "AFR_OTA-y/update/rejected", "{\"code\":\"InvalidJson\"}",
          OTA_OK },
        { "no token", TELL_ACCEPTED, "{}", OTA_OK },
        { "state no object", TELL_ACCEPTED, "{\"executionState\":1,\"clientToken\":\"" FIRST "\"}",
          OTA_E_MALFORMED },
        { "state without a version", TELL_ACCEPTED,
          "{\"executionState\":{\"status\":\"FAILED\"},\"clientToken\":\"" FIRST "\"}",
          OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = telling();
        struct ota_jobs_news news = { .kind = OTA_JOBS_NEWS_NONE };
        CHECK_ROW(rows[i].why, hear_as(&j, rows[i].topic, ota_span_of_str(rows[i].payload),
                                       &news) == rows[i].want);
        CHECK_ROW(rows[i].why, news.kind == OTA_JOBS_NEWS_NONE);
        CHECK_ROW(rows[i].why, ota_jobs_deadline(&j) <= 1000);
        struct ota_effect effect;
        CHECK_ROW(rows[i].why, ota_jobs_poll(&j, 1000, &scratch, &effect));
    }
}

static void after_hush_an_answer_is_stale(void **state)
{
    (void)state;
    struct ota_jobs j = telling();
    ota_jobs_hush(&j);
    assert_true(ota_jobs_deadline(&j) == OTA_NEVER);
    assert_int_equal(hear(&j, TELL_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}"),
                     OTA_JOBS_NEWS_NONE);
    assert_int_equal(j.stats.stale, 1);
}

static void telling_something_else_makes_the_answer_to_the_first_stale(void **state)
{
    (void)state;
    struct ota_jobs j = telling();
    const struct ota_jobs_update update = update_of(OTA_JOB_FAILED);
    ota_jobs_tell(&j, &update);
    assert_int_equal(hear(&j, TELL_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}"),
                     OTA_JOBS_NEWS_NONE);
    struct ota_effect effect;
    assert_true(ota_jobs_poll(&j, 0, &scratch, &effect));
    assert_int_equal(hear(&j, TELL_ACCEPTED, "{\"clientToken\":\"" SECOND "\"}"),
                     OTA_JOBS_NEWS_ACCEPTED);
}

static void refused_progress_of_a_job_that_is_over_is_news(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *payload;
        enum ota_jobs_news_kind want;
    } rows[] = {
        { TELL_ACCEPTED, "{\"clientToken\":\"" FIRST "\"}", OTA_JOBS_NEWS_NONE },
        { TELL_REJECTED, "{\"code\":\"RequestThrottled\",\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_NONE },
        { TELL_REJECTED, "{\"code\":\"InvalidStateTransition\",\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_CHANGED },
        { TELL_REJECTED, "{\"code\":\"ResourceNotFound\",\"clientToken\":\"" FIRST "\"}",
          OTA_JOBS_NEWS_CHANGED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = begun();
        struct ota_effect effect;
        const struct ota_jobs_update update = update_of(OTA_JOB_IN_PROGRESS);
        ota_jobs_progress(&j, &update, &scratch, &effect);
        CHECK_ROW(rows[i].payload, hear(&j, rows[i].topic, rows[i].payload) == rows[i].want);
        CHECK_ROW(rows[i].payload, hear(&j, rows[i].topic, rows[i].payload) == OTA_JOBS_NEWS_NONE);
    }
}

/* --- messages from the service ------------------------------------------------------------------------ */

static void notifications_of_the_service_say_that_something_changed(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *vector;
    } rows[] = {
        { JOBS "notify", "json/notify-empty.json" },
        { JOBS "notify", "jobs/device-notify.json" },
        { JOBS "notify-next", "json/notify-next-idle.json" },
        { JOBS "notify-next", "jobs/device-notify-next.json" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct t_file m = t_vector(rows[i].vector);
        struct ota_jobs j = begun();
        struct ota_jobs_news news = { .kind = OTA_JOBS_NEWS_NONE };
        CHECK_ROW(rows[i].vector,
                  hear_as(&j, rows[i].topic, (struct ota_span){ m.ptr, m.len }, &news) == OTA_OK);
        CHECK_ROW(rows[i].vector, news.kind == OTA_JOBS_NEWS_CHANGED);
        size_t len = m.len;
        while (len > 0 && m.ptr[len - 1] <= ' ') {
            len--;
        }
        while (len-- > 0) {
            CHECK_ROW(rows[i].vector, hear_as(&j, rows[i].topic, (struct ota_span){ m.ptr, len },
                                              &news) == OTA_E_TRUNCATED);
        }
        CHECK_ROW(rows[i].vector, ota_jobs_deadline(&j) == OTA_NEVER);
        free(m.ptr);
    }
}

/* `text` with our token in place of the one that the capture holds. */
static struct ota_span with_token(const struct t_file *text, const char *captured, char *room,
                                  size_t cap)
{
    char whole[4096];
    assert_true(text->len < sizeof whole);
    memcpy(whole, text->ptr, text->len);
    whole[text->len] = '\0';
    const char *at = strstr(whole, captured);
    assert_non_null(at);
    const int len =
        snprintf(room, cap, "%.*s" FIRST "%s", (int)(at - whole), whole, at + strlen(captured));
    assert_true(len > 0 && (size_t)len < cap);
    return (struct ota_span){ (uint8_t *)room, (size_t)len };
}

static void captured_answers_are_understood(void **state)
{
    (void)state;
    char room[4096];
    struct ota_jobs_news news;
    struct t_file m = t_vector("json/start-next-accepted-idle.json");
    struct ota_jobs j = asking();
    assert_int_equal(hear_as(&j, GET_ACCEPTED, with_token(&m, "test", room, sizeof room), &news),
                     OTA_OK);
    assert_int_equal(news.kind, OTA_JOBS_NEWS_EMPTY);
    free(m.ptr);

    m = t_vector("jobs/device-describe-next-accepted.json");
    j = asking();
    const struct ota_span offer = with_token(&m, ":840d8ee419b8", room, sizeof room);
    for (size_t len = 0; room[len] != '\n' && len + 1 < offer.len; len++) {
        assert_int_equal(hear_as(&j, GET_ACCEPTED, (struct ota_span){ offer.ptr, len }, &news),
                         OTA_E_TRUNCATED);
    }
    assert_int_equal(hear_as(&j, GET_ACCEPTED, offer, &news), OTA_OK);
    assert_int_equal(news.kind, OTA_JOBS_NEWS_OFFER);
    assert_int_equal(news.offer.status, OTA_JOB_QUEUED);
    assert_true(news.offer.version == 1 && news.offer.execution == 1);
    assert_true(ota_span_eq((struct ota_span){ news.offer.job_id, news.offer.job_id_len },
                            OTA_SPAN_LIT("AFR_OTA-OTA_TEST-230602-1828")));
    free(m.ptr);

    m = t_vector("json/update-rejected.json");
    j = telling();
    assert_int_equal(hear_as(&j, TELL_REJECTED, (struct ota_span){ m.ptr, m.len }, &news), OTA_OK);
    assert_int_equal(news.kind, OTA_JOBS_NEWS_NONE); /* its token is not ours */
    free(m.ptr);
}

static void topics_that_are_none_of_jobs_are_unexpected(void **state)
{
    (void)state;
    static const char *const rows[] = {
        JOBS "get",
        JOBS "start-next",
        JOBS "$next/get",
        JOBS "j/update",
        "$aws/things/lamp-1/streams/s/data/cbor",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_jobs j = asking();
        struct ota_jobs_news news;
        CHECK_ROW(rows[i], hear_as(&j, rows[i], OTA_SPAN_LIT("{}"), &news) == OTA_E_UNEXPECTED);
    }
}

static void mutated_answers_do_no_harm(void **state)
{
    (void)state;
    static const char text[] =
        "{\"clientToken\":\"" FIRST "\",\"timestamp\":1,\"code\":\"x\","
        "\"executionState\":{\"status\":\"FAILED\",\"versionNumber\":1}," EXECUTION("QUEUED") "}";
    static const char *const topics[] = { GET_ACCEPTED, GET_REJECTED, TELL_ACCEPTED, TELL_REJECTED,
                                          JOBS "notify" };
    uint32_t seed = 0x5eed0001;
    for (int i = 0; i < 4000; i++) {
        struct ota_jobs j = i % 2 == 0 ? asking() : telling();
        char copy[sizeof text];
        memcpy(copy, text, sizeof text);
        for (uint32_t k = 0; k <= t_random(&seed) % 3; k++) {
            copy[t_random(&seed) % (sizeof text - 1)] = (char)t_random(&seed);
        }
        struct ota_jobs_news news;
        const ota_err_t err = hear_as(&j, topics[(unsigned)i % COUNT(topics)],
                                      (struct ota_span){ (uint8_t *)copy, sizeof text - 1 }, &news);
        assert_true(err == OTA_OK || ota_err_class(err) == OTA_CLASS_PEER);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_what_the_service_documents),
        cmocka_unit_test(progress_is_told_once_and_not_waited_for),
        cmocka_unit_test(the_longest_update_fits_the_smallest_scratch),
        cmocka_unit_test(what_is_told_goes_before_what_is_asked),
        cmocka_unit_test(a_question_is_asked_until_it_is_answered),
        cmocka_unit_test(a_clock_that_jumps_is_one_silence),
        cmocka_unit_test(two_thousand_devices_do_not_ask_again_in_step),
        cmocka_unit_test(a_reconnect_sends_what_is_open_at_once_with_a_new_token),
        cmocka_unit_test(an_offer_is_read_with_its_numbers_and_its_document),
        cmocka_unit_test(answers_to_a_question_that_is_not_the_newest_are_stale),
        cmocka_unit_test(an_answer_on_the_jobs_own_topic_counts_too),
        cmocka_unit_test(offers_that_are_none_are_refused_and_the_question_stays_open),
        cmocka_unit_test(an_offer_without_a_document_has_an_empty_one),
        cmocka_unit_test(a_refused_question_is_over_or_asked_again),
        cmocka_unit_test(an_answer_to_tell_carries_what_the_provider_holds),
        cmocka_unit_test(what_is_told_stays_open),
        cmocka_unit_test(after_hush_an_answer_is_stale),
        cmocka_unit_test(telling_something_else_makes_the_answer_to_the_first_stale),
        cmocka_unit_test(refused_progress_of_a_job_that_is_over_is_news),
        cmocka_unit_test(notifications_of_the_service_say_that_something_changed),
        cmocka_unit_test(captured_answers_are_understood),
        cmocka_unit_test(topics_that_are_none_of_jobs_are_unexpected),
        cmocka_unit_test(mutated_answers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
