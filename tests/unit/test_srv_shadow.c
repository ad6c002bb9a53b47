/* The named shadow `waft`: what devices may say, what is kept of it, what they hear. */
#define _GNU_SOURCE
#include "srv_world.h"
#include "t.h"

#define UPDATE            "t/shadow/name/waft/update"
#define GET               "t/shadow/name/waft/get"
#define DELETE            "t/shadow/name/waft/delete"
#define REPORTED(members) "{\"state\":{\"reported\":{" members "}}}"

static int open_world(void **state)
{
    world_setup(state);
    world_thing(*state, "u");
    return 0;
}

/* The attributes as they are stored; NULL: nothing has been said. The memory is good until the next call. */
static const char *attributes(struct world *w, const char *thing, uint64_t *version)
{
    static char text[9000];
    struct srv_arena a = { 0 };
    struct srv_report row;
    const bool found = srv_db_report_get(w->core.db, &a, ota_span_of_str(thing), &row);
    if (found) {
        snprintf(text, sizeof text, "%.*s", (int)row.attributes.len, row.attributes.ptr);
        if (version != NULL) {
            *version = row.version;
        }
    }
    srv_arena_end(&a);
    return found ? text : NULL;
}

static void expect_answer(struct world *w, const char *topic, const char *payload)
{
    assert_int_equal(w->outcome.message_count, 1);
    assert_string_equal(world_topic(w, 0), topic);
    assert_string_equal(world_payload(w, 0), payload);
}

static void what_is_reported_is_kept_as_texts_and_answered(void **state)
{
    struct world *w = *state;
    assert_true(world_device(w, UPDATE,
                             "{\"state\":{\"reported\":{\"version\":\"1.4.0\",\"confirmed\":true,"
                             "\"hw\":3,\"t\":1.5}},\"clientToken\":\"c\"}"));
    expect_answer(w, UPDATE "/accepted",
                  "{\"state\":{\"reported\":{\"version\":\"1.4.0\",\"confirmed\":true,\"hw\":3,"
                  "\"t\":1.5}},\"version\":1,\"timestamp\":1700000000,\"clientToken\":\"c\"}");
    assert_string_equal(
        attributes(w, "t", NULL),
        "{\"version\":\"1.4.0\",\"confirmed\":\"true\",\"hw\":\"3\",\"t\":\"1.5\"}");
    assert_null(attributes(w, "u", NULL));
}

