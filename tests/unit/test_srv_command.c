/* Commands of the operator, and timers. */
#define _GNU_SOURCE /* memmem */
#include "srv_world.h"
#include "t.h"

static void refused(struct world *w, const char *why, const struct srv_command *c,
                    enum srv_code code)
{
    const uint64_t before = world_fingerprint(w);
    CHECK_ROW(why, !world_apply(w, c));
    CHECK_ROW(why, w->outcome.err.code == code);
    CHECK_ROW(why, w->outcome.err.text[0] != '\0');
    CHECK_ROW(why, w->outcome.message_count == 0 && w->outcome.changed_count == 0);
    CHECK_ROW(why, world_fingerprint(w) == before);
}

static struct ota_span repeated(char letter, size_t count)
{
    static uint8_t texts[4][70000];
    static unsigned at;
    uint8_t *text = texts[at++ % 4u];
    memset(text, letter, count);
    return (struct ota_span){ text, count };
}

static const struct ota_span t = { (const uint8_t *)"t", 1 };

static struct srv_command job(void)
{
    return (struct srv_command){ .kind = SRV_CMD_JOB_CREATE,
                                 .job_create = { .id = OTA_SPAN_LIT("j"),
                                                 .document = OTA_SPAN_LIT(WORLD_DOCUMENT),
                                                 .targets = &t,
                                                 .target_count = 1 } };
}

static void job_ids_that_cannot_be_are_refused(void **state)
{
    static const char *const ids[] = { "",    "a/b",        "a b",    "a:b",         "$next",
                                       "get", "start-next", "notify", "notify-next", "\xc3\xa4" };
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct srv_command c = job();
        c.job_create.id = ota_span_of_str(ids[i]);
        refused(*state, ids[i], &c, SRV_E_INVALID);
    }
    struct srv_command c = job();
    c.job_create.id = repeated('i', 65);
    refused(*state, "65 characters", &c, SRV_E_INVALID);
    c.job_create.id = repeated('i', 64);
    assert_true(world_apply(*state, &c));
}

/* An object of exactly `len` bytes. */
static struct ota_span document_of(size_t len)
{
    struct ota_span text = repeated('x', len);
    uint8_t *at = malloc(len);
    memcpy(at, text.ptr, len);
    memcpy(at, "{\"a\":\"", 6);
    memcpy(at + len - 2, "\"}", 2);
    return (struct ota_span){ at, len };
}

static void documents_are_objects_of_32_kib_at_most(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = { "", "[]", "\"a\"", "{", "{\"a\":1,\"a\":2}", "{} x" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct srv_command c = job();
        c.job_create.document = ota_span_of_str(bad[i]);
        refused(w, bad[i], &c, SRV_E_INVALID);
    }
    struct srv_command c = job();
    c.job_create.document = document_of(OTA_JOB_DOCUMENT_MAX + 1u);
    refused(w, "one byte too long", &c, SRV_E_INVALID);
    free((void *)(uintptr_t)c.job_create.document.ptr);
    c.job_create.document = document_of(OTA_JOB_DOCUMENT_MAX);
    assert_true(world_apply(w, &c));

    /* It comes out as it went in. */
    assert_true(world_device(w, "t/jobs/$next/get", "{}"));
    const struct ota_span reply = w->outcome.messages[0].payload;
    assert_non_null(memmem(reply.ptr, reply.len, c.job_create.document.ptr, OTA_JOB_DOCUMENT_MAX));
    free((void *)(uintptr_t)c.job_create.document.ptr);
}

static void other_members_of_a_job_are_checked(void **state)
{
    struct world *w = *state;
    struct srv_command c = job();
    c.job_create.in_progress_timeout_min = SRV_TIMEOUT_MIN_MAX + 1u;
    refused(w, "timeout", &c, SRV_E_INVALID);
    c = job();
    c.job_create.description = repeated('d', SRV_DESCRIPTION_MAX + 1u);
    refused(w, "description", &c, SRV_E_INVALID);
    c = job();
    c.job_create.description = OTA_SPAN_LIT("a\x1b[2J");
    refused(w, "control character", &c, SRV_E_INVALID);
    c = job();
    c.job_create.stream_id = OTA_SPAN_LIT("s");
    refused(w, "stream", &c, SRV_E_NOT_FOUND);
    c = job();
    c.job_create.target_count = 0;
    refused(w, "no target", &c, SRV_E_LIMIT);
    const struct ota_span unknown[] = { t, OTA_SPAN_LIT("u") };
    c = job();
    c.job_create.targets = unknown;
    c.job_create.target_count = 2;
    refused(w, "unknown target", &c, SRV_E_NOT_FOUND);
    const struct ota_span twice[] = { t, t };
    c.job_create.targets = twice;
    refused(w, "a target twice", &c, SRV_E_INVALID);

    c = job();
    assert_true(world_apply(w, &c));
    refused(w, "that id again", &c, SRV_E_EXISTS);
}

