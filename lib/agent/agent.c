#include "inbox.h"
#include <string.h>

/* --- the port ----------------------------------------------------------------------- */

void ota_agent_lock(struct ota_agent *a)
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

void ota_agent_unlock_and_wake(struct ota_agent *a)
{
    unlock(a);
    if (a->port.wake != NULL) {
        a->port.wake(a->port.context);
    }
}

ota_err_t ota_agent_init(struct ota_agent *a, const struct ota_agent_cfg *cfg)
{
    memset(a, 0, sizeof *a);
    a->port = cfg->port;
    if (cfg->message_size <= OTA_INBOX_OVERHEAD || cfg->inbox.cap < cfg->message_size) {
        return OTA_E_NO_ROOM;
    }
    a->inbox.memory = cfg->inbox.ptr;
    a->inbox.message_size = cfg->message_size;
    const size_t fit = cfg->inbox.cap / cfg->message_size;
    a->inbox.message_count = (uint8_t)(fit < OTA_INBOX_MESSAGES_MAX ? fit : OTA_INBOX_MESSAGES_MAX);
    return ota_orchestrator_init(&a->orchestrator, &cfg->orchestrator);
}

/* --- the inbox: with the lock held ------------------------------------------------------ */

/* Of a message in its block; topic and payload follow. */
struct head {
    uint32_t payload_len;
    uint16_t topic_len;
    uint16_t kind; /* enum inbox_kind */
};
_Static_assert(sizeof(struct head) == OTA_INBOX_OVERHEAD, "as agent.h says");

/* The oldest message is in block `head`, the others behind it, around the end. */
static uint8_t *block_at(const struct ota_inbox *in, uint32_t place)
{
    return in->memory + (size_t)((in->head + place) % in->message_count) * in->message_size;
}

bool ota_inbox_put(struct ota_inbox *in, enum inbox_kind kind, struct ota_span topic,
                   struct ota_span payload)
{
    const size_t room = in->message_size - OTA_INBOX_OVERHEAD;
    const uint32_t place = ota_inbox_used(in);
    const bool fits = topic.len <= room && payload.len <= room - topic.len;
    in->stats.received++;
    if (topic.len > OTA_TOPIC_MAX) {
        in->stats.dropped++; /* none of ours is so long */
        return false;
    }
    if (!fits) {
        in->stats.too_large++;
        kind = INBOX_TOO_LARGE;
        payload = OTA_SPAN_NONE;
    }
    if (topic.len > room || place == in->message_count) {
        in->stats.dropped += fits;
        return false;
    }
    const struct head head = { (uint32_t)payload.len, (uint16_t)topic.len, (uint16_t)kind };
    uint8_t *const block = block_at(in, place);
    memcpy(block, &head, sizeof head);
    struct ota_writer w = ota_writer((struct ota_buf){ block + sizeof head, room });
    ota_write_bytes(&w, topic);
    ota_write_bytes(&w, payload);
    in->waiting++;
    return fits;
}

static enum inbox_kind kind_in(const uint8_t *block)
{
    struct head head;
    memcpy(&head, block, sizeof head);
    return (enum inbox_kind)head.kind;
}

/* Messages that wait came over a link that is gone; a response has a connection of its own, and its parts move up. */
static void drop_messages(struct ota_inbox *in)
{
    const uint32_t end = ota_inbox_used(in);
    in->waiting = 0;
    for (uint32_t place = in->reading; place < end; place++) {
        const uint8_t *const from = block_at(in, place);
        uint8_t *const to = block_at(in, ota_inbox_used(in));
        if (kind_in(from) != INBOX_FETCHED) {
            in->stats.dropped += kind_in(from) != INBOX_TOO_LARGE;
            continue;
        }
        if (to != from) {
            memcpy(to, from, in->message_size);
        }
        in->waiting++;
    }
}

/* The block that was taken, if any, has been read. */
static void release(struct ota_agent *a)
{
    struct ota_inbox *const in = &a->inbox;
    ota_agent_lock(a);
    in->head = (uint8_t)((in->head + in->reading) % in->message_count);
    in->reading = 0;
    unlock(a);
}

/* --- posting -------------------------------------------------------------------------- */

/* Beside a bit for each command. */
#define DECIDED   0x2000u
#define WENT_DOWN 0x4000u
#define WENT_UP   0x8000u
_Static_assert(OTA_COMMAND_LAST < 13, "a bit each");

void ota_agent_post_link(struct ota_agent *a, bool up)
{
    struct ota_inbox *const in = &a->inbox;
    ota_agent_lock(a);
    drop_messages(in);
    if (in->is_up) {
        in->signals |= WENT_DOWN;
    }
    in->signals = (uint16_t)((in->signals & ~WENT_UP) | (up ? WENT_UP : 0));
    in->is_up = up;
    ota_agent_unlock_and_wake(a);
}

