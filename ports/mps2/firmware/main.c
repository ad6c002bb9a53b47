/*
 * The demo's image on the bare-metal board: an application with the OTA agent in it, as a super-loop.
 * The same order of calls as the POSIX demo's; one loop turns network, MQTT and agent, sends
 * telemetry over the same connection, and feeds the watchdog that the bootloader has started.
 */
#include "board.h"
#include "clock.h"
#include "cortex_m.h"
#include "handover.h"
#include "mbedtls_port.h"
#include "mpu.h"
#include "mqtt.h"
#include "net.h"
#include "nor.h"
#include "posix_identity.h"
#include "psa_port.h"
#include "release.h"
#include "semihosting.h"
#include "show.h"
#include "start.h"
#include "superloop.h"
#include "uart.h"
#include "watchdog.h"
#include <assert.h>
#include <string.h>

/* What was said right before a reset gets this long to be heard. */
#define LAST_WORDS_MS 300u
#define TELEMETRY_MS  1000u
#define STATISTICS_MS 10000u
#define METER_BYTES   (1024u * 1024u)
/* Of the agent, for each turn of the network: a message gives more than one effect. */
#define AGENT_TURNS 8u

/* One that comes while another is worked on: the loop takes one at a time, and TCP holds the rest back. */
#define MESSAGE_COUNT 2u
#define BLOCK_SIZE    4096u

/* The host's loopback, seen from the emulated board, and the name in its broker's certificate. */
#define BROKER_NAME "localhost"

/* Transferred, never looked at; volatile, so that it is there all the same. */
static const volatile uint8_t ballast[RELEASE_BALLAST_KB * 1024u + 1u] = { 1 };

struct demo {
    struct ota_flash flash;
    struct psa_port crypto;
    char thing[OTA_THING_NAME_MAX + 1];
    char broker[32]; /* "10.0.2.2:8883" */
    enum ota_slot slot;
    struct ota_handover handover;
    struct mqtt mqtt;
    struct show show;
    bool test_wanted;
    bool was_connected, was_ready; /* as last told */
    uint32_t failures;             /* the same */
    ota_ms_t telemetry_at, statistics_at;
    uint32_t metered; /* bytes of the application's own messages, up to METER_BYTES */
};

static struct demo demo; /* too large for a stack */

/* Lent to the agent; until it starts, the identity is in it. */
static uint8_t agent_memory[OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGE_COUNT)];
static_assert(sizeof agent_memory >= POSIX_IDENTITY_MAX, "it must take the identity");

/* Of the MQTT client: one byte more than the agent can take, which must see what is too large. */
static uint8_t message_room[OTA_MESSAGE_SIZE(BLOCK_SIZE) + 1u];

static struct link_tls tls_contexts;

ota_ms_t OTA_SuperloopNow(void)
{
    return clock_now();
}

static void say(const char *text)
{
    show_line(&demo.show, text, "", "");
}

/* --- what is in flash for us ------------------------------------------------------ */

static void copy_text(char *to, size_t cap, struct ota_span from)
{
    const size_t len = from.len < cap - 1u ? from.len : cap - 1u;
    memcpy(to, from.ptr, len);
    to[len] = '\0';
}

/* What is of no use once the agent has started. */
struct beginning {
    struct posix_identity identity; /* borrows from the agent's memory */
    char root[OTA_TOPIC_ROOT_MAX + 1];
};

/* Before the agent starts: from then on flash and its memory are the agent's alone. */
static ota_err_t read_identity(struct demo *d, struct beginning *b)
{
    struct ota_store store;
    struct ota_span record;
    ota_err_t err = ota_store_open(&store, &d->flash, &posix_board_layout);
    if (err == OTA_OK) {
        err = ota_store_identity(&store, OTA_BUF_OF(agent_memory), &record);
    }
    if (err == OTA_OK) {
        err = posix_identity_read(record, &b->identity);
    }
    if (err == OTA_OK) {
        const struct ota_span root = b->identity.topic_root;
        copy_text(d->thing, sizeof d->thing, b->identity.thing);
        copy_text(b->root, sizeof b->root, root.len > 0 ? root : OTA_SPAN_LIT("$aws"));
    }
    return err;
}

/* --- the agent's callback ----------------------------------------------------------- */

static void on_job_event(OTA_JobEvent_t event, const struct OTA_EventData *data, void *context)
{
    struct demo *d = context;
    show_event(&d->show, data);
    if (event == OTA_JobEvent_Activate) {
        const OTA_Err_t err = OTA_ActivateNewImage(); /* nothing here is worth waiting for */
        if (err != OTA_Err_None) {
            show_line(&d->show, "cannot activate: ", OTA_ErrName(err), "");
        }
    } else if (event == OTA_JobEvent_StartTest) {
        d->test_wanted = true;
    }
}

static void reset(void *context)
{
    struct demo *d = context;
    const ota_ms_t until = clock_now() + LAST_WORDS_MS;
    do {
        net_turn();
        (void)mqtt_turn(&d->mqtt, clock_now());
    } while (!mqtt_is_settled(&d->mqtt) && clock_now() < until);
    say("reset");
    handover_reset(OTA_RESET_SOFTWARE);
}

