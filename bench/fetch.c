/*
 * fetch: one file of a stream, by lib/stream over a real broker, and how long it took.
 *
 *     fetch HOST PORT CA CERTIFICATE KEY THING STREAM SIZE BLOCK WINDOW LOSS_PERCENT SEED
 *
 * LOSS_PERCENT of the blocks that come are thrown away unseen, at random. Prints milliseconds from the first request to
 * the last block, requests, and blocks that came.
 */
#include "ota/assert.h"
#include "ota/stream.h"

#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fetch {
    struct ota_stream stream;
    struct ota_topic topic;
    uint32_t loss_percent, random, came;
    bool subscribed;
};

static ota_ms_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (ota_ms_t)t.tv_sec * 1000u + (ota_ms_t)t.tv_nsec / 1000000u;
}

_Noreturn static void give_up(const char *what)
{
    fprintf(stderr, "fetch: %s\n", what);
    exit(EXIT_FAILURE);
}

_Noreturn void ota_assert_failed(const char *file, int line)
{
    fprintf(stderr, "%s:%d\n", file, line);
    abort();
}

/* xorshift32 */
static bool is_lost(struct fetch *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 17;
    f->random ^= f->random << 5;
    return f->random % 100u < f->loss_percent;
}

static void on_connect(struct mosquitto *client, void *context, int code)
{
    struct fetch *f = context;
    char filter[OTA_TOPIC_MAX + 1] = { 0 };
    struct ota_writer w = ota_writer((struct ota_buf){ (uint8_t *)filter, OTA_TOPIC_MAX });
    ota_topic_write(&w, f->stream.cfg.root, &f->topic);
    if (code != 0 || mosquitto_subscribe(client, NULL, filter, 0) != MOSQ_ERR_SUCCESS) {
        give_up(mosquitto_connack_string(code));
    }
}

static void on_subscribe(struct mosquitto *client, void *context, int id, int count, const int *qos)
{
    (void)client, (void)id, (void)count, (void)qos;
    ((struct fetch *)context)->subscribed = true;
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *m)
{
    struct fetch *f = context;
    const struct ota_span payload = { m->payload, (size_t)m->payloadlen };
    struct ota_block block;
    (void)client;
    f->came++;
    if (is_lost(f)) {
        return;
    }
    if (ota_stream_on_message(&f->stream, &f->topic, payload, (struct ota_buf){ 0 }, &block) ==
            OTA_OK &&
        block.data.len > 0) {
        ota_stream_stored(&f->stream, block.offset, now_ms());
    }
}

static void ask(struct mosquitto *client, struct fetch *f)
{
    static uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN];
    const struct ota_scratch scratch = { OTA_BUF_OF(topic), OTA_BUF_OF(payload) };
    struct ota_effect effect;
    while (ota_stream_poll(&f->stream, now_ms(), &scratch, &effect)) {
        char name[OTA_TOPIC_MAX + 1] = { 0 };
        memcpy(name, effect.as.publish.topic.ptr, effect.as.publish.topic.len);
        if (mosquitto_publish(client, NULL, name, (int)effect.as.publish.payload.len,
                              effect.as.publish.payload.ptr, 0, false) != MOSQ_ERR_SUCCESS) {
            give_up("the connection is gone");
        }
    }
}

/* Until the deadline, but never longer than a moment: the window opens as blocks come. */
static int pause_ms(const struct fetch *f)
{
    const ota_ms_t deadline = ota_stream_deadline(&f->stream), now = now_ms();
    const ota_ms_t left = deadline > now ? deadline - now : 0;
    return left < 1000 ? (int)left : 1000;
}

static void loop(struct mosquitto *client, int timeout_ms)
{
    if (mosquitto_loop(client, timeout_ms, 1) != MOSQ_ERR_SUCCESS) {
        give_up("the connection is gone");
    }
}

int main(int argc, char **argv)
{
    if (argc != 13) {
        fputs("usage: fetch HOST PORT CA CERTIFICATE KEY THING STREAM SIZE BLOCK WINDOW "
              "LOSS_PERCENT SEED\n",
              stderr);
        return 2;
    }
    const struct ota_stream_cfg cfg = {
        .root = OTA_SPAN_LIT("$aws"),
        .thing = ota_span_of_str(argv[6]),
        .stream = ota_span_of_str(argv[7]),
        .file_id = 0,
        .file_size = (uint32_t)strtoul(argv[8], NULL, 10),
        .block_size = (uint32_t)strtoul(argv[9], NULL, 10),
        .window = (uint32_t)strtoul(argv[10], NULL, 10),
        .format = OTA_FORMAT_CBOR,
        .retry_ms_min = 2000,
        .retry_ms_max = 60000,
        .seed = 1,
    };
    struct fetch f = {
        .topic = { .kind = OTA_TOPIC_STREAM_DATA,
                   .thing = cfg.thing,
                   .id = cfg.stream,
                   .format = OTA_FORMAT_CBOR },
        .loss_percent = (uint32_t)strtoul(argv[11], NULL, 10),
        .random = (uint32_t)strtoul(argv[12], NULL, 10),
    };
    if (ota_stream_init(&f.stream, &cfg) != OTA_OK || f.random == 0) {
        give_up("a number is outside its limits");
    }
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(argv[6], true, &f);
    if (client == NULL ||
        mosquitto_tls_set(client, argv[3], NULL, argv[4], argv[5], NULL) != MOSQ_ERR_SUCCESS) {
        give_up("certificates cannot be used");
    }
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    if (mosquitto_connect(client, argv[1], atoi(argv[2]), 600) != MOSQ_ERR_SUCCESS) {
        give_up("cannot connect");
    }
    while (!f.subscribed) {
        loop(client, 1000);
    }
    const ota_ms_t begin = now_ms();
    ota_stream_fetch(&f.stream, 0, cfg.file_size);
    while (!ota_stream_idle(&f.stream)) {
        ask(client, &f);
        loop(client, pause_ms(&f));
    }
    printf("%llu %u %u\n", (unsigned long long)(now_ms() - begin),
           (unsigned)f.stream.stats.requests, (unsigned)f.came);
    mosquitto_disconnect(client);
    mosquitto_destroy(client);
    return EXIT_SUCCESS;
}
