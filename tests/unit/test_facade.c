/*
 * The OTA_ interface as an application sees it: real thread, real flash model, an MQTT client
 * that only writes down what it is asked for. Nothing here waits for time to pass.
 */
#include "agent_fixture.h"
#include "ota_facade.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define THING  "t-1"
#define JOBS   "$aws/things/" THING "/jobs/"
#define NOTIFY OTA_SPAN_LIT(JOBS "notify")

#define PATIENCE_MS 10000 /* for what comes at once: only a failing test waits so long */
#define BLOCK_SIZE  512u
#define MESSAGES    16u
#define TEXT_MAX    640
#define KEPT        32u /* of each kind the newest so many */

/* --- what was seen ----------------------------------------------------------------------- */

/* All under `mutex`, and `changed` at each change. */
static struct seen {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned subscribes, unsubscribes, publishes, resets, events, refused;
    char filter[KEPT][TEXT_MAX];
    char topic[KEPT][TEXT_MAX], payload[KEPT][TEXT_MAX];
    struct {
        OTA_JobEvent_t event;
        enum ota_event_kind info;
        const void *context;
        uint32_t ticket;
        char document[64];
    } event[KEPT];
    bool deaf;       /* the client takes nothing */
    bool gate_shut;  /* the agent's thread stands still at its next look at flash */
    bool at_gate;    /* it does */
    pthread_t tests; /* whose own reads pass the gate */
} seen = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void begin_look(void)
{
    if (pthread_mutex_lock(&seen.mutex) != 0) {
        abort();
    }
}

static void end_look(void)
{
    if (pthread_cond_broadcast(&seen.changed) != 0 || pthread_mutex_unlock(&seen.mutex) != 0) {
        abort();
    }
}

static struct timespec patience(void)
{
    struct timespec at;
    if (clock_gettime(CLOCK_REALTIME, &at) != 0) {
        abort();
    }
    at.tv_sec += PATIENCE_MS / 1000;
    return at;
}

/* Wait for a change; false at `end`, even if something changes all the time. The mutex is held. */
static bool next_change(struct timespec end)
{
    return pthread_cond_timedwait(&seen.changed, &seen.mutex, &end) == 0;
}

/* Until `condition`, which may look at `seen`. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        const struct timespec end = patience();                                                    \
        bool in_time = true;                                                                       \
        begin_look();                                                                              \
        while (!(condition) && in_time) {                                                          \
            in_time = next_change(end);                                                            \
        }                                                                                          \
        const bool came = (condition);                                                             \
        end_look();                                                                                \
        if (!came) {                                                                               \
            fail_msg("never: %s", #condition);                                                     \
        }                                                                                          \
    } while (0)

#define LOOK(condition)                                                                            \
    do {                                                                                           \
        begin_look();                                                                              \
        const bool is_so = (condition);                                                            \
        end_look();                                                                                \
        if (!is_so) {                                                                              \
            fail_msg("not so: %s", #condition);                                                    \
        }                                                                                          \
    } while (0)

/* Nothing signals that the agent's thread has shown its state. */
#define AWAIT_STATE(state)                                                                         \
    do {                                                                                           \
        const ota_ms_t end = OTA_Os.now() + PATIENCE_MS;                                           \
        while (OTA_GetAgentState() != (state)) {                                                   \
            assert_true(OTA_Os.now() < end);                                                       \
            (void)sched_yield();                                                                   \
        }                                                                                          \
    } while (0)

static void keep(char *to, struct ota_span text)
{
    const size_t len = text.len < TEXT_MAX - 1 ? text.len : TEXT_MAX - 1;
    memcpy(to, text.ptr, len);
    to[len] = '\0';
}

static bool mqtt_publish(void *context, struct ota_span topic, struct ota_span payload,
                         enum ota_qos qos)
{
    (void)context;
    (void)qos;
    begin_look();
    keep(seen.topic[seen.publishes % KEPT], topic);
    keep(seen.payload[seen.publishes % KEPT], payload);
    seen.publishes++;
    const bool taken = !seen.deaf;
    end_look();
    return taken;
}

static bool mqtt_subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    (void)context;
    (void)qos;
    begin_look();
    keep(seen.filter[seen.subscribes % KEPT], filter);
    seen.subscribes++;
    end_look();
    return true;
}

static bool mqtt_unsubscribe(void *context, struct ota_span filter)
{
    (void)context;
    (void)filter;
    begin_look();
    seen.unsubscribes++;
    end_look();
    return true;
}

static void on_reset(void *context)
{
    (void)context;
    begin_look();
    seen.resets++; /* a real one does not return; the agent asks for nothing more */
    end_look();
}

static void on_event(OTA_JobEvent_t event, const struct OTA_EventData *data, void *context)
{
    begin_look();
    const unsigned at = seen.events % KEPT;
    seen.event[at].event = event;
    seen.event[at].info = data->info;
    seen.event[at].context = context;
    seen.event[at].ticket = data->ticket;
    (void)snprintf(seen.event[at].document, sizeof seen.event[at].document, "%.*s",
                   (int)data->document.len, (const char *)data->document.ptr);
    seen.events++;
    seen.refused += data->info == OTA_EVENT_MESSAGE_REFUSED;
    end_look();
}

/* The mutex is held. */
static bool saw(OTA_JobEvent_t event)
{
    for (unsigned i = 0; i < seen.events && i < KEPT; i++) {
        if (seen.event[i].event == event) {
            return true;
        }
    }
    return false;
}

static bool saw_info(enum ota_event_kind info)
{
    for (unsigned i = 0; i < seen.events && i < KEPT; i++) {
        if (seen.event[i].info == info) {
            return true;
        }
    }
    return false;
}

