#include "streams.h"
#include "base/log.h"
#include "db/artifacts.h"
#include "link.h"
#include "ota/assert.h"
#include "table.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* What one thing may send before the next has its turn. */
#define SLICE_SIZE (16u * 1024u)
/* Slices between two looks at what has arrived, and packets read at one look: who asks late
 * must not wait for all that was asked before. */
#define SLICES_PER_LOOK 4u
#define READS_PER_LOOK  64u
/* A request is some 30 bytes; with the largest bitmap as an array of numbers 48 KiB. */
#define REQUEST_PAYLOAD_MAX (64u * 1024u)
#define OUT_SIZE            SRV_STREAM_DATA_ROOM(OTA_STREAM_BLOCK_MAX)

static_assert(OUT_SIZE >= SRV_STREAM_DESCRIPTION_ROOM, "one buffer serves all answers");

/* What other threads have to say, in order. */
struct letter {
    STAILQ_ENTRY(letter) link;
    enum { LETTER_ANSWER, LETTER_FORGET } kind;
    char thing[OTA_THING_NAME_MAX + 1u];
    char stream_id[OTA_STREAM_ID_MAX + 1u];
    bool granted;
    struct srv_err err;
    struct srv_stream stream;
    struct srv_arena arena;
};

struct srv_streams {
    struct srv_streams_config config;
    char filters[2][OTA_TOPIC_MAX];
    const char *filter_list[2];
    struct srv_link *link;
    struct table table;
    pthread_t thread;
    int wake;
    atomic_bool stopping, connected;
    pthread_mutex_t lock; /* guards letters */
    STAILQ_HEAD(, letter) letters;
    uint8_t block[OTA_STREAM_BLOCK_MAX];
    uint8_t out[OUT_SIZE];
};

static void reply(struct srv_streams *s, const struct ota_topic *request, enum ota_topic_kind kind,
                  struct ota_span payload)
{
    uint8_t text[OTA_TOPIC_MAX];
    struct ota_topic topic = *request;
    topic.kind = kind;
    struct ota_writer w = ota_writer(OTA_BUF_OF(text));
    ota_topic_write(&w, ota_span_of_str(s->config.topic_root), &topic);
    OTA_ASSERT(payload.len > 0);
    (void)srv_link_publish(s->link, ota_writer_done(&w), payload, 0, NULL); /* lost: asked again */
}

static void reject(struct srv_streams *s, const struct ota_topic *request, struct ota_span token,
                   const struct srv_err *err)
{
    reply(s, request, OTA_TOPIC_STREAM_REJECTED,
          srv_stream_rejected(request->format, token, err, OTA_BUF_OF(s->out)));
}

/* The first request of a thing: begin it if it is known what the thing may read; else ask. */
static void thing_wake(struct srv_streams *s, struct table_thing *thing)
{
    struct table_request *first = STAILQ_FIRST(&thing->requests);
    if (first == NULL || thing->in_ring || thing->asked) {
        return;
    }
    first->grant = table_grant_find(thing, first->topic.id);
    if (first->grant == NULL) {
        char stream_id[OTA_STREAM_ID_MAX + 1u] = "";
        memcpy(stream_id, first->topic.id.ptr, first->topic.id.len);
        thing->asked = true;
        s->config.ask(s->config.ctx, thing->name, stream_id);
        return;
    }
    first->grant->refs++;
    table_ring_enter(&s->table, thing);
}

static void request_done(struct srv_streams *s, struct table_thing *thing)
{
    table_ring_leave(&s->table, thing);
    table_request_pop(&s->table, thing);
    thing_wake(s, thing);
}

