/*
 * MQTT packets of the bare-metal client: what is written and read, byte by byte, as MQTT 3.1.1 (OASIS) says
 * it; the bytes here are made by hand from that text.
 */
#include "t.h"
#include "mqtt_packet.h"
#include "ota/err.h"

#define BYTES(...)                                                                                 \
    sizeof((const uint8_t[]){ __VA_ARGS__ }),                                                      \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* --- writing ------------------------------------------------------------------------- */

enum request {
    CONNECT,
    PUBLISH_0,
    PUBLISH_1,
    PUBACK,
    SUBSCRIBE,
    UNSUBSCRIBE,
    PING,
    GOODBYE,
    REQUEST_COUNT
};

static void write_request(struct ota_writer *w, enum request which)
{
    const struct ota_span filter = OTA_SPAN_LIT("a/+");
    switch (which) {
    case CONNECT: mqtt_write_connect(w, OTA_SPAN_LIT("t-1"), 300); break;
    case PUBLISH_0:
        mqtt_write_publish(w, OTA_SPAN_LIT("a/b"), 3, OTA_QOS_0, 0);
        ota_write_str(w, "xyz");
        break;
    case PUBLISH_1: mqtt_write_publish(w, OTA_SPAN_LIT("a/b"), 0, OTA_QOS_1, 0x1234); break;
    case PUBACK: mqtt_write_puback(w, 0x1234); break;
    case SUBSCRIBE: mqtt_write_filter(w, MQTT_SUBSCRIBE, 10, filter, OTA_QOS_1); break;
    case UNSUBSCRIBE: mqtt_write_filter(w, MQTT_UNSUBSCRIBE, 11, filter, OTA_QOS_0); break;
    case PING: mqtt_write_bare(w, MQTT_PINGREQ); break;
    case GOODBYE: mqtt_write_bare(w, MQTT_DISCONNECT); break;
    case REQUEST_COUNT: fail();
    }
}

static const struct {
    const char *why;
    size_t len;
    uint8_t bytes[20];
} requests[REQUEST_COUNT] = {
    [CONNECT] = { "a clean session with a keep-alive of 300 s",
                  BYTES(0x10, 15, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0x01, 0x2c, 0, 3, 't', '-',
                        '1') },
    [PUBLISH_0] = { "QoS 0 has no id", BYTES(0x30, 8, 0, 3, 'a', '/', 'b', 'x', 'y', 'z') },
    [PUBLISH_1] = { "QoS 1 has one; an empty payload",
                    BYTES(0x32, 7, 0, 3, 'a', '/', 'b', 0x12, 0x34) },
    [PUBACK] = { "acknowledgement", BYTES(0x40, 2, 0x12, 0x34) },
    [SUBSCRIBE] = { "the reserved bits of SUBSCRIBE are 2",
                    BYTES(0x82, 8, 0, 10, 0, 3, 'a', '/', '+', 1) },
    [UNSUBSCRIBE] = { "and of UNSUBSCRIBE", BYTES(0xa2, 7, 0, 11, 0, 3, 'a', '/', '+') },
    [PING] = { "ping", BYTES(0xc0, 0) },
    [GOODBYE] = { "goodbye", BYTES(0xe0, 0) },
};

static void requests_are_written_as_the_standard_says(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REQUEST_COUNT; i++) {
        uint8_t room[32];
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        write_request(&w, (enum request)i);
        const struct ota_span got = ota_writer_done(&w);
        CHECK_ROW(requests[i].why, got.len == requests[i].len);
        CHECK_ROW(requests[i].why, memcmp(got.ptr, requests[i].bytes, got.len) == 0);
    }
}

static void a_request_that_does_not_fit_is_not_half_written(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REQUEST_COUNT; i++) {
        for (size_t cap = 0; cap < requests[i].len; cap++) {
            uint8_t *room = t_exact(requests[i].bytes, cap);
            struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
            write_request(&w, (enum request)i);
            CHECK_ROW(requests[i].why, w.bad && ota_writer_done(&w).len == 0);
            free(room);
        }
    }
}

