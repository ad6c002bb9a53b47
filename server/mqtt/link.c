#include "link.h"
#include "base/log.h"
#include "ota/assert.h"
#include <errno.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define KEEPALIVE_S      30
#define DIAL_TIMEOUT_MS  10000
#define BACKOFF_FIRST_MS 100u
#define BACKOFF_MAX_MS   5000u
#define CLOSE_WAIT_S     3
/* How often a dial in flight and the keep-alive are looked at. */
#define DIAL_LOOK_MS 20u
#define MISC_MS      1000u

enum link_state { LINK_DOWN, LINK_DIALLING, LINK_JOINING, LINK_UP };

struct srv_link {
    struct srv_link_config config;
    enum link_state state;
    struct mosquitto *client; /* NULL in DOWN; the dialler's alone in DIALLING */
    pthread_t dialler;
    atomic_bool dialled; /* the dialler has ended */
    int dial_result, dial_errno;
    bool acknowledged;  /* CONNACK came */
    bool refused;       /* a subscription was not granted */
    size_t grants_left; /* SUBACKs to come */
    ota_ms_t due;       /* next look; in DOWN: the next dial */
    uint32_t backoff_ms;
    unsigned seed;
};

static void on_connect(struct mosquitto *client, void *ctx, int code)
{
    (void)client;
    struct srv_link *link = ctx;
    link->acknowledged = code == 0;
    link->dial_result = code == 0 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_CONN_REFUSED;
}

static void on_subscribe(struct mosquitto *client, void *ctx, int mid, int count,
                         const int *granted)
{
    (void)client;
    (void)mid;
    struct srv_link *link = ctx;
    for (int i = 0; i < count; i++) {
        link->refused = link->refused || granted[i] > 2;
    }
    link->grants_left -= link->grants_left > 0 ? 1u : 0u;
}

static void on_message(struct mosquitto *client, void *ctx, const struct mosquitto_message *m)
{
    (void)client;
    struct srv_link *link = ctx;
    const struct ota_span payload = { m->payload, m->payloadlen > 0 ? (size_t)m->payloadlen : 0 };
    link->config.events.message(link->config.ctx, ota_span_of_str(m->topic), payload);
}

static void on_publish(struct mosquitto *client, void *ctx, int mid)
{
    (void)client;
    struct srv_link *link = ctx;
    if (link->config.events.acknowledged != NULL) {
        link->config.events.acknowledged(link->config.ctx, mid);
    }
}

/* Connect, and turn the loop until CONNACK. select() inside the library bounds the descriptor. */
static void *dial(void *ctx)
{
    struct srv_link *link = ctx;
    const struct srv_broker_address *to = link->config.address;
    int code = mosquitto_connect(link->client, to->host, to->port, KEEPALIVE_S);
    link->dial_errno = errno; /* this thread's; means something with MOSQ_ERR_ERRNO only */
    for (int waited = 0; code == MOSQ_ERR_SUCCESS && !link->acknowledged; waited += 100) {
        const bool usable = mosquitto_socket(link->client) < FD_SETSIZE;
        const bool late = waited >= DIAL_TIMEOUT_MS;
        code = usable && !late ? mosquitto_loop(link->client, 100, 1) : MOSQ_ERR_CONN_LOST;
    }
    if (code != MOSQ_ERR_SUCCESS || link->dial_result == MOSQ_ERR_SUCCESS) {
        link->dial_result = code;
    }
    atomic_store(&link->dialled, true);
    return NULL;
}

static bool client_make(struct srv_link *link)
{
    static const char digits[] = "0123456789abcdef";
    char id[48];
    uint8_t random[8];
    if (getentropy(random, sizeof random) != 0) {
        return false;
    }
    size_t len = strlen(link->config.name);
    OTA_ASSERT(len + 2u * sizeof random + 2u <= sizeof id);
    memcpy(id, link->config.name, len);
    id[len++] = '-';
    for (size_t i = 0; i < sizeof random; i++) {
        id[len++] = digits[random[i] >> 4];
        id[len++] = digits[random[i] & 15];
    }
    id[len] = '\0';
    link->client = mosquitto_new(id, true, link);
    return link->client != NULL;
}

