/* The published headers: each function's results and limits, and what hostile bytes cannot do any more. */
#include "t.h"

#include "MQTTFileDownloader.h"
#include "MQTTFileDownloader_base64.h"
#include "MQTTFileDownloader_cbor.h"
#include "jobs.h"
#include "ota_job_processor.h"

#define LEN(text) (sizeof(text) - 1)
#define T         "$aws/things/lamp:1/jobs/"
#define THING     "lamp:1", 6

/* 129 characters of every alphabet. */
static const char letters[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                              "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefg";

/* --- topics ------------------------------------------------------------------------------------ */

/* One function for all that write a topic; `api` beyond the ten are the four that publish. */
enum { GET_PENDING = JobsMaxTopic, START_NEXT, DESCRIBE, UPDATE };

static JobsStatus_t write_topic(int api, char *buffer, size_t length, size_t *out)
{
    switch (api) {
    case GET_PENDING: return Jobs_GetPending(buffer, length, THING, out);
    case START_NEXT: return Jobs_StartNext(buffer, length, THING, out);
    case DESCRIBE: return Jobs_Describe(buffer, length, THING, "$next", 5, out);
    case UPDATE: return Jobs_Update(buffer, length, THING, "AFR_OTA-x", 9, out);
    default: return Jobs_GetTopic(buffer, length, THING, (JobsTopic_t)api, out);
    }
}

static const struct {
    int api;
    const char *topic;
} topics[] = {
    { JobsJobsChanged, JOBS_API_SUBSCRIBE_JOBSCHANGED("lamp:1") },
    { JobsNextJobChanged, JOBS_API_SUBSCRIBE_NEXTJOBCHANGED("lamp:1") },
    { JobsGetPendingSuccess, T "get/accepted" },
    { JobsGetPendingFailed, T "get/rejected" },
    { JobsStartNextSuccess, T "start-next/accepted" },
    { JobsStartNextFailed, T "start-next/rejected" },
    { JobsDescribeSuccess, T "+/get/accepted" },
    { JobsDescribeFailed, T "+/get/rejected" },
    { JobsUpdateSuccess, T "+/update/accepted" },
    { JobsUpdateFailed, T "+/update/rejected" },
    { GET_PENDING, JOBS_API_PUBLISH_GETPENDING("lamp:1") },
    { START_NEXT, JOBS_API_PUBLISH_STARTNEXT("lamp:1") },
    { DESCRIBE, JOBS_API_PUBLISH_DESCRIBENEXTJOB("lamp:1") },
    { UPDATE, T "AFR_OTA-x/update" },
};

/* At every length of the buffer: what fits, a NUL, and nothing behind it. */
static void topics_are_cut_off_where_the_buffer_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(topics); i++) {
        const size_t len = strlen(topics[i].topic);
        assert_true(len < JOBS_API_MAX_LENGTH(6));
        for (size_t cap = 1; cap <= len + 2; cap++) {
            const size_t want = cap > len ? len : cap - 1;
            size_t out = 99;
            char *buffer = malloc(cap);
            const JobsStatus_t status = write_topic(topics[i].api, buffer, cap, &out);
            CHECK_ROW(topics[i].topic, status == (cap > len ? JobsSuccess : JobsBufferTooSmall));
            CHECK_ROW(topics[i].topic, out == want && buffer[want] == '\0');
            CHECK_ROW(topics[i].topic, memcmp(buffer, topics[i].topic, want) == 0);
            CHECK_ROW(topics[i].topic, write_topic(topics[i].api, buffer, cap, NULL) == status);
            free(buffer);
        }
        char buffer[2] = "x";
        CHECK_ROW(topics[i].topic, write_topic(topics[i].api, buffer, 0, NULL) == JobsBadParameter);
        CHECK_ROW(topics[i].topic, write_topic(topics[i].api, NULL, 9, NULL) == JobsBadParameter);
        assert_int_equal(buffer[0], 'x');
    }
}

static void bad_names_are_bad_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *why, *thing, *job;
        uint16_t thing_len, job_len;
        JobsStatus_t want;
    } rows[] = {
        { "the longest", letters, letters, 128, 64, JobsSuccess },
        { "thing of 129", letters, letters, 129, 64, JobsBadParameter },
        { "job of 65", letters, letters, 128, 65, JobsBadParameter },
        { "no thing", NULL, letters, 6, 3, JobsBadParameter },
        { "no job", letters, NULL, 6, 3, JobsBadParameter },
        { "empty thing", letters, letters, 0, 3, JobsBadParameter },
        { "empty job", letters, letters, 3, 0, JobsBadParameter },
        { "a level in a thing", "a/b", letters, 3, 3, JobsBadParameter },
        { "a wildcard as a job", letters, "+", 3, 1, JobsBadParameter },
        { "a colon in a job", letters, "a:b", 3, 3, JobsBadParameter },
        { "a job that collides with a topic", letters, "notify", 3, 6, JobsBadParameter },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char room[TOPIC_BUFFER_SIZE];
        CHECK_ROW(rows[i].why, Jobs_Update(room, sizeof room, rows[i].thing, rows[i].thing_len,
                                           rows[i].job, rows[i].job_len, NULL) == rows[i].want);
        CHECK_ROW(rows[i].why, Jobs_Describe(room, sizeof room, rows[i].thing, rows[i].thing_len,
                                             rows[i].job, rows[i].job_len, NULL) == rows[i].want);
    }
    char room[TOPIC_BUFFER_SIZE];
    assert_int_equal(Jobs_Update(room, sizeof room, THING, "$next", 5, NULL), JobsBadParameter);
    assert_int_equal(Jobs_GetTopic(room, sizeof room, THING, JobsInvalidTopic, NULL),
                     JobsBadParameter);
    assert_int_equal(Jobs_GetTopic(room, sizeof room, THING, JobsMaxTopic, NULL), JobsBadParameter);
}

