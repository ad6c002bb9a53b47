#include "mqtt_packet.h"
#include <string.h>

/* --- receiving: the fixed header ------------------------------------------------- */

/* Of "remaining length": seven bits a byte, four bytes at most. */
#define LENGTH_BYTES_MAX 4u
#define MORE_FOLLOWS     0x80u

struct mqtt_receiver mqtt_receiver(struct ota_buf room)
{
    return (struct mqtt_receiver){ .room = room };
}

/* What starts a packet decides how long it may be: only a message is longer than a few bytes. */
static bool begins_well(uint8_t first, uint32_t length)
{
    const uint8_t flags = first & 0x0fu;
    switch ((enum mqtt_type)(first >> 4)) {
    case MQTT_PUBLISH: return (flags >> 1 & 3u) <= 1 && length >= 2;
    case MQTT_CONNACK:
    case MQTT_PUBACK:
    case MQTT_UNSUBACK: return flags == 0 && length == 2;
    case MQTT_SUBACK: return flags == 0 && length == 3; /* we subscribe to one filter at a time */
    case MQTT_PINGRESP: return flags == 0 && length == 0;
    case MQTT_NONE:
    case MQTT_CONNECT:
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
    case MQTT_PINGREQ:
    case MQTT_DISCONNECT: break; /* a client's */
    }
    return false; /* or QoS 2, which we never subscribe with */
}

/* One byte of the fixed header. False: no packet begins like this. */
static bool take_header(struct mqtt_receiver *r, uint8_t byte)
{
    if (r->first == 0) {
        r->first = byte;
        return byte != 0;
    }
    r->length |= (uint32_t)(byte & 0x7fu) << 7u * r->length_bytes;
    r->length_bytes++;
    if ((byte & MORE_FOLLOWS) != 0) {
        return r->length_bytes < LENGTH_BYTES_MAX;
    }
    r->in_body = true;
    return begins_well(r->first, r->length);
}

/* --- receiving: the body ------------------------------------------------------------ */

static bool read_publish(const struct mqtt_receiver *r, struct ota_reader *in,
                         struct mqtt_packet *packet)
{
    const bool wants_ack = (r->first >> 1 & 3u) != 0;
    packet->topic = ota_read_bytes(in, (uint16_t)ota_read_be(in, 2));
    packet->id = wants_ack ? (uint16_t)ota_read_be(in, 2) : 0;
    packet->payload = ota_read_bytes(in, ota_reader_left(in));
    return packet->topic.len > 0 && (!wants_ack || packet->id != 0);
}

/* The whole body is here, or as much of it as the room takes. */
static bool read_body(const struct mqtt_receiver *r, struct mqtt_packet *packet)
{
    const size_t kept = r->length < r->room.cap ? r->length : r->room.cap;
    struct ota_reader in = ota_reader((struct ota_span){ r->room.ptr, kept });
    bool good = true;
    packet->type = (enum mqtt_type)(r->first >> 4);
    if (packet->type == MQTT_PUBLISH) {
        good = read_publish(r, &in, packet);
    } else if (packet->type == MQTT_CONNACK) {
        good = ota_read_u8(&in) <= 1; /* "session present": not ours, as it is clean */
        packet->code = ota_read_u8(&in);
    } else if (packet->type != MQTT_PINGRESP) {
        packet->id = (uint16_t)ota_read_be(&in, 2);
        packet->code = packet->type == MQTT_SUBACK ? ota_read_u8(&in) : 0;
        good = packet->id != 0 && (packet->code <= 2 || packet->code == 0x80);
    }
    return good && !in.bad;
}

struct ota_buf mqtt_wants(struct mqtt_receiver *r)
{
    if (!r->in_body) {
        return (struct ota_buf){ r->apart, 1 };
    }
    const uint32_t missing = r->length - r->got;
    const bool keep = r->got < r->room.cap;
    const struct ota_buf room = keep
                                    ? (struct ota_buf){ r->room.ptr + r->got, r->room.cap - r->got }
                                    : OTA_BUF_OF(r->apart);
    return (struct ota_buf){ room.ptr, missing < room.cap ? missing : room.cap };
}

ota_err_t mqtt_received(struct mqtt_receiver *r, size_t len, struct mqtt_packet *packet)
{
    bool good = true;
    *packet = (struct mqtt_packet){ .type = MQTT_NONE };
    if (r->in_body) {
        r->got += (uint32_t)len;
    } else {
        good = take_header(r, r->apart[0]);
    }
    if (good && (!r->in_body || r->got < r->length)) {
        return OTA_OK;
    }
    good = good && read_body(r, packet);
    *r = mqtt_receiver(r->room);
    if (!good) {
        packet->type = MQTT_NONE;
    }
    return good ? OTA_OK : OTA_E_MALFORMED;
}

/* --- writing --------------------------------------------------------------------------- */

static void write_header(struct ota_writer *w, enum mqtt_type type, unsigned flags, size_t length)
{
    ota_write_u8(w, (uint8_t)((unsigned)type << 4 | flags));
    w->bad = w->bad || length >> 7u * LENGTH_BYTES_MAX != 0; /* longer than MQTT can say */
    do {
        ota_write_u8(w, (uint8_t)((length & 0x7fu) | (length > 0x7fu ? MORE_FOLLOWS : 0)));
        length >>= 7;
    } while (length > 0);
}

static void write_text(struct ota_writer *w, struct ota_span text)
{
    w->bad = w->bad || text.len > UINT16_MAX;
    ota_write_be(w, 2, text.len);
    ota_write_bytes(w, text);
}

void mqtt_write_connect(struct ota_writer *w, struct ota_span client_id, uint16_t keep_alive_s)
{
    write_header(w, MQTT_CONNECT, 0, 10u + 2u + client_id.len);
    write_text(w, OTA_SPAN_LIT("MQTT"));
    ota_write_u8(w, 4); /* 3.1.1 */
    ota_write_u8(w, 2); /* clean session: what matters is asked for again after each connect */
    ota_write_be(w, 2, keep_alive_s);
    write_text(w, client_id);
}

void mqtt_write_publish(struct ota_writer *w, struct ota_span topic, size_t payload_len,
                        enum ota_qos qos, uint16_t id)
{
    const size_t id_len = qos == OTA_QOS_0 ? 0 : 2;
    write_header(w, MQTT_PUBLISH, (unsigned)qos << 1, 2u + topic.len + id_len + payload_len);
    write_text(w, topic);
    if (id_len > 0) {
        ota_write_be(w, 2, id);
    }
}

void mqtt_write_puback(struct ota_writer *w, uint16_t id)
{
    write_header(w, MQTT_PUBACK, 0, 2);
    ota_write_be(w, 2, id);
}

void mqtt_write_filter(struct ota_writer *w, enum mqtt_type type, uint16_t id,
                       struct ota_span filter, enum ota_qos qos)
{
    const bool with_qos = type == MQTT_SUBSCRIBE;
    write_header(w, type, 2, 2u + 2u + filter.len + with_qos);
    ota_write_be(w, 2, id);
    write_text(w, filter);
    if (with_qos) {
        ota_write_u8(w, (uint8_t)qos);
    }
}

void mqtt_write_bare(struct ota_writer *w, enum mqtt_type type)
{
    write_header(w, type, 0, 0);
}
