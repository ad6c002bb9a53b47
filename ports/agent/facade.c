/*
 * The one static instance that the OTA_ interface implies, over lib/agent.
 *
 * Two kinds of state: `agent` and what it works on belong to the agent's
 * thread; `shared` is read and written by anyone, under the port's lock.
 */
#include "config.h"
#include "effects.h"
#include "post.h"

#include <string.h>

static struct {
    struct ota_outside outside;
    struct ota_store store;
    struct ota_trust trust;
    char thing[OTA_THING_NAME_MAX + 1u], root[OTA_TOPIC_ROOT_MAX + 1u];
    struct ota_stream_source stream;
    struct ota_agent agent;
} own;

/*
 *   STOPPED -> PREPARING -> STARTING -> RUNNING -> STOPPING -> ENDED -> JOINING -> STOPPED
 *
 * `own` is the caller's of init while PREPARING, the agent's from STARTING to STOPPING; nobody
 * may post but from STARTING to RUNNING. ENDED: whoever comes next joins the thread. Of `own` the
 * inbox has the lock as well.
 */
enum phase { STOPPED, PREPARING, STARTING, RUNNING, STOPPING, ENDED, JOINING };

static struct {
    enum phase phase;
    bool woken;
    bool link_up; /* remembered, so that init may come after the connection */
    enum ota_journal_state state;
    OTA_ImageState_t image;
    OTA_Err_t error;
    bool suspended;
    uint32_t situation;                              /* see config.h */
    struct ota_orchestrator_stats done, done_before; /* so far; until they were cleared */
    uint32_t posting; /* callers between the check of `phase` and the end of their post */
    OTA_CompleteCallback_t callback;
    void *callback_context;
} shared;

/* --- the agent's port ------------------------------------------------------------------ */

static void lock(void)
{
    OTA_Os.lock();
}

static void unlock(void)
{
    OTA_Os.unlock();
}

static void wake_and_unlock(void)
{
    OTA_Os.wake();
    OTA_Os.unlock();
}

static void port_lock(void *unused)
{
    (void)unused;
    lock();
}

static void port_unlock(void *unused)
{
    (void)unused;
    unlock();
}

static void port_wake(void *unused)
{
    (void)unused;
    lock();
    shared.woken = true;
    wake_and_unlock();
}

/* --- what others may know ---------------------------------------------------------------- */

/* As flash has it: what the journal says of the last update, then what the trailer says of the image that runs. */
static OTA_ImageState_t image_state(const struct ota_orchestrator *o, bool testing)
{
    const struct ota_journal *j = &o->journal;
    if (j->state == OTA_JOURNAL_OUTCOME_FAIL || j->state == OTA_JOURNAL_REPORT_FAIL) {
        return j->reason == OTA_REASON_ABORTED ? OTA_ImageState_Aborted : OTA_ImageState_Rejected;
    }
    if (j->state == OTA_JOURNAL_OUTCOME_OK || j->state == OTA_JOURNAL_REPORT_OK) {
        return OTA_ImageState_Accepted;
    }
    const bool confirmed = o->mode == OTA_MODE_IDLE || o->mode == OTA_MODE_ADOPT;
    return testing || !confirmed ? OTA_ImageState_Testing : OTA_ImageState_Accepted;
}

/* After each turn of the loop: what the other threads see. */
static void show(void)
{
    const struct ota_orchestrator *o = &own.agent.orchestrator;
    const enum ota_journal_state state = ota_orchestrator_state(o);
    const bool testing =
        state == OTA_JOURNAL_TESTING || (state == OTA_JOURNAL_NONE && o->mode == OTA_MODE_TRIAL);

    lock();
    shared.state = state;
    shared.situation = 1u << (testing ? OTA_JOURNAL_TESTING : state) | OTA_SITUATION(o->offered);
    shared.suspended = o->suspended;
    shared.done = o->stats;
    shared.image = o->restarted ? image_state(o, testing) : OTA_ImageState_Unknown;
    if (shared.phase == STARTING && o->restarted) {
        shared.phase = RUNNING;
    }
    if (o->halted && !o->restarted) {
        shared.error = OTA_Err_Flash; /* it will never be ready */
    }
    wake_and_unlock();
}

