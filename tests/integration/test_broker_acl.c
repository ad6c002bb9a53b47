/*
 * The running broker, judged from outside: who may connect, who may say and
 * hear what, and that a disabled thing is put out and stays out.
 *
 * A refused MQTT 3.1.1 publish is acknowledged all the same, so refusal is
 * shown by non-delivery: the message after it arrives, it does not.
 */
#define _GNU_SOURCE
#include "broker/broker.h"
#include "mqtt.h"
#include "ota/wire.h"
#include "t.h"
#include "tmp.h"
#include <openssl/pem.h>
#include <time.h>

#define T "$aws/things/"

static struct t_tmp tmp;
static char long_name[OTA_THING_NAME_MAX + 1];

struct house {
    struct srv_identity *id;
    struct srv_broker *broker;
};

static struct house house, foreign;

static struct srv_identity *open_identity(const char *dir)
{
    struct srv_err err = { 0 };
    struct srv_identity_cfg cfg = { .dir = dir, .now = time(NULL) };
    struct srv_identity *id = srv_identity_open(&cfg, &err);
    if (id == NULL) {
        fail_msg("%s", err.text);
    }
    return id;
}

/* A device's files under tmp: NAME.key, NAME.crt. */
static struct srv_serial make_device(struct srv_identity *id, const char *name, const char *file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = X509_REQ_new();
    X509_REQ_set_pubkey(request, key);
    X509_REQ_sign(request, key, EVP_sha256());
    unsigned char *der = NULL;
    int len = i2d_X509_REQ(request, &der);
    struct srv_certificate out;
    struct srv_err err = { 0 };
    struct ota_span csr = { der, (size_t)len };
    assert_true(srv_identity_issue(id, ota_span_of_str(name), csr, time(NULL), &out, &err));
    char path[200];
    snprintf(path, sizeof path, "%s/%s.crt", tmp.path, file);
    FILE *f = fopen(path, "w");
    fputs(out.pem, f);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.key", tmp.path, file);
    f = fopen(path, "w");
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    OPENSSL_free(der);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return out.serial;
}

static struct t_mqtt *try_device(const char *file, const char *client_id)
{
    char cert[200], key[200];
    snprintf(cert, sizeof cert, "%s/%s.crt", tmp.path, file);
    snprintf(key, sizeof key, "%s/%s.key", tmp.path, file);
    struct t_mqtt_who who = { srv_identity_ca_path(house.id), cert, key, client_id,
                              srv_broker_port(house.broker) };
    return t_mqtt_open(&who);
}

static struct t_mqtt *device(const char *file)
{
    struct t_mqtt *m = try_device(file, NULL);
    assert_true(m->connected);
    return m;
}

static struct t_mqtt *provider_called(enum srv_own own, const char *client_id)
{
    struct t_mqtt_who who = { srv_identity_ca_path(house.id), srv_identity_cert_path(house.id, own),
                              srv_identity_key_path(house.id, own), client_id,
                              srv_broker_port(house.broker) };
    struct t_mqtt *m = t_mqtt_open(&who);
    assert_true(m->connected);
    return m;
}

static struct t_mqtt *provider(enum srv_own own)
{
    return provider_called(own, NULL);
}

