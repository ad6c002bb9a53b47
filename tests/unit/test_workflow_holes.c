/*
 * The holes that model checking found in the drafts of the update workflow, one
 * test each: H1 to H17 of the first, N1 to N6 of the second. Each is a story of
 * power cuts, rot, a lost journal or another tool's marks, told to the real code.
 *
 * Not here: H17 (MCUboot in direct-XIP mode never tries a version that is not
 * higher; with our bootloader the install sequence decides, see H6).
 */
#include "workflow_world.h"

static struct sim_image *v1, *v2, *v3, *bad;

static int begin_with(const struct sim_cfg *cfg)
{
    v1 = image_of(1, 1, SIM_GOOD);
    v2 = image_of(2, 1, SIM_GOOD);
    v3 = image_of(3, 1, SIM_GOOD);
    bad = image_of(4, 1, SIM_FAILS);
    open_world(cfg, v1);
    return 0;
}

static int begin(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = sim_cfg_default();
    return begin_with(&cfg);
}

static int end(void **ctx)
{
    (void)ctx;
    close_world();
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(v3);
    sim_image_free(bad);
    return 0;
}

static void open_again(const struct sim_cfg *cfg)
{
    close_world();
    open_world(cfg, v1);
}

static void boot_and_settle(void)
{
    sim_boot(&world);
    settle();
}

/* The device is well: another update ends as it should, and stays. */
static void expect_well(const char *id, const struct sim_image *image)
{
    world.hands_off = false;
    world.on_event = NULL;
    assert_int_equal(deploy(id, image), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), image);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), image);
}

/*
 * Deploy `image` as j1 and cut each flash operation after `event`, before it and with several noises in it, until what lies in flash
 * is what the test wants. Leaves the device without power.
 */
static void lose_power_where(bool (*wanted)(void), const struct sim_cfg *cfg,
                             const struct sim_image *image, enum ota_event_kind event)
{
    struct sim_cfg with = *cfg;
    for (uint32_t seed = 0; seed <= 8; seed++) {
        const enum flash_cut how = seed == 0 ? FLASH_CUT_BEFORE : FLASH_CUT_NOISE;
        with.seed = seed * 2654435761u + 1u;
        bool was_cut = true;
        for (uint32_t n = 1; was_cut; n++) {
            open_again(&with);
            sim_deploy(&world, "j1", image);
            plan_cut(event, n, how);
            was_cut = !sim_run(&world, OTA_NEVER);
            if (was_cut && wanted()) {
                return;
            }
        }
    }
    fail_msg("no cut leaves that behind");
}

/* --- H1, H2: nothing half done can boot ---------------------------------------------------- */

/* An unmarked image that cannot be marked: its first confirm was torn. */
static void open_unmarked_for_ever(void)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.unmarked = true;
    close_world();
    sim_open(&world, &cfg, v1);
    world.flash.bytes[field(OTA_SLOT_A, IMAGE_OK)] = 0x3f;
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_UNMARKED);
}

static void download_and_lose_power(void)
{
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    wipe(world.layout.journal);
    sim_boot(&world);
    assert_ptr_equal(sim_running(&world), v1);
    settle();
}

static void h1_a_whole_download_that_nobody_activated_does_not_boot(void **ctx)
{
    (void)ctx;
    download_and_lose_power();
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_CONFIRMED);
}

static void h1_nor_over_an_unmarked_image(void **ctx)
{
    (void)ctx;
    open_unmarked_for_ever();
    download_and_lose_power();
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_UNMARKED);
}

static void h2_a_failed_image_never_comes_back_through_a_cut_in_its_erasure(void **ctx)
{
    (void)ctx;
    for (unsigned how = 0; how < FLASH_CUT_KINDS; how++) {
        bool was_cut = true;
        for (uint32_t n = 1; was_cut; n++) {
            open_unmarked_for_ever();
            sim_deploy(&world, "j1", bad);
            plan_cut(OTA_EVENT_SELF_TEST_FAILED, n, (enum flash_cut)how);
            was_cut = !sim_run(&world, OTA_NEVER);
            if (was_cut) {
                boot_and_settle();
            }
            assert_ptr_equal(sim_running(&world), v1);
            assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
            boot_and_settle();
            assert_ptr_equal(sim_running(&world), v1);
        }
    }
}

