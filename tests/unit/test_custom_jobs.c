/*
 * Jobs of the application's own kind: shown, taken, refused or finished by it; told to the provider
 * until it knows; and never mixed up with another job.
 */
#include "workflow_provider.h"

#define DOCUMENT "{\"operation\":\"blink\",\"times\":3}"

static struct {
    unsigned shown, claimed, canceled, failed, reported;
    uint32_t ticket; /* of the newest that was shown */
    char job[32], document[64];
} seen;

static void copy(char *to, size_t room, struct ota_span from)
{
    (void)snprintf(to, room, "%.*s", (int)from.len, (const char *)from.ptr);
}

static void look(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    const enum ota_event_kind kind = effect->as.event.kind;
    seen.claimed += kind == OTA_EVENT_CLAIMED;
    seen.canceled += kind == OTA_EVENT_CANCELED;
    seen.failed += kind == OTA_EVENT_FAILED;
    seen.reported += kind == OTA_EVENT_REPORTED;
    if (kind == OTA_EVENT_CUSTOM_JOB) {
        seen.shown++;
        seen.ticket = effect->as.event.ticket;
        copy(seen.job, sizeof seen.job, effect->as.event.job_id);
        copy(seen.document, sizeof seen.document, effect->as.event.document);
    }
}

static void offer_blink(const char *job, unsigned execution)
{
    offer(job, execution, "s2", v2);
    strcpy(p.document, DOCUMENT);
}

/* c1 is shown, and waits for our word. */
static int begin_shown(void **ctx)
{
    (void)begin(ctx);
    close_world();
    struct sim_cfg cfg = sim_cfg_default();
    cfg.custom = &ota_custom_jobs;
    open_with(&cfg);
    memset(&seen, 0, sizeof seen);
    world.on_event = look;
    p.unrecorded = true;
    offer_blink("c1", 1);
    settle();
    assert_int_equal(seen.shown, 1);
    assert_int_equal(p.told, 0);
    return 0;
}

static ota_err_t decide(enum ota_command command, const char *words)
{
    const struct ota_decision d = { .command = command,
                                    .until = OTA_NEVER,
                                    .reason = text_of(words) };
    return ota_orchestrator_decide(&world.device.o, &d);
}

static void take(void)
{
    const unsigned before = seen.claimed;
    say(OTA_COMMAND_ACCEPT);
    settle();
    assert_int_equal(seen.claimed, before + 1u);
    assert_string_equal(p.status, "IN_PROGRESS");
}

static void remind(void)
{
    notify();
    run_ms(1000);
}

static void it_is_shown_with_its_name_and_document(void **ctx)
{
    (void)ctx;
    assert_string_equal(seen.job, "c1");
    assert_string_equal(seen.document, DOCUMENT);
    assert_int_equal(state(), OTA_JOURNAL_NONE);
}

static void it_is_taken_and_finished(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *why, *words, *status, *reason;
        enum ota_command command;
        bool taken;
    } rows[] = {
        { "done, and what came of it", "3 blinks", "SUCCEEDED", "3 blinks", OTA_COMMAND_SUCCEEDED,
          true },
        { "done", "", "SUCCEEDED", "finished by the application", OTA_COMMAND_SUCCEEDED, true },
        { "done at once", "3 blinks", "SUCCEEDED", "3 blinks", OTA_COMMAND_SUCCEEDED, false },
        { "it cannot", "lamp is dark", "FAILED", "lamp is dark", OTA_COMMAND_FAILED, true },
        { "nor at once", "", "FAILED", "failed in the application", OTA_COMMAND_FAILED, false },
        { "given up", "someone came", "FAILED", "someone came", OTA_COMMAND_ABORT, true },
        { "it will not", "no lamp here", "REJECTED", "no lamp here", OTA_COMMAND_REFUSE, false },
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        offer_blink("c2", i + 1u);
        notify();
        settle();
        if (rows[i].taken) {
            take();
            assert_int_equal(p.taken.expected, 1); /* as it was offered, or not at all */
        }
        CHECK_ROW(rows[i].why, decide(rows[i].command, rows[i].words) == OTA_OK);
        settle();
        expect_result(rows[i].why, "c2", i + 1u, rows[i].status);
        CHECK_ROW(rows[i].why, strstr(p.result.text, rows[i].reason) != NULL);
        CHECK_ROW(rows[i].why, sim_running(&world) == v1 && world.boots == 1);
    }
    assert_int_equal(seen.reported, COUNT(rows));
}

