/*
 * Where two rare things meet: a trial without a journal and without a way back, or while suspended; an image that
 * others confirmed in the middle of its test; a check while an activation is put off.
 */
#include "workflow_world.h"

static struct sim_image *v1, *v2, *v3;

static int begin(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.trials_max = 2;
    v1 = image_of(1, 1, SIM_GOOD);
    v2 = image_of(2, 1, SIM_GOOD);
    v3 = image_of(3, 1, SIM_GOOD);
    open_world(&cfg, v1);
    world.hands_off = true;
    return 0;
}

static int end(void **ctx)
{
    (void)ctx;
    close_world();
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(v3);
    return 0;
}

static unsigned seen[OTA_EVENT_FILE_COMPLETE + 1u];

static void count_events(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    seen[effect->as.event.kind]++;
}

static void expect_well(const char *id, const struct sim_image *image)
{
    world.hands_off = false;
    assert_int_equal(deploy(id, image), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), image);
}

static void run_to_test(void)
{
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
}

/* v2 is tried once more, and nobody knows whose job it was. */
static void lose_the_journal_in_a_test(void)
{
    run_to_test();
    wipe(world.layout.journal);
    sim_cancel(&world, "j1");
    memset(seen, 0, sizeof seen);
    world.on_event = count_events;
    sim_boot(&world);
    assert_true(sim_run(&world, world.now + 1000));
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(seen[OTA_EVENT_START_TEST], 1);
}

static void what_fails_without_a_job_and_without_a_way_back_stays_and_takes_the_next(void **ctx)
{
    (void)ctx;
    lose_the_journal_in_a_test();
    const uint32_t boots = world.boots;
    rot(OTA_SLOT_A);
    say(OTA_COMMAND_REJECT);
    settle();
    assert_int_equal(seen[OTA_EVENT_SELF_TEST_FAILED], 1);
    assert_int_equal(seen[OTA_EVENT_START_TEST], 1);
    assert_int_equal(world.boots, boots);
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(facts().slot[OTA_SLOT_B].image_ok, OTA_MARK_UNSET);
    expect_well("j2", v3);
}

static void a_trial_without_a_job_comes_to_its_end_while_suspended(void **ctx)
{
    (void)ctx;
    lose_the_journal_in_a_test();
    say(OTA_COMMAND_SUSPEND);
    say(OTA_COMMAND_REJECT);
    assert_true(sim_run(&world, world.now + 1000));
    assert_ptr_equal(sim_running(&world), v1);
    expect_well("j2", v3);
}

/* 0: none. */
static void put_sequence(enum ota_slot slot, uint32_t sequence)
{
    uint8_t bytes[8];
    struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
    ota_write_u32le(&w, sequence);
    ota_write_u32le(&w, ~sequence);
    if (sequence == 0) {
        memset(bytes, world.flash.base.erased, sizeof bytes);
    }
    memcpy(world.flash.bytes + field(slot, SEQUENCE), bytes, sizeof bytes);
}

/* Confirmed in the middle of its test, by the application itself or a tool: is it what will boot? */
static void what_others_confirmed_succeeds_if_it_stays(void **ctx)
{
    (void)ctx;
    static const struct {
        const char *why, *id;
        uint32_t old, own; /* sequences; 0: none */
        bool stays;
    } rows[] = {
        { "above the other", "above", 1, 2, true },
        { "the same as the other: a tie is no promise", "same", 2, 2, false },
        { "below the other", "below", 3, 2, false },
        { "without one", "none", 1, 0, false },
        { "the other has none", "over-none", 0, 2, true },
        { "neither has one: the versions decide", "both-none", 0, 0, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct sim_cfg cfg = sim_cfg_default();
        close_world();
        open_world(&cfg, v1);
        world.hands_off = true;
        run_to_test();
        assert_true(sim_run(&world, world.now + 1000));
        assert_int_equal(ota_store_confirm(&world.device.store, OTA_SLOT_B), OTA_OK);
        put_sequence(OTA_SLOT_A, rows[i].old);
        put_sequence(OTA_SLOT_B, rows[i].own);
        say(OTA_COMMAND_CONFIRM);
        settle();
        const enum ota_job_status status = sim_status(&world, "j1", NULL);
        CHECK_ROW(rows[i].why, status == (rows[i].stays ? OTA_JOB_SUCCEEDED : OTA_JOB_FAILED));
        CHECK_ROW(rows[i].why, sim_running(&world) == v2);
        sim_boot(&world);
        CHECK_ROW(rows[i].why, (sim_running(&world) == v2) == (rows[i].own >= rows[i].old));
    }
}

static void what_others_confirmed_and_failed_is_told_as_it_is(void **ctx)
{
    (void)ctx;
    run_to_test();
    assert_true(sim_run(&world, world.now + 1000));
    assert_int_equal(ota_store_confirm(&world.device.store, OTA_SLOT_B), OTA_OK);
    say(OTA_COMMAND_REJECT);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "confirmed against the verdict");
    assert_ptr_equal(sim_running(&world), v2);
    expect_well("j2", v3);
}