/* --- H3: giving a claim up can be cut too ----------------------------------------------------- */

static bool target_begins_blank(void)
{
    return world.flash.bytes[world.layout.slot[OTA_SLOT_B].offset] == world.flash.base.erased;
}

static void h3_a_claim_is_given_up_on_record_before_its_bytes_go(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = sim_cfg_default();
    bool was_cut = true;
    for (uint32_t n = 1; was_cut; n++) {
        open_again(&cfg);
        world.hands_off = true;
        sim_deploy(&world, "j1", v2);
        run_to(OTA_JOURNAL_READY);
        settle();
        plan_cut(OTA_EVENT_CANCELED, n, FLASH_CUT_HALF);
        sim_cancel(&world, "j1");
        was_cut = !sim_run(&world, OTA_NEVER);
        assert_true(!target_begins_blank() || journal() == OTA_JOURNAL_DROP ||
                    journal() == OTA_JOURNAL_NONE);
        boot_and_settle();
        assert_int_equal(state(), OTA_JOURNAL_NONE);
        assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_CANCELED);
        assert_true(target_begins_blank());
        expect_well("j2", v2);
    }
}

/* --- H4, N1: marks that were torn ------------------------------------------------------------------ */

static bool magic_is_torn(void)
{
    return facts().slot[OTA_SLOT_B].magic == OTA_MARK_TORN;
}

static void h4_a_torn_magic_costs_a_download_and_nothing_else(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = sim_cfg_default();
    lose_power_where(magic_is_torn, &cfg, v2, OTA_EVENT_ACTIVATE);
    sim_boot(&world);
    assert_ptr_equal(sim_running(&world), v1);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
    expect_well("j2", v3);
    expect_well("j3", v1);
}

/* The same version in other bytes. */
static struct sim_image *twin_of_v1(void)
{
    const struct sim_image_spec spec = { .version = { .major = 1, .minor = 1 },
                                         .payload_size = 7000,
                                         .counter = 1 };
    return sim_image_make(&spec);
}

static bool sequence_is_torn(void)
{
    return facts().slot[OTA_SLOT_B].sequence_mark == OTA_MARK_TORN;
}

static void n1_a_torn_sequence_costs_a_download_and_an_equal_version_stays(void **ctx)
{
    (void)ctx;
    struct sim_image *twin = twin_of_v1();
    const struct sim_cfg cfg = sim_cfg_default();
    lose_power_where(sequence_is_torn, &cfg, twin, OTA_EVENT_ACTIVATE);
    boot_and_settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), twin);
    assert_int_equal(facts().slot[OTA_SLOT_B].sequence, 1);
    sim_image_free(twin);
}

static void a_mark_that_cannot_be_written_fails_the_job_after_one_download(void **ctx)
{
    (void)ctx;
    world.flash.deaf = (struct ota_region){ field(OTA_SLOT_B, MAGIC), 16 };
    assert_int_equal(deploy("j1", v2), OTA_JOB_FAILED);
    assert_true(world.stream_bytes < 2u * v2->size);
    world.flash.deaf = (struct ota_region){ 0 };
    expect_well("j2", v2);
}

static void a_slot_that_keeps_nothing_fails_the_job_after_one_download(void **ctx)
{
    (void)ctx;
    world.flash.deaf = (struct ota_region){ world.layout.slot[OTA_SLOT_B].offset, 512 };
    assert_int_equal(deploy("j1", v2), OTA_JOB_FAILED);
    assert_true(world.stream_bytes < 2u * v2->size);
    world.flash.deaf = (struct ota_region){ 0 };
    expect_well("j2", v2);
}