static void a_topic_is_matched_exactly_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *topic;
        JobsTopic_t api;
        const char *job;
    } rows[] = {
        { T "notify", JobsJobsChanged, NULL },
        { T "notify-next", JobsNextJobChanged, NULL },
        { T "get/accepted", JobsGetPendingSuccess, NULL },
        { T "get/rejected", JobsGetPendingFailed, NULL },
        { T "start-next/accepted", JobsStartNextSuccess, NULL },
        { T "start-next/rejected", JobsStartNextFailed, NULL },
        { T "$next/get/accepted", JobsDescribeSuccess, "$next" },
        { T "j-1/get/rejected", JobsDescribeFailed, "j-1" },
        { T "j-1/update/accepted", JobsUpdateSuccess, "j-1" },
        { T "j-1/update/rejected", JobsUpdateFailed, "j-1" },
        { T "j-1/update", JobsInvalidTopic, NULL }, /* a request of ours */
        { T "notify-nex", JobsInvalidTopic, NULL },
        { T "notify-nextt", JobsInvalidTopic, NULL },
        { T "/update/accepted", JobsInvalidTopic, NULL },
        { T "a/b/update/accepted", JobsInvalidTopic, NULL },
        { "$aws/things/lamp:2/jobs/notify", JobsInvalidTopic, NULL },
        { "$aws/things/lamp:1/streams/s/data/cbor", JobsInvalidTopic, NULL },
        { "$", JobsInvalidTopic, NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].topic);
        char *topic = (char *)t_exact(rows[i].topic, len);
        JobsTopic_t api = JobsMaxTopic;
        char *job = topic;
        uint16_t job_len = 99;
        const JobsStatus_t want = rows[i].api == JobsInvalidTopic ? JobsNoMatch : JobsSuccess;
        CHECK_ROW(rows[i].topic, Jobs_MatchTopic(topic, len, THING, &api, &job, &job_len) == want);
        CHECK_ROW(rows[i].topic, api == rows[i].api);
        CHECK_ROW(rows[i].topic, (job != NULL) == (rows[i].job != NULL));
        CHECK_ROW(rows[i].topic, job_len == (rows[i].job != NULL ? strlen(rows[i].job) : 0));
        CHECK_ROW(rows[i].topic, job == NULL || memcmp(job, rows[i].job, job_len) == 0);
        CHECK_ROW(rows[i].topic, Jobs_MatchTopic(topic, len, THING, &api, NULL, NULL) == want);
        for (size_t cut = 1; cut < len; cut++) { /* a prefix may be another topic, never a fault */
            (void)Jobs_MatchTopic(topic + cut, len - cut, THING, &api, &job, &job_len);
        }
        free(topic);
    }
    char topic[] = T "notify", *job = topic;
    JobsTopic_t api = JobsMaxTopic;
    uint16_t job_len = 9;
    assert_int_equal(Jobs_MatchTopic(NULL, 9, THING, &api, &job, &job_len), JobsBadParameter);
    assert_true(api == JobsInvalidTopic && job == NULL && job_len == 0);
    assert_int_equal(Jobs_MatchTopic(topic, 0, THING, &api, NULL, NULL), JobsBadParameter);
    assert_int_equal(Jobs_MatchTopic(topic, LEN(topic), THING, NULL, NULL, NULL), JobsBadParameter);
    assert_int_equal(Jobs_MatchTopic(topic, LEN(topic), letters, 129, &api, NULL, NULL),
                     JobsBadParameter);
}

static void predicates_tell_one_topic_from_all_others(void **state)
{
    (void)state;
    const char start[] = T "start-next/accepted", done[] = T "j/update/accepted",
               refused[] = T "j/update/rejected";
    assert_true(Jobs_IsStartNextAccepted(start, LEN(start), THING));
    assert_false(Jobs_IsStartNextAccepted(start, LEN(start) - 1, THING));
    assert_false(Jobs_IsStartNextAccepted(done, LEN(done), THING));
    assert_false(Jobs_IsStartNextAccepted(start, LEN(start), "lamp:2", 6));
    assert_false(Jobs_IsStartNextAccepted(NULL, 9, THING));
    assert_false(Jobs_IsStartNextAccepted(start, LEN(start), NULL, 6));
    assert_true(Jobs_IsJobUpdateStatus(done, LEN(done), "j", 1, THING, JobUpdateStatus_Accepted));
    assert_true(
        Jobs_IsJobUpdateStatus(refused, LEN(refused), "j", 1, THING, JobUpdateStatus_Rejected));
    assert_false(Jobs_IsJobUpdateStatus(done, LEN(done), "j", 1, THING, JobUpdateStatus_Rejected));
    assert_false(Jobs_IsJobUpdateStatus(done, LEN(done), "k", 1, THING, JobUpdateStatus_Accepted));
    assert_false(Jobs_IsJobUpdateStatus(done, LEN(done), NULL, 1, THING, JobUpdateStatus_Accepted));
    assert_false(Jobs_IsJobUpdateStatus(done, LEN(done), "j", 1, THING,
                                        (JobUpdateStatus_t)7)); /* no assert */
    assert_false(Jobs_IsJobUpdateStatus(done, LEN(done), letters, 128, letters, 128,
                                        JobUpdateStatus_Accepted));
}

/* --- messages --------------------------------------------------------------------------------------- */