static void an_end_that_comes_before_the_take_was_answered_counts(void **ctx)
{
    (void)ctx;
    say(OTA_COMMAND_ACCEPT);
    say(OTA_COMMAND_SUCCEEDED);
    settle();
    expect_result("both at once", "c1", 1, "SUCCEEDED");
}

static void what_may_be_said_depends_on_where_it_is(void **ctx)
{
    (void)ctx;
    assert_int_equal(decide(OTA_COMMAND_ACTIVATE, ""), OTA_E_STATE);
    assert_int_equal(decide(OTA_COMMAND_ABORT, ""), OTA_E_STATE);
    take();
    assert_int_equal(decide(OTA_COMMAND_ACCEPT, ""), OTA_E_STATE);
    assert_int_equal(decide(OTA_COMMAND_REFUSE, ""), OTA_E_STATE);
    assert_int_equal(decide(OTA_COMMAND_LATER, ""), OTA_E_STATE);
    say(OTA_COMMAND_SUCCEEDED);
    settle();
    assert_int_equal(decide(OTA_COMMAND_SUCCEEDED, ""), OTA_E_STATE);
    assert_int_equal(decide(OTA_COMMAND_FAILED, ""), OTA_E_STATE);
}

static void reminders_change_nothing_while_it_is_worked_on(void **ctx)
{
    (void)ctx;
    take();
    const unsigned told = p.told;
    remind();
    sim_link(&world, false);
    sim_link(&world, true);
    run_ms(1000);
    p.too_large = true;
    remind();
    p.too_large = false;
    remind();
    assert_int_equal(seen.shown, 1);
    assert_int_equal(seen.claimed, 1);
    assert_int_equal(p.told, told);
    say(OTA_COMMAND_SUCCEEDED);
    settle();
    expect_result("undisturbed", "c1", 1, "SUCCEEDED");
}

static void a_provider_that_forgot_the_take_is_told_again(void **ctx)
{
    (void)ctx;
    take();
    offer_blink("c1", 1); /* QUEUED: restored from a backup */
    remind();
    assert_string_equal(p.status, "IN_PROGRESS");
    assert_int_equal(seen.shown, 1);
}

static void a_restart_shows_it_again(void **ctx)
{
    (void)ctx;
    take();
    const unsigned told = p.told;
    sim_boot(&world);
    settle();
    assert_int_equal(seen.shown, 2);
    assert_string_equal(seen.document, DOCUMENT);
    say(OTA_COMMAND_ACCEPT);
    settle();
    assert_int_equal(seen.claimed, 2);
    assert_int_equal(p.told, told); /* the provider knows */
    say(OTA_COMMAND_SUCCEEDED);
    settle();
    expect_result("the second time", "c1", 1, "SUCCEEDED");
}

static void its_end_is_told_until_it_is_taken_whatever_happens(void **ctx)
{
    (void)ctx;
    static const struct {
        enum ota_command command;
        const char *status;
    } rows[] = { { OTA_COMMAND_SUCCEEDED, "SUCCEEDED" }, { OTA_COMMAND_FAILED, "FAILED" } };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        offer_blink("c3", i + 1u);
        notify();
        settle();
        take();
        p.mute = true;
        say(rows[i].command);
        run_ms(5000);
        sim_boot(&world);
        run_ms(5000);
        sim_boot(&world);
        run_ms(HOUR_MS);
        p.mute = false;
        settle();
        expect_result(rows[i].status, "c3", i + 1u, rows[i].status);
    }
}

