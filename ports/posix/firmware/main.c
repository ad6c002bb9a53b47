/*
 * The demo's image: an application with the OTA agent in it, as a user would write it.
 * Started by waft-boot out of a slot; ends by a reset, by SIGTERM, or by a watchdog that
 * is not kicked.
 */
#include "board.h"
#include "flash.h"
#include "ota_facade.h"
#include "posix_board.h"
#include "posix_identity.h"
#include "posix_keyset.h"
#include "posix_mqtt.h"
#include "psa_port.h"
#include "release.h"
#include "show.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
    struct board_args args;
    struct board_flash flash;
    struct psa_port crypto;
    struct posix_identity identity; /* borrows from identity_room */
    uint8_t identity_room[POSIX_IDENTITY_MAX], ca_room[POSIX_KEYSET_PEM_MAX];
    char thing[OTA_THING_NAME_MAX + 1];
    char root[OTA_TOPIC_ROOT_MAX + 1];
    struct posix_mqtt *mqtt;
    struct show show;
    atomic_bool test_wanted;
    bool was_connected, was_ready; /* as last told */
    uint8_t memory[OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGE_COUNT)];
};

/* --- what is in flash for us ------------------------------------------------------ */

/* A keyset that is not for us, or not now, is no reason not to run: whoever brought it hears why. */
static void take_keyset(struct demo *d, struct ota_store *store)
{
    if (d->args.keyset == NULL) {
        return;
    }
    const ota_err_t err =
        posix_keyset_install(d->args.keyset, store, &d->crypto.base, d->args.slot);
    if (err == OTA_OK) {
        show_line(&d->show, "keyset installed: its keys count from now on");
    } else if (err == OTA_E_STATE) {
        show_line(&d->show,
                  "keyset not installed: this image is on trial; again after the next reset");
    } else {
        show_line(&d->show, "keyset not installed: %s", ota_err_text(err));
    }
}

/* Before the agent starts: from then on flash is the agent's alone. */
static ota_err_t read_identity(struct demo *d)
{
    struct ota_store store;
    struct ota_span record;
    ota_err_t err = ota_store_open(&store, &d->flash.base, &posix_board_layout);
    if (err == OTA_OK) {
        take_keyset(d, &store);
        err = ota_store_identity(&store, OTA_BUF_OF(d->identity_room), &record);
    }
    if (err == OTA_OK) {
        err = posix_identity_read(record, &d->identity);
    }
    if (err == OTA_OK) {
        snprintf(d->thing, sizeof d->thing, "%.*s", (int)d->identity.thing.len,
                 (const char *)d->identity.thing.ptr);
        snprintf(d->root, sizeof d->root, "%.*s", (int)d->identity.topic_root.len,
                 (const char *)d->identity.topic_root.ptr);
        err = posix_keyset_ca(&store, OTA_BUF_OF(d->ca_room), &d->identity.ca_pem);
    }
    return err == OTA_E_NOT_FOUND && d->identity.ca_pem.len > 0 ? OTA_OK : err;
}

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

static const char *how_it_started(enum ota_boot_rule rule)
{
    switch (rule) {
    case OTA_BOOT_TRIAL:
    case OTA_BOOT_TRIAL_AGAIN: return "trial";
    case OTA_BOOT_CONFIRMED: return "confirmed";
    case OTA_BOOT_UNMARKED: return "unmarked";
    case OTA_BOOT_LAST_RESORT: return "last resort";
    case OTA_BOOT_RECOVERY: break;
    }
    return "unknown";
}

static bool start(struct demo *d)
{
    const struct OTA_Config config = {
        .thing_name = d->thing,
        .topic_root = d->root[0] != '\0' ? d->root : NULL,
        .flash = &d->flash.base,
        .layout = &posix_board_layout,
        .crypto = &d->crypto.base,
        .running_slot = d->args.slot,
        .handover = { d->args.rule, d->args.cause, d->args.refused },
        .mqtt = { posix_mqtt_publish, posix_mqtt_subscribe, posix_mqtt_unsubscribe, d->mqtt },
        .reset = reset,
        .reset_context = d,
        .callback = on_job_event,
        .callback_context = d,
        .block_size = BLOCK_SIZE,
        .message_count = MESSAGE_COUNT,
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
                  d->args.broker, d->thing);
        d->was_connected = connected;
    }
    if (connected && !d->was_ready && OTA_GetAgentState() == OTA_AgentState_Ready) {
        show_line(&d->show, "agent is ready");
        d->was_ready = OTA_CheckForUpdate() == OTA_Err_None;
    }
}

/* Until SIGTERM. */
static void live(struct demo *d, const sigset_t *end)
{
    const struct timespec tick = { 0, TICK_MS * 1000000L };
    do {
        alarm(BOARD_WATCHDOG_S);
        tell_changes(d);
        if (atomic_load(&d->test_wanted) && able_to_test(d)) {
            atomic_store(&d->test_wanted, false);
            self_test(d);
        }
    } while (sigtimedwait(end, NULL, &tick) < 0);
}

static bool prepare(struct demo *d, int argc, char **argv)
{
    if (!board_args_read(argc, argv, &d->args) || !board_flash_open(&d->flash, &d->args)) {
        return false;
    }
    ota_err_t err = psa_port_init(&d->crypto, &psa_lock_pthread);
    if (err == OTA_OK) {
        err = read_identity(d);
    }
    if (err != OTA_OK) {
        show_line(&d->show, "cannot start: %s", ota_err_text(err));
    }
    return err == OTA_OK;
}

static bool connect_to_broker(struct demo *d)
{
    const struct posix_mqtt_cfg cfg = {
        .host = d->args.host,
        .port = d->args.port,
        .identity = &d->identity,
        .sink = { OTA_OnConnected, OTA_OnDisconnected, OTA_OnSubscribed, OTA_OnMessage },
    };
    d->mqtt = posix_mqtt_open(&cfg);
    if (d->mqtt == NULL) {
        show_line(&d->show, "cannot use this identity to connect");
    }
    return d->mqtt != NULL;
}

/* @return false if it could not even begin. */
static bool run(struct demo *d, const sigset_t *end)
{
    if (!connect_to_broker(d)) {
        return false;
    }
    bool started = start(d);
    if (started) {
        live(d, end);
        show_line(&d->show, "ending");
        (void)OTA_AgentShutdown(2000); /* what is left undone is in the journal */
    }
    posix_mqtt_close(d->mqtt);
    return started;
}

int main(int argc, char **argv)
{
    static struct demo demo; /* too large for a stack */
    sigset_t end;
    while (RELEASE_HANGS) {
        pause();
    }
    alarm(BOARD_WATCHDOG_S);
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigprocmask(SIG_BLOCK, &end, NULL); /* in all threads: live() waits for it */
    demo.show = show_begin(RELEASE_VERSION);
    if (!prepare(&demo, argc, argv)) {
        return EXIT_FAILURE;
    }
    show_line(&demo.show, "%s", RELEASE_GREETING);
    show_line(&demo.show, "running from slot %c, %s", demo.args.slot == OTA_SLOT_A ? 'A' : 'B',
              how_it_started(demo.args.rule));
    bool ran = run(&demo, &end);
    posix_flash_close(&demo.flash.part);
    return ran ? EXIT_SUCCESS : EXIT_FAILURE;
}
