/*
 * The wire: messages on their way, with latency, loss, doubling and reordering.
 */
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

static void send(struct sim *s, enum sim_direction to, ota_ms_t after, struct ota_span topic,
                 struct ota_span payload)
{
    struct sim_message *m = calloc(1, sizeof *m);
    sim_must(m != NULL, "out of memory");
    m->at = s->now + after;
    m->to = to;
    m->topic = copy(topic);
    m->topic_len = topic.len;
    m->payload = copy(payload);
    m->payload_len = payload.len;
    enqueue(s, m);
}

void sim_wire_send(struct sim *s, bool to_device, struct ota_span topic, struct ota_span payload)
{
    const enum sim_direction to = to_device ? SIM_TO_DEVICE : SIM_TO_PROVIDER;
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
    send(s, SIM_TO_DEVICE, after, topic, payload);
}

void sim_wire_suback(struct sim *s, struct ota_span filter)
{
    send(s, SIM_SUBACK, latency(s), filter, OTA_SPAN_NONE);
}

static void deliver(struct sim *s, const struct sim_message *m)
{
    const struct ota_span topic = { m->topic, m->topic_len };
    const struct ota_span payload = { m->payload, m->payload_len };
    switch (m->to) {
    case SIM_TO_PROVIDER: sim_provider_receive(s, topic, payload); break;
    case SIM_TO_DEVICE:
        if (s->device.runs) {
            ota_orchestrator_message(&s->device.o, topic, payload, s->now);
        }
        break;
    case SIM_SUBACK:
        if (s->device.runs) {
            ota_orchestrator_subscribed(&s->device.o, topic);
        }
        break;
    }
}

void sim_wire_deliver(struct sim *s)
{
    while (s->queue != NULL && s->queue->at <= s->now) {
        struct sim_message *m = s->queue;
        s->queue = m->next;
        deliver(s, m);
        release(m);
    }
}

void sim_wire_cut(struct sim *s)
{
    while (s->queue != NULL) {
        struct sim_message *m = s->queue;
        s->queue = m->next;
        release(m);
    }
}
