#include "base/log.h"
#include "core/json.h"
#include "reactor_priv.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TICK_MS 1000u
/* The wall clock was set, rather than slewed, when it strays this far within a tick. */
#define CLOCK_JUMP_S 5

static void wake(struct srv_reactor *r)
{
    const uint64_t one = 1;
    (void)!write(r->wake, &one, sizeof one); /* full means awake */
}

/* Events of the link, on the reactor's thread. */

static void on_message(void *ctx, struct ota_span topic, struct ota_span payload)
{
    struct srv_reactor *r = ctx;
    if (payload.len > SRV_PAYLOAD_MAX) {
        payload.len = SRV_PAYLOAD_MAX + 1u; /* enough to be refused for its length */
    }
    const struct srv_command command = { .kind = SRV_CMD_DEVICE_REQUEST,
                                         .device = { srv_arena_copy(&r->inbox, topic),
                                                     srv_arena_copy(&r->inbox, payload) } };
    reactor_batch_add(r, &command, NULL);
}

static void on_up(void *ctx)
{
    struct srv_reactor *r = ctx;
    outbox_restart(&r->outbox);
    atomic_store(&r->connected, true);
}

static void on_down(void *ctx)
{
    struct srv_reactor *r = ctx;
    outbox_restart(&r->outbox);
    atomic_store(&r->connected, false);
}

static void on_acknowledged(void *ctx, int mid)
{
    struct srv_reactor *r = ctx;
    outbox_acknowledged(&r->outbox, mid, reactor_clock_ms());
}

/* What has come over the link, as long as more is there at once. */
static void drain(struct srv_reactor *r, short revents)
{
    do {
        srv_link_step(r->link, revents, reactor_clock_ms());
        struct pollfd fd = { .fd = srv_link_fd(r->link), .events = POLLIN };
        revents = fd.fd >= 0 && poll(&fd, 1, 0) > 0 ? fd.revents : 0;
    } while (revents != 0 && r->batch_count < REACTOR_BATCH_MAX);
}

static void take_waiting(struct srv_reactor *r)
{
    pthread_mutex_lock(&r->lock);
    while (r->batch_count < REACTOR_BATCH_MAX && !STAILQ_EMPTY(&r->waiting)) {
        struct waiting *w = STAILQ_FIRST(&r->waiting);
        STAILQ_REMOVE_HEAD(&r->waiting, link);
        r->waiting_count--;
        reactor_batch_add(r, w->command, w);
    }
    pthread_mutex_unlock(&r->lock);
}

static void add_timers(struct srv_reactor *r)
{
    const ota_ms_t now_ms = reactor_clock_ms();
    if (now_ms < r->next_tick_ms && !r->more_ticks) {
        return;
    }
    r->next_tick_ms = now_ms + TICK_MS;
    r->more_ticks = false;
    const int64_t ahead_s = reactor_wall_s() - (int64_t)(now_ms / 1000u);
    const int64_t jump_s = ahead_s - r->wall_ahead_s;
    if (jump_s >= CLOCK_JUMP_S || jump_s <= -CLOCK_JUMP_S) {
        srv_log(SRV_LOG_WARN, "clock.jump", "seconds=%lld", (long long)jump_s);
        reactor_batch_add(
            r, &(struct srv_command){ .kind = SRV_CMD_CLOCK_JUMP, .clock_jump = { jump_s } }, NULL);
        r->wall_ahead_s = ahead_s;
    }
    reactor_batch_add(r, &(struct srv_command){ .kind = SRV_CMD_TICK }, NULL);
}

static void add_outbox_sent(struct srv_reactor *r)
{
    const bool free_ride = r->batch_count > 0 && r->outbox.taken_count > 0;
    if (free_ride || outbox_drop_due(&r->outbox, reactor_clock_ms())) {
        reactor_batch_add(
            r,
            &(struct srv_command){ .kind = SRV_CMD_OUTBOX_SENT,
                                   .outbox_sent = { r->outbox.taken, r->outbox.taken_count } },
            NULL);
    }
}

static struct question *question_take(struct srv_reactor *r)
{
    pthread_mutex_lock(&r->lock);
    struct question *q = STAILQ_FIRST(&r->questions);
    if (q != NULL) {
        STAILQ_REMOVE_HEAD(&r->questions, link);
    }
    pthread_mutex_unlock(&r->lock);
    return q;
}

/* After the commit: the answer is what is durable. */
static void answer_questions(struct srv_reactor *r)
{
    struct question *q;
    while ((q = question_take(r)) != NULL) {
        struct srv_arena arena = { NULL };
        struct srv_stream *stream = srv_arena_take(&arena, sizeof *stream);
        struct srv_err err;
        const bool granted = srv_stream_grant(&r->core, &arena, ota_span_of_str(q->thing),
                                              ota_span_of_str(q->stream_id), stream, &err);
        if (r->core.db->err.code != SRV_OK) {
            err = r->core.db->err; /* the cause, not the symptom */
        }
        srv_streams_answer(r->streams, q->thing, q->stream_id, granted ? stream : NULL, &err);
        srv_db_rollback(r->core.db); /* forget a failed read */
        srv_arena_end(&arena);
        free(q);
    }
}

/* Called from the stream thread. */
static void on_question(void *ctx, const char *thing, const char *stream_id)
{
    struct srv_reactor *r = ctx;
    struct question *q = calloc(1, sizeof *q);
    if (q == NULL) {
        abort(); /* as in srv_arena_take() */
    }
    snprintf(q->thing, sizeof q->thing, "%s", thing);
    snprintf(q->stream_id, sizeof q->stream_id, "%s", stream_id);
    pthread_mutex_lock(&r->lock);
    STAILQ_INSERT_TAIL(&r->questions, q, link);
    pthread_mutex_unlock(&r->lock);
    wake(r);
}

