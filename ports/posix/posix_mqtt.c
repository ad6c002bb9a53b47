#define _GNU_SOURCE /* memfd_create() */
#include "posix_mqtt.h"
#include "ota/wire.h"
#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* Missed twice, the broker takes a device for gone; a minute is found out soon enough here. */
#define KEEP_ALIVE_S 30
/* Between two attempts to connect: doubled after each failure, then cut by up to half at random. */
#define RETRY_MS_MIN 500u
#define RETRY_MS_MAX 60000u
/* Looks around this often; each packet wakes it. */
#define ROUND_MS 200
/* Once told to stop, what is queued still goes out, DISCONNECT last; to a broker that listens. */
#define STOP_MS       2000
#define FLUSH_LOOK_MS 5
/* SUBACKs that can be awaited at once; the agent has eight subscriptions. */
#define PENDING_MAX 16u

struct pending {
    int mid; /* 0: free */
    size_t len;
    uint8_t filter[OTA_TOPIC_MAX];
};

enum pem { KEY, CERT, CA, PEM_COUNT };

struct posix_mqtt {
    struct mosquitto *client;
    struct posix_mqtt_sink sink;
    char host[256];
    int port;
    int pem_fd[PEM_COUNT];
    pthread_t thread;
    pthread_mutex_t lock; /* of pending, and of `wake` */
    pthread_cond_t wake;  /* `stop` was set */
    struct pending pending[PENDING_MAX];
    unsigned next; /* of pending: the oldest is overwritten */
    atomic_bool connected, subscribed, stop;
    atomic_int unanswered; /* requests without their callback yet */
    bool welcome;          /* this connection was accepted; its thread's own */
};

/* --- what comes (connection's thread) ----------------------------------------- */

static void on_connect(struct mosquitto *client, void *context, int code)
{
    struct posix_mqtt *m = context;
    (void)client;
    if (code == 0) {
        m->welcome = true;
        atomic_store(&m->connected, true);
        m->sink.connected();
    }
}

static void on_disconnect(struct mosquitto *client, void *context, int code)
{
    struct posix_mqtt *m = context;
    (void)client, (void)code;
    pthread_mutex_lock(&m->lock);
    memset(m->pending, 0, sizeof m->pending);
    atomic_store(&m->unanswered, 0);
    atomic_store(&m->subscribed, false);
    pthread_mutex_unlock(&m->lock);
    if (atomic_exchange(&m->connected, false)) {
        m->sink.disconnected();
    }
}

/* Never below zero: libmosquitto sends a QoS 1 message again after a loss, when it is no longer counted. */
static void answered(struct posix_mqtt *m)
{
    int count = atomic_load(&m->unanswered);
    while (count > 0 && !atomic_compare_exchange_weak(&m->unanswered, &count, count - 1)) {
    }
}

/* Take the filter that was subscribed as `mid`. @return false if there is none. */
static bool take_pending(struct posix_mqtt *m, int mid, struct pending *taken)
{
    bool found = false;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < PENDING_MAX && !found; i++) {
        if (m->pending[i].mid == mid) {
            *taken = m->pending[i];
            m->pending[i].mid = 0;
            found = true;
        }
    }
    pthread_mutex_unlock(&m->lock);
    return found;
}

static void on_subscribe(struct mosquitto *client, void *context, int mid, int count,
                         const int *qos)
{
    struct posix_mqtt *m = context;
    struct pending p;
    (void)client;
    answered(m);
    /* 0x80 is a refusal: silence towards the agent, which asks again. */
    if (take_pending(m, mid, &p) && count == 1 && qos[0] <= 2) {
        atomic_store(&m->subscribed, true);
        m->sink.subscribed((struct ota_span){ p.filter, p.len });
    }
}

static void on_answered(struct mosquitto *client, void *context, int mid)
{
    struct posix_mqtt *m = context;
    (void)client, (void)mid;
    answered(m);
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *msg)
{
    struct posix_mqtt *m = context;
    (void)client;
    m->sink.message(ota_span_of_str(msg->topic),
                    (struct ota_span){ msg->payload, (size_t)msg->payloadlen });
}

/* --- connection ----------------------------------------------------------------- */