/* --- effects -------------------------------------------------------------------------------- */

static void give_event(const struct ota_effect *effect)
{
    show(); /* what the callback asks must be true already */
    lock();
    const OTA_CompleteCallback_t callback = shared.callback;
    void *const context = shared.callback_context;
    unlock();
    ota_facade_tell(effect, callback, context);
}

static void perform(const struct ota_effect *effect)
{
    if (effect->kind == OTA_EFFECT_EVENT) {
        give_event(effect);
    } else {
        ota_outside_perform(&own.outside, effect);
    }
}

/* --- the thread ------------------------------------------------------------------------------- */

/* One piece of work. @return false: none is left before the agent's deadline or the next post. */
static bool work(void)
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
    ota_outside_leave(&own.outside, &own.agent.orchestrator);
    lock();
    shared.phase = ENDED;
    wake_and_unlock();
}

static enum phase phase_now(void)
{
    lock();
    const enum phase phase = shared.phase;
    unlock();
    return phase;
}

static bool may_post(void)
{
    return shared.phase == STARTING || shared.phase == RUNNING;
}

ota_ms_t OTA_AgentTurn(void)
{
    const enum phase phase = phase_now();
    if (phase == STOPPING) {
        end();
    }
    if (phase != STARTING && phase != RUNNING) {
        return OTA_NEVER;
    }
    return work() ? 0 : ota_agent_deadline(&own.agent);
}

/* A thread's or a task's. */
static void loop(void)
{
    while (phase_now() <= STOPPING) {
        const ota_ms_t deadline = OTA_AgentTurn();
        lock();
        while (!shared.woken && may_post() && OTA_Os.now() < deadline) {
            OTA_Os.wait_until(deadline);
        }
        shared.woken = false;
        unlock();
    }
}

/* --- init and shutdown ------------------------------------------------------------------------- */

/* The stream and, if there is HTTP, its ranges: the preferred one first. */
static struct ota_source *sources(const struct OTA_Config *c)
{
    struct ota_source *const stream = ota_stream_source(&own.stream, NULL), *const http =
                                                                                c->http.source;
    if (http == NULL) {
        return stream;
    }
    http->ops->stop(http); /* as an agent before may have left it */
    http->next = c->prefer == OTA_Prefer_Http ? stream : NULL;
    stream->next = c->prefer == OTA_Prefer_Http ? NULL : http;
    return c->prefer == OTA_Prefer_Http ? http : stream;
}

/* What is needed later of the config. */
static void keep(struct OTA_Config *c)
{
    c->thing_name = strcpy(own.thing, c->thing_name); /* their lengths are ok */
    c->topic_root = strcpy(own.root, c->topic_root);
    ota_outside_take(&own.outside, c);
}

static OTA_Err_t prepare(const struct OTA_Config *given)
{
    if (given == NULL) {
        return OTA_Err_Config;
    }
    struct OTA_Config c = *given;
    if (!ota_config_complete(&c)) {
        return OTA_Err_Config;
    }
    keep(&c);
    struct ota_agent_cfg agent = {
        .orchestrator = {
            .store = &own.store,
            .trust = &own.trust,
            .source = sources(&c),
            .format = c.stream_format,
        },
        .port = { port_lock, port_unlock, port_wake, NULL },
    };
    ota_config_agent(&c, &agent);
    if (ota_store_open(&own.store, c.flash, c.layout) != OTA_OK ||
        ota_store_trust(&own.store, &own.trust) != OTA_OK ||
        ota_agent_init(&own.agent, &agent) != OTA_OK) {
        return OTA_Err_Flash;
    }
    return OTA_Err_None;
}

static OTA_State_t state_locked(void)
{
    if (shared.phase == RUNNING) {
        const bool idle =
            shared.state == OTA_JOURNAL_NONE && shared.situation < OTA_SITUATION(OTA_CUSTOM_TAKING);
        return shared.suspended ? OTA_AgentState_Suspended
               : idle           ? OTA_AgentState_Ready
                                : OTA_AgentState_Active;
    }
    const bool closing = shared.phase > STOPPING && shared.posting > 0;
    return closing || shared.phase == STOPPING ? OTA_AgentState_ShuttingDown
                                               : OTA_AgentState_NotReady;
}