static void a_thing_says_only_what_its_part_of_the_protocol_says(void **state)
{
    (void)state;
    static const struct {
        const char *why, *topic;
        bool delivered;
    } rows[] = {
        { "pending jobs", T "a/jobs/get", true },
        { "start next", T "a/jobs/start-next", true },
        { "describe", T "a/jobs/job-1/get", true },
        { "describe next", T "a/jobs/$next/get", true },
        { "update", T "a/jobs/job-1/update", true },
        { "stream description", T "a/streams/s/describe/cbor", true },
        { "stream blocks", T "a/streams/s/get/json", true },
        { "own shadow", T "a/shadow/name/waft/update", true },
        { "another's requests", T "b/jobs/get", false },
        { "another's update", T "b/jobs/job-1/update", false },
        { "another's blocks", T "b/streams/s/get/cbor", false },
        { "another's shadow", T "b/shadow/name/waft/update", false },
        { "a forged job for itself", T "a/jobs/notify-next", false },
        { "a forged notification", T "a/jobs/notify", false },
        { "a forged answer", T "a/jobs/get/accepted", false },
        { "a forged answer about a job", T "a/jobs/job-1/update/accepted", false },
        { "forged blocks", T "a/streams/s/data/cbor", false },
        { "a forged refusal", T "a/streams/s/rejected/cbor", false },
        { "a forged job for another", T "b/jobs/notify-next", false },
        { "forged blocks for another", T "b/streams/s/data/cbor", false },
        { "the shadow's answers", T "a/shadow/name/waft/update/accepted", false },
        { "another shadow", T "a/shadow/name/other/update", false },
        { "the unnamed shadow", T "a/shadow/update", false },
        { "a longer name", T "ab/jobs/get", false },
        { "below its own topics", T "a/jobs/get/more", false },
        { "above them", T "a", false },
        { "an application topic nobody allowed", "app/a/x", false },
        { "the application topic of another", "tele/b/x", false },
        { "an application topic", "tele/a/x", true },
    };
    struct t_mqtt *us = provider(SRV_OWN_CONTROL), *a = device("a"), *listener = device("a2");
    (void)listener;
    t_mqtt_subscribe(us, T "#");
    for (size_t i = 0; i < COUNT(rows); i++) {
        char payload[16], fence[16];
        snprintf(payload, sizeof payload, "row-%zu", i);
        snprintf(fence, sizeof fence, "fence-%zu", i);
        t_mqtt_publish(a, rows[i].topic, payload);
        t_mqtt_publish(a, T "a/jobs/get", fence);
        size_t before = us->message_count;
        while (!t_mqtt_has(us, T "a/jobs/get", fence)) {
            CHECK_ROW(rows[i].why, t_mqtt_until_count(us, a, &us->message_count, before + 1));
            before = us->message_count;
        }
        bool ours = strncmp(rows[i].topic, T, strlen(T)) == 0;
        CHECK_ROW(rows[i].why,
                  t_mqtt_has(us, rows[i].topic, payload) == (ours && rows[i].delivered));
    }
    t_mqtt_close(listener);
    t_mqtt_close(a);
    t_mqtt_close(us);
}

static void a_thing_hears_only_what_is_said_to_it(void **state)
{
    (void)state;
    static const struct {
        const char *why, *topic;
        bool delivered;
    } rows[] = {
        { "notify", T "a/jobs/notify", true },
        { "notify-next", T "a/jobs/notify-next", true },
        { "answers", T "a/jobs/get/accepted", true },
        { "start-next", T "a/jobs/start-next/rejected", true },
        { "answers about a job", T "a/jobs/job-1/get/accepted", true },
        { "update", T "a/jobs/job-1/update/rejected", true },
        { "description", T "a/streams/s/description/cbor", true },
        { "blocks", T "a/streams/s/data/cbor", true },
        { "refused blocks", T "a/streams/s/rejected/json", true },
        { "shadow", T "a/shadow/name/waft/update/delta", true },
        { "another's notify", T "b/jobs/notify", false },
        { "another's next job", T "b/jobs/notify-next", false },
        { "another's blocks", T "b/streams/s/data/cbor", false },
        { "another's shadow", T "b/shadow/name/waft/update/delta", false },
        { "what it says itself", T "a/jobs/job-1/update", false },
        { "a longer name", T "ab/jobs/notify-next", false },
    };
    static const char *const filters[] = { "#",          "+/things/#",          T "#",
                                           T "+/jobs/#", T "b/jobs/notify",     T "b/#",
                                           T "a/#",      T "a/streams/+/data/+" };
    struct t_mqtt *us = provider(SRV_OWN_CONTROL), *a = device("a");
    for (size_t i = 0; i < COUNT(filters); i++) {
        t_mqtt_subscribe(a, filters[i]);
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "row-%zu", i);
        t_mqtt_publish(us, rows[i].topic, payload);
    }
    t_mqtt_publish(us, T "a/jobs/notify", "end");
    while (!t_mqtt_has(a, T "a/jobs/notify", "end")) {
        size_t now = a->message_count;
        assert_true(t_mqtt_until_count(a, us, &a->message_count, now + 1));
    }
    for (size_t i = 0; i < COUNT(rows); i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "row-%zu", i);
        CHECK_ROW(rows[i].why, t_mqtt_has(a, rows[i].topic, payload) == rows[i].delivered);
    }
    t_mqtt_close(a);
    t_mqtt_close(us);
}

