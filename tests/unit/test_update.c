/*
 * One update from deploy to report, as an operator sees it: the device's real
 * code against the provider's real domain (sim/).
 */
#include "sim.h"
#include "t.h"

static struct sim world;
static struct sim_image *v1, *v2;

static struct sim_image_spec spec(unsigned minor, enum sim_behaviour behaviour)
{
    return (struct sim_image_spec){
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = 8000,
        .counter = 1,
        .behaviour = behaviour,
    };
}

static struct sim_image *make(unsigned minor, enum sim_behaviour behaviour)
{
    const struct sim_image_spec s = spec(minor, behaviour);
    return sim_image_make(&s);
}

static void open_with(const struct sim_cfg *cfg)
{
    sim_open(&world, cfg, v1);
    sim_boot(&world);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_ptr_equal(sim_running(&world), v1);
}

static int begin(void **state)
{
    (void)state;
    const struct sim_cfg cfg = sim_cfg_default();
    v1 = make(0, SIM_GOOD);
    v2 = make(1, SIM_GOOD);
    open_with(&cfg);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(flash_model_faults(&world.flash), 0);
    sim_close(&world);
    sim_image_free(v1);
    sim_image_free(v2);
    return 0;
}

/* Deploy, let everything come to rest, and say how it ended. */
static enum ota_job_status deploy(const char *id, const struct sim_image *image)
{
    sim_deploy(&world, id, image);
    assert_true(sim_run(&world, OTA_NEVER));
    return sim_status(&world, id, NULL);
}

static void expect_reason(const char *id, const char *words)
{
    char details[SIM_DETAILS_MAX];
    (void)sim_status(&world, id, details);
    if (strstr(details, words) == NULL) {
        fail_msg("%s: \"%s\" is not in %s", id, words, details);
    }
}

