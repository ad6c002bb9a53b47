#include "ota/assert.h"
#include "tx.h"
#include <string.h>

void srv_outcome_begin(struct srv_outcome *outcome)
{
    *outcome = (struct srv_outcome){ .err = { .code = SRV_OK } };
}

void srv_outcome_end(struct srv_outcome *outcome)
{
    srv_arena_end(&outcome->arena);
    srv_outcome_begin(outcome);
}

void srv_name_set(char *out, size_t cap, struct ota_span name)
{
    OTA_ASSERT(name.len < cap);
    if (name.len > 0) {
        memcpy(out, name.ptr, name.len);
    }
    out[name.len] = '\0';
}

bool srv_text_ok(struct ota_span text, const char *what, struct srv_err *err)
{
    if (text.len > SRV_DESCRIPTION_MAX) {
        return srv_fail(err, SRV_E_INVALID, "%s has at most %u bytes", what, SRV_DESCRIPTION_MAX);
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] == 0x7f) {
            return srv_fail(err, SRV_E_INVALID, "%s has no control characters", what);
        }
    }
    return true;
}

struct ota_writer srv_tx_writer(struct srv_tx *tx, size_t cap)
{
    return ota_writer((struct ota_buf){ srv_arena_take(tx->arena, cap), cap });
}

/* Arrays double: their capacity is the power of two at or above the count. */
static void *grown(struct srv_arena *a, const void *items, size_t count, size_t size)
{
    const bool full = count == 0 || (count >= 4 && (count & (count - 1u)) == 0);
    if (!full) {
        return NULL;
    }
    void *larger = srv_arena_take(a, (count < 4 ? 4 : count * 2u) * size);
    if (count > 0) {
        memcpy(larger, items, count * size);
    }
    return larger;
}

void srv_tx_message(struct srv_tx *tx, struct ota_span topic, struct ota_span payload,
                    uint64_t outbox_id)
{
    struct srv_outcome *o = tx->outcome;
    OTA_ASSERT(topic.len > 0 && payload.len > 0);
    void *larger = grown(tx->arena, o->messages, o->message_count, sizeof o->messages[0]);
    o->messages = larger != NULL ? larger : o->messages;
    o->messages[o->message_count++] = (struct srv_message){ topic, payload, outbox_id };
}

void srv_tx_publish(struct srv_tx *tx, const struct ota_topic *topic, struct ota_span payload,
                    uint64_t outbox_id)
{
    struct ota_writer w = srv_tx_writer(tx, OTA_TOPIC_MAX);
    ota_topic_write(&w, ota_span_of_str(tx->core->topic_root), topic);
    srv_tx_message(tx, ota_writer_done(&w), payload, outbox_id);
}

void srv_tx_changed(struct srv_tx *tx, const char *thing)
{
    struct srv_outcome *o = tx->outcome;
    void *larger = grown(tx->arena, o->changed, o->changed_count, sizeof o->changed[0]);
    o->changed = larger != NULL ? larger : o->changed;
    srv_name_set(o->changed[o->changed_count++], sizeof o->changed[0], ota_span_of_str(thing));
}

static struct srv_tx begin(struct srv_core *core, int64_t now_s, struct srv_outcome *outcome)
{
    return (struct srv_tx){ .core = core,
                            .db = core->db,
                            .arena = &outcome->arena,
                            .outcome = outcome,
                            .err = &outcome->err,
                            .now_s = now_s };
}

static bool do_outbox_sent(struct srv_tx *tx, const struct srv_command *c)
{
    for (size_t i = 0; i < c->outbox_sent.count; i++) {
        srv_db_outbox_drop(tx->db, c->outbox_sent.ids[i]);
    }
    return true;
}

static bool dispatch(struct srv_tx *tx, const struct srv_command *c)
{
    switch (c->kind) {
    case SRV_CMD_THING_CREATE: return srv_do_thing_create(tx, c);
    case SRV_CMD_THING_DISABLE: return srv_do_thing_disable(tx, c);
    case SRV_CMD_THING_ENABLE: return srv_do_thing_enable(tx, c);
    case SRV_CMD_ARTIFACT_ADD: return srv_do_artifact_add(tx, c);
    case SRV_CMD_STREAM_CREATE: return srv_do_stream_create(tx, c);
    case SRV_CMD_STREAM_UPDATE: return srv_do_stream_update(tx, c);
    case SRV_CMD_JOB_CREATE: return srv_do_job_create(tx, c);
    case SRV_CMD_JOB_CANCEL: return srv_do_job_cancel(tx, c);
    case SRV_CMD_DEVICE_REQUEST: return srv_do_device_request(tx, c);
    case SRV_CMD_TICK: srv_tick(tx); return true;
    case SRV_CMD_CLOCK_JUMP: srv_db_execution_shift(tx->db, c->clock_jump.by_s); return true;
    case SRV_CMD_OUTBOX_SENT: return do_outbox_sent(tx, c);
    }
    OTA_UNREACHABLE();
}

bool srv_apply(struct srv_core *core, const struct srv_command *command, int64_t now_s,
               struct srv_outcome *outcome)
{
    struct srv_tx tx = begin(core, now_s, outcome);
    const bool done = dispatch(&tx, command);
    /* What was read after a database failure was nothing: say the cause, not the symptom. */
    if (core->db->err.code != SRV_OK) {
        outcome->err = core->db->err;
        return false;
    }
    return done;
}

bool srv_apply_alone(struct srv_core *core, const struct srv_command *command, int64_t now_s,
                     struct srv_outcome *outcome)
{
    srv_db_begin(core->db);
    const bool done = srv_apply(core, command, now_s, outcome);
    struct srv_err err;
    if (srv_db_commit(core->db, &err)) {
        return done;
    }
    srv_outcome_end(outcome); /* nothing of it has happened, so nothing of it may be said */
    outcome->err = err;
    if (command->kind == SRV_CMD_DEVICE_REQUEST) {
        struct srv_tx tx = begin(core, now_s, outcome);
        srv_device_refuse(&tx, command);
    }
    return false;
}

uint64_t srv_outbox_render(struct srv_core *core, uint64_t after_id, int64_t now_s,
                           struct srv_outcome *outcome)
{
    struct srv_tx tx = begin(core, now_s, outcome);
    struct srv_outbox_row *rows;
    const size_t count =
        srv_db_outbox_list(core->db, tx.arena, after_id, SRV_OUTBOX_RENDER_MAX, &rows);
    for (size_t i = 0; i < count; i++) {
        srv_notice_render(&tx, &rows[i]);
        after_id = rows[i].id;
    }
    return after_id;
}
