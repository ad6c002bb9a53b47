/*
 * Power is lost at each flash operation of a whole update, before it and inside
 * it. Each time the device is rebuilt from its flash alone, and then:
 *   - it boots an image that was signed, whole;
 *   - the update ends by itself, and what is reported is what runs;
 *   - the next update succeeds;
 *   - no flash cell was programmed twice.
 *
 * Signatures are those of the fast ring: what is at stake is the order of writes. The torture test
 * cuts updates with real ones.
 */
#include "t.h"
#include "sim.h"

static struct sim_image *v1, *v2, *v3;

static struct sim_image *make(unsigned minor, enum sim_behaviour behaviour)
{
    const struct sim_image_spec spec = {
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = 6000,
        .counter = minor,
        .behaviour = behaviour,
    };
    return sim_image_signed(sim_keys_fast(), &spec);
}

static void check_world(struct sim *s, const char *where)
{
    CHECK_ROW(where, !s->device.bricked);
    const enum ota_job_status status = sim_status(s, "j1", NULL);
    CHECK_ROW(where, ota_job_status_terminal(status));
    CHECK_ROW(where, (sim_running(s) == v2) == (status == OTA_JOB_SUCCEEDED));

    sim_deploy(s, "j2", v3);
    CHECK_ROW(where, sim_run(s, OTA_NEVER));
    CHECK_ROW(where, sim_status(s, "j2", NULL) == OTA_JOB_SUCCEEDED);
    CHECK_ROW(where, sim_running(s) == v3);
    CHECK_ROW(where, flash_model_faults(&s->flash) == 0);
}

/* One update with a cut at operation n; false once there is no such operation. */
static bool cut_at(const struct sim_cfg *cfg, uint32_t n, enum flash_cut how)
{
    struct sim s;
    char where[64];
    (void)snprintf(where, sizeof where, "operation %u, kind %d", (unsigned)n, (int)how);

    sim_open(&s, cfg, v1);
    sim_boot(&s);
    assert_true(sim_run(&s, OTA_NEVER));
    sim_deploy(&s, "j1", v2);
    flash_model_cut(&s.flash, n, how);
    const bool was_cut = !sim_run(&s, OTA_NEVER);
    CHECK_ROW(where, was_cut == s.flash.off);
    flash_model_power_on(&s.flash); /* no cut in what follows */
    if (was_cut) {
        sim_boot(&s);
        CHECK_ROW(where, sim_run(&s, OTA_NEVER));
    }
    check_world(&s, where);
    sim_close(&s);
    return was_cut;
}

static void cut_everywhere(const struct sim_cfg *cfg, enum sim_behaviour behaviour)
{
    uint32_t cuts = 0;
    v1 = make(1, SIM_GOOD);
    v2 = make(2, behaviour);
    v3 = make(3, SIM_GOOD);
    for (unsigned how = 0; how < FLASH_CUT_KINDS; how++) {
        for (uint32_t n = 1; cut_at(cfg, n, (enum flash_cut)how); n++) {
            cuts++;
        }
    }
    print_message("%u cuts, seed %u\n", (unsigned)cuts, (unsigned)cfg->seed);
    assert_true(cuts > 100); /* else nothing was cut */
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(v3);
}

static struct sim_cfg geometry(uint32_t write_size, bool erased_zero)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.write_size = write_size;
    cfg.erased_zero = erased_zero;
    cfg.slot_sectors = 16;
    cfg.keys = sim_keys_fast();
    return cfg;
}

static void of_a_good_update(void **state)
{
    (void)state;
    const struct sim_cfg cfg = geometry(8, false);
    cut_everywhere(&cfg, SIM_GOOD);
}

static void of_a_good_update_with_wide_writes_and_zeroes_erased(void **state)
{
    (void)state;
    const struct sim_cfg cfg = geometry(32, true);
    cut_everywhere(&cfg, SIM_GOOD);
}

static void of_an_update_that_fails_its_test(void **state)
{
    (void)state;
    const struct sim_cfg cfg = geometry(4, false);
    cut_everywhere(&cfg, SIM_FAILS);
}

static void of_an_update_that_hangs(void **state)
{
    (void)state;
    const struct sim_cfg cfg = geometry(1, false);
    cut_everywhere(&cfg, SIM_HANGS);
}

/* --- two and three cuts in one update ------------------------------------------------- */

#define SEVERAL 300u

/* Cuts of random kinds: the first anywhere in the update, the next soon after the power is back. */
static void cut_several_times(const struct sim_cfg *cfg, uint32_t *random)
{
    struct sim s;
    char where[96];
    const uint32_t first = 1u + t_random(random) % 120u, then = 1u + t_random(random) % 40u;
    const uint32_t cuts = 2u + t_random(random) % 2u;
    (void)snprintf(where, sizeof where, "seed %u: %u cuts, operations %u, then %u",
                   (unsigned)cfg->seed, (unsigned)cuts, (unsigned)first, (unsigned)then);

    sim_open(&s, cfg, v1);
    sim_boot(&s);
    assert_true(sim_run(&s, OTA_NEVER));
    sim_deploy(&s, "j1", v2);
    for (uint32_t i = 0; i < cuts; i++) {
        const uint32_t n = i == 0 ? first : then;
        flash_model_cut(&s.flash, n, (enum flash_cut)(t_random(random) % FLASH_CUT_KINDS));
        (void)sim_run(&s, OTA_NEVER);
        sim_boot(&s);
    }
    CHECK_ROW(where, sim_run(&s, OTA_NEVER));
    check_world(&s, where);
    sim_close(&s);
}

static void two_or_three_times_in_one_update(void **state)
{
    (void)state;
    static const enum sim_behaviour behaviours[] = { SIM_GOOD, SIM_GOOD, SIM_FAILS, SIM_HANGS };
    const char *given = getenv("WAFT_SEED");
    uint32_t random = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : 20240229u;
    print_message("%u updates, WAFT_SEED=%u\n", SEVERAL, (unsigned)random);
    v1 = make(1, SIM_GOOD);
    v3 = make(3, SIM_GOOD);
    for (uint32_t i = 0; i < SEVERAL; i++) {
        v2 = make(2, behaviours[i % COUNT(behaviours)]);
        struct sim_cfg cfg = geometry(1u << t_random(&random) % 6u, t_random(&random) % 2u == 0);
        cfg.seed = t_random(&random);
        cfg.trials_max = (uint8_t)(1u + t_random(&random) % 3u);
        cut_several_times(&cfg, &random);
        sim_image_free(v2);
    }
    sim_image_free(v1);
    sim_image_free(v3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_good_update),
        cmocka_unit_test(of_a_good_update_with_wide_writes_and_zeroes_erased),
        cmocka_unit_test(of_an_update_that_fails_its_test),
        cmocka_unit_test(of_an_update_that_hangs),
        cmocka_unit_test(two_or_three_times_in_one_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
