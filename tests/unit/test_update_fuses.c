/*
 * Updates of a device whose rollback counter is in fuses, which have few steps and burn for ever.
 */
#include "workflow_world.h"

static struct sim_image *v1;

static int begin_with_fuses(void **state)
{
    (void)state;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.fuses = 5;
    v1 = image_of(0, 1, SIM_GOOD);
    open_world(&cfg, v1);
    assert_int_equal(world.fuses.value, 1); /* a confirmed image has raised it */
    return 0;
}

static int end_with_fuses(void **state)
{
    (void)state;
    close_world();
    sim_image_free(v1);
    return 0;
}

static void an_image_above_the_fuses_room_is_refused_before_anything_is_erased(void **state)
{
    (void)state;
    struct sim_image *over = image_of(1, 6, SIM_GOOD), *fits = image_of(2, 5, SIM_GOOD);
    assert_int_equal(deploy("over", over), OTA_JOB_REJECTED);
    expect_reason("over", "cannot rise");
    assert_int_equal(most_erases(&world.layout.slot[OTA_SLOT_B]), 0);
    assert_int_equal(world.fuses.value, 1);
    assert_int_equal(deploy("fits", fits), OTA_JOB_SUCCEEDED);
    assert_int_equal(world.fuses.value, 5);
    sim_image_free(over);
    sim_image_free(fits);
}

static void a_room_that_has_shrunk_is_seen_before_the_image_is_pending(void **state)
{
    (void)state;
    struct sim_image *v2 = image_of(1, 3, SIM_GOOD);
    world.hands_off = true;
    sim_deploy(&world, "j", v2);
    run_to(OTA_JOURNAL_READY);
    world.fuses.max = 2; /* someone else burnt steps */
    say(OTA_COMMAND_ACTIVATE);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_REJECTED);
    expect_reason("j", "cannot rise");
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(world.fuses.value, 1);
    sim_image_free(v2);
}

static void fuses_burn_after_the_confirm_and_not_before(void **state)
{
    (void)state;
    struct sim_image *v2 = image_of(1, 3, SIM_GOOD);
    world.hands_off = true;
    sim_deploy(&world, "j", v2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(world.fuses.value, 1);
    say(OTA_COMMAND_CONFIRM);
    settle();
    assert_int_equal(sim_status(&world, "j", NULL), OTA_JOB_SUCCEEDED);
    assert_int_equal(world.fuses.value, 3);
    sim_image_free(v2);
}

static void a_reverted_image_burns_nothing(void **state)
{
    (void)state;
    struct sim_image *bad = image_of(1, 3, SIM_FAILS);
    assert_int_equal(deploy("j", bad), OTA_JOB_FAILED);
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(world.fuses.value, 1);
    sim_image_free(bad);
}

static void fuses_that_do_not_burn_are_tried_again_at_the_next_start(void **state)
{
    (void)state;
    struct sim_image *v2 = image_of(1, 3, SIM_GOOD);
    world.fuses.stuck = true;
    assert_int_equal(deploy("j", v2), OTA_JOB_SUCCEEDED);
    assert_int_equal(world.fuses.value, 1);
    world.fuses.stuck = false;
    sim_boot(&world);
    settle();
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(world.fuses.value, 3);
    sim_image_free(v2);
}

static void fuses_that_cannot_be_read_boot_nothing(void **state)
{
    (void)state;
    world.fuses.unreadable = true;
    sim_boot(&world);
    assert_true(world.device.bricked);
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_RECOVERY);
    world.fuses.unreadable = false;
    sim_boot(&world);
    settle();
    assert_ptr_equal(sim_running(&world), v1);
}

#define WITH_FUSES(test) cmocka_unit_test_setup_teardown(test, begin_with_fuses, end_with_fuses)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        WITH_FUSES(an_image_above_the_fuses_room_is_refused_before_anything_is_erased),
        WITH_FUSES(a_room_that_has_shrunk_is_seen_before_the_image_is_pending),
        WITH_FUSES(fuses_burn_after_the_confirm_and_not_before),
        WITH_FUSES(a_reverted_image_burns_nothing),
        WITH_FUSES(fuses_that_do_not_burn_are_tried_again_at_the_next_start),
        WITH_FUSES(fuses_that_cannot_be_read_boot_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