static void on_message(void *ctx, struct ota_span topic_text, struct ota_span payload)
{
    struct srv_streams *s = ctx;
    struct ota_topic topic;
    if (ota_topic_parse(ota_span_of_str(s->config.topic_root), topic_text, &topic) != OTA_OK ||
        (topic.kind != OTA_TOPIC_STREAM_GET && topic.kind != OTA_TOPIC_STREAM_DESCRIBE)) {
        return; /* a name that cannot exist, or an echo */
    }
    struct srv_err err;
    if (payload.len > REQUEST_PAYLOAD_MAX) {
        srv_fail(&err, SRV_E_INVALID, "a stream request has at most %u bytes", REQUEST_PAYLOAD_MAX);
        reject(s, &topic, OTA_SPAN_NONE, &err);
        return;
    }
    struct table_thing *thing = table_thing_need(&s->table, topic.thing);
    if (thing == NULL || !table_request_add(&s->table, thing, &topic, payload)) {
        srv_fail(&err, SRV_E_BUSY, "too many requests at once");
        reject(s, &topic, OTA_SPAN_NONE, &err);
        return;
    }
    thing_wake(s, thing);
}

static bool file_open(struct srv_streams *s, struct table_grant *grant, size_t index,
                      struct srv_err *err)
{
    if (grant->open[index] != NULL) {
        return true;
    }
    const struct srv_stream_file *file = &grant->stream.files[index];
    grant->open[index] = table_artifact_find(&s->table, file->digest);
    if (grant->open[index] != NULL) {
        return true;
    }
    int fd;
    uint64_t size;
    if (!srv_artifact_open(s->config.artifacts, file->digest, &fd, &size, err)) {
        srv_log(SRV_LOG_ERROR, "stream.file", "stream=%s file=%u reason=\"%s\"", grant->stream.id,
                file->id, err->text);
        return srv_fail(err, SRV_E_INTERNAL, "the file cannot be read");
    }
    if (size != file->size) {
        close(fd);
        srv_log(SRV_LOG_ERROR, "stream.file", "stream=%s file=%u reason=\"size has changed\"",
                grant->stream.id, file->id);
        return srv_fail(err, SRV_E_INTERNAL, "the file cannot be read");
    }
    grant->open[index] = table_artifact_add(&s->table, file->digest, fd);
    return true;
}

