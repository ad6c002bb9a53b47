/*
 * Where your MQTT client goes: three functions down, four up. The comments name what coreMQTT-Agent has for each;
 * any client will do that can tell of a SUBACK.
 *
 * Topics and payloads are spans, without a final zero, and live until the callback returns: a client that sends later
 * copies them. coreMQTT-Agent does not copy: block here until its completion callback has come, or keep a few buffers.
 */
#include "connection.h"

/* --- down: the agent asks -------------------------------------------------------------------- */

/* MQTTAgent_Publish(). False if there is no connection or its queue is full: the agent asks again later. */
static bool publish(void *context, struct ota_span topic, struct ota_span payload, enum ota_qos qos)
{
    (void)context;
    (void)topic;
    (void)payload;
    (void)qos;
    return false;
}

/* MQTTAgent_Subscribe(); when its completion callback says that the broker granted it: OTA_OnSubscribed(filter). */
static bool subscribe(void *context, struct ota_span filter, enum ota_qos qos)
{
    (void)context;
    (void)filter;
    (void)qos;
    return false;
}

/* MQTTAgent_Unsubscribe(). */
static bool unsubscribe(void *context, struct ota_span filter)
{
    (void)context;
    (void)filter;
    return false;
}

struct OTA_Mqtt connection_for_agent(void)
{
    return (struct OTA_Mqtt){ publish, subscribe, unsubscribe, NULL };
}

/* --- up: the connection tells ------------------------------------------------------------------ */

/* The incoming publish callback (MQTTAgentIncomingPublishCallback_t). What is not the agent's, the agent leaves alone. */
static void on_message(struct ota_span topic, struct ota_span payload)
{
    OTA_OnMessage(topic, payload);
}

void connection_run(void)
{
    /* TCP, TLS with the device's certificate, MQTT_Connect(); with back-off, until it stands. */
    OTA_OnConnected();
    /* MQTTAgent_CommandLoop(): returns when the connection is lost. In it comes: */
    on_message(OTA_SPAN_LIT("app/device-1/light"), OTA_SPAN_LIT("on"));
    OTA_OnDisconnected();
    /* And from the beginning. */
}

void connection_send(const char *topic, const char *text)
{
    (void)publish(NULL, ota_span_of_str(topic), ota_span_of_str(text), OTA_QOS_0);
}