static void a_disabled_thing_is_no_target(void **state)
{
    struct srv_command c = { .kind = SRV_CMD_THING_DISABLE, .thing_disable = { t } };
    assert_true(world_apply(*state, &c));
    c = job();
    refused(*state, "disabled", &c, SRV_E_STATE);
}

static void things_are_made_once_with_legal_names(void **state)
{
    struct world *w = *state;
    struct srv_command c = { .kind = SRV_CMD_THING_CREATE };
    static const char *const bad[] = { "", "a/b", "a.b", "+", "#", "$a", "a b" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        c.thing_create.name = ota_span_of_str(bad[i]);
        refused(w, bad[i], &c, SRV_E_INVALID);
    }
    c.thing_create.name = t;
    refused(w, "again", &c, SRV_E_EXISTS);
    c.thing_create.name = repeated('n', OTA_THING_NAME_MAX + 1u);
    refused(w, "129 characters", &c, SRV_E_INVALID);
    c.thing_create.name = repeated('n', OTA_THING_NAME_MAX);
    c.thing_create.cert_serial = repeated('f', SRV_SERIAL_HEX_MAX + 1u);
    refused(w, "serial too long", &c, SRV_E_INVALID);
    c.thing_create.cert_serial = OTA_SPAN_LIT("0g");
    refused(w, "serial no hex", &c, SRV_E_INVALID);
    c.thing_create.cert_serial = repeated('f', SRV_SERIAL_HEX_MAX);
    assert_true(world_apply(w, &c));
    c = (struct srv_command){ .kind = SRV_CMD_THING_DISABLE,
                              .thing_disable = { OTA_SPAN_LIT("x") } };
    refused(w, "unknown", &c, SRV_E_NOT_FOUND);
}

static void streams_name_artifacts_that_are_here_by_distinct_ids(void **state)
{
    struct world *w = *state;
    struct srv_file_spec files[SRV_STREAM_FILES_MAX + 1u] = { { .id = 3 }, { .id = 1 } };
    struct srv_command c = { .kind = SRV_CMD_STREAM_CREATE,
                             .stream_create = {
                                 .id = OTA_SPAN_LIT("s"), .files = files, .file_count = 2 } };
    refused(w, "no artifact", &c, SRV_E_NOT_FOUND);
    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_ARTIFACT_ADD, .artifact_add = { .size = 9 } }));
    files[1].id = 3;
    refused(w, "an id twice", &c, SRV_E_INVALID);
    files[1].id = 1;
    c.stream_create.file_count = 0;
    refused(w, "no file", &c, SRV_E_INVALID);
    c.stream_create.file_count = SRV_STREAM_FILES_MAX + 1u;
    refused(w, "51 files", &c, SRV_E_INVALID);
    c.stream_create.file_count = 2;
    c.stream_create.id = OTA_SPAN_LIT("a:b");
    refused(w, "id", &c, SRV_E_INVALID);
    c.stream_create.id = OTA_SPAN_LIT("s");
    assert_true(world_apply(w, &c));
    refused(w, "again", &c, SRV_E_EXISTS);

    struct srv_arena a = { NULL };
    struct srv_stream got;
    assert_true(srv_db_stream_get(w->core.db, &a, OTA_SPAN_LIT("s"), &got));
    assert_int_equal(got.version, 1);
    assert_int_equal(got.file_count, 2);
    assert_int_equal(got.files[0].id, 1);
    assert_int_equal(got.files[1].id, 3);
    assert_int_equal(got.files[1].size, 9);

    /* Another list of files is the next version. */
    c.kind = SRV_CMD_STREAM_UPDATE;
    c.stream_create.file_count = 1;
    assert_true(world_apply(w, &c));
    assert_true(w->outcome.streams_changed);
    assert_true(srv_db_stream_get(w->core.db, &a, OTA_SPAN_LIT("s"), &got));
    assert_int_equal(got.version, 2);
    assert_int_equal(got.file_count, 1);
    assert_int_equal(got.files[0].id, 3);
    files[0].digest[0] = 1;
    refused(w, "an artifact that is not here", &c, SRV_E_NOT_FOUND);
    c.stream_create.id = OTA_SPAN_LIT("other");
    refused(w, "no such stream", &c, SRV_E_NOT_FOUND);
    srv_arena_end(&a);
}