static bool block_read(struct srv_streams *s, int fd, const struct srv_block *block)
{
    size_t done = 0;
    while (done < block->len) {
        const ssize_t n =
            pread(fd, s->block + done, block->len - done, (off_t)(block->offset + done));
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return false;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool get_begin(struct srv_streams *s, struct table_request *request, struct srv_err *err)
{
    if (request->get.file != NULL) {
        return true;
    }
    const struct srv_stream *stream = &request->grant->stream;
    return srv_stream_get_parse(&request->get, request->topic.format, request->payload, stream,
                                &request->arena, err) &&
           file_open(s, request->grant, (size_t)(request->get.file - stream->files), err);
}

/* A slice of a get; true: the request is done. */
static bool get_serve(struct srv_streams *s, struct table_request *request)
{
    struct srv_err err;
    if (!get_begin(s, request, &err)) {
        reject(s, &request->topic, request->get.token, &err);
        return true;
    }
    const size_t index = (size_t)(request->get.file - request->grant->stream.files);
    uint32_t sent = 0;
    struct srv_block block;
    while (sent < SLICE_SIZE && !srv_link_is_choked(s->link)) {
        if (!srv_stream_next(&request->get, &block)) {
            return true;
        }
        if (!block_read(s, request->grant->open[index]->fd, &block)) {
            srv_fail(&err, SRV_E_INTERNAL, "the file cannot be read");
            reject(s, &request->topic, request->get.token, &err);
            return true;
        }
        const struct ota_span bytes = { s->block, block.len };
        reply(s, &request->topic, OTA_TOPIC_STREAM_DATA,
              srv_stream_data(&request->get, &block, bytes, OTA_BUF_OF(s->out)));
        sent += block.len;
    }
    return false;
}

static void describe_serve(struct srv_streams *s, struct table_request *request)
{
    struct srv_err err;
    struct ota_span token;
    const enum ota_format format = request->topic.format;
    if (!srv_stream_describe_parse(format, request->payload, &request->arena, &token, &err)) {
        reject(s, &request->topic, token, &err);
        return;
    }
    reply(s, &request->topic, OTA_TOPIC_STREAM_DESCRIPTION,
          srv_stream_description(format, token, &request->grant->stream, OTA_BUF_OF(s->out)));
}

/* The thing at the head of the ring has its turn. */
static void turn(struct srv_streams *s)
{
    struct table_thing *thing = TAILQ_FIRST(&s->table.ring);
    struct table_request *request = STAILQ_FIRST(&thing->requests);
    bool done = true;
    if (request->topic.kind == OTA_TOPIC_STREAM_DESCRIBE) {
        describe_serve(s, request);
    } else {
        done = get_serve(s, request);
    }
    if (done) {
        request_done(s, thing);
    } else {
        table_ring_leave(&s->table, thing);
        table_ring_enter(&s->table, thing);
    }
}

static void letter_answer(struct srv_streams *s, struct table_thing *thing, struct letter *l)
{
    const struct ota_span id = ota_span_of_str(l->stream_id);
    thing->asked = false;
    if (l->granted) {
        table_grant_add(thing, &l->stream);
        thing_wake(s, thing);
        return;
    }
    struct table_request *first = STAILQ_FIRST(&thing->requests);
    if (first != NULL && ota_span_eq(first->topic.id, id)) {
        reject(s, &first->topic, OTA_SPAN_NONE, &l->err);
        request_done(s, thing);
    }
}

/* A request that has begun goes on with the files that it began with. */
static void letter_forget(struct srv_streams *s, const struct letter *l)
{
    struct table_thing *thing;
    if (l->thing[0] != '\0') {
        thing = table_thing_find(&s->table, ota_span_of_str(l->thing));
        if (thing != NULL) {
            table_grants_forget(&s->table, thing);
        }
        return;
    }
    TAILQ_FOREACH(thing, &s->table.by_age, age)
    {
        table_grants_forget(&s->table, thing);
    }
}

static void letters_read(struct srv_streams *s)
{
    for (;;) {
        pthread_mutex_lock(&s->lock);
        struct letter *l = STAILQ_FIRST(&s->letters);
        if (l != NULL) {
            STAILQ_REMOVE_HEAD(&s->letters, link);
        }
        pthread_mutex_unlock(&s->lock);
        if (l == NULL) {
            return;
        }
        struct table_thing *thing = NULL;
        if (l->kind == LETTER_FORGET) {
            letter_forget(s, l);
        } else if ((thing = table_thing_find(&s->table, ota_span_of_str(l->thing))) != NULL) {
            letter_answer(s, thing, l);
        }
        srv_arena_end(&l->arena);
        free(l);
    }
}

static ota_ms_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (ota_ms_t)now.tv_sec * 1000u + (ota_ms_t)(now.tv_nsec / 1000000);
}

static int wait_ms(struct srv_streams *s)
{
    if (!TAILQ_EMPTY(&s->table.ring) && !srv_link_is_choked(s->link)) {
        return 0;
    }
    const ota_ms_t now = clock_ms(), due = srv_link_deadline(s->link);
    return due > now ? (int)(due - now) : 0;
}

static void link_read(struct srv_streams *s, short revents)
{
    unsigned reads = 0;
    do {
        srv_link_step(s->link, revents, clock_ms());
        struct pollfd fd = { .fd = srv_link_fd(s->link), .events = POLLIN };
        revents = fd.fd >= 0 && poll(&fd, 1, 0) > 0 ? fd.revents : 0;
    } while (revents != 0 && ++reads < READS_PER_LOOK);
}

static void *run(void *ctx)
{
    struct srv_streams *s = ctx;
    while (!atomic_load(&s->stopping)) {
        struct pollfd fds[] = {
            { .fd = s->wake, .events = POLLIN },
            { .fd = srv_link_fd(s->link), .events = srv_link_poll_events(s->link) },
        };
        (void)poll(fds, 2, wait_ms(s)); /* interrupted: as if nothing had come */
        if (fds[0].revents != 0) {
            uint64_t count;
            (void)!read(s->wake, &count, sizeof count);
            letters_read(s);
        }
        link_read(s, fds[1].revents);
        for (unsigned i = 0;
             i < SLICES_PER_LOOK && !TAILQ_EMPTY(&s->table.ring) && !srv_link_is_choked(s->link);
             i++) {
            turn(s);
        }
    }
    return NULL;
}

static void on_up(void *ctx)
{
    struct srv_streams *s = ctx;
    atomic_store(&s->connected, true);
}

/* Whoever asked has lost the connection too, and asks again. */
static void on_down(void *ctx)
{
    struct srv_streams *s = ctx;
    struct table_thing *thing;
    TAILQ_FOREACH(thing, &s->table.by_age, age)
    {
        table_ring_leave(&s->table, thing);
        while (thing->request_count > 0) {
            table_request_pop(&s->table, thing);
        }
    }
    atomic_store(&s->connected, false);
}

static void filter_write(struct srv_streams *s, size_t index, const char *verb)
{
    snprintf(s->filters[index], sizeof s->filters[index], "%s/things/+/streams/+/%s/+",
             s->config.topic_root, verb);
    s->filter_list[index] = s->filters[index];
}

static void link_open(struct srv_streams *s)
{
    filter_write(s, 0, "describe");
    filter_write(s, 1, "get");
    s->link = srv_link_open(&(struct srv_link_config){
        .name = "waft.provider.stream",
        .address = s->config.broker,
        .login = s->config.broker->stream,
        .filters = s->filter_list,
        .filter_count = 2,
        .qos = 0, /* a device that gets no answer asks again */
        .events = { .up = on_up, .down = on_down, .message = on_message },
        .ctx = s });
}

bool srv_streams_start(const struct srv_streams_config *config, struct srv_streams **streams,
                       struct srv_err *err)
{
    struct srv_streams *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "out of memory");
    }
    s->config = *config;
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    STAILQ_INIT(&s->letters);
    pthread_mutex_init(&s->lock, NULL);
    table_init(&s->table);
    link_open(s);
    if (s->wake < 0 || pthread_create(&s->thread, NULL, run, s) != 0) {
        srv_link_close(s->link);
        free(s);
        return srv_fail(err, SRV_E_INTERNAL, "cannot start the stream thread");
    }
    *streams = s;
    return true;
}