static void a_job_that_is_canceled_while_it_is_worked_on_is_over(void **ctx)
{
    (void)ctx;
    take();
    const unsigned told = p.told;
    p.job = NULL;
    remind();
    assert_int_equal(seen.canceled, 1);
    assert_int_equal(decide(OTA_COMMAND_SUCCEEDED, ""), OTA_E_STATE);
    settle();
    assert_int_equal(p.told, told);
    offer("j1", 1, "s2", v2);
    notify();
    settle();
    expect_result("and the next goes on", "j1", 1, "SUCCEEDED");
}

static void an_end_is_never_told_of_another_job(void **ctx)
{
    (void)ctx;
    take();
    const struct ota_decision end = { .command = OTA_COMMAND_SUCCEEDED, .ticket = seen.ticket };
    offer_blink("c2", 1);
    remind();
    assert_int_equal(seen.canceled, 1);
    assert_int_equal(seen.shown, 2);
    assert_string_equal(seen.job, "c2");
    assert_int_equal(ota_orchestrator_decide(&world.device.o, &end), OTA_E_STATE);
    settle();
    assert_int_equal(p.results, 0);
}

static void a_take_that_is_refused_is_looked_at_or_over(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *code, *state;
        unsigned canceled, shown;
    } rows[] = {
        { "TerminalStateReached", NULL, 1, 1 },
        { "ResourceNotFound", NULL, 1, 1 },
        { "VersionMismatch", "CANCELED", 1, 1 },
    };
    for (unsigned i = 0; i < COUNT(rows); i++) {
        offer_blink("c4", i + 1u);
        notify();
        settle();
        const unsigned canceled = seen.canceled;
        p.code = rows[i].code;
        p.code_state = rows[i].state;
        p.job = NULL;
        say(OTA_COMMAND_ACCEPT);
        run_ms(1000);
        CHECK_ROW(rows[i].code, seen.canceled == canceled + 1u);
        CHECK_ROW(rows[i].code, decide(OTA_COMMAND_SUCCEEDED, "") == OTA_E_STATE);
        p.code = p.code_state = NULL;
        settle();
    }
    assert_int_equal(seen.claimed, 0);
}

/* Nobody says that there is another job: it is asked for; but not in a circle with who refuses every take. */
static void after_a_take_that_is_refused_the_next_job_is_asked_for(void **ctx)
{
    (void)ctx;
    p.code = "TerminalStateReached";
    offer_blink("c2", 1);
    say(OTA_COMMAND_ACCEPT); /* c1, which is over */
    run_ms(1000);
    assert_int_equal(seen.canceled, 1);
    assert_string_equal(seen.job, "c2");
    for (unsigned i = 0; i < DAY_MS / 60000u; i++) {
        (void)(decide(OTA_COMMAND_ACCEPT, "") == OTA_OK);
        run_ms(60000);
    }
    assert_in_range(seen.canceled, 100, 24u * 6u + 20u);
}

static void an_execution_that_changed_before_the_take_is_taken_as_it_is_now(void **ctx)
{
    (void)ctx;
    p.version = 9; /* someone wrote to it */
    say(OTA_COMMAND_ACCEPT);
    settle();
    assert_int_equal(p.taken.expected, 9);
    assert_int_equal(seen.claimed, 1);
    assert_int_equal(seen.shown, 1);
}

/* The provider heard it, and its answer was lost: a reminder shows what it made of it. */
static void a_take_that_was_not_answered_is_told_again_for_the_version_that_it_made(void **ctx)
{
    (void)ctx;
    p.mute = true;
    say(OTA_COMMAND_ACCEPT);
    run_ms(200);
    assert_int_equal(p.told, 1);
    p.mute = false;
    p.version = 2;
    p.status = "IN_PROGRESS";
    notify();
    run_ms(300);
    assert_int_equal(p.taken.expected, 2);
    assert_int_equal(seen.claimed, 1);
    assert_int_equal(seen.shown, 1);
    assert_int_equal(p.told, 2);
}