static void tick(struct world *w)
{
    assert_true(world_apply(w, &(struct srv_command){ .kind = SRV_CMD_TICK }));
}

static enum ota_job_status status_of(struct world *w)
{
    struct srv_arena a = { NULL };
    const enum ota_job_status status = world_execution(w, &a, "j", "t").status;
    srv_arena_end(&a);
    return status;
}

static void the_in_progress_timer_ends_what_takes_too_long(void **state)
{
    struct world *w = *state;
    world_job_with(w, "j", "t", NULL, 2);
    w->now_s += 100000; /* no timer runs while it is queued */
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_QUEUED);
    assert_true(world_device(w, "t/jobs/start-next", "{}"));
    assert_non_null(strstr(world_payload(w, 0), "\"approximateSecondsBeforeTimedOut\":120"));
    w->now_s += 119;
    assert_true(world_device(w, "t/jobs/j/update", "{\"status\":\"IN_PROGRESS\"}"));
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_IN_PROGRESS);
    w->now_s += 1;
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_TIMED_OUT);
    assert_int_equal(w->outcome.message_count, 2);
    assert_string_equal(world_topic(w, 0), "t/jobs/notify");
    assert_string_equal(world_topic(w, 1), "t/jobs/notify-next");
    tick(w);
    assert_int_equal(w->outcome.message_count, 0);
}

static void the_step_timer_is_set_replaced_and_cleared(void **state)
{
    struct world *w = *state;
    world_job_with(w, "j", "t", NULL, 10);
    assert_true(world_device(w, "t/jobs/start-next", "{\"stepTimeoutInMinutes\":1}"));
    w->now_s += 59;
    assert_true(world_device(w, "t/jobs/j/update",
                             "{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":2}"));
    w->now_s += 119;
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_IN_PROGRESS);
    assert_true(world_device(w, "t/jobs/j/update",
                             "{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":-1}"));
    w->now_s += 421; /* one second before the tenth minute */
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_IN_PROGRESS);
    assert_true(world_device(w, "t/jobs/j/update",
                             "{\"status\":\"IN_PROGRESS\",\"stepTimeoutInMinutes\":10080}"));
    w->now_s += 1; /* never beyond the in-progress timer */
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_TIMED_OUT);
}

static void a_clock_that_jumps_takes_the_timers_along(void **state)
{
    struct world *w = *state;
    world_job_with(w, "j", "t", NULL, 2);
    assert_true(world_device(w, "t/jobs/start-next", "{\"stepTimeoutInMinutes\":1}"));
    w->now_s += 1000000;
    assert_true(world_apply(
        w, &(struct srv_command){ .kind = SRV_CMD_CLOCK_JUMP, .clock_jump = { 1000000 } }));
    w->now_s += 59;
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_IN_PROGRESS);
    w->now_s += 1;
    tick(w);
    assert_int_equal(status_of(w), OTA_JOB_TIMED_OUT);
}

/* Or a device would take the newer image first, and then the older one. */
static void the_older_job_comes_first_though_the_clock_went_back(void **state)
{
    struct world *w = *state;
    world_job(w, "older", "t");
    w->now_s -= 3600;
    world_job(w, "newer", "t");
    assert_true(world_device(w, "t/jobs/$next/get", "{}"));
    assert_non_null(strstr(world_payload(w, 0), "\"jobId\":\"older\""));
    assert_true(world_device(w, "t/jobs/get", "{}"));
    const char *const queued = strstr(world_payload(w, 0), "queuedJobs");
    assert_true(strstr(queued, "older") < strstr(queued, "newer"));
    assert_true(world_device(w, "t/jobs/newer/update", "{\"status\":\"IN_PROGRESS\"}"));
    assert_true(world_device(w, "t/jobs/$next/get", "{}")); /* what has begun goes on */
    assert_non_null(strstr(world_payload(w, 0), "\"jobId\":\"newer\""));
}

