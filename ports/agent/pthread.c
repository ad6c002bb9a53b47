/*
 * The facade's port for POSIX: one mutex, one condition variable on the
 * monotonic clock, one thread.
 */
#include "ota_facade.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_t thread;
static void (*thread_loop)(void);

static void must(int rc)
{
    if (rc != 0) {
        abort(); /* only a bug of ours makes these calls fail */
    }
}

static void make_condition(void)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&changed, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

static void lock(void)
{
    must(pthread_once(&once, make_condition));
    must(pthread_mutex_lock(&mutex));
}

static void unlock(void)
{
    must(pthread_mutex_unlock(&mutex));
}

static void wait_until(ota_ms_t deadline)
{
    if (deadline == OTA_NEVER) {
        must(pthread_cond_wait(&changed, &mutex));
        return;
    }
    const struct timespec at = {
        .tv_sec = (time_t)(deadline / 1000u),
        .tv_nsec = (long)(deadline % 1000u) * 1000000L,
    };
    const int rc = pthread_cond_timedwait(&changed, &mutex, &at);
    must(rc == ETIMEDOUT ? 0 : rc);
}

static void wake(void)
{
    must(pthread_cond_broadcast(&changed));
}

static ota_ms_t now(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t));
    return (ota_ms_t)t.tv_sec * 1000u + (ota_ms_t)t.tv_nsec / 1000000u;
}

static void *run(void *unused)
{
    (void)unused;
    thread_loop();
    return NULL;
}

/* Signals are the application's: the agent's thread takes none. */
static bool start(void (*loop)(void))
{
    sigset_t all, before;
    thread_loop = loop;
    must(sigfillset(&all));
    must(pthread_sigmask(SIG_SETMASK, &all, &before));
    const int rc = pthread_create(&thread, NULL, run, NULL);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL));
    return rc == 0;
}

static void join(void)
{
    must(pthread_join(thread, NULL));
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
