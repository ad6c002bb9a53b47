#include "ota/assert.h"
#include "ota/cursor.h"
#include "program.h"
#include "records.h"
#include <string.h>

/* --- a state as bytes (docs/spec/flash.md, "Journal") ------------------------- */

static void version_write(struct ota_writer *w, struct ota_version version)
{
    ota_write_u8(w, version.major);
    ota_write_u8(w, version.minor);
    ota_write_u16le(w, version.revision);
    ota_write_u32le(w, version.build);
}

static struct ota_version version_read(struct ota_reader *r)
{
    struct ota_version version;
    version.major = ota_read_u8(r);
    version.minor = ota_read_u8(r);
    version.revision = ota_read_u16le(r);
    version.build = ota_read_u32le(r);
    return version;
}

static void state_write(struct ota_writer *w, const struct ota_journal *j)
{
    uint8_t job_id[OTA_JOB_ID_MAX] = { 0 };
    OTA_ASSERT(j->job_id_len <= OTA_JOB_ID_MAX);
    memcpy(job_id, j->job_id, j->job_id_len);
    ota_write_u8(w, (uint8_t)j->state);
    ota_write_u8(w, (uint8_t)j->slot);
    ota_write_u8(w, j->refusals);
    ota_write_u8(w, j->reset_cause);
    ota_write_u8(w, (uint8_t)j->reason);
    ota_write_u8(w, j->job_id_len);
    ota_write_u16le(w, 0);
    ota_write_u32le(w, (uint32_t)j->error);
    ota_write_u32le(w, j->file_size);
    ota_write_u64le(w, j->execution);
    ota_write_u32le(w, j->mark);
    version_write(w, j->version);
    ota_write_bytes(w, OTA_SPAN_OF(j->bytes_id));
    ota_write_bytes(w, OTA_SPAN_OF(j->signature));
    ota_write_bytes(w, OTA_SPAN_OF(job_id));
    OTA_ASSERT(!w->bad);
}

/* A reason that only newer images know is still an end that must be reported. */
static enum ota_reason reason_of(uint8_t value)
{
    return value <= OTA_REASON_REFUSED_BY_APP ? (enum ota_reason)value : OTA_REASON_ERROR;
}

static void copy(struct ota_reader *r, uint8_t *to, size_t len)
{
    const struct ota_span bytes = ota_read_bytes(r, len);
    if (bytes.len > 0) {
        memcpy(to, bytes.ptr, bytes.len);
    }
}

/* A state that only newer images know, or a slot that is none: as if there were no journal. */
static ota_err_t state_read(struct ota_span bytes, struct ota_journal *j)
{
    struct ota_reader r = ota_reader(bytes);
    const uint8_t state = ota_read_u8(&r);
    const uint8_t slot = ota_read_u8(&r);
    const uint8_t refusals = ota_read_u8(&r);
    const uint8_t reset_cause = ota_read_u8(&r);
    const uint8_t reason = ota_read_u8(&r);
    const uint8_t job_id_len = ota_read_u8(&r);
    (void)ota_read_u16le(&r);
    if (r.bad || state > OTA_JOURNAL_REPORT_FAIL || slot > OTA_SLOT_B ||
        job_id_len > OTA_JOB_ID_MAX) {
        return OTA_E_NOT_FOUND;
    }
    j->state = (enum ota_journal_state)state;
    j->slot = (enum ota_slot)slot;
    j->refusals = refusals;
    j->reset_cause = reset_cause;
    j->reason = reason_of(reason);
    j->job_id_len = job_id_len;
    j->error = (ota_err_t)(int32_t)ota_read_u32le(&r);
    j->file_size = ota_read_u32le(&r);
    j->execution = ota_read_u64le(&r);
    j->mark = ota_read_u32le(&r);
    j->version = version_read(&r);
    copy(&r, j->bytes_id, sizeof j->bytes_id);
    copy(&r, j->signature, sizeof j->signature);
    copy(&r, j->job_id, sizeof j->job_id);
    return OTA_OK;
}

/* --- marks ------------------------------------------------------------------- */

/* The newest mark that belongs to `state`; it lies behind it in the same half. Untouched if there is none. */
static ota_err_t newest_mark(struct ota_store *s, const struct ota_log_record *state,
                             uint32_t *mark)
{
    struct ota_log_walk walk = ota_log_walk(&s->journal, state->offset);
    struct ota_log_record record;
    ota_err_t err;
    while ((err = ota_log_next(s->flash, &walk, &record)) == OTA_OK) {
        uint8_t bytes[OTA_JOURNAL_MARK_SIZE];
        if (record.kind != OTA_LOG_MARK || record.len < sizeof bytes) {
            continue;
        }
        err = ota_log_payload(s->flash, &record, 0, OTA_BUF_OF(bytes));
        if (err != OTA_OK) {
            return err;
        }
        struct ota_reader r = ota_reader(OTA_SPAN_OF(bytes));
        if (ota_read_u32le(&r) == state->sequence) {
            *mark = ota_read_u32le(&r);
        }
    }
    return err == OTA_E_NOT_FOUND ? OTA_OK : err;
}

uint32_t ota_journal_mark_interval(const struct ota_store *s, uint32_t file_size)
{
    const uint32_t sector = s->flash->sector_size;
    const uint32_t even = ota_round_up(file_size / OTA_JOURNAL_MARKS, sector);
    return even > sector ? even : sector;
}

/* --- the three verbs ----------------------------------------------------------- */

ota_err_t ota_journal_read(struct ota_store *s, struct ota_journal *j)
{
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(s->flash, &s->journal, &record);
    if (err != OTA_OK) {
        return err;
    }
    uint8_t bytes[OTA_JOURNAL_STATE_SIZE];
    if (record.len < sizeof bytes) {
        return OTA_E_NOT_FOUND;
    }
    err = ota_log_payload(s->flash, &record, 0, OTA_BUF_OF(bytes));
    if (err != OTA_OK) {
        return err;
    }
    uint32_t mark = 0;
    err = newest_mark(s, &record, &mark);
    if (err != OTA_OK) {
        return err;
    }
    err = state_read(OTA_SPAN_OF(bytes), j);
    if (err == OTA_OK && mark > j->mark) {
        j->mark = mark;
    }
    return err;
}

ota_err_t ota_journal_write(struct ota_store *s, const struct ota_journal *j)
{
    uint8_t bytes[OTA_JOURNAL_STATE_SIZE];
    struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
    state_write(&w, j);
    return ota_log_append(s->flash, &s->journal, OTA_LOG_STATE, ota_writer_done(&w));
}

/* The half is full: the whole state with its new mark begins the other one. */
static ota_err_t mark_in_state(struct ota_store *s, uint32_t mark)
{
    struct ota_journal j;
    const ota_err_t err = ota_journal_read(s, &j);
    if (err != OTA_OK) {
        return err;
    }
    j.mark = mark;
    return ota_journal_write(s, &j);
}

ota_err_t ota_journal_mark(struct ota_store *s, uint32_t mark)
{
    struct ota_log_record state;
    ota_err_t err = ota_log_newest(s->flash, &s->journal, &state);
    if (err != OTA_OK) {
        return err;
    }
    uint8_t bytes[OTA_JOURNAL_MARK_SIZE];
    struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
    ota_write_u32le(&w, state.sequence);
    ota_write_u32le(&w, mark);
    err = ota_log_append(s->flash, &s->journal, OTA_LOG_MARK, ota_writer_done(&w));
    return err == OTA_E_NO_ROOM ? mark_in_state(s, mark) : err;
}
