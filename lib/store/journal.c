#include "ota/assert.h"
#include "program.h"
#include "records.h"
#include <string.h>

/* --- a state as bytes: docs/spec/flash.md, "Journal" ---------------------------- */

enum {
    AT_STATE = 0,
    AT_SLOT = 1,
    AT_REFUSALS = 2,
    AT_RESET_CAUSE = 3,
    AT_REASON = 4,
    AT_JOB_ID_LEN = 5,
    AT_FILES = 6,
    AT_FILE = 7,
    AT_ERROR = 8,
    AT_FILE_SIZE = 12,
    AT_EXECUTION = 16,
    AT_MARK = 24,
    AT_MAJOR = 28,
    AT_MINOR = 29,
    AT_REVISION = 30,
    AT_BUILD = 32,
    AT_BYTES_ID = 36,
    AT_SIGNATURE = 68,
    AT_JOB_ID = 132,
};

/* Beside the number of data files. */
#define NO_IMAGE 0x80u

static void state_write(uint8_t to[OTA_JOURNAL_STATE_SIZE], const struct ota_journal *j)
{
    OTA_ASSERT(j->job_id_len <= OTA_JOB_ID_MAX);
    memset(to, 0, OTA_JOURNAL_STATE_SIZE);
    to[AT_STATE] = (uint8_t)j->state;
    to[AT_SLOT] = (uint8_t)j->slot;
    to[AT_REFUSALS] = j->refusals;
    to[AT_RESET_CAUSE] = j->reset_cause;
    to[AT_REASON] = (uint8_t)j->reason;
    to[AT_JOB_ID_LEN] = j->job_id_len;
    to[AT_FILES] = (uint8_t)(j->files | (j->no_image ? NO_IMAGE : 0u));
    to[AT_FILE] = j->file;
    to[AT_MAJOR] = j->version.major;
    to[AT_MINOR] = j->version.minor;
    to[AT_REVISION] = (uint8_t)j->version.revision;
    to[AT_REVISION + 1] = (uint8_t)(j->version.revision >> 8);
    ota_put_u32le(to + AT_BUILD, j->version.build);
    ota_put_u32le(to + AT_ERROR, (uint32_t)j->error);
    ota_put_u32le(to + AT_FILE_SIZE, j->file_size);
    ota_put_u32le(to + AT_EXECUTION, (uint32_t)j->execution);
    ota_put_u32le(to + AT_EXECUTION + 4, (uint32_t)(j->execution >> 32));
    ota_put_u32le(to + AT_MARK, j->mark);
    memcpy(to + AT_BYTES_ID, j->bytes_id, sizeof j->bytes_id);
    memcpy(to + AT_SIGNATURE, j->signature, sizeof j->signature);
    memcpy(to + AT_JOB_ID, j->job_id, j->job_id_len);
}

