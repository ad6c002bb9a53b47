/*
 * Link: one MQTT connection over libmosquitto, driven by its owner's poll loop.
 *
 * It comes back by itself: with jittered exponential back-off, a fresh session
 * and all subscriptions. The blocking part (names, TCP, TLS, CONNACK) runs in a
 * short-lived thread, so that the owner's loop never waits for a dead broker.
 *
 *            thread started      CONNACK          all SUBACKs
 *     DOWN ------------------> DIALLING --------> JOINING ----------> UP
 *      ^                          |                  |                 |
 *      +--------------------------+------------------+-----------------+
 *                           any failure: back-off
 *
 * One thread at a time.
 */
#ifndef SRV_LINK_H
#define SRV_LINK_H

#include "ota/clock.h"
#include "ota/span.h"
#include "reactor.h"

struct srv_link;

struct srv_link_events {
    void (*up)(void *ctx);   /* subscribed: now ask, publish, replay */
    void (*down)(void *ctx); /* what was published and not acknowledged may be lost */
    void (*message)(void *ctx, struct ota_span topic, struct ota_span payload); /* borrowed */
    void (*acknowledged)(void *ctx, int mid); /* the broker has taken a QoS 1 message */
};

struct srv_link_config {
    const char *name; /* for the log, and the first part of the client id */
    const struct srv_broker_address *address;
    struct srv_login login;
    const char *const *filters; /* borrowed until close */
    size_t filter_count;
    int qos; /* of the subscriptions */
    struct srv_link_events events;
    void *ctx;
};

struct srv_link *srv_link_open(const struct srv_link_config *config);
/** Disconnect and free; a dial in flight is waited for, some seconds. */
void srv_link_close(struct srv_link *link);

bool srv_link_is_up(const struct srv_link *link);

/** What to poll for; fd -1: nothing now. */
int srv_link_fd(const struct srv_link *link);
short srv_link_poll_events(const struct srv_link *link);
/** When to step although nothing has come. */
ota_ms_t srv_link_deadline(const struct srv_link *link);

/**
 * Read what the library takes at once (a packet or some), write what is queued, keep alive, dial again. Events are
 * called from here.
 */
void srv_link_step(struct srv_link *link, short revents, ota_ms_t now_ms);

/** Whether bytes are waiting for the socket: publish no more until they are gone. */
bool srv_link_is_choked(const struct srv_link *link);

/** @param mid  out, for QoS 1: what acknowledged() will say. @return false if it is not up. */
bool srv_link_publish(struct srv_link *link, struct ota_span topic, struct ota_span payload,
                      int qos, int *mid);

#endif
