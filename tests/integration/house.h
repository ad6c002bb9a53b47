/*
 * A house for provider tests: a real mosquitto on a free loopback port, the
 * provider as a process of its own over a directory, and peers that speak MQTT
 * as devices do. The provider takes orders over a pipe, so that it can be
 * killed at any moment and started again over the same directory.
 */
#ifndef HOUSE_H
#define HOUSE_H

#include "tmp.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct house {
    struct t_tmp tmp;
    int port;
    pid_t broker;   /* 0: not running */
    pid_t provider; /* 0: not running */
    int orders, answers;
};

/** Everything runs, both MQTT connections of the provider are up. Ends the test if it cannot. */
void house_open(struct house *h);
void house_close(struct house *h);

void house_broker_start(struct house *h);
void house_broker_kill(struct house *h);
void house_provider_start(struct house *h);
void house_provider_kill(struct house *h); /* SIGKILL */
void house_wait_connected(struct house *h);

/**
 * Give an order and wait until it is durable; false: refused.
 *     thing NAME | disable NAME | job ID STREAM|- THING ... | cancel ID | force ID
 *     things PREFIX COUNT | rollout ID PREFIX COUNT
 *     artifact FILE-SIZE STREAM      makes both: byte i of the file is house_byte(i)
 *     replace FILE-SIZE STREAM       the stream gets this file instead
 */
bool house_order(struct house *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint8_t house_byte(uint64_t i);
/** Change the provider's database behind its back. */
void house_sql(const struct house *h, const char *text);

struct message {
    char *topic;
    uint8_t *payload; /* with a terminator behind it */
    size_t len;
};

struct peer {
    struct mosquitto *client;
    bool up;
    unsigned subacks;
    struct message *messages; /* in order of arrival */
    size_t count, room;
    size_t read; /* how far peer_wait() has got */
};

void peer_open(struct peer *p, const struct house *h);
void peer_close(struct peer *p);
/** Subscribe, and wait for the grant. */
void peer_subscribe(struct peer *p, const char *filter);
void peer_publish(struct peer *p, const char *topic, const void *payload, size_t len);
void peer_say(struct peer *p, const char *topic, const char *payload);
/** Turn the loop once, `ms` at most. */
void peer_turn(struct peer *p, int ms);

/** The next message; ends the test if none comes in ten seconds. */
const struct message *peer_next(struct peer *p);
/** The next message, which must be on `topic`. */
const struct message *peer_expect(struct peer *p, const char *topic);
/** The next message on `topic`, whatever comes before it. */
const struct message *peer_wait(struct peer *p, const char *topic);

int64_t house_clock_ms(void);

#endif