static void what_is_not_named_stays_and_null_takes_away(void **state)
{
    struct world *w = *state;
    uint64_t version = 0;
    assert_true(world_device(w, UPDATE, REPORTED("\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"")));
    w->now_s += 60;
    assert_true(world_device(w, UPDATE, REPORTED("\"b\":\"22\",\"c\":null,\"none\":null")));
    assert_string_equal(attributes(w, "t", &version), "{\"a\":\"1\",\"b\":\"22\"}");
    assert_int_equal(version, 2);
    assert_true(world_device(w, GET, ""));
    expect_answer(w, GET "/accepted",
                  "{\"version\":2,\"state\":{\"reported\":{\"a\":\"1\",\"b\":\"22\"}},"
                  "\"timestamp\":1700000060}");
}

static void a_version_that_is_not_the_present_one_is_a_conflict(void **state)
{
    struct world *w = *state;
    assert_true(world_device(w, UPDATE, REPORTED("\"a\":\"1\"")));
    assert_true(world_device(w, UPDATE, "{\"state\":{\"reported\":{\"a\":\"2\"}},\"version\":1}"));
    assert_false(world_device(w, UPDATE, "{\"state\":{\"reported\":{\"a\":\"3\"}},\"version\":1}"));
    expect_answer(w, UPDATE "/rejected",
                  "{\"code\":409,\"message\":\"the shadow's version is 2\","
                  "\"timestamp\":1700000000}");
    assert_string_equal(attributes(w, "t", NULL), "{\"a\":\"2\"}");
}

static void a_shadow_that_is_deleted_is_gone(void **state)
{
    struct world *w = *state;
    assert_false(world_device(w, DELETE, ""));
    assert_true(world_device(w, UPDATE, REPORTED("\"a\":\"1\"")));
    assert_true(world_device(w, DELETE, "{\"clientToken\":\"x\"}"));
    expect_answer(w, DELETE "/accepted",
                  "{\"version\":1,\"timestamp\":1700000000,\"clientToken\":\"x\"}");
    assert_null(attributes(w, "t", NULL));
    assert_false(world_device(w, GET, ""));
    expect_answer(w, GET "/rejected",
                  "{\"code\":404,\"message\":\"No shadow exists with name: 'waft'\","
                  "\"timestamp\":1700000000}");
}

/* `count` members "a0".. with a value of `len` characters each. */
static const char *members(size_t count, size_t len)
{
    static char text[20000];
    size_t at = (size_t)sprintf(text, "{\"state\":{\"reported\":{");
    for (size_t i = 0; i < count; i++) {
        at += (size_t)sprintf(text + at, "%s\"a%zu\":\"%0*d\"", i > 0 ? "," : "", i, (int)len, 0);
    }
    strcpy(text + at, "}}}");
    return text;
}

static void bad_words_get_a_code_and_change_nothing(void **state)
{
    struct world *w = *state;
    static char long_name[] = REPORTED("\"%s\":\"1\"");
    char name129[200], name[130];
    memset(name, 'n', sizeof name - 1u);
    name[129] = '\0';
    snprintf(name129, sizeof name129, long_name, name);
    const struct {
        const char *why, *topic, *payload;
        int code;
    } rows[] = {
        { "no JSON", UPDATE, "hello", 400 },
        { "an array", UPDATE, "[]", 400 },
        { "half a character, quoted in the answer", UPDATE, "{\"\\\xc3\xa9\"}", 400 },
        { "a member twice", UPDATE, REPORTED("\"a\":1,\"a\":2"), 400 },
        { "nothing", UPDATE, "", 400 },
        { "no state", UPDATE, "{}", 400 },
        { "state a text", UPDATE, "{\"state\":\"reported\"}", 400 },
        { "nothing reported", UPDATE, "{\"state\":{}}", 400 },
        { "reported null", UPDATE, "{\"state\":{\"reported\":null}}", 400 },
        { "something desired", UPDATE, "{\"state\":{\"reported\":{},\"desired\":{}}}", 400 },
        { "an object inside", UPDATE, REPORTED("\"a\":{}"), 400 },
        { "a list inside", UPDATE, REPORTED("\"a\":[1]"), 400 },
        { "a control character", UPDATE, REPORTED("\"a\":\"\\u0007\""), 400 },
        { "a name with a blank", UPDATE, REPORTED("\"a b\":1"), 400 },
        { "a name of nothing", UPDATE, REPORTED("\"\":1"), 400 },
        { "a name of 129", UPDATE, name129, 400 },
        { "a value of 801", UPDATE, members(1, 801), 400 },
        { "a version that is none", UPDATE, "{\"state\":{\"reported\":{}},\"version\":\"1\"}",
          400 },
        { "a token that is none", UPDATE, "{\"state\":{\"reported\":{}},\"clientToken\":1}", 400 },
        { "nobody's", "nobody/shadow/name/waft/update", REPORTED("\"a\":1"), 404 },
    };
    assert_true(world_device(w, UPDATE, REPORTED("\"a\":\"1\"")));
    for (size_t i = 0; i < COUNT(rows); i++) {
        char code[32];
        snprintf(code, sizeof code, "{\"code\":%d,\"message\":\"", rows[i].code);
        /* members() has one room: its text is made again for each row. */
        const char *payload =
            strstr(rows[i].why, "801") != NULL ? members(1, 801) : rows[i].payload;
        CHECK_ROW(rows[i].why, !world_device(w, rows[i].topic, payload));
        CHECK_ROW(rows[i].why, w->outcome.message_count == 1);
        CHECK_ROW(rows[i].why, strncmp(world_payload(w, 0), code, strlen(code)) == 0);
        CHECK_ROW(rows[i].why, strcmp(attributes(w, "t", NULL), "{\"a\":\"1\"}") == 0);
    }
}

static void limits_hold_at_their_edge(void **state)
{
    struct world *w = *state;
    assert_true(world_device(w, UPDATE, members(1, 800)));
    assert_true(world_device(w, UPDATE, members(50, 1)));
    assert_false(world_device(w, UPDATE, members(51, 1)));
    assert_non_null(strstr(world_payload(w, 0), "\"code\":413"));
    /* A request of 8,192 bytes is read, one more is not. */
    static uint8_t blanks[8193];
    memset(blanks, ' ', sizeof blanks);
    memcpy(blanks, REPORTED("\"a0\":\"x\""), strlen(REPORTED("\"a0\":\"x\"")));
    assert_true(world_device_bytes(w, UPDATE, (struct ota_span){ blanks, 8192 }));
    assert_false(world_device_bytes(w, UPDATE, (struct ota_span){ blanks, 8193 }));
    assert_non_null(strstr(world_payload(w, 0), "\"code\":413"));
    /* What is kept has no more than that either, however it came together. */
    assert_true(world_device(w, DELETE, ""));
    assert_true(world_device(w, UPDATE, members(9, 800)));
    assert_true(world_device(w, UPDATE,
                             REPORTED("\"b\":\""
                                      "1"
                                      "\"")));
    const char *before = attributes(w, "t", NULL);
    char kept[9000];
    strcpy(kept, before);
    char more[1000];
    snprintf(more, sizeof more, REPORTED("\"c\":\"%0800d\",\"d\":\"%0100d\""), 0, 0);
    assert_false(world_device(w, UPDATE, more));
    assert_non_null(strstr(world_payload(w, 0), "\"code\":413"));
    assert_string_equal(attributes(w, "t", NULL), kept);
}

static void other_shadows_are_not_ours(void **state)
{
    struct world *w = *state;
    static const char *const rows[] = { "t/shadow/update",
                                        "t/shadow/name/other/update",
                                        "t/shadow/name/waft/update/accepted",
                                        "t/shadow/name/waft/",
                                        "t/shadow/name/waft",
                                        "t//shadow/name/waft/update",
                                        "/shadow/name/waft/update" };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i], !world_device(w, rows[i], REPORTED("\"a\":1")));
        CHECK_ROW(rows[i],
                  w->outcome.message_count == 0 || strstr(world_topic(w, 0), "rejected") != NULL);
        CHECK_ROW(rows[i], attributes(w, "t", NULL) == NULL);
    }
}

