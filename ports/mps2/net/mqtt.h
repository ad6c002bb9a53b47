/*
 * MQTT: the application's connection on the bare-metal board, as a messaging port of the agent
 * (struct OTA_Mqtt). The application's super-loop turns it; it connects again after each loss, for
 * ever, with jittered back-off.
 *
 *   WAITING -> LINKING (TCP, TLS) -> GREETING (CONNECT sent) -> UP
 *      ^            |                     |                     |
 *      +------------+---------------------+---------------------+
 *
 * All calls belong to the super-loop, none to an interrupt. The sink is called inside mqtt_turn().
 */
#ifndef MPS2_MQTT_H
#define MPS2_MQTT_H

#include "link.h"
#include "mqtt_asked.h"
#include "mqtt_packet.h"
#include "ota/backoff.h"
#include "ota/wire.h"

/** Who hears what comes. The OTA_On...() functions fit. */
struct mqtt_sink {
    void (*connected)(void);
    void (*disconnected)(void);
    void (*subscribed)(struct ota_span filter); /* the broker granted it */
    void (*message)(struct ota_span topic, struct ota_span payload);
};

struct mqtt_cfg {
    ip_addr_t address;
    uint16_t port;
    const char *server_name;   /* that the broker's certificate must carry; lent */
    struct ota_span client_id; /* lent */
    struct mqtt_sink sink;
    struct ota_buf
        room; /* lent: the largest message, topic and payload; the end of a larger one is cut off */
    struct link_tls *tls; /* lent */
    uint32_t random;      /* seed of the back-off's jitter */
};

enum mqtt_state { MQTT_STATE_WAITING, MQTT_STATE_LINKING, MQTT_STATE_GREETING, MQTT_STATE_UP };

/* Open so that the caller can give it a home. */
struct mqtt {
    struct link link;
    struct mqtt_cfg cfg;
    enum mqtt_state state;
    struct mqtt_receiver receiver;
    struct ota_backoff backoff;
    uint32_t failures; /* to connect, in a row */
    const char *why;   /* of the newest of them, or of a loss */
    ota_ms_t deadline; /* of the state; UP: of the next packet from the broker */
    ota_ms_t ping_at;  /* UP */
    uint16_t next_id;
    uint32_t unanswered; /* SUBSCRIBE, UNSUBSCRIBE and QoS 1 of this connection */
    bool subscribed;     /* to something, on this connection */
    struct mqtt_asked asked;
};

/** The identity is read at once. @return 0; what Mbed TLS says of one that cannot be used. */
int mqtt_init(struct mqtt *m, const struct mqtt_cfg *cfg, const struct link_identity *identity);

/** One turn: at most one message is given to the sink. @return true: there is more to do at once. */
bool mqtt_turn(struct mqtt *m, ota_ms_t now);

bool mqtt_is_connected(const struct mqtt *m);
/** Connected, subscribed to something, and the broker has answered every request. */
bool mqtt_is_settled(const struct mqtt *m);
/** Why the connection before ended, or did not begin: words for a person. NULL: there was none. */
const char *mqtt_why(const struct mqtt *m);

/* As struct OTA_Mqtt wants them; `context` is the struct mqtt. False: not now. */
bool mqtt_publish(void *context, struct ota_span topic, struct ota_span payload, enum ota_qos qos);
bool mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos);
bool mqtt_unsubscribe(void *context, struct ota_span filter);

#endif