static void a_thing_cannot_end_anothers_session(void **state)
{
    (void)state;
    /* Both say the ids that they get anyway: what is tried to be taken is then really there. */
    struct t_mqtt *us = provider_called(SRV_OWN_CONTROL, SRV_NAME_CONTROL);
    struct t_mqtt *b = try_device("b", "b");
    assert_true(b->connected);
    t_mqtt_subscribe(b, T "b/jobs/notify");
    static const char *const ids[] = { "b", SRV_NAME_CONTROL, SRV_NAME_STREAM };
    for (size_t i = 0; i < COUNT(ids); i++) {
        struct t_mqtt *a = try_device("a", ids[i]);
        assert_true(a->connected);
        t_mqtt_publish(us, T "b/jobs/notify", ids[i]);
        assert_true(t_mqtt_until_count(b, us, &b->message_count, i + 1));
        assert_false(b->lost);
        assert_false(us->lost);
        t_mqtt_close(a);
    }
    t_mqtt_close(b);
    t_mqtt_close(us);
}

static void both_connections_of_the_provider_stay(void **state)
{
    (void)state;
    struct t_mqtt *control = provider(SRV_OWN_CONTROL), *stream = provider(SRV_OWN_STREAM);
    t_mqtt_subscribe(control, T "+/jobs/get");
    t_mqtt_subscribe(stream, T "+/streams/+/get/+");
    struct t_mqtt *a = device("a");
    t_mqtt_publish(a, T "a/jobs/get", "1");
    t_mqtt_publish(a, T "a/streams/s/get/cbor", "2");
    assert_true(t_mqtt_until_count(control, stream, &control->message_count, 1));
    assert_true(t_mqtt_until_count(stream, control, &stream->message_count, 1));
    t_mqtt_close(a);
    t_mqtt_close(stream);
    t_mqtt_close(control);
}