/* --- self-test ------------------------------------------------------------------------ */

/* The new image must be able to do its work, and to be updated again: both count. */
static void self_test(struct demo *d)
{
    const int celsius = RELEASE_CELSIUS;
    const bool good = celsius >= -40 && celsius <= 85;
    show_line(&d->show, "self-test: connected, agent is ", OTA_StateName(OTA_GetAgentState()),
              good ? ", thermometer: good" : ", thermometer: impossible");
    const OTA_Err_t err =
        OTA_SetImageState(good ? OTA_ImageState_Accepted : OTA_ImageState_Rejected);
    if (err != OTA_Err_None) {
        show_line(&d->show, "cannot end the self-test: ", OTA_ErrName(err), "");
    }
}

static bool able_to_test(const struct demo *d)
{
    const OTA_State_t state = OTA_GetAgentState();
    return mqtt_is_settled(&d->mqtt) &&
           (state == OTA_AgentState_Ready || state == OTA_AgentState_Active);
}

/* --- the application's own work --------------------------------------------------------- */

/* So that others can time it: a line when a MiB of messages begins, and one when it is here. */
static void count(struct demo *d, size_t bytes)
{
    if (d->metered == 0) {
        say("messages for the application");
    }
    d->metered += (uint32_t)bytes;
    if (d->metered >= METER_BYTES) {
        say("1 MiB for the application");
        d->metered = 0;
    }
}

/* "app/THING/" and `what`. */
static struct ota_span own_topic(const struct demo *d, struct ota_buf room, const char *what)
{
    struct ota_writer w = ota_writer(room);
    ota_write_str(&w, "app/");
    ota_write_str(&w, d->thing);
    ota_write_str(&w, what);
    return ota_writer_done(&w);
}

/* The connection is shared: what is not the application's own is the agent's. */
static void on_message(struct ota_span topic, struct ota_span payload)
{
    uint8_t room[OTA_THING_NAME_MAX + 16u];
    if (ota_span_eq(topic, own_topic(&demo, OTA_BUF_OF(room), "/in"))) {
        count(&demo, payload.len);
    } else {
        OTA_OnMessage(topic, payload);
    }
}

static void on_connected(void)
{
    uint8_t room[OTA_THING_NAME_MAX + 16u];
    /* Not taken: it is heard again after the next connect. */
    (void)mqtt_subscribe(&demo.mqtt, own_topic(&demo, OTA_BUF_OF(room), "/in"), OTA_QOS_0);
    OTA_OnConnected();
}

static void send_telemetry(struct demo *d, ota_ms_t now)
{
    uint8_t topic[OTA_THING_NAME_MAX + 16u], payload[64];
    struct ota_writer p = ota_writer(OTA_BUF_OF(payload));
    ota_write_str(&p, "{\"celsius\":");
    ota_write_decimal(&p, RELEASE_CELSIUS);
    ota_write_str(&p, ",\"uptime_ms\":");
    ota_write_decimal(&p, now);
    ota_write_str(&p, "}");
    /* Not taken: the next one comes soon enough. */
    (void)mqtt_publish(&d->mqtt, own_topic(d, OTA_BUF_OF(topic), "/telemetry"), ota_writer_done(&p),
                       OTA_QOS_0);
}

static void tell_statistics(const struct demo *d)
{
    const struct OTA_Statistics s = OTA_GetStatistics();
    uart_text(d->show.version);
    uart_text(": statistics: received ");
    uart_decimal(s.received);
    uart_text(", processed ");
    uart_decimal(s.processed);
    uart_text(", dropped ");
    uart_decimal(s.dropped);
    uart_text("; TLS used at most ");
    uart_decimal((uint32_t)mbedtls_port_peak());
    uart_text(" bytes\n");
}

/* What a person would like to see of the link and the agent; and the first question for an update. */
static void tell_changes(struct demo *d)
{
    const bool connected = mqtt_is_connected(&d->mqtt);
    if (connected && !d->was_connected) {
        show_line(&d->show, "connected to ", d->broker, "");
    } else if (!connected && d->mqtt.failures != d->failures) {
        show_line(&d->show,
                  d->was_connected ? "connection lost: " : "cannot connect: ", mqtt_why(&d->mqtt),
                  "; trying again");
    }
    d->was_connected = connected;
    d->failures = d->mqtt.failures;
    if (connected && !d->was_ready && OTA_GetAgentState() == OTA_AgentState_Ready) {
        say("agent is ready");
        d->was_ready = OTA_CheckForUpdate() == OTA_Err_None;
    }
}

static void own_work(struct demo *d, ota_ms_t now)
{
    tell_changes(d);
    if (d->test_wanted && able_to_test(d)) {
        d->test_wanted = false;
        self_test(d);
    }
    if (now >= d->telemetry_at) {
        d->telemetry_at = now + TELEMETRY_MS;
        send_telemetry(d, now);
    }
    if (now >= d->statistics_at) {
        d->statistics_at = now + STATISTICS_MS;
        tell_statistics(d);
    }
}

/* --- life ------------------------------------------------------------------------------ */