static const char *newest_payload(void)
{
    return seen.publishes > 0 ? seen.payload[(seen.publishes - 1) % KEPT] : "";
}

/* --- the device ---------------------------------------------------------------------------- */

static struct device {
    struct fix flash;
    struct ota_flash gated; /* the same flash, behind the gate */
    uint8_t *memory;
    struct OTA_Config config;
} device;

static ota_err_t gated_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    (void)f;
    begin_look();
    while (seen.gate_shut && pthread_equal(pthread_self(), seen.tests) == 0) {
        if (!seen.at_gate) {
            seen.at_gate = true;
            (void)pthread_cond_broadcast(&seen.changed);
        }
        (void)next_change(patience());
    }
    end_look();
    return device.flash.m.base.ops->read(&device.flash.m.base, offset, into);
}

static ota_err_t gated_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    (void)f;
    return device.flash.m.base.ops->write(&device.flash.m.base, offset, from);
}

static ota_err_t gated_erase(struct ota_flash *f, uint32_t offset)
{
    (void)f;
    return device.flash.m.base.ops->erase(&device.flash.m.base, offset);
}

static int set_up(void **state)
{
    static const struct ota_flash_ops ops = { gated_read, gated_write, gated_erase };
    const size_t size = OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGES);
    (void)state;
    begin_look();
    memset((char *)&seen + offsetof(struct seen, subscribes), 0,
           sizeof seen - offsetof(struct seen, subscribes));
    seen.tests = pthread_self();
    end_look();
    device_init(&device.flash);
    device.gated = device.flash.m.base;
    device.gated.ops = &ops;
    device.memory = malloc(size);
    assert_non_null(device.memory);
    device.config = (struct OTA_Config){
        .thing_name = THING,
        .flash = &device.gated,
        .layout = &device.flash.layout,
        .crypto = crypto(),
        .running_slot = OTA_SLOT_A,
        .handover = { .rule = OTA_BOOT_CONFIRMED, .cause = OTA_RESET_POWER_ON },
        .mqtt = { mqtt_publish, mqtt_subscribe, mqtt_unsubscribe, NULL },
        .reset = on_reset,
        .callback = on_event,
        .block_size = BLOCK_SIZE,
        .window = 4,
        .memory = { device.memory, size },
    };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    OTA_OnDisconnected();
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    free(device.memory);
    fix_free(&device.flash);
    return 0;
}

static void start(void)
{
    assert_int_equal(OTA_AgentInit(&device.config, PATIENCE_MS), OTA_AgentState_Ready);
}

static void start_on_trial(void)
{
    device_on_trial(&device.flash);
    device.config.running_slot = OTA_SLOT_B;
    device.config.handover.rule = OTA_BOOT_TRIAL;
    start();
}

static void ack(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char filter[TEXT_MAX];
        begin_look(); /* the same may be asked for again just now */
        memcpy(filter, seen.filter[i], sizeof filter);
        end_look();
        OTA_OnSubscribed(ota_span_of_str(filter));
    }
}

/* Link and all SUBACKs. */
static void connect_agent(void)
{
    OTA_OnConnected();
    AWAIT(seen.subscribes >= OTA_SUBSCRIPTIONS); /* more: one was asked for again meanwhile */
    ack(0, OTA_SUBSCRIPTIONS);
}

/* All that was posted before has been worked off when this returns. */
static void catch_up(void)
{
    begin_look();
    const unsigned before = seen.refused;
    end_look();
    OTA_OnMessage(NOTIFY, OTA_SPAN_LIT("x"));
    AWAIT(seen.refused > before);
}

/* Answer the newest question: job `id`, or nothing. */
static void answer(const char *id, const char *document)
{
    char text[1024];
    const struct ota_span request = ota_span_of_str(newest_payload());
    const size_t len = answer_next(text, sizeof text, request, id, document);
    OTA_OnMessage(OTA_SPAN_LIT(JOBS "$next/get/accepted"),
                  (struct ota_span){ (const uint8_t *)text, len });
}

/* Accept the newest update of job-1. */
static void accept_update(void)
{
    char token[OTA_TOKEN_MAX + 1], text[128];
    token_of(ota_span_of_str(newest_payload()), token);
    (void)snprintf(text, sizeof text, "{\"timestamp\":1,\"clientToken\":\"%s\"}", token);
    OTA_OnMessage(OTA_SPAN_LIT(JOBS "job-1/update/accepted"), ota_span_of_str(text));
}

static bool zero(struct OTA_Statistics s)
{
    return s.received == 0 && s.queued == 0 && s.processed == 0 && s.dropped == 0;
}

static enum ota_slot_class class_of(enum ota_slot slot)
{
    fix_restart(&device.flash);
    return fix_class(&device.flash, slot);
}

/* --- while it does not run ------------------------------------------------------------------- */

static const struct {
    const char *why;
    OTA_ImageState_t state;
    OTA_Err_t stopped, idle;
} image_states[] = {
    { "testing is harmless", OTA_ImageState_Testing, OTA_Err_NotReady, OTA_Err_None },
    { "accepted", OTA_ImageState_Accepted, OTA_Err_NotReady, OTA_Err_NoActiveJob },
    { "rejected", OTA_ImageState_Rejected, OTA_Err_NotReady, OTA_Err_NoActiveJob },
    { "aborted", OTA_ImageState_Aborted, OTA_Err_NotReady, OTA_Err_NoActiveJob },
    { "unknown", OTA_ImageState_Unknown, OTA_Err_BadImageState, OTA_Err_BadImageState },
    { "one past the last", (OTA_ImageState_t)5, OTA_Err_BadImageState, OTA_Err_BadImageState },
    { "far out", (OTA_ImageState_t)0xff, OTA_Err_BadImageState, OTA_Err_BadImageState },
};

