#include "tx.h"
#include <string.h>

/* A thing has few jobs at once; more pending ones than this are not looked at. */
#define GRANT_PENDING_MAX 256u

static bool stream_of_pending(struct srv_core *core, struct srv_arena *a, struct ota_span thing,
                              struct ota_span id)
{
    struct srv_execution *rows;
    const size_t count = srv_db_execution_pending(core->db, a, thing, GRANT_PENDING_MAX, &rows);
    for (size_t i = 0; i < count; i++) {
        struct srv_job job;
        if (srv_db_job_get(core->db, a, ota_span_of_str(rows[i].job_id), &job) &&
            ota_span_eq(ota_span_of_str(job.stream_id), id)) {
            return true;
        }
    }
    return false;
}

bool srv_stream_grant(struct srv_core *core, struct srv_arena *a, struct ota_span thing,
                      struct ota_span id, struct srv_stream *stream, struct srv_err *err)
{
    struct srv_thing row;
    if (!srv_db_thing_get(core->db, thing, &row) || row.state == SRV_THING_DISABLED) {
        return srv_fail(err, SRV_E_UNAUTHORIZED, "no such thing, or it is disabled");
    }
    if (!srv_db_stream_get(core->db, a, id, stream)) {
        return srv_fail(err, SRV_E_NOT_FOUND, "there is no such stream");
    }
    if (!stream_of_pending(core, a, thing, id)) {
        return srv_fail(err, SRV_E_UNAUTHORIZED, "no pending job of this thing has that stream");
    }
    return true;
}