static void a_good_image_is_installed_tested_confirmed_and_reported(void **state)
{
    (void)state;
    assert_int_equal(deploy("j1", v2), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
    expect_reason("j1", "accepted v1.1.0");
    assert_int_equal(world.device.boot.verdict.slot, OTA_SLOT_B);
    sim_boot(&world);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_ptr_equal(sim_running(&world), v2);
    assert_int_equal(world.device.boot.verdict.rule, OTA_BOOT_CONFIRMED);
}

static void the_same_image_again_is_already_installed(void **state)
{
    (void)state;
    assert_int_equal(deploy("j1", v2), OTA_JOB_SUCCEEDED);
    const uint32_t boots = world.boots;
    assert_int_equal(deploy("j2", v2), OTA_JOB_SUCCEEDED);
    expect_reason("j2", "already installed");
    assert_int_equal(world.boots, boots);
}

static void a_confirmed_downgrade_stays(void **state)
{
    (void)state;
    assert_int_equal(deploy("up", v2), OTA_JOB_SUCCEEDED);
    assert_int_equal(deploy("down", v1), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v1);
    sim_boot(&world);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_ptr_equal(sim_running(&world), v1);
}

/* Installed, not liked, gone back: v1 runs, the job says why. */
static void reverts(enum sim_behaviour behaviour, const char *words)
{
    struct sim_image *bad = make(2, behaviour);
    assert_int_equal(deploy("bad", bad), OTA_JOB_FAILED);
    assert_ptr_equal(sim_running(&world), v1);
    expect_reason("bad", words);
    expect_reason("bad", "\"version\":\"1.0.0\"");
    assert_int_equal(deploy("after", v2), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
    sim_image_free(bad);
}

static void an_image_that_fails_its_test_is_reverted(void **state)
{
    (void)state;
    reverts(SIM_FAILS, "self-test failed");
}

static void an_image_that_never_answers_is_reverted_at_the_deadline(void **state)
{
    (void)state;
    reverts(SIM_SILENT, "self-test did not end in time");
}

static void an_image_that_hangs_before_its_agent_is_reverted_by_the_watchdog(void **state)
{
    (void)state;
    reverts(SIM_HANGS, "did not start");
}

static uint32_t erases(void)
{
    uint32_t sum = 0;
    const struct ota_region *b = &world.layout.slot[OTA_SLOT_B];
    for (uint32_t i = 0; i < b->size / world.cfg.sector_size; i++) {
        sum += world.flash.erases[b->offset / world.cfg.sector_size + i];
    }
    return sum;
}

static void refused_before_anything_is_erased(struct sim_image_spec s, const char *words)
{
    struct sim_image *image = sim_image_make(&s);
    const uint32_t boots = world.boots, erased = erases();
    assert_int_equal(deploy("refused", image), OTA_JOB_REJECTED);
    expect_reason("refused", words);
    assert_int_equal(erases(), erased);
    assert_int_equal(world.boots, boots);
    assert_true(world.stream_bytes <= 3u * world.cfg.block_size);
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(deploy("after", v2), OTA_JOB_SUCCEEDED);
    sim_image_free(image);
}

static void a_foreign_key_costs_two_blocks_and_no_erase(void **state)
{
    (void)state;
    struct sim_image_spec s = spec(3, SIM_GOOD);
    s.key = SIM_KEY_FOREIGN;
    refused_before_anything_is_erased(s, "key that is not trusted");
}

static void another_class_costs_two_blocks_and_no_erase(void **state)
{
    (void)state;
    struct sim_image_spec s = spec(3, SIM_GOOD);
    s.class_id = SIM_CLASS_OTHER;
    refused_before_anything_is_erased(s, "another device class");
}

static void a_flipped_bit_fails_after_the_download_and_before_any_reset(void **state)
{
    (void)state;
    struct sim_image *image = make(3, SIM_GOOD);
    image->bytes[4000] ^= 0x10;
    const uint32_t boots = world.boots;
    assert_int_equal(deploy("flipped", image), OTA_JOB_FAILED);
    expect_reason("flipped", "digest does not match");
    assert_int_equal(world.boots, boots);
    assert_int_equal(deploy("after", v2), OTA_JOB_SUCCEEDED);
    sim_image_free(image);
}

static void an_image_larger_than_the_slot_is_refused(void **state)
{
    (void)state;
    struct sim_image_spec s = spec(3, SIM_GOOD);
    s.payload_size = 24u * 512u;
    struct sim_image *image = sim_image_make(&s);
    assert_int_equal(deploy("large", image), OTA_JOB_REJECTED);
    expect_reason("large", "larger than the slot");
    sim_image_free(image);
}

static void a_document_that_is_no_ota_job_is_refused(void **state)
{
    (void)state;
    sim_deploy_document(&world, "custom", NULL, "{\"operation\":\"blink\"}");
    assert_true(sim_run(&world, OTA_NEVER));
    assert_int_equal(sim_status(&world, "custom", NULL), OTA_JOB_REJECTED);
    expect_reason("custom", "job document not understood");
}

/* Run until a download has come so far. */
static void run_until_received(uint32_t blocks)
{
    while (ota_orchestrator_state(&world.device.o) != OTA_JOURNAL_RECEIVING ||
           world.device.o.received < blocks) {
        assert_true(sim_run(&world, world.now + 1));
    }
}

static void a_cancel_in_mid_download_stops_it(void **state)
{
    (void)state;
    sim_deploy(&world, "j1", v2);
    run_until_received(4);
    sim_cancel(&world, "j1");
    assert_true(sim_run(&world, OTA_NEVER));
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_CANCELED);
    assert_int_equal(ota_orchestrator_state(&world.device.o), OTA_JOURNAL_NONE);
    assert_ptr_equal(sim_running(&world), v1);
    assert_int_equal(deploy("j2", v2), OTA_JOB_SUCCEEDED);
}

static void a_broker_that_is_away_for_a_minute_delays_and_nothing_else(void **state)
{
    (void)state;
    for (ota_ms_t away = 10; away < 600; away += 70) {
        const struct sim_image *to = sim_running(&world) == v1 ? v2 : v1;
        char id[16];
        (void)snprintf(id, sizeof id, "j%u", (unsigned)away);
        sim_deploy(&world, id, to);
        assert_true(sim_run(&world, world.now + away));
        sim_link(&world, false);
        assert_true(sim_run(&world, world.now + 60000));
        sim_link(&world, true);
        assert_true(sim_run(&world, OTA_NEVER));
        assert_int_equal(sim_status(&world, id, NULL), OTA_JOB_SUCCEEDED);
        assert_ptr_equal(sim_running(&world), to);
    }
}

static void power_off_in_mid_download_resumes_from_the_journal(void **state)
{
    (void)state;
    sim_deploy(&world, "j1", v2);
    run_until_received(10);
    const uint32_t before = world.stream_bytes;
    sim_boot(&world);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    /* Fetched twice: at most a mark interval and a window, besides the head and the tail. */
    const uint32_t twice = before + (world.stream_bytes - before) - v2->size;
    assert_true(twice <= world.cfg.sector_size + (world.cfg.window + 4u) * world.cfg.block_size);
    assert_true(world.stream_bytes - before < v2->size);
}

static void loss_doubling_and_reordering_end_well_for_many_seeds(void **state)
{
    (void)state;
    sim_close(&world);
    for (uint32_t seed = 1; seed <= 40; seed++) {
        struct sim_cfg cfg = sim_cfg_default();
        cfg.seed = seed * 2654435761u;
        cfg.loss_permille = 100;
        cfg.double_permille = 100;
        cfg.jitter_ms = 60;
        open_with(&cfg);
        sim_deploy(&world, "j1", v2);
        /* A notification may be lost on the way: the device asks again when it connects. */
        for (unsigned i = 0; i < 50 && sim_status(&world, "j1", NULL) != OTA_JOB_SUCCEEDED; i++) {
            sim_link(&world, false);
            sim_link(&world, true);
            assert_true(sim_run(&world, world.now + 120000));
        }
        if (sim_status(&world, "j1", NULL) != OTA_JOB_SUCCEEDED || sim_running(&world) != v2) {
            fail_msg("seed %u", (unsigned)cfg.seed);
        }
        assert_int_equal(flash_model_faults(&world.flash), 0);
        sim_close(&world);
    }
    const struct sim_cfg cfg = sim_cfg_default();
    open_with(&cfg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(a_good_image_is_installed_tested_confirmed_and_reported),
        T(the_same_image_again_is_already_installed),
        T(a_confirmed_downgrade_stays),
        T(an_image_that_fails_its_test_is_reverted),
        T(an_image_that_never_answers_is_reverted_at_the_deadline),
        T(an_image_that_hangs_before_its_agent_is_reverted_by_the_watchdog),
        T(a_foreign_key_costs_two_blocks_and_no_erase),
        T(another_class_costs_two_blocks_and_no_erase),
        T(a_flipped_bit_fails_after_the_download_and_before_any_reset),
        T(an_image_larger_than_the_slot_is_refused),
        T(a_document_that_is_no_ota_job_is_refused),
        T(a_cancel_in_mid_download_stops_it),
        T(a_broker_that_is_away_for_a_minute_delays_and_nothing_else),
        T(power_off_in_mid_download_resumes_from_the_journal),
        T(loss_doubling_and_reordering_end_well_for_many_seeds),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