static void a_job_counts_its_executions_and_ends_with_the_last(void **state)
{
    struct world *w = *state;
    struct srv_arena a = { NULL };
    struct srv_job row;
    const struct ota_span targets[] = { t, OTA_SPAN_LIT("u") };
    world_thing(w, "u");
    struct srv_command c = job();
    c.job_create.targets = targets;
    c.job_create.target_count = 2;
    assert_true(world_apply(w, &c));
    assert_true(world_device(w, "t/jobs/j/update", "{\"status\":\"FAILED\"}"));
    assert_true(srv_db_job_get(w->core.db, &a, c.job_create.id, &row));
    assert_int_equal(row.status, SRV_JOB_IN_PROGRESS);
    assert_int_equal(row.counts[OTA_JOB_FAILED], 1);
    assert_int_equal(row.counts[OTA_JOB_QUEUED], 1);
    assert_true(ota_span_eq(row.targets, OTA_SPAN_LIT("[\"t\",\"u\"]")));
    w->now_s++;
    assert_true(world_device(w, "u/jobs/j/update", "{\"status\":\"SUCCEEDED\"}"));
    assert_true(srv_db_job_get(w->core.db, &a, c.job_create.id, &row));
    assert_int_equal(row.status, SRV_JOB_COMPLETED);
    assert_int_equal(row.completed_at_s, w->now_s);
    assert_int_equal(row.counts[OTA_JOB_QUEUED], 0);
    srv_arena_end(&a);
}

static void events_tell_each_change_and_the_newest_hundred_stay(void **state)
{
    struct world *w = *state;
    struct srv_arena a = { NULL };
    struct srv_event *events;
    world_job(w, "j", "t");
    for (int i = 0; i < 150; i++) {
        char payload[80];
        snprintf(payload, sizeof payload,
                 "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"n\":\"%d\"}}", i);
        assert_true(world_device(w, "t/jobs/j/update", payload));
    }
    const size_t count = srv_db_event_list(w->core.db, &a, OTA_SPAN_LIT("j"), 0, 1000, &events);
    assert_int_equal(count, 100);
    assert_int_equal(events[0].version, 52);
    assert_int_equal(events[99].version, 151);
    assert_true(ota_span_eq(events[99].details, OTA_SPAN_LIT("{\"n\":\"149\"}")));
    assert_int_equal(
        srv_db_event_list(w->core.db, &a, OTA_SPAN_LIT("j"), events[97].seq, 1000, &events), 2);
    srv_arena_end(&a);
}

static void thousands_of_targets_do_not_fill_the_memory_with_messages(void **state)
{
    struct world *w = *state;
    enum { MANY = 1000 };
    static char names[MANY][16];
    static struct ota_span targets[MANY];
    for (size_t i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        world_thing(w, names[i]);
        targets[i] = ota_span_of_str(names[i]);
    }
    struct srv_command c = job();
    c.job_create.targets = targets;
    c.job_create.target_count = MANY;
    assert_true(world_apply(w, &c));
    assert_true(w->outcome.only_in_outbox);
    assert_true(w->outcome.message_count <= SRV_OUTCOME_MESSAGES_MAX + 1u);
    size_t rendered = 0;
    for (uint64_t after = 0, last;; after = last) {
        srv_outcome_end(&w->outcome);
        last = srv_outbox_render(&w->core, after, w->now_s, &w->outcome);
        rendered += w->outcome.message_count;
        if (last == after) {
            break;
        }
    }
    assert_int_equal(rendered, 2 * MANY);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(job_ids_that_cannot_be_are_refused),
        WORLD_TEST(documents_are_objects_of_32_kib_at_most),
        WORLD_TEST(other_members_of_a_job_are_checked),
        WORLD_TEST(a_disabled_thing_is_no_target),
        WORLD_TEST(things_are_made_once_with_legal_names),
        WORLD_TEST(streams_name_artifacts_that_are_here_by_distinct_ids),
        WORLD_TEST(the_in_progress_timer_ends_what_takes_too_long),
        WORLD_TEST(the_step_timer_is_set_replaced_and_cleared),
        WORLD_TEST(a_clock_that_jumps_takes_the_timers_along),
        WORLD_TEST(the_older_job_comes_first_though_the_clock_went_back),
        WORLD_TEST(a_job_counts_its_executions_and_ends_with_the_last),
        WORLD_TEST(events_tell_each_change_and_the_newest_hundred_stay),
        WORLD_TEST(thousands_of_targets_do_not_fill_the_memory_with_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