static void start_next_has_a_token_or_is_nothing(void **state)
{
    (void)state;
    const char want[] = "{\"clientToken\":\"test\"}";
    for (size_t cap = 0; cap <= LEN(want) + 1; cap++) {
        char *buffer = malloc(cap + 1);
        buffer[cap] = 'x';
        const size_t len = Jobs_StartNextMsg("test", 4, buffer, cap);
        assert_int_equal(len, cap < LEN(want) ? 0 : LEN(want));
        assert_memory_equal(buffer, want, len);
        assert_int_equal(buffer[cap], 'x');
        free(buffer);
    }
    char room[START_JOB_MSG_LENGTH];
    assert_int_equal(Jobs_StartNextMsg(NULL, 4, room, sizeof room), 0);
    assert_int_equal(Jobs_StartNextMsg("test", 0, room, sizeof room), 0);
    assert_int_equal(Jobs_StartNextMsg("test", 4, NULL, sizeof room), 0);
    static const char *const escaped[] = { "a\"b", "a\\b", "a\nb", "a\x7f", "\xc3\xa9" };
    for (size_t i = 0; i < COUNT(escaped); i++) {
        CHECK_ROW(escaped[i],
                  Jobs_StartNextMsg(escaped[i], strlen(escaped[i]), room, sizeof room) == 0);
    }
    assert_int_equal(Jobs_StartNextMsg(letters, 64, room, sizeof room), 64 + 18);
    assert_int_equal(Jobs_StartNextMsg(letters, 65, room, sizeof room),
                     0); /* the service refuses it */
}

static void updates_are_those_of_the_published_library(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        JobCurrentStatus_t status;
        const char *version, *details, *want;
    } rows[] = {
        { "bare", Succeeded, NULL, NULL, "{\"status\":\"SUCCEEDED\"}" },
        { "empty is none", Failed, "", "", "{\"status\":\"FAILED\"}" },
        { "version, quoted", InProgress, "2", NULL,
          "{\"status\":\"IN_PROGRESS\",\"expectedVersion\":\"2\"}" },
        { "details", Rejected, NULL, "{\"key\":\"value\"}",
          "{\"status\":\"REJECTED\",\"statusDetails\":{\"key\":\"value\"}}" },
        { "all", Queued, "1", "{\"key\":\"value\"}",
          "{\"status\":\"QUEUED\",\"expectedVersion\":\"1\",\"statusDetails\":{\"key\":\"value\"}"
          "}" },
        { "details that are no JSON", Succeeded, NULL, "{\"key\":\"value\"", "" },
        { "details that are no object", Succeeded, NULL, "\"key\"", "" },
        { "a version that would end its string", Succeeded, "1\",\"x\":\"", NULL, "" },
        { "no status", (JobCurrentStatus_t)5, NULL, NULL, "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const JobsUpdateRequest_t request = {
            rows[i].status,
            rows[i].version,
            rows[i].version != NULL ? strlen(rows[i].version) : 7, /* of NULL, no length counts */
            rows[i].details,
            rows[i].details != NULL ? strlen(rows[i].details) : 7,
        };
        const size_t want = strlen(rows[i].want);
        for (size_t cap = 0; cap <= want + 1; cap++) {
            char *buffer = malloc(cap + 1);
            buffer[cap] = 'x';
            const size_t len = Jobs_UpdateMsg(request, buffer, cap);
            CHECK_ROW(rows[i].why, len == (cap < want ? 0 : want));
            CHECK_ROW(rows[i].why, memcmp(buffer, rows[i].want, len) == 0 && buffer[cap] == 'x');
            free(buffer);
        }
        CHECK_ROW(rows[i].why, Jobs_UpdateMsg(request, NULL, 99) == 0);
    }
}

#define DOCUMENT "{\"afr_ota\":{}}"
static const char started[] = "{\"clientToken\":\"test\",\"timestamp\":1,\"execution\":{\"jobId\":"
                              "\"AFR_OTA-x\",\"status\":\"IN_PROGRESS\",\"versionNumber\":2,"
                              "\"executionNumber\":1,\"jobDocument\":" DOCUMENT "}}";

#define ID_OF_65                                                                                   \
    "{\"execution\":{\"jobId\":\"0123456789abcdef0123456789abcdef0123456789abcdef"                 \
    "0123456789abcdefg\"}}"

static void an_execution_gives_its_id_and_document(void **state)
{
    (void)state;
    const char *at = NULL;
    assert_int_equal(Jobs_GetJobId(started, LEN(started), &at), 9);
    assert_memory_equal(at, "AFR_OTA-x", 9);
    assert_int_equal(Jobs_GetJobDocument(started, LEN(started), &at), LEN(DOCUMENT));
    assert_memory_equal(at, DOCUMENT, LEN(DOCUMENT));
    for (size_t len = 0; len < LEN(started); len++) {
        char *copy = (char *)t_exact(started, len);
        at = NULL;
        assert_int_equal(Jobs_GetJobId(copy, len, &at), 0);
        assert_int_equal(Jobs_GetJobDocument(copy, len, &at), 0);
        assert_null(at);
        free(copy);
    }
    static const char *const nothing[] = {
        "{\"timestamp\":1}",
        "{\"execution\":{}}",
        "{\"execution\":7}",
        "{\"execution\":{\"jobId\":null,\"jobDocument\":null}}",
        "{\"execution\":{\"jobId\":7,\"jobDocument\":\"{}\"}}",
        "{\"execution\":{\"jobId\":\"a/b\",\"jobDocument\":[]}}",
        ID_OF_65,
    };
    for (size_t i = 0; i < COUNT(nothing); i++) {
        at = NULL;
        CHECK_ROW(nothing[i], Jobs_GetJobId(nothing[i], strlen(nothing[i]), &at) == 0);
        CHECK_ROW(nothing[i], Jobs_GetJobDocument(nothing[i], strlen(nothing[i]), &at) == 0);
        CHECK_ROW(nothing[i], at == NULL);
    }
    assert_int_equal(Jobs_GetJobId(NULL, 9, &at), 0);
    assert_int_equal(Jobs_GetJobId(started, LEN(started), NULL), 0);
    assert_int_equal(Jobs_GetJobDocument(NULL, 9, &at), 0);
    assert_int_equal(Jobs_GetJobDocument(started, LEN(started), NULL), 0);
}

/* --- documents ---------------------------------------------------------------------------------------- */

#define FILE_OF(id)                                                                                \
    "{\"filepath\":\"/a\",\"filesize\":\"1000\",\"fileid\":" id ",\"certfile\":\"c.pem\","         \
    "\"fileType\":3,\"update_data_url\":\"https://h/p?a=1\\u0026b\",\"auth_scheme\":"              \
    "\"aws.s3.presigned\",\"sig-sha256-ecdsa\":\"MEUC\\nIQ==\"}"
