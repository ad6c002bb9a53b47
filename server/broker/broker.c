#include "broker/broker.h"
#include "base/log.h"
#include "broker/config.h"
#include "broker/log.h"
#include "broker/probe.h"
#include "broker/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* From fork to the first connection taken; a loaded machine needs a second or two. */
#define START_MS 15000
#define PROBE_MS 2000
/* Between two looks whether it is ready; its end and our stop interrupt the wait. */
#define LOOK_MS 20
/* A process that ran this long was well: the next back-off is short again. */
#define WELL_MS        60000
#define BACKOFF_MS     100
#define BACKOFF_MS_MAX 30000
#define STOP_MS        3000
/* Until the broker must have read a new revocation list. */
#define HOLD_MS 5000
/* Ports that turn out to be taken between choosing and listening. */
#define PORT_ATTEMPTS 5

enum broker_state { BROKER_STARTING, BROKER_READY, BROKER_AWAY, BROKER_FAILED, BROKER_STOPPED };

struct srv_broker {
    char dir[SRV_PATH_MAX], pid_path[SRV_PATH_MAX], port_path[SRV_PATH_MAX];
    char *config, *acl;
    struct srv_identity *identity;
    struct process_user user;
    struct probe_peer peer;
    struct broker_log log; /* the supervisor's alone while it runs */
    uint16_t port;
    int lock_fd, stop_fd;
    pthread_t supervisor;
    bool supervised;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    enum broker_state state;
    struct process process; /* pid 0: none */
    bool reload_missed;     /* asked for while it could not hear */
    bool stopping;
};

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- files ---- */

static bool own_file(const struct srv_broker *b, const char *path, struct srv_err *err)
{
    return b->user.uid == PROCESS_SAME_USER || chown(path, b->user.uid, b->user.gid) == 0 ||
           srv_fail_errno(err, "cannot give %s to the broker's user", path);
}

static bool put_file(const struct srv_broker *b, const char *name, const char *text, size_t len,
                     struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    return srv_path(path, b->dir, name, err) && srv_file_write(path, text, len, 0600, err) &&
           own_file(b, path, err);
}

static bool copy_file(const struct srv_broker *b, const char *name, const char *from,
                      struct srv_err *err)
{
    enum { COPY_MAX = 256 * 1024 * 1024 }; /* a revocation list of millions */
    char *text = NULL;
    size_t len = 0;
    bool ok = srv_file_read(from, COPY_MAX, &text, &len, err) && put_file(b, name, text, len, err);
    free(text);
    return ok;
}

static bool put_files(const struct srv_broker *b, struct srv_err *err)
{
    return put_file(b, "mosquitto.conf", b->config, strlen(b->config), err) &&
           put_file(b, "acl", b->acl, strlen(b->acl), err) &&
           copy_file(b, "ca.crt", srv_identity_ca_path(b->identity), err) &&
           copy_file(b, "crl.pem", srv_identity_crl_path(b->identity), err) &&
           copy_file(b, "broker.crt", srv_identity_cert_path(b->identity, SRV_OWN_BROKER), err) &&
           copy_file(b, "broker.key", srv_identity_key_path(b->identity, SRV_OWN_BROKER), err);
}

/* Two waftd on one directory would end each other's broker as a left-over. */
static bool take_directory(struct srv_broker *b, const char *data_dir, struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    if (!srv_path(b->dir, data_dir, "broker", err) || !srv_dir_make(b->dir, 0700, err) ||
        !own_file(b, b->dir, err) || !srv_path(path, b->dir, "lock", err) ||
        !srv_path(b->pid_path, b->dir, "pid", err) ||
        !srv_path(b->port_path, b->dir, "port", err)) {
        return false;
    }
    b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0) {
        return srv_fail_errno(err, "cannot write %s", path);
    }
    if (flock(b->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return srv_fail(err, SRV_E_UNAVAILABLE, "another waftd runs on %s", data_dir);
    }
    return process_clear_left_over(b->pid_path, b->dir, err);
}

/* ---- the port ---- */

static uint16_t remembered_port(const struct srv_broker *b)
{
    char *text = NULL;
    unsigned port = 0;
    if (srv_file_read(b->port_path, 16, &text, NULL, NULL) &&
        (sscanf(text, "%u", &port) != 1 || port > 65535u)) {
        port = 0;
    }
    free(text);
    return (uint16_t)port;
}

static bool remember_port(const struct srv_broker *b, struct srv_err *err)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%u\n", b->port);
    return srv_file_write(b->port_path, text, (size_t)len, 0644, err);
}

