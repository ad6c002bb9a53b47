/*
 * To the letter: what the provider is told in statusDetails, what the application is told in
 * events, and which of the application's commands mean something when.
 */
#include "workflow_world.h"

static struct sim_image *v1, *v2, *fails, *silent;

/* --- what goes to the provider ------------------------------------------------------------------ */

static struct {
    char text[64][256]; /* statusDetails of updates, in the order of the wire */
    char status[16];    /* of the newest */
    unsigned count;
} told;

static void hear(struct ota_span payload)
{
    struct ota_json body, value;
    struct ota_span word;
    assert_int_equal(ota_json_parse(payload, &body), OTA_OK);
    assert_int_equal(ota_json_find(&body, "status", &value), OTA_OK);
    assert_int_equal(ota_json_string(&value, (struct ota_buf){ (uint8_t *)told.status, 15 }, &word),
                     OTA_OK);
    told.status[word.len] = '\0';
    if (ota_json_find(&body, "statusDetails", &value) == OTA_OK && told.count < COUNT(told.text)) {
        (void)snprintf(told.text[told.count++], sizeof told.text[0], "%.*s", (int)value.text.len,
                       (const char *)value.text.ptr);
    }
}

static bool on_wire(struct sim *s, enum sim_direction to, struct ota_span text,
                    struct ota_span payload)
{
    struct ota_topic topic;
    (void)s;
    if (to != SIM_TO_PROVIDER || ota_topic_parse(OTA_SPAN_LIT("$aws"), text, &topic) != OTA_OK ||
        topic.kind != OTA_TOPIC_JOB_UPDATE) {
        return true;
    }
    hear(payload);
    return true;
}

static void expect_told(const char *words)
{
    for (unsigned i = 0; i < told.count; i++) {
        if (strcmp(told.text[i], words) == 0) {
            return;
        }
    }
    fail_msg("nobody was told %s", words);
}

/* --- what goes to the application ----------------------------------------------------------------- */

static struct {
    unsigned count[OTA_EVENT_FLASH_FAULT + 1];
    uint32_t reason[OTA_EVENT_FLASH_FAULT + 1]; /* of the newest of each kind */
    uint32_t value[OTA_EVENT_FLASH_FAULT + 1], total[OTA_EVENT_FLASH_FAULT + 1];
} seen;

static void on_event(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    const enum ota_event_kind kind = effect->as.event.kind;
    seen.count[kind]++;
    seen.reason[kind] = effect->as.event.reason;
    if (kind == OTA_EVENT_CLAIMED || kind == OTA_EVENT_RESUMED) {
        seen.value[OTA_EVENT_PROGRESS] = 0;
    }
    if (kind == OTA_EVENT_PROGRESS) {
        assert_true(effect->as.event.value > seen.value[kind]);
    }
    seen.value[kind] = effect->as.event.value;
    seen.total[kind] = effect->as.event.total;
}

static int begin(void **state)
{
    (void)state;
    v1 = image_of(0, 1, SIM_GOOD);
    v2 = image_of(1, 1, SIM_GOOD);
    fails = image_of(2, 1, SIM_FAILS);
    silent = image_of(3, 1, SIM_SILENT);
    const struct sim_cfg cfg = sim_cfg_default();
    open_world(&cfg, v1);
    memset(&told, 0, sizeof told);
    memset(&seen, 0, sizeof seen);
    world.on_wire = on_wire;
    world.on_event = on_event;
    return 0;
}

static int end(void **state)
{
    (void)state;
    close_world();
    sim_image_free(v1);
    sim_image_free(v2);
    sim_image_free(fails);
    sim_image_free(silent);
    return 0;
}

static unsigned blocks_of(const struct sim_image *image)
{
    return (unsigned)((image->size + world.cfg.block_size - 1u) / world.cfg.block_size);
}

/* --- statusDetails ---------------------------------------------------------------------------------- */