#define OF(protocols, stream, files)                                                               \
    "{\"afr_ota\":{\"protocols\":" protocols "," stream "\"files\":[" files "]}}"
#define STREAM "\"streamname\":\"AFR_OTA-s\","
#define BOTH   "[\"MQTT\",\"HTTP\"]"

static bool is_text(const char *text, size_t len, const char *want)
{
    return len == strlen(want) && memcmp(text, want, len) == 0;
}

static void a_file_is_read_for_the_protocol_that_is_asked_for(void **state)
{
    (void)state;
    const char doc[] = OF(BOTH, STREAM, FILE_OF("0") "," FILE_OF("255"));
    AfrOtaJobDocumentFields_t f = { .fileId = 99 };
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 0, "MQTT", 4, &f), 1);
    assert_true(f.fileId == 0 && f.fileSize == 1000 && f.fileType == 3);
    assert_true(is_text(f.imageRef, f.imageRefLen, "AFR_OTA-s"));
    assert_true(is_text(f.filepath, f.filepathLen, "/a"));
    assert_true(is_text(f.certfile, f.certfileLen, "c.pem"));
    assert_true(is_text(f.signature, f.signatureLen, "MEUC\\nIQ==")); /* as it stands there */
    assert_true(f.authScheme == NULL && f.authSchemeLen == 0);
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 1, "HTTP", 4, &f), 0);
    assert_int_equal(f.fileId, 255);
    assert_true(is_text(f.imageRef, f.imageRefLen, "https://h/p?a=1\\u0026b"));
    assert_true(is_text(f.authScheme, f.authSchemeLen, "aws.s3.presigned"));
    f.fileId = 99;
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 2, "MQTT", 4, &f), -1);
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 0, "COAP", 4, &f), -1);
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 0, NULL, 4, &f), -1);
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 0, "MQTT", 0, &f), -1);
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 0, "MQTT", 4, NULL), -1);
    assert_int_equal(otaParser_parseJobDocFile(NULL, LEN(doc), 0, "MQTT", 4, &f), -1);
    assert_int_equal(otaParser_parseJobDocFile(doc, 0, 0, "MQTT", 4, &f), -1);
    assert_int_equal(f.fileId, 99);
    /* The generation before: four arguments, and the first protocol that the document names. */
    assert_int_equal(otaParser_parseJobDocFile(doc, LEN(doc), 1, &f), 0);
    assert_true(is_text(f.imageRef, f.imageRefLen, "AFR_OTA-s"));
    assert_true(populateJobDocFields(doc, LEN(doc), 0, &f));
    assert_true(populateJobDocFields(doc, LEN(doc), 0, "HTTP", 4, &f));
    assert_false(populateJobDocFields(doc, LEN(doc), -1, &f));
    assert_false(populateJobDocFields(doc, LEN(doc), 0, NULL));
    assert_false(populateJobDocFields(doc, LEN(doc), 0, NULL, 4, &f));
    assert_false(populateJobDocFields(NULL, LEN(doc), 0, &f));
    const char http[] = OF("[\"HTTP\"]", "", FILE_OF("0"));
    assert_int_equal(otaParser_parseJobDocFile(http, LEN(http), 0, &f), 0);
    assert_true(is_text(f.authScheme, f.authSchemeLen, "aws.s3.presigned"));
}

static void what_is_no_ota_document_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why, *doc;
    } rows[] = {
        { "custom", "{\"operation\":\"reboot\"}" },
        { "no JSON", "afr_ota" },
        { "no protocols", "{\"afr_ota\":{" STREAM "\"files\":[" FILE_OF("0") "]}}" },
        { "no files", "{\"afr_ota\":{\"protocols\":[\"MQTT\"]," STREAM "\"files\":[]}}" },
        { "no stream", OF("[\"MQTT\"]", "", FILE_OF("0")) },
        { "an empty stream", OF("[\"MQTT\"]", "\"streamname\":\"\",", FILE_OF("0")) },
        { "a stream with a level", OF("[\"MQTT\"]", "\"streamname\":\"a/b\",", FILE_OF("0")) },
        { "not over MQTT", OF("[\"HTTP\"]", STREAM, FILE_OF("0")) },
        { "a size below zero",
          OF("[\"MQTT\"]", STREAM,
             "{\"filepath\":\"a\",\"filesize\":-1,\"fileid\":0,\"certfile\":\"c\","
             "\"sig-sha256-ecdsa\":\"s\"}") },
        { "a size of 2^32",
          OF("[\"MQTT\"]", STREAM,
             "{\"filepath\":\"a\",\"filesize\":4294967296,\"fileid\":0,\"certfile\":\"c\","
             "\"sig-sha256-ecdsa\":\"s\"}") },
        { "no size",
          OF("[\"MQTT\"]", STREAM,
             "{\"filepath\":\"a\",\"fileid\":0,\"certfile\":\"c\",\"sig-sha256-ecdsa\":\"s\"}") },
        { "no signature",
          OF("[\"MQTT\"]", STREAM,
             "{\"filepath\":\"a\",\"filesize\":1,\"fileid\":0,\"certfile\":\"c\"}") },
        { "a type that is no number", OF("[\"MQTT\"]", STREAM,
                                         "{\"filepath\":\"a\",\"filesize\":1,\"fileid\":0,"
                                         "\"certfile\":\"c\",\"fileType\":\"x\","
                                         "\"sig-sha256-ecdsa\":\"s\"}") },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AfrOtaJobDocumentFields_t f = { .fileId = 99, .fileSize = 99 };
        CHECK_ROW(rows[i].why, otaParser_parseJobDocFile(rows[i].doc, strlen(rows[i].doc), 0,
                                                         "MQTT", 4, &f) == -1);
        CHECK_ROW(rows[i].why, f.fileId == 99 && f.fileSize == 99 && f.imageRef == NULL);
    }