static void check_stopped(void)
{
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_NotReady);
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Unknown);
    assert_int_equal(OTA_ActivateNewImage(), OTA_Err_NotReady);
    assert_int_equal(OTA_CheckForUpdate(), OTA_Err_NotReady);
    for (size_t i = 0; i < COUNT(image_states); i++) {
        CHECK_ROW(image_states[i].why,
                  OTA_SetImageState(image_states[i].state) == image_states[i].stopped);
    }
    const struct OTA_Statistics before = OTA_GetStatistics();
    OTA_OnMessage(NOTIFY, OTA_SPAN_LIT("x"));
    OTA_OnSubscribed(NOTIFY);
    const struct OTA_Statistics after = OTA_GetStatistics();
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(OTA_AgentShutdown(0), OTA_AgentState_NotReady);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    LOOK(seen.events == 0 && seen.publishes == 0 && seen.subscribes == 0);
}

static void before_init_every_call_has_its_answer(void **state)
{
    (void)state;
    check_stopped();
    assert_true(zero(OTA_GetStatistics()));
    assert_int_equal(OTA_GetLastError(), OTA_Err_None);
}

static void after_shutdown_every_call_has_its_answer(void **state)
{
    (void)state;
    start();
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    LOOK(seen.unsubscribes == OTA_SUBSCRIPTIONS);
    check_stopped();
}

static void states_and_errors_have_names(void **state)
{
    static const struct {
        int value;
        const char *name;
    } states[] = {
        { -2, "?" },     { -1, "Unknown" },     { 0, "NotReady" },  { 1, "Ready" },
        { 2, "Active" }, { 3, "ShuttingDown" }, { 4, "Suspended" }, { 5, "?" },
    };
    static const char *const errors[] = { "None",   "NotReady", "BadImageState", "NoActiveJob",
                                          "Config", "Flash",    "Reason",        "?" };
    (void)state;
    for (size_t i = 0; i < COUNT(states); i++) {
        assert_string_equal(OTA_StateName((OTA_State_t)states[i].value), states[i].name);
    }
    for (size_t i = 0; i < COUNT(errors); i++) {
        assert_string_equal(OTA_ErrName((OTA_Err_t)i), errors[i]);
    }
}

/* --- init -------------------------------------------------------------------------------------- */

#define A32  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A128 A32 A32 A32 A32

static struct ota_flash odd_flash;
static struct ota_layout odd_layout;
static struct ota_source odd_source;

static bool http_get(void *context, struct ota_span url, uint32_t first, uint32_t last,
                     uint32_t transfer)
{
    (void)context, (void)url, (void)first, (void)last, (void)transfer;
    return false;
}

static void http_give_up(void *context, uint32_t transfer)
{
    (void)context, (void)transfer;
}

static const struct OTA_Http odd_http = { &odd_source, http_get, http_give_up, NULL };

/* X(why, what is done to a good config `c`, what becomes of it) */
/* clang-format off */
#define CONFIGS(X)                                                                                \
    X("as it is",                   (void)c,                                    None)              \
    X("defaults",                   c->window = 0,                              None)              \
    X("no thing",                   c->thing_name = NULL,                       Config)            \
    X("a thing without a name",     c->thing_name = "",                         Config)            \
    X("a slash in the thing",       c->thing_name = "a/b",                      Config)            \
    X("the longest thing",          c->thing_name = A128,                       None)              \
    X("a thing one too long",       c->thing_name = A128 "a",                   Config)            \
    X("a root of its own",          c->topic_root = "fleet/eu",                 None)              \
    X("an empty root",              c->topic_root = "",                         Config)            \
    X("a root that matches all",    c->topic_root = "#",                        Config)            \
    X("the longest root",           c->topic_root = A32,                        None)              \
    X("a root one too long",        c->topic_root = A32 "a",                    Config)            \
    X("no flash",                   c->flash = NULL,                            Config)            \
    X("flash without write units",  (odd_flash.write_size = 0, c->flash = &odd_flash),    Config)  \
    X("write units of 3",           (odd_flash.write_size = 3, c->flash = &odd_flash),    Config)  \
    X("write units of 64",          (odd_flash.write_size = 64, c->flash = &odd_flash),   Flash)   \
    X("no layout",                  c->layout = NULL,                           Config)            \
    X("a layout that overlaps",     (odd_layout.slot[1] = odd_layout.slot[0], c->layout = &odd_layout), Flash) \
    X("no trust record there",      (odd_layout.trust = odd_layout.identity,                       \
                                     odd_layout.identity = device.flash.layout.trust,              \
                                     c->layout = &odd_layout),                  Flash)             \
    X("no crypto",                  c->crypto = NULL,                           Config)            \
    X("no way to reset",            c->reset = NULL,                            Config)            \
    X("no publish",                 c->mqtt.publish = NULL,                     Config)            \
    X("no subscribe",               c->mqtt.subscribe = NULL,                   Config)            \
    X("no unsubscribe",             c->mqtt.unsubscribe = NULL,                 Config)            \
    X("no callback: the default",   c->callback = NULL,                         None)              \
    X("no memory",                  c->memory.ptr = NULL,                       Config)            \
    X("room for one message",       c->memory.cap = OTA_MEMORY_SIZE(BLOCK_SIZE, 1),     None)      \
    X("a byte less",                c->memory.cap = OTA_MEMORY_SIZE(BLOCK_SIZE, 1) - 1, Config)    \
    X("the smallest block",         c->block_size = OTA_STREAM_BLOCK_MIN,       None)              \
    X("half of it",                 c->block_size = OTA_STREAM_BLOCK_MIN / 2,   Config)            \
    X("no power of two",            c->block_size = 768,                        Config)            \
    X("larger than the largest",    c->block_size = OTA_STREAM_BLOCK_MAX * 2,   Config)            \
    X("the largest window",         c->window = OTA_STREAM_WINDOW_MAX,          None)              \
    X("one block more",             c->window = OTA_STREAM_WINDOW_MAX + 1,      Config)            \
    X("a third slot",               c->running_slot = (enum ota_slot)2,         Config)            \
    X("the empty slot runs",        c->running_slot = OTA_SLOT_B,               Flash)             \
    X("back-off that stands still", (c->retry_ms_min = 500, c->retry_ms_max = 500), None)          \
    X("back-off backwards",         (c->retry_ms_min = 501, c->retry_ms_max = 500), Config)        \
    X("back-off above the default", c->retry_ms_min = 300001,                   Config)            \
    X("streams in JSON",            c->stream_format = OTA_FORMAT_JSON,         None)              \
    X("in another format",          c->stream_format = (enum ota_format)2,      Config)            \
    X("MQTT preferred, and alone",  c->prefer = OTA_Prefer_Mqtt,                None)              \
    X("a third protocol preferred", c->prefer = (OTA_Prefer_t)2,                Config)            \
    X("HTTP without a client",      c->http.source = &odd_source,               Config)            \
    X("room for HTTP, a byte less", (c->http = odd_http, c->memory.cap =                           \
                                     OTA_MESSAGE_SIZE(BLOCK_SIZE) + BLOCK_SIZE + OTA_REQUEST_SIZE - 1), Config) \
    X("one message at a time",      c->message_count = 1,                       None)              \
    X("more messages than fit",     c->message_count = 1000,                    None)
