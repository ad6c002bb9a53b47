/*
 * Notifications. What each event sends (AWS IoT Jobs, developer guide and captures):
 *
 *     notify       the membership of the thing's pending list has changed
 *     notify-next  its first execution is another one than before
 *
 * Both are rows of the outbox, written with the change. A row says only which
 * and to whom: when it is rendered again after a crash, it tells the present.
 */
#include "reply.h"
#include <string.h>

struct srv_front srv_front_of(struct srv_tx *tx, struct ota_span thing)
{
    struct srv_execution *first;
    struct srv_front front = { .number = 0 };
    if (srv_db_execution_pending(tx->db, tx->arena, thing, 1, &first) > 0) {
        memcpy(front.job_id, first->job_id, sizeof front.job_id);
        front.number = first->number;
    }
    return front;
}

static void render_notify(struct srv_tx *tx, const struct ota_topic *topic, uint64_t outbox_id)
{
    static const struct {
        const char *name;
        enum ota_job_status status;
    } lists[] = { { "IN_PROGRESS", OTA_JOB_IN_PROGRESS }, { "QUEUED", OTA_JOB_QUEUED } };

    struct srv_execution *rows;
    const size_t count =
        srv_db_execution_pending(tx->db, tx->arena, topic->thing, SRV_PENDING_MAX, &rows);
    struct srv_reply r;
    srv_reply_begin(&r, tx, OTA_SPAN_NONE, count * SRV_SUMMARY_ROOM);
    ota_json_key(&r.o, "jobs");
    ota_json_object_begin(&r.o);
    for (size_t i = 0; i < 2; i++) {
        bool any = false; /* an empty list is left out */
        for (size_t k = 0; k < count; k++) {
            any = any || rows[k].status == lists[i].status;
        }
        if (any) {
            srv_reply_summaries(&r, lists[i].name, rows, count, lists[i].status);
        }
    }
    ota_json_object_end(&r.o);
    srv_reply_send(&r, tx, topic, outbox_id);
}

static void render_notify_next(struct srv_tx *tx, const struct ota_topic *topic, uint64_t outbox_id)
{
    struct srv_execution *first;
    struct srv_job job = { .document = OTA_SPAN_NONE };
    struct srv_reply r;
    if (srv_db_execution_pending(tx->db, tx->arena, topic->thing, 1, &first) == 0 ||
        !srv_db_job_get(tx->db, tx->arena, ota_span_of_str(first->job_id), &job)) {
        srv_reply_begin(&r, tx, OTA_SPAN_NONE, 0); /* nothing pending: a bare timestamp */
    } else {
        const struct ota_span document = srv_document_for(tx, &job, first->thing);
        srv_reply_begin(&r, tx, OTA_SPAN_NONE, srv_execution_room(first, document));
        srv_reply_execution(&r, "execution", first, document, tx->now_s);
    }
    srv_reply_send(&r, tx, topic, outbox_id);
}

void srv_notice_render(struct srv_tx *tx, const struct srv_outbox_row *row)
{
    struct ota_topic topic = { .thing = ota_span_of_str(row->thing) };
    switch (row->notice) {
    case SRV_NOTICE_NOTIFY:
        topic.kind = OTA_TOPIC_JOBS_NOTIFY;
        render_notify(tx, &topic, row->id);
        return;
    case SRV_NOTICE_NOTIFY_NEXT:
        topic.kind = OTA_TOPIC_JOBS_NOTIFY_NEXT;
        render_notify_next(tx, &topic, row->id);
        return;
    }
}

static void send(struct srv_tx *tx, struct ota_span thing, enum srv_notice notice)
{
    struct srv_outbox_row row = { .notice = notice };
    srv_name_set(row.thing, sizeof row.thing, thing);
    row.id = srv_db_outbox_put(tx->db, &row);
    if (tx->outcome->message_count >= SRV_OUTCOME_MESSAGES_MAX) {
        tx->outcome->only_in_outbox = true;
        return;
    }
    srv_notice_render(tx, &row);
}

void srv_notify(struct srv_tx *tx, struct ota_span thing, const struct srv_front *before,
                enum srv_membership membership)
{
    const struct srv_front now = srv_front_of(tx, thing);
    if (membership == SRV_PENDING_CHANGED) {
        char name[OTA_THING_NAME_MAX + 1u];
        srv_name_set(name, sizeof name, thing);
        srv_tx_changed(tx, name);
        send(tx, thing, SRV_NOTICE_NOTIFY);
    }
    if (now.number != before->number || strcmp(now.job_id, before->job_id) != 0) {
        send(tx, thing, SRV_NOTICE_NOTIFY_NEXT);
    }
}