static void wake(struct srv_streams *s)
{
    const uint64_t one = 1;
    (void)!write(s->wake, &one, sizeof one); /* full means awake */
}

void srv_streams_stop(struct srv_streams *s)
{
    atomic_store(&s->stopping, true);
    wake(s);
    pthread_join(s->thread, NULL);
    letters_read(s);
    srv_link_close(s->link);
    table_end(&s->table);
    close(s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

bool srv_streams_connected(struct srv_streams *s)
{
    return atomic_load(&s->connected);
}

static void post(struct srv_streams *s, struct letter *l, const char *thing)
{
    snprintf(l->thing, sizeof l->thing, "%s", thing);
    pthread_mutex_lock(&s->lock);
    STAILQ_INSERT_TAIL(&s->letters, l, link);
    pthread_mutex_unlock(&s->lock);
    wake(s);
}

static struct letter *letter_new(void)
{
    struct letter *l = calloc(1, sizeof *l);
    if (l == NULL) {
        abort(); /* as in srv_arena_take() */
    }
    return l;
}

void srv_streams_answer(struct srv_streams *s, const char *thing, const char *stream_id,
                        const struct srv_stream *stream, const struct srv_err *err)
{
    struct letter *l = letter_new();
    l->kind = LETTER_ANSWER;
    snprintf(l->stream_id, sizeof l->stream_id, "%s", stream_id);
    l->granted = stream != NULL;
    if (stream != NULL) {
        l->stream = *stream;
        l->stream.description = srv_arena_copy(&l->arena, stream->description);
    } else {
        l->err = *err;
    }
    post(s, l, thing);
}

void srv_streams_forget(struct srv_streams *s, const char *thing)
{
    struct letter *l = letter_new();
    l->kind = LETTER_FORGET;
    post(s, l, thing);
}
