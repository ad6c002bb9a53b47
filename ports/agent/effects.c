/* What the agent wants done: by the application's clients, its reset, its callback. */
#include "effects.h"

/* --- clients and reset ----------------------------------------------------------------------- */

void ota_outside_take(struct ota_outside *o, const struct OTA_Config *config)
{
    *o =
        (struct ota_outside){ config->mqtt, config->http, config->reset, config->reset_context, 0 };
}

void ota_outside_perform(struct ota_outside *o, const struct ota_effect *effect)
{
    const struct OTA_Mqtt *m = &o->mqtt;
    const struct OTA_Http *h = &o->http;
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
    case OTA_EFFECT_FETCH:
        (void)h->get(h->context, effect->as.fetch.url, effect->as.fetch.first,
                     effect->as.fetch.last, effect->as.fetch.transfer);
        o->transfer = effect->as.fetch.transfer;
        break;
    case OTA_EFFECT_FETCH_STOP: h->give_up(h->context, effect->as.fetch.transfer); break;
    case OTA_EFFECT_REBOOT: o->reset(o->reset_context); break;
    case OTA_EFFECT_EVENT: break;
    }
}

void ota_outside_leave(struct ota_outside *o, const struct ota_orchestrator *orchestrator)
{
    for (unsigned i = 0; i < OTA_SUBSCRIPTIONS; i++) {
        (void)o->mqtt.unsubscribe(o->mqtt.context, ota_orchestrator_filter(orchestrator, i));
    }
    if (o->transfer != 0) {
        o->http.give_up(o->http.context, o->transfer);
    }
}

/* --- events ---------------------------------------------------------------------------------- */

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
    case OTA_EVENT_OFFER: return OTA_JobEvent_Offer;
    case OTA_EVENT_FILE_COMPLETE: return OTA_JobEvent_FileComplete;
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

static void decide_by_default(OTA_JobEvent_t event)
{
    if (event == OTA_JobEvent_Activate || event == OTA_JobEvent_Offer) {
        (void)OTA_Decide(OTA_Decision_Accept, 0, 0, NULL);
    } else if (event == OTA_JobEvent_CustomJob) {
        (void)OTA_Decide(OTA_Decision_Refuse, 0, 0, NULL);
    } else if (event == OTA_JobEvent_StartTest) {
        (void)OTA_SetImageState(OTA_ImageState_Accepted);
    }
}

void ota_facade_tell(const struct ota_effect *effect, OTA_CompleteCallback_t callback,
                     void *context)
{
    const OTA_JobEvent_t event = event_of(effect->as.event.kind);
    const struct OTA_EventData data = {
        .info = effect->as.event.kind,
        .error = effect->as.event.error,
        .reason = effect->as.event.reason,
        .value = effect->as.event.value,
        .total = effect->as.event.total,
        .ticket = effect->as.event.ticket,
        .job_id = effect->as.event.job_id,
        .document = effect->as.event.document,
    };
    if (callback != NULL) {
        callback(event, &data, context);
    } else {
        decide_by_default(event);
    }
}
