/* The provider against conversations that it did not write: captures and the guide's examples. */
#include "srv_world.h"
#include "vectors.h"
#include <jansson.h>

static struct ota_span text_of(json_t *value, char **owned)
{
    if (json_is_string(value)) {
        *owned = NULL;
        return ota_span_of_str(json_string_value(value));
    }
    *owned = json_dumps(value, JSON_COMPACT);
    return ota_span_of_str(*owned);
}

static void create(struct world *w, const json_t *step)
{
    char *document;
    const struct ota_span target = OTA_SPAN_LIT("t");
    const struct srv_command command = {
        .kind = SRV_CMD_JOB_CREATE,
        .job_create = { .id = ota_span_of_str(json_string_value(json_object_get(step, "create"))),
                        .document = text_of(json_object_get(step, "document"), &document),
                        .targets = &target,
                        .target_count = 1 }
    };
    assert_true(world_apply(w, &command));
    free(document);
}

static void compare(struct world *w, const json_t *answers, const char *where)
{
    if (w->outcome.message_count != json_array_size(answers)) {
        fail_msg("%s: %zu messages", where, w->outcome.message_count);
    }
    for (size_t i = 0; i < json_array_size(answers); i++) {
        const json_t *want = json_array_get(answers, i);
        assert_string_equal(world_topic(w, i), json_string_value(json_array_get(want, 0)));
        json_t *got = json_loads(world_payload(w, i), JSON_REJECT_DUPLICATES, NULL);
        if (!json_equal(got, json_array_get(want, 1))) {
            fail_msg("%s, message %zu: %s", where, i, world_payload(w, i));
        }
        json_decref(got);
    }
}

static void converse(const char *name)
{
    struct world w;
    world_open(&w);
    world_thing(&w, "t");
    struct t_file file = t_vector(name);
    json_t *steps = json_loadb((const char *)file.ptr, file.len, 0, NULL);
    assert_true(json_is_array(steps) && json_array_size(steps) > 0);
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        char where[96];
        snprintf(where, sizeof where, "%s, step %zu", name, i);
        w.now_s = json_integer_value(json_object_get(step, "now"));
        if (json_object_get(step, "create") != NULL) {
            create(&w, step);
            continue;
        }
        char *payload;
        const struct ota_span text = text_of(json_object_get(step, "payload"), &payload);
        (void)world_device_bytes(&w, json_string_value(json_object_get(step, "topic")), text);
        free(payload);
        compare(&w, json_object_get(step, "answers"), where);
    }
    json_decref(steps);
    free(file.ptr);
    world_close(&w);
}

static void answers_start_next_as_the_service_does(void **state)
{
    (void)state;
    converse("jobs/provider-start-next.json");
}

static void tells_the_end_of_a_job_in_the_services_order(void **state)
{
    (void)state;
    converse("jobs/provider-terminal-report.json");
}

static void refuses_a_wrong_version_in_the_services_words(void **state)
{
    (void)state;
    converse("jobs/provider-version-mismatch.json");
}

static void lists_pending_executions_as_the_guide_shows(void **state)
{
    (void)state;
    converse("jobs/provider-pending.json");
}

static void an_update_tells_what_it_was_asked_for(void **state)
{
    (void)state;
    converse("jobs/provider-update-flags.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_start_next_as_the_service_does),
        cmocka_unit_test(tells_the_end_of_a_job_in_the_services_order),
        cmocka_unit_test(refuses_a_wrong_version_in_the_services_words),
        cmocka_unit_test(lists_pending_executions_as_the_guide_shows),
        cmocka_unit_test(an_update_tells_what_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
