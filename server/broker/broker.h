/*
 * Broker: waftd's own mosquitto: configured, started, kept alive, ended.
 *
 *     DIR/broker/mosquitto.conf, acl   written at each start
 *     DIR/broker/port                  chosen once, so that devices find it again
 *     DIR/broker/pid                   process and its start time, to clear up after a crash
 *     DIR/broker/log, log.1            what it says, at most 2 MiB
 *
 *              spawn            takes TLS
 *   STOPPED ---------> STARTING ---------> READY
 *                        ^  |                |
 *            back-off    |  | it ended       | it ended
 *                        +--+----------------+
 *
 * Started by root, the broker runs as the user `mosquitto` from its first
 * instruction on: it would drop its rights itself, but a change of user clears
 * the signal that lets it die with us. It reads its files relative to its
 * working directory, so the data directory may be closed to that user.
 *
 * Thread-safe.
 */
#ifndef SRV_BROKER_H
#define SRV_BROKER_H

#include "base/err.h"
#include "identity/identity.h"
#include "ota/span.h"
#include <stdint.h>

struct srv_broker;

struct srv_broker_cfg {
    const char *dir;        /* the data directory */
    const char *bind;       /* a numeric address; NULL: 127.0.0.1 */
    uint16_t port;          /* 0: the one of the last start, or any that is free */
    const char *topic_root; /* "$aws" */
    const char *const
        *app_topics; /* filters that things may use besides, "app/%u/#"; may be NULL */
    size_t app_topic_count;
    struct srv_identity *identity; /* lent until stop */
};

/**
 * Start the broker and its supervision; returns when it takes TLS connections,
 * or has failed to within seconds. A broker that a killed waftd has left in the
 * same directory is ended first; no other process is ever touched.
 *
 * @return NULL with `err` saying what the broker said.
 */
struct srv_broker *srv_broker_start(const struct srv_broker_cfg *cfg, struct srv_err *err);

/** End the broker and wait for its end. NULL is nothing. */
void srv_broker_stop(struct srv_broker *b);

uint16_t srv_broker_port(const struct srv_broker *b);

/** The process at this moment; 0 while there is none. */
int srv_broker_pid(struct srv_broker *b);

/** Let it read certificates, access list and revocation list again (after srv_identity_renew()). */
SRV_MUST_CHECK bool srv_broker_reload(struct srv_broker *b, struct srv_err *err);

/**
 * Put exactly these certificates out of use, and return when the broker knows.
 * Sessions that are open stay open: see srv_broker_evict(). Calls must not
 * overlap, and `held` must be as new as the call: the caller has a lock.
 *
 * @return false with SRV_E_UNAVAILABLE if the broker is away: the list is
 *         written, and it will read it when it comes back.
 */
SRV_MUST_CHECK bool srv_broker_hold(struct srv_broker *b, struct srv_serials held,
                                    struct srv_err *err);

/**
 * End the session of a thing, by taking over its client id. With its certificate
 * on hold before, it stays out.
 */
SRV_MUST_CHECK bool srv_broker_evict(struct srv_broker *b, struct ota_span thing,
                                     struct srv_err *err);

#endif