static void what_was_not_shown_yet_cannot_be_decided(void **ctx)
{
    (void)ctx;
    offer_blink("c2", 1);
    let_it_come();
    while (!world.device.o.event_waits) {
        say(OTA_COMMAND_ACCEPT); /* c1 */
        hand_over_the_answer();
    }
    assert_int_equal(decide(OTA_COMMAND_ACCEPT, ""), OTA_E_STATE);
    settle();
    assert_string_equal(seen.job, "c2");
    assert_int_equal(p.told, 0);
    take();
}

static void lost_and_doubled_answers_change_nothing(void **ctx)
{
    (void)ctx;
    p.loses = p.doubles = true;
    take();
    say(OTA_COMMAND_SUCCEEDED);
    settle();
    expect_result("in the end", "c1", 1, "SUCCEEDED");
    assert_int_equal(seen.reported, 1);
}

static void it_can_be_put_off(void **ctx)
{
    (void)ctx;
    const struct ota_decision d = { .command = OTA_COMMAND_LATER, .until = world.now + HOUR_MS };
    assert_int_equal(ota_orchestrator_decide(&world.device.o, &d), OTA_OK);
    remind();
    assert_int_equal(seen.shown, 1);
    memset(seen.document, 0, sizeof seen.document);
    run_ms(HOUR_MS);
    assert_int_equal(seen.shown, 2);
    assert_string_equal(seen.document, DOCUMENT);
    take();
}

static void a_broken_document_of_a_known_kind_is_no_custom_job(void **ctx)
{
    (void)ctx;
    say(OTA_COMMAND_SUCCEEDED);
    settle();
    offer("j1", 1, "s2", v2);
    strcpy(p.document, "{\"afr_ota\":{\"protocols\":[]}}");
    notify();
    settle();
    assert_int_equal(seen.shown, 1);
    expect_result("broken", "j1", 1, "REJECTED");
}

static void an_image_without_a_way_back_can_still_work_on_them(void **ctx)
{
    (void)ctx;
    take();
    p.mute = true;
    say(OTA_COMMAND_SUCCEEDED);
    run_ms(1000);
    wipe((struct ota_region){ field(OTA_SLOT_A, IMAGE_OK), 8 }); /* not confirmed any more */
    sim_boot(&world);
    p.mute = false;
    settle();
    expect_result("true all the same", "c1", 1, "SUCCEEDED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin_shown, end)
        T(it_is_shown_with_its_name_and_document),
        T(it_is_taken_and_finished),
        T(an_end_that_comes_before_the_take_was_answered_counts),
        T(what_may_be_said_depends_on_where_it_is),
        T(reminders_change_nothing_while_it_is_worked_on),
        T(a_provider_that_forgot_the_take_is_told_again),
        T(a_restart_shows_it_again),
        T(its_end_is_told_until_it_is_taken_whatever_happens),
        T(a_job_that_is_canceled_while_it_is_worked_on_is_over),
        T(an_end_is_never_told_of_another_job),
        T(a_take_that_is_refused_is_looked_at_or_over),
        T(after_a_take_that_is_refused_the_next_job_is_asked_for),
        T(an_execution_that_changed_before_the_take_is_taken_as_it_is_now),
        T(a_take_that_was_not_answered_is_told_again_for_the_version_that_it_made),
        T(what_was_not_shown_yet_cannot_be_decided),
        T(lost_and_doubled_answers_change_nothing),
        T(it_can_be_put_off),
        T(a_broken_document_of_a_known_kind_is_no_custom_job),
        T(an_image_without_a_way_back_can_still_work_on_them),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
