/*
 * The one static instance that the OTA_ interface implies, over lib/agent.
 *
 * Two kinds of state: `agent` and what it works on belong to the agent's
 * thread; `shared` is read and written by anyone, under the port's lock.
 */
#include "config.h"

#include <string.h>

static struct {
    struct ota_agent agent;
    struct ota_store store;
    struct ota_trust trust;
    struct OTA_Config config;
    char thing[OTA_THING_NAME_MAX + 1u], root[OTA_TOPIC_ROOT_MAX + 1u];
    uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN];
    enum ota_journal_state
        shown_state; /* what `image` was computed for: reading flash each turn would be waste */
    enum ota_idle_mode shown_mode;
    OTA_ImageState_t image;
} own;

/*
 *   STOPPED -> PREPARING -> STARTING -> RUNNING -> STOPPING -> ENDED -> JOINING -> STOPPED
 *
 * `own` is the caller's of init while PREPARING, the agent's from STARTING to STOPPING; nobody
 * may post but from STARTING to RUNNING. ENDED: whoever comes next joins the thread.
 */
enum phase { STOPPED, PREPARING, STARTING, RUNNING, STOPPING, ENDED, JOINING };

static struct {
    enum phase phase;
    uint32_t posting; /* callers between the check of `phase` and the end of their post */
    bool woken;
    bool link_up; /* remembered, so that init may come after the connection */
    OTA_CompleteCallback_t callback;
    void *callback_context;
    enum ota_journal_state state;
    bool testing;
    OTA_ImageState_t image;
    OTA_Err_t error;
    struct ota_inbox_stats cleared; /* the statistics' zero */
    struct OTA_Statistics statistics;
} shared;

/* --- the agent's port ------------------------------------------------------------------ */

static void port_lock(void *unused)
{
    (void)unused;
    OTA_Os.lock();
}

static void port_unlock(void *unused)
{
    (void)unused;
    OTA_Os.unlock();
}

static void port_wake(void *unused)
{
    (void)unused;
    OTA_Os.lock();
    shared.woken = true;
    OTA_Os.wake();
    OTA_Os.unlock();
}

/* --- what others may know ---------------------------------------------------------------- */

static OTA_ImageState_t image_state(const struct ota_orchestrator *o, bool testing)
{
    const struct ota_journal *j = &o->journal;
    struct ota_store_facts facts;

    if (j->state == OTA_JOURNAL_OUTCOME_FAIL || j->state == OTA_JOURNAL_REPORT_FAIL) {
        return j->reason == OTA_REASON_ABORTED ? OTA_ImageState_Aborted : OTA_ImageState_Rejected;
    }
    if (testing) {
        return OTA_ImageState_Testing;
    }
    if (ota_store_facts(&own.store, &facts) != OTA_OK) {
        return OTA_ImageState_Unknown;
    }
    switch (ota_slot_classify(&facts.slot[o->cfg.running], true)) {
    case OTA_SLOT_CONFIRMED:
    case OTA_SLOT_UNMARKED: return OTA_ImageState_Accepted;
    case OTA_SLOT_UNTRIED:
    case OTA_SLOT_TRIED: return OTA_ImageState_Testing;
    case OTA_SLOT_INVALID:
    case OTA_SLOT_INCOMPLETE: break;
    }
    return OTA_ImageState_Unknown;
}

/* After each turn of the loop: what the other threads see. */
static void show(void)
{
    const struct ota_orchestrator *o = &own.agent.orchestrator;
    const enum ota_journal_state state = ota_orchestrator_state(o);
    const bool testing =
        state == OTA_JOURNAL_TESTING || (state == OTA_JOURNAL_NONE && o->mode == OTA_MODE_TRIAL);
    if (own.image == OTA_ImageState_Unknown || own.shown_state != state ||
        own.shown_mode != o->mode) {
        own.image = image_state(o, testing);
        own.shown_state = state;
        own.shown_mode = o->mode;
    }

    OTA_Os.lock();
    shared.state = state;
    shared.testing = testing;
    shared.image = own.image;
    if (shared.phase == STARTING && o->restarted) {
        shared.phase = RUNNING;
    }
    if (o->halted && !o->restarted) {
        shared.error = OTA_Err_Flash; /* it will never be ready */
    }
    const struct ota_inbox_stats *s = &own.agent.inbox.stats;
    shared.statistics = (struct OTA_Statistics){
        .received = s->received - shared.cleared.received,
        .queued = s->received - s->dropped - s->too_large -
                  (shared.cleared.received - shared.cleared.dropped - shared.cleared.too_large),
        .processed = s->processed - shared.cleared.processed,
        .dropped = s->dropped + s->too_large - shared.cleared.dropped - shared.cleared.too_large,
    };
    OTA_Os.wake();
    OTA_Os.unlock();
}