static void an_update_is_told_in_the_words_that_dashboards_know(void **ctx)
{
    (void)ctx;
    world.hands_off = true; /* the device has time to say that it is ready */
    sim_deploy(&world, "j1", v2);
    settle();
    world.hands_off = false;
    say(OTA_COMMAND_ACTIVATE);
    settle();
    char all[32];
    (void)snprintf(all, sizeof all, "/%u\"}", blocks_of(v2));
    assert_non_null(strstr(told.text[0], all));
    assert_memory_equal(told.text[0], "{\"receive\":\"", 12);
    expect_told("{\"self_test\":\"ready\",\"updatedBy\":\"0x01000000\",\"version\":\"1.0.0\"}");
    expect_told("{\"reason\":\"accepted v1.1.0\",\"version\":\"1.1.0\"}");
    assert_string_equal(told.status, "SUCCEEDED");
}

/* The link is there before the test ends, so the provider hears that it has begun. */
static void an_open_self_test_is_told_with_the_new_version(void **ctx)
{
    (void)ctx;
    sim_deploy(&world, "j1", silent);
    run_to(OTA_JOURNAL_TESTING);
    assert_true(sim_run(&world, world.now + 1000));
    expect_told("{\"self_test\":\"active\",\"updatedBy\":\"0x01030000\",\"version\":\"1.3.0\"}");
    settle();
    assert_string_equal(told.text[told.count - 1u],
                        "{\"reason\":\"self-test did not end in time\",\"version\":\"1.0.0\"}");
    assert_string_equal(told.status, "FAILED");
}

/* A journal with a result in it, as a boot before has left it. */
static const struct {
    const char *why;
    enum ota_reason reason;
    ota_err_t error;
    uint8_t cause;
    const char *status, *details;
} results[] = {
    { "in words of an error", OTA_REASON_ERROR, OTA_E_IMAGE_KEY, OTA_RESET_FAULT, "REJECTED",
      "{\"reason\":\"image is signed with a key that is not trusted here\","
      "\"error\":\"OTA_E_IMAGE_KEY\",\"version\":\"1.0.0\"}" },
    { "damaged on the way, perhaps", OTA_REASON_ERROR, OTA_E_IMAGE_DIGEST, 0, "FAILED",
      "{\"reason\":\"image digest does not match\","
      "\"error\":\"OTA_E_IMAGE_DIGEST\",\"version\":\"1.0.0\"}" },
    { "this device is not well", OTA_REASON_ERROR, OTA_E_FLASH, 0, "FAILED",
      "{\"reason\":\"flash refused a read, write or erase\","
      "\"error\":\"OTA_E_FLASH\",\"version\":\"1.0.0\"}" },
    { "the application does not want it", OTA_REASON_REFUSED_BY_APP, OTA_OK, OTA_RESET_FAULT,
      "REJECTED", "{\"reason\":\"refused by the application\",\"version\":\"1.0.0\"}" },
    { "no cause where none matters", OTA_REASON_SELF_TEST_FAILED, OTA_OK, OTA_RESET_WATCHDOG,
      "FAILED", "{\"reason\":\"self-test failed\",\"version\":\"1.0.0\"}" },
    { "cause unknown", OTA_REASON_REVERTED, OTA_OK, OTA_RESET_UNKNOWN, "FAILED",
      "{\"reason\":\"reverted: reset before it was confirmed\",\"version\":\"1.0.0\"}" },
    { "power", OTA_REASON_REVERTED, OTA_OK, OTA_RESET_POWER_ON, "FAILED",
      "{\"reason\":\"reverted: reset before it was confirmed (power-on)\","
      "\"version\":\"1.0.0\"}" },
    { "software", OTA_REASON_REVERTED, OTA_OK, OTA_RESET_SOFTWARE, "FAILED",
      "{\"reason\":\"reverted: reset before it was confirmed (software reset)\","
      "\"version\":\"1.0.0\"}" },
    { "watchdog", OTA_REASON_DID_NOT_START, OTA_OK, OTA_RESET_WATCHDOG, "FAILED",
      "{\"reason\":\"new image did not start (watchdog)\",\"version\":\"1.0.0\"}" },
    { "fault", OTA_REASON_DID_NOT_START, OTA_OK, OTA_RESET_FAULT, "FAILED",
      "{\"reason\":\"new image did not start (fault)\",\"version\":\"1.0.0\"}" },
    { "a cause of a later version", OTA_REASON_DID_NOT_START, OTA_OK, 5, "FAILED",
      "{\"reason\":\"new image did not start\",\"version\":\"1.0.0\"}" },
    { "why the bootloader refused", OTA_REASON_REFUSED_BY_BOOT, OTA_E_IMAGE_SIGNATURE,
      OTA_RESET_SOFTWARE, "FAILED",
      "{\"reason\":\"refused by bootloader: image signature does not match\","
      "\"error\":\"OTA_E_IMAGE_SIGNATURE\",\"version\":\"1.0.0\"}" },
    { "it did not say why it refused", OTA_REASON_REFUSED_BY_BOOT, OTA_OK, OTA_RESET_SOFTWARE,
      "FAILED", "{\"reason\":\"refused by bootloader\",\"version\":\"1.0.0\"}" },
    { "the error beside the reason", OTA_REASON_NO_WAY_BACK, OTA_E_FLASH, 0, "FAILED",
      "{\"reason\":\"failed, and there is no way back\","
      "\"error\":\"OTA_E_FLASH\",\"version\":\"1.0.0\"}" },
};