static void a_disabled_thing_says_nothing(void **state)
{
    struct world *w = *state;
    assert_true(world_apply(w, &(struct srv_command){ .kind = SRV_CMD_THING_DISABLE,
                                                      .thing_disable = { OTA_SPAN_LIT("t") } }));
    assert_false(world_device(w, UPDATE, REPORTED("\"a\":1")));
    assert_non_null(strstr(world_payload(w, 0), "\"code\":403"));
    assert_null(attributes(w, "t", NULL));
}

static void every_prefix_of_an_update_is_refused(void **state)
{
    struct world *w = *state;
    static const char whole[] =
        "{\"state\":{\"reported\":{\"version\":\"1.4.0\",\"hw\":3}},\"clientToken\":\"c\"}";
    for (size_t len = 0; len < sizeof whole - 1u; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        memcpy(exact, whole, len);
        assert_false(world_device_bytes(w, UPDATE, (struct ota_span){ exact, len }));
        free(exact);
        assert_null(attributes(w, "t", NULL));
    }
    assert_true(world_device(w, UPDATE, whole));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_reported_is_kept_as_texts_and_answered),
        TEST(what_is_not_named_stays_and_null_takes_away),
        TEST(a_version_that_is_not_the_present_one_is_a_conflict),
        TEST(a_shadow_that_is_deleted_is_gone),
        TEST(bad_words_get_a_code_and_change_nothing),
        TEST(limits_hold_at_their_edge),
        TEST(other_shadows_are_not_ours),
        TEST(a_disabled_thing_says_nothing),
        TEST(every_prefix_of_an_update_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
