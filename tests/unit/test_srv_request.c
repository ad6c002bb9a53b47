/* Requests of devices, most of them bad: the exact refusal, and that nothing has changed. */
#include "t.h"
#include "srv_world.h"
#include <jansson.h>

static struct world *fresh(void)
{
    struct world *w = calloc(1, sizeof *w);
    world_open(w);
    world_thing(w, "t");
    world_thing(w, "other");
    world_job(w, "j", "t");
    return w;
}

static int open_world(void **state)
{
    *state = fresh();
    return 0;
}

static bool says(struct world *w, size_t i, const char *text)
{
    return strstr(world_payload(w, i), text) != NULL;
}

/* A text of `count` times `letter`; the returned memory is good until the next but three calls. */
static const char *many(char letter, size_t count)
{
    static char texts[4][40000];
    static unsigned at;
    char *text = texts[at++ % 4u];
    assert_true(count < sizeof texts[0]);
    memset(text, letter, count);
    text[count] = '\0';
    return text;
}

static char *format(const char *pattern, const char *a, const char *b)
{
    static char text[80000];
    assert_true(snprintf(text, sizeof text, pattern, a, b) < (int)sizeof text);
    return text;
}

static void expect_refusal(struct world *w, const char *why, const char *topic,
                           struct ota_span payload, const char *code)
{
    const uint64_t before = world_fingerprint(w);
    CHECK_ROW(why, !world_device_bytes(w, topic, payload));
    CHECK_ROW(why, w->outcome.message_count == 1);
    char want_topic[1200], want_code[64];
    snprintf(want_topic, sizeof want_topic, "%s/rejected", topic);
    snprintf(want_code, sizeof want_code, "\"code\":\"%s\"", code);
    CHECK_ROW(why, strcmp(world_topic(w, 0), want_topic) == 0);
    CHECK_ROW(why, says(w, 0, want_code));
    CHECK_ROW(why, says(w, 0, "\"message\":\"") && says(w, 0, "\"timestamp\":1700000000"));
    CHECK_ROW(why, world_fingerprint(w) == before);
}

#define STATUS "\"status\":\"IN_PROGRESS\""