/* --- H5: a pending image that the bootloader does not try ------------------------------------------ */

static void h5_an_image_that_the_bootloader_refuses_is_tried_three_times(void **ctx)
{
    (void)ctx;
    /* It cannot count trials, so it does not begin one. */
    world.flash.deaf = (struct ota_region){ field(OTA_SLOT_B, TRIALS) - 56u, 64 };
    const uint32_t boots = world.boots;
    sim_deploy(&world, "j1", v2);
    settle();
    assert_int_equal(world.boots - boots, 3);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "refused by bootloader: flash does not hold what was written");
    assert_ptr_equal(sim_running(&world), v1);
    world.flash.deaf = (struct ota_region){ 0 };
    expect_well("j2", v2);
}

static bool is_pending(void)
{
    const struct ota_slot_facts b = facts().slot[OTA_SLOT_B];
    return b.magic == OTA_MARK_SET && b.trials == 0 && journal() == OTA_JOURNAL_ACTIVATING;
}

static void h5_a_pending_image_that_rots_is_withdrawn(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = sim_cfg_default();
    lose_power_where(is_pending, &cfg, v2, OTA_EVENT_ACTIVATE);
    rot(OTA_SLOT_B);
    const uint32_t boots = world.boots;
    boot_and_settle();
    assert_int_equal(world.boots - boots, 1);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "digest does not match");
    expect_well("j2", v2);
}

/* MCUboot leaves no trial mark of ours: that it copied, or would have, is all that it tells of its try. */
static void an_image_that_another_bootloader_tried_did_not_start(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = sim_cfg_default();
    lose_power_where(is_pending, &cfg, v2, OTA_EVENT_ACTIVATE);
    world.flash.bytes[field(OTA_SLOT_B, COPY_DONE)] = 1;
    boot_and_settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "new image did not start");
    assert_ptr_equal(sim_running(&world), v1);
    expect_well("j2", v2);
}

/* --- H6: versions do not decide --------------------------------------------------------------------- */

static void h6_an_equal_version_stays_in_either_slot(void **ctx)
{
    (void)ctx;
    struct sim_image *twin = twin_of_v1();
    expect_well("to-b", twin);
    assert_int_equal(world.device.boot.verdict.slot, OTA_SLOT_B);
    expect_well("to-a", v1);
    assert_int_equal(world.device.boot.verdict.slot, OTA_SLOT_A);
    sim_image_free(twin);
}

/* --- H7, H13: cuts between image_ok and the rest -------------------------------------------------------- */

static bool confirmed_and_not_counted(void)
{
    return facts().slot[OTA_SLOT_B].image_ok == OTA_MARK_SET && facts().counter < 5;
}

static void h7_the_counter_is_raised_after_a_cut_behind_image_ok(void **ctx)
{
    (void)ctx;
    struct sim_image *counted = image_of(5, 5, SIM_GOOD);
    const struct sim_cfg cfg = sim_cfg_default();
    for (int journal_too = 0; journal_too <= 1; journal_too++) {
        lose_power_where(confirmed_and_not_counted, &cfg, counted, OTA_EVENT_START_TEST);
        if (journal_too) {
            wipe(world.layout.journal);
        }
        sim_link(&world, false); /* nobody's offer may be what raises it */
        boot_and_settle();
        assert_ptr_equal(sim_running(&world), counted);
        assert_int_equal(facts().counter, 5);
        sim_link(&world, true);
        settle();
        assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    }
    sim_image_free(counted);
}

static bool is_confirmed(void)
{
    return facts().slot[OTA_SLOT_B].image_ok == OTA_MARK_SET && journal() == OTA_JOURNAL_OUTCOME_OK;
}

