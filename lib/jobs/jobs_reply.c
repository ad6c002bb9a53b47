#include "jobs_priv.h"

#define WORD_MAX 32u /* status words and error codes are shorter; what is longer is none of them */

/* An optional member: OTA_OK and empty text if it is absent or null. */
static ota_err_t find_optional(struct ota_json object, const char *name, struct ota_json *value)
{
    *value = (struct ota_json){ OTA_SPAN_NONE };
    const ota_err_t err = ota_json_find(object, name, value);
    return err == OTA_E_NOT_FOUND ? OTA_OK : err;
}

static ota_err_t find_number(struct ota_json object, const char *name, uint64_t *number)
{
    struct ota_json value;
    const ota_err_t err = ota_json_find(object, name, &value);
    if (err != OTA_OK) {
        return OTA_E_MALFORMED;
    }
    return ota_json_u64(value, number);
}

/* The characters of a member that is one of our words; empty if it is a string that cannot be one. */
static ota_err_t find_word(struct ota_json object, const char *name, struct ota_buf room,
                           struct ota_span *word)
{
    struct ota_json value;
    if (ota_json_find(object, name, &value) != OTA_OK) {
        return OTA_E_MALFORMED;
    }
    *word = OTA_SPAN_NONE;
    const ota_err_t err = ota_json_string(value, room, word);
    return err == OTA_E_TOO_LARGE ? OTA_OK : err;
}

static ota_err_t find_status(struct ota_json object, enum ota_job_status *status)
{
    uint8_t room[WORD_MAX];
    struct ota_span word;
    const ota_err_t err = find_word(object, "status", OTA_BUF_OF(room), &word);
    if (err == OTA_OK) {
        *status = ota_job_status_parse(word);
    }
    return err;
}

ota_err_t jobs_read_envelope(struct ota_span payload, struct jobs_reply *reply)
{
    ota_err_t err = ota_json_parse(payload, &reply->body);
    if (err != OTA_OK) {
        return err;
    }
    if (ota_json_kind(reply->body) != OTA_JSON_OBJECT) {
        return OTA_E_MALFORMED;
    }
    err = find_optional(reply->body, "clientToken", &reply->token);
    if (err != OTA_OK || !reply->rejected) {
        return err;
    }
    uint8_t room[WORD_MAX];
    struct ota_span word;
    err = find_word(reply->body, "code", OTA_BUF_OF(room), &word);
    if (err == OTA_OK) {
        reply->code = ota_wire_code_parse(word);
    }
    return err;
}

static ota_err_t read_job_id(struct ota_json execution, struct ota_job_offer *offer)
{
    struct ota_json value;
    struct ota_span id;
    if (ota_json_find(execution, "jobId", &value) != OTA_OK) {
        return OTA_E_MALFORMED;
    }
    const ota_err_t err = ota_json_string(value, OTA_BUF_OF(offer->job_id), &id);
    if (err != OTA_OK) {
        return err == OTA_E_TOO_LARGE ? OTA_E_NAME : err;
    }
    offer->job_id_len = (uint8_t)id.len;
    return ota_job_id_ok(id) ? OTA_OK : OTA_E_NAME;
}

/* An absent document is the empty one: a job that asks for nothing still deserves an answer. */
static ota_err_t read_document(struct ota_json execution, bool brief, struct ota_json *document)
{
    const ota_err_t err = find_optional(execution, "jobDocument", document);
    if (err != OTA_OK) {
        return err;
    }
    if (document->text.len == 0) {
        document->text = brief ? OTA_SPAN_NONE : OTA_SPAN_LIT("{}");
        return OTA_OK;
    }
    return ota_json_kind(*document) == OTA_JSON_OBJECT ? OTA_OK : OTA_E_MALFORMED;
}

ota_err_t jobs_read_execution(const struct jobs_reply *reply, bool brief,
                              struct ota_jobs_news *news)
{
    struct ota_json execution;
    ota_err_t err = find_optional(reply->body, "execution", &execution);
    if (err != OTA_OK || execution.text.len == 0) {
        news->kind = OTA_JOBS_NEWS_EMPTY;
        return err;
    }
    news->kind = OTA_JOBS_NEWS_OFFER;
    struct ota_job_offer *const offer = &news->offer;
    if ((err = read_job_id(execution, offer)) != OTA_OK ||
        (err = find_status(execution, &offer->status)) != OTA_OK ||
        (err = find_number(execution, "versionNumber", &offer->version)) != OTA_OK ||
        (err = find_number(execution, "executionNumber", &offer->execution)) != OTA_OK) {
        return err;
    }
    if (offer->status != OTA_JOB_QUEUED && offer->status != OTA_JOB_IN_PROGRESS) {
        return OTA_E_MALFORMED;
    }
    return read_document(execution, brief, &offer->document);
}

ota_err_t jobs_read_state(const struct jobs_reply *reply, struct ota_jobs_news *news)
{
    news->kind = reply->rejected ? OTA_JOBS_NEWS_REJECTED : OTA_JOBS_NEWS_ACCEPTED;
    news->answer.code = reply->code;
    news->answer.status = OTA_JOB_STATUS_COUNT;
    struct ota_json state;
    ota_err_t err = find_optional(reply->body, "executionState", &state);
    if (err != OTA_OK || state.text.len == 0) {
        return err;
    }
    err = find_status(state, &news->answer.status);
    if (err != OTA_OK) {
        return err;
    }
    return find_number(state, "versionNumber", &news->answer.version);
}