static void strangers_are_not_let_in(void **state)
{
    (void)state;
    uint16_t port = srv_broker_port(house.broker);
    const char *ca = srv_identity_ca_path(house.id);
    char foreign_cert[200], foreign_key[200];
    snprintf(foreign_cert, sizeof foreign_cert, "%s/foreign-a.crt", tmp.path);
    snprintf(foreign_key, sizeof foreign_key, "%s/foreign-a.key", tmp.path);
    const struct {
        const char *why;
        struct t_mqtt_who who;
    } rows[] = {
        { "no certificate", { ca, NULL, NULL, "a", port } },
        { "a certificate of another authority", { ca, foreign_cert, foreign_key, "a", port } },
        { "the provider's name from another authority",
          { ca, srv_identity_cert_path(foreign.id, SRV_OWN_CONTROL),
            srv_identity_key_path(foreign.id, SRV_OWN_CONTROL), NULL, port } },
        { "a server's certificate of ours",
          { ca, srv_identity_cert_path(house.id, SRV_OWN_BROKER),
            srv_identity_key_path(house.id, SRV_OWN_BROKER), NULL, port } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct t_mqtt *m = t_mqtt_open(&rows[i].who);
        CHECK_ROW(rows[i].why, !m->connected && m->connack != 0);
        t_mqtt_close(m);
    }
    /* And the other way round: a device that trusts another authority does not trust this broker. */
    char cert[200], key[200];
    snprintf(cert, sizeof cert, "%s/a.crt", tmp.path);
    snprintf(key, sizeof key, "%s/a.key", tmp.path);
    struct t_mqtt_who who = { srv_identity_ca_path(foreign.id), cert, key, NULL, port };
    struct t_mqtt *m = t_mqtt_open(&who);
    assert_false(m->connected);
    t_mqtt_close(m);
}

static void a_name_of_128_characters_works_like_any_other(void **state)
{
    (void)state;
    struct t_mqtt *us = provider(SRV_OWN_CONTROL), *m = device("long");
    t_mqtt_subscribe(us, T "+/jobs/get");
    char topic[300], shorter[300];
    snprintf(topic, sizeof topic, T "%s/jobs/get", long_name);
    snprintf(shorter, sizeof shorter, T "%.127s/jobs/get", long_name);
    t_mqtt_publish(m, shorter, "no");
    t_mqtt_publish(m, topic, "yes");
    assert_true(t_mqtt_until_count(us, m, &us->message_count, 1));
    assert_true(t_mqtt_has(us, topic, "yes"));
    assert_int_equal(us->message_count, 1);
    t_mqtt_close(m);
    t_mqtt_close(us);
}

static void a_disabled_thing_is_put_out_and_stays_out_until_enabled(void **state)
{
    (void)state;
    struct srv_serial serial = make_device(house.id, "c", "c");
    struct t_mqtt *a = device("a"), *c = device("c");
    struct srv_err err = { 0 };
    struct srv_serials held = { &serial, 1 }, none = { NULL, 0 };

    assert_true(srv_broker_hold(house.broker, held, &err));
    assert_true(srv_broker_evict(house.broker, OTA_SPAN_LIT("c"), &err));
    assert_true(t_mqtt_until(c, a, &c->lost));
    t_mqtt_close(c);
    c = try_device("c", NULL);
    assert_false(c->connected);
    t_mqtt_close(c);
    /* The others did not notice. */
    t_mqtt_publish(a, T "a/jobs/get", "still here");
    assert_false(a->lost);

    assert_true(srv_broker_hold(house.broker, none, &err));
    c = device("c");
    /* Again, at once: lists within one second have an order too. */
    assert_true(srv_broker_hold(house.broker, held, &err));
    assert_true(srv_broker_evict(house.broker, OTA_SPAN_LIT("c"), &err));
    assert_true(t_mqtt_until(c, a, &c->lost));
    t_mqtt_close(c);
    c = try_device("c", NULL);
    assert_false(c->connected);
    t_mqtt_close(c);
    assert_true(srv_broker_hold(house.broker, none, &err));
    t_mqtt_close(a);
}

static void evicting_a_thing_that_is_away_is_fine(void **state)
{
    (void)state;
    struct srv_err err = { 0 };
    assert_true(srv_broker_evict(house.broker, OTA_SPAN_LIT("never-seen"), &err));
    assert_false(srv_broker_evict(house.broker, OTA_SPAN_LIT("waft.provider"), &err));
    assert_int_equal(err.code, SRV_E_INVALID);
}

static void memory_cannot_be_filled_with_retained_or_huge_messages(void **state)
{
    (void)state;
    struct t_mqtt *a = device("a");
    assert_int_equal(mosquitto_publish(a->mosq, NULL, T "a/jobs/x/update", 1, "x", 1, true), 0);
    assert_true(t_mqtt_until(a, NULL, &a->lost));
    t_mqtt_close(a);
    a = device("a");
    char *huge = calloc(1, 300 * 1024);
    mosquitto_publish(a->mosq, NULL, T "a/jobs/get", 300 * 1024, huge, 0, false);
    assert_true(t_mqtt_until(a, NULL, &a->lost));
    free(huge);
    t_mqtt_close(a);
}

static int before_all(void **state)
{
    (void)state;
    static char dir[100], foreign_dir[100];
    snprintf(dir, sizeof dir, "%s/data", tmp.path);
    snprintf(foreign_dir, sizeof foreign_dir, "%s/foreign", tmp.path);
    house.id = open_identity(dir);
    foreign.id = open_identity(foreign_dir);
    static const char *const app[] = { "tele/%u/#" };
    struct srv_broker_cfg cfg = { .dir = dir,
                                  .topic_root = "$aws",
                                  .app_topics = app,
                                  .app_topic_count = 1,
                                  .identity = house.id };
    struct srv_err err = { 0 };
    house.broker = srv_broker_start(&cfg, &err);
    if (house.broker == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    memset(long_name, 'n', OTA_THING_NAME_MAX);
    make_device(house.id, "a", "a");
    make_device(house.id, "a2", "a2");
    make_device(house.id, "b", "b");
    make_device(house.id, long_name, "long");
    make_device(foreign.id, "a", "foreign-a");
    return 0;
}

static int after_all(void **state)
{
    (void)state;
    srv_broker_stop(house.broker);
    srv_identity_close(house.id);
    srv_identity_close(foreign.id);
    mosquitto_lib_cleanup();
    return 0;
}

int main(void)
{
    tmp = t_tmp_make();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thing_says_only_what_its_part_of_the_protocol_says),
        cmocka_unit_test(a_thing_hears_only_what_is_said_to_it),
        cmocka_unit_test(a_thing_cannot_end_anothers_session),
        cmocka_unit_test(both_connections_of_the_provider_stay),
        cmocka_unit_test(strangers_are_not_let_in),
        cmocka_unit_test(a_name_of_128_characters_works_like_any_other),
        cmocka_unit_test(a_disabled_thing_is_put_out_and_stays_out_until_enabled),
        cmocka_unit_test(evicting_a_thing_that_is_away_is_fine),
        cmocka_unit_test(memory_cannot_be_filled_with_retained_or_huge_messages),
    };
    int failed = cmocka_run_group_tests(tests, before_all, after_all);
    t_tmp_remove(&tmp);
    return failed;
}
