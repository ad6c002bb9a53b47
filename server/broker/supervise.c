/* The supervisor: a thread that gives the broker one life after another. */
#include "base/log.h"
#include "broker/priv.h"
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From fork to the first connection taken; a loaded machine needs a second or two. */
#define START_MS 15000
/* A process that ran this long was well: the next back-off is short again. */
#define WELL_MS        60000
#define BACKOFF_MS     100
#define BACKOFF_MS_MAX 30000
#define STOP_MS        3000

int64_t broker_clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void enter(struct srv_broker *b, enum broker_state state)
{
    pthread_mutex_lock(&b->lock);
    b->state = state;
    if (state == BROKER_READY && b->reload_missed) {
        pidfd_send_signal(b->process.pidfd, SIGHUP, NULL, 0);
        b->reload_missed = false;
    }
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static const char *program(void)
{
    static const char *const places[] = { "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto",
                                          "/usr/bin/mosquitto" };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    return "mosquitto";
}

static bool spawn(struct srv_broker *b, struct srv_err *err)
{
    const char *const argv[] = { program(), "-c", "mosquitto.conf", NULL };
    struct process process;
    if (!broker_files_put(b, err) || !process_spawn(argv, b->dir, b->user, &process, err)) {
        return false;
    }
    pthread_mutex_lock(&b->lock);
    b->process = process;
    b->state = BROKER_STARTING;
    pthread_mutex_unlock(&b->lock);
    return process_note(b->pid_path, process.pid, err);
}

enum waited { WAITED_TIME, WAITED_END, WAITED_STOP };

/* Wait, and write down what it says meanwhile. A process that has closed its output is only waited for. */
static enum waited wait_on_child(struct srv_broker *b, int64_t until)
{
    for (;;) {
        int64_t left = until - broker_clock_ms();
        struct pollfd p[] = { { .fd = b->stop_fd, .events = POLLIN },
                              { .fd = b->process.pidfd, .events = POLLIN },
                              { .fd = b->process.output, .events = POLLIN } };
        poll(p, 3, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
        if ((p[2].revents & POLLIN) != 0) {
            broker_log_take(&b->log, b->process.output);
            continue;
        }
        if (p[0].revents != 0) {
            return WAITED_STOP;
        }
        if (p[1].revents != 0) {
            return WAITED_END;
        }
        if (p[2].revents != 0) {
            left = left < LOOK_MS ? left : LOOK_MS;
            poll(p, 2, left > 0 ? (int)left : 0);
        }
        if (broker_clock_ms() >= until) {
            return WAITED_TIME;
        }
    }
}

static enum waited wait_until_ready(struct srv_broker *b)
{
    struct srv_pass pass;
    struct srv_err err;
    if (!srv_identity_pass(b->identity, OTA_SPAN_NONE, time(NULL), &pass, &err)) {
        return WAITED_TIME;
    }
    int64_t until = broker_clock_ms() + START_MS;
    enum waited waited = WAITED_TIME;
    while (waited == WAITED_TIME && broker_clock_ms() < until) {
        if (probe(&b->peer, &pass, PROBE_TLS, PROBE_MS) == PROBE_ACCEPTED) {
            enter(b, BROKER_READY);
            break;
        }
        waited = wait_on_child(b, broker_clock_ms() + LOOK_MS);
    }
    srv_pass_clear(&pass);
    return waited;
}

/* The process is over, or has to be; its wait status. */
static int bury(struct srv_broker *b)
{
    int status = 0;
    pthread_mutex_lock(&b->lock);
    if (b->process.pid != 0) {
        status = process_end(&b->process, STOP_MS);
    }
    b->state = BROKER_AWAY;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return status;
}

/* Its last words say more than its exit code, a signal says all. */
static void tell_end(const struct srv_broker *b, enum waited waited, int status,
                     struct srv_err *err)
{
    const char *words = b->log.last[0] != '\0' ? b->log.last : "it said nothing";
    if (waited == WAITED_END && WIFSIGNALED(status)) {
        srv_fail(err, SRV_E_UNAVAILABLE, "mosquitto was ended by signal %d", WTERMSIG(status));
    } else if (waited == WAITED_END) {
        srv_fail(err, SRV_E_UNAVAILABLE, "mosquitto ended: %.110s", words);
    } else {
        srv_fail(err, SRV_E_UNAVAILABLE, "mosquitto takes no connections: %.100s", words);
    }
}

/* One life of the broker: whether another one shall follow. */
static bool live_once(struct srv_broker *b, bool *was_ready, struct srv_err *err)
{
    enum waited waited = WAITED_END;
    *was_ready = false;
    if (spawn(b, err)) {
        waited = wait_until_ready(b);
        *was_ready = b->state == BROKER_READY;
        while (*was_ready && waited == WAITED_TIME) {
            waited = wait_on_child(b, broker_clock_ms() + BACKOFF_MS_MAX);
        }
        tell_end(b, waited, bury(b), err);
    } else {
        bury(b);
    }
    return waited != WAITED_STOP;
}

static bool stop_comes_within(struct srv_broker *b, int ms)
{
    struct pollfd p = { .fd = b->stop_fd, .events = POLLIN };
    return poll(&p, 1, ms) == 1;
}

/*
 * Lives on, life after life; but if the first one never takes a connection, the
 * start has failed, and the caller is told at once.
 */
static void *supervise(void *argument)
{
    struct srv_broker *b = argument;
    int backoff_ms = BACKOFF_MS;
    bool ever_ready = false, was_ready = false;
    struct srv_err err = { 0 };
    int64_t born = broker_clock_ms();
    while (live_once(b, &was_ready, &err)) {
        ever_ready = ever_ready || was_ready;
        if (!ever_ready) {
            enter(b, BROKER_FAILED);
            return NULL;
        }
        backoff_ms = broker_clock_ms() - born > WELL_MS ? BACKOFF_MS : backoff_ms;
        srv_log(SRV_LOG_WARN, "broker.ended", "reason=\"%s\" again_ms=%d", err.text, backoff_ms);
        if (stop_comes_within(b, backoff_ms)) {
            break;
        }
        backoff_ms = backoff_ms * 2 < BACKOFF_MS_MAX ? backoff_ms * 2 : BACKOFF_MS_MAX;
        born = broker_clock_ms();
    }
    enter(b, BROKER_STOPPED);
    return NULL;
}

enum broker_state broker_await(struct srv_broker *b, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&b->lock);
    int result = 0;
    while (result == 0 && (b->state == BROKER_STARTING || b->state == BROKER_AWAY)) {
        result = pthread_cond_clockwait(&b->changed, &b->lock, CLOCK_MONOTONIC, &until);
    }
    enum broker_state state = b->state;
    pthread_mutex_unlock(&b->lock);
    return state;
}

void broker_supervision_end(struct srv_broker *b)
{
    uint64_t one = 1;
    if (b->supervised && write(b->stop_fd, &one, sizeof one) == (ssize_t)sizeof one) {
        pthread_join(b->supervisor, NULL);
    }
    b->supervised = false;
}

bool broker_supervision_start(struct srv_broker *b, struct srv_err *err)
{
    b->state = BROKER_STARTING;
    b->supervised = pthread_create(&b->supervisor, NULL, supervise, b) == 0;
    if (!b->supervised) {
        return srv_fail(err, SRV_E_INTERNAL, "cannot make a thread");
    }
    /* It fails by itself in time; the rest is for a machine that is very slow. */
    enum broker_state state = broker_await(b, 2 * START_MS);
    if (state == BROKER_READY) {
        return true;
    }
    broker_supervision_end(b);
    return srv_fail(err, SRV_E_UNAVAILABLE, "the broker does not start: %.110s",
                    b->log.last[0] != '\0' ? b->log.last : "it said nothing");
}
