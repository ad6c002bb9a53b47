/*
 * wire-log: everything that goes over the broker under one topic root, a line a message, in the
 * order of the broker. Blocks of streams are shown by number and length.
 *
 *     TOPIC <tab> BYTES <tab> PAYLOAD, or "block FILE INDEX LENGTH"
 *
 * "subscribed" on stderr says that it hears. Its certificate must be allowed to read.
 */
#include "ota/cbor.h"
#include "ota/wire.h"
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_block(struct ota_span payload, uint64_t *file, uint64_t *index, uint64_t *len)
{
    struct ota_cbor c = ota_cbor(payload);
    struct ota_cbor_map map = ota_cbor_map(&c);
    struct ota_span key;
    while (ota_cbor_next_key(&c, &map, &key)) {
        if (ota_span_eq(key, OTA_SPAN_LIT("f"))) {
            *file = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("i"))) {
            *index = ota_cbor_u64(&c);
        } else if (ota_span_eq(key, OTA_SPAN_LIT("l"))) {
            *len = ota_cbor_u64(&c);
        } else {
            ota_cbor_skip(&c);
        }
    }
    return ota_cbor_end(&c) == OTA_OK;
}

static bool is_printable(struct ota_span payload)
{
    for (size_t i = 0; i < payload.len; i++) {
        if (payload.ptr[i] < 0x20 || payload.ptr[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

static void on_message(struct mosquitto *client, void *root, const struct mosquitto_message *m)
{
    const struct ota_span payload = { m->payload, (size_t)m->payloadlen };
    struct ota_topic topic;
    uint64_t file = 0, index = 0, len = 0;
    (void)client;
    printf("%s\t%d\t", m->topic, m->payloadlen);
    if (ota_topic_parse(ota_span_of_str(root), ota_span_of_str(m->topic), &topic) == OTA_OK &&
        topic.kind == OTA_TOPIC_STREAM_DATA && read_block(payload, &file, &index, &len)) {
        printf("block %u %u %u\n", (unsigned)file, (unsigned)index, (unsigned)len);
    } else if (is_printable(payload)) {
        printf("%.*s\n", m->payloadlen, (const char *)m->payload);
    } else {
        puts("(binary)");
    }
}

static void on_connect(struct mosquitto *client, void *root, int code)
{
    char filter[OTA_TOPIC_ROOT_MAX + 16];
    (void)snprintf(filter, sizeof filter, "%s/things/#", (const char *)root);
    if (code != 0 || mosquitto_subscribe(client, NULL, filter, 1) != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "wire-log: refused: %s\n", mosquitto_connack_string(code));
        exit(EXIT_FAILURE);
    }
}

static void on_subscribe(struct mosquitto *client, void *root, int mid, int count, const int *qos)
{
    (void)client, (void)root, (void)mid;
    if (count != 1 || qos[0] > 2) {
        fputs("wire-log: subscription refused\n", stderr);
        exit(EXIT_FAILURE);
    }
    fputs("subscribed\n", stderr);
}

int main(int argc, char **argv)
{
    static char aws[] = "$aws";
    if (argc != 6 && argc != 7) {
        fputs("usage: wire-log HOST PORT CA CERTIFICATE KEY [ROOT]\n", stderr);
        return 2;
    }
    char *root = argc == 7 ? argv[6] : aws;
    setvbuf(stdout, NULL, _IOLBF, 0);
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(NULL, true, root);
    if (client == NULL ||
        mosquitto_tls_set(client, argv[3], NULL, argv[4], argv[5], NULL) != MOSQ_ERR_SUCCESS) {
        fputs("wire-log: certificates cannot be used\n", stderr);
        return EXIT_FAILURE;
    }
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    int code = mosquitto_connect(client, argv[1], atoi(argv[2]), 60);
    while (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_loop(client, 1000, 1);
    }
    fprintf(stderr, "wire-log: %s\n", mosquitto_strerror(code));
    return EXIT_FAILURE;
}