/* Swap the callback, clear the statistics, and nothing else. */
static void adopt_callback(const struct OTA_Config *config)
{
    shared.callback = config->callback;
    shared.callback_context = config->callback_context;
    memset(&own.agent.inbox.stats, 0, sizeof own.agent.inbox.stats);
    shared.done_before = shared.done;
}

/* The agent is prepared and nobody posts yet: tell it of the link as it is now, then let them in. */
static void open_inbox(const struct OTA_Config *config)
{
    bool told = false;
    lock();
    while (told != shared.link_up) {
        told = shared.link_up;
        unlock();
        ota_agent_post_link(&own.agent, told);
        lock();
    }
    memset(&shared.done, 0, sizeof shared.done);
    adopt_callback(config);
    shared.suspended = false;
    shared.state = OTA_JOURNAL_NONE;
    shared.image = OTA_ImageState_Unknown;
    shared.error = OTA_Err_None;
    shared.phase = STARTING;
    unlock();
}

/* Lock held, and given up. Nobody begins to post any more: wait for those who have begun, then let go of `own`. */
static void close_inbox(void)
{
    while (shared.posting > 0) {
        OTA_Os.wait_until(OTA_NEVER);
    }
    shared.phase = STOPPED;
    wake_and_unlock();
}

static void start(const struct OTA_Config *config)
{
    OTA_Err_t err = prepare(config);
    if (err == OTA_Err_None) {
        open_inbox(config);
        if (OTA_Os.start(loop)) {
            return;
        }
        err = OTA_Err_NotReady;
    }
    lock();
    shared.error = err;
    shared.phase = JOINING;
    close_inbox();
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

/* Lock held, and given up: the thread of an agent that has ended is joined, by one caller alone. */
static void join_if_ended(void)
{
    const bool mine = claim(ENDED, JOINING);
    unlock();
    if (mine) {
        OTA_Os.join();
        lock();
        close_inbox();
    }
}

/* Lock held. */
static void wait_while(enum phase first, enum phase last, ota_ms_t deadline)
{
    while (shared.phase >= first && shared.phase <= last && OTA_Os.now() < deadline) {
        OTA_Os.wait_until(deadline);
    }
}

OTA_State_t OTA_AgentInit(const struct OTA_Config *config, uint32_t timeout_ms)
{
    const ota_ms_t deadline = OTA_Os.now() + timeout_ms;
    lock();
    join_if_ended(); /* by a shutdown that did not wait for it */

    lock();
    const bool mine = claim(STOPPED, PREPARING);
    if (may_post() && config != NULL) {
        adopt_callback(config);
    }
    unlock();
    if (mine) {
        start(config);
    }

    lock();
    wait_while(PREPARING, STARTING, deadline);
    const OTA_State_t state = state_locked();
    unlock();
    return state;
}

OTA_State_t OTA_AgentShutdown(uint32_t timeout_ms)
{
    const ota_ms_t deadline = OTA_Os.now() + timeout_ms;
    lock();
    if (may_post()) {
        shared.phase = STOPPING;
        OTA_Os.wake();
    }
    wait_while(STOPPING, STOPPING, deadline);
    join_if_ended();
    return OTA_GetAgentState();
}

/* --- questions and commands ------------------------------------------------------------------- */

OTA_State_t OTA_GetAgentState(void)
{
    lock();
    const OTA_State_t state = state_locked();
    unlock();
    return state;
}

OTA_Err_t OTA_GetLastError(void)
{
    lock();
    const OTA_Err_t err = shared.error;
    unlock();
    return err;
}

OTA_ImageState_t OTA_GetImageState(void)
{
    lock();
    const OTA_ImageState_t image = may_post() ? shared.image : OTA_ImageState_Unknown;
    unlock();
    return image;
}

struct OTA_Statistics OTA_GetStatistics(void)
{
    struct OTA_Statistics statistics = { 0 };
    lock();
    if (shared.phase != PREPARING) {
        const struct ota_inbox_stats *s = &own.agent.inbox.stats;
        statistics.received = s->received;
        statistics.processed = s->processed;
        statistics.dropped = s->dropped + s->too_large;
        statistics.queued = s->received - statistics.dropped;
        statistics.refused = shared.done.refused - shared.done_before.refused;
        statistics.blocks = shared.done.blocks - shared.done_before.blocks;
        statistics.bytes = shared.done.bytes - shared.done_before.bytes;
    }
    unlock();
    return statistics;
}

struct ota_agent *ota_facade_begin_post(void)
{
    lock();
    const bool possible = may_post();
    shared.posting += possible;
    unlock();
    return possible ? &own.agent : NULL;
}

void ota_facade_end_post(void)
{
    lock();
    shared.posting--;
    wake_and_unlock(); /* who waits for the last one */
}

/* Post `command` if the agent runs and is in one of these situations. */
static OTA_Err_t post(enum ota_command command, uint32_t situations)
{
    lock();
    const bool runs = shared.phase == RUNNING, possible = (shared.situation & situations) != 0;
    shared.posting += runs && possible;
    unlock();
    if (!runs || !possible) {
        return runs ? OTA_Err_NoActiveJob : OTA_Err_NotReady;
    }
    ota_agent_post_command(&own.agent, command);
    ota_facade_end_post();
    return OTA_Err_None;
}

#define IN(state) (1u << OTA_JOURNAL_##state)

OTA_Err_t OTA_ActivateNewImage(void)
{
    return post(OTA_COMMAND_ACTIVATE, IN(READY));
}

OTA_Err_t OTA_CheckForUpdate(void)
{
    return post(OTA_COMMAND_CHECK, UINT32_MAX);
}

OTA_Err_t OTA_Suspend(void)
{
    return post(OTA_COMMAND_SUSPEND, UINT32_MAX);
}

OTA_Err_t OTA_Resume(void)
{
    return post(OTA_COMMAND_RESUME, UINT32_MAX);
}

OTA_Err_t OTA_Decide(OTA_Decision_t decision, uint32_t ticket, uint32_t later_ms,
                     const char *reason)
{
    struct ota_decision d = {
        .ticket = ticket,
        .until = later_ms > 0 ? OTA_Os.now() + later_ms : OTA_NEVER,
        .reason = ota_span_of_str(reason != NULL ? reason : ""),
    };
    lock();
    const bool runs = shared.phase == RUNNING;
    const bool possible = runs && ota_decision_command(decision, shared.situation, &d.command);
    shared.posting += possible;
    unlock();
    if (!possible) {
        return runs ? OTA_Err_NoActiveJob : OTA_Err_NotReady;
    }
    const ota_err_t err = ota_agent_post_decision(&own.agent, &d);
    ota_facade_end_post();
    return err == OTA_OK ? OTA_Err_None : OTA_Err_Reason;
}

OTA_Err_t OTA_SetImageState(OTA_ImageState_t state)
{
    switch (state) {
    case OTA_ImageState_Testing:
        return OTA_GetAgentState() > OTA_AgentState_NotReady ? OTA_Err_None : OTA_Err_NotReady;
    case OTA_ImageState_Accepted: return post(OTA_COMMAND_CONFIRM, IN(TESTING));
    case OTA_ImageState_Rejected: return post(OTA_COMMAND_REJECT, IN(TESTING) | IN(READY));
    case OTA_ImageState_Aborted:
        return post(OTA_COMMAND_ABORT,
                    IN(TESTING) | IN(READY) | IN(CLAIMED) | IN(FILES) | IN(RECEIVING));
    case OTA_ImageState_Unknown: break;
    }
    return OTA_Err_BadImageState;
}

/* --- what the MQTT callbacks forward ------------------------------------------------------------ */

static void on_link(bool up)
{
    lock();
    shared.link_up = up; /* init may come later */
    unlock();
    if (ota_facade_begin_post() != NULL) {
        ota_agent_post_link(&own.agent, up);
        ota_facade_end_post();
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
    if (ota_facade_begin_post() != NULL) {
        ota_agent_post_subscribed(&own.agent, filter);
        ota_facade_end_post();
    }
}

void OTA_OnMessage(struct ota_span topic, struct ota_span payload)
{
    if (ota_facade_begin_post() != NULL) {
        (void)ota_agent_post_message(&own.agent, topic, payload); /* dropped ones are counted */
        ota_facade_end_post();
    }
}