/* `want`, or any if it is 0; 0 if that one is taken. */
static uint16_t free_port(const char *bind_to, uint16_t want)
{
    struct probe_peer at;
    if (!probe_peer_init(&at, bind_to, want, NULL)) {
        return 0;
    }
    int fd = socket(at.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    socklen_t len = at.address_len;
    uint16_t port = 0;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&at.address, at.address_len) == 0 &&
        getsockname(fd, (struct sockaddr *)&at.address, &len) == 0) {
        /* sin_port and sin6_port stand at the same place. */
        struct sockaddr_in bound;
        memcpy(&bound, &at.address, sizeof bound);
        port = ntohs(bound.sin_port);
    }
    if (fd >= 0) {
        close(fd);
    }
    return port;
}

static bool choose_port(struct srv_broker *b, const struct srv_broker_cfg *cfg, int attempt,
                        struct srv_err *err)
{
    const char *bind_to = cfg->bind != NULL ? cfg->bind : "127.0.0.1";
    if (cfg->port != 0) {
        b->port = cfg->port;
        if (free_port(bind_to, cfg->port) == 0) {
            return srv_fail(err, SRV_E_UNAVAILABLE,
                            "port %u at %s is taken, or not for us: choose another", cfg->port,
                            bind_to);
        }
    } else {
        uint16_t last = attempt == 0 ? remembered_port(b) : 0;
        b->port = last != 0 ? free_port(bind_to, last) : 0;
        if (last != 0 && b->port == 0) {
            srv_log(SRV_LOG_WARN, "broker.port_taken",
                    "port=%u: another is used, and devices must be told", last);
        }
        b->port = b->port != 0 ? b->port : free_port(bind_to, 0);
    }
    free(b->config);
    b->config = broker_config_text(cfg, b->port);
    return (b->port != 0 && b->config != NULL &&
            probe_peer_init(&b->peer, bind_to, b->port, srv_identity_ca_path(b->identity))) ||
           srv_fail(err, SRV_E_UNAVAILABLE, "there is no free port at %s", bind_to);
}

