/*
 * Power is lost at each flash operation of a job of three files, before it and inside it. Each time:
 *   - an image runs that was signed, whole, and with it the files that belong to it: all of them;
 *   - the job ends by itself, and what is reported is what is there;
 *   - the next job succeeds;
 *   - no flash cell was programmed twice.
 *
 * Signatures are those of the fast ring: what is at stake is the order of writes.
 */
#include "t.h"
#include "sim.h"

static struct sim_image *v1, *v2;
static struct sim_image *one[3], *two[3]; /* data of types 1 and 2, in three editions */

static struct sim_image *image_of(unsigned minor, enum sim_behaviour behaviour)
{
    const struct sim_image_spec spec = {
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = 1500,
        .counter = 1,
        .behaviour = behaviour,
    };
    return sim_image_signed(sim_keys_fast(), &spec);
}

static void deploy(struct sim *s, const char *id, const struct sim_image *image, unsigned n)
{
    const struct sim_file files[] = { { 1, one[n] }, { 2, two[n] } };
    sim_deploy_files(s, id, image, files, 2);
}

static bool uses(struct sim *s, unsigned n)
{
    return sim_file_in_use(s, 1) == one[n] && sim_file_in_use(s, 2) == two[n];
}

/* The job that was cut had `image`, or none. */
static void check_world(struct sim *s, const struct sim_image *image, const char *where)
{
    CHECK_ROW(where, !s->device.bricked);
    const enum ota_job_status status = sim_status(s, "cut", NULL);
    const bool done = status == OTA_JOB_SUCCEEDED;
    CHECK_ROW(where, ota_job_status_terminal(status));
    CHECK_ROW(where, sim_running(s) == (done && image != NULL ? image : v1));
    CHECK_ROW(where, uses(s, done ? 1 : 0));

    deploy(s, "after", NULL, 2);
    CHECK_ROW(where, sim_run(s, OTA_NEVER));
    CHECK_ROW(where, sim_status(s, "after", NULL) == OTA_JOB_SUCCEEDED);
    CHECK_ROW(where, uses(s, 2));
    CHECK_ROW(where, flash_model_faults(&s->flash) == 0);
}

/* One job with a cut at operation n; false once there is no such operation. */
static bool cut_at(const struct sim_cfg *cfg, const struct sim_image *image, uint32_t n,
                   enum flash_cut how)
{
    struct sim s;
    char where[64];
    (void)snprintf(where, sizeof where, "operation %u, kind %d", (unsigned)n, (int)how);

    sim_open(&s, cfg, v1);
    sim_boot(&s);
    deploy(&s, "before", NULL, 0);
    assert_true(sim_run(&s, OTA_NEVER));
    assert_true(uses(&s, 0));
    deploy(&s, "cut", image, 1);
    flash_model_cut(&s.flash, n, how);
    const bool was_cut = !sim_run(&s, OTA_NEVER);
    flash_model_power_on(&s.flash); /* no cut in what follows */
    if (was_cut) {
        sim_boot(&s);
        CHECK_ROW(where, sim_run(&s, OTA_NEVER));
    }
    check_world(&s, image, where);
    sim_close(&s);
    return was_cut;
}

/* Each operation is cut before it, half-way in it, or somewhere in it: in turn; with WAFT_EACH_WAY set, in each way. */
static void cut_everywhere(uint32_t write_size, bool erased_zero, const struct sim_image *image)
{
    const unsigned ways = getenv("WAFT_EACH_WAY") != NULL ? FLASH_CUT_KINDS : 1u;
    struct sim_cfg cfg = sim_cfg_default();
    cfg.write_size = write_size;
    cfg.erased_zero = erased_zero;
    cfg.slot_sectors = 7;
    cfg.bank_sectors = 3;
    cfg.keys = sim_keys_fast();
    uint32_t cuts = 0;
    for (unsigned k = 0; k < ways; k++) {
        for (uint32_t n = 1; cut_at(&cfg, image, n, (enum flash_cut)((n + k) % FLASH_CUT_KINDS));
             n++) {
            cuts++;
        }
    }
    print_message("%u cuts, seed %u\n", (unsigned)cuts, (unsigned)cfg.seed);
    assert_true(cuts > 30);
}

static void of_an_image_with_two_files(void **state)
{
    (void)state;
    cut_everywhere(8, false, v2);
}

static void of_two_files_alone(void **state)
{
    (void)state;
    cut_everywhere(32, true, NULL);
}

static void of_an_image_that_fails_its_test_with_its_files(void **state)
{
    (void)state;
    struct sim_image *fails = image_of(2, SIM_FAILS);
    cut_everywhere(4, false, fails);
    sim_image_free(fails);
}

static void of_an_image_that_hangs_with_its_files(void **state)
{
    (void)state;
    struct sim_image *hangs = image_of(3, SIM_HANGS);
    cut_everywhere(1, true, hangs);
    sim_image_free(hangs);
}

static int begin(void **state)
{
    (void)state;
    v1 = image_of(0, SIM_GOOD);
    v2 = image_of(1, SIM_GOOD);
    for (uint32_t i = 0; i < 3; i++) {
        one[i] = sim_data_make(sim_keys_fast(), 900u + i, 11u + i);
        two[i] = sim_data_make(sim_keys_fast(), 300u + i, 21u + i);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        sim_image_free(one[i]);
        sim_image_free(two[i]);
    }
    sim_image_free(v1);
    sim_image_free(v2);
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_an_image_with_two_files),
        cmocka_unit_test(of_two_files_alone),
        cmocka_unit_test(of_an_image_that_fails_its_test_with_its_files),
        cmocka_unit_test(of_an_image_that_hangs_with_its_files),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