#define HTTP_WITH(members)                                                                         \
    OF("[\"HTTP\"]", "",                                                                           \
       "{\"filepath\":\"a\",\"filesize\":1,\"fileid\":0,\"certfile\":\"c\"," members               \
       "\"sig-sha256-ecdsa\":\"s\"}")
    static const char *const http[] = {
        HTTP_WITH(""),
        HTTP_WITH("\"auth_scheme\":\"x\","),
        HTTP_WITH("\"update_data_url\":\"x\","),
        HTTP_WITH("\"auth_scheme\":\"\",\"update_data_url\":\"x\","),
        HTTP_WITH("\"auth_scheme\":\"x\",\"update_data_url\":\"\","),
        HTTP_WITH("\"auth_scheme\":null,\"update_data_url\":null,"),
        OF("[]", STREAM, FILE_OF("0")),
        OF("[\"COAP\"]", STREAM, FILE_OF("0")),
        OF("[7]", STREAM, FILE_OF("0")),
    };
    for (size_t i = 0; i < COUNT(http); i++) {
        AfrOtaJobDocumentFields_t f = { .fileId = 99 };
        CHECK_ROW(http[i],
                  otaParser_parseJobDocFile(http[i], strlen(http[i]), 0, "HTTP", 4, &f) == -1);
        CHECK_ROW(http[i], otaParser_parseJobDocFile(http[i], strlen(http[i]), 0, &f) == -1);
        CHECK_ROW(http[i], f.fileId == 99);
    }
    const char coap[] = OF("[\"COAP\",\"MQTT\"]", STREAM, FILE_OF("0"));
    AfrOtaJobDocumentFields_t f_coap;
    assert_int_equal(otaParser_parseJobDocFile(coap, LEN(coap), 0, "COAP", 4, &f_coap), -1);
    assert_int_equal(otaParser_parseJobDocFile(coap, LEN(coap), 0, "MQTT", 4, &f_coap), 0);
    const char doc[] = OF(BOTH, STREAM, FILE_OF("0"));
    for (size_t len = 0; len < LEN(doc); len++) {
        AfrOtaJobDocumentFields_t f;
        char *copy = (char *)t_exact(doc, len);
        assert_int_equal(otaParser_parseJobDocFile(copy, len, 0, "MQTT", 4, &f), -1);
        free(copy);
    }
}

static void every_file_of_fifty_is_reached(void **state)
{
    (void)state;
    static char doc[16384];
    size_t at = (size_t)snprintf(doc, sizeof doc,
                                 "{\"afr_ota\":{\"protocols\":[\"MQTT\"]," STREAM "\"files\":[");
    for (unsigned i = 0; i < 51; i++) { /* one more than the service allows */
        at += (size_t)snprintf(doc + at, sizeof doc - at,
                               "%s{\"filepath\":\"a\",\"filesize\":1,\"fileid\":%u,\"certfile\":"
                               "\"c\",\"sig-sha256-ecdsa\":\"s\"}",
                               i > 0 ? "," : "", i);
    }
    at += (size_t)snprintf(doc + at, sizeof doc - at, "]}}");
    assert_true(at < sizeof doc);
    AfrOtaJobDocumentFields_t f;
    int8_t next = 0;
    unsigned count = 0;
    do {
        next = otaParser_parseJobDocFile(doc, at, (uint8_t)next, &f);
        assert_true(next >= 0);
        assert_int_equal(f.fileId, count);
        count++;
    } while (next > 0);
    assert_int_equal(count, 50);
    assert_int_equal(otaParser_parseJobDocFile(doc, at, 50, &f), -1);
    assert_int_equal(otaParser_parseJobDocFile(doc, at, 255, &f), -1);
}

/* --- streams ---------------------------------------------------------------------------------------------- */

static void a_stream_name_may_have_the_services_128_characters(void **state)
{
    (void)state;
    MqttFileDownloaderContext_t *c = malloc(sizeof *c);
    assert_int_equal(mqttDownloader_init(c, letters, 128, letters, 128, DATA_TYPE_JSON),
                     MQTTFileDownloaderSuccess);
    assert_int_equal(c->topicStreamDataLength, strlen(c->topicStreamData));
    assert_int_equal(c->topicStreamDataLength, TOPIC_STREAM_DATA_BUFFER_SIZE - 1);
    assert_int_equal(c->topicGetStreamLength, TOPIC_GET_STREAM_BUFFER_SIZE - 1);
    assert_int_equal(
        mqttDownloader_isDataBlockReceived(c, c->topicStreamData, c->topicStreamDataLength),
        MQTTFileDownloaderSuccess);
    assert_int_equal(mqttDownloader_init(c, "s", 1, "t", 1, DATA_TYPE_CBOR),
                     MQTTFileDownloaderSuccess);
    assert_string_equal(c->topicStreamData, "$aws/things/t/streams/s/data/cbor");
    assert_string_equal(c->topicGetStream, "$aws/things/t/streams/s/get/cbor");
    assert_int_equal(
        mqttDownloader_isDataBlockReceived(c, c->topicStreamData, c->topicStreamDataLength - 1),
        MQTTFileDownloaderFailure);
    assert_int_equal(mqttDownloader_isDataBlockReceived(c, "x", 1), MQTTFileDownloaderFailure);
    assert_int_equal(mqttDownloader_isDataBlockReceived(c, NULL, 1),
                     MQTTFileDownloaderBadParameter);
    assert_int_equal(mqttDownloader_isDataBlockReceived(c, "x", 0), MQTTFileDownloaderBadParameter);
    assert_int_equal(mqttDownloader_isDataBlockReceived(NULL, "x", 1),
                     MQTTFileDownloaderBadParameter);
    static const struct {
        const char *stream, *thing;
        size_t stream_len, thing_len;
    } bad[] = {
        { letters, letters, 129, 128 }, { letters, letters, 128, 129 }, { NULL, letters, 5, 5 },
        { letters, NULL, 5, 5 },        { letters, letters, 0, 5 },     { letters, letters, 5, 0 },
        { "a/b", letters, 3, 5 },       { letters, "a+b", 5, 3 },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(mqttDownloader_init(c, bad[i].stream, bad[i].stream_len, bad[i].thing,
                                             bad[i].thing_len, DATA_TYPE_JSON),
                         MQTTFileDownloaderBadParameter);
        assert_string_equal(c->topicGetStream, "$aws/things/t/streams/s/get/cbor");
    }
    assert_int_equal(mqttDownloader_init(NULL, "s", 1, "t", 1, DATA_TYPE_CBOR),
                     MQTTFileDownloaderBadParameter);
    free(c);
}