static bool client_set_up(struct srv_link *link)
{
    const struct srv_broker_address *to = link->config.address;
    const struct srv_login *login = &link->config.login;
    if (!client_make(link)) {
        return false;
    }
    mosquitto_connect_callback_set(link->client, on_connect);
    mosquitto_subscribe_callback_set(link->client, on_subscribe);
    mosquitto_message_callback_set(link->client, on_message);
    mosquitto_publish_callback_set(link->client, on_publish);
    mosquitto_max_inflight_messages_set(link->client, 0); /* the owner bounds it */
    /* Small packets both ways, as QoS 1 has them, would wait 40 ms for each other's TCP ACK. */
    mosquitto_int_option(link->client, MOSQ_OPT_TCP_NODELAY, 1);
    return to->ca_file == NULL ||
           mosquitto_tls_set(link->client, to->ca_file, NULL, login->cert_file, login->key_file,
                             NULL) == MOSQ_ERR_SUCCESS;
}

static void back_off(struct srv_link *link, ota_ms_t now_ms)
{
    const uint32_t jitter = (uint32_t)rand_r(&link->seed) % (link->backoff_ms / 2u + 1u);
    link->due = now_ms + link->backoff_ms / 2u + jitter;
    link->backoff_ms =
        link->backoff_ms * 2u < BACKOFF_MAX_MS ? link->backoff_ms * 2u : BACKOFF_MAX_MS;
}

static void fall(struct srv_link *link, const char *why, ota_ms_t now_ms)
{
    const bool was_up = link->state == LINK_UP;
    if (was_up || link->backoff_ms == BACKOFF_FIRST_MS) { /* once, not at each new try */
        srv_log(SRV_LOG_WARN, "broker.down", "connection=%s reason=\"%s\"", link->config.name, why);
    }
    mosquitto_destroy(link->client);
    link->client = NULL;
    link->state = LINK_DOWN;
    back_off(link, now_ms);
    if (was_up) {
        link->config.events.down(link->config.ctx);
    }
}

static void dial_begin(struct srv_link *link, ota_ms_t now_ms)
{
    link->acknowledged = false;
    link->refused = false;
    link->dial_result = MOSQ_ERR_SUCCESS;
    atomic_store(&link->dialled, false);
    if (!client_set_up(link)) {
        fall(link, "certificate or key not usable", now_ms);
        return;
    }
    if (pthread_create(&link->dialler, NULL, dial, link) != 0) {
        fall(link, "no thread", now_ms);
        return;
    }
    link->state = LINK_DIALLING;
    link->due = now_ms + DIAL_LOOK_MS;
}

static void join(struct srv_link *link, ota_ms_t now_ms)
{
    link->grants_left = link->config.filter_count;
    for (size_t i = 0; i < link->config.filter_count; i++) {
        const int code =
            mosquitto_subscribe(link->client, NULL, link->config.filters[i], link->config.qos);
        if (code != MOSQ_ERR_SUCCESS) {
            fall(link, mosquitto_strerror(code), now_ms);
            return;
        }
    }
    link->state = LINK_JOINING;
    link->due = now_ms + DIAL_TIMEOUT_MS;
}

static void dial_look(struct srv_link *link, ota_ms_t now_ms)
{
    if (!atomic_load(&link->dialled)) {
        link->due = now_ms + DIAL_LOOK_MS;
        return;
    }
    pthread_join(link->dialler, NULL);
    if (link->dial_result != MOSQ_ERR_SUCCESS) {
        fall(link,
             link->dial_result == MOSQ_ERR_ERRNO ? strerror(link->dial_errno)
                                                 : mosquitto_strerror(link->dial_result),
             now_ms);
        return;
    }
    join(link, now_ms);
}