/* A state that only newer images know, or a slot that is none: as if there were no journal. */
static ota_err_t state_read(const uint8_t from[OTA_JOURNAL_STATE_SIZE], struct ota_journal *j)
{
    const uint8_t files = from[AT_FILES] & (uint8_t)~NO_IMAGE;
    if (from[AT_STATE] >= OTA_JOURNAL_STATES || from[AT_SLOT] > OTA_SLOT_B ||
        from[AT_JOB_ID_LEN] > OTA_JOB_ID_MAX || files > OTA_JOURNAL_FILES_MAX ||
        from[AT_FILE] > files) {
        return OTA_E_NOT_FOUND;
    }
    j->state = (enum ota_journal_state)from[AT_STATE];
    j->slot = (enum ota_slot)from[AT_SLOT];
    j->refusals = from[AT_REFUSALS];
    j->reset_cause = from[AT_RESET_CAUSE];
    /* A reason that only newer images know is still an end that must be reported. */
    j->reason =
        from[AT_REASON] <= OTA_REASON_LAST ? (enum ota_reason)from[AT_REASON] : OTA_REASON_ERROR;
    j->job_id_len = from[AT_JOB_ID_LEN];
    j->files = files;
    j->file = from[AT_FILE];
    j->no_image = (from[AT_FILES] & NO_IMAGE) != 0;
    j->version.major = from[AT_MAJOR];
    j->version.minor = from[AT_MINOR];
    j->version.revision = (uint16_t)(from[AT_REVISION] | from[AT_REVISION + 1] << 8);
    j->version.build = ota_get_u32le(from + AT_BUILD);
    j->error = (ota_err_t)(int32_t)ota_get_u32le(from + AT_ERROR);
    j->file_size = ota_get_u32le(from + AT_FILE_SIZE);
    j->execution =
        (uint64_t)ota_get_u32le(from + AT_EXECUTION + 4) << 32 | ota_get_u32le(from + AT_EXECUTION);
    j->mark = ota_get_u32le(from + AT_MARK);
    memcpy(j->bytes_id, from + AT_BYTES_ID, sizeof j->bytes_id);
    memcpy(j->signature, from + AT_SIGNATURE, sizeof j->signature);
    memcpy(j->job_id, from + AT_JOB_ID, sizeof j->job_id);
    return OTA_OK;
}

/* --- marks ------------------------------------------------------------------- */

/* A mark: the sequence of its state, then the mark. */
enum { MARK_STATE = 0, MARK_VALUE = 4 };

/* The newest mark that belongs to `state` raises *mark; it lies behind it in the same half. */
static ota_err_t find_mark(struct ota_store *s, const struct ota_log_record *state, uint32_t *mark)
{
    struct ota_log_record record;
    uint8_t bytes[OTA_JOURNAL_MARK_SIZE];
    const struct ota_log *log = &s->journal;
    uint32_t at = state->payload - OTA_LOG_HEADER_SIZE;
    ota_err_t err;
    while ((err = ota_log_next(log, &at, &record)) == OTA_OK) {
        if (record.kind != OTA_LOG_MARK || record.len < sizeof bytes) {
            continue;
        }
        err = ota_log_payload(log, &record, 0, OTA_BUF_OF(bytes));
        if (err != OTA_OK) {
            return err;
        }
        if (ota_get_u32le(bytes + MARK_STATE) == state->sequence) {
            *mark = ota_get_u32le(bytes + MARK_VALUE);
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
    uint8_t bytes[OTA_JOURNAL_STATE_SIZE];
    ota_err_t err = ota_log_read(&s->journal, &record, bytes, sizeof bytes);
    uint32_t mark = 0;
    if (err == OTA_OK) {
        err = find_mark(s, &record, &mark);
    }
    if (err == OTA_OK) {
        err = state_read(bytes, j);
    }
    if (err == OTA_OK && mark > j->mark) {
        j->mark = mark;
    }
    return err;
}

ota_err_t ota_journal_write(struct ota_store *s, const struct ota_journal *j)
{
    uint8_t bytes[OTA_JOURNAL_STATE_SIZE];
    state_write(bytes, j);
    return ota_log_append(&s->journal, OTA_LOG_STATE, OTA_SPAN_OF(bytes));
}

ota_err_t ota_journal_mark(struct ota_store *s, const struct ota_journal *j)
{
    struct ota_log_record state;
    uint8_t bytes[OTA_JOURNAL_MARK_SIZE];
    ota_err_t err = ota_log_newest(&s->journal, &state);
    if (err != OTA_OK) {
        return err;
    }
    ota_put_u32le(bytes + MARK_STATE, state.sequence);
    ota_put_u32le(bytes + MARK_VALUE, j->mark);
    err = ota_log_append(&s->journal, OTA_LOG_MARK, OTA_SPAN_OF(bytes));
    /* The half is full: the whole state with its new mark begins the other one. */
    return err == OTA_E_NO_ROOM ? ota_journal_write(s, j) : err;
}