static void h13_what_is_confirmed_is_not_installed_again_without_its_journal(void **ctx)
{
    (void)ctx;
    struct sim_image *twin = twin_of_v1();
    const struct sim_cfg cfg = sim_cfg_default();
    lose_power_where(is_confirmed, &cfg, twin, OTA_EVENT_START_TEST);
    wipe(world.layout.journal);
    const uint32_t boots = world.boots;
    boot_and_settle();
    assert_int_equal(world.boots, boots + 1u);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    expect_reason("j1", "already installed");
    assert_ptr_equal(sim_running(&world), twin);
    assert_ptr_equal(sim_image_in(&world, OTA_SLOT_A), v1);
    sim_image_free(twin);
}

/* --- H8: a confirm that cannot be done ---------------------------------------------------------------------- */

static bool image_ok_is_torn(void)
{
    return facts().slot[OTA_SLOT_B].image_ok == OTA_MARK_TORN;
}

static void h8_a_torn_confirm_with_trials_left_reverts(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.trials_max = 2;
    lose_power_where(image_ok_is_torn, &cfg, v2, OTA_EVENT_START_TEST);
    sim_boot(&world);
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_TRIAL_AGAIN);
    settle();
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "cannot be confirmed");
    expect_well("j2", v2);
}

/* --- H9, N6: no way back ---------------------------------------------------------------------------------------- */

static unsigned tests_begun;

static void count_tests(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    tests_begun += effect->as.event.kind == OTA_EVENT_START_TEST;
}

static void rot_a_at_the_test(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    if (effect->as.event.kind == OTA_EVENT_START_TEST) {
        rot(OTA_SLOT_A);
    }
}

static void fail_without_a_way_back(void)
{
    world.on_event = rot_a_at_the_test;
    const uint32_t boots = world.boots;
    assert_int_equal(deploy("j1", bad), OTA_JOB_FAILED);
    expect_reason("j1", "no way back");
    expect_reason("j1", "\"version\":\"1.4.0\"");
    assert_int_equal(world.boots - boots, 1);
    assert_ptr_equal(sim_running(&world), bad);
    world.on_event = NULL;
}

static void h9_a_failed_image_without_a_way_back_stays_and_takes_the_next(void **ctx)
{
    (void)ctx;
    fail_without_a_way_back();
    expect_well("j2", v3);
}

static void h9_after_a_restart_too(void **ctx)
{
    (void)ctx;
    fail_without_a_way_back();
    tests_begun = 0;
    world.on_event = count_tests;
    boot_and_settle();
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_LAST_RESORT);
    assert_int_equal(tests_begun, 0);
    expect_well("j2", v3);
}

static void h9_nobody_confirms_it_by_offering_it_again(void **ctx)
{
    (void)ctx;
    fail_without_a_way_back();
    assert_int_equal(deploy("again", bad), OTA_JOB_FAILED);
    expect_reason("again", "no way back");
    assert_int_equal(facts().slot[OTA_SLOT_B].image_ok, OTA_MARK_UNSET);
    expect_well("j2", v3);
}

static void h9_nor_by_naming_its_digest(void **ctx)
{
    (void)ctx;
    char text[1024];
    fail_without_a_way_back();
    sim_document("again", bad, text, sizeof text);
    name_image(text, sizeof text, bad);
    const uint32_t bytes = world.stream_bytes;
    sim_deploy_document(&world, "again", bad, text);
    settle();
    assert_int_equal(sim_status(&world, "again", NULL), OTA_JOB_FAILED);
    expect_reason("again", "no way back");
    assert_int_equal(world.stream_bytes, bytes);
    assert_int_equal(facts().slot[OTA_SLOT_B].image_ok, OTA_MARK_UNSET);
    expect_well("j2", v3);
}

static void n6_what_runs_for_want_of_anything_better_is_not_tested_again(void **ctx)
{
    (void)ctx;
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    rot(OTA_SLOT_A);
    tests_begun = 0;
    world.on_event = count_tests;
    boot_and_settle(); /* it hung, the watchdog reset it, and there is nothing else */
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_LAST_RESORT);
    assert_int_equal(tests_begun, 0);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_well("j2", v3);
}

