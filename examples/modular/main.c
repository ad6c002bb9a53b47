/*
 * The application around modular.c, on the POSIX board: its MQTT connection, its clock, its self-test.
 * An image, started by waft-boot out of a slot.
 */
#include "modular.h"
#include "posix_board.h"
#include "posix_mqtt.h"
#include "self.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS       10
#define LAST_WORDS_MS 300
/* A new image that has found no connection by then is not kept. */
#define SELF_TEST_MS 120000u

struct app {
    struct self self;
    struct show show;
    struct posix_mqtt *mqtt;
    struct ota_store store;
    struct ota_trust trust;
    pthread_mutex_t lock; /* of modular: messages come on the connection's thread */
    struct modular modular;
    atomic_bool subscribe; /* a new connection: nothing is subscribed to yet */
    atomic_uint granted;
    uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN]; /* the main thread's */
};
static struct app app; /* the connection's callbacks have no context */

/* --- the connection ------------------------------------------------------------------ */

static void link_is(bool up)
{
    pthread_mutex_lock(&app.lock);
    modular_link(&app.modular, up);
    pthread_mutex_unlock(&app.lock);
}

static void on_connected(void)
{
    atomic_store(&app.granted, 0);
    atomic_store(&app.subscribe, true);
}

static void on_disconnected(void)
{
    link_is(false);
}

/* Nothing is asked before every answer can be heard. */
static void on_subscribed(struct ota_span filter)
{
    (void)filter;
    if (atomic_fetch_add(&app.granted, 1) + 1 == MODULAR_FILTERS) {
        link_is(true);
    }
}

static void on_message(struct ota_span topic, struct ota_span payload)
{
    pthread_mutex_lock(&app.lock);
    modular_message(&app.modular, topic, payload, self_now_ms());
    pthread_mutex_unlock(&app.lock);
}

static void subscribe(void)
{
    for (unsigned i = 0; i < MODULAR_FILTERS; i++) {
        (void)posix_mqtt_subscribe(app.mqtt, modular_filter(&app.modular, i), OTA_QOS_1);
    }
}

/* --- life -------------------------------------------------------------------------------- */

static void perform(const struct ota_effect *effect)
{
    if (effect->kind == OTA_EFFECT_PUBLISH) {
        (void)posix_mqtt_publish(app.mqtt, effect->as.publish.topic, effect->as.publish.payload,
                                 effect->as.publish.qos);
        return;
    }
    posix_mqtt_flush(app.mqtt, LAST_WORDS_MS);
    show_line(&app.show, "reset");
    fflush(stdout);
    _exit(BOARD_EXIT_RESET);
}

/* All there is to do now. What is said is said without the lock: the client may be calling us. */
static void work(void)
{
    for (;;) {
        struct ota_effect effect;
        pthread_mutex_lock(&app.lock);
        if (app.modular.state == MODULAR_TESTING && posix_mqtt_is_settled(app.mqtt)) {
            modular_tested(&app.modular, true); /* connected: this image can be updated again */
            show_line(&app.show, "self-test passed");
        }
        const bool spoke = modular_poll(&app.modular, self_now_ms(), &effect);
        const bool idle = !spoke && modular_deadline(&app.modular) > self_now_ms();
        pthread_mutex_unlock(&app.lock);
        if (idle) {
            return;
        }
        if (spoke) {
            perform(&effect);
        }
    }
}

/* A job of another kind, and this application knows none. */
static ota_err_t refuse(void *context, struct ota_json document)
{
    (void)context;
    (void)document;
    return OTA_E_JOB_DOCUMENT;
}

static bool start(void)
{
    const struct self *const self = &app.self;
    const struct ota_span root = ota_span_of_str(self->root[0] != '\0' ? self->root : "$aws");
    const struct ota_span thing = ota_span_of_str(self->thing);
    struct ota_crypto *const crypto = &app.self.crypto.base;
    uint32_t seed = 0;
    const struct ota_buf random = { (uint8_t *)&seed, sizeof seed };
    if (ota_store_open(&app.store, &app.self.flash.base, &posix_board_layout) != OTA_OK ||
        ota_store_trust(&app.store, &app.trust) != OTA_OK ||
        crypto->ops->random(crypto, random) != OTA_OK) {
        return false;
    }
    const struct modular_cfg cfg = {
        .jobs = { root, thing, 1000, 60000, seed },
        .stream = { .root = root,
                    .thing = thing,
                    .block_size = 4096,
                    .window = 32,
                    .format = OTA_FORMAT_CBOR,
                    .retry_ms_min = 1000,
                    .retry_ms_max = 60000,
                    .seed = seed },
        .scratch = { OTA_BUF_OF(app.topic), OTA_BUF_OF(app.payload) },
        .installer = { &app.store, crypto, &app.trust, self->args.slot },
        .rule = self->args.rule,
        .test_until = self_now_ms() + SELF_TEST_MS,
        .custom = refuse, /* and no parsers but the one for afr_ota */
    };
    return modular_init(&app.modular, &cfg) == OTA_OK;
}

static bool run(void)
{
    const struct posix_mqtt_cfg link = {
        .host = app.self.args.host,
        .port = app.self.args.port,
        .identity = &app.self.identity,
        .sink = { on_connected, on_disconnected, on_subscribed, on_message },
    };
    if (!start()) {
        return false;
    }
    app.mqtt = posix_mqtt_open(&link);
    if (app.mqtt == NULL) {
        return false;
    }
    while (self_tick(&app.self, TICK_MS)) {
        if (atomic_exchange(&app.subscribe, false)) {
            subscribe();
        }
        work();
    }
    posix_mqtt_close(app.mqtt);
    return true;
}

int main(int argc, char **argv)
{
    pthread_mutex_init(&app.lock, NULL);
    app.show = show_begin(EXAMPLE_VERSION);
    if (!self_open(&app.self, argc, argv, &app.show)) {
        return EXIT_FAILURE;
    }
    self_tell(&app.self, &app.show);
    const bool ran = run();
    self_close(&app.self);
    return ran ? EXIT_SUCCESS : EXIT_FAILURE;
}
