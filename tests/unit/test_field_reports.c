/*
 * What users of other agents had to report, and what has no better place: a test for each, named
 * for what must not happen here.
 */
#include "workflow_world.h"

#define HOUR_MS 3600000u

static struct sim_image *v1, *v2;
static char thing[OTA_THING_NAME_MAX + 1u];

static struct sim_cfg cfg_fast(void)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.keys = sim_keys_fast();
    return cfg;
}

static int begin(void **ctx)
{
    (void)ctx;
    struct sim_image_spec spec = { .version = { .major = 1 }, .payload_size = 8000, .counter = 1 };
    v1 = sim_image_signed(sim_keys_fast(), &spec);
    spec.version.minor = 1;
    v2 = sim_image_signed(sim_keys_fast(), &spec);
    return 0;
}

static int end(void **ctx)
{
    (void)ctx;
    sim_image_free(v1);
    sim_image_free(v2);
    return 0;
}

static bool is_of(const struct sim_message *m, const char *word)
{
    const size_t len = strlen(word);
    for (size_t i = 0; i + len <= m->topic_len; i++) {
        if (memcmp(m->topic + i, word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* "Jobs made while the device is offline never start." */
static void a_job_from_while_the_device_was_off_or_away_is_found_by_asking(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = cfg_fast();
    sim_open(&world, &cfg, v1);
    sim_link(&world, false);
    sim_deploy(&world, "off", v2); /* its notifications reach nobody */
    sim_boot(&world);
    settle();
    sim_link(&world, true);
    settle();
    assert_int_equal(sim_status(&world, "off", NULL), OTA_JOB_SUCCEEDED);
    sim_link(&world, false);
    sim_deploy(&world, "away", v1);
    sim_link(&world, true);
    settle();
    assert_int_equal(sim_status(&world, "away", NULL), OTA_JOB_SUCCEEDED);
    close_world();
}

static struct {
    const char *deaf_to; /* SUBACKs of filters with this word are lost */
    unsigned subacks, requests;
} broker;

static struct sim_fate grant_some(struct sim *s, const struct sim_message *m)
{
    (void)s;
    broker.subacks += m->to == SIM_SUBACK;
    broker.requests += m->to == SIM_TO_PROVIDER;
    const bool lost = m->to == SIM_SUBACK && broker.deaf_to != NULL && is_of(m, broker.deaf_to);
    return (struct sim_fate){ lost ? SIM_LOST : SIM_PASSES, 0 };
}

/* "Published before the SUBACK came: the answer is lost." "A subscribe error makes an endless loop." */
static void without_its_subacks_nothing_is_asked_and_they_are_asked_for_ever_less_often(void **ctx)
{
    (void)ctx;
    static const char *const deaf_to[] = { "/jobs/notify", "/$next/get/accepted",
                                           "/update/rejected", "/jobs/", "/" };
    for (size_t i = 0; i < COUNT(deaf_to); i++) {
        const struct sim_cfg cfg = cfg_fast();
        sim_open(&world, &cfg, v1);
        memset(&broker, 0, sizeof broker);
        broker.deaf_to = deaf_to[i];
        world.fate = grant_some;
        sim_deploy(&world, "j1", v2);
        sim_boot(&world);
        assert_true(sim_run(&world, HOUR_MS));
        CHECK_ROW(deaf_to[i], broker.requests == 0);
        /* Eight at most, each 60 times at the ceiling of a minute, and a few while it rises. */
        CHECK_ROW(deaf_to[i], broker.subacks <= 8u * (60u * 2u + 10u));
        broker.deaf_to = NULL;
        settle();
        CHECK_ROW(deaf_to[i], sim_status(&world, "j1", NULL) == OTA_JOB_SUCCEEDED);
        close_world();
    }
}

/* "Resume starts the self-test's timer although there is no test: the device resets again and again." */
static void resuming_without_a_self_test_starts_no_timer(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = cfg_fast();
    open_world(&cfg, v1);
    for (unsigned i = 0; i < 5; i++) {
        say(OTA_COMMAND_SUSPEND);
        settle();
        say(OTA_COMMAND_RESUME);
        settle();
    }
    assert_int_equal(world.device.o.deadline, OTA_NEVER);
    assert_true(sim_run(&world, world.now + 24u * HOUR_MS));
    assert_int_equal(world.boots, 1);
    close_world();
}

/* "Long thing names fail." Each name here is as long as the service lets it be. */
static void names_may_be_as_long_as_the_service_lets_them(void **ctx)
{
    (void)ctx;
    char job[OTA_JOB_ID_MAX + 1u];
    memset(thing, 't', OTA_THING_NAME_MAX);
    memset(job, 'j', OTA_JOB_ID_MAX);
    thing[OTA_THING_NAME_MAX] = job[OTA_JOB_ID_MAX] = '\0';
    struct sim_cfg cfg = cfg_fast();
    cfg.thing = thing;
    open_world(&cfg, v1);
    assert_int_equal(deploy(job, v2), OTA_JOB_SUCCEEDED);
    assert_ptr_equal(sim_running(&world), v2);
    close_world();
}

/*
 * "OTA starves the application's connection." What takes long is erasing: here a turn erases one
 * sector at most, whatever it is about. (Of a log, one half: on this part that is a sector.)
 */
static void no_turn_erases_more_than_a_sector(void **ctx)
{
    (void)ctx;
    struct sim_cfg cfg = cfg_fast();
    cfg.sector_size = 4096;
    cfg.slot_sectors = 4;
    open_world(&cfg, v1);
    for (unsigned i = 0; i < 6; i++) { /* so that the journal changes halves */
        char id[8];
        (void)snprintf(id, sizeof id, "j%u", i);
        assert_int_equal(deploy(id, i % 2u == 0 ? v2 : v1), OTA_JOB_SUCCEEDED);
    }
    assert_int_equal(world.most_erases, 1);
    close_world();
}

/* "A single lost block resets the file offset to zero." */
static void a_lost_block_costs_that_block(void **ctx)
{
    (void)ctx;
    const struct sim_cfg cfg = cfg_fast();
    open_world(&cfg, v1);
    sim_deploy(&world, "j1", v2);
    run_to_received(6);
    sim_link(&world, false); /* a whole window is lost */
    sim_link(&world, true);
    settle();
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
    assert_true(world.stream_bytes <= v2->size + (cfg.window + 3u) * cfg.block_size);
    close_world();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_from_while_the_device_was_off_or_away_is_found_by_asking),
        cmocka_unit_test(
            without_its_subacks_nothing_is_asked_and_they_are_asked_for_ever_less_often),
        cmocka_unit_test(resuming_without_a_self_test_starts_no_timer),
        cmocka_unit_test(names_may_be_as_long_as_the_service_lets_them),
        cmocka_unit_test(no_turn_erases_more_than_a_sector),
        cmocka_unit_test(a_lost_block_costs_that_block),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