static void requests_are_those_that_the_service_understands(void **state)
{
    (void)state;
    char room[GET_STREAM_REQUEST_BUFFER_SIZE];
    const char json[] = "{\"s\": 1,\"f\": 4,\"l\": 3,\"o\": 2,\"n\": 1}";
    assert_int_equal(
        mqttDownloader_createGetDataBlockRequest(DATA_TYPE_JSON, 4, 3, 2, 1, room, sizeof room),
        LEN(json));
    assert_string_equal(room, json);
    /* No bitmap: with one of our own making, more than one block were others than those asked for. */
    static const uint8_t cbor[] = "\xa5"
                                  "ac"
                                  "crdy"
                                  "af\x00"
                                  "al\x19\x10\x00"
                                  "ao\x1a\x00\x01\x80\x00"
                                  "an\x08";
    assert_int_equal(mqttDownloader_createGetDataBlockRequest(DATA_TYPE_CBOR, 0, 4096, 98304, 8,
                                                              room, sizeof room),
                     LEN(cbor));
    assert_memory_equal(room, cbor, LEN(cbor));
    assert_true(mqttDownloader_createGetDataBlockRequest(DATA_TYPE_JSON, UINT16_MAX, UINT32_MAX,
                                                         UINT32_MAX, UINT32_MAX, room,
                                                         sizeof room) > 0);
    assert_int_equal(
        mqttDownloader_createGetDataBlockRequest(DATA_TYPE_JSON, 4, 3, 2, 1, room, sizeof room - 1),
        0);
    assert_int_equal(mqttDownloader_createGetDataBlockRequest(DATA_TYPE_CBOR, 4, 3, 2, 1, room, 0),
                     0);
    assert_int_equal(
        mqttDownloader_createGetDataBlockRequest(DATA_TYPE_CBOR, 4, 3, 2, 1, NULL, 256), 0);
}

static void the_map_of_six_is_byte_for_byte_the_published_one(void **state)
{
    (void)state;
    static const uint8_t want[] = "\xa6"
                                  "ac"
                                  "crdy"
                                  "af\x00"
                                  "al\x19\x10\x00"
                                  "ao\x00"
                                  "abDMQ=="
                                  "an\x01";
    for (size_t cap = 0; cap <= LEN(want) + 1; cap++) {
        uint8_t *room = malloc(cap + 1);
        size_t len = 99;
        const bool fits = CBOR_Encode_GetStreamRequestMessage(room, cap, &len, "rdy", 0, 4096, 0,
                                                              (const uint8_t *)"MQ==", 4, 1);
        assert_int_equal(fits, cap >= LEN(want));
        assert_int_equal(len, fits ? LEN(want) : 99);
        if (fits) {
            assert_memory_equal(room, want, len);
        }
        free(room);
    }
    uint8_t room[64];
    size_t len;
    const uint8_t bits[1] = { 1 };
    assert_false(CBOR_Encode_GetStreamRequestMessage(NULL, 9, &len, "c", 0, 1, 0, bits, 1, 1));
    assert_false(CBOR_Encode_GetStreamRequestMessage(room, 64, NULL, "c", 0, 1, 0, bits, 1, 1));
    assert_false(CBOR_Encode_GetStreamRequestMessage(room, 64, &len, NULL, 0, 1, 0, bits, 1, 1));
    assert_false(CBOR_Encode_GetStreamRequestMessage(room, 64, &len, "c", 0, 1, 0, NULL, 1, 1));
}

struct heard {
    int32_t file, block, size;
    size_t len;
    uint8_t data[16];
};

/* Into a room of exactly one block; what was not read is -7. `left`: what the length held before, which nobody set. */
static MQTTFileDownloaderStatus_t hear(DataType_t type, const void *message, size_t len,
                                       size_t left, struct heard *h)
{
    MqttFileDownloaderContext_t context = { .dataType = (uint8_t)type };
    uint8_t *copy = t_exact(message, len), *room = malloc(mqttFileDownloader_CONFIG_BLOCK_SIZE);
    *h = (struct heard){ -7, -7, -7, left, { 0 } };
    const MQTTFileDownloaderStatus_t status = mqttDownloader_processReceivedDataBlock(
        &context, copy, len, &h->file, &h->block, &h->size, room, &h->len);
    if (status == MQTTFileDownloaderSuccess) {
        assert_true(h->len <= mqttFileDownloader_CONFIG_BLOCK_SIZE);
        memcpy(h->data, room, h->len < sizeof h->data ? h->len : sizeof h->data);
    } else {
        assert_true(h->file == -7 && h->block == -7 && h->size == -7 && h->len == left);
    }
    free(copy);
    free(room);
    return status;
}

static const char json_block[] = "{\"f\":12,\"i\":\"1\",\"l\":512,\"p\":\"dGVzdA==\"}";
static const uint8_t cbor_block[] = "\xa4"
                                    "af\x0c"
                                    "ai\x01"
                                    "al\x19\x02\x00"
                                    "apDtest";

