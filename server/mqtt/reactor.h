/*
 * Reactor: the one thread that changes anything.
 *
 * It owns the control MQTT connection and the writing database connection. It
 * drains what has arrived (device requests, commands of other threads,
 * timers), applies all of it in one transaction, commits, then publishes:
 * group commit. Without a broker it goes on serving commands; their
 * notifications wait in the outbox.
 *
 * Blocks of streams go over a connection and a thread of their own, which
 * never touches the database: see streams.h.
 */
#ifndef SRV_REACTOR_H
#define SRV_REACTOR_H

#include "core/srv.h"

/** PEM files of one MQTT client; all NULL on a plain connection. */
struct srv_login {
    const char *cert_file, *key_file;
};

/** How to reach the broker. Everything is borrowed until stop. Without `ca_file` it is plain. */
struct srv_broker_address {
    const char *host;
    int port;
    const char *ca_file;
    struct srv_login control, stream; /* two names: a broker may take the name as client id */
};

struct srv_artifacts;

struct srv_reactor_config {
    struct srv_core core; /* its db is the reactor's alone from start to stop */
    struct srv_artifacts *artifacts;
    struct srv_broker_address broker;
};

struct srv_reactor;

/**
 * Start the reactor thread and the stream thread. The broker need not be there
 * yet. SIGPIPE must be ignored in this process.
 */
SRV_MUST_CHECK bool srv_reactor_start(const struct srv_reactor_config *config,
                                      struct srv_reactor **reactor, struct srv_err *err);

/** Finish what is queued, disconnect, join both threads, free. Commands after it are a bug. */
void srv_reactor_stop(struct srv_reactor *reactor);

/**
 * Apply `command` and wait until it is durable (or refused).
 *
 * From any thread but the reactor's. `command` and what it borrows must live
 * until the return. Its messages are the reactor's to publish. SRV_E_BUSY if
 * too many are waiting.
 */
SRV_MUST_CHECK bool srv_reactor_submit(struct srv_reactor *reactor,
                                       const struct srv_command *command, struct srv_err *err);

/** Whether both MQTT connections are up, with their subscriptions granted. */
bool srv_reactor_connected(struct srv_reactor *reactor);

#endif
