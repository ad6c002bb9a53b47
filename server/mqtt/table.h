/*
 * Table: what the stream thread remembers: things, their requests in order of
 * arrival, what each may read, and the artifacts that are open.
 *
 * A thing is in the ring while its first request can be served. Bounded: so
 * many requests a thing and in all, so many things (the longest unused go).
 */
#ifndef SRV_TABLE_H
#define SRV_TABLE_H

#include "core/stream.h"
#include <sys/queue.h>

/* A device keeps two windows in flight; more than this many requests are refused. */
#define TABLE_REQUESTS_PER_THING 8u
#define TABLE_REQUESTS_MAX       16384u
/* Each with what it may read: some 3 KiB. */
#define TABLE_THINGS_MAX 16384u
#define TABLE_BUCKETS    16384u

/* An artifact that some grant reads; shared by all of them. */
struct table_artifact {
    LIST_ENTRY(table_artifact) link;
    uint8_t digest[SRV_DIGEST_SIZE];
    int fd;
    unsigned refs;
};

/* A thing may read a stream. Lives as long as it is true, or a request still uses it. */
struct table_grant {
    LIST_ENTRY(table_grant) link;
    unsigned refs; /* one is the thing's own, the others its requests' */
    struct srv_arena arena;
    struct srv_stream stream;
    struct table_artifact *open[SRV_STREAM_FILES_MAX]; /* beside stream.files; NULL: not yet */
};

struct table_request {
    STAILQ_ENTRY(table_request) link;
    struct srv_arena arena; /* holds the payload */
    struct ota_topic topic; /* borrows from the arena */
    struct ota_span payload;
    struct table_grant *grant; /* NULL: not begun */
    struct srv_stream_get get;
};

struct table_thing {
    LIST_ENTRY(table_thing) hash;
    TAILQ_ENTRY(table_thing) age;
    TAILQ_ENTRY(table_thing) ring;
    char name[OTA_THING_NAME_MAX + 1u];
    STAILQ_HEAD(, table_request) requests;
    LIST_HEAD(, table_grant) grants;
    unsigned request_count;
    bool in_ring, asked;
};

struct table {
    LIST_HEAD(, table_thing) buckets[TABLE_BUCKETS];
    TAILQ_HEAD(, table_thing) by_age; /* the longest unused first */
    TAILQ_HEAD(table_ring, table_thing) ring;
    LIST_HEAD(, table_artifact) artifacts;
    size_t thing_count, request_count;
};

void table_init(struct table *t);
void table_end(struct table *t);

/** Find, or make (and make room); NULL: not there, or everything is in use. */
struct table_thing *table_thing_find(struct table *t, struct ota_span name);
struct table_thing *table_thing_need(struct table *t, struct ota_span name);

/** Queue a copy of a request; false: too many. */
bool table_request_add(struct table *t, struct table_thing *thing, const struct ota_topic *topic,
                       struct ota_span payload);
/** The first request is done. */
void table_request_pop(struct table *t, struct table_thing *thing);

struct table_grant *table_grant_find(struct table_thing *thing, struct ota_span stream_id);
struct table_grant *table_grant_add(struct table_thing *thing, const struct srv_stream *stream);
/** Drop what the thing may read; requests that have begun keep theirs to their end. */
void table_grants_forget(struct table *t, struct table_thing *thing);

void table_ring_enter(struct table *t, struct table_thing *thing);
void table_ring_leave(struct table *t, struct table_thing *thing);

struct table_artifact *table_artifact_find(struct table *t, const uint8_t digest[SRV_DIGEST_SIZE]);
/** Takes over `fd`. */
struct table_artifact *table_artifact_add(struct table *t, const uint8_t digest[SRV_DIGEST_SIZE],
                                          int fd);

#endif