static void leave_result(enum ota_reason reason, ota_err_t error, uint8_t cause)
{
    struct ota_store store;
    const struct ota_journal j = {
        .state = OTA_JOURNAL_REPORT_FAIL,
        .slot = OTA_SLOT_B,
        .job_id = "j1",
        .job_id_len = 2,
        .execution = 1,
        .reason = reason,
        .error = error,
        .reset_cause = cause,
    };
    assert_int_equal(ota_store_open(&store, &world.flash.base, &world.layout), OTA_OK);
    assert_int_equal(ota_journal_write(&store, &j), OTA_OK);
}

static void a_result_is_told_to_the_letter(void **ctx)
{
    (void)ctx;
    for (size_t i = 0; i < COUNT(results); i++) {
        leave_result(results[i].reason, results[i].error, results[i].cause);
        told.count = 0;
        sim_boot(&world);
        settle();
        CHECK_ROW(results[i].why, told.count == 1);
        assert_string_equal(told.text[0], results[i].details);
        assert_string_equal(told.status, results[i].status);
    }
}

static void every_reason_has_words(void **ctx)
{
    (void)ctx;
    static const char *const words[] = {
        "",
        "",
        "already installed",
        "self-test failed",
        "self-test did not end in time",
        "reverted: reset before it was confirmed",
        "refused by bootloader",
        "new image did not start",
        "power lost before confirm",
        "cannot be confirmed",
        "would not stay: the other slot would boot",
        "failed, and there is no way back",
        "installed, then found damaged",
        "confirmed against the verdict",
        "aborted by the application",
        "canceled",
        "refused by the application",
        "finished by the application",
        "failed in the application",
        "", /* a later version's */
    };
    for (unsigned i = 0; i < COUNT(words); i++) {
        assert_string_equal(ota_reason_text((enum ota_reason)i), words[i]);
    }
    assert_string_equal(ota_reason_text((enum ota_reason)255), "");
}

/* --- subscriptions --------------------------------------------------------------------------------------- */

static void eight_filters_are_subscribed(void **ctx)
{
    (void)ctx;
    static const char *const filters[OTA_SUBSCRIPTIONS] = {
        "jobs/notify",
        "jobs/notify-next",
        "jobs/$next/get/accepted",
        "jobs/$next/get/rejected",
        "jobs/+/update/accepted",
        "jobs/+/update/rejected",
        "streams/+/data/cbor",
        "streams/+/rejected/cbor",
    };
    for (unsigned i = 0; i < OTA_SUBSCRIPTIONS; i++) {
        char want[128];
        (void)snprintf(want, sizeof want, "$aws/things/" SIM_THING "/%s", filters[i]);
        assert_true(
            ota_span_eq(ota_orchestrator_filter(&world.device.o, i), ota_span_of_str(want)));
    }
}

/* --- events ------------------------------------------------------------------------------------------- */

