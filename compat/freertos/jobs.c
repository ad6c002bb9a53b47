#include "jobs.h"
#include "ota/json.h"
#include "ota/wire.h"
#include <string.h>

#define ROOT OTA_SPAN_LIT("$aws")

static struct ota_span span(const char *text, size_t len)
{
    return text == NULL ? OTA_SPAN_NONE : (struct ota_span){ (const uint8_t *)text, len };
}

static bool thing_ok(struct ota_span thing)
{
    return thing.len <= THINGNAME_MAX_LENGTH && ota_thing_name_ok(thing);
}

static bool job_ok(struct ota_span job)
{
    return job.len <= JOBID_MAX_LENGTH && ota_job_id_ok(job);
}

/* --- topics --------------------------------------------------------------------------------- */

/* In the order of JobsTopic_t. */
static const enum ota_topic_kind kinds[JobsMaxTopic] = {
    OTA_TOPIC_JOBS_NOTIFY,
    OTA_TOPIC_JOBS_NOTIFY_NEXT,
    OTA_TOPIC_JOBS_GET_ACCEPTED,
    OTA_TOPIC_JOBS_GET_REJECTED,
    OTA_TOPIC_JOBS_START_NEXT_ACCEPTED,
    OTA_TOPIC_JOBS_START_NEXT_REJECTED,
    OTA_TOPIC_JOB_GET_ACCEPTED,
    OTA_TOPIC_JOB_GET_REJECTED,
    OTA_TOPIC_JOB_UPDATE_ACCEPTED,
    OTA_TOPIC_JOB_UPDATE_REJECTED,
};

struct room {
    char *buffer;
    size_t length, *out_length;
};

/* The whole topic is written aside first, so that what does not fit can be cut off where the published library does. */
static JobsStatus_t write_topic(const struct room *to, const struct ota_topic *topic)
{
    uint8_t whole[OTA_TOPIC_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(whole));
    if (to->buffer == NULL || to->length == 0 || !thing_ok(topic->thing)) {
        return JobsBadParameter;
    }
    ota_topic_write(&w, ROOT, topic);
    const size_t len = ota_writer_done(&w).len;
    const size_t written = len < to->length ? len : to->length - 1;
    memcpy(to->buffer, whole, written);
    to->buffer[written] = '\0';
    if (to->out_length != NULL) {
        *to->out_length = written;
    }
    return written == len ? JobsSuccess : JobsBufferTooSmall;
}

JobsStatus_t Jobs_GetTopic(char *buffer, size_t length, const char *thingName,
                           uint16_t thingNameLength, JobsTopic_t api, size_t *outLength)
{
    if (api <= JobsInvalidTopic || api >= JobsMaxTopic) {
        return JobsBadParameter;
    }
    const struct ota_topic topic = { .kind = kinds[api],
                                     .thing = span(thingName, thingNameLength),
                                     .id = OTA_SPAN_LIT("+") };
    return write_topic(&(struct room){ buffer, length, outLength }, &topic);
}

JobsStatus_t Jobs_GetPending(char *buffer, size_t length, const char *thingName,
                             uint16_t thingNameLength, size_t *outLength)
{
    const struct ota_topic topic = { .kind = OTA_TOPIC_JOBS_GET,
                                     .thing = span(thingName, thingNameLength) };
    return write_topic(&(struct room){ buffer, length, outLength }, &topic);
}

JobsStatus_t Jobs_StartNext(char *buffer, size_t length, const char *thingName,
                            uint16_t thingNameLength, size_t *outLength)
{
    const struct ota_topic topic = { .kind = OTA_TOPIC_JOBS_START_NEXT,
                                     .thing = span(thingName, thingNameLength) };
    return write_topic(&(struct room){ buffer, length, outLength }, &topic);
}

