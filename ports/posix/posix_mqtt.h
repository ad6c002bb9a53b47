/*
 * MQTT: the application's connection, over libmosquitto with mutual TLS, as a
 * messaging port of the agent (struct OTA_Mqtt). It has a thread of its own, which connects
 * again after each loss, for ever, with jittered back-off, and forwards what comes to a sink.
 *
 * Key and certificates come from flash and touch no file system: libmosquitto
 * wants paths, and gets those of anonymous memory.
 */
#ifndef POSIX_MQTT_H
#define POSIX_MQTT_H

#include "ota/effect.h"
#include "posix_identity.h"

/** Who hears what comes; called on the connection's thread. The OTA_On...() functions fit. */
struct posix_mqtt_sink {
    void (*connected)(void);
    void (*disconnected)(void);
    void (*subscribed)(struct ota_span filter); /* the broker granted it */
    void (*message)(struct ota_span topic, struct ota_span payload);
};

struct posix_mqtt_cfg {
    const char *host;
    int port;
    const struct posix_identity *identity; /* copied where it is kept */
    struct posix_mqtt_sink sink;
};

struct posix_mqtt;

/**
 * Start connecting. One connection a process may use libmosquitto's library state.
 *
 * @return NULL if the identity is unusable or memory is out; a broker that is away is no error.
 */
struct posix_mqtt *posix_mqtt_open(const struct posix_mqtt_cfg *cfg);

/** Disconnect and end the thread. The sink is not called after the return. */
void posix_mqtt_close(struct posix_mqtt *mqtt);

bool posix_mqtt_is_connected(struct posix_mqtt *mqtt);

/** Connected, subscribed to something, and the broker has answered every request. */
bool posix_mqtt_is_settled(struct posix_mqtt *mqtt);

/** Wait until every request is answered, but at most `ms`: before a reset, so that last words are heard. */
void posix_mqtt_flush(struct posix_mqtt *mqtt, uint32_t ms);

/* As struct OTA_Mqtt wants them; `context` is the struct posix_mqtt. False: not now. */
bool posix_mqtt_publish(void *context, struct ota_span topic, struct ota_span payload,
                        enum ota_qos qos);
bool posix_mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos);
bool posix_mqtt_unsubscribe(void *context, struct ota_span filter);

#endif
