/*
 * One lock over all that the kernel would know, and one condition for all who wait: slow, and easy to be sure of.
 */
#include "standin.h"
#include <errno.h>
#include <pthread.h>
#include <semphr.h>
#include <stdio.h>
#include <stdlib.h>
#include <task.h>
#include <time.h>

enum kind { NONE, MUTEX, BINARY };

#define NS_PER_S 1000000000u

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t leapt; /* ticks by which the kernel's time is ahead of the host's */
    unsigned semaphores, waits;
    struct standin_task newest;
} kernel = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t critical; /* recursive, as critical sections are */
static _Thread_local unsigned critical_depth;
static _Thread_local char me; /* its address names the task */

static _Noreturn void stop(const char *why)
{
    (void)fprintf(stderr, "freertos_standin: %s\n", why);
    abort();
}

static void must(int rc)
{
    if (rc != 0) {
        stop("pthreads failed");
    }
}

static void demand(int condition, const char *why)
{
    if (!condition) {
        stop(why);
    }
}

static void make(void)
{
    pthread_condattr_t clock;
    pthread_mutexattr_t recursive;
    must(pthread_condattr_init(&clock));
    must(pthread_condattr_setclock(&clock, CLOCK_MONOTONIC));
    must(pthread_cond_init(&kernel.changed, &clock));
    must(pthread_condattr_destroy(&clock));
    must(pthread_mutexattr_init(&recursive));
    must(pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE));
    must(pthread_mutex_init(&critical, &recursive));
    must(pthread_mutexattr_destroy(&recursive));
}

/* Each call of the kernel is one step to all others. */
static void enter(void)
{
    must(pthread_once(&once, make));
    demand(critical_depth == 0, "a call of the kernel in a critical section");
    must(pthread_mutex_lock(&kernel.mutex));
}

static void leave(void)
{
    must(pthread_mutex_unlock(&kernel.mutex));
}

/* Before it is left: those who wait look again. */
static void tell(void)
{
    must(pthread_cond_broadcast(&kernel.changed));
}

/* --- ticks ------------------------------------------------------------------------------ */

/* Since the host began, and without wraps. The kernel's lock is held. */
static uint64_t ticks_now(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t));
    return kernel.leapt + (uint64_t)t.tv_sec * configTICK_RATE_HZ +
           (uint64_t)t.tv_nsec * configTICK_RATE_HZ / NS_PER_S;
}

/* The host's time at which ticks_now() will be `ticks`, or a time that has passed. */
static struct timespec host_time(uint64_t ticks)
{
    const uint64_t host = ticks > kernel.leapt ? ticks - kernel.leapt : 0;
    const uint64_t part = host % configTICK_RATE_HZ * NS_PER_S;
    return (struct timespec){
        .tv_sec = (time_t)(host / configTICK_RATE_HZ),
        .tv_nsec = (long)((part + configTICK_RATE_HZ - 1u) / configTICK_RATE_HZ),
    };
}

/* Until something changes, or until then. */
static void sleep_until(uint64_t ticks)
{
    const struct timespec at = host_time(ticks);
    const int rc = pthread_cond_timedwait(&kernel.changed, &kernel.mutex, &at);
    must(rc == ETIMEDOUT ? 0 : rc);
}

TickType_t xTaskGetTickCount(void)
{
    enter();
    const TickType_t tick = (TickType_t)ticks_now();
    leave();
    return tick;
}

void standin_set_tick(TickType_t tick)
{
    enter();
    kernel.leapt += (TickType_t)(tick - (TickType_t)ticks_now());
    tell();
    leave();
}

void vTaskDelay(TickType_t ticks)
{
    enter();
    const uint64_t end = ticks_now() + ticks;
    while (ticks_now() < end) {
        sleep_until(end);
    }
    leave();
}

/* --- critical sections --------------------------------------------------------------------- */

void standin_enter_critical(void)
{
    must(pthread_once(&once, make));
    must(pthread_mutex_lock(&critical));
    critical_depth++;
}

void standin_exit_critical(void)
{
    demand(critical_depth > 0, "the end of a critical section that did not begin");
    critical_depth--;
    must(pthread_mutex_unlock(&critical));
}

/* --- semaphores ------------------------------------------------------------------------------ */