static void a_check_does_not_end_what_an_activation_waits_for(void **ctx)
{
    (void)ctx;
    sim_deploy(&world, "j1", v2);
    world.on_event = count_events;
    run_to(OTA_JOURNAL_READY);
    assert_true(sim_run(&world, world.now + 1000));
    const ota_ms_t until = world.now + 3600000u;
    const struct ota_decision later = { .command = OTA_COMMAND_LATER, .until = until };
    assert_int_equal(ota_orchestrator_decide(&world.device.o, &later), OTA_OK);
    memset(seen, 0, sizeof seen);
    say(OTA_COMMAND_CHECK);
    assert_true(sim_run(&world, until - 1u));
    assert_int_equal(seen[OTA_EVENT_ACTIVATE], 0);
    assert_int_equal(state(), OTA_JOURNAL_READY);
    world.hands_off = false;
    assert_true(sim_run(&world, until));
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
}

/* The subscriptions are there first: nobody is asked, and nothing is heard, before it knows where it is. */
static void a_restart_has_its_verdict_before_it_asks(void **ctx)
{
    (void)ctx;
    struct ota_effect effect;
    unsigned acked = 0;
    sim_boot(&world);
    for (unsigned polls = 0; acked < OTA_SUBSCRIPTIONS; polls++) {
        assert_true(polls < 100);
        if (ota_orchestrator_poll(&world.device.o, world.now, &effect)) {
            assert_int_equal(effect.kind, OTA_EFFECT_SUBSCRIBE);
            ota_orchestrator_subscribed(&world.device.o, effect.as.subscribe.filter);
            acked++;
        }
    }
    expect_no_command();
    const uint32_t refused = world.device.o.stats.refused;
    ota_orchestrator_message(&world.device.o, OTA_SPAN_LIT("$aws/things/sim-1/jobs/notify-next"),
                             OTA_SPAN_LIT("{"), world.now);
    assert_int_equal(world.device.o.stats.refused, refused);
    for (unsigned polls = 0; !ota_orchestrator_poll(&world.device.o, world.now, &effect); polls++) {
        assert_true(polls < 100);
    }
    assert_int_equal(effect.kind, OTA_EFFECT_PUBLISH);
    say(OTA_COMMAND_CHECK);
}

/* Someone wrote it there while the power was off; it is a good one, and not the one of the job. */
static void another_image_than_the_one_that_was_fetched_is_not_installed(void **ctx)
{
    (void)ctx;
    const struct sim_image_spec spec = { .version = { .major = 1, .minor = 4 },
                                         .payload_size = 7000,
                                         .counter = 1 };
    struct sim_image *const other = sim_image_make(&spec);
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    const struct ota_region room = ota_store_image_region(&world.device.store, OTA_SLOT_B);
    wipe(room);
    memcpy(world.flash.bytes + room.offset, other->bytes, other->size);
    sim_boot(&world);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_REJECTED);
    expect_reason("j1", "OTA_E_IMAGE_OTHER");
    assert_ptr_equal(sim_running(&world), v1);
    expect_well("j2", v3);
    sim_image_free(other);
}

static void a_slot_whose_begin_cannot_be_read_fails_the_job_and_nothing_else(void **ctx)
{
    (void)ctx;
    sim_deploy(&world, "j1", v2);
    run_to_received(9);
    sim_boot(&world);
    world.flash.broken_read = (struct ota_region){ world.layout.slot[OTA_SLOT_B].offset, 32 };
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "OTA_E_FLASH");
    assert_ptr_equal(sim_running(&world), v1);
    world.flash.broken_read.size = 0;
    expect_well("j2", v2);
}

static void a_download_goes_on_where_a_sector_begins(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.block_size = 256;
    cfg.window = 3;
    close_world();
    open_world(&cfg, v1);
    sim_deploy(&world, "j1", v2);
    restart_at_a_mark_within_a_sector(OTA_JOURNAL_RECEIVING);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(what_fails_without_a_job_and_without_a_way_back_stays_and_takes_the_next),
        T(a_trial_without_a_job_comes_to_its_end_while_suspended),
        T(what_others_confirmed_succeeds_if_it_stays),
        T(what_others_confirmed_and_failed_is_told_as_it_is),
        T(a_check_does_not_end_what_an_activation_waits_for),
        T(a_restart_has_its_verdict_before_it_asks),
        T(another_image_than_the_one_that_was_fetched_is_not_installed),
        T(a_slot_whose_begin_cannot_be_read_fails_the_job_and_nothing_else),
        T(a_download_goes_on_where_a_sector_begins),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
