#include "table.h"
#include "ota/assert.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must_alloc(size_t size)
{
    void *taken = calloc(1, size);
    if (taken == NULL) {
        abort(); /* as in srv_arena_take() */
    }
    return taken;
}

/* FNV-1a. Names are the operator's, so nobody can choose them to collide. */
static size_t bucket_of(struct ota_span name)
{
    uint32_t sum = 2166136261u;
    for (size_t i = 0; i < name.len; i++) {
        sum = (sum ^ name.ptr[i]) * 16777619u;
    }
    return sum % TABLE_BUCKETS;
}

void table_init(struct table *t)
{
    memset(t, 0, sizeof *t);
    TAILQ_INIT(&t->by_age);
    TAILQ_INIT(&t->ring);
}

static void artifact_release(struct table_artifact *artifact)
{
    if (artifact != NULL && --artifact->refs == 0) {
        LIST_REMOVE(artifact, link);
        close(artifact->fd);
        free(artifact);
    }
}

static void grant_release(struct table_grant *grant)
{
    if (grant == NULL || --grant->refs > 0) {
        return;
    }
    for (size_t i = 0; i < SRV_STREAM_FILES_MAX; i++) {
        artifact_release(grant->open[i]);
    }
    srv_arena_end(&grant->arena);
    free(grant);
}

void table_request_pop(struct table *t, struct table_thing *thing)
{
    struct table_request *first = STAILQ_FIRST(&thing->requests);
    OTA_ASSERT(first != NULL);
    STAILQ_REMOVE_HEAD(&thing->requests, link);
    thing->request_count--;
    t->request_count--;
    grant_release(first->grant);
    srv_arena_end(&first->arena);
    free(first);
}

void table_grants_forget(struct table *t, struct table_thing *thing)
{
    (void)t;
    while (!LIST_EMPTY(&thing->grants)) {
        struct table_grant *grant = LIST_FIRST(&thing->grants);
        LIST_REMOVE(grant, link);
        grant_release(grant);
    }
}

static void thing_remove(struct table *t, struct table_thing *thing)
{
    table_ring_leave(t, thing);
    while (!STAILQ_EMPTY(&thing->requests)) {
        table_request_pop(t, thing);
    }
    table_grants_forget(t, thing);
    LIST_REMOVE(thing, hash);
    TAILQ_REMOVE(&t->by_age, thing, age);
    t->thing_count--;
    free(thing);
}

void table_end(struct table *t)
{
    while (!TAILQ_EMPTY(&t->by_age)) {
        thing_remove(t, TAILQ_FIRST(&t->by_age));
    }
}

struct table_thing *table_thing_find(struct table *t, struct ota_span name)
{
    struct table_thing *thing;
    LIST_FOREACH(thing, &t->buckets[bucket_of(name)], hash)
    {
        if (ota_span_eq(ota_span_of_str(thing->name), name)) {
            return thing;
        }
    }
    return NULL;
}

/* The longest unused goes; one with requests is in use (rare among the oldest). */
static bool room_make(struct table *t)
{
    struct table_thing *thing;
    TAILQ_FOREACH(thing, &t->by_age, age)
    {
        if (thing->request_count == 0) {
            thing_remove(t, thing);
            return true;
        }
    }
    return false;
}

struct table_thing *table_thing_need(struct table *t, struct ota_span name)
{
    struct table_thing *thing = table_thing_find(t, name);
    if (thing != NULL) {
        TAILQ_REMOVE(&t->by_age, thing, age);
        TAILQ_INSERT_TAIL(&t->by_age, thing, age);
        return thing;
    }
    if (t->thing_count >= TABLE_THINGS_MAX && !room_make(t)) {
        return NULL;
    }
    thing = must_alloc(sizeof *thing);
    OTA_ASSERT(name.len < sizeof thing->name);
    memcpy(thing->name, name.ptr, name.len);
    STAILQ_INIT(&thing->requests);
    LIST_INSERT_HEAD(&t->buckets[bucket_of(name)], thing, hash);
    TAILQ_INSERT_TAIL(&t->by_age, thing, age);
    t->thing_count++;
    return thing;
}

bool table_request_add(struct table *t, struct table_thing *thing, const struct ota_topic *topic,
                       struct ota_span payload)
{
    if (thing->request_count >= TABLE_REQUESTS_PER_THING ||
        t->request_count >= TABLE_REQUESTS_MAX) {
        return false;
    }
    struct table_request *request = must_alloc(sizeof *request);
    request->topic = *topic;
    request->topic.thing = srv_arena_copy(&request->arena, topic->thing);
    request->topic.id = srv_arena_copy(&request->arena, topic->id);
    request->payload = srv_arena_copy(&request->arena, payload);
    STAILQ_INSERT_TAIL(&thing->requests, request, link);
    thing->request_count++;
    t->request_count++;
    return true;
}

struct table_grant *table_grant_find(struct table_thing *thing, struct ota_span stream_id)
{
    struct table_grant *grant;
    LIST_FOREACH(grant, &thing->grants, link)
    {
        if (ota_span_eq(ota_span_of_str(grant->stream.id), stream_id)) {
            return grant;
        }
    }
    return NULL;
}

struct table_grant *table_grant_add(struct table_thing *thing, const struct srv_stream *stream)
{
    struct table_grant *grant = must_alloc(sizeof *grant);
    grant->stream = *stream;
    grant->stream.description = srv_arena_copy(&grant->arena, stream->description);
    grant->refs = 1;
    LIST_INSERT_HEAD(&thing->grants, grant, link);
    return grant;
}

void table_ring_enter(struct table *t, struct table_thing *thing)
{
    if (!thing->in_ring) {
        TAILQ_INSERT_TAIL(&t->ring, thing, ring);
        thing->in_ring = true;
    }
}

void table_ring_leave(struct table *t, struct table_thing *thing)
{
    if (thing->in_ring) {
        TAILQ_REMOVE(&t->ring, thing, ring);
        thing->in_ring = false;
    }
}

struct table_artifact *table_artifact_find(struct table *t, const uint8_t digest[SRV_DIGEST_SIZE])
{
    struct table_artifact *artifact;
    LIST_FOREACH(artifact, &t->artifacts, link)
    {
        if (memcmp(artifact->digest, digest, SRV_DIGEST_SIZE) == 0) {
            artifact->refs++;
            return artifact;
        }
    }
    return NULL;
}

struct table_artifact *table_artifact_add(struct table *t, const uint8_t digest[SRV_DIGEST_SIZE],
                                          int fd)
{
    struct table_artifact *artifact = must_alloc(sizeof *artifact);
    memcpy(artifact->digest, digest, SRV_DIGEST_SIZE);
    artifact->fd = fd;
    artifact->refs = 1;
    LIST_INSERT_HEAD(&t->artifacts, artifact, link);
    return artifact;
}
