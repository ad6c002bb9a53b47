/* One turn of the reactor: all that has come, in one transaction. */
#include "base/log.h"
#include "reactor_priv.h"
#include <stdlib.h>
#include <time.h>

ota_ms_t reactor_clock_ms(void)
{
    struct timespec now; /* counts while the machine sleeps, as the wall clock does */
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (ota_ms_t)now.tv_sec * 1000u + (ota_ms_t)(now.tv_nsec / 1000000);
}

int64_t reactor_wall_s(void)
{
    return (int64_t)time(NULL);
}

void reactor_batch_add(struct srv_reactor *r, const struct srv_command *command,
                       struct waiting *waiting)
{
    if (r->batch_count == r->batch_room) {
        r->batch_room = r->batch_room * 2u + REACTOR_BATCH_MAX;
        r->batch = realloc(r->batch, r->batch_room * sizeof *r->batch);
        if (r->batch == NULL) {
            abort(); /* as in srv_arena_take() */
        }
    }
    struct item *item = &r->batch[r->batch_count++];
    item->command = *command;
    item->waiting = waiting;
    srv_outcome_begin(&item->outcome);
}

/* One that the database cannot take must not fail the others: each alone then. */
static void apply_each(struct srv_reactor *r, int64_t now_s)
{
    for (size_t i = 0; i < r->batch_count; i++) {
        struct item *item = &r->batch[i];
        srv_outcome_end(&item->outcome);
        srv_apply_alone(&r->core, &item->command, now_s, &item->outcome);
    }
}

static void apply_all(struct srv_reactor *r)
{
    const int64_t now_s = reactor_wall_s();
    struct srv_err err;
    srv_db_begin(r->core.db);
    for (size_t i = 0; i < r->batch_count; i++) {
        srv_apply(&r->core, &r->batch[i].command, now_s, &r->batch[i].outcome);
    }
    if (!srv_db_commit(r->core.db, &err)) {
        srv_log(SRV_LOG_ERROR, "database.commit", "commands=%zu reason=\"%s\"", r->batch_count,
                err.text);
        apply_each(r, now_s);
    }
}

static void publish_one(struct srv_reactor *r, const struct srv_message *m)
{
    int mid = 0;
    if (m->outbox_id == 0) { /* a reply: lost, the device asks again */
        (void)srv_link_publish(r->link, m->topic, m->payload, 1, &mid);
        return;
    }
    if (srv_link_is_up(r->link) && outbox_may_publish(&r->outbox, m->outbox_id)) {
        if (srv_link_publish(r->link, m->topic, m->payload, 1, &mid)) {
            outbox_published(&r->outbox, m->outbox_id, mid);
        } else {
            r->outbox.behind = true;
        }
    }
}

static void publish_all(struct srv_reactor *r, const struct srv_outcome *outcome)
{
    for (size_t i = 0; i < outcome->message_count; i++) {
        publish_one(r, &outcome->messages[i]);
    }
    r->outbox.behind = r->outbox.behind || outcome->only_in_outbox;
}

static void log_command(const struct srv_command *c, const struct srv_err *err)
{
    static const struct {
        enum srv_command_kind kind;
        const char *event;
    } events[] = {
        { SRV_CMD_THING_CREATE, "thing.create" },   { SRV_CMD_THING_DISABLE, "thing.disable" },
        { SRV_CMD_THING_ENABLE, "thing.enable" },   { SRV_CMD_STREAM_CREATE, "stream.create" },
        { SRV_CMD_STREAM_UPDATE, "stream.update" }, { SRV_CMD_JOB_CREATE, "job.create" },
        { SRV_CMD_JOB_CANCEL, "job.cancel" },
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (events[i].kind == c->kind) {
            /* All of them begin with the name of what they are about. */
            const struct ota_span name = c->thing_disable.name;
            srv_log(err->code == SRV_OK ? SRV_LOG_INFO : SRV_LOG_WARN, events[i].event,
                    "name=%.*s%s%s%s", (int)(name.len < 128 ? name.len : 128),
                    (const char *)name.ptr, err->code == SRV_OK ? "" : " refused=\"",
                    err->code == SRV_OK ? "" : err->text, err->code == SRV_OK ? "" : "\"");
        }
    }
}

static void tell(struct srv_reactor *r, struct item *item)
{
    if (item->waiting == NULL) {
        return;
    }
    log_command(&item->command, &item->outcome.err);
    pthread_mutex_lock(&r->lock);
    *item->waiting->err = item->outcome.err;
    item->waiting->done = true;
    pthread_cond_signal(&item->waiting->ready);
    pthread_mutex_unlock(&r->lock); /* from here on it may be gone */
}

void reactor_batch_run(struct srv_reactor *r)
{
    if (r->batch_count == 0) {
        return;
    }
    apply_all(r);
    for (size_t i = 0; i < r->batch_count; i++) {
        struct item *item = &r->batch[i];
        publish_all(r, &item->outcome);
        for (size_t k = 0; k < item->outcome.changed_count; k++) {
            srv_streams_forget(r->streams, item->outcome.changed[k]);
        }
        if (item->outcome.streams_changed) {
            srv_streams_forget(r->streams, "");
        }
        if (item->command.kind == SRV_CMD_OUTBOX_SENT) {
            outbox_drop_tried(&r->outbox, &item->outcome.err, reactor_clock_ms());
        }
        r->more_ticks = r->more_ticks || item->outcome.more;
        tell(r, item);
        srv_outcome_end(&item->outcome);
    }
    r->batch_count = 0;
    srv_arena_end(&r->inbox);
}

static void publish_page(struct srv_reactor *r, const struct srv_outcome *page)
{
    for (size_t i = 0; i < page->message_count; i++) {
        const struct srv_message *m = &page->messages[i];
        int mid = 0;
        if (!srv_link_publish(r->link, m->topic, m->payload, 1, &mid)) {
            return; /* the link falls at its next step, and all begins anew */
        }
        outbox_published(&r->outbox, m->outbox_id, mid);
    }
}

/* What cannot be read is not told, for half a truth is none: it stays behind, and the next turn tries again. */
void reactor_outbox_run(struct srv_reactor *r)
{
    bool readable = true;
    while (readable && srv_link_is_up(r->link) && outbox_wants_page(&r->outbox)) {
        struct srv_outcome page;
        srv_outcome_begin(&page);
        const uint64_t last =
            srv_outbox_render(&r->core, r->outbox.published, reactor_wall_s(), &page);
        readable = r->core.db->err.code == SRV_OK;
        if (readable) {
            r->outbox.behind = last != r->outbox.published;
            publish_page(r, &page);
        } else {
            srv_log(SRV_LOG_ERROR, "outbox.read", "reason=\"%s\"", r->core.db->err.text);
        }
        srv_outcome_end(&page);
        srv_db_rollback(r->core.db); /* forget a failed read */
    }
}
