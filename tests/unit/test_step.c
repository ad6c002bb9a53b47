/*
 * Step time-outs: told from what is left and how fast it comes, ended when the application has its
 * say, and not there unless they are wanted.
 */
#include "workflow_provider.h"

#include "ota/step.h"

#define NOT_TOLD (-2)

/* What updates said of the timer: the newest, and the range. */
static struct {
    int newest, least, most;
    unsigned offs, updates;
    bool head_only; /* the download gets no blocks */
    bool over;      /* so is the job when the timer's end is told */
} timer;

static int minutes_in(struct ota_span payload)
{
    static const char name[] = "\"stepTimeoutInMinutes\":";
    char text[OTA_SCRATCH_PAYLOAD_MIN + 1];
    (void)snprintf(text, sizeof text, "%.*s", (int)payload.len, (const char *)payload.ptr);
    const char *const at = strstr(text, name);
    return at != NULL ? atoi(at + sizeof name - 1u) : NOT_TOLD;
}

static bool watch(struct sim *s, enum sim_direction to, struct ota_span topic,
                  struct ota_span payload)
{
    if (to == SIM_TO_PROVIDER && has(topic, "/update")) {
        timer.updates++;
        timer.newest = minutes_in(payload);
        timer.offs += timer.newest == -1;
        timer.least = timer.newest < timer.least ? timer.newest : timer.least;
        timer.most = timer.newest > timer.most ? timer.newest : timer.most;
    }
    if (timer.over && timer.newest == -1) {
        p.code = "TerminalStateReached";
        p.code_state = "CANCELED";
        p.job = NULL;
    }
    if (timer.head_only && has(topic, "/streams/") && state() == OTA_JOURNAL_RECEIVING) {
        return false;
    }
    return on_wire(s, to, topic, payload);
}

static void open_watched(const struct sim_cfg *cfg)
{
    close_world();
    open_with(cfg);
    world.on_wire = watch;
    world.hands_off = true;
    memset(&timer, 0, sizeof timer);
    timer.least = 1000000;
    timer.most = -1000000;
    offer("j1", 1, "s2", v2);
    notify();
}

static void open_timed(uint32_t (*minutes)(struct ota_orchestrator *o))
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.step_minutes = minutes;
    cfg.window = 1; /* one block at a time: most of them are told of */
    open_watched(&cfg);
}

/* --- what is told ------------------------------------------------------------------------- */

static void without_it_nothing_is_told(void **ctx)
{
    (void)ctx;
    open_timed(NULL);
    settle();
    go_on();
    expect_result("as ever", "j1", 1, "SUCCEEDED");
    assert_true(timer.updates > 3);
    assert_int_equal(timer.most, NOT_TOLD);
}

static void a_quick_download_is_given_an_hour(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    run_to_received(10);
    assert_true(timer.updates >= 2); /* the claim, and progress */
    assert_int_equal(timer.least, 60);
    assert_int_equal(timer.most, 60);
    settle();
    assert_int_equal(timer.newest, -1);
    go_on();
    expect_result("in time", "j1", 1, "SUCCEEDED");
}

/* The next block comes after so long. */
static void wait_for_block(ota_ms_t ms)
{
    p.no_streams = true;
    run_ms(ms);
    p.no_streams = false;
    run_to_received(world.device.o.received + 2u);
}

static void a_slow_download_is_given_four_times_what_is_left(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    run_to_received(2);
    const ota_ms_t begin = world.now;
    wait_for_block(8u * HOUR_MS);
    const uint64_t here = (uint64_t)world.device.o.received * world.cfg.block_size;
    const int minutes = (int)((world.now - begin) * (v2->size - here) / here / 60000u * 4u);
    assert_true(minutes > 8 * 60 && minutes < (int)OTA_STEP_MINUTES_MAX);
    assert_in_range(timer.most, minutes * 3 / 4, minutes * 5 / 3);
    settle();
    go_on();
    expect_result("in the end", "j1", 1, "SUCCEEDED");
}

static void nothing_is_given_more_than_a_week(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    run_to_received(2);
    wait_for_block((ota_ms_t)100 * DAY_MS);
    assert_int_equal(timer.most, (int)OTA_STEP_MINUTES_MAX);
}

static void the_timers_end_is_told_until_it_is_heard(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    run_to_received(10);
    p.mute = true;
    run_to(OTA_JOURNAL_READY);
    run_ms(10u * 60000u);
    assert_true(timer.offs > 3);
    p.mute = false;
    settle();
    const unsigned offs = timer.offs;
    notify();
    run_ms(HOUR_MS);
    assert_int_equal(timer.offs, offs);
    go_on();
    expect_result("ready", "j1", 1, "SUCCEEDED");
}