static SemaphoreHandle_t create(StaticSemaphore_t *memory, enum kind kind, int available)
{
    demand(memory != NULL, "a static semaphore without memory");
    enter();
    *memory = (StaticSemaphore_t){ .self = memory, .kind = (int)kind, .available = available };
    kernel.semaphores++;
    leave();
    return memory;
}

SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *memory)
{
    return create(memory, MUTEX, 1);
}

SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory)
{
    return create(memory, BINARY, 0);
}

/* The kernel's lock is held. */
static void demand_semaphore(const StaticSemaphore_t *s)
{
    demand(s != NULL && s->self == s && s->kind != (int)NONE, "not a semaphore, or a deleted one");
}

static void wait_for(StaticSemaphore_t *s, TickType_t ticks)
{
    const uint64_t end = ticks == portMAX_DELAY ? UINT64_MAX / 2u : ticks_now() + ticks;
    s->waiting++;
    kernel.waits += s->kind == BINARY;
    tell(); /* standin_await_waits() */
    while (s->available == 0 && ticks_now() < end) {
        sleep_until(end);
    }
    s->waiting--;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t s, TickType_t ticks)
{
    enter();
    demand_semaphore(s);
    demand(s->holder != &me, "a task takes the mutex that it has");
    if (s->available == 0 && ticks > 0) {
        wait_for(s, ticks);
    }
    const BaseType_t taken = s->available != 0 ? pdTRUE : pdFALSE;
    if (taken == pdTRUE) {
        s->available = 0;
        s->holder = s->kind == MUTEX ? &me : NULL;
    }
    leave();
    return taken;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t s)
{
    enter();
    demand_semaphore(s);
    demand(s->kind != MUTEX || s->holder == &me, "a task gives a mutex that it does not have");
    const BaseType_t given = s->available == 0 ? pdTRUE : pdFALSE;
    s->available = 1;
    s->holder = NULL;
    tell();
    leave();
    return given;
}

void vSemaphoreDelete(SemaphoreHandle_t s)
{
    enter();
    demand_semaphore(s);
    demand(s->waiting == 0, "a semaphore is deleted while a task waits for it");
    *s = (StaticSemaphore_t){ .kind = NONE };
    kernel.semaphores--;
    leave();
}

unsigned standin_semaphores(void)
{
    enter();
    const unsigned count = kernel.semaphores;
    leave();
    return count;
}

unsigned standin_waits(void)
{
    enter();
    const unsigned count = kernel.waits;
    leave();
    return count;
}

void standin_await_waits(unsigned count)
{
    enter();
    while (kernel.waits < count) {
        must(pthread_cond_wait(&kernel.changed, &kernel.mutex));
    }
    leave();
}

/* --- tasks -------------------------------------------------------------------------------------- */

static void *run(void *of)
{
    StaticTask_t *const task = of;
    task->code(task->parameters);
    stop("a task's function returned");
}

/*
 * It runs on a stack of the host's: a sanitizer's frames would not fit the given one.
 * The parameters are the kernel's choice, as if this were a callback of it.
 */
TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *name, uint32_t stack_depth,
                               void *parameters, UBaseType_t priority, StackType_t *stack,
                               StaticTask_t *memory)
{
    pthread_t thread;
    if (stack == NULL || memory == NULL) {
        return NULL;
    }
    enter();
    demand(stack_depth >= configMINIMAL_STACK_SIZE, "a task with less than the least stack");
    demand(priority < configMAX_PRIORITIES, "a task above the highest priority");
    demand(memory->used == 0, "a task in the memory of another");
    *memory = (StaticTask_t){ .code = code, .parameters = parameters, .used = 1 };
    kernel.newest = (struct standin_task){ kernel.newest.made + 1u, name, stack_depth, priority };
    must(pthread_create(&thread, NULL, run, memory));
    must(pthread_detach(thread));
    leave();
    return memory;
}

struct standin_task standin_newest_task(void)
{
    enter();
    const struct standin_task newest = kernel.newest;
    leave();
    return newest;
}

/* Tasks run from when they are made; as on a kernel that runs, this does not return. */
void vTaskStartScheduler(void)
{
    for (;;) {
        vTaskDelay(configTICK_RATE_HZ);
    }
}
