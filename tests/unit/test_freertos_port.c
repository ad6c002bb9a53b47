/*
 * The port to FreeRTOS, in what is its own: the kernel's counter of ticks that wraps, what is made when, and what
 * stays. That it is a port at all is asked by test_os_port.c, and test_facade.c runs over it.
 */
#include "agent_fixture.h"
#include "freertos_mutex.h"
#include "freertos_settings.h"
#include "ota_facade.h"
#include "psa_lock_freertos.h"
#include "standin.h"

#include <pthread.h>
#include <task.h>

/* How long anything here may take on a slow host. */
#define SLACK_MS 5000u

#define TICK_MAX portMAX_DELAY

/* --- ticks ----------------------------------------------------------------------------------- */

#define QUARTER (TICK_MAX / 4u)

static ota_ms_t now_at(TickType_t tick)
{
    standin_set_tick(tick);
    return OTA_Os.now();
}

/* As time would, with the clock read on the way: half the range at once would look like an old reading. */
static ota_ms_t go_to(TickType_t tick)
{
    for (TickType_t quarters_left = 4; quarters_left > 0; quarters_left--) {
        (void)now_at(tick - quarters_left * QUARTER);
    }
    return now_at(tick);
}

/* The host's time passes too. */
static bool about(uint64_t got, uint64_t want)
{
    return got + SLACK_MS > want && got < want + SLACK_MS;
}

static void the_clock_may_be_read_for_the_first_time_at_any_tick(void **state)
{
    (void)state;
    assert_true(about(now_at(TICK_MAX - 20000u), TICK_MAX - 20000u));
}

static void a_wrapped_counter_is_later_not_earlier(void **state)
{
    static const struct {
        const char *why;
        TickType_t from, to;
    } rows[] = {
        { "no wrap", 100, 30100 },
        { "to zero", TICK_MAX - 29999u, 0 },
        { "over zero", TICK_MAX - 14999u, 15000 },
        { "almost half the range, no wrap", 0, TICK_MAX / 2u - 20000u },
        { "almost half the range, with a wrap", TICK_MAX - 999u, TICK_MAX / 2u - 21000u },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const ota_ms_t before = go_to(rows[i].from), after = now_at(rows[i].to);
        CHECK_ROW(rows[i].why, after > before);
        CHECK_ROW(rows[i].why, about(after - before, (TickType_t)(rows[i].to - rows[i].from)));
    }
}

static void many_wraps_are_all_counted(void **state)
{
    enum { STEPS = 4 * 50 };
    (void)state;
    const ota_ms_t before = go_to(0);
    for (uint64_t i = 1; i <= STEPS; i++) {
        (void)now_at((TickType_t)(i * QUARTER));
    }
    assert_true(about(OTA_Os.now() - before, (uint64_t)STEPS * QUARTER));
}

/* A task that was held up between reading the counter and using what it read. */
static void an_old_reading_changes_nothing(void **state)
{
    (void)state;
    (void)go_to(TICK_MAX - 40000u);
    const ota_ms_t newest = now_at(40000u);
    assert_true(now_at(TICK_MAX - 20000u) == newest);
    assert_true(now_at(10000u) == newest);
    const ota_ms_t after = now_at(70000u);
    assert_true(about(after - newest, 30000u));
}

static void a_wait_over_the_wrap_ends_at_its_deadline(void **state)
{
    (void)state;
    const ota_ms_t before = go_to(TICK_MAX - 10u), deadline = before + 30u;
    OTA_Os.lock();
    while (OTA_Os.now() < deadline) {
        OTA_Os.wait_until(deadline);
    }
    const ota_ms_t after = OTA_Os.now();
    OTA_Os.unlock();
    assert_true(after >= deadline && after < deadline + SLACK_MS);
    assert_true(xTaskGetTickCount() < TICK_MAX / 2u);
}

/* Under the port's lock. */
static struct {
    bool here, told_to_end;
    unsigned waits; /* that had begun when it was about to begin its own */
} idler;

static void wait_for_ever(void)
{
    OTA_Os.lock();
    idler.here = true;
    idler.waits = standin_waits();
    OTA_Os.wake();
    while (!idler.told_to_end) {
        OTA_Os.wait_until(OTA_NEVER);
    }
    OTA_Os.unlock();
}

/* Three wraps that pass while nobody asks what time it is. */
static void a_wait_without_a_deadline_keeps_the_clock(void **state)
{
    enum { STEPS = 12 };
    (void)state;
    const ota_ms_t before = go_to(1000u);
    assert_true(OTA_Os.start(wait_for_ever));
    OTA_Os.lock();
    while (!idler.here) {
        OTA_Os.wait_until(OTA_NEVER);
    }
    const unsigned waits = idler.waits;
    OTA_Os.unlock();
    for (TickType_t i = 1; i <= STEPS; i++) {
        standin_await_waits(waits + i);
        standin_set_tick(1000u + i * QUARTER + i * SLACK_MS); /* later than the wait's end */
    }
    standin_await_waits(waits + STEPS + 1u);
    const uint64_t passed = OTA_Os.now() - before;
    OTA_Os.lock();
    idler.told_to_end = true;
    OTA_Os.wake();
    OTA_Os.unlock();
    OTA_Os.join();
    assert_true(about(passed, STEPS * ((uint64_t)QUARTER + SLACK_MS)));
}