/* --- effects -------------------------------------------------------------------------------- */

static OTA_JobEvent_t event_of(enum ota_event_kind kind)
{
    switch (kind) {
    case OTA_EVENT_ACTIVATE: return OTA_JobEvent_Activate;
    case OTA_EVENT_FAILED: return OTA_JobEvent_Fail;
    case OTA_EVENT_START_TEST: return OTA_JobEvent_StartTest;
    case OTA_EVENT_SELF_TEST_FAILED: return OTA_JobEvent_SelfTestFailed;
    case OTA_EVENT_CUSTOM_JOB: return OTA_JobEvent_CustomJob;
    case OTA_EVENT_NO_JOB: return OTA_JobEvent_NoJob;
    case OTA_EVENT_PROGRESS: return OTA_JobEvent_Progress;
    case OTA_EVENT_OFFER:
    case OTA_EVENT_CLAIMED:
    case OTA_EVENT_RESUMED:
    case OTA_EVENT_CONFIRMED:
    case OTA_EVENT_CANCELED:
    case OTA_EVENT_REPORTED:
    case OTA_EVENT_MESSAGE_REFUSED:
    case OTA_EVENT_FLASH_FAULT: break;
    }
    return OTA_JobEvent_Info;
}

/* Without a callback: activate at once, and accept every test. */
static void decide_by_default(OTA_JobEvent_t event)
{
    if (event == OTA_JobEvent_Activate) {
        (void)OTA_ActivateNewImage();
    } else if (event == OTA_JobEvent_StartTest) {
        (void)OTA_SetImageState(OTA_ImageState_Accepted);
    }
}

static void give_event(const struct ota_effect *effect)
{
    const OTA_JobEvent_t event = event_of(effect->as.event.kind);
    const struct OTA_EventData data = {
        .info = effect->as.event.kind,
        .error = effect->as.event.error,
        .reason = effect->as.event.reason,
        .value = effect->as.event.value,
        .total = effect->as.event.total,
        .job_id = effect->as.event.job_id,
        .document = effect->as.event.document,
    };
    show(); /* what the callback asks must be true already */
    OTA_Os.lock();
    const OTA_CompleteCallback_t callback = shared.callback;
    void *const context = shared.callback_context;
    OTA_Os.unlock();
    if (callback != NULL) {
        callback(event, &data, context);
    } else {
        decide_by_default(event);
    }
}

