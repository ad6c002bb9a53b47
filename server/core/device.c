/*
 * A message on a Jobs request topic: whose, which, what; then its handler, and
 * the rejection if that refuses.
 */
#include "request.h"
#include <string.h>

enum ota_wire_code srv_code_wire(enum srv_code code)
{
    switch (code) {
    case SRV_E_TOPIC: return OTA_WIRE_InvalidTopic;
    case SRV_E_JSON: return OTA_WIRE_InvalidJson;
    case SRV_E_CBOR: return OTA_WIRE_InvalidCbor;
    case SRV_E_INVALID:
    case SRV_E_EXISTS:
    case SRV_E_LIMIT: return OTA_WIRE_InvalidRequest;
    case SRV_E_UNAUTHORIZED: return OTA_WIRE_Unauthorized;
    case SRV_E_NOT_FOUND: return OTA_WIRE_ResourceNotFound;
    case SRV_E_STATE: return OTA_WIRE_InvalidStateTransition;
    case SRV_E_VERSION: return OTA_WIRE_VersionMismatch;
    case SRV_E_TERMINAL: return OTA_WIRE_TerminalStateReached;
    case SRV_E_BUSY: return OTA_WIRE_RequestThrottled;
    case SRV_E_BLOCK_SIZE: return OTA_WIRE_BlockSizeOutOfBounds;
    case SRV_E_OFFSET: return OTA_WIRE_OffsetOutOfBounds;
    case SRV_E_BLOCK_COUNT: return OTA_WIRE_BlockCountLimitExceeded;
    case SRV_E_BITMAP: return OTA_WIRE_BlockBitmapLimitExceeded;
    case SRV_OK:
    case SRV_E_DISK_FULL:
    case SRV_E_UNAVAILABLE:
    case SRV_E_INTERNAL: return OTA_WIRE_InternalError;
    }
    return OTA_WIRE_InternalError;
}

static const struct request_kind {
    enum ota_topic_kind request, accepted, rejected;
    bool (*handle)(struct srv_tx *tx, struct srv_request *rq);
} kinds[] = {
    { OTA_TOPIC_JOBS_GET, OTA_TOPIC_JOBS_GET_ACCEPTED, OTA_TOPIC_JOBS_GET_REJECTED,
      srv_request_get },
    { OTA_TOPIC_JOBS_START_NEXT, OTA_TOPIC_JOBS_START_NEXT_ACCEPTED,
      OTA_TOPIC_JOBS_START_NEXT_REJECTED, srv_request_start_next },
    { OTA_TOPIC_JOB_GET, OTA_TOPIC_JOB_GET_ACCEPTED, OTA_TOPIC_JOB_GET_REJECTED,
      srv_request_describe },
    { OTA_TOPIC_JOB_UPDATE, OTA_TOPIC_JOB_UPDATE_ACCEPTED, OTA_TOPIC_JOB_UPDATE_REJECTED,
      srv_request_update },
};

static const struct request_kind *kind_of(enum ota_topic_kind topic)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].request == topic) {
            return &kinds[i];
        }
    }
    return NULL;
}

void srv_request_accept(struct srv_tx *tx, const struct srv_request *rq, struct srv_reply *r)
{
    struct ota_topic topic = rq->topic;
    topic.kind = kind_of(rq->topic.kind)->accepted;
    srv_reply_send(r, tx, &topic, 0);
}

static void reject_body(struct srv_tx *tx, const struct srv_request *rq, struct srv_reply *r)
{
    srv_reply_begin(r, tx, rq->token, srv_execution_room(&rq->current, OTA_SPAN_NONE));
    ota_json_key(&r->o, "code");
    ota_json_put_str(&r->o, ota_wire_code_name(srv_code_wire(tx->err->code)));
    ota_json_key(&r->o, "message");
    ota_json_put_str(&r->o, tx->err->text);
    if (rq->tells_state) {
        srv_reply_state(r, "executionState", &rq->current);
    }
}

static void reject(struct srv_tx *tx, const struct srv_request *rq)
{
    struct ota_topic topic = rq->topic;
    topic.kind = kind_of(rq->topic.kind)->rejected;
    struct srv_reply r;
    reject_body(tx, rq, &r);
    srv_reply_send(&r, tx, &topic, 0);
}

/*
 * The topic has the shape of a request, but a name in it is none (or a verb):
 * InvalidTopic, on that topic with "/rejected" behind it. Nobody's subscription
 * but the device's matches that, ours neither: it has one level more.
 */
static void reject_topic(struct srv_tx *tx, struct ota_span topic)
{
    static const char suffix[] = "/rejected";
    struct srv_request rq = { .token = OTA_SPAN_NONE };
    struct srv_reply r;
    reject_body(tx, &rq, &r);
    ota_json_object_end(&r.o);

    struct ota_writer w = srv_tx_writer(tx, topic.len + sizeof suffix);
    ota_write_bytes(&w, topic);
    ota_write_str(&w, suffix);
    srv_tx_message(tx, ota_writer_done(&w), ota_writer_done(&r.w), 0);
}

bool srv_request_thing_ok(struct srv_tx *tx, struct ota_span name)
{
    struct srv_thing thing;
    if (!srv_db_thing_get(tx->db, name, &thing)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "there is no such thing");
    }
    if (thing.state == SRV_THING_DISABLED) {
        return srv_fail(tx->err, SRV_E_UNAUTHORIZED, "the thing is disabled");
    }
    return true;
}

static bool handle(struct srv_tx *tx, struct srv_request *rq, struct ota_span payload)
{
    json_t *body = NULL;
    bool done = srv_json_object(payload, &body, tx->err);
    if (done) {
        rq->body = body;
        done = srv_json_token(body, &rq->token, tx->err) &&
               srv_request_thing_ok(tx, rq->topic.thing) && kind_of(rq->topic.kind)->handle(tx, rq);
    }
    if (!done) {
        reject(tx, rq);
    }
    json_decref(body); /* the token was borrowed until here */
    return done;
}

bool srv_do_device_request(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_request rq = { .token = OTA_SPAN_NONE };
    if (srv_shadow_is(tx, c->device.topic)) {
        return srv_do_shadow(tx, c);
    }
    const ota_err_t err =
        ota_topic_parse(ota_span_of_str(tx->core->topic_root), c->device.topic, &rq.topic);
    if (err == OTA_E_NAME) {
        srv_fail(tx->err, SRV_E_TOPIC, "a name in the topic is not legal");
        reject_topic(tx, c->device.topic);
        return false;
    }
    if (err != OTA_OK || kind_of(rq.topic.kind) == NULL) {
        return srv_fail(tx->err, SRV_E_TOPIC, "not a request"); /* perhaps an echo: no answer */
    }
    return handle(tx, &rq, c->device.payload);
}

void srv_device_refuse(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_request rq = { .token = OTA_SPAN_NONE };
    struct srv_err unread;
    json_t *body = NULL;
    srv_shadow_refuse(tx, c);
    if (ota_topic_parse(ota_span_of_str(tx->core->topic_root), c->device.topic, &rq.topic) !=
            OTA_OK ||
        kind_of(rq.topic.kind) == NULL) {
        return;
    }
    if (srv_json_object(c->device.payload, &body, &unread)) {
        (void)srv_json_token(body, &rq.token, &unread); /* what cannot be read is not echoed */
    }
    reject(tx, &rq);
    json_decref(body);
}
