/*
 * What a device says of itself, from its real code to the real provider's row:
 * when, and what.
 */
#define _GNU_SOURCE
#include "ota/shadow.h"
#include "sim.h"
#include "t.h"
#include <jansson.h>

static struct sim world;
static struct sim_image *v1, *v2;
static unsigned told; /* updates of the shadow on the wire */

static struct sim_image *make(unsigned minor, enum sim_behaviour behaviour)
{
    const struct sim_image_spec s = {
        .version = { .major = 1, .minor = (uint8_t)minor },
        .payload_size = 8000,
        .counter = 1,
        .behaviour = behaviour,
    };
    return sim_image_make(&s);
}

static bool count(struct sim *s, enum sim_direction to, struct ota_span topic,
                  struct ota_span payload)
{
    (void)s, (void)payload;
    static const char update[] = "$aws/things/" SIM_THING "/shadow/name/waft/update";
    told += to == SIM_TO_PROVIDER && ota_span_eq(topic, ota_span_of_str(update));
    return true;
}

static void open_with(enum sim_behaviour behaviour)
{
    struct sim_cfg cfg = sim_cfg_default();
    cfg.announce = ota_shadow_announce;
    v1 = make(0, SIM_GOOD);
    v2 = make(1, behaviour);
    told = 0;
    sim_open(&world, &cfg, v1);
    world.on_wire = count;
    sim_boot(&world);
    assert_true(sim_run(&world, OTA_NEVER));
}

static int end(void **state)
{
    (void)state;
    sim_close(&world);
    sim_image_free(v1);
    sim_image_free(v2);
    return 0;
}

/* What the provider knows; NULL: nothing of that name. The memory is good until the next call. */
static const char *known(const char *name)
{
    static char text[900];
    struct srv_arena a = { 0 };
    struct srv_report row;
    const char *found = NULL;
    if (srv_db_report_get(world.core.db, &a, OTA_SPAN_LIT(SIM_THING), &row)) {
        json_t *all = json_loadb((const char *)row.attributes.ptr, row.attributes.len, 0, NULL);
        const char *value = json_string_value(json_object_get(all, name));
        if (value != NULL) {
            snprintf(text, sizeof text, "%s", value);
            found = text;
        }
        json_decref(all);
    }
    srv_arena_end(&a);
    return found;
}

static const char *hex_of(const uint8_t digest[OTA_DIGEST_SIZE])
{
    static char text[2 * OTA_DIGEST_SIZE + 1];
    for (size_t i = 0; i < OTA_DIGEST_SIZE; i++) {
        sprintf(text + 2 * i, "%02x", digest[i]);
    }
    return text;
}

static void a_device_says_what_it_is_when_it_connects(void **state)
{
    (void)state;
    open_with(SIM_GOOD);
    assert_int_equal(told, 1);
    assert_string_equal(known("version"), "1.0.0");
    assert_string_equal(known("slot"), "A");
    assert_string_equal(known("confirmed"), "true");
    assert_string_equal(known("digest"), hex_of(v1->digest));
    assert_int_equal(strlen(known("class")), 36);
    assert_int_equal(atoi(known("hw")), world.device.trust.hw_revision);
    assert_null(known("result"));
    sim_link(&world, false);
    sim_link(&world, true);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_int_equal(told, 2);
}

/* The SUBACKs of streams come last, one by one. */
static struct sim_fate streams_late(struct sim *s, const struct sim_message *m)
{
    static unsigned late;
    (void)s;
    const struct ota_span topic = { m->topic, m->topic_len };
    if (m->to != SIM_SUBACK || memmem(topic.ptr, topic.len, "/streams/", 9) == NULL) {
        return (struct sim_fate){ SIM_PASSES, 0 };
    }
    return (struct sim_fate){ SIM_LATE, 100u + 50u * (late++ % 2u) };
}

static void it_says_so_once_a_connect(void **state)
{
    (void)state;
    open_with(SIM_GOOD);
    world.fate = streams_late;
    sim_link(&world, false);
    sim_link(&world, true);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_int_equal(told, 2);
}

static void after_a_confirm_it_says_what_runs_now_and_how_it_came(void **state)
{
    (void)state;
    open_with(SIM_GOOD);
    sim_deploy(&world, "job", v2);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_string_equal(known("version"), "1.1.0");
    assert_string_equal(known("slot"), "B");
    assert_string_equal(known("confirmed"), "true");
    assert_string_equal(known("digest"), hex_of(v2->digest));
    assert_string_equal(known("job"), "job");
    assert_string_equal(known("result"), "accepted");
    assert_int_equal(told, 2); /* twice connected; the second time it was confirmed already */
    /* At the next connect nothing is open any more; what was known stays known. */
    sim_link(&world, false);
    sim_link(&world, true);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_string_equal(known("result"), "accepted");
    assert_int_equal(told, 3);
}

static void command(enum ota_command what)
{
    assert_int_equal(ota_orchestrator_command(&world.device.o, what), OTA_OK);
}

/* The SUBACKs are under way when the application suspends the agent. */
static void what_a_suspension_held_back_is_said_when_it_ends(void **state)
{
    (void)state;
    open_with(SIM_GOOD);
    sim_link(&world, false);
    sim_link(&world, true);
    assert_true(sim_run(&world, world.now + 1));
    command(OTA_COMMAND_SUSPEND);
    assert_true(sim_run(&world, world.now + 60000));
    assert_int_equal(told, 1);
    command(OTA_COMMAND_RESUME);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_int_equal(told, 2);
}

