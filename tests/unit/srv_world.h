/*
 * A provider's domain over a database in memory, for tests: commands in,
 * messages out, time by hand.
 */
#ifndef SRV_WORLD_H
#define SRV_WORLD_H

#include "core/srv.h"

/* 2023-11-14 22:13:20 UTC; any whole number would do. */
#define WORLD_START_S  INT64_C(1700000000)
#define WORLD_DOCUMENT "{\"operation\":\"test\"}"

struct world {
    struct srv_core core;
    struct srv_outcome outcome; /* of the last command */
    int64_t now_s;
};

void world_open(struct world *w);
void world_close(struct world *w);

/** Of a test: a world on the heap with the thing "t" in it, and its end. */
int world_setup(void **state);
int world_teardown(void **state);

/** Apply; the outcome stays until the next command. */
bool world_apply(struct world *w, const struct srv_command *command);

/* Each must succeed. */
void world_thing(struct world *w, const char *name);
void world_job(struct world *w, const char *id, const char *thing);
void world_job_with(struct world *w, const char *id, const char *thing, const char *stream_id,
                    uint32_t timeout_min);

/** A device's message, "$aws/things/" + `topic`: whether it was accepted. */
bool world_device(struct world *w, const char *topic, const char *payload);
bool world_device_bytes(struct world *w, const char *topic, struct ota_span payload);

/** Message i of the last command as text ("topic" without its root, "payload"); fails if there is none. */
const char *world_topic(struct world *w, size_t i);
const char *world_payload(struct world *w, size_t i);

/** The latest execution; it must exist. `a` holds its details. */
struct srv_execution world_execution(struct world *w, struct srv_arena *a, const char *job,
                                     const char *thing);

/** A digest of everything the database holds, to assert that nothing has changed. */
uint64_t world_fingerprint(struct world *w);

#endif
