/*
 * What every port of the facade to an operating system must do: struct OTA_OsOps, asked of the port that is linked.
 * Built once for each of them. The threads are pthreads; a port whose system has others runs it over a stand-in
 * (tests/support/freertos_standin) or on its system's simulator.
 *
 * A wake-up that gets lost shows as a wait that lasts PATIENCE_MS.
 */
#include "t.h"
#include "ota_facade.h"

#include <pthread.h>

#define PATIENCE_MS 10000u
#define THREADS_MAX 8u

/* Whose turn it is, who is here, how often: all under the port's lock. */
static struct {
    uint64_t count;
    unsigned here, turn, round, ended, late;
    bool go;
} world;

static int forget(void **state)
{
    (void)state;
    OTA_Os.lock();
    memset(&world, 0, sizeof world);
    OTA_Os.unlock();
    return 0;
}

/* The lock is held. Until `condition`; then true. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        const ota_ms_t end = OTA_Os.now() + PATIENCE_MS;                                           \
        while (!(condition) && OTA_Os.now() < end) {                                               \
            OTA_Os.wait_until(end);                                                                \
        }                                                                                          \
        world.late += !(condition);                                                                \
    } while (0)

static void run_threads(unsigned count, void *(*body)(void *))
{
    pthread_t threads[THREADS_MAX];
    static unsigned index[THREADS_MAX] = { 0, 1, 2, 3, 4, 5, 6, 7 };
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, &index[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* --- the lock -------------------------------------------------------------------------------- */

#define COUNTS 5000u

static void *count_up(void *unused)
{
    for (unsigned i = 0; i < COUNTS; i++) {
        OTA_Os.lock();
        world.count++; /* a sanitizer for threads sees it if the lock is none */
        OTA_Os.unlock();
    }
    return unused;
}

static void the_lock_keeps_others_out(void **state)
{
    (void)state;
    run_threads(THREADS_MAX, count_up);
    assert_int_equal(world.count, THREADS_MAX * COUNTS);
}

/* --- the clock -------------------------------------------------------------------------------- */

/* Under the lock the threads' readings have an order. */
static void *read_clock(void *unused)
{
    for (unsigned i = 0; i < COUNTS; i++) {
        OTA_Os.lock();
        const ota_ms_t now = OTA_Os.now();
        world.late += now < world.count;
        world.count = now;
        OTA_Os.unlock();
        (void)OTA_Os.now();
    }
    return unused;
}

static void the_clock_never_goes_back_whoever_reads_it(void **state)
{
    (void)state;
    run_threads(4, read_clock);
    assert_int_equal(world.late, 0);
}

/* --- waiting ----------------------------------------------------------------------------------- */

static void a_wait_ends_at_its_deadline(void **state)
{
    static const struct {
        const char *why;
        uint32_t ms;
    } rows[] = { { "now", 0 }, { "one millisecond", 1 }, { "a few", 7 }, { "some", 40 } };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned waits = 0;
        OTA_Os.lock();
        const ota_ms_t deadline = OTA_Os.now() + rows[i].ms;
        while (OTA_Os.now() < deadline) {
            OTA_Os.wait_until(deadline);
            waits++;
        }
        const ota_ms_t ended = OTA_Os.now();
        OTA_Os.unlock();
        CHECK_ROW(rows[i].why, ended >= deadline && ended < deadline + PATIENCE_MS);
        CHECK_ROW(rows[i].why, waits <= 5u); /* it sleeps, and does not look again and again */
    }
}

static void a_deadline_that_has_passed_is_not_waited_for(void **state)
{
    (void)state;
    OTA_Os.lock();
    const ota_ms_t before = OTA_Os.now();
    OTA_Os.wait_until(0);
    OTA_Os.wait_until(before);
    const ota_ms_t after = OTA_Os.now();
    OTA_Os.unlock();
    assert_true(after < before + PATIENCE_MS);
}

static void *wait_to_go(void *unused)
{
    OTA_Os.lock();
    world.here++;
    OTA_Os.wake();
    while (!world.go) {
        OTA_Os.wait_until(OTA_NEVER);
    }
    world.ended++;
    OTA_Os.wake();
    OTA_Os.unlock();
    return unused;
}

