/* Notifications of the provider: what each event sends, and in which order. */
#include "srv_world.h"
#include "t.h"

/* The payload without its timestamp, summaries cut to their job ids: "I:[1] Q:[2,3]". */
static void list_of(const char *payload, char *out)
{
    const char *in_progress = strstr(payload, "\"IN_PROGRESS\"");
    const char *queued = strstr(payload, "\"QUEUED\"");
    out[0] = '\0';
    for (const char *at = strstr(payload, "\"jobId\":\""); at != NULL;
         at = strstr(at + 1, "\"jobId\":\"")) {
        const bool running = in_progress != NULL && at > in_progress &&
                             (queued == NULL || queued < in_progress || at < queued);
        size_t used = strlen(out);
        snprintf(out + used, 64 - used, "%s%c ", running ? "I" : "Q", at[12]);
    }
}

static void job_create(struct world *w, const char *id)
{
    world_job(w, id, "t");
}

static void job_cancel_force(struct world *w, const char *id)
{
    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_JOB_CANCEL,
                                  .job_cancel = { .id = ota_span_of_str(id), .force = true } }));
}

static void start_next(struct world *w, const char *unused)
{
    (void)unused;
    assert_true(world_device(w, "t/jobs/start-next", "{}"));
}

static void update(struct world *w, const char *id, const char *status)
{
    char topic[64], payload[64];
    snprintf(topic, sizeof topic, "t/jobs/%s/update", id);
    snprintf(payload, sizeof payload, "{\"status\":\"%s\"}", status);
    assert_true(world_device(w, topic, payload));
}

static void succeed(struct world *w, const char *id)
{
    update(w, id, "SUCCEEDED");
}

static void begin(struct world *w, const char *id)
{
    update(w, id, "IN_PROGRESS");
}

static void reject(struct world *w, const char *id)
{
    update(w, id, "REJECTED");
}

/* Source: AWS IoT developer guide, "Jobs notifications", its worked example. */
static void follows_the_worked_example_of_the_guide(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *why;
        void (*event)(struct world *w, const char *id);
        const char *id;
        const char *notify; /* NULL: none */
        const char *next;   /* NULL: none; "": a bare timestamp */
    } rows[] = {
        { "job 1 created", job_create, "job1", "Q1 ", "job1" },
        { "job 2 created", job_create, "job2", "Q1 Q2 ", NULL },
        { "job 1 started", start_next, NULL, NULL, NULL },
        { "job 3 created", job_create, "job3", "I1 Q2 Q3 ", NULL },
        { "job 1 succeeded", succeed, "job1", "Q2 Q3 ", "job2" },
        { "job 3 begins before job 2", begin, "job3", NULL, "job3" },
        { "job 2 rejected", reject, "job2", "I3 ", NULL },
        { "job 3 taken away", job_cancel_force, "job3", "", "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        w->now_s++;
        rows[i].event(w, rows[i].id);
        size_t at = 0;
        while (at < w->outcome.message_count && w->outcome.messages[at].outbox_id == 0) {
            at++; /* the reply comes first */
        }
        CHECK_ROW(rows[i].why, at <= 1);
        if (rows[i].notify != NULL) {
            char list[64];
            CHECK_ROW(rows[i].why, strcmp(world_topic(w, at), "t/jobs/notify") == 0);
            list_of(world_payload(w, at), list);
            CHECK_ROW(rows[i].why, strcmp(list, rows[i].notify) == 0);
            at++;
        }
        if (rows[i].next != NULL) {
            char want[64];
            CHECK_ROW(rows[i].why, strcmp(world_topic(w, at), "t/jobs/notify-next") == 0);
            snprintf(want, sizeof want, "\"jobId\":\"%s\"", rows[i].next);
            CHECK_ROW(rows[i].why, rows[i].next[0] == '\0'
                                       ? strstr(world_payload(w, at), "execution") == NULL
                                       : strstr(world_payload(w, at), want) != NULL);
            at++;
        }
        CHECK_ROW(rows[i].why, at == w->outcome.message_count);
    }
}

static void empty_lists_are_left_out(void **state)
{
    struct world *w = *state;
    world_job(w, "j", "t");
    assert_true(world_device(w, "t/jobs/j/update", "{\"status\":\"FAILED\"}"));
    assert_int_equal(w->outcome.message_count, 3);
    assert_string_equal(world_topic(w, 0), "t/jobs/j/update/accepted");
    assert_string_equal(world_payload(w, 0), "{\"timestamp\":1700000000}");
    assert_string_equal(world_topic(w, 1), "t/jobs/notify");
    assert_string_equal(world_payload(w, 1), "{\"timestamp\":1700000000,\"jobs\":{}}");
    assert_string_equal(world_topic(w, 2), "t/jobs/notify-next");
    assert_string_equal(world_payload(w, 2), "{\"timestamp\":1700000000}");
}