static void blocks_come_out_of_both_formats(void **state)
{
    (void)state;
    const struct {
        DataType_t type;
        const void *message;
        size_t len;
    } rows[] = { { DATA_TYPE_JSON, json_block, LEN(json_block) },
                 { DATA_TYPE_CBOR, cbor_block, LEN(cbor_block) } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct heard h;
        assert_int_equal(hear(rows[i].type, rows[i].message, rows[i].len, 0, &h),
                         MQTTFileDownloaderSuccess);
        assert_true(h.file == 12 && h.block == 1 && h.size == 512 && h.len == 4);
        assert_memory_equal(h.data, "test", 4);
        for (size_t len = 1; len < rows[i].len; len++) {
            assert_int_equal(hear(rows[i].type, rows[i].message, len, 16, &h),
                             MQTTFileDownloaderDataDecodingFailed);
        }
        uint8_t *changed = t_exact(rows[i].message, rows[i].len);
        for (size_t at = 0; at < rows[i].len * 256; at++) {
            const uint8_t was = changed[at / 256];
            changed[at / 256] = (uint8_t)at;
            (void)hear(rows[i].type, changed, rows[i].len, 16, &h);
            changed[at / 256] = was;
        }
        free(changed);
    }
}

static void what_is_no_block_changes_nothing(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"i\":1,\"l\":512,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"l\":512,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"i\":1,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"i\":1,\"l\":512}",
        "{\"f\":\"file\",\"i\":1,\"l\":512,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"i\":-1,\"l\":512,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"i\":2147483648,\"l\":512,\"p\":\"dGVzdA==\"}",
        "{\"f\":2147483648,\"i\":1,\"l\":512,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"i\":1,\"l\":2147483648,\"p\":\"dGVzdA==\"}",
        "{\"f\":1,\"i\":12345678901234567890123,\"l\":512,\"p\":\"dGVzdA==\"}", /* no assert */
        "{\"f\":1,\"i\":1,\"l\":3,\"p\":\"dGVzdA==\"}", /* longer than it says */
        "{\"f\":1,\"i\":1,\"l\":512,\"p\":\"notEncoded\"}",
        "{\"f\":1,\"i\":1,\"l\":512,\"p\":7}",
        "[]",
    };
    struct heard h;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i], hear(DATA_TYPE_JSON, rows[i], strlen(rows[i]), 16, &h) ==
                               MQTTFileDownloaderDataDecodingFailed);
    }
    MqttFileDownloaderContext_t c = { .dataType = DATA_TYPE_JSON };
    uint8_t message[] = "{}", data[16];
    int32_t n;
    size_t len = 0;
#define PROCESS(c, m, l, f, i, s, d, n)                                                            \
    mqttDownloader_processReceivedDataBlock(c, m, l, f, i, s, d, n)
    assert_int_equal(PROCESS(NULL, message, 2, &n, &n, &n, data, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, NULL, 2, &n, &n, &n, data, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, message, 0, &n, &n, &n, data, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, message, 2, NULL, &n, &n, data, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, message, 2, &n, NULL, &n, data, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, message, 2, &n, &n, NULL, data, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, message, 2, &n, &n, &n, NULL, &len), MQTTFileDownloaderFailure);
    assert_int_equal(PROCESS(&c, message, 2, &n, &n, &n, data, NULL), MQTTFileDownloaderFailure);
}

/* A block of zeros that says it is twice as large as any; the message's length. */
static size_t write_zeros(DataType_t type, uint8_t *message, size_t size)
{
    static const char json[] = "{\"f\":0,\"i\":0,\"l\":8192,\"p\":\"";
    static const uint8_t cbor[] = "\xa4"
                                  "af\x00"
                                  "ai\x00"
                                  "al\x19\x20\x00"
                                  "ap\x59";
    size_t at = type == DATA_TYPE_JSON ? LEN(json) : LEN(cbor);
    memcpy(message, type == DATA_TYPE_JSON ? (const void *)json : cbor, at);
    if (type == DATA_TYPE_CBOR) {
        message[at++] = (uint8_t)(size >> 8);
        message[at++] = (uint8_t)size;
        memset(message + at, 0, size);
        return at + size;
    }
    const size_t digits = (size * 4 + 2) / 3; /* padding may be missing */
    memset(message + at, 'A', digits);
    memcpy(message + at + digits, "\"}", 2);
    return at + digits + 2;
}

/* Orchestrators hand out a length that they never set, or one that still holds the last block's: it is for the answer alone. */
static void a_block_of_the_configured_size_fits_whatever_its_length_held_before(void **state)
{
    (void)state;
    static const size_t left[] = { 0, 1, mqttFileDownloader_CONFIG_BLOCK_SIZE, SIZE_MAX };
    uint8_t message[8192];
    struct heard h;
    for (size_t i = 0; i < 2 * COUNT(left); i++) {
        const DataType_t type = i % 2 == 0 ? DATA_TYPE_JSON : DATA_TYPE_CBOR;
        size_t len = write_zeros(type, message, mqttFileDownloader_CONFIG_BLOCK_SIZE);
        assert_int_equal(hear(type, message, len, left[i / 2], &h), MQTTFileDownloaderSuccess);
        assert_int_equal(h.len, mqttFileDownloader_CONFIG_BLOCK_SIZE);
        len = write_zeros(type, message, mqttFileDownloader_CONFIG_BLOCK_SIZE + 1);
        assert_int_equal(hear(type, message, len, left[i / 2], &h),
                         MQTTFileDownloaderDataDecodingFailed);
    }
}

