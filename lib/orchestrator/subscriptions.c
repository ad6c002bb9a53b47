/*
 * The eight subscriptions, and the gate: nothing is asked before the SUBACKs of
 * its answers' topics have come, or the answer could be lost for ever.
 */
#include "ota/assert.h"
#include "ota/backoff.h"
#include "workflow.h"

#include <assert.h>

#define JOBS_MASK 0x3fu
#define ALL_MASK  0xffu

static_assert(OTA_SUBSCRIPTIONS == 8u, "a bit each in sub_acked and sub_sent");

static const uint8_t kinds[OTA_SUBSCRIPTIONS] = {
    OTA_TOPIC_JOBS_NOTIFY,         OTA_TOPIC_JOBS_NOTIFY_NEXT,    /* without an id */
    OTA_TOPIC_JOB_GET_ACCEPTED,    OTA_TOPIC_JOB_GET_REJECTED,    /* of $next */
    OTA_TOPIC_JOB_UPDATE_ACCEPTED, OTA_TOPIC_JOB_UPDATE_REJECTED, /* of any */
    OTA_TOPIC_STREAM_DATA,         OTA_TOPIC_STREAM_REJECTED,
};

struct ota_span ota_orchestrator_filter(const struct ota_orchestrator *o, unsigned index)
{
    OTA_ASSERT(index < OTA_SUBSCRIPTIONS);
    const struct ota_topic topic = {
        .kind = (enum ota_topic_kind)kinds[index],
        .thing = o->cfg.thing,
        .id = ota_span_of_str(index < 2u   ? ""
                              : index < 4u ? "$next"
                                           : "+"),
        .format = o->cfg.format,
    };
    struct ota_writer w = ota_writer(o->cfg.scratch.topic);
    ota_topic_write(&w, o->cfg.root, &topic);
    return ota_writer_done(&w);
}

bool ota_jobs_gate(const struct ota_orchestrator *o)
{
    return o->link && !o->suspended && (o->sub_acked & JOBS_MASK) == JOBS_MASK;
}

bool ota_stream_gate(const struct ota_orchestrator *o)
{
    return o->link && o->sub_acked == ALL_MASK;
}

void ota_subscriptions_reset(struct ota_orchestrator *o)
{
    o->sub_acked = 0;
    o->sub_sent = 0;
    o->sub_deadline = 0;
    o->sub_silences = 0;
}

void ota_subscriptions_acked(struct ota_orchestrator *o, struct ota_span acked)
{
    if (!o->link) {
        return; /* of a connection that is gone */
    }
    for (unsigned i = 0; i < OTA_SUBSCRIPTIONS; i++) {
        const unsigned bit = 1u << i;
        if ((o->sub_sent & ~(unsigned)o->sub_acked & bit) != 0 &&
            ota_span_eq(ota_orchestrator_filter(o, i), acked)) {
            o->sub_acked |= (uint8_t)bit;
            o->busy = true;
            if ((bit & JOBS_MASK) != 0 && ota_jobs_gate(o)) { /* it has just opened */
                o->news = true;
                ota_jobs_reconnected(&o->jobs);
                ota_check(o);
            }
            return;
        }
    }
}

bool ota_subscriptions_poll(struct ota_orchestrator *o, struct ota_effect *effect)
{
    if (!o->link || o->sub_acked == ALL_MASK) {
        return false;
    }
    if (o->sub_sent == ALL_MASK) {
        if (o->now < o->sub_deadline) {
            return false;
        }
        o->sub_sent = o->sub_acked; /* a SUBACK is missing for too long: ask for those again */
        o->sub_silences++;
    }
    unsigned i = 0; /* one of them is not: neither what was acked nor what was sent is ALL */
    while (((unsigned)o->sub_sent >> i & 1u) != 0) {
        i++;
    }
    o->sub_sent |= (uint8_t)(1u << i);
    o->sub_deadline = ota_backoff_deadline(&o->jobs.backoff, o->sub_silences, o->now);
    effect->kind = OTA_EFFECT_SUBSCRIBE;
    effect->as.subscribe.filter = ota_orchestrator_filter(o, i);
    effect->as.subscribe.qos = i < 6u ? OTA_QOS_1 : OTA_QOS_0;
    return true;
}