/* clang-format on */

static const struct {
    const char *why;
    OTA_Err_t want;
} configs[] = {
#define X(why, spoil, want) { why, OTA_Err_##want },
    CONFIGS(X)
#undef X
};

static void spoil_config(size_t row, struct OTA_Config *c)
{
    size_t at = 0;
    odd_flash = device.gated;
    odd_layout = device.flash.layout;
#define X(why, spoil, want)                                                                        \
    if (at++ == row) {                                                                             \
        spoil;                                                                                     \
    }
    CONFIGS(X)
#undef X
}

static void init_refuses_what_it_cannot_work_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(configs); i++) {
        struct OTA_Config c = device.config;
        spoil_config(i, &c);
        const bool good = configs[i].want == OTA_Err_None;
        const OTA_State_t want = good ? OTA_AgentState_Ready : OTA_AgentState_NotReady;
        CHECK_ROW(configs[i].why, OTA_AgentInit(&c, PATIENCE_MS) == want);
        CHECK_ROW(configs[i].why, OTA_GetLastError() == configs[i].want);
        CHECK_ROW(configs[i].why, OTA_GetAgentState() == want);
        CHECK_ROW(configs[i].why, OTA_AgentShutdown(PATIENCE_MS) == OTA_AgentState_NotReady);
    }
    assert_int_equal(OTA_AgentInit(NULL, 0), OTA_AgentState_NotReady);
    assert_int_equal(OTA_GetLastError(), OTA_Err_Config);
    start();
    assert_int_equal(OTA_GetLastError(), OTA_Err_None);
}

static void an_agent_that_cannot_read_its_marks_says_so(void **state)
{
    (void)state;
    const struct ota_region *const slot = &device.flash.layout.slot[OTA_SLOT_A];
    device.flash.m.broken_read =
        (struct ota_region){ slot->offset + slot->size - FIX_SECTOR, FIX_SECTOR };
    assert_int_equal(OTA_AgentInit(&device.config, 0), OTA_AgentState_NotReady);
    AWAIT(saw_info(OTA_EVENT_FLASH_FAULT));
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_NotReady);
    assert_int_equal(OTA_GetLastError(), OTA_Err_Flash);
    assert_int_equal(OTA_GetImageState(),
                     OTA_ImageState_Unknown); /* whether it is confirmed is in the marks */
    assert_int_equal(OTA_CheckForUpdate(), OTA_Err_NotReady);
}

static void set_gate(bool shut)
{
    begin_look();
    seen.gate_shut = shut;
    end_look();
}

static void init_returns_the_state_it_saw_in_its_time(void **state)
{
    (void)state;
    set_gate(true);
    assert_int_equal(OTA_AgentInit(&device.config, 0), OTA_AgentState_NotReady);
    assert_int_equal(OTA_GetLastError(), OTA_Err_None);
    assert_int_equal(OTA_AgentInit(&device.config, 5), OTA_AgentState_NotReady);
    assert_int_equal(OTA_CheckForUpdate(), OTA_Err_NotReady);
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Accepted), OTA_Err_NotReady);
    set_gate(false);
    assert_int_equal(OTA_AgentInit(&device.config, PATIENCE_MS), OTA_AgentState_Ready);
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);
}

static void init_again_swaps_the_callback_and_clears_the_statistics(void **state)
{
    static const char second[] = "the second";
    (void)state;
    start();
    catch_up();
    assert_false(zero(OTA_GetStatistics()));

    struct OTA_Config other = device.config;
    other.callback_context = (void *)(uintptr_t)second;
    other.thing_name = "somebody-else";
    assert_int_equal(OTA_AgentInit(&other, 0), OTA_AgentState_Ready);
    assert_true(zero(OTA_GetStatistics()));
    assert_int_equal(OTA_AgentInit(NULL, 0), OTA_AgentState_Ready);

    catch_up(); /* the thing is the same: its topics are still ours */
    LOOK(seen.events == 2 && seen.event[0].context == NULL && seen.event[1].context == second);
    assert_int_equal(OTA_GetStatistics().received, 1);
    assert_int_equal(OTA_GetStatistics().processed, 1);
    assert_int_equal(OTA_AgentInit(&device.config, 0), OTA_AgentState_Ready);
    catch_up();
    LOOK(seen.events == 3 && seen.event[2].context == NULL);
}