/* What it measured is gone with the power, and so is the clock. */
static void after_a_restart_the_pace_is_measured_anew(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    run_to_received(2);
    wait_for_block(8u * HOUR_MS);
    assert_true(timer.newest > 8 * 60);
    sim_boot(&world);
    timer.updates = 0;
    while (timer.updates == 0) {
        run_ms(1);
    }
    assert_int_equal(timer.newest, 60);
}

/* Restored from a backup, it offers the job again, from another stream, before a block has come. */
static void a_take_that_is_told_again_before_anything_came_is_given_an_hour(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    timer.head_only = true;
    run_to(OTA_JOURNAL_RECEIVING);
    run_ms(1000);
    p.status = "QUEUED";
    p.version = 1;
    write_document("s2b", v2);
    timer.updates = 0;
    notify();
    run_ms(1000);
    assert_int_equal(timer.updates, 1);
    assert_int_equal(timer.newest, 60);
    assert_string_equal(p.status, "IN_PROGRESS");
    timer.head_only = false;
    settle();
    go_on();
    expect_result("all the same", "j1", 1, "SUCCEEDED");
}

static void an_end_of_the_timer_that_is_refused_makes_us_ask_for_the_job(void **ctx)
{
    (void)ctx;
    open_timed(ota_step_minutes);
    timer.over = true;
    settle();
    assert_int_equal(timer.offs, 1);
    assert_int_equal(state(), OTA_JOURNAL_NONE);
    assert_null(sim_image_in(&world, OTA_SLOT_B));
    assert_int_equal(p.results, 0);
}

/* It takes what it takes. */
static void a_job_of_the_applications_own_kind_has_no_timer(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.step_minutes = ota_step_minutes;
    cfg.custom = &ota_custom_jobs;
    open_watched(&cfg);
    p.unrecorded = true;
    strcpy(p.document, "{\"operation\":\"blink\"}");
    settle();
    say(OTA_COMMAND_ACCEPT);
    settle();
    assert_string_equal(p.status, "IN_PROGRESS");
    assert_int_equal(timer.updates, 1);
    assert_int_equal(timer.newest, NOT_TOLD);
}

static uint32_t seven(struct ota_orchestrator *o)
{
    (void)o;
    return 7;
}

static void an_estimate_of_ones_own_is_told(void **ctx)
{
    (void)ctx;
    open_timed(seven);
    run_to_received(10);
    assert_int_equal(timer.most, 7);
}

/* --- and what a provider makes of it ---------------------------------------------------------- */

static void open_real(void)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.step_minutes = ota_step_minutes;
    close_world();
    open_world(&cfg, v1);
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
}

static void a_device_that_is_gone_is_timed_out_by_its_own_estimate(void **ctx)
{
    (void)ctx;
    open_real();
    run_to_received(5);
    sim_link(&world, false);
    run_ms(58u * 60000u);
    sim_link(&world, true); /* so that the provider looks at its clock */
    run_ms(50);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_IN_PROGRESS);
    sim_link(&world, false);
    run_ms((ota_ms_t)8 * DAY_MS); /* more than it can have asked for */
    sim_link(&world, true);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_TIMED_OUT);
    assert_int_equal(state(), OTA_JOURNAL_NONE); /* given up, as if canceled */
}

static void an_image_may_wait_for_its_night_as_long_as_it_likes(void **ctx)
{
    (void)ctx;
    open_real();
    settle();
    assert_int_equal(state(), OTA_JOURNAL_READY);
    run_ms((ota_ms_t)30 * DAY_MS);
    go_on();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(without_it_nothing_is_told),
        T(a_quick_download_is_given_an_hour),
        T(a_slow_download_is_given_four_times_what_is_left),
        T(nothing_is_given_more_than_a_week),
        T(the_timers_end_is_told_until_it_is_heard),
        T(after_a_restart_the_pace_is_measured_anew),
        T(a_take_that_is_told_again_before_anything_came_is_given_an_hour),
        T(an_end_of_the_timer_that_is_refused_makes_us_ask_for_the_job),
        T(a_job_of_the_applications_own_kind_has_no_timer),
        T(an_estimate_of_ones_own_is_told),
        T(a_device_that_is_gone_is_timed_out_by_its_own_estimate),
        T(an_image_may_wait_for_its_night_as_long_as_it_likes),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
