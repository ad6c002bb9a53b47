/*
 * An orchestrator in the shape that people write against FreeRTOS's libraries (globals, a topic matched at a time, a block or
 * a few asked for at a time, the image in RAM), compiled against our headers, at the real provider's domain.
 */
#include "sim_peer.h"
#include "t.h"

#include "MQTTFileDownloader.h"
#include "jobs.h"
#include "ota_job_processor.h"

#define BLOCK   512U
#define THING   SIM_THING
#define TIMEOUT 1000u

/* --- the user's code --------------------------------------------------------------------- */

typedef enum { WaitingForJob, Downloading, Reporting, Done } State_t;

static struct {
    struct peer peer;
    State_t state;
    DataType_t format;
    uint32_t perRequest;
    char jobId[JOBID_MAX_LENGTH + 1];
    AfrOtaJobDocumentFields_t fields;
    MqttFileDownloaderContext_t downloader;
    uint8_t image[8192];
    uint32_t received, nextBlock;
    unsigned blocks, refused;
} ota;

static void publish(const char *topic, size_t topicLength, const void *message, size_t length)
{
    peer_publish(&ota.peer, (struct ota_span){ (const uint8_t *)topic, topicLength },
                 (struct ota_span){ message, length });
}

static void requestJob(void)
{
    char topic[TOPIC_BUFFER_SIZE], message[START_JOB_MSG_LENGTH];
    size_t topicLength;
    assert_int_equal(
        Jobs_StartNext(topic, sizeof topic, THING, (uint16_t)strlen(THING), &topicLength),
        JobsSuccess);
    const size_t length = Jobs_StartNextMsg("test", 4, message, sizeof message);
    publish(topic, topicLength, message, length);
}

static void requestBlocks(void)
{
    char request[GET_STREAM_REQUEST_BUFFER_SIZE];
    const size_t length = mqttDownloader_createGetDataBlockRequest(
        ota.format, (uint16_t)ota.fields.fileId, BLOCK, ota.nextBlock, ota.perRequest, request,
        sizeof request);
    assert_true(length > 0);
    publish(ota.downloader.topicGetStream, ota.downloader.topicGetStreamLength, request, length);
}

static void report(JobCurrentStatus_t status, const char *details)
{
    char topic[TOPIC_BUFFER_SIZE], message[128];
    size_t topicLength;
    JobsUpdateRequest_t request = { .status = status };
    request.statusDetails = details;
    request.statusDetailsLength = strlen(details);
    assert_int_equal(Jobs_Update(topic, sizeof topic, THING, (uint16_t)strlen(THING), ota.jobId,
                                 (uint16_t)strlen(ota.jobId), &topicLength),
                     JobsSuccess);
    const size_t length = Jobs_UpdateMsg(request, message, sizeof message);
    assert_true(length > 0);
    publish(topic, topicLength, message, length);
    ota.state = Reporting;
}

/* The chain of handlers: our own document, then one that we also know, then nobody. */
static void handleJob(const char *message, size_t length)
{
    const char *jobId, *document;
    const size_t idLength = Jobs_GetJobId(message, length, &jobId);
    const size_t documentLength = Jobs_GetJobDocument(message, length, &document);
    if (idLength == 0) {
        return; /* nothing to do */
    }
    memcpy(ota.jobId, jobId, idLength);
    ota.jobId[idLength] = '\0';
    if (otaParser_parseJobDocFile(document, documentLength, 0, "MQTT", 4, &ota.fields) != 0) {
        report(Rejected, "{\"reason\":\"not understood\"}");
        return;
    }
    assert_int_equal(mqttDownloader_init(&ota.downloader, ota.fields.imageRef,
                                         ota.fields.imageRefLen, THING, strlen(THING), ota.format),
                     MQTTFileDownloaderSuccess);
    assert_true(ota.fields.fileSize <= sizeof ota.image);
    ota.received = ota.nextBlock = 0;
    ota.state = Downloading;
    requestBlocks();
}

static void handleBlock(uint8_t *message, size_t length)
{
    uint8_t block[mqttFileDownloader_CONFIG_BLOCK_SIZE];
    size_t blockLength;
    int32_t fileId, blockId, blockSize;
    if (mqttDownloader_processReceivedDataBlock(&ota.downloader, message, length, &fileId, &blockId,
                                                &blockSize, block,
                                                &blockLength) != MQTTFileDownloaderSuccess ||
        (uint32_t)blockId * BLOCK + blockLength > ota.fields.fileSize) {
        ota.refused++;
        return;
    }
    assert_int_equal(blockId,
                     ota.nextBlock); /* in CBOR, too, it is the blocks that were asked for */
    memcpy(ota.image + (uint32_t)blockId * BLOCK, block, blockLength);
    ota.received += (uint32_t)blockLength;
    ota.nextBlock++;
    ota.blocks++;
    if (ota.received == ota.fields.fileSize) {
        report(Succeeded, "{\"reason\":\"received\"}");
    } else if (ota.nextBlock % ota.perRequest == 0) {
        requestBlocks();
    }
}