static unsigned threads_alive(void)
{
    unsigned count = 0;
    DIR *const tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    while (readdir(tasks) != NULL) {
        count++;
    }
    assert_int_equal(closedir(tasks), 0);
    return count;
}

/* A device that restarts its agent each hour does so in a year. Fewer where each costs more. */
#ifndef CYCLES
#define CYCLES 10000u
#endif

static void it_can_be_started_and_ended_again_and_again(void **state)
{
    (void)state;
    start(); /* a sanitizer's own thread, if any, is there by now */
    const unsigned running = threads_alive();
    for (unsigned i = 0; i < CYCLES; i++) {
        assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
        start();
    }
    assert_int_equal(threads_alive(), running);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    LOOK(seen.unsubscribes == (CYCLES + 1) * OTA_SUBSCRIPTIONS);
}

static void a_shutdown_that_nobody_waits_for_ends_all_the_same(void **state)
{
    (void)state;
    set_gate(true);
    assert_int_equal(OTA_AgentInit(&device.config, 0), OTA_AgentState_NotReady);
    AWAIT(seen.at_gate); /* or it might hear of its end before it began, and be gone at once */
    assert_int_equal(OTA_AgentShutdown(0), OTA_AgentState_ShuttingDown);
    assert_int_equal(OTA_AgentInit(&device.config, 0), OTA_AgentState_ShuttingDown);
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_ShuttingDown);
    set_gate(false);
    AWAIT(seen.unsubscribes == OTA_SUBSCRIPTIONS);
    while (OTA_GetAgentState() == OTA_AgentState_ShuttingDown) {
        (void)sched_yield(); /* its very last steps */
    }
    start();
}

static void a_connection_from_before_init_counts(void **state)
{
    (void)state;
    OTA_OnConnected();
    start();
    AWAIT(seen.subscribes == OTA_SUBSCRIPTIONS);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    OTA_OnDisconnected();
    start();
    catch_up();
    LOOK(seen.subscribes == OTA_SUBSCRIPTIONS);
}

/* --- asking --------------------------------------------------------------------------------------- */

static void nothing_is_asked_before_the_subacks_of_its_answers(void **state)
{
    (void)state;
    start();
    assert_int_equal(OTA_CheckForUpdate(), OTA_Err_None);
    catch_up();
    OTA_OnConnected();
    AWAIT(seen.subscribes == OTA_SUBSCRIPTIONS);
    for (unsigned acked = 0; acked < 6; acked++) { /* six topics of Jobs come first */
        assert_int_equal(OTA_CheckForUpdate(), OTA_Err_None);
        catch_up();
        LOOK(seen.publishes == 0);
        ack(acked, acked + 1);
    }
    AWAIT(seen.publishes == 1);
    LOOK(strcmp(seen.topic[0], JOBS "$next/get") == 0);
}

static void an_empty_answer_is_no_job_and_a_check_asks_again(void **state)
{
    (void)state;
    start();
    connect_agent();
    AWAIT(seen.publishes == 1);
    answer(NULL, NULL);
    AWAIT(saw(OTA_JobEvent_NoJob));
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);

    assert_int_equal(OTA_CheckForUpdate(), OTA_Err_None);
    AWAIT(seen.publishes == 2);
    LOOK(strcmp(seen.topic[1], JOBS "$next/get") == 0);
    LOOK(strcmp(seen.payload[0], seen.payload[1]) != 0); /* a token of its own */
}

static void a_request_that_the_client_does_not_take_is_made_again(void **state)
{
    (void)state;
    device.config.retry_ms_min = 1;
    begin_look();
    seen.deaf = true;
    end_look();
    start();
    connect_agent();
    AWAIT(seen.publishes >= 5);
}

/* --- image states ------------------------------------------------------------------------------------ */

static void with_nothing_to_decide_nothing_is_decided(void **state)
{
    (void)state;
    start();
    const uint32_t ops = device.flash.m.ops;
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Accepted); /* as the factory said */
    for (size_t i = 0; i < COUNT(image_states); i++) {
        CHECK_ROW(image_states[i].why,
                  OTA_SetImageState(image_states[i].state) == image_states[i].idle);
        CHECK_ROW(image_states[i].why, OTA_GetImageState() == OTA_ImageState_Accepted);
    }
    assert_int_equal(OTA_ActivateNewImage(), OTA_Err_NoActiveJob);
    catch_up();
    LOOK(seen.events == 1 && seen.publishes == 0 && seen.resets == 0);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    assert_int_equal(device.flash.m.ops, ops);
}

static void an_accepted_trial_stays_accepted(void **state)
{
    (void)state;
    start_on_trial();
    AWAIT(saw(OTA_JobEvent_StartTest));
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Testing);
    assert_int_equal(OTA_SetImageState((OTA_ImageState_t)7), OTA_Err_BadImageState);
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Testing), OTA_Err_None);
    catch_up();
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Testing);

    assert_int_equal(OTA_SetImageState(OTA_ImageState_Accepted), OTA_Err_None);
    AWAIT(saw_info(OTA_EVENT_CONFIRMED));
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Accepted);
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Rejected), OTA_Err_NoActiveJob);

    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    assert_int_equal(class_of(OTA_SLOT_B), OTA_SLOT_CONFIRMED);
    start();
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Accepted);
}