static void the_event_of_a_failed_self_test_says_why(void **ctx)
{
    (void)ctx;
    assert_int_equal(deploy("j1", fails), OTA_JOB_FAILED);
    assert_int_equal(seen.count[OTA_EVENT_SELF_TEST_FAILED], 1);
    assert_int_equal(seen.reason[OTA_EVENT_SELF_TEST_FAILED], OTA_REASON_SELF_TEST_FAILED);
    assert_int_equal(deploy("j2", silent), OTA_JOB_FAILED);
    assert_int_equal(seen.reason[OTA_EVENT_SELF_TEST_FAILED], OTA_REASON_SELF_TEST_TIMEOUT);
    sim_deploy(&world, "j3", silent);
    run_to(OTA_JOURNAL_TESTING);
    say(OTA_COMMAND_ABORT);
    settle();
    assert_int_equal(seen.count[OTA_EVENT_SELF_TEST_FAILED], 3);
    assert_int_equal(seen.reason[OTA_EVENT_SELF_TEST_FAILED], OTA_REASON_ABORTED);
}

static void progress_counts_each_block_once(void **ctx)
{
    (void)ctx;
    world.cfg.double_permille = 1000;
    assert_int_equal(deploy("j1", v2), OTA_JOB_SUCCEEDED);
    assert_int_equal(seen.value[OTA_EVENT_PROGRESS], blocks_of(v2));
    assert_int_equal(seen.total[OTA_EVENT_PROGRESS], blocks_of(v2));
}

/* About fifty of a large file, and the last one says that all is here. */
static void progress_of_a_large_file_is_told_in_steps_and_to_its_end(void **ctx)
{
    (void)ctx;
    const struct sim_image_spec spec = { .version = { .major = 1, .minor = 4 },
                                         .payload_size = 102u * 256u,
                                         .counter = 1 };
    struct sim_image *const large = sim_image_make(&spec);
    struct sim_cfg cfg = sim_cfg_default();
    close_world();
    cfg.slot_sectors = 60;
    cfg.block_size = 256;
    cfg.window = 1;
    open_world(&cfg, v1);
    world.on_event = on_event;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(blocks_of(large) % 2u, 1); /* not a whole number of steps of two */
    assert_int_equal(deploy("j1", large), OTA_JOB_SUCCEEDED);
    assert_int_equal(seen.count[OTA_EVENT_PROGRESS], blocks_of(large) / 2u + 1u);
    assert_int_equal(seen.value[OTA_EVENT_PROGRESS], blocks_of(large));
    sim_image_free(large);
}

static void one_message_that_is_refused_is_shown_at_a_time_and_all_are_counted(void **ctx)
{
    (void)ctx;
    const struct ota_orchestrator_stats before = world.device.o.stats;
    for (unsigned i = 0; i < 3; i++) {
        ota_orchestrator_message(&world.device.o,
                                 OTA_SPAN_LIT("$aws/things/" SIM_THING "/jobs/notify"),
                                 OTA_SPAN_LIT("{"), world.now);
    }
    settle();
    assert_int_equal(seen.count[OTA_EVENT_MESSAGE_REFUSED], 1);
    assert_int_equal(world.device.o.stats.refused - before.refused, 3);
    assert_int_equal(world.device.o.stats.events_lost, before.events_lost);
}

static void events_say_how_much(void **ctx)
{
    (void)ctx;
    sim_deploy(&world, "j1", v2);
    run_to_received(9);
    assert_int_equal(seen.value[OTA_EVENT_CLAIMED], v2->size);
    const uint32_t received = world.device.o.received * world.cfg.block_size;
    sim_boot(&world);
    settle();
    assert_int_equal(seen.count[OTA_EVENT_RESUMED], 1);
    assert_true(seen.value[OTA_EVENT_RESUMED] > received / 2u); /* the newest mark, */
    assert_true(seen.value[OTA_EVENT_RESUMED] <= received);     /* a little behind */
    assert_int_equal(seen.total[OTA_EVENT_RESUMED], v2->size);
    assert_true(seen.value[OTA_EVENT_START_TEST] > 0);
    assert_int_equal(seen.value[OTA_EVENT_REPORTED], 1);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_SUCCEEDED);
}