/* Wait `ms`, cut by up to half at random, so that a fleet does not come back as one; or until told to stop. */
static void back_off(struct posix_mqtt *m, uint32_t ms)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        random = (uint32_t)getpid();
    }
    ms -= random % (ms / 2 + 1);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&m->lock);
    while (!atomic_load(&m->stop) && pthread_cond_timedwait(&m->wake, &m->lock, &until) == 0) {
    }
    pthread_mutex_unlock(&m->lock);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One connection, from its begin to its end. @return whether the broker let us in. */
static bool serve(struct posix_mqtt *m)
{
    int64_t until = INT64_MAX;
    m->welcome = false;
    if (mosquitto_connect(m->client, m->host, m->port, KEEP_ALIVE_S) != MOSQ_ERR_SUCCESS) {
        return false;
    }
    while (now_ms() < until && mosquitto_loop(m->client, ROUND_MS, 1) == MOSQ_ERR_SUCCESS) {
        if (atomic_load(&m->stop) && until == INT64_MAX) {
            until = now_ms() + STOP_MS;
        }
        /* Not before: libmosquitto takes an answer behind a DISCONNECT for a broken protocol. */
        if (until != INT64_MAX && atomic_load(&m->unanswered) == 0) {
            mosquitto_disconnect(m->client);
        }
    }
    return m->welcome;
}

static void *keep_connected(void *context)
{
    struct posix_mqtt *m = context;
    uint32_t retry_ms = RETRY_MS_MIN;
    while (!atomic_load(&m->stop)) {
        if (serve(m)) {
            retry_ms = RETRY_MS_MIN;
        }
        back_off(m, retry_ms);
        retry_ms = retry_ms > RETRY_MS_MAX / 2 ? RETRY_MS_MAX : retry_ms * 2;
    }
    return NULL;
}

/* --- secrets as paths -------------------------------------------------------------- */

static bool write_all(int fd, struct ota_span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n <= 0) {
            return false;
        }
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return true;
}

static bool keep_in_memory(int *fd, struct ota_span pem)
{
    *fd = memfd_create("pem", MFD_CLOEXEC);
    return *fd >= 0 && write_all(*fd, pem);
}

static bool set_tls(struct posix_mqtt *m)
{
    char path[PEM_COUNT][32];
    for (int i = 0; i < PEM_COUNT; i++) {
        snprintf(path[i], sizeof path[i], "/proc/self/fd/%d", m->pem_fd[i]);
    }
    return mosquitto_tls_set(m->client, path[CA], NULL, path[CERT], path[KEY], NULL) ==
               MOSQ_ERR_SUCCESS &&
           mosquitto_tls_opts_set(m->client, 1, "tlsv1.2", NULL) == MOSQ_ERR_SUCCESS;
}

/* --- life -------------------------------------------------------------------------- */

static bool make_client(struct posix_mqtt *m, const struct posix_mqtt_cfg *cfg)
{
    char thing[OTA_THING_NAME_MAX + 1];
    const struct posix_identity *id = cfg->identity;
    memcpy(thing, id->thing.ptr, id->thing.len);
    thing[id->thing.len] = '\0';
    /* A clean session: what matters is asked for again after each connect. */
    m->client = mosquitto_new(thing, true, m);
    if (m->client == NULL || !keep_in_memory(&m->pem_fd[KEY], id->key_pem) ||
        !keep_in_memory(&m->pem_fd[CERT], id->cert_pem) ||
        !keep_in_memory(&m->pem_fd[CA], id->ca_pem) || !set_tls(m)) {
        return false;
    }
    mosquitto_threaded_set(m->client, true); /* the agent publishes from its own thread */
    mosquitto_int_option(m->client, MOSQ_OPT_TCP_NODELAY,
                         1); /* requests are small and waited for */
    mosquitto_connect_callback_set(m->client, on_connect);
    mosquitto_disconnect_callback_set(m->client, on_disconnect);
    mosquitto_subscribe_callback_set(m->client, on_subscribe);
    mosquitto_unsubscribe_callback_set(m->client, on_answered);
    mosquitto_publish_callback_set(m->client, on_answered);
    mosquitto_message_callback_set(m->client, on_message);
    return true;
}

static void let_go(struct posix_mqtt *m)
{
    if (m->client != NULL) {
        mosquitto_destroy(m->client);
    }
    for (int i = 0; i < PEM_COUNT; i++) {
        if (m->pem_fd[i] >= 0) {
            close(m->pem_fd[i]);
        }
    }
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m);
    mosquitto_lib_cleanup();
}