static void progress_reports_notify_nobody(void **state)
{
    struct world *w = *state;
    world_job(w, "j", "t");
    for (int i = 0; i < 3; i++) {
        assert_true(world_device(w, "t/jobs/j/update",
                                 "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"a\":\"b\"}}"));
        assert_int_equal(w->outcome.message_count, 1);
    }
}

static void a_list_holds_ten_executions_at_most(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 12; i++) {
        char id[16];
        snprintf(id, sizeof id, "job-%02d", i);
        world_job(w, id, "t");
    }
    size_t count = 0;
    for (const char *at = world_payload(w, 0); (at = strstr(at, "jobId")) != NULL; at++) {
        count++;
    }
    assert_int_equal(count, 10);
}

static void a_cancel_without_force_spares_what_has_begun(void **state)
{
    struct world *w = *state;
    struct srv_arena a = { 0 };
    world_thing(w, "u");
    const struct ota_span targets[] = { OTA_SPAN_LIT("t"), OTA_SPAN_LIT("u") };
    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_JOB_CREATE,
                                  .job_create = { .id = OTA_SPAN_LIT("j"),
                                                  .document = OTA_SPAN_LIT(WORLD_DOCUMENT),
                                                  .targets = targets,
                                                  .target_count = 2 } }));
    assert_true(world_device(w, "t/jobs/start-next", ""));
    const struct srv_command cancel = { .kind = SRV_CMD_JOB_CANCEL,
                                        .job_cancel = { .id = OTA_SPAN_LIT("j") } };
    assert_true(world_apply(w, &cancel));
    assert_int_equal(w->outcome.message_count, 2); /* u: notify and notify-next */
    assert_string_equal(world_topic(w, 0), "u/jobs/notify");
    assert_int_equal(world_execution(w, &a, "j", "t").status, OTA_JOB_IN_PROGRESS);
    assert_int_equal(world_execution(w, &a, "j", "u").status, OTA_JOB_CANCELED);
    assert_int_equal(world_execution(w, &a, "j", "u").version, 2);

    assert_false(world_apply(w, &cancel));
    assert_int_equal(w->outcome.err.code, SRV_E_INVALID);

    struct srv_command force = cancel;
    force.job_cancel.force = true;
    assert_true(world_apply(w, &force));
    assert_string_equal(world_topic(w, 0), "t/jobs/notify");
    assert_int_equal(world_execution(w, &a, "j", "t").status, OTA_JOB_CANCELED);
    assert_int_equal(world_execution(w, &a, "j", "t").version, 3);
    srv_arena_end(&a);
}

static void the_outbox_tells_the_present_until_it_is_confirmed(void **state)
{
    struct world *w = *state;
    world_job(w, "j", "t");
    assert_int_equal(w->outcome.message_count, 2);
    const uint64_t ids[] = { w->outcome.messages[0].outbox_id, w->outcome.messages[1].outbox_id };
    assert_true(ids[0] != 0 && ids[1] > ids[0]);

    srv_outcome_end(&w->outcome);
    assert_int_equal(srv_outbox_render(&w->core, 0, w->now_s, &w->outcome), ids[1]);
    assert_int_equal(w->outcome.message_count, 2);
    assert_string_equal(world_topic(w, 1), "t/jobs/notify-next");
    assert_non_null(strstr(world_payload(w, 1), "\"jobId\":\"j\""));

    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_OUTBOX_SENT, .outbox_sent = { ids, 2 } }));
    srv_outcome_end(&w->outcome);
    assert_int_equal(srv_outbox_render(&w->core, 0, w->now_s, &w->outcome), 0);
    assert_int_equal(w->outcome.message_count, 0);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(follows_the_worked_example_of_the_guide),
        WORLD_TEST(empty_lists_are_left_out),
        WORLD_TEST(progress_reports_notify_nobody),
        WORLD_TEST(a_list_holds_ten_executions_at_most),
        WORLD_TEST(a_cancel_without_force_spares_what_has_begun),
        WORLD_TEST(the_outbox_tells_the_present_until_it_is_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