static void sleep_unless_there_is_work(void)
{
    const uint32_t before = cortex_m_mask(); /* what comes now ends the sleep at once */
    if (!net_has_work()) {
        cortex_m_wait(); /* at most to the next tick of the clock, 1 ms */
    }
    cortex_m_unmask(before);
}

_Noreturn static void live(struct demo *d)
{
    for (;;) {
        watchdog_kick();
        net_turn();
        bool more = mqtt_turn(&d->mqtt, clock_now());
        for (unsigned i = 0; i < AGENT_TURNS && OTA_AgentTurn() == 0; i++) {
            more = true;
        }
        own_work(d, clock_now());
        if (!more) {
            sleep_unless_there_is_work();
        }
    }
}

static bool start_agent(struct demo *d, const struct beginning *b)
{
    const struct OTA_Config config = {
        .thing_name = d->thing,
        .topic_root = b->root,
        .flash = &d->flash,
        .layout = &posix_board_layout,
        .crypto = &d->crypto.base,
        .running_slot = d->slot,
        .handover = d->handover,
        .mqtt = { mqtt_publish, mqtt_subscribe, mqtt_unsubscribe, &d->mqtt },
        .reset = reset,
        .reset_context = d,
        .callback = on_job_event,
        .callback_context = d,
        .block_size = BLOCK_SIZE,
        .message_count = MESSAGE_COUNT,
        .memory = OTA_BUF_OF(agent_memory),
    };
    if (OTA_AgentInit(&config, 0) == OTA_AgentState_NotReady &&
        OTA_GetLastError() != OTA_Err_None) {
        show_line(&d->show, "the agent does not start: ", OTA_ErrName(OTA_GetLastError()), "");
        return false;
    }
    return true;
}

/* "10.0.2.2:8883" from the host. */
static bool read_broker(struct demo *d, ip_addr_t *address, uint16_t *port)
{
    char host[sizeof d->broker];
    uint32_t number = 0;
    if (!semihosting_arguments(OTA_BUF_OF(d->broker))) {
        return false;
    }
    const char *colon = strchr(d->broker, ':');
    if (colon == NULL) {
        return false;
    }
    copy_text(host, sizeof host,
              (struct ota_span){ (const uint8_t *)d->broker, (size_t)(colon - d->broker) });
    for (const char *c = colon + 1; *c >= '0' && *c <= '9' && number <= UINT16_MAX; c++) {
        number = number * 10u + (uint32_t)(*c - '0');
    }
    *port = (uint16_t)number;
    return number > 0 && number <= UINT16_MAX && ipaddr_aton(host, address) == 1;
}

static bool connect_to_broker(struct demo *d, const struct posix_identity *identity)
{
    struct mqtt_cfg cfg = {
        .server_name = BROKER_NAME,
        .client_id = ota_span_of_str(d->thing),
        .sink = { on_connected, OTA_OnDisconnected, OTA_OnSubscribed, on_message },
        .room = OTA_BUF_OF(message_room),
        .tls = &tls_contexts,
        .random = mps2_random(),
    };
    if (!read_broker(d, &cfg.address, &cfg.port)) {
        say("the host names no broker");
        return false;
    }
    if (!net_start()) {
        say("no network controller");
        return false;
    }
    const int rc = mqtt_init(
        &d->mqtt, &cfg,
        &(struct link_identity){ identity->key_pem, identity->cert_pem, identity->ca_pem });
    memset(agent_memory, 0, POSIX_IDENTITY_MAX); /* what has to keep the key has it */
    if (rc != 0) {
        say("cannot use this identity to connect");
    }
    return rc == 0;
}

static bool prepare(struct demo *d, struct beginning *b)
{
    if (!handover_read(&d->handover, &d->slot)) {
        say("not started by the bootloader");
        return false;
    }
    nor_init(&d->flash);
    mbedtls_port_start();
    ota_err_t err = psa_port_init(&d->crypto, NULL);
    if (err == OTA_OK) {
        err = read_identity(d, b);
    }
    if (err != OTA_OK) {
        show_line(&d->show, "cannot start: ", ota_err_text(err), "");
    }
    return err == OTA_OK;
}

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

/* What a flawed release does instead of its work. */
static void go_wrong(enum release_flaw flaw)
{
    while (flaw == FLAW_HANGS) {
    }
    if (flaw == FLAW_WILD_STORE) {
        *(volatile uint32_t *)(BOARD_FLASH + posix_board_layout.slot[0].offset) = 0;
    }
}

int main(void)
{
    struct demo *d = &demo;
    struct beginning b;
    mpu_init();
    uart_init();
    clock_init();
    go_wrong(RELEASE_FLAW);
    (void)ballast[0];
    d->show.version = RELEASE_VERSION;
    if (!prepare(d, &b)) {
        return 1;
    }
    say(RELEASE_GREETING);
    show_line(&d->show, d->slot == OTA_SLOT_A ? "running from slot A, " : "running from slot B, ",
              how_it_started(d->handover.rule), "");
    if (!connect_to_broker(d, &b.identity) || !start_agent(d, &b)) {
        return 1;
    }
    live(d);
}