/* ---- the supervisor's thread ---- */

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
    if (!put_files(b, err) || !process_spawn(argv, b->dir, b->user, &process, err)) {
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
        int64_t left = until - clock_ms();
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
        if (clock_ms() >= until) {
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
    int64_t until = clock_ms() + START_MS;
    enum waited waited = WAITED_TIME;
    while (waited == WAITED_TIME && clock_ms() < until) {
        if (probe(&b->peer, &pass, PROBE_TLS, PROBE_MS) == PROBE_ACCEPTED) {
            enter(b, BROKER_READY);
            break;
        }
        waited = wait_on_child(b, clock_ms() + LOOK_MS);
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
            waited = wait_on_child(b, clock_ms() + BACKOFF_MS_MAX);
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
    int64_t born = clock_ms();
    while (live_once(b, &was_ready, &err)) {
        ever_ready = ever_ready || was_ready;
        if (!ever_ready) {
            enter(b, BROKER_FAILED);
            return NULL;
        }
        backoff_ms = clock_ms() - born > WELL_MS ? BACKOFF_MS : backoff_ms;
        srv_log(SRV_LOG_WARN, "broker.ended", "reason=\"%s\" again_ms=%d", err.text, backoff_ms);
        if (stop_comes_within(b, backoff_ms)) {
            break;
        }
        backoff_ms = backoff_ms * 2 < BACKOFF_MS_MAX ? backoff_ms * 2 : BACKOFF_MS_MAX;
        born = clock_ms();
    }
    enter(b, BROKER_STOPPED);
    return NULL;
}

/* ---- start, stop ---- */

static enum broker_state await_state(struct srv_broker *b, int ms)
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

static void end_supervision(struct srv_broker *b)
{
    uint64_t one = 1;
    if (b->supervised && write(b->stop_fd, &one, sizeof one) == (ssize_t)sizeof one) {
        pthread_join(b->supervisor, NULL);
    }
    b->supervised = false;
}

static bool start_supervision(struct srv_broker *b, struct srv_err *err)
{
    b->state = BROKER_STARTING;
    b->supervised = pthread_create(&b->supervisor, NULL, supervise, b) == 0;
    if (!b->supervised) {
        return srv_fail(err, SRV_E_INTERNAL, "cannot make a thread");
    }
    /* It fails by itself in time; the rest is for a machine that is very slow. */
    enum broker_state state = await_state(b, 2 * START_MS);
    if (state == BROKER_READY) {
        return true;
    }
    end_supervision(b);
    return srv_fail(err, SRV_E_UNAVAILABLE, "the broker does not start: %.110s",
                    b->log.last[0] != '\0' ? b->log.last : "it said nothing");
}

static bool start_on_a_port(struct srv_broker *b, const struct srv_broker_cfg *cfg,
                            struct srv_err *err)
{
    for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        if (!choose_port(b, cfg, attempt, err)) {
            return false;
        }
        if (start_supervision(b, err)) {
            return remember_port(b, err);
        }
        bool taken = strstr(b->log.last, "ddress already in use") != NULL;
        if (cfg->port != 0 || !taken) {
            return false;
        }
    }
    return false;
}

struct srv_broker *srv_broker_start(const struct srv_broker_cfg *cfg, struct srv_err *err)
{
    struct srv_broker *b = calloc(1, sizeof *b);
    if (b == NULL || !broker_config_check(cfg, err)) {
        free(b);
        return NULL;
    }
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    b->identity = cfg->identity;
    b->user = process_user_find();
    b->process = (struct process){ .pid = 0, .pidfd = -1, .output = -1 };
    b->lock_fd = -1;
    b->log.fd = -1;
    b->stop_fd = eventfd(0, EFD_CLOEXEC);
    b->acl = broker_acl_text(cfg);
    char log_path[SRV_PATH_MAX];
    if (b->acl != NULL && take_directory(b, cfg->dir, err) &&
        srv_path(log_path, b->dir, "log", err)) {
        broker_log_open(&b->log, log_path);
        if (start_on_a_port(b, cfg, err)) {
            return b;
        }
    }
    srv_broker_stop(b);
    return NULL;
}

void srv_broker_stop(struct srv_broker *b)
{
    if (b == NULL) {
        return;
    }
    end_supervision(b);
    broker_log_close(&b->log);
    if (b->lock_fd >= 0) {
        unlink(b->pid_path);
        close(b->lock_fd);
    }
    close(b->stop_fd);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
    free(b->config);
    free(b->acl);
    free(b);
}

uint16_t srv_broker_port(const struct srv_broker *b)
{
    return b->port;
}

int srv_broker_pid(struct srv_broker *b)
{
    pthread_mutex_lock(&b->lock);
    int pid = b->process.pid;
    pthread_mutex_unlock(&b->lock);
    return pid;
}

/* ---- reload, hold, evict ---- */

bool srv_broker_reload(struct srv_broker *b, struct srv_err *err)
{
    if (!put_files(b, err)) {
        return false;
    }
    pthread_mutex_lock(&b->lock);
    if (b->state == BROKER_READY) {
        pidfd_send_signal(b->process.pidfd, SIGHUP, NULL, 0);
    } else {
        b->reload_missed = true; /* it may have read the old files already */
    }
    pthread_mutex_unlock(&b->lock);
    return true;
}

/*
 * The list carries a serial of our own that nobody uses but us: once the broker
 * refuses it, the list is in force.
 */
static bool await_refusal(struct srv_broker *b, const struct srv_pass *canary, struct srv_err *err)
{
    int64_t until = clock_ms() + HOLD_MS;
    do {
        if (await_state(b, HOLD_MS) != BROKER_READY) {
            break;
        }
        if (probe(&b->peer, canary, PROBE_TLS, PROBE_MS) == PROBE_REVOKED) {
            return true;
        }
        poll(NULL, 0, LOOK_MS);
    } while (clock_ms() < until);
    return srv_fail(err, SRV_E_UNAVAILABLE,
                    "the broker is away: it reads the list of disabled things when it is back");
}

bool srv_broker_hold(struct srv_broker *b, struct srv_serials held, struct srv_err *err)
{
    struct srv_pass canary;
    if (!srv_identity_pass(b->identity, OTA_SPAN_NONE, time(NULL), &canary, err)) {
        return false;
    }
    struct srv_serial *all = calloc(held.count + 1u, sizeof *all);
    bool ok = all != NULL || srv_fail(err, SRV_E_INTERNAL, "no memory");
    if (ok && held.count > 0) {
        memcpy(all, held.serial, held.count * sizeof *all);
    }
    if (ok) {
        all[held.count] = canary.serial;
        struct srv_serials list = { all, held.count + 1u };
        ok = srv_identity_write_crl(b->identity, list, time(NULL), err) &&
             srv_broker_reload(b, err) && await_refusal(b, &canary, err);
    }
    free(all);
    srv_pass_clear(&canary);
    return ok;
}

bool srv_broker_evict(struct srv_broker *b, struct ota_span thing, struct srv_err *err)
{
    if (await_state(b, HOLD_MS) != BROKER_READY) {
        /* Nobody is connected to a broker that is not there. */
        return true;
    }
    struct srv_pass pass;
    if (!srv_identity_pass(b->identity, thing, time(NULL), &pass, err)) {
        return false;
    }
    bool ok = probe(&b->peer, &pass, PROBE_SESSION, PROBE_MS) == PROBE_ACCEPTED;
    srv_pass_clear(&pass);
    return ok || srv_fail(err, SRV_E_UNAVAILABLE, "the broker did not end the thing's session");
}