/* What the MQTT client does not take is as if the network had lost it: it is asked again. */
static void perform(const struct ota_effect *effect)
{
    const struct OTA_Mqtt *m = &own.config.mqtt;
    switch (effect->kind) {
    case OTA_EFFECT_SUBSCRIBE:
        (void)m->subscribe(m->context, effect->as.subscribe.filter, effect->as.subscribe.qos);
        break;
    case OTA_EFFECT_UNSUBSCRIBE:
        (void)m->unsubscribe(m->context, effect->as.subscribe.filter);
        break;
    case OTA_EFFECT_PUBLISH:
        (void)m->publish(m->context, effect->as.publish.topic, effect->as.publish.payload,
                         effect->as.publish.qos);
        break;
    case OTA_EFFECT_REBOOT: own.config.reset(own.config.reset_context); break;
    case OTA_EFFECT_EVENT: give_event(effect); break;
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool stopping(void)
{
    OTA_Os.lock();
    const bool yes = shared.phase == STOPPING;
    OTA_Os.unlock();
    return yes;
}

static void wait_for_work(void)
{
    const ota_ms_t deadline = ota_agent_deadline(&own.agent);
    OTA_Os.lock();
    while (!shared.woken && shared.phase != STOPPING && OTA_Os.now() < deadline) {
        OTA_Os.wait_until(deadline);
    }
    shared.woken = false;
    OTA_Os.unlock();
}

static void unsubscribe_all(void)
{
    for (unsigned i = 0; i < OTA_SUBSCRIPTIONS; i++) {
        const struct ota_effect effect = {
            .kind = OTA_EFFECT_UNSUBSCRIBE,
            .as.subscribe.filter = ota_orchestrator_filter(&own.agent.orchestrator, i),
        };
        perform(&effect);
    }
}

/* One piece of work. @return false: none is left before the agent's deadline or the next post. */
static bool turn(void)
{
    struct ota_effect effect;
    const bool worked = ota_agent_poll(&own.agent, OTA_Os.now(), &effect);
    if (worked) {
        perform(&effect);
    } else {
        show();
    }
    return worked;
}

static void end(void)
{
    unsubscribe_all();
    OTA_Os.lock();
    shared.phase = ENDED;
    OTA_Os.wake();
    OTA_Os.unlock();
}

/* A thread's or a task's. */
static void loop(void)
{
    while (!stopping()) {
        if (!turn()) {
            wait_for_work();
        }
    }
    end();
}

ota_ms_t OTA_AgentTurn(void)
{
    OTA_Os.lock();
    const enum phase phase = shared.phase;
    OTA_Os.unlock();
    if (phase == STOPPING) {
        end();
    }
    if (phase != STARTING && phase != RUNNING) {
        return OTA_NEVER;
    }
    return turn() ? 0 : ota_agent_deadline(&own.agent);
}

/* --- init and shutdown ------------------------------------------------------------------------- */

static struct ota_agent_cfg agent_config(const struct OTA_Config *c)
{
    const uint32_t message = OTA_MESSAGE_SIZE(c->block_size);
    size_t room = c->memory.cap - c->block_size;
    if (c->message_count != 0 && room / message > c->message_count) {
        room = (size_t)c->message_count * message;
    }
    return (struct ota_agent_cfg){
        .orchestrator = {
            .store = &own.store,
            .crypto = c->crypto,
            .trust = &own.trust,
            .root = ota_span_of_str(own.root),
            .thing = ota_span_of_str(own.thing),
            .scratch = { OTA_BUF_OF(own.topic), OTA_BUF_OF(own.payload) },
            .room = { c->memory.ptr, c->block_size },
            .running = c->running_slot,
            .handover = c->handover,
            .policy = OTA_POLICY_ACCEPT,
            .format = OTA_FORMAT_CBOR,
            .block_size = c->block_size,
            .window = c->window,
            .retry_ms_min = c->retry_ms_min,
            .retry_ms_max = c->retry_ms_max,
            .self_test_ms = c->self_test_ms,
        },
        .port = { port_lock, port_unlock, port_wake, NULL },
        .inbox = { c->memory.ptr + c->block_size, room },
        .message_size = message,
    };
}

static OTA_Err_t prepare(const struct OTA_Config *given)
{
    if (given == NULL) {
        return OTA_Err_Config;
    }
    const struct OTA_Config config = ota_config_with_defaults(given);
    if (!ota_config_ok(&config)) {
        return OTA_Err_Config;
    }
    own.config = config;
    own.image = OTA_ImageState_Unknown;
    memcpy(own.thing, config.thing_name, strlen(config.thing_name) + 1u); /* their lengths are ok */
    memcpy(own.root, config.topic_root, strlen(config.topic_root) + 1u);
    if (ota_store_open(&own.store, config.flash, config.layout) != OTA_OK ||
        ota_store_trust(&own.store, &own.trust) != OTA_OK) {
        return OTA_Err_Flash;
    }
    const struct ota_agent_cfg agent = agent_config(&own.config);
    return ota_agent_init(&own.agent, &agent) == OTA_OK ? OTA_Err_None : OTA_Err_Flash;
}

static OTA_State_t state_locked(void)
{
    switch (shared.phase) {
    case STOPPED:
    case PREPARING:
    case STARTING: return OTA_AgentState_NotReady;
    case RUNNING:
        return shared.state == OTA_JOURNAL_NONE ? OTA_AgentState_Ready : OTA_AgentState_Active;
    case STOPPING: return OTA_AgentState_ShuttingDown;
    case ENDED:
    case JOINING: return shared.posting > 0 ? OTA_AgentState_ShuttingDown : OTA_AgentState_NotReady;
    }
    return OTA_AgentState_Unknown;
}

static bool may_post(void)
{
    return shared.phase == STARTING || shared.phase == RUNNING;
}

/* Swap the callback, clear the statistics, and nothing else. */
static void adopt_callback(const struct OTA_Config *config)
{
    shared.callback = config->callback;
    shared.callback_context = config->callback_context;
    shared.cleared = own.agent.inbox.stats;
    shared.statistics = (struct OTA_Statistics){ 0 };
}

/* Nobody begins to post any more: wait for those who have begun, then let go of `own`. */
static void close_inbox(void)
{
    OTA_Os.lock();
    while (shared.posting > 0) {
        OTA_Os.wait_until(OTA_NEVER);
    }
    shared.phase = STOPPED;
    OTA_Os.wake();
    OTA_Os.unlock();
}

/* The agent is prepared and nobody posts yet: tell it of the link as it is now, then let them in. */
static void open_inbox(const struct OTA_Config *config)
{
    bool told = false;
    OTA_Os.lock();
    while (told != shared.link_up) {
        told = shared.link_up;
        OTA_Os.unlock();
        ota_agent_post_link(&own.agent, told);
        OTA_Os.lock();
    }
    adopt_callback(config);
    shared.state = OTA_JOURNAL_NONE;
    shared.testing = false;
    shared.image = OTA_ImageState_Unknown;
    shared.phase = STARTING;
    OTA_Os.unlock();
}

static void start(const struct OTA_Config *config)
{
    OTA_Err_t err = prepare(config);
    OTA_Os.lock();
    shared.error = err;
    OTA_Os.unlock();
    if (err != OTA_Err_None) {
        close_inbox();
        return;
    }
    open_inbox(config);
    if (!OTA_Os.start(loop)) {
        OTA_Os.lock();
        shared.error = OTA_Err_NotReady;
        shared.phase = JOINING;
        OTA_Os.unlock();
        close_inbox();
    }
}

/* Lock held: from `from` to `to`, for one caller alone. */
static bool claim(enum phase from, enum phase to)
{
    const bool mine = shared.phase == from;
    if (mine) {
        shared.phase = to;
    }
    return mine;
}

OTA_State_t OTA_AgentInit(const struct OTA_Config *config, uint32_t timeout_ms)
{
    const ota_ms_t deadline = OTA_Os.now() + timeout_ms;
    OTA_Os.lock();
    const bool ended = claim(ENDED, JOINING);
    OTA_Os.unlock();
    if (ended) { /* by a shutdown that did not wait for it */
        OTA_Os.join();
        close_inbox();
    }

    OTA_Os.lock();
    const bool mine = claim(STOPPED, PREPARING);
    if (may_post() && config != NULL) {
        adopt_callback(config);
    }
    OTA_Os.unlock();
    if (mine) {
        start(config);
    }

    OTA_Os.lock();
    while ((shared.phase == PREPARING || shared.phase == STARTING) && OTA_Os.now() < deadline) {
        OTA_Os.wait_until(deadline);
    }
    const OTA_State_t state = state_locked();
    OTA_Os.unlock();
    return state;
}

OTA_State_t OTA_AgentShutdown(uint32_t timeout_ms)
{
    const ota_ms_t deadline = OTA_Os.now() + timeout_ms;
    OTA_Os.lock();
    if (may_post()) {
        shared.phase = STOPPING;
        OTA_Os.wake();
    }
    while (shared.phase == STOPPING && OTA_Os.now() < deadline) {
        OTA_Os.wait_until(deadline);
    }
    const bool ended = claim(ENDED, JOINING);
    OTA_Os.unlock();
    if (ended) {
        OTA_Os.join();
        close_inbox();
    }
    return OTA_GetAgentState();
}

/* --- questions and commands ------------------------------------------------------------------- */

OTA_State_t OTA_GetAgentState(void)
{
    OTA_Os.lock();
    const OTA_State_t state = state_locked();
    OTA_Os.unlock();
    return state;
}

OTA_Err_t OTA_GetLastError(void)
{
    OTA_Os.lock();
    const OTA_Err_t err = shared.error;
    OTA_Os.unlock();
    return err;
}

OTA_ImageState_t OTA_GetImageState(void)
{
    OTA_Os.lock();
    const OTA_ImageState_t image = may_post() ? shared.image : OTA_ImageState_Unknown;
    OTA_Os.unlock();
    return image;
}

struct OTA_Statistics OTA_GetStatistics(void)
{
    OTA_Os.lock();
    const struct OTA_Statistics statistics = shared.statistics;
    OTA_Os.unlock();
    return statistics;
}

/* Between these two the agent stays, even if it is shut down meanwhile. */
static bool begin_post(void)
{
    OTA_Os.lock();
    const bool possible = may_post();
    shared.posting += possible ? 1u : 0;
    OTA_Os.unlock();
    return possible;
}

static void end_post(void)
{
    OTA_Os.lock();
    shared.posting--;
    if (shared.phase == JOINING) {
        OTA_Os.wake();
    }
    OTA_Os.unlock();
}

/* Post `command` if the agent runs and `possible` says so of the state that is shown. */
static OTA_Err_t post(enum ota_command command, bool (*possible)(void))
{
    OTA_Os.lock();
    OTA_Err_t err = shared.phase == RUNNING ? OTA_Err_None : OTA_Err_NotReady;
    if (err == OTA_Err_None && !possible()) {
        err = OTA_Err_NoActiveJob;
    }
    OTA_Os.unlock();
    if (err != OTA_Err_None) {
        return err;
    }
    if (!begin_post()) {
        return OTA_Err_NotReady;
    }
    ota_agent_post_command(&own.agent, command);
    end_post();
    return OTA_Err_None;
}

static bool always(void)
{
    return true;
}

static bool is_ready(void)
{
    return shared.state == OTA_JOURNAL_READY;
}

static bool is_testing(void)
{
    return shared.testing;
}

static bool can_reject(void)
{
    return shared.testing || shared.state == OTA_JOURNAL_READY;
}

static bool can_abort(void)
{
    return can_reject() || shared.state == OTA_JOURNAL_CLAIMED ||
           shared.state == OTA_JOURNAL_RECEIVING;
}

OTA_Err_t OTA_ActivateNewImage(void)
{
    return post(OTA_COMMAND_ACTIVATE, is_ready);
}

OTA_Err_t OTA_CheckForUpdate(void)
{
    return post(OTA_COMMAND_CHECK, always);
}

OTA_Err_t OTA_SetImageState(OTA_ImageState_t state)
{
    switch (state) {
    case OTA_ImageState_Testing:
        return OTA_GetAgentState() > OTA_AgentState_NotReady ? OTA_Err_None : OTA_Err_NotReady;
    case OTA_ImageState_Accepted: return post(OTA_COMMAND_CONFIRM, is_testing);
    case OTA_ImageState_Rejected: return post(OTA_COMMAND_REJECT, can_reject);
    case OTA_ImageState_Aborted: return post(OTA_COMMAND_ABORT, can_abort);
    case OTA_ImageState_Unknown: break;
    }
    return OTA_Err_BadImageState;
}

/* --- what the MQTT callbacks forward ------------------------------------------------------------ */

static void on_link(bool up)
{
    OTA_Os.lock();
    shared.link_up = up; /* init may come later */
    OTA_Os.unlock();
    if (begin_post()) {
        ota_agent_post_link(&own.agent, up);
        end_post();
    }
}

void OTA_OnConnected(void)
{
    on_link(true);
}

void OTA_OnDisconnected(void)
{
    on_link(false);
}

void OTA_OnSubscribed(struct ota_span filter)
{
    if (begin_post()) {
        ota_agent_post_subscribed(&own.agent, filter);
        end_post();
    }
}

void OTA_OnMessage(struct ota_span topic, struct ota_span payload)
{
    if (begin_post()) {
        (void)ota_agent_post_message(&own.agent, topic, payload); /* dropped ones are counted */
        end_post();
    }
}