JobsStatus_t Jobs_Describe(char *buffer, size_t length, const char *thingName,
                           uint16_t thingNameLength, const char *jobId, uint16_t jobIdLength,
                           size_t *outLength)
{
    const struct ota_topic topic = { .kind = OTA_TOPIC_JOB_GET,
                                     .thing = span(thingName, thingNameLength),
                                     .id = span(jobId, jobIdLength) };
    if (!job_ok(topic.id) && !ota_span_eq(topic.id, OTA_JOB_NEXT)) {
        return JobsBadParameter;
    }
    return write_topic(&(struct room){ buffer, length, outLength }, &topic);
}

JobsStatus_t Jobs_Update(char *buffer, size_t length, const char *thingName,
                         uint16_t thingNameLength, const char *jobId, uint16_t jobIdLength,
                         size_t *outLength)
{
    const struct ota_topic topic = { .kind = OTA_TOPIC_JOB_UPDATE,
                                     .thing = span(thingName, thingNameLength),
                                     .id = span(jobId, jobIdLength) };
    if (!job_ok(topic.id)) {
        return JobsBadParameter;
    }
    return write_topic(&(struct room){ buffer, length, outLength }, &topic);
}

/* Whether `text` is a topic of this thing. */
static bool read_topic(struct ota_span text, struct ota_span thing, struct ota_topic *topic)
{
    return text.len > 0 && thing.len > 0 && ota_topic_parse(ROOT, text, topic) == OTA_OK &&
           ota_span_eq(topic->thing, thing);
}

static JobsTopic_t api_of(enum ota_topic_kind kind)
{
    int api = 0;
    while (api < (int)JobsMaxTopic && kinds[api] != kind) {
        api++;
    }
    return api < (int)JobsMaxTopic ? (JobsTopic_t)api : JobsInvalidTopic;
}

JobsStatus_t Jobs_MatchTopic(char *topic, size_t length, const char *thingName,
                             uint16_t thingNameLength, JobsTopic_t *outApi, char **outJobId,
                             uint16_t *outJobIdLength)
{
    const struct ota_span thing = span(thingName, thingNameLength);
    struct ota_topic found = { .id = OTA_SPAN_NONE };
    JobsStatus_t status = JobsBadParameter;
    JobsTopic_t api = JobsInvalidTopic;
    if (topic != NULL && outApi != NULL && length > 0 && thing_ok(thing)) {
        status = JobsNoMatch;
        if (read_topic(span(topic, length), thing, &found)) {
            api = api_of(found.kind);
            status = api != JobsInvalidTopic ? JobsSuccess : JobsNoMatch;
        }
    }
    const bool has_id = status == JobsSuccess && found.id.len > 0;
    if (outApi != NULL) {
        *outApi = api;
    }
    if (outJobId != NULL) {
        *outJobId = has_id ? topic + (found.id.ptr - (const uint8_t *)topic) : NULL;
    }
    if (outJobIdLength != NULL) {
        *outJobIdLength = has_id ? (uint16_t)found.id.len : 0;
    }
    return status;
}

bool Jobs_IsStartNextAccepted(const char *topic, const size_t topicLength, const char *thingName,
                              const size_t thingNameLength)
{
    struct ota_topic found;
    return read_topic(span(topic, topicLength), span(thingName, thingNameLength), &found) &&
           found.kind == OTA_TOPIC_JOBS_START_NEXT_ACCEPTED;
}

bool Jobs_IsJobUpdateStatus(const char *topic, const size_t topicLength, const char *jobId,
                            const size_t jobIdLength, const char *thingName,
                            const size_t thingNameLength, JobUpdateStatus_t expectedStatus)
{
    const bool accepted = expectedStatus == JobUpdateStatus_Accepted;
    struct ota_topic found;
    return (accepted || expectedStatus == JobUpdateStatus_Rejected) &&
           read_topic(span(topic, topicLength), span(thingName, thingNameLength), &found) &&
           found.kind ==
               (accepted ? OTA_TOPIC_JOB_UPDATE_ACCEPTED : OTA_TOPIC_JOB_UPDATE_REJECTED) &&
           ota_span_eq(found.id, span(jobId, jobIdLength));
}

