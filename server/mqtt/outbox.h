/*
 * Outbox: which notifications are on their way to the broker, which it has
 * taken, and from where the rest is to be rendered.
 *
 * Rows are written with the change that they tell of. One that is acknowledged
 * (PUBACK) is dropped with a later transaction. After a new connection, or
 * when there were too many at once, the rows are rendered again from the first:
 * a doubled notification is harmless, a lost one is not.
 */
#ifndef SRV_OUTBOX_H
#define SRV_OUTBOX_H

#include "core/srv.h"
#include "ota/clock.h"

/* Unacknowledged notifications; each may hold a document of 32 KiB. */
#define OUTBOX_FLYING_MAX 256u
/* Acknowledged rows wait so long for a transaction that happens anyway. */
#define OUTBOX_LINGER_MS 250u

struct outbox {
    struct {
        int mid;
        uint64_t id;
    } flying[OUTBOX_FLYING_MAX];
    size_t flying_count;
    uint64_t taken[OUTBOX_FLYING_MAX]; /* acknowledged, their rows still there */
    size_t taken_count;
    ota_ms_t taken_since;
    uint64_t published; /* every row up to this id has been published on this connection */
    bool behind;        /* there are, or may be, rows beyond it that have not */
};

/** A connection has begun (nothing of the old one counts), or has ended. */
void outbox_restart(struct outbox *o);

/** Whether notification `id`, just committed, may be published now; if not, its turn comes. */
bool outbox_may_publish(struct outbox *o, uint64_t id);
void outbox_published(struct outbox *o, uint64_t id, int mid);
void outbox_acknowledged(struct outbox *o, int mid, ota_ms_t now_ms);

/** Whether rows behind o->published should be rendered and published now. */
bool outbox_wants_page(const struct outbox *o);

/** Whether acknowledged rows should be dropped now. */
bool outbox_drop_due(const struct outbox *o, ota_ms_t now_ms);
/** What came of it. Rows that could not be dropped (the disk is full) linger once more, so that it is not tried without end. */
void outbox_drop_tried(struct outbox *o, const struct srv_err *result, ota_ms_t now_ms);

#endif
