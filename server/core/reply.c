#include "reply.h"
#include "ota/assert.h"

void srv_reply_begin(struct srv_reply *r, struct srv_tx *tx, struct ota_span token, size_t extra)
{
    r->w = srv_tx_writer(tx, SRV_REPLY_ROOM + extra);
    r->o = ota_json_out(&r->w);
    ota_json_object_begin(&r->o);
    ota_json_key(&r->o, "timestamp");
    ota_json_put_u64(&r->o, (uint64_t)tx->now_s);
    if (token.ptr != NULL) {
        ota_json_key(&r->o, "clientToken");
        ota_json_put_string(&r->o, token);
    }
}

void srv_reply_send(struct srv_reply *r, struct srv_tx *tx, const struct ota_topic *topic,
                    uint64_t outbox_id)
{
    ota_json_object_end(&r->o);
    const struct ota_span payload = ota_writer_done(&r->w);
    OTA_ASSERT(payload.len > 0); /* the rooms are computed from the limits of what is stored */
    srv_tx_publish(tx, topic, payload, outbox_id);
}

static void number(struct ota_json_out *o, const char *name, uint64_t value)
{
    ota_json_key(o, name);
    ota_json_put_u64(o, value);
}

static void summary(struct ota_json_out *o, const struct srv_execution *e)
{
    ota_json_key(o, "jobId");
    ota_json_put_str(o, e->job_id);
    number(o, "queuedAt", (uint64_t)e->queued_at_s);
    if (e->started_at_s != 0) {
        number(o, "startedAt", (uint64_t)e->started_at_s);
    }
    number(o, "lastUpdatedAt", (uint64_t)e->updated_at_s);
    number(o, "versionNumber", e->version);
    number(o, "executionNumber", e->number);
}

static void state(struct ota_json_out *o, const struct srv_execution *e)
{
    ota_json_key(o, "status");
    ota_json_put_str(o, ota_job_status_name(e->status));
    if (e->details.len > 0) {
        ota_json_key(o, "statusDetails");
        ota_json_put_raw(o, e->details);
    }
}

/* The first of both timers to end; 0: neither runs. */
static int64_t deadline_of(const struct srv_execution *e)
{
    if (e->step_deadline_s == 0 || e->progress_deadline_s == 0) {
        return e->step_deadline_s + e->progress_deadline_s;
    }
    return e->step_deadline_s < e->progress_deadline_s ? e->step_deadline_s
                                                       : e->progress_deadline_s;
}

size_t srv_execution_room(const struct srv_execution *e, struct ota_span document)
{
    return e->details.len + document.len;
}

void srv_reply_execution(struct srv_reply *r, const char *name, const struct srv_execution *e,
                         struct ota_span document, int64_t now_s)
{
    struct ota_json_out *o = &r->o;
    ota_json_key(o, name);
    ota_json_object_begin(o);
    summary(o, e);
    state(o, e);
    const int64_t deadline = deadline_of(e);
    if (deadline != 0) {
        number(o, "approximateSecondsBeforeTimedOut",
               deadline > now_s ? (uint64_t)(deadline - now_s) : 0);
    }
    if (document.len > 0) {
        ota_json_key(o, "jobDocument");
        ota_json_put_raw(o, document);
    }
    ota_json_object_end(o);
}

void srv_reply_state(struct srv_reply *r, const char *name, const struct srv_execution *e)
{
    ota_json_key(&r->o, name);
    ota_json_object_begin(&r->o);
    state(&r->o, e);
    number(&r->o, "versionNumber", e->version);
    ota_json_object_end(&r->o);
}

void srv_reply_summaries(struct srv_reply *r, const char *name, const struct srv_execution *rows,
                         size_t count, enum ota_job_status status)
{
    ota_json_key(&r->o, name);
    ota_json_array_begin(&r->o);
    for (size_t i = 0; i < count; i++) {
        if (rows[i].status == status) {
            ota_json_object_begin(&r->o);
            summary(&r->o, &rows[i]);
            ota_json_object_end(&r->o);
        }
    }
    ota_json_array_end(&r->o);
}
