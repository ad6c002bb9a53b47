#include "mqtt.h"
#include "ota/err.h"
#include <lwip/err.h>
#include <string.h>

/* Missed once and a half, the broker takes us for gone (MQTT 3.1.1, 3.1.2.10). */
#define KEEP_ALIVE_S 30u
#define PING_MS      (KEEP_ALIVE_S * 1000u / 2u)
/* A broker that does not answer for this long is gone. */
#define SILENCE_MS (KEEP_ALIVE_S * 1000u)
/* TCP, TLS and the greeting, together. */
#define CONNECT_MS 15000u
/* Between two attempts to connect. */
#define RETRY_MS_MIN 500u
#define RETRY_MS_MAX 60000u
/* All of a packet but a message's payload: header, id, a topic of ours or of the application's. */
#define HEAD_MAX (OTA_TOPIC_MAX + 16u)

static const char *link_words(int fault)
{
    switch (fault) {
    case 0: return "the broker closed the connection";
    case ERR_RST: return "nobody listens there";
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return "the broker's certificate is not trusted";
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: return "the broker refuses our certificate";
    default: return "the connection failed";
    }
}

static void give_up(struct mqtt *m, const char *why, ota_ms_t now)
{
    const bool was_up = m->state == MQTT_STATE_UP;
    link_close(&m->link);
    m->state = MQTT_STATE_WAITING;
    m->deadline = ota_backoff_deadline(&m->backoff, m->failures, now);
    m->failures += m->failures < UINT32_MAX ? 1u : 0;
    m->why = why;
    if (was_up) {
        m->cfg.sink.disconnected();
    }
}

/* --- what goes ------------------------------------------------------------------ */

static uint16_t new_id(struct mqtt *m)
{
    m->next_id = m->next_id == UINT16_MAX ? 1u : (uint16_t)(m->next_id + 1u);
    return m->next_id;
}

/* The packet that begins with what is in `w`, or nothing. `id`: of one that will be answered. */
static bool send(struct mqtt *m, const struct ota_writer *w, struct ota_span payload, uint16_t id)
{
    if (w->bad || !link_send(&m->link, ota_writer_done(w), payload)) {
        return false;
    }
    m->unanswered += id != 0 ? 1u : 0;
    return true;
}

static bool send_bare(struct mqtt *m, enum mqtt_type type)
{
    uint8_t room[2];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    mqtt_write_bare(&w, type);
    return send(m, &w, OTA_SPAN_NONE, 0);
}