static void a_map_may_be_in_any_order_with_more_in_it(void **state)
{
    (void)state;
    static const uint8_t good[] = "\xbf"
                                  "apDtest"
                                  "ax\x80"
                                  "al\x04"
                                  "ai\x00"
                                  "af\x00"
                                  "\xff";
    static const uint8_t twice[] = "\xa5"
                                   "af\x00"
                                   "af\x00"
                                   "ai\x00"
                                   "al\x04"
                                   "apDtest";
    static const uint8_t negative[] = "\xa4"
                                      "af\x20"
                                      "ai\x00"
                                      "al\x04"
                                      "apDtest";
    struct heard h;
    assert_int_equal(hear(DATA_TYPE_CBOR, good, LEN(good), 16, &h), MQTTFileDownloaderSuccess);
    assert_true(h.file == 0 && h.size == 4 && h.len == 4);
    assert_int_equal(hear(DATA_TYPE_CBOR, twice, LEN(twice), 16, &h),
                     MQTTFileDownloaderDataDecodingFailed);
    assert_int_equal(hear(DATA_TYPE_CBOR, negative, LEN(negative), 16, &h),
                     MQTTFileDownloaderDataDecodingFailed);
    static const uint8_t large[] = "\xa4"
                                   "af\x1b\x00\x00\x00\x01\x00\x00\x00\x00"
                                   "ai\x00"
                                   "al\x04"
                                   "apDtest";
    assert_int_equal(hear(DATA_TYPE_CBOR, large, LEN(large), 16, &h),
                     MQTTFileDownloaderDataDecodingFailed);
    uint8_t room[4], *const to = room;
    int32_t file = 9, block = 9, size = 9;
    size_t len = 3;
    assert_false(
        CBOR_Decode_GetStreamResponseMessage(good, LEN(good), &file, &block, &size, &to, &len));
    assert_true(file == 9 && len == 3);
    len = 4;
    assert_true(
        CBOR_Decode_GetStreamResponseMessage(good, LEN(good), &file, &block, &size, &to, &len));
    assert_true(file == 0 && block == 0 && size == 4 && len == 4);
#define DECODE(m, f, i, l, p, n) CBOR_Decode_GetStreamResponseMessage(m, LEN(good), f, i, l, p, n)
    uint8_t *const nowhere = NULL;
    assert_false(DECODE(NULL, &file, &block, &size, &to, &len));
    assert_false(DECODE(good, NULL, &block, &size, &to, &len));
    assert_false(DECODE(good, &file, NULL, &size, &to, &len));
    assert_false(DECODE(good, &file, &block, NULL, &to, &len));
    assert_false(DECODE(good, &file, &block, &size, NULL, &len));
    assert_false(DECODE(good, &file, &block, &size, &nowhere, &len));
    assert_false(DECODE(good, &file, &block, &size, &to, NULL));
}

static void base64_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        size_t cap;
        Base64Status_t status;
    } rows[] = {
        { "dGVzdA==", "test", 4, Base64Success },
        { "dGVzdA=", "test", 4, Base64Success },
        { "dGVzdA", "test", 4, Base64Success },
        { "dGVz", "tes", 3, Base64Success },
        { "dGVzdHM=", "tests", 5, Base64Success },
        { "dG\r\nVz\ndA==\n", "test", 4, Base64Success },
        { "dGVzdA==  ", "test", 4, Base64Success },
        { "/+8=", "\xff\xef", 2, Base64Success },
        { "dGVzdA==", "", 3, Base64InvalidBufferSize },
        { "dGV*", "", 9, Base64InvalidSymbol },
        { "dG\tVz", "", 9, Base64InvalidSymbol },
        { "dG\xc3Vz", "", 9, Base64InvalidSymbol },
        { "dG Vz", "", 9, Base64InvalidSymbolOrdering },
        { "dG=Vz", "", 9, Base64InvalidSymbolOrdering },
        { "dGVzdA =", "", 9, Base64InvalidSymbolOrdering },
        { "dGVzdA===", "", 9, Base64InvalidPaddingSymbol },
        { "dGVzdHM==", "", 9, Base64InvalidPaddingSymbol },
        { "dGVz=", "", 9, Base64InvalidPaddingSymbol },
        { "dGVzd", "", 9, Base64InvalidInputSize },
        { "d", "", 9, Base64InvalidInputSize },
        { "", "", 9, Base64InvalidInputSize },
        { "dGVzdB==", "", 9, Base64NonZeroPadding },
        { "dGVzdHN=", "", 9, Base64NonZeroPadding },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].text);
        uint8_t *text = t_exact(rows[i].text, len), *room = malloc(rows[i].cap);
        size_t out = 99;
        CHECK_ROW(rows[i].text,
                  base64_Decode(room, rows[i].cap, &out, text, len) == rows[i].status);
        CHECK_ROW(rows[i].text,
                  out == (rows[i].status == Base64Success ? strlen(rows[i].want) : 99));
        CHECK_ROW(rows[i].text, memcmp(room, rows[i].want, strlen(rows[i].want)) == 0);
        free(text);
        free(room);
    }
    uint8_t room[4];
    size_t out;
    const uint8_t text[] = "dGVz";
    assert_int_equal(base64_Decode(NULL, 4, &out, text, 4), Base64NullPointerInput);
    assert_int_equal(base64_Decode(room, 4, NULL, text, 4), Base64NullPointerInput);
    assert_int_equal(base64_Decode(room, 4, &out, NULL, 4), Base64NullPointerInput);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_cut_off_where_the_buffer_ends),
        cmocka_unit_test(bad_names_are_bad_parameters),
        cmocka_unit_test(a_topic_is_matched_exactly_or_not_at_all),
        cmocka_unit_test(predicates_tell_one_topic_from_all_others),
        cmocka_unit_test(start_next_has_a_token_or_is_nothing),
        cmocka_unit_test(updates_are_those_of_the_published_library),
        cmocka_unit_test(an_execution_gives_its_id_and_document),
        cmocka_unit_test(a_file_is_read_for_the_protocol_that_is_asked_for),
        cmocka_unit_test(what_is_no_ota_document_is_refused),
        cmocka_unit_test(every_file_of_fifty_is_reached),
        cmocka_unit_test(a_stream_name_may_have_the_services_128_characters),
        cmocka_unit_test(requests_are_those_that_the_service_understands),
        cmocka_unit_test(the_map_of_six_is_byte_for_byte_the_published_one),
        cmocka_unit_test(blocks_come_out_of_both_formats),
        cmocka_unit_test(what_is_no_block_changes_nothing),
        cmocka_unit_test(a_block_of_the_configured_size_fits_whatever_its_length_held_before),
        cmocka_unit_test(a_map_may_be_in_any_order_with_more_in_it),
        cmocka_unit_test(base64_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