static void make_locks(struct posix_mqtt *m)
{
    pthread_condattr_t monotonic; /* a wall clock that jumps must not hold a device back */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&m->lock, NULL);
}

struct posix_mqtt *posix_mqtt_open(const struct posix_mqtt_cfg *cfg)
{
    struct posix_mqtt *m = calloc(1, sizeof *m);
    if (m == NULL) {
        return NULL;
    }
    mosquitto_lib_init();
    make_locks(m);
    m->sink = cfg->sink;
    m->port = cfg->port;
    m->pem_fd[KEY] = m->pem_fd[CERT] = m->pem_fd[CA] = -1;
    int len = snprintf(m->host, sizeof m->host, "%s", cfg->host);
    if (len >= (int)sizeof m->host || !make_client(m, cfg) ||
        pthread_create(&m->thread, NULL, keep_connected, m) != 0) {
        let_go(m);
        return NULL;
    }
    return m;
}

void posix_mqtt_close(struct posix_mqtt *m)
{
    pthread_mutex_lock(&m->lock);
    atomic_store(&m->stop, true);
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    let_go(m);
}

bool posix_mqtt_is_connected(struct posix_mqtt *m)
{
    return atomic_load(&m->connected);
}

bool posix_mqtt_is_settled(struct posix_mqtt *m)
{
    return atomic_load(&m->subscribed) && atomic_load(&m->unanswered) == 0;
}

void posix_mqtt_flush(struct posix_mqtt *m, uint32_t ms)
{
    const struct timespec look = { 0, FLUSH_LOOK_MS * 1000000L };
    for (uint32_t waited = 0; waited < ms && atomic_load(&m->unanswered) > 0;
         waited += FLUSH_LOOK_MS) {
        nanosleep(&look, NULL);
    }
}

/* --- what goes (agent's thread) --------------------------------------------------- */

/* libmosquitto wants a C string. @return false if the topic is too long for one of ours. */
static bool c_string(struct ota_span topic, char text[OTA_TOPIC_MAX + 1])
{
    if (topic.len > OTA_TOPIC_MAX) {
        return false;
    }
    memcpy(text, topic.ptr, topic.len);
    text[topic.len] = '\0';
    return true;
}

/* Each request that libmosquitto takes has one callback; it may come before the request returns. */
static bool counted(struct posix_mqtt *m, int code)
{
    if (code != MOSQ_ERR_SUCCESS) {
        answered(m);
    }
    return code == MOSQ_ERR_SUCCESS;
}

/* Without a link libmosquitto would keep a request and send it late, when it is no longer true. */
static bool may_send(struct posix_mqtt *m)
{
    if (!atomic_load(&m->connected)) {
        return false;
    }
    atomic_fetch_add(&m->unanswered, 1);
    return true;
}

bool posix_mqtt_publish(void *context, struct ota_span topic, struct ota_span payload,
                        enum ota_qos qos)
{
    struct posix_mqtt *m = context;
    char text[OTA_TOPIC_MAX + 1];
    return c_string(topic, text) && may_send(m) &&
           counted(m, mosquitto_publish(m->client, NULL, text, (int)payload.len, payload.ptr,
                                        (int)qos, false));
}

bool posix_mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    struct posix_mqtt *m = context;
    char text[OTA_TOPIC_MAX + 1];
    if (!c_string(filter, text) || !may_send(m)) {
        return false;
    }
    /* The lock is held over both: the SUBACK may come before mosquitto_subscribe() returns. */
    pthread_mutex_lock(&m->lock);
    struct pending *p = &m->pending[m->next];
    int mid = 0;
    bool sent = counted(m, mosquitto_subscribe(m->client, &mid, text, (int)qos));
    if (sent) {
        *p = (struct pending){ .mid = mid, .len = filter.len };
        memcpy(p->filter, filter.ptr, filter.len);
        m->next = (m->next + 1) % PENDING_MAX;
    }
    pthread_mutex_unlock(&m->lock);
    return sent;
}

bool posix_mqtt_unsubscribe(void *context, struct ota_span filter)
{
    struct posix_mqtt *m = context;
    char text[OTA_TOPIC_MAX + 1];
    return c_string(filter, text) && may_send(m) &&
           counted(m, mosquitto_unsubscribe(m->client, NULL, text));
}