bool mqtt_publish(void *context, struct ota_span topic, struct ota_span payload, enum ota_qos qos)
{
    struct mqtt *m = context;
    uint8_t room[HEAD_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    const uint16_t id = qos == OTA_QOS_0 ? 0 : new_id(m);
    mqtt_write_publish(&w, topic, payload.len, qos, id);
    return m->state == MQTT_STATE_UP && send(m, &w, payload, id);
}

/* Sent and then not remembered, for there is no room: its answer says nothing, and the agent asks again. */
static bool ask(struct mqtt *m, enum mqtt_type type, struct ota_span filter, enum ota_qos qos)
{
    uint8_t room[HEAD_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    const uint16_t id = new_id(m);
    mqtt_write_filter(&w, type, id, filter, qos);
    return m->state == MQTT_STATE_UP && send(m, &w, OTA_SPAN_NONE, id) &&
           (type == MQTT_UNSUBSCRIBE || mqtt_asked_add(&m->asked, id, filter));
}

bool mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    return ask(context, MQTT_SUBSCRIBE, filter, qos);
}

bool mqtt_unsubscribe(void *context, struct ota_span filter)
{
    return ask(context, MQTT_UNSUBSCRIBE, filter, OTA_QOS_0);
}

/* --- what comes ------------------------------------------------------------------- */

static void on_welcome(struct mqtt *m)
{
    m->state = MQTT_STATE_UP;
    m->failures = 0;
    m->unanswered = 0;
    m->subscribed = false;
    m->asked.len = m->asked.open = 0;
    m->cfg.sink.connected();
}

/* 0x80 is a refusal: silence towards the agent, which asks again. The SUBACK has been read, so the room is free. */
static void on_suback(struct mqtt *m, const struct mqtt_packet *packet)
{
    const struct ota_span filter = mqtt_asked_take(&m->asked, packet->id, m->cfg.room);
    if (filter.len > 0 && packet->code != 0x80) {
        m->subscribed = true;
        m->cfg.sink.subscribed(filter);
    }
}

/* The acknowledgement first: a broker that hears none sends it again after the next connect. */
static bool on_message(struct mqtt *m, const struct mqtt_packet *packet)
{
    if (packet->id != 0) {
        uint8_t room[4];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        mqtt_write_puback(&w, packet->id);
        if (!send(m, &w, OTA_SPAN_NONE, 0)) {
            return false;
        }
    }
    m->cfg.sink.message(packet->topic, packet->payload);
    return true;
}

/* @return false: the broker is not to be talked with any longer. */
static bool on_packet(struct mqtt *m, const struct mqtt_packet *packet)
{
    if (m->state == MQTT_STATE_GREETING) {
        if (packet->type != MQTT_CONNACK || packet->code != 0) {
            return false;
        }
        on_welcome(m);
        return true;
    }
    if (packet->type == MQTT_CONNACK) {
        return false; /* a second welcome */
    }
    if (packet->type == MQTT_PUBLISH) {
        return on_message(m, packet);
    }
    if (packet->type != MQTT_PINGRESP) {
        m->unanswered -= m->unanswered > 0 ? 1u : 0;
    }
    if (packet->type == MQTT_SUBACK) {
        on_suback(m, packet);
    }
    return true;
}

/* --- the connection ------------------------------------------------------------------ */

int mqtt_init(struct mqtt *m, const struct mqtt_cfg *cfg, const struct link_identity *identity)
{
    memset(m, 0, sizeof *m);
    m->cfg = *cfg;
    m->backoff = (struct ota_backoff){ RETRY_MS_MIN, RETRY_MS_MAX, cfg->random };
    return link_init(&m->link, cfg->tls, identity, cfg->room);
}

static void begin(struct mqtt *m, ota_ms_t now)
{
    m->state = MQTT_STATE_LINKING;
    m->deadline = now + CONNECT_MS;
    m->ping_at = now + PING_MS;
    m->receiver = mqtt_receiver(m->cfg.room);
    link_open(&m->link, m->cfg.address, m->cfg.port, m->cfg.server_name);
}

static bool greet(struct mqtt *m)
{
    uint8_t room[HEAD_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    mqtt_write_connect(&w, m->cfg.client_id, KEEP_ALIVE_S);
    m->state = MQTT_STATE_GREETING;
    return send(m, &w, OTA_SPAN_NONE, 0);
}

/* What has come goes to the receiver until it makes a packet; TCP's window bounds it. @return false: it makes none. */
static bool receive(struct mqtt *m, struct mqtt_packet *packet)
{
    *packet = (struct mqtt_packet){ .type = MQTT_NONE };
    while (packet->type == MQTT_NONE) {
        const size_t len = link_read(&m->link, mqtt_wants(&m->receiver));
        if (len == 0) {
            return true; /* the rest is on its way */
        }
        if (mqtt_received(&m->receiver, len, packet) != OTA_OK) {
            return false;
        }
    }
    return true;
}

/* Up to one packet. @return false: give this connection up. */
static bool take_packet(struct mqtt *m, ota_ms_t now, bool *more)
{
    struct mqtt_packet packet;
    if (!receive(m, &packet)) {
        return false;
    }
    *more = packet.type != MQTT_NONE;
    if (!*more) {
        return true;
    }
    m->deadline = now + SILENCE_MS;
    return on_packet(m, &packet);
}

static bool keep_alive(struct mqtt *m, ota_ms_t now)
{
    if (m->state != MQTT_STATE_UP || now < m->ping_at) {
        return true;
    }
    m->ping_at = now + PING_MS;
    return send_bare(m, MQTT_PINGREQ);
}

static bool talk(struct mqtt *m, ota_ms_t now, bool *more)
{
    return (m->state != MQTT_STATE_LINKING || greet(m)) && take_packet(m, now, more) &&
           keep_alive(m, now);
}

bool mqtt_turn(struct mqtt *m, ota_ms_t now)
{
    bool more = false;
    if (m->state == MQTT_STATE_WAITING) {
        if (now >= m->deadline) {
            begin(m, now);
        }
        return false;
    }
    const enum link_state link = link_turn(&m->link);
    if (link == LINK_LOST) {
        give_up(m, link_words(m->link.fault), now);
    } else if (now >= m->deadline) {
        give_up(m, "the broker is silent", now);
    } else if (link == LINK_UP && !talk(m, now, &more)) {
        give_up(m, "the broker does not keep to the protocol, or takes nothing", now);
    }
    return more;
}

bool mqtt_is_connected(const struct mqtt *m)
{
    return m->state == MQTT_STATE_UP;
}

bool mqtt_is_settled(const struct mqtt *m)
{
    return m->state == MQTT_STATE_UP && m->subscribed && m->unanswered == 0;
}

const char *mqtt_why(const struct mqtt *m)
{
    return m->why;
}