/* --- mutexes ------------------------------------------------------------------------------------ */

#define THREADS 8u

static struct freertos_mutex fresh[64];
static unsigned counts[COUNT(fresh)];
static pthread_barrier_t barrier;

static void *take_each(void *unused)
{
    for (size_t i = 0; i < COUNT(fresh); i++) {
        (void)pthread_barrier_wait(&barrier); /* all come for the next one at once */
        freertos_mutex_take(&fresh[i]);
        counts[i]++;
        freertos_mutex_give(&fresh[i]);
    }
    return unused;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void a_mutex_is_made_once_however_many_come_first(void **state)
{
    (void)state;
    const unsigned before = standin_semaphores();
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    run_threads(take_each);
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
    assert_int_equal(standin_semaphores(), before + COUNT(fresh));
    for (size_t i = 0; i < COUNT(fresh); i++) {
        assert_int_equal(counts[i], THREADS);
    }
}

static unsigned under_psa_lock;

static void *count_under_psa_lock(void *unused)
{
    for (unsigned i = 0; i < 2000u; i++) {
        psa_lock_freertos.take(psa_lock_freertos.context);
        under_psa_lock++;
        psa_lock_freertos.give(psa_lock_freertos.context);
    }
    return unused;
}

static void the_lock_for_psa_keeps_others_out(void **state)
{
    (void)state;
    run_threads(count_under_psa_lock);
    assert_int_equal(under_psa_lock, THREADS * 2000u);
}

/* --- the agent's life ------------------------------------------------------------------------------ */

/* A client that takes everything, and whose broker never answers. */
static bool publish(void *context, struct ota_span topic, struct ota_span payload, enum ota_qos qos)
{
    (void)context;
    (void)topic;
    (void)payload;
    (void)qos;
    return true;
}

static bool subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    (void)context;
    (void)filter;
    (void)qos;
    return true;
}

static bool unsubscribe(void *context, struct ota_span filter)
{
    (void)context;
    (void)filter;
    return true;
}

static void no_reset(void *context)
{
    (void)context;
}

static void a_hundred_lives_take_one_task_and_leave_no_semaphore(void **state)
{
    static uint8_t memory[OTA_MEMORY_SIZE(512u, 8u)];
    static struct fix flash;
    (void)state;
    device_init(&flash);
    const struct OTA_Config config = {
        .thing_name = "t-1",
        .flash = &flash.m.base,
        .layout = &flash.layout,
        .crypto = crypto(),
        .running_slot = OTA_SLOT_A,
        .handover = { .rule = OTA_BOOT_CONFIRMED, .cause = OTA_RESET_POWER_ON },
        .mqtt = { publish, subscribe, unsubscribe, NULL },
        .reset = no_reset,
        .block_size = 512,
        .window = 4,
        .memory = OTA_BUF_OF(memory),
    };
    /* The task is there since the test before; resting, it waits with a semaphore of its own. */
    const unsigned semaphores = standin_semaphores();
    OTA_OnConnected();
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(OTA_AgentInit(&config, SLACK_MS), OTA_AgentState_Ready);
        assert_int_equal(OTA_CheckForUpdate(), OTA_Err_None);
        assert_int_equal(OTA_AgentShutdown(SLACK_MS), OTA_AgentState_NotReady);
        assert_true(standin_semaphores() <= semaphores + 1u);
    }
    assert_int_equal(standin_newest_task().made, 1);
    fix_free(&flash);
}

static void the_task_is_as_the_settings_say(void **state)
{
    (void)state;
    const struct standin_task task = standin_newest_task();
    assert_string_equal(task.name, OTA_TASK_NAME);
    assert_int_equal(task.stack_depth * sizeof(StackType_t), OTA_TASK_STACK_SIZE);
    assert_int_equal(task.priority, OTA_TASK_PRIORITY);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        /* This one must be the first. None that counts ticks or semaphores may come after a task is there, which has
         * its own. */
        cmocka_unit_test(the_clock_may_be_read_for_the_first_time_at_any_tick),
        cmocka_unit_test(a_wrapped_counter_is_later_not_earlier),
        cmocka_unit_test(many_wraps_are_all_counted),
        cmocka_unit_test(an_old_reading_changes_nothing),
        cmocka_unit_test(a_wait_over_the_wrap_ends_at_its_deadline),
        cmocka_unit_test(a_mutex_is_made_once_however_many_come_first),
        cmocka_unit_test(the_lock_for_psa_keeps_others_out),
        cmocka_unit_test(a_wait_without_a_deadline_keeps_the_clock),
        cmocka_unit_test(a_hundred_lives_take_one_task_and_leave_no_semaphore),
        cmocka_unit_test(the_task_is_as_the_settings_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
