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

/* For a packet; it fits only while there is somebody to send it to. */
static struct ota_writer writer(struct mqtt *m)
{
    return ota_writer(link_room(&m->link));
}

/* The packet in `w`, whole, or nothing. `id`: of one that will be answered. */
static bool send(struct mqtt *m, const struct ota_writer *w, uint16_t id)
{
    const size_t len = ota_writer_done(w).len;
    if (len == 0) {
        return false;
    }
    m->unanswered += id != 0 ? 1u : 0;
    link_send(&m->link, len);
    return true;
}

static bool send_bare(struct mqtt *m, enum mqtt_type type)
{
    struct ota_writer w = writer(m);
    mqtt_write_bare(&w, type);
    return send(m, &w, 0);
}

bool mqtt_publish(void *context, struct ota_span topic, struct ota_span payload, enum ota_qos qos)
{
    struct mqtt *m = context;
    struct ota_writer w = writer(m);
    const uint16_t id = qos == OTA_QOS_0 ? 0 : new_id(m);
    mqtt_write_publish(&w, topic, payload, qos, id);
    return m->state == MQTT_STATE_UP && send(m, &w, id);
}

bool mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    struct mqtt *m = context;
    struct ota_writer w = writer(m);
    struct ota_writer asked =
        ota_writer((struct ota_buf){ m->asked + m->asked_len, sizeof m->asked - m->asked_len });
    const uint16_t id = new_id(m);
    ota_write_be(&asked, 2, id);
    ota_write_be(&asked, 2, filter.len);
    ota_write_bytes(&asked, filter);
    mqtt_write_subscribe(&w, id, filter, qos);
    if (m->state != MQTT_STATE_UP || asked.bad || !send(m, &w, id)) {
        return false;
    }
    m->asked_len += ota_writer_done(&asked).len;
    return true;
}

bool mqtt_unsubscribe(void *context, struct ota_span filter)
{
    struct mqtt *m = context;
    struct ota_writer w = writer(m);
    const uint16_t id = new_id(m);
    mqtt_write_unsubscribe(&w, id, filter);
    return m->state == MQTT_STATE_UP && send(m, &w, id);
}

/* --- what comes ------------------------------------------------------------------- */

static void on_welcome(struct mqtt *m)
{
    m->state = MQTT_STATE_UP;
    m->failures = 0;
    m->unanswered = 0;
    m->subscribed = false;
    m->asked_len = 0;
    m->cfg.sink.connected();
}

/* The request that this answers is forgotten. 0x80 is a refusal: silence towards the agent, which asks again. */
static void on_suback(struct mqtt *m, const struct mqtt_packet *packet)
{
    struct ota_reader r = ota_reader((struct ota_span){ m->asked, m->asked_len });
    while (ota_reader_left(&r) > 0) {
        uint8_t *begin = m->asked + m->asked_len - ota_reader_left(&r);
        const uint16_t id = (uint16_t)ota_read_be(&r, 2);
        const struct ota_span filter = ota_read_bytes(&r, (size_t)ota_read_be(&r, 2));
        if (id != packet->id) {
            continue;
        }
        if (packet->code != 0x80) {
            m->subscribed = true;
            m->cfg.sink.subscribed(filter);
        }
        const size_t rest = ota_reader_left(&r);
        memmove(begin, r.at, rest);
        m->asked_len = (size_t)(begin - m->asked) + rest;
        return;
    }
}

/* The acknowledgement first: a broker that hears none sends it again after the next connect. */
static bool on_message(struct mqtt *m, const struct mqtt_packet *packet)
{
    if (packet->id != 0) {
        struct ota_writer w = writer(m);
        mqtt_write_puback(&w, packet->id);
        if (!send(m, &w, 0)) {
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

int mqtt_init(struct mqtt *m, const struct mqtt_cfg *cfg)
{
    memset(m, 0, sizeof *m);
    m->cfg = *cfg;
    m->backoff = (struct ota_backoff){ RETRY_MS_MIN, RETRY_MS_MAX, cfg->random };
    return link_init(&m->link, &cfg->identity, cfg->room);
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
    struct ota_writer w = writer(m);
    mqtt_write_connect(&w, m->cfg.client_id, KEEP_ALIVE_S);
    m->state = MQTT_STATE_GREETING;
    return send(m, &w, 0);
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