static void bad_requests_get_their_code_and_change_nothing(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *why, *topic, *payload, *code;
    } rows[] = {
        { "no JSON", "t/jobs/get", "hello", "InvalidJson" },
        { "cut", "t/jobs/get", "{\"clientToken\":\"a\"", "InvalidJson" },
        { "an array", "t/jobs/get", "[]", "InvalidJson" },
        { "a number", "t/jobs/get", "1", "InvalidJson" },
        { "something behind it", "t/jobs/get", "{}{}", "InvalidJson" },
        { "the same member twice", "t/jobs/get", "{\"clientToken\":\"a\",\"clientToken\":\"b\"}",
          "InvalidJson" },
        { "bad UTF-8", "t/jobs/get", "{\"clientToken\":\"\xff\"}", "InvalidJson" },
        { "half a character, quoted in the answer", "t/jobs/get", "{\"\\\xc3\xa9\"}",
          "InvalidJson" },
        { "a zero character", "t/jobs/get", "{\"clientToken\":\"\\u0000\"}", "InvalidJson" },
        { "a lone surrogate", "t/jobs/get", "{\"clientToken\":\"\\ud800\"}", "InvalidJson" },
        { "number beyond 64 bits", "t/jobs/j/get", "{\"executionNumber\":99999999999999999999999}",
          "InvalidJson" },
        { "token no string", "t/jobs/get", "{\"clientToken\":7}", "InvalidRequest" },

        { "a thing that is not there", "nobody/jobs/get", "{}", "ResourceNotFound" },
        { "a job that is not there", "t/jobs/none/get", "{}", "ResourceNotFound" },
        { "another thing's job", "other/jobs/j/get", "{}", "ResourceNotFound" },
        { "another thing's job, update", "other/jobs/j/update", "{" STATUS "}",
          "ResourceNotFound" },
        { "a later execution", "t/jobs/j/get", "{\"executionNumber\":2}", "ResourceNotFound" },
        { "execution 0", "t/jobs/j/get", "{\"executionNumber\":0}", "InvalidRequest" },
        { "execution -1", "t/jobs/j/get", "{\"executionNumber\":-1}", "InvalidRequest" },
        { "execution 1.0", "t/jobs/j/get", "{\"executionNumber\":1.0}", "InvalidRequest" },
        { "flag no boolean", "t/jobs/j/get", "{\"includeJobDocument\":\"true\"}",
          "InvalidRequest" },

        { "no status", "t/jobs/j/update", "{}", "InvalidRequest" },
        { "empty payload", "t/jobs/j/update", "", "InvalidRequest" },
        { "status null", "t/jobs/j/update", "{\"status\":null}", "InvalidRequest" },
        { "status a number", "t/jobs/j/update", "{\"status\":1}", "InvalidRequest" },
        { "no such status", "t/jobs/j/update", "{\"status\":\"DONE\"}", "InvalidRequest" },
        { "status in lower case", "t/jobs/j/update", "{\"status\":\"failed\"}", "InvalidRequest" },
        { "the provider's word", "t/jobs/j/update", "{\"status\":\"CANCELED\"}", "InvalidRequest" },
        { "the timer's word", "t/jobs/j/update", "{\"status\":\"TIMED_OUT\"}", "InvalidRequest" },
        { "the group's word", "t/jobs/j/update", "{\"status\":\"REMOVED\"}", "InvalidRequest" },
        { "back to QUEUED", "t/jobs/j/update", "{\"status\":\"QUEUED\"}",
          "InvalidStateTransition" },
        { "version text", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":\"one\"}",
          "InvalidRequest" },
        { "version signed text", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":\"+1\"}",
          "InvalidRequest" },
        { "version empty text", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":\"\"}",
          "InvalidRequest" },
        { "version negative", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":-1}",
          "InvalidRequest" },
        { "version true", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":true}",
          "InvalidRequest" },
        { "version 0", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":0}", "VersionMismatch" },
        { "version 2", "t/jobs/j/update", "{" STATUS ",\"expectedVersion\":\"2\"}",
          "VersionMismatch" },
        { "wrong execution", "t/jobs/j/update", "{" STATUS ",\"executionNumber\":2}",
          "ResourceNotFound" },
        { "timer 0", "t/jobs/j/update", "{" STATUS ",\"stepTimeoutInMinutes\":0}",
          "InvalidRequest" },
        { "timer -2", "t/jobs/j/update", "{" STATUS ",\"stepTimeoutInMinutes\":-2}",
          "InvalidRequest" },
        { "timer of 10081 minutes", "t/jobs/j/update",
          "{" STATUS ",\"stepTimeoutInMinutes\":10081}", "InvalidRequest" },
        { "timer as text", "t/jobs/start-next", "{\"stepTimeoutInMinutes\":\"5\"}",
          "InvalidRequest" },

        { "details a string", "t/jobs/j/update", "{" STATUS ",\"statusDetails\":\"a\"}",
          "InvalidRequest" },
        { "details an array", "t/jobs/start-next", "{\"statusDetails\":[]}", "InvalidRequest" },
        { "a detail that is a number", "t/jobs/j/update",
          "{" STATUS ",\"statusDetails\":{\"a\":1}}", "InvalidRequest" },
        { "a detail that is an object", "t/jobs/j/update",
          "{" STATUS ",\"statusDetails\":{\"a\":{}}}", "InvalidRequest" },
        { "an empty detail", "t/jobs/j/update", "{" STATUS ",\"statusDetails\":{\"a\":\"\"}}",
          "InvalidRequest" },
        { "an empty key", "t/jobs/j/update", "{" STATUS ",\"statusDetails\":{\"\":\"a\"}}",
          "InvalidRequest" },
        { "a key with a blank", "t/jobs/j/update", "{" STATUS ",\"statusDetails\":{\"a b\":\"c\"}}",
          "InvalidRequest" },
        { "a key beyond ASCII", "t/jobs/j/update",
          "{" STATUS ",\"statusDetails\":{\"\xc3\xa4\":\"c\"}}", "InvalidRequest" },
        { "a control character", "t/jobs/j/update",
          "{" STATUS ",\"statusDetails\":{\"a\":\"\\u001b[2J\"}}", "InvalidRequest" },
        { "a delete", "t/jobs/j/update", "{" STATUS ",\"statusDetails\":{\"a\":\"\\u007f\"}}",
          "InvalidRequest" },
        { "a C1 control character", "t/jobs/j/update",
          "{" STATUS ",\"statusDetails\":{\"a\":\"\\u009b\"}}", "InvalidRequest" },
        { "eleven details", "t/jobs/j/update",
          "{" STATUS ",\"statusDetails\":{\"0\":\"a\",\"1\":\"a\",\"2\":\"a\",\"3\":\"a\","
          "\"4\":\"a\",\"5\":\"a\",\"6\":\"a\",\"7\":\"a\",\"8\":\"a\",\"9\":\"a\",\"10\":\"a\"}}",
          "InvalidRequest" },

        { "$next cannot be updated", "t/jobs/$next/update", "{" STATUS "}", "InvalidTopic" },
        { "a verb as job id", "t/jobs/get/get", "{}", "InvalidTopic" },
        { "another verb as job id", "t/jobs/notify-next/update", "{" STATUS "}", "InvalidTopic" },
        { "a job id with a colon", "t/jobs/a:b/get", "{}", "InvalidTopic" },
        { "a thing with a dot", "t.t/jobs/get", "{}", "InvalidTopic" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        expect_refusal(w, rows[i].why, rows[i].topic, ota_span_of_str(rows[i].payload),
                       rows[i].code);
    }
}