static void handleMessage(char *topic, size_t topicLength, uint8_t *message, size_t length)
{
    const size_t idLength = strlen(ota.jobId);
    JobsTopic_t api;
    char *jobId;
    uint16_t jobIdLength;
    if (Jobs_IsStartNextAccepted(topic, topicLength, THING, strlen(THING))) {
        handleJob((const char *)message, length);
    } else if (mqttDownloader_isDataBlockReceived(&ota.downloader, topic, topicLength) ==
               MQTTFileDownloaderSuccess) {
        handleBlock(message, length);
    } else if (Jobs_IsJobUpdateStatus(topic, topicLength, ota.jobId, idLength, THING, strlen(THING),
                                      JobUpdateStatus_Accepted)) {
        ota.state = Done;
    } else if (Jobs_MatchTopic(topic, topicLength, THING, (uint16_t)strlen(THING), &api, &jobId,
                               &jobIdLength) == JobsSuccess &&
               api == JobsNextJobChanged && ota.state == WaitingForJob) {
        requestJob();
    }
}

/* --- the test's world ----------------------------------------------------------------------- */

static struct sim_image *before, *after;

static int open_world(void **state)
{
    (void)state;
    memset(&ota, 0, sizeof ota);
    const struct sim_image_spec first = { .version = { .major = 1 }, .payload_size = 300 };
    const struct sim_image_spec next = { .version = { .major = 2 }, .payload_size = 5000 };
    before = sim_image_make(&first);
    after = sim_image_make(&next);
    peer_open(&ota.peer, before);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    peer_close(&ota.peer);
    sim_image_free(before);
    sim_image_free(after);
    return 0;
}

/* Each message in an allocation of its own length. Silence is answered by asking for the missing block. */
static void run(void)
{
    for (unsigned silences = 0; ota.state != Done && silences < 100;) {
        struct peer_message m;
        if (!peer_wait(&ota.peer, ota.peer.sim.now + TIMEOUT)) {
            silences++;
            if (ota.state == Downloading) {
                requestBlocks();
            }
            continue;
        }
        while (peer_take(&ota.peer, &m)) {
            handleMessage((char *)m.topic, m.topic_len, m.payload, m.payload_len);
            peer_release(&m);
        }
    }
}

static void whole_update(DataType_t format, uint32_t perRequest)
{
    /* A stream has the job's name here: one that the published library writes beyond its memory with. */
    static const char job[] = "AFR_OTA-0123456789012345678901234567890123456789012345678901234";
    (void)close_world(NULL);
    (void)open_world(NULL);
    ota.format = format;
    ota.perRequest = perRequest;
    sim_deploy(&ota.peer.sim, job, after);
    run();
    assert_int_equal(ota.state, Done);
    assert_int_equal(sim_status(&ota.peer.sim, job, NULL), OTA_JOB_SUCCEEDED);
    assert_int_equal(ota.fields.fileSize, after->size);
    assert_memory_equal(ota.image, after->bytes, after->size);
    assert_int_equal(ota.blocks, (after->size + BLOCK - 1) / BLOCK);
    assert_int_equal(ota.refused, 0);
}

static void a_whole_update_over_each_format(void **state)
{
    (void)state;
    whole_update(DATA_TYPE_JSON, 1);
    whole_update(DATA_TYPE_CBOR, 1);
}

static void several_blocks_a_request_are_those_that_were_meant(void **state)
{
    (void)state;
    whole_update(DATA_TYPE_JSON, 4);
    whole_update(DATA_TYPE_CBOR, 4);
}

static void a_custom_document_is_left_to_the_next_parser(void **state)
{
    (void)state;
    char details[SIM_DETAILS_MAX];
    ota.perRequest = 1;
    sim_deploy_document(&ota.peer.sim, "custom", NULL, "{\"operation\":\"reboot\"}");
    run();
    assert_int_equal(sim_status(&ota.peer.sim, "custom", details), OTA_JOB_REJECTED);
    assert_non_null(strstr(details, "not understood"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_update_over_each_format, open_world, close_world),
        cmocka_unit_test_setup_teardown(several_blocks_a_request_are_those_that_were_meant,
                                        open_world, close_world),
        cmocka_unit_test_setup_teardown(a_custom_document_is_left_to_the_next_parser, open_world,
                                        close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