/* --- messages ---------------------------------------------------------------------------------- */

/* No buffer has no room. */
static struct ota_writer begin(char *buffer, size_t size)
{
    return ota_writer((struct ota_buf){ (uint8_t *)buffer, buffer != NULL ? size : 0 });
}

/* Whether a text can stand between quotes as it is. */
static bool is_plain(struct ota_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            return false;
        }
    }
    return true;
}

size_t Jobs_StartNextMsg(const char *clientToken, size_t clientTokenLength, char *buffer,
                         size_t bufferSize)
{
    const struct ota_span token = span(clientToken, clientTokenLength);
    struct ota_writer w = begin(buffer, bufferSize);
    if (token.len == 0 || token.len > OTA_TOKEN_MAX || !is_plain(token)) {
        return 0;
    }
    ota_write_str(&w, JOBS_API_CLIENTTOKEN);
    ota_write_bytes(&w, token);
    ota_write_str(&w, "\"}");
    return ota_writer_done(&w).len;
}

static bool is_object(struct ota_span text)
{
    struct ota_json object;
    return ota_json_parse(text, &object) == OTA_OK && ota_json_kind(&object) == OTA_JSON_OBJECT;
}

/* In the order of JobCurrentStatus_t. */
static const enum ota_job_status words[] = { OTA_JOB_QUEUED, OTA_JOB_IN_PROGRESS, OTA_JOB_FAILED,
                                             OTA_JOB_SUCCEEDED, OTA_JOB_REJECTED };

size_t Jobs_UpdateMsg(JobsUpdateRequest_t request, char *buffer, size_t bufferSize)
{
    const struct ota_span version = span(request.expectedVersion, request.expectedVersionLength);
    const struct ota_span details = span(request.statusDetails, request.statusDetailsLength);
    struct ota_writer w = begin(buffer, bufferSize);
    if ((size_t)request.status >= sizeof words / sizeof words[0] || !is_plain(version) ||
        (details.len > 0 && !is_object(details))) {
        return 0;
    }
    ota_write_str(&w, JOBS_API_STATUS);
    ota_write_str(&w, ota_job_status_name(words[request.status]));
    if (version.len > 0) {
        ota_write_str(&w, JOBS_API_EXPECTED_VERSION);
        ota_write_bytes(&w, version);
    }
    if (details.len > 0) {
        ota_write_str(&w, JOBS_API_STATUS_DETAILS);
        ota_write_bytes(&w, details);
        ota_write_str(&w, "}");
    } else {
        ota_write_str(&w, "\"}");
    }
    return ota_writer_done(&w).len;
}

/* A member of the execution that a message tells of. */
static bool find_in_execution(const char *message, size_t len, const char *name,
                              struct ota_json *value)
{
    struct ota_json object, execution;
    return message != NULL && ota_json_parse(span(message, len), &object) == OTA_OK &&
           ota_json_find(&object, "execution", &execution) == OTA_OK &&
           ota_json_find(&execution, name, value) == OTA_OK;
}

size_t Jobs_GetJobId(const char *message, size_t messageLength, const char **jobId)
{
    struct ota_json value;
    if (jobId == NULL || !find_in_execution(message, messageLength, "jobId", &value) ||
        ota_json_kind(&value) != OTA_JSON_STRING) {
        return 0;
    }
    const struct ota_span id = { value.text.ptr + 1, value.text.len - 2 };
    if (!job_ok(id)) {
        return 0;
    }
    *jobId = (const char *)id.ptr;
    return id.len;
}

size_t Jobs_GetJobDocument(const char *message, size_t messageLength, const char **jobDoc)
{
    struct ota_json value;
    if (jobDoc == NULL || !find_in_execution(message, messageLength, "jobDocument", &value) ||
        ota_json_kind(&value) != OTA_JSON_OBJECT) {
        return 0;
    }
    *jobDoc = (const char *)value.text.ptr;
    return value.text.len;
}
