/* The provider over a real broker: round trips, order on the wire, and what survives. */
#define _GNU_SOURCE
#include "house.h"
#include "t.h"

#define T "$aws/things/t/jobs/"

static int open_house(void **state)
{
    struct house *h = calloc(1, sizeof *h);
    house_open(h);
    assert_true(house_order(h, "thing t"));
    *state = h;
    return 0;
}

static int close_house(void **state)
{
    house_close(*state);
    free(*state);
    return 0;
}

static void listen_all(struct peer *p)
{
    peer_subscribe(p, T "notify");
    peer_subscribe(p, T "notify-next");
    peer_subscribe(p, T "+/accepted");
    peer_subscribe(p, T "+/rejected");
    peer_subscribe(p, T "+/+/accepted");
    peer_subscribe(p, T "+/+/rejected");
}

static bool has(const struct message *m, const char *text)
{
    return strstr((const char *)m->payload, text) != NULL;
}

static void a_job_goes_its_whole_way(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    listen_all(&p);

    assert_true(house_order(h, "job j - t"));
    assert_true(has(peer_expect(&p, T "notify"), "\"QUEUED\":[{\"jobId\":\"j\""));
    assert_true(has(peer_expect(&p, T "notify-next"), "\"jobDocument\":{\"operation\":\"test\"}"));

    peer_say(&p, T "$next/get", "{\"clientToken\":\"a\"}");
    const struct message *peek = peer_expect(&p, T "$next/get/accepted");
    assert_true(has(peek, "\"clientToken\":\"a\"") && has(peek, "\"status\":\"QUEUED\""));

    peer_say(&p, T "j/update", "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":\"1\"}");
    assert_false(has(peer_expect(&p, T "j/update/accepted"), "executionState"));
    peer_say(&p, T "j/update", "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":1}");
    assert_true(has(peer_expect(&p, T "j/update/rejected"), "\"code\":\"VersionMismatch\""));

    peer_say(&p, T "j/update", "{\"status\":\"SUCCEEDED\",\"expectedVersion\":2}");
    peer_expect(&p, T "j/update/accepted");
    assert_true(has(peer_expect(&p, T "notify"), "\"jobs\":{}"));
    assert_false(has(peer_expect(&p, T "notify-next"), "execution"));
    peer_close(&p);
}

static void many_requests_are_answered_each_once_and_in_order(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    peer_subscribe(&p, T "get/accepted");
    for (int i = 0; i < 1000; i++) {
        char payload[48];
        snprintf(payload, sizeof payload, "{\"clientToken\":\"n%d.\"}", i);
        peer_say(&p, T "get", payload);
    }
    for (int i = 0; i < 1000; i++) {
        char token[32];
        snprintf(token, sizeof token, "\"n%d.\"", i);
        assert_true(has(peer_expect(&p, T "get/accepted"), token));
    }
    peer_close(&p);
}

static void what_was_accepted_survives_kill_9(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    listen_all(&p);
    assert_true(house_order(h, "job j - t"));
    for (int round = 0; round < 10; round++) {
        char payload[96];
        snprintf(payload, sizeof payload,
                 "{\"status\":\"IN_PROGRESS\",\"statusDetails\":{\"round\":\"%d\"},"
                 "\"expectedVersion\":%d}",
                 round, round + 1);
        peer_say(&p, T "j/update", payload);
        peer_wait(&p, T "j/update/accepted");
        house_provider_kill(h); /* at once: nothing may be missing of what was accepted */
        house_provider_start(h);
        house_wait_connected(h);
    }
    peer_say(&p, T "j/get", "{\"clientToken\":\"end\"}");
    const struct message *m = peer_wait(&p, T "j/get/accepted");
    assert_true(has(m, "\"versionNumber\":11") && has(m, "\"round\":\"9\""));
    peer_close(&p);
}

static void a_notification_of_before_the_crash_comes_after_it(void **state)
{
    struct house *h = *state;
    struct peer p;
    house_broker_kill(h); /* it cannot be told now */
    assert_true(house_order(h, "job j - t"));
    house_provider_kill(h);
    house_broker_start(h);
    peer_open(&p, h);
    listen_all(&p);
    house_provider_start(h);
    assert_true(has(peer_expect(&p, T "notify"), "\"jobId\":\"j\""));
    assert_true(has(peer_expect(&p, T "notify-next"), "\"jobId\":\"j\""));
    peer_close(&p);
}

static void a_broker_that_comes_back_is_found_again(void **state)
{
    struct house *h = *state;
    struct peer p;
    house_broker_kill(h);
    assert_true(house_order(h, "job j - t")); /* commands go on without it */
    house_broker_start(h);
    peer_open(&p, h);
    listen_all(&p);
    house_wait_connected(h);
    peer_say(&p, T "$next/get", "{}");
    assert_true(has(peer_wait(&p, T "$next/get/accepted"), "\"jobId\":\"j\""));
    peer_close(&p);
}

/* What is read first when the broker is back is not there: as with any other fault of the disk. */
static void a_notification_that_cannot_be_read_comes_when_it_can(void **state)
{
    struct house *h = *state;
    struct peer p;
    house_broker_kill(h);
    assert_true(house_order(h, "job j - t"));
    house_sql(h, "ALTER TABLE outbox RENAME TO away");
    house_broker_start(h);
    peer_open(&p, h);
    listen_all(&p);
    house_wait_connected(h);
    peer_say(&p, T "$next/get", "{}");
    peer_expect(&p, T "$next/get/accepted"); /* and nothing before it */
    house_sql(h, "ALTER TABLE away RENAME TO outbox");
    assert_true(has(peer_expect(&p, T "notify"), "\"jobId\":\"j\""));
    assert_true(has(peer_expect(&p, T "notify-next"), "\"jobId\":\"j\""));
    peer_close(&p);
}

static void a_forced_cancel_reaches_the_device(void **state)
{
    struct house *h = *state;
    struct peer p;
    peer_open(&p, h);
    assert_true(house_order(h, "job j - t"));
    listen_all(&p);
    peer_say(&p, T "start-next", "");
    peer_wait(&p, T "start-next/accepted");
    assert_false(house_order(h, "job j - t")); /* that id is taken */
    assert_true(house_order(h, "force j"));
    assert_true(has(peer_wait(&p, T "notify"), "\"jobs\":{}"));
    assert_false(has(peer_wait(&p, T "notify-next"), "execution"));
    peer_say(&p, T "j/update", "{\"status\":\"IN_PROGRESS\"}");
    assert_true(has(peer_wait(&p, T "j/update/rejected"), "\"status\":\"CANCELED\""));
    peer_close(&p);
}

#define HOUSE_TEST(f) cmocka_unit_test_setup_teardown(f, open_house, close_house)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_job_goes_its_whole_way),
        HOUSE_TEST(many_requests_are_answered_each_once_and_in_order),
        HOUSE_TEST(what_was_accepted_survives_kill_9),
        HOUSE_TEST(a_notification_of_before_the_crash_comes_after_it),
        HOUSE_TEST(a_broker_that_comes_back_is_found_again),
        HOUSE_TEST(a_notification_that_cannot_be_read_comes_when_it_can),
        HOUSE_TEST(a_forced_cancel_reaches_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