static void a_length_takes_one_to_three_bytes(void **state)
{
    (void)state;
    uint8_t room[8];
    static const struct {
        size_t length; /* of the body: topic with its length, payload */
        uint8_t bytes[3];
        size_t count;
    } rows[] = {
        { 127, { 0x7f }, 1 },
        { 128, { 0x80, 0x01 }, 2 },
        { 16383, { 0xff, 0x7f }, 2 },
        { 16384, { 0x80, 0x80, 0x01 }, 3 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_writer w = ota_writer(OTA_BUF_OF(room));
        mqtt_write_publish(&w, OTA_SPAN_LIT("t"), rows[i].length - 3, OTA_QOS_0, 0);
        assert_int_equal(ota_writer_done(&w).len, 1 + rows[i].count + 3);
        assert_memory_equal(room + 1, rows[i].bytes, rows[i].count);
    }
}

/* --- reading ---------------------------------------------------------------------------- */

/* From the front of `bytes`, which shrinks, to the end of a packet. */
static ota_err_t receive(struct mqtt_receiver *r, struct ota_span *bytes,
                         struct mqtt_packet *packet)
{
    ota_err_t err = OTA_OK;
    packet->type = MQTT_NONE;
    while (err == OTA_OK && packet->type == MQTT_NONE && bytes->len > 0) {
        const struct ota_buf into = mqtt_wants(r);
        const size_t len = bytes->len < into.cap ? bytes->len : into.cap;
        assert_true(len > 0);
        memcpy(into.ptr, bytes->ptr, len);
        bytes->ptr += len;
        bytes->len -= len;
        err = mqtt_received(r, len, packet);
    }
    return err;
}

/* One of each that a broker sends, in a row. */
static const uint8_t conversation[] = {
    0x20, 2,    0, 0,                            /* welcome */
    0x90, 3,    0, 10, 1,                        /* SUBACK of 10: QoS 1 */
    0x90, 3,    0, 11, 0x80,                     /* SUBACK of 11: refused */
    0x30, 6,    0, 3,  'a',  '/', 'b', 'x',      /* a message */
    0x3b, 7,    0, 1,  'c',  0,   7,   'y', 'z', /* QoS 1, again, retained */
    0x40, 2,    0, 12,                           /* PUBACK */
    0xb0, 2,    0, 13,                           /* UNSUBACK */
    0xd0, 0,                                     /* PINGRESP */
    0x30, 0x83, 0, 0,  1,    't', /* a length in two bytes where one would do; no payload */
};

static const struct {
    enum mqtt_type type;
    uint16_t id;
    uint8_t code;
    const char *topic, *payload;
} expected[] = {
    { MQTT_CONNACK, 0, 0, "", "" },    { MQTT_SUBACK, 10, 1, "", "" },
    { MQTT_SUBACK, 11, 0x80, "", "" }, { MQTT_PUBLISH, 0, 0, "a/b", "x" },
    { MQTT_PUBLISH, 7, 0, "c", "yz" }, { MQTT_PUBACK, 12, 0, "", "" },
    { MQTT_UNSUBACK, 13, 0, "", "" },  { MQTT_PINGRESP, 0, 0, "", "" },
    { MQTT_PUBLISH, 0, 0, "t", "" },
};

static void packets_are_read_in_pieces_of_any_size(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof conversation; piece++) {
        uint8_t *room = t_exact(conversation, 16);
        struct mqtt_receiver r = mqtt_receiver((struct ota_buf){ room, 16 });
        size_t count = 0;
        for (size_t at = 0; at < sizeof conversation; at += piece) {
            const size_t left = sizeof conversation - at;
            const size_t len = left < piece ? left : piece;
            uint8_t *exact = t_exact(conversation + at, len);
            struct ota_span bytes = { exact, len };
            while (bytes.len > 0) {
                struct mqtt_packet p;
                assert_int_equal(receive(&r, &bytes, &p), OTA_OK);
                if (p.type == MQTT_NONE) {
                    assert_int_equal(bytes.len, 0);
                    continue;
                }
                assert_true(count < COUNT(expected));
                assert_int_equal(p.type, expected[count].type);
                assert_int_equal(p.id, expected[count].id);
                assert_int_equal(p.code, expected[count].code);
                assert_true(ota_span_eq(p.topic, ota_span_of_str(expected[count].topic)));
                assert_true(ota_span_eq(p.payload, ota_span_of_str(expected[count].payload)));
                count++;
            }
            free(exact);
        }
        assert_int_equal(count, COUNT(expected));
        free(room);
    }
}

static void a_message_that_is_too_large_is_seen_to_be_so(void **state)
{
    (void)state;
    uint8_t message[2 + 4 + 20] = { 0x30, 24, 0, 2, 'a', 'b' };
    for (uint8_t i = 0; i < 20; i++) {
        message[6 + i] = i;
    }
    const struct {
        size_t room, payload;
    } rows[] = { { 24, 20 }, { 23, 19 }, { 5, 1 }, { 4, 0 } };
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        const size_t cap = rows[i / 2].room, left = rows[i / 2].payload;
        const size_t piece = i % 2 == 0 ? sizeof message : 1;
        uint8_t *room = t_exact(message, cap);
        struct mqtt_receiver r = mqtt_receiver((struct ota_buf){ room, cap });
        struct mqtt_packet p = { .type = MQTT_NONE };
        for (size_t at = 0; at < sizeof message; at += piece) {
            struct ota_span bytes = { message + at, piece };
            assert_int_equal(p.type, MQTT_NONE);
            assert_int_equal(receive(&r, &bytes, &p), OTA_OK);
        }
        assert_int_equal(p.type, MQTT_PUBLISH);
        assert_true(ota_span_eq(p.topic, OTA_SPAN_LIT("ab")));
        assert_int_equal(p.payload.len, left);
        assert_memory_equal(p.payload.ptr, message + 6, left);
        /* The one behind it is not touched. */
        struct ota_span bytes = { conversation, 4 };
        assert_int_equal(receive(&r, &bytes, &p), OTA_OK);
        assert_int_equal(p.type, MQTT_CONNACK);
        free(room);
    }
}