static void a_rejected_trial_resets_unconfirmed(void **state)
{
    (void)state;
    start_on_trial();
    AWAIT(saw(OTA_JobEvent_StartTest));
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Rejected), OTA_Err_None);
    AWAIT(seen.resets == 1);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    assert_int_equal(class_of(OTA_SLOT_B), OTA_SLOT_TRIED);
    assert_int_equal(class_of(OTA_SLOT_A), OTA_SLOT_CONFIRMED);
}

static void a_trial_that_nobody_judges_is_given_up(void **state)
{
    (void)state;
    device.config.self_test_ms = 1;
    start_on_trial();
    AWAIT(seen.resets == 1);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    assert_int_equal(class_of(OTA_SLOT_B), OTA_SLOT_TRIED);
}

static void without_a_callback_every_test_is_accepted(void **state)
{
    (void)state;
    device.config.callback = NULL;
    OTA_OnConnected();
    start_on_trial();
    AWAIT(seen.subscribes >= OTA_SUBSCRIPTIONS); /* more: one was asked for again meanwhile */
    ack(0, OTA_SUBSCRIPTIONS);
    AWAIT(seen.publishes == 1); /* during a trial nothing is asked */
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Accepted);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    assert_int_equal(class_of(OTA_SLOT_B), OTA_SLOT_CONFIRMED);
}

/* --- a job ----------------------------------------------------------------------------------------------- */

/* Up to the request for IN_PROGRESS of job-1. */
static void take_a_job(void)
{
    start();
    connect_agent();
    AWAIT(seen.publishes == 1);
    answer("job-1", DOCUMENT("1000"));
    AWAIT(seen.publishes == 2);
    LOOK(strcmp(seen.topic[1], JOBS "job-1/update") == 0);
    LOOK(strstr(seen.payload[1], "\"IN_PROGRESS\"") != NULL);
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Active);
}

static void an_aborted_job_is_reported_and_over(void **state)
{
    (void)state;
    take_a_job();
    assert_int_equal(OTA_ActivateNewImage(), OTA_Err_NoActiveJob);
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Accepted), OTA_Err_NoActiveJob);
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Rejected), OTA_Err_NoActiveJob);
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Aborted), OTA_Err_None);
    AWAIT(saw(OTA_JobEvent_Fail) && seen.publishes == 3);
    LOOK(strstr(seen.payload[2], "\"FAILED\"") != NULL);
    LOOK(strstr(seen.payload[2], "aborted by the application") != NULL);
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Aborted);

    accept_update();
    AWAIT(saw_info(OTA_EVENT_REPORTED) && seen.publishes == 4);
    answer(NULL, NULL);
    AWAIT(saw(OTA_JobEvent_NoJob));
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Accepted);
}

static void what_is_still_to_report_survives_a_shutdown(void **state)
{
    (void)state;
    take_a_job();
    assert_int_equal(OTA_SetImageState(OTA_ImageState_Aborted), OTA_Err_None);
    AWAIT(saw(OTA_JobEvent_Fail));
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);

    assert_int_equal(OTA_AgentInit(&device.config, PATIENCE_MS), OTA_AgentState_Active);
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Aborted);
    AWAIT(seen.subscribes == 2 * OTA_SUBSCRIPTIONS);
    begin_look();
    const unsigned before = seen.publishes;
    end_look();
    ack(OTA_SUBSCRIPTIONS, 2 * OTA_SUBSCRIPTIONS);
    AWAIT(seen.publishes > before && strstr(newest_payload(), "\"FAILED\"") != NULL);
}

static void a_document_of_ones_own_is_shown_and_refused(void **state)
{
    (void)state;
    start();
    connect_agent();
    AWAIT(seen.publishes == 1);
    answer("job-1", "{\"mine\":{\"color\":\"blue\"}}");
    AWAIT(saw(OTA_JobEvent_CustomJob) && seen.publishes == 2);
    begin_look();
    bool shown = false;
    for (unsigned i = 0; i < seen.events && i < KEPT; i++) {
        shown = shown || strcmp(seen.event[i].document, "{\"mine\":{\"color\":\"blue\"}}") == 0;
    }
    end_look();
    assert_true(shown);
    LOOK(strstr(seen.payload[1], "\"REJECTED\"") != NULL);
    assert_int_equal(OTA_GetImageState(), OTA_ImageState_Rejected);
}

/* --- statistics ----------------------------------------------------------------------------------------------- */

static void statistics_count_what_came_and_what_became_of_it(void **state)
{
    static uint8_t large[OTA_MESSAGE_SIZE(BLOCK_SIZE)];
    (void)state;
    start();
    set_gate(true); /* only flash is behind it: messages are worked off all the same */
    for (unsigned i = 0; i < 5; i++) {
        OTA_OnMessage(NOTIFY, OTA_SPAN_LIT("x"));
    }
    OTA_OnMessage(NOTIFY, OTA_SPAN_OF(large));
    AWAIT(seen.events == 5);
    set_gate(false);
    catch_up();
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    const struct OTA_Statistics s = OTA_GetStatistics();
    assert_int_equal(s.received, 7);
    assert_int_equal(s.queued, 6);
    assert_int_equal(s.processed, 6);
    assert_int_equal(s.dropped, 1);
    start();
    assert_true(zero(OTA_GetStatistics()));
}

/* --- decisions ------------------------------------------------------------------------------------------------- */

#define BLUE "{\"mine\":{\"color\":\"blue\"}}"

