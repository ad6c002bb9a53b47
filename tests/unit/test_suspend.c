/*
 * Suspended: wherever the workflow is, nothing is asked, told, fetched or erased until it is resumed;
 * only a self-test that has begun comes to its end.
 */
#include "workflow_provider.h"

static unsigned sent; /* by the device */

static bool count_sent(struct sim *s, enum sim_direction to, struct ota_span topic,
                       struct ota_span payload)
{
    sent += to != SIM_TO_DEVICE;
    return on_wire(s, to, topic, payload);
}

static bool subscribes(void)
{
    const struct sim_message *m = world.queue;
    while (m != NULL && m->to != SIM_SUBACK) {
        m = m->next;
    }
    return m != NULL;
}

static int begin_counting(void **ctx)
{
    (void)begin(ctx);
    world.on_wire = count_sent;
    return 0;
}

/* --- places ----------------------------------------------------------------------------- */

enum where { IDLE, ASKED, TAKING, HEAD, ERASING, RECEIVING, VERIFYING, READY, REPORT, PLACES };
static const char *const place[PLACES] = { "idle",      "asked",     "taking", "head",  "erasing",
                                           "receiving", "verifying", "ready",  "report" };

static void run_until(bool (*there)(void))
{
    for (unsigned i = 0; !there(); i++) {
        assert_true(i < 100000 && sim_run(&world, world.now + 1));
    }
}

static bool is_claimed(void)
{
    return state() == OTA_JOURNAL_CLAIMED;
}

static bool is_taken(void)
{
    return is_claimed() && p.taken.expected != 0;
}

static void go_to(enum where w)
{
    offer("j1", 1, "s2", v2);
    if (w == IDLE) {
        p.job = NULL;
        notify();
        settle();
        offer("j1", 1, "s2", v2);
        return;
    }
    world.hands_off = true;
    notify();
    const unsigned asked = p.asked;
    switch (w) {
    case ASKED:
        while (p.asked == asked) {
            run_ms(1);
        }
        break;
    case TAKING: run_until(is_claimed); break;
    case HEAD: run_until(is_taken); break;
    case ERASING:
        run_until(is_taken);
        run_ms(100);
        while (world.device.o.untouched) {
            run_ms(1);
        }
        break;
    case RECEIVING: run_to_received(5); break;
    case VERIFYING: run_to_received(world.device.o.journal.file_size / world.cfg.block_size); break;
    case READY: settle(); break;
    case REPORT:
        settle();
        p.mute = true;
        say(OTA_COMMAND_REJECT);
        run_to(OTA_JOURNAL_REPORT_FAIL);
        run_ms(100);
        p.mute = false;
        break;
    case IDLE:
    case PLACES: break;
    }
}

static void resume_and_finish(enum where w)
{
    say(OTA_COMMAND_RESUME);
    settle();
    if (w == REPORT) {
        expect_result(place[w], "j1", 1, "REJECTED");
        return;
    }
    go_on();
    expect_result(place[w], "j1", 1, "SUCCEEDED");
    CHECK_ROW(place[w], sim_running(&world) == v2);
}

/* --- what is promised ------------------------------------------------------------------------ */

static void nothing_leaves_and_nothing_is_written_wherever_it_is(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        world.on_wire = count_sent;
        go_to((enum where)w);
        say(OTA_COMMAND_SUSPEND);
        const unsigned before = sent;
        const uint32_t writes = world.flash.ops;
        for (unsigned i = 0; i < 3; i++) {
            notify();
            run_ms(HOUR_MS);
        }
        CHECK_ROW(place[w], sent == before);
        CHECK_ROW(place[w], world.flash.ops == writes);
        resume_and_finish((enum where)w);
    }
}

static void a_link_that_comes_meanwhile_is_used_when_it_is_resumed(void **ctx)
{
    (void)ctx;
    for (unsigned w = 0; w < PLACES; w++) {
        open_again();
        world.on_wire = count_sent;
        go_to((enum where)w);
        say(OTA_COMMAND_SUSPEND);
        const unsigned before = sent;
        sim_link(&world, false);
        run_ms(1000);
        sim_link(&world, true);
        run_ms(1);
        CHECK_ROW(place[w], !subscribes());
        run_ms(HOUR_MS);
        CHECK_ROW(place[w], sent == before);
        resume_and_finish((enum where)w);
    }
}

static void resumed_it_asks_at_once(void **ctx)
{
    (void)ctx;
    go_to(IDLE);
    say(OTA_COMMAND_SUSPEND);
    run_ms(DAY_MS);
    const unsigned asked = p.asked;
    const ota_ms_t now = world.now;
    say(OTA_COMMAND_RESUME);
    assert_true(sim_run(&world, now));
    run_ms(world.cfg.latency_ms + 1u);
    assert_int_equal(p.asked, asked + 1u);
}

static void suspended_and_idle_it_does_not_want_to_be_called(void **ctx)
{
    (void)ctx;
    go_to(IDLE);
    say(OTA_COMMAND_SUSPEND);
    settle();
    assert_true(ota_orchestrator_deadline(&world.device.o) == OTA_NEVER);
}