static void joining_look(struct srv_link *link, ota_ms_t now_ms)
{
    if (link->refused || (link->grants_left > 0 && now_ms >= link->due)) {
        fall(link, "subscription not granted", now_ms);
    } else if (link->grants_left == 0) {
        link->state = LINK_UP;
        link->backoff_ms = BACKOFF_FIRST_MS;
        link->due = now_ms + MISC_MS;
        srv_log(SRV_LOG_INFO, "broker.up", "connection=%s", link->config.name);
        link->config.events.up(link->config.ctx);
    }
}

static void traffic(struct srv_link *link, short revents, ota_ms_t now_ms)
{
    int code = MOSQ_ERR_SUCCESS;
    if ((revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
        code = mosquitto_loop_read(link->client, 1);
    }
    if (code == MOSQ_ERR_SUCCESS && mosquitto_want_write(link->client)) {
        code = mosquitto_loop_write(link->client, 1);
    }
    if (code == MOSQ_ERR_SUCCESS && now_ms >= link->due) {
        code = mosquitto_loop_misc(link->client);
        link->due = link->state == LINK_UP ? now_ms + MISC_MS : link->due;
    }
    if (code != MOSQ_ERR_SUCCESS) {
        fall(link, mosquitto_strerror(code), now_ms);
    }
}

void srv_link_step(struct srv_link *link, short revents, ota_ms_t now_ms)
{
    switch (link->state) {
    case LINK_DOWN:
        if (now_ms >= link->due) {
            dial_begin(link, now_ms);
        }
        return;
    case LINK_DIALLING: dial_look(link, now_ms); return;
    case LINK_JOINING:
        traffic(link, revents, now_ms);
        if (link->state == LINK_JOINING) {
            joining_look(link, now_ms);
        }
        return;
    case LINK_UP: traffic(link, revents, now_ms); return;
    }
}

struct srv_link *srv_link_open(const struct srv_link_config *config)
{
    struct srv_link *link = calloc(1, sizeof *link);
    if (link == NULL || mosquitto_lib_init() != MOSQ_ERR_SUCCESS) {
        abort(); /* as in srv_arena_take() */
    }
    link->config = *config;
    link->state = LINK_DOWN;
    link->backoff_ms = BACKOFF_FIRST_MS;
    if (getentropy(&link->seed, sizeof link->seed) != 0) {
        link->seed = 1;
    }
    return link;
}

static bool dialler_ended(struct srv_link *link)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSE_WAIT_S;
    return pthread_timedjoin_np(link->dialler, NULL, &until) == 0;
}

void srv_link_close(struct srv_link *link)
{
    if (link->state == LINK_DIALLING && !dialler_ended(link)) {
        return; /* stuck in the kernel's connect: the process ends anyway, the memory is its own */
    }
    if (link->client != NULL) {
        mosquitto_disconnect(link->client);
        mosquitto_destroy(link->client);
    }
    mosquitto_lib_cleanup();
    free(link);
}

bool srv_link_is_up(const struct srv_link *link)
{
    return link->state == LINK_UP;
}

static bool has_socket(const struct srv_link *link)
{
    return link->state == LINK_JOINING || link->state == LINK_UP;
}

int srv_link_fd(const struct srv_link *link)
{
    return has_socket(link) ? mosquitto_socket(link->client) : -1;
}

short srv_link_poll_events(const struct srv_link *link)
{
    const bool out = has_socket(link) && mosquitto_want_write(link->client);
    return out ? POLLIN | POLLOUT : POLLIN;
}

ota_ms_t srv_link_deadline(const struct srv_link *link)
{
    return link->due;
}

bool srv_link_is_choked(const struct srv_link *link)
{
    return !has_socket(link) || mosquitto_want_write(link->client);
}

bool srv_link_publish(struct srv_link *link, struct ota_span topic, struct ota_span payload,
                      int qos, int *mid)
{
    char text[OTA_TOPIC_MAX + sizeof "/rejected"];
    if (!has_socket(link) || topic.len >= sizeof text) {
        return false;
    }
    memcpy(text, topic.ptr, topic.len);
    text[topic.len] = '\0';
    /* A failure shows at the next step, which takes the link down. */
    return mosquitto_publish(link->client, mid, text, (int)payload.len, payload.ptr, qos, false) ==
           MOSQ_ERR_SUCCESS;
}