static int wait_ms(struct srv_reactor *r)
{
    const ota_ms_t now = reactor_clock_ms();
    ota_ms_t due = srv_link_deadline(r->link);
    due = r->next_tick_ms < due ? r->next_tick_ms : due;
    if (r->outbox.taken_count > 0) {
        const ota_ms_t linger = r->outbox.taken_since + OUTBOX_LINGER_MS;
        due = linger < due ? linger : due;
    }
    return due > now && !r->more_ticks ? (int)(due - now) : 0;
}

static bool has_waiting(struct srv_reactor *r)
{
    pthread_mutex_lock(&r->lock);
    const bool has = !STAILQ_EMPTY(&r->waiting);
    pthread_mutex_unlock(&r->lock);
    return has;
}

static void turn(struct srv_reactor *r, int timeout_ms)
{
    struct pollfd fds[] = {
        { .fd = r->wake, .events = POLLIN },
        { .fd = srv_link_fd(r->link), .events = srv_link_poll_events(r->link) },
    };
    (void)poll(fds, 2, timeout_ms); /* interrupted: as if nothing had come */
    if (fds[0].revents != 0) {
        uint64_t count;
        (void)!read(r->wake, &count, sizeof count);
    }
    drain(r, fds[1].revents);
    take_waiting(r);
    add_timers(r);
    add_outbox_sent(r);
    reactor_batch_run(r);
    reactor_outbox_run(r);
    answer_questions(r);
}

static void *run(void *ctx)
{
    struct srv_reactor *r = ctx;
    bool more = false;
    while (!atomic_load(&r->stopping) || more) {
        turn(r, more ? 0 : wait_ms(r));
        more = has_waiting(r);
    }
    return NULL;
}

static void filter_write(struct srv_reactor *r, size_t index, const char *rest)
{
    snprintf(r->filters[index], sizeof r->filters[index], "%s/things/+/%s", r->core.topic_root,
             rest);
    r->filter_list[index] = r->filters[index];
}

/* The literal root comes first: a filter that begins with a wildcard does not match "$...". */
static void link_open(struct srv_reactor *r)
{
    static const char *const requests[REACTOR_FILTERS] = { "jobs/get", "jobs/start-next",
                                                           "jobs/+/get", "jobs/+/update",
                                                           "shadow/name/waft/+" };
    for (size_t i = 0; i < REACTOR_FILTERS; i++) {
        filter_write(r, i, requests[i]);
    }
    r->link = srv_link_open(
        &(struct srv_link_config){ .name = "waft.provider",
                                   .address = &r->config.broker,
                                   .login = r->config.broker.control,
                                   .filters = r->filter_list,
                                   .filter_count = REACTOR_FILTERS,
                                   .qos = 1,
                                   .events = { on_up, on_down, on_message, on_acknowledged },
                                   .ctx = r });
}

static bool streams_start(struct srv_reactor *r, struct srv_err *err)
{
    return srv_streams_start(&(struct srv_streams_config){ .broker = &r->config.broker,
                                                           .topic_root = r->core.topic_root,
                                                           .artifacts = r->config.artifacts,
                                                           .ask = on_question,
                                                           .ctx = r },
                             &r->streams, err);
}

static void reactor_free(struct srv_reactor *r)
{
    if (r->link != NULL) {
        srv_link_close(r->link);
    }
    if (r->wake >= 0) {
        close(r->wake);
    }
    struct question *q;
    while ((q = question_take(r)) != NULL) {
        free(q);
    }
    srv_arena_end(&r->inbox);
    free(r->batch);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

bool srv_reactor_start(const struct srv_reactor_config *config, struct srv_reactor **reactor,
                       struct srv_err *err)
{
    struct srv_reactor *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "out of memory");
    }
    r->config = *config;
    r->core = config->core;
    r->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&r->lock, NULL);
    STAILQ_INIT(&r->waiting);
    STAILQ_INIT(&r->questions);
    outbox_restart(&r->outbox);
    r->wall_ahead_s = reactor_wall_s() - (int64_t)(reactor_clock_ms() / 1000u);
    if (r->wake < 0 || !streams_start(r, err)) {
        reactor_free(r);
        return false;
    }
    link_open(r);
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        srv_streams_stop(r->streams);
        reactor_free(r);
        return srv_fail(err, SRV_E_INTERNAL, "cannot start the reactor thread");
    }
    *reactor = r;
    return true;
}

void srv_reactor_stop(struct srv_reactor *r)
{
    if (r == NULL) {
        return;
    }
    atomic_store(&r->stopping, true);
    wake(r);
    pthread_join(r->thread, NULL);
    srv_streams_stop(r->streams);
    reactor_free(r);
}

bool srv_reactor_submit(struct srv_reactor *r, const struct srv_command *command,
                        struct srv_err *err)
{
    struct waiting w = { .command = command, .err = err };
    pthread_cond_init(&w.ready, NULL);
    pthread_mutex_lock(&r->lock);
    if (r->waiting_count >= REACTOR_WAITING_MAX) {
        pthread_mutex_unlock(&r->lock);
        pthread_cond_destroy(&w.ready);
        return srv_fail(err, SRV_E_BUSY, "too many commands are waiting");
    }
    STAILQ_INSERT_TAIL(&r->waiting, &w, link);
    r->waiting_count++;
    wake(r);
    while (!w.done) {
        pthread_cond_wait(&w.ready, &r->lock);
    }
    pthread_mutex_unlock(&r->lock);
    pthread_cond_destroy(&w.ready);
    return err->code == SRV_OK;
}

bool srv_reactor_connected(struct srv_reactor *r)
{
    return atomic_load(&r->connected) && srv_streams_connected(r->streams);
}