static bool post(struct ota_agent *a, enum inbox_kind kind, struct ota_span topic,
                 struct ota_span payload)
{
    ota_agent_lock(a);
    const bool taken = ota_inbox_put(&a->inbox, kind, topic, payload);
    ota_agent_unlock_and_wake(a);
    return taken;
}

void ota_agent_post_subscribed(struct ota_agent *a, struct ota_span filter)
{
    (void)post(a, INBOX_SUBACK, filter, OTA_SPAN_NONE); /* lost: asked again */
}

bool ota_agent_post_message(struct ota_agent *a, struct ota_span topic, struct ota_span payload)
{
    return post(a, INBOX_MESSAGE, topic, payload);
}

void ota_agent_post_command(struct ota_agent *a, enum ota_command command)
{
    const uint16_t pair = 1u << OTA_COMMAND_SUSPEND | 1u << OTA_COMMAND_RESUME;
    const uint16_t bit = (uint16_t)(1u << command);
    ota_agent_lock(a);
    if ((bit & pair) != 0) {
        a->inbox.signals &= (uint16_t)~pair; /* the newer one has the word */
    }
    a->inbox.signals |= bit;
    ota_agent_unlock_and_wake(a);
}

ota_err_t ota_agent_post_decision(struct ota_agent *a, const struct ota_decision *decision)
{
    struct ota_inbox *const in = &a->inbox;
    if (!ota_words_ok(decision->reason)) {
        return OTA_E_NAME;
    }
    ota_agent_lock(a);
    in->decision = *decision;
    in->decision.reason.ptr = in->words;
    if (decision->reason.len > 0) {
        memcpy(in->words, decision->reason.ptr, decision->reason.len);
    }
    in->signals |= DECIDED;
    ota_agent_unlock_and_wake(a);
    return OTA_OK;
}

/* --- the loop --------------------------------------------------------------------------- */

/* Under the lock: its words are the inbox's. */
static void give_decision(struct ota_agent *a)
{
    ota_agent_lock(a);
    (void)(ota_orchestrator_decide(&a->orchestrator, &a->inbox.decision) == OTA_OK);
    unlock(a);
}

static void give_signals(struct ota_agent *a)
{
    struct ota_orchestrator *const o = &a->orchestrator;
    ota_agent_lock(a);
    const uint32_t signals = a->inbox.signals;
    a->inbox.signals = 0;
    unlock(a);
    if ((signals & WENT_DOWN) != 0) {
        ota_orchestrator_link_down(o);
    }
    if ((signals & WENT_UP) != 0) {
        ota_orchestrator_link_up(o);
    }
    /* A command that means nothing (any more) is dropped: the state has moved on. */
    for (uint32_t c = 0; c <= OTA_COMMAND_LAST; c++) {
        if ((signals >> c & 1u) != 0) {
            (void)(ota_orchestrator_command(o, (enum ota_command)c) == OTA_OK);
        }
    }
    if ((signals & DECIDED) != 0) {
        give_decision(a);
    }
}

/* Take the oldest block: nobody else touches it, nor `in->head`, until it is released. */
static const uint8_t *take_block(struct ota_agent *a, struct head *head)
{
    struct ota_inbox *const in = &a->inbox;
    const uint8_t *block = NULL;
    ota_agent_lock(a);
    if (in->waiting > 0) {
        block = block_at(in, 0);
        memcpy(head, block, sizeof *head);
        in->waiting--;
        in->reading = 1;
        in->stats.processed += head->kind != INBOX_TOO_LARGE; /* that is counted already */
    }
    unlock(a);
    return block;
}

static void give_message(struct ota_agent *a, ota_ms_t now)
{
    struct head head;
    const uint8_t *const block = take_block(a, &head);
    if (block == NULL) {
        return;
    }
    const struct ota_span topic = { block + sizeof head, head.topic_len };
    const struct ota_span payload = { topic.ptr + topic.len, head.payload_len };
    switch ((enum inbox_kind)head.kind) {
    case INBOX_MESSAGE: ota_orchestrator_message(&a->orchestrator, topic, payload, now); break;
    case INBOX_TOO_LARGE: ota_orchestrator_too_large(&a->orchestrator, topic); break;
    case INBOX_SUBACK: ota_orchestrator_subscribed(&a->orchestrator, topic); break;
    case INBOX_FETCHED: a->give_fetched(a, topic, payload, now); break;
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
    const struct ota_inbox *const in = &a->inbox;
    ota_agent_lock(a);
    const bool posted = (in->waiting | in->signals) != 0;
    unlock(a);
    return posted ? 0 : ota_orchestrator_deadline(&a->orchestrator);
}