static void n6_nor_without_its_journal(void **ctx)
{
    (void)ctx;
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    rot(OTA_SLOT_A);
    wipe(world.layout.journal);
    sim_cancel(&world, "j1");
    tests_begun = 0;
    world.on_event = count_tests;
    boot_and_settle();
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_LAST_RESORT);
    assert_int_equal(tests_begun, 0);
    expect_well("j2", v3);
}

/* --- H10, H11, H12: what is said to whom ------------------------------------------------------------------------- */

static struct {
    unsigned updates, numbered, asked;
    uint8_t *none; /* the first answer that nothing is pending */
    size_t none_len;
    char topic[256];
} heard;

static bool contains(struct ota_span text, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool listen(struct sim *s, enum sim_direction to, struct ota_span topic,
                   struct ota_span payload)
{
    (void)s;
    if (to == SIM_TO_PROVIDER && contains(topic, "/update")) {
        heard.updates++;
        heard.numbered += contains(payload, "\"executionNumber\":");
    }
    heard.asked += to == SIM_TO_PROVIDER && contains(topic, "/$next/get");
    if (to == SIM_TO_DEVICE && contains(topic, "/$next/get/accepted") &&
        !contains(payload, "\"execution\":") && heard.none == NULL) {
        heard.none = t_exact(payload.ptr, payload.len);
        heard.none_len = payload.len;
        assert_true(topic.len < sizeof heard.topic);
        memcpy(heard.topic, topic.ptr, topic.len);
    }
    return true;
}

static void h10_every_update_names_its_execution(void **ctx)
{
    (void)ctx;
    memset(&heard, 0, sizeof heard);
    world.on_wire = listen;
    assert_int_equal(deploy("j1", v2), OTA_JOB_SUCCEEDED);
    assert_int_equal(deploy("j2", bad), OTA_JOB_FAILED);
    assert_true(heard.updates >= 6);
    assert_int_equal(heard.numbered, heard.updates);
    free(heard.none);
}

static void say_none_again(void)
{
    assert_non_null(heard.none);
    sim_say(&world, 0, ota_span_of_str(heard.topic),
            (struct ota_span){ heard.none, heard.none_len });
}

static void h11_a_late_none_ends_no_other_claim(void **ctx)
{
    (void)ctx;
    memset(&heard, 0, sizeof heard);
    world.on_wire = listen;
    sim_link(&world, false);
    sim_link(&world, true);
    settle();
    sim_deploy(&world, "j1", v2);
    for (unsigned i = 0; i < 2000 && sim_running(&world) != v2; i++) {
        say_none_again();
        assert_true(sim_run(&world, world.now + 1));
    }
    say_none_again();
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    free(heard.none);
}

static void h12_a_trial_whose_journal_is_lost_is_tested_before_anyone_is_asked(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.trials_max = 2;
    open_again(&cfg);
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    say(OTA_COMMAND_ACTIVATE);
    run_to(OTA_JOURNAL_TESTING);
    wipe(world.layout.journal);
    memset(&heard, 0, sizeof heard);
    world.on_wire = listen;
    sim_boot(&world);
    assert_true(sim_run(&world, world.now + 5000));
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(heard.asked, 0);
    say(OTA_COMMAND_REJECT);
    assert_true(sim_run(&world, world.now + 1));
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(facts().slot[OTA_SLOT_B].image_ok, OTA_MARK_UNSET);
    free(heard.none);
}

/* --- H14, H15: rot ---------------------------------------------------------------------------------------------- */

static void rot_b_when_claimed(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    if (effect->as.event.kind == OTA_EVENT_CLAIMED) {
        rot(OTA_SLOT_B);
        world.on_event = NULL;
    }
}

static void h14_a_rotten_image_does_not_erase_the_one_that_can_replace_it(void **ctx)
{
    (void)ctx;
    assert_int_equal(deploy("j1", v2), OTA_JOB_SUCCEEDED);
    const uint32_t boots = world.boots;
    world.on_event = rot_b_when_claimed;
    sim_deploy(&world, "j2", v3);
    while (world.boots == boots) {
        assert_true(sim_run(&world, world.now + 1));
    }
    assert_ptr_equal(sim_running(&world), v1);
    settle();
    assert_int_equal(sim_status(&world, "j2", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v3);
}

static void h14_nor_does_it_reset_into_what_never_boots(void **ctx)
{
    (void)ctx;
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    world.hands_off = false;
    world.flash.bytes[field(OTA_SLOT_B, MAGIC)] = 0x70; /* torn: the slot is to be taken afresh */
    sim_boot(&world);
    rot(OTA_SLOT_A);
    settle();
    assert_false(world.device.bricked);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
}

static void rot_b_when_confirmed(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    if (effect->as.event.kind == OTA_EVENT_CONFIRMED) {
        rot(OTA_SLOT_B);
        world.on_event = NULL;
    }
}

static void h14_a_rotten_image_raises_no_counter(void **ctx)
{
    (void)ctx;
    struct sim_image *counted = image_of(5, 5, SIM_GOOD);
    world.on_event = rot_b_when_confirmed;
    assert_int_equal(deploy("j1", counted), OTA_JOB_FAILED);
    expect_reason("j1", "damaged");
    assert_int_equal(facts().counter, 1);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), v1);
    sim_image_free(counted);
}

