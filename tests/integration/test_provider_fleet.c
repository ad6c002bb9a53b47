/* Two thousand devices at once: a rollout that reaches all, and the rush after an outage. */
#define _GNU_SOURCE
#include "t.h"
#include "house.h"
#include <mosquitto.h>

enum { DEVICES = 2000, CONNECTIONS = 8, WAIT_MS = 60000 };

static struct house house;
static struct peer peers[CONNECTIONS];

static size_t total(void)
{
    size_t sum = 0;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        sum += peers[i].count;
    }
    return sum;
}

static void collect(size_t want)
{
    const int64_t until = house_clock_ms() + WAIT_MS;
    while (total() < want) {
        if (house_clock_ms() >= until) {
            fail_msg("%zu of %zu messages came", total(), want);
        }
        for (size_t i = 0; i < CONNECTIONS; i++) {
            size_t before;
            do {
                before = peers[i].count;
                peer_turn(&peers[i], 0);
            } while (peers[i].count > before);
        }
    }
}

static void open_peers(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        peer_open(&peers[i], &house);
    }
}

static void close_peers(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++) {
        peer_close(&peers[i]);
    }
}

static unsigned device_of(const char *topic)
{
    unsigned device = DEVICES;
    assert_int_equal(sscanf(topic, "$aws/things/d%u/", &device), 1);
    assert_true(device < DEVICES);
    return device;
}

/* Notify before notify-next, each once, to each. */
static void a_rollout_reaches_every_device(void **state)
{
    (void)state;
    static uint8_t seen[DEVICES];
    open_peers();
    peer_subscribe(&peers[0], "$aws/things/+/jobs/notify");
    peer_subscribe(&peers[0], "$aws/things/+/jobs/notify-next");
    assert_true(house_order(&house, "rollout r d %d", DEVICES));
    const int64_t begin = house_clock_ms();
    collect((size_t)2 * DEVICES);
    print_message("%d notifications in %lld ms\n", 2 * DEVICES,
                  (long long)(house_clock_ms() - begin));
    for (size_t i = 0; i < peers[0].count; i++) {
        const struct message *m = &peers[0].messages[i];
        const unsigned device = device_of(m->topic);
        assert_int_equal(seen[device]++, strstr(m->topic, "notify-next") != NULL ? 1 : 0);
        assert_non_null(strstr((const char *)m->payload, "\"jobId\":\"r\""));
    }
    close_peers();
}

static void all_ask_at_once_and_each_gets_its_own_answer_once(void **state)
{
    (void)state;
    static uint8_t answered[DEVICES];
    open_peers();
    for (size_t i = 0; i < CONNECTIONS; i++) {
        for (size_t d = i; d < DEVICES; d += CONNECTIONS) {
            char filter[96];
            snprintf(filter, sizeof filter, "$aws/things/d%zu/jobs/$next/get/accepted", d);
            mosquitto_subscribe(peers[i].client, NULL, filter, 1);
        }
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        while (peers[i].subacks < DEVICES / CONNECTIONS) {
            peer_turn(&peers[i], 20);
        }
    }
    const int64_t begin = house_clock_ms();
    for (size_t d = 0; d < DEVICES; d++) {
        char topic[96], payload[48];
        snprintf(topic, sizeof topic, "$aws/things/d%zu/jobs/$next/get", d);
        snprintf(payload, sizeof payload, "{\"clientToken\":\"%zu.\"}", d);
        peer_say(&peers[d % CONNECTIONS], topic, payload);
    }
    collect(DEVICES);
    const int64_t took = house_clock_ms() - begin;
    print_message("%d answers in %lld ms\n", DEVICES, (long long)took);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        for (size_t k = 0; k < peers[i].count; k++) {
            const struct message *m = &peers[i].messages[k];
            const unsigned device = device_of(m->topic);
            char token[48];
            snprintf(token, sizeof token, "\"clientToken\":\"%u.\"", device);
            assert_int_equal(answered[device]++, 0);
            assert_int_equal(device % CONNECTIONS, i);
            assert_non_null(strstr((const char *)m->payload, token));
            assert_non_null(strstr((const char *)m->payload, "\"jobId\":\"r\""));
        }
    }
    close_peers();
}

static int open_house(void **state)
{
    (void)state;
    house_open(&house);
    return house_order(&house, "things d %d", DEVICES) ? 0 : -1;
}

static int close_house(void **state)
{
    (void)state;
    house_close(&house);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rollout_reaches_every_device),
        cmocka_unit_test(all_ask_at_once_and_each_gets_its_own_answer_once),
    };
    return cmocka_run_group_tests(tests, open_house, close_house);
}
