/*
 * The facade's port for FreeRTOS: one mutex, one task, and a semaphore for as long as somebody waits. Nothing comes
 * from a heap.
 *
 * A waiting task brings its semaphore along, on its own stack, and puts it in a list before it gives the lock up. A
 * wake gives all that are in the list; one that comes before the task is asleep is kept by the semaphore. Neither an
 * event group would do (its bit is cleared by the first who sees it, so that a second, not yet asleep, sleeps on) nor
 * task notifications (those of a task that calls OTA_AgentInit() are the application's).
 *
 * The task is made once and rests between two lives of the agent. A deleted task's memory would be the idle task's
 * until that has run, so that it could not be started again at once.
 */
#include "freertos_mutex.h"
#include "freertos_settings.h"
#include "ota_facade.h"

#include <task.h>

/* The counter of ticks is asked at least this often while the agent lives or rests, so that no wrap is missed. */
#define WAIT_TICKS_MAX (portMAX_DELAY / 4u)

struct waiter {
    StaticSemaphore_t memory;
    SemaphoreHandle_t woken;
    struct waiter *next;
};

static struct freertos_mutex mutex;
static struct waiter *waiters; /* under the mutex */

static struct {
    StackType_t stack[OTA_TASK_STACK_SIZE / sizeof(StackType_t)];
    StaticTask_t memory;
    TaskHandle_t handle;
    void (*loop)(void); /* under the mutex; NULL: the task rests */
} task;

static struct {
    bool known;
    TickType_t tick; /* as last seen */
    uint64_t ticks;  /* the same without wraps */
} seen;              /* in critical sections */

static void lock(void)
{
    freertos_mutex_take(&mutex);
}

static void unlock(void)
{
    freertos_mutex_give(&mutex);
}

/*
 * The kernel's counter wraps; the difference to the last reading does not care. It is read outside of the critical
 * section, so a task may come with a reading that is older than the last one: a difference of more than half
 * the counter's range, which adds nothing.
 */
static ota_ms_t now(void)
{
    const TickType_t tick = xTaskGetTickCount();
    taskENTER_CRITICAL();
    const TickType_t passed = (TickType_t)(tick - seen.tick);
    if (passed <= portMAX_DELAY / 2u || !seen.known) {
        seen.known = true;
        seen.tick = tick;
        seen.ticks += passed;
    }
    const uint64_t ticks = seen.ticks;
    taskEXIT_CRITICAL();
    return ticks * 1000u / configTICK_RATE_HZ;
}

/* Rounded up, so that at their end it is not before the deadline; fewer if it is far. */
static TickType_t ticks_until(ota_ms_t deadline)
{
    const ota_ms_t at = now(); /* even if the deadline never comes: see WAIT_TICKS_MAX */
    const ota_ms_t left_ms = deadline > at ? deadline - at : 0;
    if (left_ms > UINT32_MAX) {
        return WAIT_TICKS_MAX;
    }
    const uint64_t ticks = (left_ms * configTICK_RATE_HZ + 999u) / 1000u;
    return ticks < WAIT_TICKS_MAX ? (TickType_t)ticks : WAIT_TICKS_MAX;
}

static void leave(const struct waiter *w)
{
    struct waiter **at = &waiters;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
}

/* Its callers look for themselves whether what they wait for has come, so that it may end early. */
static void wait_until(ota_ms_t deadline)
{
    struct waiter self = { .next = waiters };
    self.woken = xSemaphoreCreateBinaryStatic(&self.memory);
    waiters = &self;
    unlock();
    (void)xSemaphoreTake(self.woken, ticks_until(deadline)); /* woken or late: the caller looks */
    lock();
    leave(&self);
    vSemaphoreDelete(self.woken); /* who gives it holds the lock, so nobody does now */
}

static void wake(void)
{
    for (const struct waiter *w = waiters; w != NULL; w = w->next) {
        (void)xSemaphoreGive(w->woken); /* refused: it has been woken before and has not run yet */
    }
}

static void run(void *unused)
{
    (void)unused;
    for (;;) {
        lock();
        while (task.loop == NULL) {
            wait_until(OTA_NEVER);
        }
        void (*const loop)(void) = task.loop;
        unlock();
        loop();
        lock();
        task.loop = NULL;
        wake();
        unlock();
    }
}

static bool start(void (*loop)(void))
{
    if (task.handle == NULL) {
        task.handle =
            xTaskCreateStatic(run, OTA_TASK_NAME, sizeof task.stack / sizeof task.stack[0], NULL,
                              OTA_TASK_PRIORITY, task.stack, &task.memory);
    }
    if (task.handle == NULL) {
        return false;
    }
    lock();
    task.loop = loop;
    wake();
    unlock();
    return true;
}

static void join(void)
{
    lock();
    while (task.loop != NULL) {
        wait_until(OTA_NEVER);
    }
    unlock();
}

const struct OTA_OsOps OTA_Os = {
    .lock = lock,
    .unlock = unlock,
    .wait_until = wait_until,
    .wake = wake,
    .now = now,
    .start = start,
    .join = join,
};