static bool failed_and_not_gone(void)
{
    return journal() == OTA_JOURNAL_OUTCOME_FAIL && facts().slot[OTA_SLOT_B].magic == OTA_MARK_SET;
}

static void h15_what_failed_and_was_confirmed_by_others_is_told(void **ctx)
{
    (void)ctx;
    struct ota_store tool;
    const struct sim_cfg cfg = sim_cfg_default();
    lose_power_where(failed_and_not_gone, &cfg, bad, OTA_EVENT_SELF_TEST_FAILED);
    assert_int_equal(ota_store_open(&tool, &world.flash.base, &world.layout), OTA_OK);
    assert_int_equal(ota_store_confirm(&tool, OTA_SLOT_B), OTA_OK);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), bad);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_FAILED);
    expect_reason("j1", "confirmed against the verdict");
    expect_reason("j1", "\"version\":\"1.4.0\"");
    expect_well("j2", v3);
}

static void h15_a_downgrade_that_rots_leaves_what_it_replaced(void **ctx)
{
    (void)ctx;
    expect_well("up", v2);
    expect_well("down", v1);
    rot(OTA_SLOT_A);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), v2);
    expect_well("on", v3);
}

/* --- H16: MCUboot erases what it does not know -------------------------------------------------------------------- */

static void erase_at_each_stage(bool marks_too)
{
    static const uint32_t received[] = { 0, 1, 3, 9, 15 };
    for (size_t i = 0; i < COUNT(received); i++) {
        const struct sim_cfg cfg = sim_cfg_default();
        open_again(&cfg);
        sim_deploy(&world, "j1", v2);
        run_to_received(received[i]);
        wipe(marks_too ? world.layout.slot[OTA_SLOT_B]
                       : ota_store_image_region(&world.device.store, OTA_SLOT_B));
        const uint32_t before = world.stream_bytes;
        sim_boot(&world);
        world.hands_off = true;
        run_to(OTA_JOURNAL_READY);
        /* Noticed at once, not after the rest had come in vain. */
        assert_true(world.stream_bytes - before <= v2->size + 4u * world.cfg.block_size);
        assert_int_equal(facts().slot[OTA_SLOT_B].download, OTA_MARK_SET);
        world.hands_off = false;
        boot_and_settle();
        assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    }
}

static void h16_a_download_that_a_bootloader_erased_begins_anew(void **ctx)
{
    (void)ctx;
    erase_at_each_stage(true);
    erase_at_each_stage(false);
}

static void h16_so_does_one_that_was_complete(void **ctx)
{
    (void)ctx;
    world.hands_off = true;
    sim_deploy(&world, "j1", v2);
    run_to(OTA_JOURNAL_READY);
    wipe(world.layout.slot[OTA_SLOT_B]);
    world.hands_off = false;
    boot_and_settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
}

