/*
 * Filters whose SUBACK is awaited, of the bare-metal MQTT client: what was asked is what comes back, and the longest
 * names that the service knows fit.
 */
#include "mqtt_asked.h"
#include "ota/wire.h"
#include "t.h"

#define FILTERS 9u

/* The application's one and the agent's eight, for this root and thing. */
static struct ota_span filter(unsigned index, const char *root, const char *thing,
                              struct ota_buf room)
{
    static const char *const words[FILTERS] = {
        "in",
        "jobs/notify",
        "jobs/notify-next",
        "jobs/$next/get/accepted",
        "jobs/$next/get/rejected",
        "jobs/+/update/accepted",
        "jobs/+/update/rejected",
        "streams/+/data/cbor",
        "streams/+/rejected/cbor",
    };
    struct ota_writer w = ota_writer(room);
    ota_write_str(&w, index == 0 ? "app" : root);
    ota_write_str(&w, index == 0 ? "/" : "/things/");
    ota_write_str(&w, thing);
    ota_write_str(&w, "/");
    ota_write_str(&w, words[index]);
    return ota_writer_done(&w);
}

static void add_all(struct mqtt_asked *a, const char *root, const char *thing)
{
    for (unsigned i = 0; i < FILTERS; i++) {
        uint8_t room[OTA_TOPIC_MAX];
        assert_true(
            mqtt_asked_add(a, (uint16_t)(i + 1u), filter(i, root, thing, OTA_BUF_OF(room))));
    }
}

static void take(struct mqtt_asked *a, unsigned index, const char *root, const char *thing)
{
    uint8_t room[OTA_TOPIC_MAX], again[OTA_TOPIC_MAX];
    const struct ota_span got = mqtt_asked_take(a, (uint16_t)(index + 1u), OTA_BUF_OF(room));
    assert_true(ota_span_eq(got, filter(index, root, thing, OTA_BUF_OF(again))));
}

static void names_of_any_length_fit_and_come_back_in_any_order(void **state)
{
    (void)state;
    char root[OTA_TOPIC_ROOT_MAX + 1u] = { 0 }, thing[OTA_THING_NAME_MAX + 1u] = { 0 };
    struct mqtt_asked a = { .len = 0 };
    for (size_t names = 1; names <= OTA_THING_NAME_MAX; names++) {
        memset(root, 'r', names < OTA_TOPIC_ROOT_MAX ? names : OTA_TOPIC_ROOT_MAX);
        memset(thing, 't', names);
        add_all(&a, root, thing);
        for (unsigned i = 0; i < FILTERS; i++) {
            take(&a, (i * 5u + (unsigned)names) % FILTERS, root, thing);
        }
        assert_int_equal(a.len, 0); /* for the next connection, if there is none between */
    }
}

static void an_answer_counts_once_and_others_not_at_all(void **state)
{
    (void)state;
    uint8_t room[OTA_TOPIC_MAX];
    struct mqtt_asked a = { .len = 0 };
    assert_int_equal(mqtt_asked_take(&a, 1, OTA_BUF_OF(room)).len, 0);
    add_all(&a, "$aws", "thing-1");
    take(&a, 3, "$aws", "thing-1");
    assert_int_equal(mqtt_asked_take(&a, 4, OTA_BUF_OF(room)).len, 0);
    assert_int_equal(mqtt_asked_take(&a, FILTERS + 1u, OTA_BUF_OF(room)).len, 0);
    for (unsigned i = 0; i < FILTERS; i++) {
        if (i != 3) {
            take(&a, i, "$aws", "thing-1");
        }
    }
}

static void what_does_not_fit_is_not_kept_and_the_others_stay(void **state)
{
    (void)state;
    uint8_t room[OTA_TOPIC_MAX];
    struct mqtt_asked a = { .len = 0 };
    uint16_t id = 1;
    while (mqtt_asked_add(&a, id, filter(1, "$aws", "thing-1", OTA_BUF_OF(room)))) {
        id++;
    }
    assert_true(id > FILTERS && a.len <= MQTT_ASKED_SIZE);
    assert_int_equal(mqtt_asked_take(&a, id, OTA_BUF_OF(room)).len, 0);
    while (--id > 0) {
        uint8_t again[OTA_TOPIC_MAX];
        const struct ota_span got = mqtt_asked_take(&a, id, OTA_BUF_OF(room));
        assert_true(ota_span_eq(got, filter(1, "$aws", "thing-1", OTA_BUF_OF(again))));
    }
    add_all(&a, "$aws", "thing-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_any_length_fit_and_come_back_in_any_order),
        cmocka_unit_test(an_answer_counts_once_and_others_not_at_all),
        cmocka_unit_test(what_does_not_fit_is_not_kept_and_the_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
