#include "inbox.h"

#include <string.h>

static void lock(struct ota_agent *a)
{
    if (a->port.lock != NULL) {
        a->port.lock(a->port.context);
    }
}

static void unlock(struct ota_agent *a)
{
    if (a->port.unlock != NULL) {
        a->port.unlock(a->port.context);
    }
}

static void wake(struct ota_agent *a)
{
    if (a->port.wake != NULL) {
        a->port.wake(a->port.context);
    }
}

ota_err_t ota_agent_init(struct ota_agent *a, const struct ota_agent_cfg *cfg)
{
    memset(a, 0, sizeof *a);
    a->port = cfg->port;
    const ota_err_t err = ota_inbox_init(&a->inbox, cfg->inbox, cfg->message_size);
    return err == OTA_OK ? ota_orchestrator_init(&a->orchestrator, &cfg->orchestrator) : err;
}

/* --- posting ---------------------------------------------------------------------- */

void ota_agent_post_link(struct ota_agent *a, bool up)
{
    lock(a);
    ota_inbox_flush(&a->inbox);
    a->inbox.went_down = a->inbox.went_down || a->inbox.is_up;
    a->inbox.went_up = up;
    a->inbox.is_up = up;
    unlock(a);
    wake(a);
}

void ota_agent_post_subscribed(struct ota_agent *a, struct ota_span filter)
{
    lock(a);
    (void)ota_inbox_put(&a->inbox, OTA_INBOX_SUBSCRIBED, filter,
                        OTA_SPAN_NONE); /* lost: asked again */
    unlock(a);
    wake(a);
}

bool ota_agent_post_message(struct ota_agent *a, struct ota_span topic, struct ota_span payload)
{
    lock(a);
    const bool taken = ota_inbox_put(&a->inbox, OTA_INBOX_MESSAGE, topic, payload);
    unlock(a);
    wake(a);
    return taken;
}

void ota_agent_post_command(struct ota_agent *a, enum ota_command command)
{
    lock(a);
    a->inbox.commands |= (uint8_t)(1u << command);
    unlock(a);
    wake(a);
}

/* --- the loop ----------------------------------------------------------------------- */

/* What was posted besides messages, copied out under the lock. */
struct signals {
    bool down, up;
    uint8_t commands;
};

static struct signals take_signals(struct ota_agent *a)
{
    struct ota_inbox *in = &a->inbox;
    lock(a);
    const struct signals s = { in->went_down, in->went_up, in->commands };
    in->went_down = false;
    in->went_up = false;
    in->commands = 0;
    unlock(a);
    return s;
}

/* Under the lock: the topic is long for a copy on the stack, and little is done with it. */
static void give_too_large(struct ota_agent *a)
{
    struct ota_inbox *in = &a->inbox;
    lock(a);
    if (in->too_large_len > 0) {
        ota_orchestrator_too_large(&a->orchestrator,
                                   (struct ota_span){ in->too_large, in->too_large_len });
        in->too_large_len = 0;
    }
    unlock(a);
}

static void give_signals(struct ota_agent *a)
{
    struct ota_orchestrator *o = &a->orchestrator;
    const struct signals s = take_signals(a);
    if (s.down) {
        ota_orchestrator_link_down(o);
    }
    if (s.up) {
        ota_orchestrator_link_up(o);
    }
    give_too_large(a);
    for (unsigned c = 0; c <= OTA_COMMAND_ABORT; c++) {
        if ((s.commands >> c & 1u) != 0) {
            /* A command that means nothing (any more) is dropped: the state has moved on. */
            (void)(ota_orchestrator_command(o, (enum ota_command)c) == OTA_OK);
        }
    }
}

static void release(struct ota_agent *a)
{
    lock(a);
    ota_inbox_release(&a->inbox);
    unlock(a);
}

static void give_message(struct ota_agent *a, ota_ms_t now)
{
    struct ota_inbox_item item;
    lock(a);
    const bool have = ota_inbox_take(&a->inbox, &item);
    unlock(a);
    if (!have) {
        return;
    }
    if (item.kind == OTA_INBOX_SUBSCRIBED) {
        ota_orchestrator_subscribed(&a->orchestrator, item.topic);
    } else {
        ota_orchestrator_message(&a->orchestrator, item.topic, item.payload, now);
    }
}

bool ota_agent_poll(struct ota_agent *a, ota_ms_t now, struct ota_effect *effect)
{
    release(a); /* the effect before has been performed */
    if (ota_orchestrator_poll(&a->orchestrator, now, effect)) {
        return true; /* what came before has its say first: an event waits for nobody */
    }
    give_signals(a);
    give_message(a, now);
    if (ota_orchestrator_poll(&a->orchestrator, now, effect)) {
        return true; /* it may point into the message: a document */
    }
    release(a);
    return false;
}

ota_ms_t ota_agent_deadline(struct ota_agent *a)
{
    lock(a);
    const struct ota_inbox *in = &a->inbox;
    const bool posted = in->waiting > 0 || in->commands != 0 || in->went_down || in->went_up ||
                        in->too_large_len > 0;
    unlock(a);
    return posted ? 0 : ota_orchestrator_deadline(&a->orchestrator);
}
