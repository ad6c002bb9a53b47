#include "mqtt.h"
#include "t.h"
#include <time.h>

static int64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_connect(struct mosquitto *mosq, void *user, int rc)
{
    (void)mosq;
    struct t_mqtt *m = user;
    m->connack = rc;
    m->connected = rc == 0;
    m->lost = rc != 0;
}

static void on_disconnect(struct mosquitto *mosq, void *user, int rc)
{
    (void)mosq, (void)rc;
    struct t_mqtt *m = user;
    m->connected = false;
    m->lost = true;
}

static void on_message(struct mosquitto *mosq, void *user, const struct mosquitto_message *in)
{
    (void)mosq;
    struct t_mqtt *m = user;
    assert_true(m->message_count < T_MQTT_MESSAGES_MAX);
    struct t_mqtt_message *kept = &m->messages[m->message_count++];
    snprintf(kept->topic, sizeof kept->topic, "%s", in->topic);
    snprintf(kept->payload, sizeof kept->payload, "%.*s", in->payloadlen,
             in->payloadlen > 0 ? (const char *)in->payload : "");
    if (m->keeps_payloads) {
        free(m->last_payload);
        m->last_payload = strndup(in->payload, (size_t)in->payloadlen);
    }
}

static void on_subscribe(struct mosquitto *mosq, void *user, int id, int count, const int *granted)
{
    (void)mosq, (void)id, (void)count, (void)granted;
    ((struct t_mqtt *)user)->suback_count++;
}

static void on_publish(struct mosquitto *mosq, void *user, int id)
{
    (void)mosq, (void)id;
    ((struct t_mqtt *)user)->puback_count++;
}

static void drive(struct t_mqtt *m)
{
    if (m != NULL && !m->lost && mosquitto_loop(m->mosq, 5, 1) != MOSQ_ERR_SUCCESS) {
        m->lost = true;
        m->connected = false;
    }
}

bool t_mqtt_until(struct t_mqtt *a, struct t_mqtt *b, const bool *flag)
{
    int64_t until = clock_ms() + T_MQTT_WAIT_MS;
    while (!*flag && clock_ms() < until) {
        drive(a);
        drive(b);
    }
    return *flag;
}

bool t_mqtt_until_count(struct t_mqtt *a, struct t_mqtt *b, const size_t *count, size_t want)
{
    int64_t until = clock_ms() + T_MQTT_WAIT_MS;
    while (*count < want && clock_ms() < until) {
        drive(a);
        drive(b);
    }
    return *count >= want;
}

struct t_mqtt *t_mqtt_open(const struct t_mqtt_who *who)
{
    mosquitto_lib_init();
    struct t_mqtt *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->connack = -1;
    m->mosq = mosquitto_new(who->client_id, true, m);
    assert_non_null(m->mosq);
    mosquitto_connect_callback_set(m->mosq, on_connect);
    mosquitto_disconnect_callback_set(m->mosq, on_disconnect);
    mosquitto_message_callback_set(m->mosq, on_message);
    mosquitto_subscribe_callback_set(m->mosq, on_subscribe);
    mosquitto_publish_callback_set(m->mosq, on_publish);
    assert_int_equal(mosquitto_tls_set(m->mosq, who->ca, NULL, who->cert, who->key, NULL), 0);
    m->lost = mosquitto_connect(m->mosq, "127.0.0.1", who->port, 60) != MOSQ_ERR_SUCCESS;
    int64_t until = clock_ms() + T_MQTT_WAIT_MS;
    while (!m->connected && !m->lost && clock_ms() < until) {
        drive(m);
    }
    return m;
}

void t_mqtt_close(struct t_mqtt *m)
{
    mosquitto_disconnect(m->mosq);
    mosquitto_destroy(m->mosq);
    free(m->last_payload);
    free(m);
}

void t_mqtt_keep_payloads(struct t_mqtt *m)
{
    m->keeps_payloads = true;
}

void t_mqtt_subscribe(struct t_mqtt *m, const char *filter)
{
    unsigned before = m->suback_count;
    assert_int_equal(mosquitto_subscribe(m->mosq, NULL, filter, 1), 0);
    int64_t until = clock_ms() + T_MQTT_WAIT_MS;
    while (m->suback_count == before && clock_ms() < until) {
        drive(m);
    }
    assert_int_not_equal(m->suback_count, before);
}

void t_mqtt_publish(struct t_mqtt *m, const char *topic, const char *payload)
{
    unsigned before = m->puback_count;
    assert_int_equal(
        mosquitto_publish(m->mosq, NULL, topic, (int)strlen(payload), payload, 1, false), 0);
    int64_t until = clock_ms() + T_MQTT_WAIT_MS;
    while (m->puback_count == before && !m->lost && clock_ms() < until) {
        drive(m);
    }
    assert_int_not_equal(m->puback_count, before);
}

bool t_mqtt_has(const struct t_mqtt *m, const char *topic, const char *payload)
{
    for (size_t i = 0; i < m->message_count; i++) {
        if (strcmp(m->messages[i].topic, topic) == 0 &&
            strcmp(m->messages[i].payload, payload) == 0) {
            return true;
        }
    }
    return false;
}
