/*
 * The wire: messages on their way, with latency, loss, doubling and reordering.
 */
#include "ota/fetched.h"
#include "sim_priv.h"

#include <stdlib.h>
#include <string.h>

static uint8_t *copy(struct ota_span from)
{
    uint8_t *to = malloc(from.len > 0 ? from.len : 1u);
    sim_must(to != NULL, "out of memory");
    if (from.len > 0) {
        memcpy(to, from.ptr, from.len);
    }
    return to;
}

static void release(struct sim_message *m)
{
    free(m->topic);
    free(m->payload);
    free(m);
}

/* Behind all that arrives no later: without jitter, the order is kept. */
static void enqueue(struct sim *s, struct sim_message *m)
{
    struct sim_message **at = &s->queue;
    while (*at != NULL && (*at)->at <= m->at) {
        at = &(*at)->next;
    }
    m->next = *at;
    *at = m;
}

static ota_ms_t latency(struct sim *s)
{
    const uint32_t jitter = s->cfg.jitter_ms > 0 ? sim_random(s) % (s->cfg.jitter_ms + 1u) : 0;
    return s->cfg.latency_ms + jitter;
}

static bool happens(struct sim *s, uint32_t permille)
{
    return permille > 0 && sim_random(s) % 1000u < permille;
}

static struct sim_message *make(struct sim *s, enum sim_direction to, ota_ms_t after,
                                struct ota_span topic, struct ota_span payload)
{
    struct sim_message *m = calloc(1, sizeof *m);
    sim_must(m != NULL, "out of memory");
    m->at = s->now + after;
    m->to = to;
    m->topic = copy(topic);
    m->topic_len = topic.len;
    m->payload = copy(payload);
    m->payload_len = payload.len;
    return m;
}

/* On its way: and behind it those that it has overtaken. */
static void depart(struct sim *s, struct sim_message *m)
{
    struct sim_message **const held = &s->overtaken[m->to != SIM_TO_PROVIDER];
    enqueue(s, m);
    while (*held != NULL) {
        struct sim_message *const next = *held;
        *held = next->next;
        next->at = m->at;
        enqueue(s, next);
    }
}

static void hold(struct sim *s, struct sim_message *m)
{
    struct sim_message **at = &s->overtaken[m->to != SIM_TO_PROVIDER];
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = m;
}

static void send(struct sim *s, enum sim_direction to, ota_ms_t after, struct ota_span topic,
                 struct ota_span payload)
{
    struct sim_message *m = make(s, to, after, topic, payload);
    const struct sim_fate fate =
        s->fate != NULL ? s->fate(s, m) : (struct sim_fate){ SIM_PASSES, 0 };
    switch (fate.kind) {
    case SIM_PASSES: break;
    case SIM_LOST: release(m); return;
    case SIM_TWICE: enqueue(s, make(s, to, after + fate.late, topic, payload)); break;
    case SIM_LATE:
        m->at += fate.late;
        m->kept = to != SIM_SUBACK; /* that one is the connection's own */
        break;
    case SIM_OVERTAKEN: hold(s, m); return;
    }
    depart(s, m);
}

void sim_wire_send(struct sim *s, bool to_device, struct ota_span topic, struct ota_span payload)
{
    const enum sim_direction to = to_device ? SIM_TO_DEVICE : SIM_TO_PROVIDER;
    if (!s->link) {
        return; /* nobody is connected; it may have broken while a window of blocks was sent */
    }
    if (s->on_wire != NULL && !s->on_wire(s, to, topic, payload)) {
        return;
    }
    if (happens(s, s->cfg.loss_permille)) {
        return;
    }
    send(s, to, latency(s), topic, payload);
    if (happens(s, s->cfg.double_permille)) {
        send(s, to, latency(s), topic, payload);
    }
}

void sim_say(struct sim *s, ota_ms_t after, struct ota_span topic, struct ota_span payload)
{
    enqueue(s, make(s, SIM_TO_DEVICE, after, topic, payload));
}

void sim_wire_suback(struct sim *s, struct ota_span filter)
{
    send(s, SIM_SUBACK, latency(s), filter, OTA_SPAN_NONE);
}

void sim_wire_fetched(struct sim *s, ota_ms_t after, const struct sim_fetched *part,
                      struct ota_span bytes)
{
    struct sim_message *m = make(s, SIM_FETCHED, after, OTA_SPAN_NONE, bytes);
    m->fetched = *part;
    enqueue(s, m);
}

void sim_hear(struct sim *s, enum sim_direction to, struct ota_span topic, struct ota_span payload)
{
    switch (to) {
    case SIM_TO_PROVIDER: sim_provider_receive(s, topic, payload); break;
    case SIM_TO_DEVICE:
        if (s->device.runs) {
            const uint32_t before = sim_erases(s);
            ota_orchestrator_message(&s->device.o, topic, payload, s->now);
            sim_note_erases(s, before);
        }
        break;
    case SIM_FETCHED: break; /* see deliver() */
    case SIM_SUBACK:
        if (s->device.runs) {
            ota_orchestrator_subscribed(&s->device.o, topic);
        }
        break;
    }
}

static void hear_fetched(struct sim *s, const struct sim_fetched *part, struct ota_span bytes)
{
    struct ota_orchestrator *o = &s->device.o;
    if (!s->device.runs) {
        return;
    }
    switch (part->kind) {
    case SIM_HEAD:
        ota_orchestrator_fetched_head(o, part->transfer, part->status, bytes, s->now);
        break;
    case SIM_BODY: ota_orchestrator_fetched_body(o, part->transfer, bytes, s->now); break;
    case SIM_ENDED: ota_orchestrator_fetched_ended(o, part->transfer, s->now); break;
    }
}

static void deliver(struct sim *s, const struct sim_message *m)
{
    const struct ota_span topic = { m->topic, m->topic_len };
    const struct ota_span payload = { m->payload, m->payload_len };
    if (m->to == SIM_FETCHED) {
        hear_fetched(s, &m->fetched, payload);
    } else {
        sim_hear(s, m->to, topic, payload);
    }
}

void sim_wire_deliver(struct sim *s)
{
    while (s->queue != NULL && s->queue->at <= s->now) {
        struct sim_message *m = s->queue;
        s->queue = m->next;
        if (s->on_arrival != NULL) {
            s->on_arrival(s, m);
        }
        deliver(s, m);
        release(m);
    }
}

static void drop_overtaken(struct sim *s)
{
    for (unsigned i = 0; i < 2; i++) {
        while (s->overtaken[i] != NULL) {
            struct sim_message *const m = s->overtaken[i];
            s->overtaken[i] = m->next;
            release(m);
        }
    }
}

void sim_wire_cut(struct sim *s)
{
    drop_overtaken(s);
    for (struct sim_message **at = &s->queue; *at != NULL;) {
        struct sim_message *m = *at;
        if (m->kept) {
            at = &m->next;
        } else {
            *at = m->next;
            release(m);
        }
    }
}

void sim_wire_close(struct sim *s)
{
    for (struct sim_message *m = s->queue; m != NULL; m = m->next) {
        m->kept = false;
    }
    sim_wire_cut(s);
}