/* --- N2, N3: an image that the factory did not mark ---------------------------------------------------------------- */

static void n2_the_first_update_over_an_unmarked_image_stays(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.unmarked = true;
    open_again(&cfg);
    assert_int_equal(facts().slot[OTA_SLOT_A].image_ok, OTA_MARK_SET);
    assert_int_equal(facts().slot[OTA_SLOT_A].sequence_mark, OTA_MARK_UNSET);
    struct sim_image *twin = twin_of_v1();
    expect_well("j1", twin);
    assert_int_equal(facts().slot[OTA_SLOT_B].sequence, 0);
    expect_well("j2", v2);
    sim_image_free(twin);
}

static void n3_a_torn_adoption_is_harmless(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.unmarked = true;
    unsigned torn = 0;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        bool was_cut = true;
        for (uint32_t n = 1; was_cut; n++) {
            close_world();
            cfg.seed = seed * 2654435761u;
            sim_open(&world, &cfg, v1);
            sim_boot(&world);
            flash_model_cut(&world.flash, n, FLASH_CUT_NOISE);
            was_cut = !sim_run(&world, OTA_NEVER);
            torn += was_cut && facts().slot[OTA_SLOT_A].image_ok == OTA_MARK_TORN;
            boot_and_settle();
            assert_ptr_equal(sim_running(&world), v1);
            expect_well("j1", v2);
        }
    }
    assert_true(torn > 0);
}

/* --- N4, N5: another tool's marks ----------------------------------------------------------------------------------- */

/* A debugger that knows MCUboot's magic and nothing else puts v2 into slot B. */
static void program_b_with_a_tool(const uint32_t *sequence)
{
    struct ota_store tool;
    assert_int_equal(ota_store_open(&tool, &world.flash.base, &world.layout), OTA_OK);
    assert_int_equal(
        ota_store_write(&tool, OTA_SLOT_B, 0, (struct ota_span){ v2->bytes, v2->size }), OTA_OK);
    memcpy(world.flash.bytes + field(OTA_SLOT_B, MAGIC),
           world.flash.bytes + field(OTA_SLOT_A, MAGIC), 16);
    if (sequence != NULL) {
        uint8_t bytes[8];
        struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
        ota_write_u32le(&w, *sequence);
        ota_write_u32le(&w, ~*sequence);
        memcpy(world.flash.bytes + field(OTA_SLOT_B, SEQUENCE), bytes, sizeof bytes);
    }
    sim_deploy(&world, "known", v2); /* so that the simulator knows these bytes */
    sim_cancel(&world, "known");
}

static void n4_a_magic_without_a_sequence_is_given_one(void **ctx)
{
    (void)ctx;
    program_b_with_a_tool(NULL);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), v2);
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(facts().slot[OTA_SLOT_B].sequence, 1);
    expect_well("j1", v1);
}

static void n4_a_sequence_that_would_not_stay_is_not_confirmed(void **ctx)
{
    (void)ctx;
    static const uint32_t sequences[] = { 0, 2, UINT32_MAX };
    for (size_t i = 0; i < COUNT(sequences); i++) {
        const struct sim_cfg cfg = sim_cfg_default();
        open_again(&cfg);
        program_b_with_a_tool(&sequences[i]);
        boot_and_settle();
        assert_ptr_equal(sim_running(&world), v1);
        assert_int_equal(facts().slot[OTA_SLOT_B].image_ok, OTA_MARK_UNSET);
        expect_well("j1", v3);
    }
}

static void n4_the_highest_sequence_fails_the_job_after_one_download(void **ctx)
{
    (void)ctx;
    memset(world.flash.bytes + field(OTA_SLOT_A, SEQUENCE), 0xff, 4); /* of the running slot */
    memset(world.flash.bytes + field(OTA_SLOT_A, SEQUENCE) + 4, 0, 4);
    boot_and_settle();
    assert_int_equal(deploy("j1", v2), OTA_JOB_FAILED);
    assert_true(world.stream_bytes < 2u * v2->size);
    assert_ptr_equal(sim_running(&world), v1);
}

