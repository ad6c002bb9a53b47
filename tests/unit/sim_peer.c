#include "sim_peer.h"
#include "sim_priv.h"
#include "t.h"

#define QUIET_STEP_MS 60000u

static bool is_lost(struct peer *p)
{
    return p->lose_permille > 0 && t_random(&p->random) % 1000u < p->lose_permille;
}

/* The simulator hands messages to its own device, which is off: they are taken here. */
static bool on_wire(struct sim *s, enum sim_direction to, struct ota_span topic,
                    struct ota_span payload)
{
    struct peer *const p = (struct peer *)s;
    const bool lost = is_lost(p);
    if (to != SIM_TO_DEVICE || lost) {
        return !lost;
    }
    assert_true(p->count < PEER_MESSAGES);
    p->kept[(p->first + p->count++) % PEER_MESSAGES] =
        (struct peer_message){ t_exact(topic.ptr, topic.len), t_exact(payload.ptr, payload.len),
                               topic.len, payload.len };
    return false;
}

void peer_open(struct peer *p, const struct sim_image *first)
{
    const struct sim_cfg cfg = sim_cfg_default();
    memset(p, 0, sizeof *p);
    sim_open(&p->sim, &cfg, first);
    p->sim.on_wire = on_wire;
    p->random = 1;
}

static void forget(struct peer *p)
{
    struct peer_message message;
    while (peer_take(p, &message)) {
        peer_release(&message);
    }
    sim_wire_cut(&p->sim);
}

void peer_close(struct peer *p)
{
    forget(p);
    sim_close(&p->sim);
}

struct ota_boot_result peer_boot(struct peer *p)
{
    struct sim *const s = &p->sim;
    struct ota_boot_result result;
    forget(p);
    flash_model_power_on(&s->flash);
    assert_int_equal(ota_store_open(&s->device.store, &s->flash.base, &s->layout), OTA_OK);
    const struct ota_boot_cfg cfg = { &s->device.store, s->crypto, &s->device.scratch, 1 };
    ota_boot(&cfg, &result);
    s->device.boot = result;
    assert_int_equal(ota_store_open(&s->device.store, &s->flash.base, &s->layout), OTA_OK);
    assert_int_equal(ota_store_trust(&s->device.store, &s->device.trust), OTA_OK);
    return result;
}

void peer_publish(struct peer *p, struct ota_span topic, struct ota_span payload)
{
    sim_wire_send(&p->sim, false, topic, payload);
}

bool peer_wait(struct peer *p, ota_ms_t until)
{
    struct sim *const s = &p->sim;
    while (p->count == 0 && s->now < until) {
        const ota_ms_t quiet = s->now + QUIET_STEP_MS < until ? s->now + QUIET_STEP_MS : until;
        s->now = s->queue != NULL && s->queue->at < quiet ? s->queue->at : quiet;
        sim_wire_deliver(s);
        sim_provider_tick(s);
    }
    return p->count > 0;
}

bool peer_take(struct peer *p, struct peer_message *message)
{
    if (p->count == 0) {
        return false;
    }
    *message = p->kept[p->first];
    p->first = (p->first + 1) % PEER_MESSAGES;
    p->count--;
    return true;
}

void peer_release(struct peer_message *message)
{
    free(message->topic);
    free(message->payload);
}