static void what_is_no_request_is_not_answered(void **state)
{
    struct world *w = *state;
    static const char *const topics[] = {
        "t/jobs/get/accepted",
        "t/jobs/j/update/rejected",
        "t/jobs/notify",
        "t/jobs/notify-next",
        "t/jobs",
        "t/jobs/j/delete",
        "t/jobs/j/get/accepted/get",
        "t/shadow/get",
        "t/streams/s/get/json",
        "",
    };
    const uint64_t before = world_fingerprint(w);
    for (size_t i = 0; i < COUNT(topics); i++) {
        CHECK_ROW(topics[i], !world_device(w, topics[i], "{}"));
        CHECK_ROW(topics[i], w->outcome.message_count == 0);
        CHECK_ROW(topics[i], w->outcome.err.code == SRV_E_TOPIC);
    }
    assert_true(world_fingerprint(w) == before);
}

static void limits_hold_to_the_last_character(void **state)
{
    struct world *w = *state;
    static const char token[] = "{" STATUS ",\"clientToken\":\"%s\"%s}";
    static const char detail[] = "{" STATUS ",\"statusDetails\":{\"%s\":\"%s\"}}";
    char two_bytes[2u * 1025u + 1u] = "";
    for (size_t i = 0; i < 1025; i++) {
        memcpy(two_bytes + 2u * i, "\xc3\xa4", 3);
    }
    assert_true(world_device(w, "t/jobs/j/update", format(token, many('x', 64), "")));
    assert_true(says(w, 0, many('x', 64)));
    expect_refusal(w, "token of 65", "t/jobs/j/update",
                   ota_span_of_str(format(token, many('x', 65), "")), "InvalidRequest");
    assert_true(world_device(w, "t/jobs/j/update", format(detail, many('k', 128), "v")));
    expect_refusal(w, "key of 129", "t/jobs/j/update",
                   ota_span_of_str(format(detail, many('k', 129), "v")), "InvalidRequest");
    assert_true(world_device(w, "t/jobs/j/update", format(detail, "k", many('v', 1024))));
    expect_refusal(w, "value of 1025", "t/jobs/j/update",
                   ota_span_of_str(format(detail, "k", many('v', 1025))), "InvalidRequest");
    assert_true(world_device(w, "t/jobs/j/update", format(detail, "k", two_bytes + 2)));
    expect_refusal(w, "1025 characters of two bytes", "t/jobs/j/update",
                   ota_span_of_str(format(detail, "k", two_bytes)), "InvalidRequest");
    assert_true(world_device(w, "t/jobs/j/update", "{" STATUS ",\"stepTimeoutInMinutes\":10080}"));
    assert_true(world_device(w, "t/jobs/j/update", "{" STATUS ",\"stepTimeoutInMinutes\":-1}"));
}

static void depth_is_bounded(void **state)
{
    struct world *w = *state;
    char deep[100000];
    for (size_t levels = 31; levels <= 32; levels++) {
        snprintf(deep, sizeof deep, "{\"x\":%s%s}", many('[', levels), many(']', levels));
        if (levels == 31) {
            assert_true(world_device(w, "t/jobs/get", deep));
        } else {
            expect_refusal(w, "33 levels", "t/jobs/get", ota_span_of_str(deep), "InvalidJson");
        }
    }
    snprintf(deep, sizeof deep, "{\"x\":%s", many('[', 39000));
    expect_refusal(w, "39000 levels", "t/jobs/get", ota_span_of_str(deep), "InvalidJson");
}