static void n5_a_torn_confirm_without_a_job_reverts(void **ctx)
{
    (void)ctx;
    program_b_with_a_tool(NULL);
    world.flash.bytes[field(OTA_SLOT_B, IMAGE_OK)] = 0x3f;
    boot_and_settle();
    assert_ptr_equal(sim_running(&world), v1);
    expect_well("j1", v3);
}

static void a_journal_without_a_job_is_none(void **ctx)
{
    (void)ctx;
    for (unsigned s = OTA_JOURNAL_CLAIMED; s <= OTA_JOURNAL_REPORT_FAIL; s++) {
        struct ota_store tool;
        const struct ota_journal j = { .state = (enum ota_journal_state)s, .slot = OTA_SLOT_B };
        assert_int_equal(ota_store_open(&tool, &world.flash.base, &world.layout), OTA_OK);
        assert_int_equal(ota_journal_write(&tool, &j), OTA_OK);
        boot_and_settle();
        assert_int_equal(state(), OTA_JOURNAL_NONE);
        assert_ptr_equal(sim_running(&world), v1);
    }
    expect_well("j1", v2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(h1_a_whole_download_that_nobody_activated_does_not_boot),
        T(h1_nor_over_an_unmarked_image),
        T(h2_a_failed_image_never_comes_back_through_a_cut_in_its_erasure),
        T(h3_a_claim_is_given_up_on_record_before_its_bytes_go),
        T(h4_a_torn_magic_costs_a_download_and_nothing_else),
        T(a_mark_that_cannot_be_written_fails_the_job_after_one_download),
        T(a_slot_that_keeps_nothing_fails_the_job_after_one_download),
        T(h5_an_image_that_the_bootloader_refuses_is_tried_three_times),
        T(h5_a_pending_image_that_rots_is_withdrawn),
        T(an_image_that_another_bootloader_tried_did_not_start),
        T(h6_an_equal_version_stays_in_either_slot),
        T(h7_the_counter_is_raised_after_a_cut_behind_image_ok),
        T(h8_a_torn_confirm_with_trials_left_reverts),
        T(h9_a_failed_image_without_a_way_back_stays_and_takes_the_next),
        T(h9_after_a_restart_too),
        T(h9_nobody_confirms_it_by_offering_it_again),
        T(h9_nor_by_naming_its_digest),
        T(h10_every_update_names_its_execution),
        T(h11_a_late_none_ends_no_other_claim),
        T(h12_a_trial_whose_journal_is_lost_is_tested_before_anyone_is_asked),
        T(h13_what_is_confirmed_is_not_installed_again_without_its_journal),
        T(h14_a_rotten_image_does_not_erase_the_one_that_can_replace_it),
        T(h14_nor_does_it_reset_into_what_never_boots),
        T(h14_a_rotten_image_raises_no_counter),
        T(h15_what_failed_and_was_confirmed_by_others_is_told),
        T(h15_a_downgrade_that_rots_leaves_what_it_replaced),
        T(h16_a_download_that_a_bootloader_erased_begins_anew),
        T(h16_so_does_one_that_was_complete),
        T(a_journal_without_a_job_is_none),
        T(n1_a_torn_sequence_costs_a_download_and_an_equal_version_stays),
        T(n2_the_first_update_over_an_unmarked_image_stays),
        T(n3_a_torn_adoption_is_harmless),
        T(n4_a_magic_without_a_sequence_is_given_one),
        T(n4_a_sequence_that_would_not_stay_is_not_confirmed),
        T(n4_the_highest_sequence_fails_the_job_after_one_download),
        T(n5_a_torn_confirm_without_a_job_reverts),
        T(n6_what_runs_for_want_of_anything_better_is_not_tested_again),
        T(n6_nor_without_its_journal),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
