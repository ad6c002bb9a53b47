/*
 * A device or the provider, as the broker sees it: one MQTT connection of
 * libmosquitto, driven from the test's own thread. Waiting is for an event with
 * a deadline; that something does NOT come is shown by what comes after it.
 */
#ifndef T_MQTT_H
#define T_MQTT_H

#include <mosquitto.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define T_MQTT_MESSAGES_MAX 256
#define T_MQTT_WAIT_MS      10000

struct t_mqtt_message {
    char topic[300];
    char payload[64];
};

struct t_mqtt {
    struct mosquitto *mosq;
    bool connected, refused, lost;
    int connack;
    unsigned suback_count, puback_count;
    size_t message_count;
    char *last_payload; /* whole, ends with zero; see t_mqtt_keep_payloads() */
    bool keeps_payloads;
    struct t_mqtt_message messages[T_MQTT_MESSAGES_MAX];
};

struct t_mqtt_who {
    const char *ca, *cert, *key; /* cert NULL: none */
    const char *client_id;       /* NULL: made up */
    uint16_t port;
};

/** Connect, as far as it goes: `connected` or `lost` afterwards. */
struct t_mqtt *t_mqtt_open(const struct t_mqtt_who *who);
void t_mqtt_close(struct t_mqtt *m);

/** Drive up to two connections until `*flag`, or `*count` >= want; false after T_MQTT_WAIT_MS. */
bool t_mqtt_until(struct t_mqtt *a, struct t_mqtt *b, const bool *flag);
bool t_mqtt_until_count(struct t_mqtt *a, struct t_mqtt *b, const size_t *count, size_t want);

/** From now on `last_payload` holds what came last. */
void t_mqtt_keep_payloads(struct t_mqtt *m);

/** QoS 1, and wait for the answer. */
void t_mqtt_subscribe(struct t_mqtt *m, const char *filter);
void t_mqtt_publish(struct t_mqtt *m, const char *topic, const char *payload);

bool t_mqtt_has(const struct t_mqtt *m, const char *topic, const char *payload);

#endif
