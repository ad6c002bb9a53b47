/*
 * The demo's image: an application with the OTA agent in it, as a user would write it.
 * Started by waft-boot out of a slot; ends by a reset, by SIGTERM, or by a watchdog that
 * is not kicked.
 */
#include "board.h"
#include "ota/shadow.h"
#include "ota_facade.h"
#include "posix_board.h"
#include "posix_files.h"
#include "posix_http.h"
#include "posix_mqtt.h"
#include "release.h"
#include "self.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looks around this often: kicks the watchdog, starts a self-test that is wanted. */
#define TICK_MS 100
/* What was said right before a reset gets this long to be heard. */
#define LAST_WORDS_MS 300
/* What a real image holds besides: sounds, tables, a stack. Transferred, never looked at. */
__attribute__((used)) static const uint8_t ballast[RELEASE_BALLAST_KB * 1024u + 1u] = { 1 };

#define MESSAGE_COUNT 64u
#define BLOCK_SIZE    4096u

struct demo {
    struct self self;
    struct posix_mqtt *mqtt;
    struct posix_http *http;
    struct ota_range_source ranges;
    uint8_t url[OTA_URL_MAX];
    struct posix_files dirs[BOARD_FILES_MAX];
    struct ota_file_handler *handlers[BOARD_FILES_MAX];
    struct ota_files files;
    struct show show;
    atomic_bool test_wanted;
    bool was_connected, was_ready; /* as last told */
    uint8_t memory[OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGE_COUNT) + OTA_REQUEST_SIZE]; /* with HTTP */
};

/* --- the agent's callback ----------------------------------------------------------- */

static void on_job_event(OTA_JobEvent_t event, const struct OTA_EventData *data, void *context)
{
    struct demo *d = context;
    show_event(&d->show, event, data);
    if (event == OTA_JobEvent_Activate) {
        OTA_Err_t err = OTA_ActivateNewImage(); /* nothing here is worth waiting for */
        if (err != OTA_Err_None) {
            show_line(&d->show, "cannot activate: %s", OTA_ErrName(err));
        }
    } else if (event == OTA_JobEvent_StartTest) {
        atomic_store(&d->test_wanted, true);
    }
}

static void reset(void *context)
{
    struct demo *d = context;
    posix_mqtt_flush(d->mqtt, LAST_WORDS_MS);
    show_line(&d->show, "reset");
    fflush(stdout);
    _exit(BOARD_EXIT_RESET);
}

/* --- self-test ------------------------------------------------------------------------ */

/* The new image must be able to do its work, and to be updated again: both count. */
static void self_test(struct demo *d)
{
    const int celsius = RELEASE_CELSIUS;
    bool good = celsius >= -40 && celsius <= 85;
    show_line(&d->show, "self-test: connected, agent is %s, thermometer says %d C: %s",
              OTA_StateName(OTA_GetAgentState()), celsius, good ? "good" : "impossible");
    OTA_Err_t err = OTA_SetImageState(good ? OTA_ImageState_Accepted : OTA_ImageState_Rejected);
    if (err != OTA_Err_None) {
        show_line(&d->show, "cannot end the self-test: %s", OTA_ErrName(err));
    }
}

static bool able_to_test(struct demo *d)
{
    OTA_State_t state = OTA_GetAgentState();
    return posix_mqtt_is_settled(d->mqtt) &&
           (state == OTA_AgentState_Ready || state == OTA_AgentState_Active);
}

/* --- life ------------------------------------------------------------------------------ */

static bool start(struct demo *d)
{
    const struct OTA_Config config = {
        .thing_name = d->self.thing,
        .topic_root = d->self.root[0] != '\0' ? d->self.root : NULL,
        .flash = &d->self.flash.base,
        .layout = &posix_board_layout,
        .crypto = &d->self.crypto.base,
        .running_slot = d->self.args.slot,
        .handover = { d->self.args.rule, d->self.args.cause, d->self.args.refused },
        .mqtt = { posix_mqtt_publish, posix_mqtt_subscribe, posix_mqtt_unsubscribe, d->mqtt },
        .http = { ota_range_source(&d->ranges, OTA_BUF_OF(d->url), 0, NULL), posix_http_get,
                  posix_http_give_up, d->http },
        .prefer = d->self.args.prefer == BOARD_PREFER_HTTP ? OTA_Prefer_Http : OTA_Prefer_Mqtt,
        .reset = reset,
        .reset_context = d,
        .callback = on_job_event,
        .callback_context = d,
        .block_size = BLOCK_SIZE,
        .self_test_ms = RELEASE_SELF_TEST_MS,
        .message_count = MESSAGE_COUNT,
        .announce = ota_shadow_announce,
        .files = d->files.count > 0 ? &d->files : NULL,
        .memory = OTA_BUF_OF(d->memory),
    };
    if (OTA_AgentInit(&config, 0) == OTA_AgentState_NotReady &&
        OTA_GetLastError() != OTA_Err_None) {
        show_line(&d->show, "the agent does not start: %s", OTA_ErrName(OTA_GetLastError()));
        return false;
    }
    if (posix_mqtt_is_connected(d->mqtt)) {
        OTA_OnConnected(); /* it came before the agent could hear it */
    }
    return true;
}

