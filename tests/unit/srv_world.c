#include "srv_world.h"
#include "db/sqlite.h"
#include "t.h"

#define ROOT "$aws/things/"

void world_open(struct world *w)
{
    struct srv_err err;
    *w = (struct world){ .now_s = WORLD_START_S };
    assert_true(srv_sqlite_open(":memory:", &w->core.db, &err));
    strcpy(w->core.topic_root, "$aws");
    srv_outcome_begin(&w->outcome);
}

void world_close(struct world *w)
{
    srv_outcome_end(&w->outcome);
    srv_db_close(w->core.db);
}

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    world_open(w);
    world_thing(w, "t");
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

bool world_apply(struct world *w, const struct srv_command *command)
{
    srv_outcome_end(&w->outcome);
    return srv_apply_alone(&w->core, command, w->now_s, &w->outcome);
}

static void must(struct world *w, const struct srv_command *command)
{
    if (!world_apply(w, command)) {
        fail_msg("%s", w->outcome.err.text);
    }
}

void world_thing(struct world *w, const char *name)
{
    must(w, &(struct srv_command){ .kind = SRV_CMD_THING_CREATE,
                                   .thing_create = { .name = ota_span_of_str(name) } });
}

void world_job_with(struct world *w, const char *id, const char *thing, const char *stream_id,
                    uint32_t timeout_min)
{
    const struct ota_span target = ota_span_of_str(thing);
    must(w, &(struct srv_command){ .kind = SRV_CMD_JOB_CREATE,
                                   .job_create = { .id = ota_span_of_str(id),
                                                   .document = OTA_SPAN_LIT(WORLD_DOCUMENT),
                                                   .stream_id = ota_span_of_str(stream_id),
                                                   .targets = &target,
                                                   .target_count = 1,
                                                   .in_progress_timeout_min = timeout_min } });
}

void world_job(struct world *w, const char *id, const char *thing)
{
    world_job_with(w, id, thing, NULL, 0);
}

bool world_device_bytes(struct world *w, const char *topic, struct ota_span payload)
{
    char whole[1024];
    assert_true(snprintf(whole, sizeof whole, ROOT "%s", topic) < (int)sizeof whole);
    return world_apply(w, &(struct srv_command){ .kind = SRV_CMD_DEVICE_REQUEST,
                                                 .device = { ota_span_of_str(whole), payload } });
}

bool world_device(struct world *w, const char *topic, const char *payload)
{
    return world_device_bytes(w, topic, ota_span_of_str(payload));
}

const char *world_topic(struct world *w, size_t i)
{
    assert_true(i < w->outcome.message_count);
    const struct ota_span copy = srv_arena_copy(&w->outcome.arena, w->outcome.messages[i].topic);
    assert_memory_equal(copy.ptr, ROOT, strlen(ROOT));
    return (const char *)copy.ptr + strlen(ROOT);
}

const char *world_payload(struct world *w, size_t i)
{
    assert_true(i < w->outcome.message_count);
    return (const char *)srv_arena_copy(&w->outcome.arena, w->outcome.messages[i].payload).ptr;
}

struct srv_execution world_execution(struct world *w, struct srv_arena *a, const char *job,
                                     const char *thing)
{
    struct srv_execution e;
    assert_true(
        srv_db_execution_get(w->core.db, a, ota_span_of_str(job), ota_span_of_str(thing), 0, &e));
    return e;
}

static uint64_t mix(uint64_t sum, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) {
        sum = (sum ^ at[i]) * UINT64_C(1099511628211);
    }
    return sum;
}

static uint64_t executions_mix(struct world *w, struct srv_arena *a, const struct srv_job *job,
                               uint64_t sum)
{
    struct srv_execution *rows;
    const size_t count = srv_db_execution_of_job(w->core.db, a, ota_span_of_str(job->id),
                                                 OTA_SPAN_NONE, 1000, &rows);
    for (size_t i = 0; i < count; i++) {
        const int64_t times[] = { rows[i].queued_at_s, rows[i].started_at_s, rows[i].updated_at_s,
                                  rows[i].progress_deadline_s, rows[i].step_deadline_s };
        sum = mix(sum, rows[i].thing, strlen(rows[i].thing));
        sum = mix(sum, &rows[i].version, sizeof rows[i].version);
        sum = mix(sum, &rows[i].status, sizeof rows[i].status);
        sum = mix(sum, rows[i].details.ptr, rows[i].details.len);
        sum = mix(sum, times, sizeof times);
    }
    struct srv_event *events;
    const size_t seen =
        srv_db_event_list(w->core.db, a, ota_span_of_str(job->id), 0, 10000, &events);
    return mix(sum, &seen, sizeof seen);
}

uint64_t world_fingerprint(struct world *w)
{
    struct srv_arena a = { 0 };
    struct srv_thing *things;
    struct srv_job *jobs;
    struct srv_outbox_row *outbox;
    uint64_t sum = UINT64_C(14695981039346656037);
    const size_t thing_count = srv_db_thing_list(w->core.db, &a, OTA_SPAN_NONE, 10000, &things);
    for (size_t i = 0; i < thing_count; i++) {
        sum = mix(sum, &things[i], sizeof things[i]);
    }
    const size_t job_count = srv_db_job_list(w->core.db, &a, OTA_SPAN_NONE, 10000, &jobs);
    for (size_t i = 0; i < job_count; i++) {
        sum = mix(sum, jobs[i].id, strlen(jobs[i].id));
        sum = mix(sum, jobs[i].counts, sizeof jobs[i].counts);
        sum = mix(sum, &jobs[i].status, sizeof jobs[i].status);
        sum = executions_mix(w, &a, &jobs[i], sum);
    }
    const size_t waiting = srv_db_outbox_list(w->core.db, &a, 0, 10000, &outbox);
    sum = mix(sum, &waiting, sizeof waiting);
    srv_arena_end(&a);
    return sum;
}