static bool told(const char *status, const char *reason)
{
    return strstr(newest_payload(), status) != NULL && strstr(newest_payload(), reason) != NULL;
}

/* The ticket of the newest event. */
static uint32_t ticket(void)
{
    begin_look();
    const uint32_t newest = seen.event[(seen.events - 1) % KEPT].ticket;
    end_look();
    return newest;
}

static void offer(enum ota_policy policy, const struct ota_custom_ops *custom, const char *document)
{
    device.config.policy = policy;
    device.config.custom_jobs = custom;
    start();
    connect_agent();
    AWAIT(seen.publishes == 1);
    answer("job-1", document);
}

static void an_offer_waits_for_a_decision(void **state)
{
    (void)state;
    assert_int_equal(OTA_Decide(OTA_Decision_Accept, 0, 0, NULL), OTA_Err_NotReady);
    offer(OTA_POLICY_ASK, NULL, DOCUMENT("1000"));
    AWAIT(saw(OTA_JobEvent_Offer));
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);
    assert_int_equal(OTA_Decide(OTA_Decision_Succeeded, 0, 0, NULL), OTA_Err_NoActiveJob);
    assert_int_equal(OTA_Decide(OTA_Decision_Refuse, ticket(), 0, "a \"quote\""), OTA_Err_Reason);
    assert_int_equal(OTA_Decide(OTA_Decision_Later, ticket(), 0, NULL), OTA_Err_None);
    catch_up();
    LOOK(seen.publishes == 1);
    assert_int_equal(OTA_Decide(OTA_Decision_Accept, ticket(), 0, NULL), OTA_Err_None);
    AWAIT(seen.publishes == 2);
    LOOK(told("\"IN_PROGRESS\"", ""));
    catch_up();
    assert_int_equal(OTA_Decide(OTA_Decision_Accept, 0, 0, NULL), OTA_Err_NoActiveJob);
}

static void an_offer_that_is_put_off_comes_again(void **state)
{
    (void)state;
    offer(OTA_POLICY_ASK, NULL, DOCUMENT("1000"));
    AWAIT(saw(OTA_JobEvent_Offer));
    begin_look();
    const unsigned events = seen.events;
    end_look();
    assert_int_equal(OTA_Decide(OTA_Decision_Later, 0, 1, NULL), OTA_Err_None);
    AWAIT(seen.publishes == 2); /* it asks whether it is still there */
    answer("job-1", DOCUMENT("1000"));
    AWAIT(seen.events > events && seen.event[(seen.events - 1) % KEPT].event == OTA_JobEvent_Offer);
}

static void a_refusal_has_a_reason(void **state)
{
    (void)state;
    offer(OTA_POLICY_ASK, NULL, DOCUMENT("1000"));
    AWAIT(saw(OTA_JobEvent_Offer));
    assert_int_equal(OTA_Decide(OTA_Decision_Refuse, ticket() + 1u, 0, "another job's"),
                     OTA_Err_None);
    catch_up(); /* posted, and dropped */
    LOOK(seen.publishes == 1);
    assert_int_equal(OTA_Decide(OTA_Decision_Refuse, ticket(), 0, "battery is low"), OTA_Err_None);
    AWAIT(seen.publishes == 2);
    LOOK(told("\"REJECTED\"", "\"battery is low\""));
}

static void without_a_callback_every_offer_is_taken(void **state)
{
    (void)state;
    device.config.callback = NULL;
    offer(OTA_POLICY_ASK, NULL, DOCUMENT("1000"));
    AWAIT(seen.publishes == 2);
    LOOK(told("\"IN_PROGRESS\"", ""));
}

static void a_job_of_ones_own_is_taken_and_finished(void **state)
{
    (void)state;
    offer(OTA_POLICY_ACCEPT, &ota_custom_jobs, BLUE);
    AWAIT(saw(OTA_JobEvent_CustomJob));
    assert_int_equal(OTA_Decide(OTA_Decision_Accept, ticket(), 0, NULL), OTA_Err_None);
    AWAIT(seen.publishes == 2);
    LOOK(told("\"IN_PROGRESS\"", ""));
    accept_update();
    AWAIT(saw_info(OTA_EVENT_CLAIMED));
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Active);
    assert_int_equal(OTA_Decide(OTA_Decision_Succeeded, ticket(), 0, "it is blue"), OTA_Err_None);
    AWAIT(seen.publishes == 3);
    LOOK(told("\"SUCCEEDED\"", "\"it is blue\""));
}

static void without_a_callback_a_job_of_ones_own_is_refused(void **state)
{
    (void)state;
    device.config.callback = NULL;
    offer(OTA_POLICY_ACCEPT, &ota_custom_jobs, BLUE);
    AWAIT(seen.publishes == 2);
    LOOK(told("\"REJECTED\"", ""));
}

/* --- suspending ---------------------------------------------------------------------------------------------- */

static void suspended_it_says_so_and_asks_nothing(void **state)
{
    (void)state;
    assert_int_equal(OTA_Suspend(), OTA_Err_NotReady);
    assert_int_equal(OTA_Resume(), OTA_Err_NotReady);
    start();
    assert_int_equal(OTA_Suspend(), OTA_Err_None);
    AWAIT_STATE(OTA_AgentState_Suspended);
    OTA_OnConnected();
    OTA_OnMessage(NOTIFY, OTA_SPAN_LIT("{}"));
    assert_int_equal(OTA_CheckForUpdate(), OTA_Err_None);
    assert_int_equal(OTA_Suspend(), OTA_Err_None);
    LOOK(seen.subscribes == 0 && seen.publishes == 0);
    assert_int_equal(OTA_AgentInit(&device.config, PATIENCE_MS), OTA_AgentState_Suspended);

    assert_int_equal(OTA_Resume(), OTA_Err_None);
    AWAIT(seen.subscribes >= OTA_SUBSCRIPTIONS);
    ack(0, OTA_SUBSCRIPTIONS);
    AWAIT(seen.publishes == 1);
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);
}

