/*
 * Sharing the connection: an application that sends telemetry ten times a second, over the same MQTT
 * connection over which its OTA agent fetches a new image. It says how long the longest gap in its
 * telemetry was, without an update and during one. README.md says what bounds it.
 *
 * An image for the POSIX board, started by waft-boot out of a slot.
 */
#include "ota_facade.h"
#include "posix_board.h"
#include "posix_mqtt.h"
#include "self.h"
#include "telemetry.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Eight blocks of 1 KiB in flight: on a link of 1 Mbit/s that is 65 ms of the agent's bytes in front of
 * ours. A larger window fills a longer link, and makes the gap longer; see README.md.
 */
#define BLOCK_SIZE    1024u
#define WINDOW        8u
#define MESSAGE_COUNT 12u

#define LAST_WORDS_MS 300
/* What a real image holds besides, so that an update takes a while. */
__attribute__((used)) static const uint8_t ballast[256u * 1024u] = { 1 };

struct app {
    struct self self;
    struct show show;
    struct posix_mqtt *mqtt;
    struct telemetry telemetry;
    bool subscribed;
    atomic_bool test_wanted;
    uint8_t memory[OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGE_COUNT)];
};
static struct app app; /* the connection's callbacks have no context */

/* --- one connection, two users ------------------------------------------------------- */

static void on_connected(void)
{
    telemetry_link(&app.telemetry);
    OTA_OnConnected();
}

static void on_disconnected(void)
{
    telemetry_link(&app.telemetry);
    OTA_OnDisconnected();
}

/* What is not ours is the agent's; it leaves alone what is not its own. */
static void on_message(struct ota_span topic, struct ota_span payload)
{
    if (!telemetry_heard(&app.telemetry, topic, self_now_ms())) {
        OTA_OnMessage(topic, payload);
    }
}

static void send_telemetry(void)
{
    uint8_t room[64];
    const struct ota_span topic = ota_span_of_str(app.telemetry.topic);
    if (!posix_mqtt_is_connected(app.mqtt)) {
        app.subscribed = false;
        return;
    }
    if (!app.subscribed) {
        app.subscribed = posix_mqtt_subscribe(app.mqtt, topic, OTA_QOS_0);
    }
    (void)posix_mqtt_publish(app.mqtt, topic, telemetry_next(&app.telemetry, OTA_BUF_OF(room)),
                             OTA_QOS_0);
}

/* --- the update ------------------------------------------------------------------------ */

static void tell_gaps(void)
{
    const struct telemetry *t = &app.telemetry;
    show_line(&app.show,
              "telemetry: longest gap %u ms during the update, %u ms before it; %u of %u came back",
              atomic_load(&t->longest_ms[TELEMETRY_UPDATE]),
              atomic_load(&t->longest_ms[TELEMETRY_QUIET]), atomic_load(&t->heard), t->sent);
}

static void on_job_event(OTA_JobEvent_t event, const struct OTA_EventData *data, void *context)
{
    (void)context;
    show_event(&app.show, event, data);
    if (data->info == OTA_EVENT_CLAIMED || data->info == OTA_EVENT_RESUMED) {
        telemetry_phase(&app.telemetry, TELEMETRY_UPDATE);
    } else if (event == OTA_JobEvent_Activate) {
        tell_gaps();
        (void)OTA_ActivateNewImage();
    } else if (event == OTA_JobEvent_StartTest) {
        atomic_store(&app.test_wanted, true);
    }
}

static void reset(void *context)
{
    (void)context;
    posix_mqtt_flush(app.mqtt, LAST_WORDS_MS);
    fflush(stdout);
    _exit(BOARD_EXIT_RESET);
}

/* --- life -------------------------------------------------------------------------------- */

static bool start_agent(void)
{
    const struct OTA_Config config = {
        .thing_name = app.self.thing,
        .topic_root = app.self.root[0] != '\0' ? app.self.root : NULL,
        .flash = &app.self.flash.base,
        .layout = &posix_board_layout,
        .crypto = &app.self.crypto.base,
        .running_slot = app.self.args.slot,
        .handover = { app.self.args.rule, app.self.args.cause, app.self.args.refused },
        .mqtt = { posix_mqtt_publish, posix_mqtt_subscribe, posix_mqtt_unsubscribe, app.mqtt },
        .reset = reset,
        .callback = on_job_event,
        .block_size = BLOCK_SIZE,
        .window = WINDOW,
        .message_count = MESSAGE_COUNT,
        .memory = OTA_BUF_OF(app.memory),
    };
    return OTA_AgentInit(&config, 1000) != OTA_AgentState_NotReady ||
           OTA_GetLastError() == OTA_Err_None;
}

/* The image is good if its telemetry arrives. */
static void test_if_wanted(void)
{
    if (atomic_load(&app.test_wanted) && atomic_load(&app.telemetry.heard) > 0) {
        atomic_store(&app.test_wanted, false);
        (void)OTA_SetImageState(OTA_ImageState_Accepted);
    }
}

static bool run(void)
{
    const struct posix_mqtt_cfg link = {
        .host = app.self.args.host,
        .port = app.self.args.port,
        .identity = &app.self.identity,
        .sink = { on_connected, on_disconnected, OTA_OnSubscribed, on_message },
    };
    app.mqtt = posix_mqtt_open(&link);
    if (app.mqtt == NULL) {
        return false;
    }
    const bool started = start_agent();
    if (started) {
        while (self_tick(&app.self, TELEMETRY_EVERY_MS)) {
            send_telemetry();
            test_if_wanted();
        }
        while (OTA_AgentShutdown(2000) == OTA_AgentState_ShuttingDown) {
        } /* what it works with is let go of next; the watchdog ends an agent that hangs */
    }
    posix_mqtt_close(app.mqtt);
    return started;
}

int main(int argc, char **argv)
{
    app.show = show_begin(EXAMPLE_VERSION);
    if (!self_open(&app.self, argc, argv, &app.show)) {
        return EXIT_FAILURE;
    }
    self_tell(&app.self, &app.show);
    telemetry_begin(&app.telemetry, app.self.thing);
    const bool ran = run();
    self_close(&app.self);
    return ran ? EXIT_SUCCESS : EXIT_FAILURE;
}