static void names_hold_to_the_last_character(void **state)
{
    struct world *w = *state;
    char topic[512];
    world_thing(w, many('n', 128));
    world_job(w, many('i', 64), many('n', 128));
    snprintf(topic, sizeof topic, "%s/jobs/%s/get", many('n', 128), many('i', 64));
    assert_true(world_device(w, topic, "{}"));
    snprintf(topic, sizeof topic, "%s/jobs/%s/get", many('n', 129), many('i', 64));
    expect_refusal(w, "thing of 129", topic, OTA_SPAN_LIT("{}"), "InvalidTopic");
    snprintf(topic, sizeof topic, "%s/jobs/%s/get", many('n', 128), many('i', 65));
    expect_refusal(w, "job of 65", topic, OTA_SPAN_LIT("{}"), "InvalidTopic");
}

static void every_prefix_of_an_update_is_refused(void **state)
{
    struct world *w = *state;
    static const char whole[] =
        "{\"status\":\"SUCCEEDED\",\"statusDetails\":{\"reason\":\"a \\u00e4 \xc3\xa4\"},"
        "\"expectedVersion\":\"1\",\"executionNumber\":1,\"includeJobDocument\":true,"
        "\"stepTimeoutInMinutes\":5,\"clientToken\":\"t\"}";
    for (size_t len = 0; len < sizeof whole - 1u; len++) {
        uint8_t *exact = t_exact(whole, len);
        char why[32];
        snprintf(why, sizeof why, "%zu bytes", len);
        expect_refusal(w, why, "t/jobs/j/update", (struct ota_span){ exact, len },
                       len == 0 ? "InvalidRequest" : "InvalidJson");
        free(exact);
    }
    assert_true(world_device(w, "t/jobs/j/update", whole));
}

static void a_terminal_execution_is_frozen(void **state)
{
    struct world *w = *state;
    static const char *const words[] = { "IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED" };
    assert_true(world_device(w, "t/jobs/j/update", "{\"status\":\"REJECTED\"}"));
    for (size_t i = 0; i < COUNT(words); i++) {
        char payload[64];
        snprintf(payload, sizeof payload, "{\"status\":\"%s\"}", words[i]);
        expect_refusal(w, words[i], "t/jobs/j/update", ota_span_of_str(payload),
                       "InvalidStateTransition");
        assert_true(says(w, 0, "\"executionState\":{\"status\":\"REJECTED\",\"versionNumber\":2}"));
    }
    expect_refusal(w, "version is looked at first", "t/jobs/j/update",
                   OTA_SPAN_LIT("{\"status\":\"FAILED\",\"expectedVersion\":1}"),
                   "VersionMismatch");
    expect_refusal(w, "describe", "t/jobs/j/get", OTA_SPAN_LIT("{}"), "TerminalStateReached");
    assert_true(world_device(w, "t/jobs/$next/get", "{}"));
    assert_false(says(w, 0, "execution"));
    assert_true(world_device(w, "t/jobs/start-next", "{}"));
    assert_false(says(w, 0, "execution"));
}

static void a_queued_execution_may_end_at_once(void **state)
{
    struct world *w = *state;
    struct srv_arena a = { NULL };
    w->now_s += 5;
    assert_true(world_device(w, "t/jobs/j/update", "{\"status\":\"SUCCEEDED\"}"));
    const struct srv_execution e = world_execution(w, &a, "j", "t");
    assert_int_equal(e.status, OTA_JOB_SUCCEEDED);
    assert_int_equal(e.version, 2);
    assert_int_equal(e.started_at_s, WORLD_START_S + 5);
    srv_arena_end(&a);
}

static void details_are_kept_replaced_and_cleared(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *why, *payload, *want;
    } rows[] = {
        { "given", "{" STATUS ",\"statusDetails\":{\"a\":\"1\",\"b\":\"2\"}}",
          "{\"a\":\"1\",\"b\":\"2\"}" },
        { "absent: as they were", "{" STATUS "}", "{\"a\":\"1\",\"b\":\"2\"}" },
        { "null is absent", "{" STATUS ",\"statusDetails\":null}", "{\"a\":\"1\",\"b\":\"2\"}" },
        { "a new map replaces all", "{" STATUS ",\"statusDetails\":{\"c\":\"\\\"\"}}",
          "{\"c\":\"\\\"\"}" },
        { "empty: cleared", "{" STATUS ",\"statusDetails\":{}}", "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct srv_arena a = { NULL };
        CHECK_ROW(rows[i].why, world_device(w, "t/jobs/j/update", rows[i].payload));
        const struct srv_execution e = world_execution(w, &a, "j", "t");
        CHECK_ROW(rows[i].why, ota_span_eq(e.details, ota_span_of_str(rows[i].want)));
        srv_arena_end(&a);
    }
}

