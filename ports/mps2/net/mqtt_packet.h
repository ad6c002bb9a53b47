/*
 * MQTT packets: the part of MQTT 3.1.1 that a client with QoS 0 and 1 and clean sessions needs.
 * Bytes in, packets out, and the reverse; no connection, no clock.
 *
 * A receiver says where the next bytes go and is told how many came; it gives whole packets. One that
 * is larger than its room is still taken in, with the end of its payload cut off, so that whoever gets
 * it can see that it was too large and from which topic; what no broker may send is OTA_E_MALFORMED,
 * and the connection is to be closed.
 */
#ifndef MPS2_MQTT_PACKET_H
#define MPS2_MQTT_PACKET_H

#include "ota/cursor.h"
#include "ota/effect.h"

/* Values are those of the wire. NONE: no packet yet. */
enum mqtt_type {
    MQTT_NONE = 0,
    MQTT_CONNECT = 1,
    MQTT_CONNACK = 2,
    MQTT_PUBLISH = 3,
    MQTT_PUBACK = 4,
    MQTT_SUBSCRIBE = 8,
    MQTT_SUBACK = 9,
    MQTT_UNSUBSCRIBE = 10,
    MQTT_UNSUBACK = 11,
    MQTT_PINGREQ = 12,
    MQTT_PINGRESP = 13,
    MQTT_DISCONNECT = 14,
};

struct mqtt_packet {
    enum mqtt_type type;
    uint16_t id;                    /* acknowledgements; PUBLISH: 0 if none is wanted */
    uint8_t code;                   /* CONNACK: 0 is welcome; SUBACK: granted QoS, 0x80 refused */
    struct ota_span topic, payload; /* PUBLISH; in the receiver's room until its next call */
};

struct mqtt_receiver {
    struct ota_buf room; /* lent */
    uint8_t first;       /* byte of the packet: type and flags */
    uint8_t length_bytes;
    bool in_body;
    uint8_t apart[32];    /* bytes of the header, and those behind the room */
    uint32_t length, got; /* of the body; the first room.cap bytes of it are kept */
};

/** `room` must take the longest topic that is subscribed, and a payload. */
struct mqtt_receiver mqtt_receiver(struct ota_buf room);

/** Where the next bytes go: never empty, and never past the end of a packet. What was there before is overwritten. */
struct ota_buf mqtt_wants(struct mqtt_receiver *r);

/**
 * The first `len` (at least 1) bytes of what mqtt_wants() gave are there.
 *
 * @param packet  the packet; of type MQTT_NONE while it is not whole.
 * @return OTA_OK; OTA_E_MALFORMED: close the connection, and make a new receiver.
 */
OTA_MUST_CHECK ota_err_t mqtt_received(struct mqtt_receiver *r, size_t len,
                                       struct mqtt_packet *packet);

/* Each writes one packet behind what is in `w`; the writer is bad if it does not fit. Texts are not looked into. */

/** A clean session. */
void mqtt_write_connect(struct ota_writer *w, struct ota_span client_id, uint16_t keep_alive_s);
/** All but the payload, which follows it. `id` counts for QoS 1 only, and is then not 0. */
void mqtt_write_publish(struct ota_writer *w, struct ota_span topic, size_t payload_len,
                        enum ota_qos qos, uint16_t id);
void mqtt_write_puback(struct ota_writer *w, uint16_t id);
/** MQTT_SUBSCRIBE with this QoS, or MQTT_UNSUBSCRIBE. */
void mqtt_write_filter(struct ota_writer *w, enum mqtt_type type, uint16_t id,
                       struct ota_span filter, enum ota_qos qos);
/** MQTT_PINGREQ or MQTT_DISCONNECT. */
void mqtt_write_bare(struct ota_writer *w, enum mqtt_type type);

#endif
