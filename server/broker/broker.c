#include "broker/broker.h"
#include "broker/config.h"
#include "broker/priv.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <time.h>
#include <unistd.h>

/* Until the broker must have read a new revocation list. */
#define HOLD_MS 5000
/* Ports that turn out to be taken between choosing and listening. */
#define PORT_ATTEMPTS 5

static bool start_on_a_port(struct srv_broker *b, const struct srv_broker_cfg *cfg,
                            struct srv_err *err)
{
    for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        if (!broker_port_choose(b, cfg, attempt, err)) {
            return false;
        }
        if (broker_supervision_start(b, err)) {
            return broker_port_remember(b, err);
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
    if (b->acl != NULL && broker_files_take(b, cfg->dir, err) &&
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
    broker_supervision_end(b);
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

bool srv_broker_reload(struct srv_broker *b, struct srv_err *err)
{
    if (!broker_files_put(b, err)) {
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
    int64_t until = broker_clock_ms() + HOLD_MS;
    do {
        if (broker_await(b, HOLD_MS) != BROKER_READY) {
            break;
        }
        if (probe(&b->peer, canary, PROBE_TLS, PROBE_MS) == PROBE_REVOKED) {
            return true;
        }
        poll(NULL, 0, LOOK_MS);
    } while (broker_clock_ms() < until);
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
    if (broker_await(b, HOLD_MS) != BROKER_READY) {
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