static void a_check_meanwhile_is_done_when_it_is_resumed(void **ctx)
{
    (void)ctx;
    go_to(IDLE);
    say(OTA_COMMAND_SUSPEND);
    const unsigned before = sent;
    say(OTA_COMMAND_CHECK);
    run_ms(HOUR_MS);
    assert_int_equal(sent, before);
    resume_and_finish(IDLE);
}

static void a_document_without_room_that_comes_meanwhile_is_nothing(void **ctx)
{
    (void)ctx;
    go_to(IDLE);
    say(OTA_COMMAND_SUSPEND);
    settle();
    ota_orchestrator_too_large(&world.device.o,
                               OTA_SPAN_LIT("$aws/things/" SIM_THING "/jobs/$next/get/accepted"));
    assert_true(ota_orchestrator_deadline(&world.device.o) == OTA_NEVER);
    resume_and_finish(IDLE);
}

static void an_image_without_marks_is_confirmed_when_it_is_resumed(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    struct ota_effect effect;
    cfg.unmarked = true;
    close_world();
    sim_open(&world, &cfg, v1);
    sim_link(&world, false);
    sim_boot(&world);
    while (ota_orchestrator_command(&world.device.o, OTA_COMMAND_SUSPEND) != OTA_OK) {
        assert_false(ota_orchestrator_poll(&world.device.o, world.now, &effect));
    }
    const uint32_t writes = world.flash.ops;
    run_ms(HOUR_MS);
    assert_int_equal(world.flash.ops, writes);
    say(OTA_COMMAND_RESUME);
    settle();
    assert_int_equal(facts().slot[OTA_SLOT_A].image_ok, OTA_MARK_SET);
}

static void what_was_decided_meanwhile_is_done_when_it_is_resumed(void **ctx)
{
    (void)ctx;
    go_to(READY);
    say(OTA_COMMAND_SUSPEND);
    say(OTA_COMMAND_ACTIVATE);
    run_ms(HOUR_MS);
    assert_int_equal(world.boots, 1);
    world.hands_off = false;
    say(OTA_COMMAND_RESUME);
    settle();
    expect_result("activated", "j1", 1, "SUCCEEDED");
}

static void suspending_and_resuming_twice_is_as_once(void **ctx)
{
    (void)ctx;
    go_to(RECEIVING);
    say(OTA_COMMAND_SUSPEND);
    say(OTA_COMMAND_SUSPEND);
    run_ms(1000);
    say(OTA_COMMAND_RESUME);
    say(OTA_COMMAND_RESUME);
    settle();
    go_on();
    expect_result("twice", "j1", 1, "SUCCEEDED");
}

static void a_restart_is_not_suspended(void **ctx)
{
    (void)ctx;
    go_to(RECEIVING);
    say(OTA_COMMAND_SUSPEND);
    sim_boot(&world);
    settle();
    go_on();
    expect_result("after a restart", "j1", 1, "SUCCEEDED");
}

/* --- the self-test ---------------------------------------------------------------------------------- */

static void go_to_testing(void)
{
    go_to(READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    run_ms(100);
    say(OTA_COMMAND_SUSPEND);
    sent = 0;
}

static void a_test_that_passes_is_confirmed_and_reported_later(void **ctx)
{
    (void)ctx;
    go_to_testing();
    say(OTA_COMMAND_CONFIRM);
    run_ms(HOUR_MS);
    assert_int_equal(state(), OTA_JOURNAL_REPORT_OK);
    assert_int_equal(facts().slot[OTA_SLOT_B].image_ok, OTA_MARK_SET);
    assert_int_equal(sent, 0);
    say(OTA_COMMAND_RESUME);
    settle();
    expect_result("passed", "j1", 1, "SUCCEEDED");
}

static void a_test_that_nobody_ends_runs_out_all_the_same(void **ctx)
{
    (void)ctx;
    go_to_testing();
    const unsigned boots = world.boots;
    run_ms(20000);
    assert_int_equal(world.boots, boots + 1u);
    settle();
    assert_ptr_equal(sim_running(&world), v1);
    expect_result("in time", "j1", 1, "FAILED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin_counting, end)
        T(nothing_leaves_and_nothing_is_written_wherever_it_is),
        T(a_link_that_comes_meanwhile_is_used_when_it_is_resumed),
        T(resumed_it_asks_at_once),
        T(suspended_and_idle_it_does_not_want_to_be_called),
        T(a_check_meanwhile_is_done_when_it_is_resumed),
        T(a_document_without_room_that_comes_meanwhile_is_nothing),
        T(an_image_without_marks_is_confirmed_when_it_is_resumed),
        T(what_was_decided_meanwhile_is_done_when_it_is_resumed),
        T(suspending_and_resuming_twice_is_as_once),
        T(a_restart_is_not_suspended),
        T(a_test_that_passes_is_confirmed_and_reported_later),
        T(a_test_that_nobody_ends_runs_out_all_the_same),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