static void a_document_that_is_not_for_the_agent_is_shown_and_refused(void **ctx)
{
    (void)ctx;
    sim_deploy_document(&world, "j1", NULL, "{\"operation\":\"blink\"}");
    settle();
    assert_int_equal(seen.count[OTA_EVENT_CUSTOM_JOB], 1);
    assert_int_equal(sim_status(&world, "j1", NULL), OTA_JOB_REJECTED);
}

/* --- commands ------------------------------------------------------------------------------------------ */

#define BIT(command) (1u << OTA_COMMAND_##command)
#define ALWAYS       (BIT(CHECK) | BIT(SUSPEND) | BIT(RESUME))

/* Where the workflow is when it gives an event. */
static const struct {
    const char *why;
    enum ota_event_kind at;
    enum ota_journal_state state;
    unsigned meaningful; /* besides those that always are */
} places[] = {
    { "nothing is there", OTA_EVENT_NO_JOB, OTA_JOURNAL_NONE, 0 },
    { "a claim can be given up", OTA_EVENT_CLAIMED, OTA_JOURNAL_CLAIMED, BIT(ABORT) },
    { "a download too", OTA_EVENT_PROGRESS, OTA_JOURNAL_RECEIVING, BIT(ABORT) },
    { "the application's turn", OTA_EVENT_ACTIVATE, OTA_JOURNAL_READY,
      BIT(ACTIVATE) | BIT(REJECT) | BIT(ABORT) | BIT(LATER) },
    { "under test", OTA_EVENT_START_TEST, OTA_JOURNAL_TESTING,
      BIT(CONFIRM) | BIT(REJECT) | BIT(ABORT) },
    { "the verdict is given", OTA_EVENT_CONFIRMED, OTA_JOURNAL_OUTCOME_OK, 0 },
    { "told", OTA_EVENT_REPORTED, OTA_JOURNAL_REPORT_OK, 0 },
};
static unsigned places_seen; /* a bit each */

/* On a copy: a command that is taken would change what happens next. */
static void expect_commands(const char *why, unsigned meaningful)
{
    for (unsigned c = OTA_COMMAND_CHECK; c <= OTA_COMMAND_LAST; c++) {
        static struct ota_orchestrator copy;
        if (c == OTA_COMMAND_SUSPEND) {
            continue; /* it stops the source, which the copy shares */
        }
        copy = world.device.o;
        const bool taken = ota_orchestrator_command(&copy, (enum ota_command)c) == OTA_OK;
        const bool wanted = ((meaningful | ALWAYS) >> c & 1u) != 0;
        if (taken != wanted) {
            fail_msg("[%s] command %u", why, c);
        }
    }
}

static void try_commands(struct sim *s, const struct ota_effect *effect)
{
    (void)s;
    for (unsigned i = 0; i < COUNT(places); i++) {
        if (effect->as.event.kind == places[i].at) {
            CHECK_ROW(places[i].why, state() == places[i].state);
            expect_commands(places[i].why, places[i].meaningful);
            places_seen |= 1u << i;
        }
    }
}

static void a_command_means_something_in_its_places_only(void **ctx)
{
    (void)ctx;
    places_seen = 0;
    world.on_event = try_commands;
    assert_int_equal(deploy("j1", v2), OTA_JOB_SUCCEEDED);
    assert_int_equal(places_seen, (1u << COUNT(places)) - 1u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(an_update_is_told_in_the_words_that_dashboards_know),
        T(an_open_self_test_is_told_with_the_new_version),
        T(a_result_is_told_to_the_letter),
        T(every_reason_has_words),
        T(eight_filters_are_subscribed),
        T(the_event_of_a_failed_self_test_says_why),
        T(events_say_how_much),
        T(progress_counts_each_block_once),
        T(progress_of_a_large_file_is_told_in_steps_and_to_its_end),
        T(one_message_that_is_refused_is_shown_at_a_time_and_all_are_counted),
        T(a_document_that_is_not_for_the_agent_is_shown_and_refused),
        T(a_command_means_something_in_its_places_only),
#undef T
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