static void a_restart_ends_a_suspension(void **state)
{
    (void)state;
    start();
    assert_int_equal(OTA_Suspend(), OTA_Err_None);
    AWAIT_STATE(OTA_AgentState_Suspended);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    start();
}

/* --- threads -------------------------------------------------------------------------------------------------- */

#define THREADS 4u
#ifndef ROUNDS /* of each thread; where races are looked for, more */
#define ROUNDS 400u
#endif

static void call_everything(uint32_t *seed)
{
    const uint32_t which = t_random(seed) % 16u;
    switch (which) {
    case 0: (void)OTA_CheckForUpdate(); break;
    case 1: (void)OTA_GetAgentState(); break;
    case 2: (void)OTA_GetImageState(); break;
    case 3: (void)OTA_GetStatistics(); break;
    case 4: (void)OTA_SetImageState((OTA_ImageState_t)(t_random(seed) % 6u)); break;
    case 5: (void)OTA_ActivateNewImage(); break;
    case 6: (void)OTA_GetLastError(); break;
    case 7: OTA_OnSubscribed(OTA_SPAN_LIT(JOBS "notify")); break;
    case 8: OTA_OnConnected(); break;
    case 9: OTA_OnDisconnected(); break;
    case 12: (void)OTA_Suspend(); break;
    case 13: (void)OTA_Resume(); break;
    case 14:
        (void)OTA_Decide((OTA_Decision_t)(t_random(seed) % 6u), t_random(seed) % 3u, 5, "why not");
        break;
    default: OTA_OnMessage(NOTIFY, which == 10 ? OTA_SPAN_LIT("{}") : OTA_SPAN_LIT("x")); break;
    }
}

static void *caller(void *context)
{
    uint32_t seed = *(const uint32_t *)context;
    for (unsigned i = 0; i < ROUNDS; i++) {
        call_everything(&seed);
    }
    return NULL;
}

static void *starter(void *context)
{
    uint32_t seed = *(const uint32_t *)context;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        call_everything(&seed);
        (void)OTA_AgentInit(&device.config, t_random(&seed) % 3u);
        call_everything(&seed);
        (void)OTA_AgentShutdown(t_random(&seed) % 3u);
    }
    return NULL;
}

static void run_threads(void *(*body)(void *))
{
    pthread_t threads[THREADS];
    static const uint32_t seeds[THREADS] = { 11, 22, 33, 44 };
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, body, (void *)(uintptr_t)&seeds[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

static void every_call_may_come_from_any_thread(void **state)
{
    (void)state;
    start();
    run_threads(caller);
    OTA_OnConnected();
    assert_int_equal(OTA_Resume(), OTA_Err_None);
    AWAIT_STATE(OTA_AgentState_Ready);
    catch_up();
    const struct OTA_Statistics s = OTA_GetStatistics();
    assert_true(s.received > THREADS && s.received >= s.processed + s.dropped);
    assert_int_equal(OTA_GetAgentState(), OTA_AgentState_Ready);
}

static void init_and_shutdown_may_come_from_any_thread_too(void **state)
{
    (void)state;
    run_threads(starter);
    assert_int_equal(OTA_AgentShutdown(PATIENCE_MS), OTA_AgentState_NotReady);
    start();
    catch_up();
}

#define FACT(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FACT(before_init_every_call_has_its_answer), /* so it must be the first */
        FACT(after_shutdown_every_call_has_its_answer),
        cmocka_unit_test(states_and_errors_have_names),
        FACT(init_refuses_what_it_cannot_work_with),
        FACT(an_agent_that_cannot_read_its_marks_says_so),
        FACT(init_returns_the_state_it_saw_in_its_time),
        FACT(init_again_swaps_the_callback_and_clears_the_statistics),
        FACT(it_can_be_started_and_ended_again_and_again),
        FACT(a_shutdown_that_nobody_waits_for_ends_all_the_same),
        FACT(a_connection_from_before_init_counts),
        FACT(nothing_is_asked_before_the_subacks_of_its_answers),
        FACT(an_empty_answer_is_no_job_and_a_check_asks_again),
        FACT(a_request_that_the_client_does_not_take_is_made_again),
        FACT(with_nothing_to_decide_nothing_is_decided),
        FACT(an_accepted_trial_stays_accepted),
        FACT(a_rejected_trial_resets_unconfirmed),
        FACT(a_trial_that_nobody_judges_is_given_up),
        FACT(without_a_callback_every_test_is_accepted),
        FACT(an_aborted_job_is_reported_and_over),
        FACT(what_is_still_to_report_survives_a_shutdown),
        FACT(a_document_of_ones_own_is_shown_and_refused),
        FACT(statistics_count_what_came_and_what_became_of_it),
        FACT(an_offer_waits_for_a_decision),
        FACT(an_offer_that_is_put_off_comes_again),
        FACT(a_refusal_has_a_reason),
        FACT(without_a_callback_every_offer_is_taken),
        FACT(a_job_of_ones_own_is_taken_and_finished),
        FACT(without_a_callback_a_job_of_ones_own_is_refused),
        FACT(suspended_it_says_so_and_asks_nothing),
        FACT(a_restart_ends_a_suspension),
        FACT(every_call_may_come_from_any_thread),
        FACT(init_and_shutdown_may_come_from_any_thread_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