static void what_no_broker_may_send_ends_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        size_t len;
        uint8_t bytes[8];
    } rows[] = {
        { "type 0", BYTES(0x00, 0) },
        { "type 15", BYTES(0xf0, 0) },
        { "a client's CONNECT", BYTES(0x10, 0) },
        { "a client's SUBSCRIBE", BYTES(0x82, 5, 0, 1, 0, 0, 0) },
        { "a client's PINGREQ", BYTES(0xc0, 0) },
        { "QoS 2", BYTES(0x34, 5, 0, 1, 'a', 0, 1) },
        { "QoS 3", BYTES(0x36, 5, 0, 1, 'a', 0, 1) },
        { "a length of five bytes", BYTES(0x30, 0x80, 0x80, 0x80, 0x80, 1) },
        { "a message without a topic's length", BYTES(0x30, 1, 0) },
        { "a message without a topic", BYTES(0x30, 2, 0, 0) },
        { "a topic longer than its message", BYTES(0x30, 4, 0, 3, 'a', 'b') },
        { "QoS 1 without an id", BYTES(0x32, 3, 0, 1, 'a') },
        { "QoS 1 with half an id", BYTES(0x32, 4, 0, 1, 'a', 0) },
        { "QoS 1 with id 0", BYTES(0x32, 5, 0, 1, 'a', 0, 0) },
        { "a welcome of 1", BYTES(0x20, 1, 0) },
        { "a welcome of 3", BYTES(0x20, 3, 0, 0, 0) },
        { "a welcome with unknown flags", BYTES(0x20, 2, 2, 0) },
        { "a welcome with reserved bits", BYTES(0x21, 2, 0, 0) },
        { "SUBACK of 2", BYTES(0x90, 2, 0, 1) },
        { "SUBACK for two filters", BYTES(0x90, 4, 0, 1, 0, 0) },
        { "SUBACK with id 0", BYTES(0x90, 3, 0, 0, 0) },
        { "SUBACK with QoS 3", BYTES(0x90, 3, 0, 1, 3) },
        { "PUBACK with id 0", BYTES(0x40, 2, 0, 0) },
        { "PUBACK of 0", BYTES(0x40, 0) },
        { "PINGRESP of 1", BYTES(0xd0, 1, 0) },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t room[16], *exact = t_exact(rows[i].bytes, rows[i].len);
        struct mqtt_receiver r = mqtt_receiver(OTA_BUF_OF(room));
        struct ota_span bytes = { exact, rows[i].len };
        struct mqtt_packet p;
        CHECK_ROW(rows[i].why, receive(&r, &bytes, &p) == OTA_E_MALFORMED);
        CHECK_ROW(rows[i].why, p.type == MQTT_NONE);
        free(exact);
    }
}

static void noise_does_no_harm(void **state)
{
    (void)state;
    uint32_t seed = 0x5eed0c0a;
    unsigned taken = 0, refused = 0;
    for (unsigned round = 0; round < 20000; round++) {
        uint8_t noise[40], *room = t_exact(conversation, 8);
        for (size_t i = 0; i < sizeof noise; i++) {
            noise[i] = (uint8_t)t_random(&seed);
        }
        /* Begins well: the rest is soon noise enough. */
        noise[0] = (uint8_t)(t_random(&seed) % 2 == 0 ? 0x30 : 0x32);
        noise[1] %= 36;
        noise[2] = 0;
        noise[3] %= 8;
        struct mqtt_receiver r = mqtt_receiver((struct ota_buf){ room, 8 });
        struct ota_span bytes = OTA_SPAN_OF(noise);
        ota_err_t err = OTA_OK;
        while (err == OTA_OK && bytes.len > 0) {
            struct mqtt_packet p;
            err = receive(&r, &bytes, &p);
            taken += p.type != MQTT_NONE;
        }
        refused += err != OTA_OK;
        free(room);
    }
    assert_true(taken > 1000 && refused > 1000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_written_as_the_standard_says),
        cmocka_unit_test(a_request_that_does_not_fit_is_not_half_written),
        cmocka_unit_test(a_length_takes_one_to_three_bytes),
        cmocka_unit_test(packets_are_read_in_pieces_of_any_size),
        cmocka_unit_test(a_message_that_is_too_large_is_seen_to_be_so),
        cmocka_unit_test(what_no_broker_may_send_ends_the_connection),
        cmocka_unit_test(noise_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