/* What a person would like to see of the link and the agent; and the first question for an update. */
static void tell_changes(struct demo *d)
{
    bool connected = posix_mqtt_is_connected(d->mqtt);
    if (connected != d->was_connected) {
        show_line(&d->show, connected ? "connected to %s as %s" : "lost %s, as %s; trying again",
                  d->self.args.broker, d->self.thing);
        d->was_connected = connected;
    }
    if (connected && !d->was_ready && OTA_GetAgentState() == OTA_AgentState_Ready) {
        show_line(&d->show, "agent is ready");
        d->was_ready = OTA_CheckForUpdate() == OTA_Err_None;
    }
}

static void live(struct demo *d)
{
    while (self_tick(&d->self, TICK_MS)) {
        tell_changes(d);
        if (atomic_load(&d->test_wanted) && able_to_test(d)) {
            atomic_store(&d->test_wanted, false);
            self_test(d);
        }
    }
}

static bool connect_to_broker(struct demo *d)
{
    const struct posix_mqtt_cfg cfg = {
        .host = d->self.args.host,
        .port = d->self.args.port + RELEASE_PORT_OFF,
        .identity = &d->self.identity,
        .sink = { OTA_OnConnected, OTA_OnDisconnected, OTA_OnSubscribed, OTA_OnMessage },
    };
    d->mqtt = posix_mqtt_open(&cfg);
    if (d->mqtt == NULL) {
        show_line(&d->show, "cannot use this identity to connect");
    }
    return d->mqtt != NULL;
}

/* A directory for each type of data files that the command line names. */
static bool open_files(struct demo *d)
{
    for (uint8_t i = 0; i < d->self.args.file_count; i++) {
        const struct board_files *const to = &d->self.args.files[i];
        if (!posix_files_open(&d->dirs[i], to->type, to->dir)) {
            show_line(&d->show, "cannot use %s for data files", to->dir);
            return false;
        }
        d->handlers[i] = &d->dirs[i].base;
    }
    d->files = (struct ota_files){ &ota_files_engine, d->handlers, d->self.args.file_count };
    return true;
}

/* For downloads over HTTP, by the same authorities as the broker. */
static bool open_http(struct demo *d)
{
    const struct posix_http_cfg cfg = {
        .ca_pem = d->self.identity.ca_pem,
        .sink = { OTA_OnFetchedHead, OTA_OnFetchedBody, OTA_OnFetchedEnded },
    };
    d->http = posix_http_open(&cfg);
    return d->http != NULL;
}

/* @return false if it could not even begin. */
static bool run(struct demo *d)
{
    if (!connect_to_broker(d)) {
        return false;
    }
    bool started = open_http(d) && open_files(d) && start(d);
    if (started) {
        live(d);
        show_line(&d->show, "ending");
        /* What is left undone is in the journal. What it works with is let go of next, so it must have ended; the
         * watchdog ends one that hangs. */
        while (OTA_AgentShutdown(2000) == OTA_AgentState_ShuttingDown) {
        }
    }
    if (d->http != NULL) {
        posix_http_close(d->http);
    }
    posix_mqtt_close(d->mqtt);
    return started;
}

int main(int argc, char **argv)
{
    static struct demo demo; /* too large for a stack */
    while (RELEASE_HANGS) {
        pause();
    }
    demo.show = show_begin(RELEASE_VERSION);
    if (!self_open(&demo.self, argc, argv, &demo.show)) {
        return EXIT_FAILURE;
    }
    show_line(&demo.show, "%s", RELEASE_GREETING);
    self_tell(&demo.self, &demo.show);
    bool ran = run(&demo);
    self_close(&demo.self);
    return ran ? EXIT_SUCCESS : EXIT_FAILURE;
}