/* A deadline must not be needed: these waits have none. */
static void one_wake_ends_every_wait(void **state)
{
    pthread_t threads[THREADS_MAX];
    (void)state;
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wait_to_go, NULL), 0);
    }
    OTA_Os.lock();
    WAIT_FOR(world.here ==
             THREADS_MAX); /* all have given the lock up, so all wait or are about to */
    world.go = true;
    OTA_Os.wake();
    WAIT_FOR(world.ended == THREADS_MAX);
    const unsigned ended = world.ended;
    OTA_Os.unlock();
    assert_int_equal(ended, THREADS_MAX);
    for (unsigned i = 0; i < THREADS_MAX; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

#define ROUNDS 2000u

/* The other one wakes as soon as the lock is free: mostly before this one is asleep. */
static void *take_turns(void *index)
{
    const unsigned mine = *(const unsigned *)index;
    OTA_Os.lock();
    for (unsigned i = 0; i < ROUNDS && world.late == 0; i++) {
        WAIT_FOR(world.turn == mine || world.late > 0);
        world.turn = 1u - mine;
        world.round++;
        OTA_Os.wake();
    }
    OTA_Os.unlock();
    return index;
}

static void no_wake_is_lost_between_giving_up_the_lock_and_sleeping(void **state)
{
    (void)state;
    run_threads(2, take_turns);
    assert_int_equal(world.late, 0);
    assert_int_equal(world.round, 2 * ROUNDS);
}

/* All meet, the last to come opens the next round: everyone must hear of each. */
static void *meet(void *unused)
{
    OTA_Os.lock();
    for (unsigned i = 0; i < ROUNDS / 10u && world.late == 0; i++) {
        const unsigned round = world.round;
        if (++world.here == 4u) {
            world.here = 0;
            world.round++;
            OTA_Os.wake();
        }
        WAIT_FOR(world.round != round || world.late > 0);
    }
    OTA_Os.unlock();
    return unused;
}

static void no_wake_is_lost_by_one_of_several(void **state)
{
    (void)state;
    run_threads(4, meet);
    assert_int_equal(world.late, 0);
    assert_int_equal(world.round, ROUNDS / 10u);
}

static void *wait_shortly(void *index)
{
    const ota_ms_t mine = 5u * (1u + *(const unsigned *)index);
    OTA_Os.lock();
    const ota_ms_t deadline = OTA_Os.now() + mine;
    while (OTA_Os.now() < deadline) {
        OTA_Os.wait_until(deadline);
    }
    world.late += OTA_Os.now() >= deadline + PATIENCE_MS;
    world.ended++;
    OTA_Os.unlock();
    return index;
}

static void each_of_several_waits_has_its_own_end(void **state)
{
    (void)state;
    run_threads(THREADS_MAX, wait_shortly);
    assert_int_equal(world.ended, THREADS_MAX);
    assert_int_equal(world.late, 0);
}

/* --- the thread ---------------------------------------------------------------------------------- */

static pthread_t starter;

static void loop(void)
{
    OTA_Os.lock();
    world.here += pthread_equal(pthread_self(), starter) == 0;
    OTA_Os.wake();
    WAIT_FOR(world.go);
    OTA_Os.unlock();
    OTA_Os.lock(); /* and again: its last deed comes well after it was told to end */
    world.ended++;
    OTA_Os.unlock();
}

static void the_loop_runs_on_a_thread_of_its_own_until_it_is_joined(void **state)
{
    (void)state;
    starter = pthread_self();
    for (unsigned i = 1; i <= 100; i++) {
        OTA_Os.lock();
        world.go = false;
        OTA_Os.unlock();
        assert_true(OTA_Os.start(loop));
        OTA_Os.lock();
        WAIT_FOR(world.here == i);
        const unsigned here = world.here, ended = world.ended;
        world.go = true;
        OTA_Os.wake();
        OTA_Os.unlock();
        assert_int_equal(here, i);
        assert_int_equal(ended, i - 1u);
        OTA_Os.join();
        OTA_Os.lock();
        assert_int_equal(world.ended, i);
        assert_int_equal(world.late, 0);
        OTA_Os.unlock();
    }
}

#define FACT(test) cmocka_unit_test_setup(test, forget)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FACT(the_lock_keeps_others_out),
        FACT(the_clock_never_goes_back_whoever_reads_it),
        FACT(a_wait_ends_at_its_deadline),
        FACT(a_deadline_that_has_passed_is_not_waited_for),
        FACT(one_wake_ends_every_wait),
        FACT(no_wake_is_lost_between_giving_up_the_lock_and_sleeping),
        FACT(no_wake_is_lost_by_one_of_several),
        FACT(each_of_several_waits_has_its_own_end),
        FACT(the_loop_runs_on_a_thread_of_its_own_until_it_is_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