static void while_it_is_on_trial_it_says_so(void **state)
{
    (void)state;
    open_with(SIM_GOOD);
    world.hands_off = true;
    sim_deploy(&world, "job", v2);
    assert_true(sim_run(&world, OTA_NEVER));
    command(OTA_COMMAND_ACTIVATE);
    (void)sim_run(&world, world.now + 5000); /* and the self-test has not ended */
    assert_string_equal(known("version"), "1.1.0");
    assert_string_equal(known("confirmed"), "false");
    assert_null(known("result"));
    assert_int_equal(told, 2);
    command(OTA_COMMAND_CONFIRM);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_string_equal(known("confirmed"), "true");
    assert_string_equal(known("result"), "accepted");
    assert_int_equal(told, 3);
}

static void after_a_revert_it_says_why(void **state)
{
    (void)state;
    open_with(SIM_FAILS);
    sim_deploy(&world, "job", v2);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_string_equal(known("version"), "1.0.0");
    assert_string_equal(known("slot"), "A");
    assert_string_equal(known("confirmed"), "true");
    assert_string_equal(known("job"), "job");
    assert_string_equal(known("result"), "self-test failed");
}

static void a_refusal_is_said_too(void **state)
{
    (void)state;
    char document[2000];
    open_with(SIM_GOOD);
    sim_document("job", v2, document, sizeof document);
    memcpy(strstr(document, "sig-sha256-ecdsa"), "sig-sha256-_cdsa", 16);
    sim_deploy_document(&world, "job", v2, document);
    assert_true(sim_run(&world, OTA_NEVER));
    assert_string_equal(known("version"), "1.0.0");
    assert_string_equal(known("result"), ota_err_text(OTA_E_JOB_UNSIGNED));
}

static void a_result_is_said_once_it_is_certain(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        enum ota_journal_state state;
        enum ota_confirmed confirmed;
        bool said;
    } rows[] = {
        { "no job", OTA_JOURNAL_NONE, OTA_CONFIRMED_YES, false },
        { "on trial", OTA_JOURNAL_TESTING, OTA_CONFIRMED_NO, false },
        { "passed, not confirmed yet", OTA_JOURNAL_OUTCOME_OK, OTA_CONFIRMED_NO, false },
        { "confirmed", OTA_JOURNAL_OUTCOME_OK, OTA_CONFIRMED_YES, true },
        { "to be reported", OTA_JOURNAL_REPORT_OK, OTA_CONFIRMED_YES, true },
        { "a failure to be reported", OTA_JOURNAL_REPORT_FAIL, OTA_CONFIRMED_YES, true },
        { "a failure to be cleaned up", OTA_JOURNAL_OUTCOME_FAIL, OTA_CONFIRMED_YES, false },
    };
    open_with(SIM_GOOD);
    struct ota_orchestrator *o = &world.device.o;
    o->journal.job_id_len = 1;
    o->journal.job_id[0] = 'j';
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_effect effect;
        o->journal.state = rows[i].state;
        o->confirmed = (uint8_t)rows[i].confirmed;
        ota_shadow_announce(o, &effect);
        const struct ota_span text = effect.as.publish.payload;
        CHECK_ROW(rows[i].why,
                  (memmem(text.ptr, text.len, "\"job\":\"j\"", 9) != NULL) == rows[i].said);
    }
}

static void the_longest_words_fit(void **state)
{
    (void)state;
    open_with(SIM_GOOD);
    struct ota_orchestrator *o = &world.device.o;
    o->own.version = (struct ota_version){ 255, 255, 65535, UINT32_MAX };
    o->journal.state = OTA_JOURNAL_REPORT_FAIL;
    o->journal.job_id_len = OTA_JOB_ID_MAX;
    memset(o->journal.job_id, 'j', OTA_JOB_ID_MAX);
    for (unsigned reason = 0; reason <= OTA_REASON_LAST; reason++) {
        struct ota_effect effect;
        o->journal.reason = (enum ota_reason)reason;
        ota_shadow_announce(o, &effect);
        json_t *all = json_loadb((const char *)effect.as.publish.payload.ptr,
                                 effect.as.publish.payload.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(all);
        json_decref(all);
    }
    o->journal.reason = OTA_REASON_ERROR;
    for (int error = OTA_OK; error > -128; error--) {
        struct ota_effect effect;
        o->journal.error = (ota_err_t)error;
        ota_shadow_announce(o, &effect);
        json_t *all = json_loadb((const char *)effect.as.publish.payload.ptr,
                                 effect.as.publish.payload.len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(all);
        json_decref(all);
    }
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_device_says_what_it_is_when_it_connects),
        TEST(it_says_so_once_a_connect),
        TEST(what_a_suspension_held_back_is_said_when_it_ends),
        TEST(after_a_confirm_it_says_what_runs_now_and_how_it_came),
        TEST(while_it_is_on_trial_it_says_so),
        TEST(after_a_revert_it_says_why),
        TEST(a_refusal_is_said_too),
        TEST(a_result_is_said_once_it_is_certain),
        TEST(the_longest_words_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
