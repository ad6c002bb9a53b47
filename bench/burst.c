/*
 * burst: waits for a thing's telemetry, then sends it COUNT messages of SIZE bytes as fast as the broker takes them.
 *
 *     burst HOST PORT CA CERTIFICATE KEY THING COUNT SIZE
 */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct burst {
    const char *thing;
    int count, size, sent;
    char topic[160];
};

static void on_connect(struct mosquitto *client, void *context, int code)
{
    struct burst *b = context;
    snprintf(b->topic, sizeof b->topic, "app/%s/telemetry", b->thing);
    if (code != 0 || mosquitto_subscribe(client, NULL, b->topic, 0) != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "burst: refused: %s\n", mosquitto_connack_string(code));
        exit(EXIT_FAILURE);
    }
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *m)
{
    static char payload[65536];
    struct burst *b = context;
    if (b->sent > 0) {
        return;
    }
    printf("%s %.*s\n", m->topic, m->payloadlen, (const char *)m->payload);
    snprintf(b->topic, sizeof b->topic, "app/%s/in", b->thing);
    for (; b->sent < b->count; b->sent++) {
        if (mosquitto_publish(client, NULL, b->topic, b->size, payload, 0, false) !=
            MOSQ_ERR_SUCCESS) {
            exit(EXIT_FAILURE);
        }
    }
    mosquitto_disconnect(client);
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fputs("usage: burst HOST PORT CA CERTIFICATE KEY THING COUNT SIZE\n", stderr);
        return 2;
    }
    struct burst b = { .thing = argv[6], .count = atoi(argv[7]), .size = atoi(argv[8]) };
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(NULL, true, &b);
    if (client == NULL || b.size > 65536 ||
        mosquitto_tls_set(client, argv[3], NULL, argv[4], argv[5], NULL) != MOSQ_ERR_SUCCESS) {
        fputs("burst: certificates cannot be used\n", stderr);
        return EXIT_FAILURE;
    }
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_message_callback_set(client, on_message);
    int code = mosquitto_connect(client, argv[1], atoi(argv[2]), 60);
    while (code == MOSQ_ERR_SUCCESS) {
        code = mosquitto_loop(client, 1000, 1);
    }
    mosquitto_destroy(client);
    return b.sent == b.count ? EXIT_SUCCESS : EXIT_FAILURE;
}