static void a_disabled_thing_is_not_served_and_keeps_its_executions(void **state)
{
    struct world *w = *state;
    struct srv_arena a = { NULL };
    const struct srv_command disable = { .kind = SRV_CMD_THING_DISABLE,
                                         .thing_disable = { OTA_SPAN_LIT("t") } };
    assert_true(world_apply(w, &disable));
    assert_int_equal(w->outcome.changed_count, 1);
    assert_true(world_apply(w, &disable)); /* twice is harmless */
    expect_refusal(w, "disabled", "t/jobs/$next/get", OTA_SPAN_LIT("{}"), "Unauthorized");
    assert_int_equal(world_execution(w, &a, "j", "t").status, OTA_JOB_QUEUED);
    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_THING_ENABLE,
                                  .thing_enable = { OTA_SPAN_LIT("t"), OTA_SPAN_LIT("0a"), 1 } }));
    assert_true(world_device(w, "t/jobs/$next/get", "{}"));
    assert_true(says(w, 0, "\"jobId\":\"j\""));
    srv_arena_end(&a);
}

/* Whatever comes: an answer that is JSON and fits a message, or none; and the next is served. */
static void damaged_messages_never_break_it(void **state)
{
    struct world *w = *state;
    static const char *const topics[] = { "t/jobs/get", "t/jobs/start-next", "t/jobs/$next/get",
                                          "t/jobs/j/get", "t/jobs/j/update" };
    static const char whole[] =
        "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a\":\"b\\n\\u00e4\"},"
        "\"expectedVersion\":1,\"clientToken\":\"t\",\"stepTimeoutInMinutes\":-1}";
    static const char spice[] = "{}[]\":,\\u0019-+.eE \xff\x80\xc3tfn";
    uint32_t x = 0x5eed0001u;
    for (int round = 0; round < 3000; round++) {
        char damaged[sizeof whole];
        memcpy(damaged, whole, sizeof whole);
        for (uint32_t hits = t_random(&x) % 4u; hits > 0; hits--) {
            damaged[t_random(&x) % (sizeof whole - 1u)] = spice[t_random(&x) % (sizeof spice - 1u)];
        }
        const size_t len = t_random(&x) % 4u == 0 ? t_random(&x) % sizeof whole : sizeof whole - 1u;
        uint8_t *exact = t_exact(damaged, len);
        (void)world_device_bytes(w, topics[t_random(&x) % COUNT(topics)],
                                 (struct ota_span){ exact, len });
        free(exact);
        for (size_t i = 0; i < w->outcome.message_count; i++) {
            const struct ota_span payload = w->outcome.messages[i].payload;
            json_t *reply =
                json_loadb((const char *)payload.ptr, payload.len, JSON_REJECT_DUPLICATES, NULL);
            CHECK_ROW(damaged, reply != NULL && payload.len <= 128u * 1024u);
            json_decref(reply);
        }
    }
    assert_true(world_device(w, "t/jobs/get", "{}"));
}

static void the_topic_root_is_a_setting(void **state)
{
    struct world *w = *state;
    static const char topic[] = "fleet/eu/things/t/jobs/get";
    strcpy(w->core.topic_root, "fleet/eu");
    assert_false(world_device(w, "t/jobs/get", "{}")); /* $aws: nobody's now */
    assert_int_equal(w->outcome.message_count, 0);
    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_DEVICE_REQUEST,
                                  .device = { OTA_SPAN_LIT(topic), OTA_SPAN_LIT("{}") } }));
    assert_true(ota_span_eq(w->outcome.messages[0].topic,
                            OTA_SPAN_LIT("fleet/eu/things/t/jobs/get/accepted")));
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, open_world, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(bad_requests_get_their_code_and_change_nothing),
        WORLD_TEST(what_is_no_request_is_not_answered),
        WORLD_TEST(limits_hold_to_the_last_character),
        WORLD_TEST(depth_is_bounded),
        WORLD_TEST(names_hold_to_the_last_character),
        WORLD_TEST(every_prefix_of_an_update_is_refused),
        WORLD_TEST(a_terminal_execution_is_frozen),
        WORLD_TEST(a_queued_execution_may_end_at_once),
        WORLD_TEST(details_are_kept_replaced_and_cleared),
        WORLD_TEST(damaged_messages_never_break_it),
        WORLD_TEST(the_topic_root_is_a_setting),
        WORLD_TEST(a_disabled_thing_is_not_served_and_keeps_its_executions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
