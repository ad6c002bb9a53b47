/*
 * jobs.h of AWS IoT Jobs for embedded C (1.3 to 2.0), over waft's own parts: names, types and values as published.
 * Where a result differs, it says so here; README.md has the whole list.
 */
#ifndef JOBS_H_
#define JOBS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- sizes ----------------------------------------------------------------------------- */

#define TOPIC_BUFFER_SIZE     256U
#define START_JOB_MSG_LENGTH  147U
#define UPDATE_JOB_MSG_LENGTH 48U /* without details; with them a message is longer */

#define JOBS_THINGNAME_MAX_LENGTH 128U
#define JOBS_JOBID_MAX_LENGTH     64U

/* An application may set them lower. */
#ifndef THINGNAME_MAX_LENGTH
#define THINGNAME_MAX_LENGTH JOBS_THINGNAME_MAX_LENGTH
#endif
#ifndef JOBID_MAX_LENGTH
#define JOBID_MAX_LENGTH JOBS_JOBID_MAX_LENGTH
#endif
#if (THINGNAME_MAX_LENGTH > JOBS_THINGNAME_MAX_LENGTH)
#error "THINGNAME_MAX_LENGTH is above what AWS IoT Jobs allows."
#endif
#if (JOBID_MAX_LENGTH > JOBS_JOBID_MAX_LENGTH)
#error "JOBID_MAX_LENGTH is above what AWS IoT Jobs allows."
#endif

/* --- pieces of topics and messages, for use at compile time ------------------------------- */

#define JOBS_API_PREFIX          "$aws/things/"
#define JOBS_API_BRIDGE          "/jobs/"
#define JOBS_API_SUCCESS         "/accepted"
#define JOBS_API_FAILURE         "/rejected"
#define JOBS_API_JOBSCHANGED     "notify"
#define JOBS_API_NEXTJOBCHANGED  "notify-next"
#define JOBS_API_GETPENDING      "get"
#define JOBS_API_STARTNEXT       "start-next"
#define JOBS_API_DESCRIBE        "get"
#define JOBS_API_UPDATE          "update"
#define JOBS_API_JOBID_NEXT      "$next"
#define JOBS_API_JOBID_NULL      ""
#define JOBS_API_LEVEL_SEPARATOR "/"

#define JOBS_API_CLIENTTOKEN      "{\"clientToken\":\""
#define JOBS_API_STATUS           "{\"status\":\""
#define JOBS_API_EXPECTED_VERSION "\",\"expectedVersion\":\""
#define JOBS_API_STATUS_DETAILS   "\",\"statusDetails\":"

#define JOBS_API_PREFIX_LENGTH           (sizeof(JOBS_API_PREFIX) - 1U)
#define JOBS_API_BRIDGE_LENGTH           (sizeof(JOBS_API_BRIDGE) - 1U)
#define JOBS_API_SUCCESS_LENGTH          (sizeof(JOBS_API_SUCCESS) - 1U)
#define JOBS_API_FAILURE_LENGTH          (sizeof(JOBS_API_FAILURE) - 1U)
#define JOBS_API_JOBSCHANGED_LENGTH      (sizeof(JOBS_API_JOBSCHANGED) - 1U)
#define JOBS_API_NEXTJOBCHANGED_LENGTH   (sizeof(JOBS_API_NEXTJOBCHANGED) - 1U)
#define JOBS_API_GETPENDING_LENGTH       (sizeof(JOBS_API_GETPENDING) - 1U)
#define JOBS_API_STARTNEXT_LENGTH        (sizeof(JOBS_API_STARTNEXT) - 1U)
#define JOBS_API_DESCRIBE_LENGTH         (sizeof(JOBS_API_DESCRIBE) - 1U)
#define JOBS_API_UPDATE_LENGTH           (sizeof(JOBS_API_UPDATE) - 1U)
#define JOBS_API_JOBID_NEXT_LENGTH       (sizeof(JOBS_API_JOBID_NEXT) - 1U)
#define JOBS_API_CLIENTTOKEN_LENGTH      (sizeof(JOBS_API_CLIENTTOKEN) - 1U)
#define JOBS_API_STATUS_LENGTH           (sizeof(JOBS_API_STATUS) - 1U)
#define JOBS_API_EXPECTED_VERSION_LENGTH (sizeof(JOBS_API_EXPECTED_VERSION) - 1U)
#define JOBS_API_STATUS_DETAILS_LENGTH   (sizeof(JOBS_API_STATUS_DETAILS) - 1U)

#define JOBS_API_COMMON_LENGTH(thingNameLength)                                                    \
    (JOBS_API_PREFIX_LENGTH + (thingNameLength) + JOBS_API_BRIDGE_LENGTH)

/* Room for any topic of a thing, its terminator included. */
#define JOBS_API_MAX_LENGTH(thingNameLength)                                                       \
    (JOBS_API_COMMON_LENGTH(thingNameLength) + JOBID_MAX_LENGTH + sizeof('/') +                    \
     JOBS_API_UPDATE_LENGTH + JOBS_API_SUCCESS_LENGTH + 1U)

/* Whole topics, of a thing whose name is a literal. */
#define JOBS_TOPIC_COMMON(thingName, jobId, jobsApi)                                               \
    (JOBS_API_PREFIX thingName JOBS_API_BRIDGE jobId jobsApi)
#define JOBS_API_SUBSCRIBE_NEXTJOBCHANGED(thingName)                                               \
    JOBS_TOPIC_COMMON(thingName, JOBS_API_JOBID_NULL, JOBS_API_NEXTJOBCHANGED)
#define JOBS_API_SUBSCRIBE_JOBSCHANGED(thingName)                                                  \
    JOBS_TOPIC_COMMON(thingName, JOBS_API_JOBID_NULL, JOBS_API_JOBSCHANGED)
#define JOBS_API_PUBLISH_STARTNEXT(thingName)                                                      \
    JOBS_TOPIC_COMMON(thingName, JOBS_API_JOBID_NULL, JOBS_API_STARTNEXT)
#define JOBS_API_PUBLISH_GETPENDING(thingName)                                                     \
    JOBS_TOPIC_COMMON(thingName, JOBS_API_JOBID_NULL, JOBS_API_GETPENDING)
#define JOBS_API_PUBLISH_DESCRIBENEXTJOB(thingName)                                                \
    JOBS_TOPIC_COMMON(thingName, JOBS_API_JOBID_NEXT JOBS_API_LEVEL_SEPARATOR, JOBS_API_DESCRIBE)

/* --- types --------------------------------------------------------------------------------- */

typedef enum {
    JobsError = 0,
    JobsSuccess,
    JobsNoMatch,
    JobsBadParameter,
    JobsBufferTooSmall
} JobsStatus_t;

typedef enum { Queued, InProgress, Failed, Succeeded, Rejected } JobCurrentStatus_t;

typedef enum { JobUpdateStatus_Accepted, JobUpdateStatus_Rejected } JobUpdateStatus_t;

typedef enum {
    JobsInvalidTopic = -1,
    JobsJobsChanged,
    JobsNextJobChanged,
    JobsGetPendingSuccess,
    JobsGetPendingFailed,
    JobsStartNextSuccess,
    JobsStartNextFailed,
    JobsDescribeSuccess, /* from here on: of one job */
    JobsDescribeFailed,
    JobsUpdateSuccess,
    JobsUpdateFailed,
    JobsMaxTopic
} JobsTopic_t;

/* NULL or a length of 0: not sent. */
typedef struct {
    JobCurrentStatus_t status;
    const char *expectedVersion;
    size_t expectedVersionLength;
    const char *statusDetails; /* a JSON object */
    size_t statusDetailsLength;
} JobsUpdateRequest_t;

/* --- topics -------------------------------------------------------------------------------- */

/*
 * Each writes a topic and a NUL. JobsBufferTooSmall: what fits has been written, with its NUL. outLength (may be NULL):
 * characters written. A name that the service does not allow is a JobsBadParameter, and so is a job id that collides with
 * a topic ("get", "notify", ...): such a job cannot be reached over MQTT.
 */
JobsStatus_t Jobs_GetTopic(char *buffer, size_t length, const char *thingName,
                           uint16_t thingNameLength, JobsTopic_t api, size_t *outLength);
JobsStatus_t Jobs_GetPending(char *buffer, size_t length, const char *thingName,
                             uint16_t thingNameLength, size_t *outLength);
JobsStatus_t Jobs_StartNext(char *buffer, size_t length, const char *thingName,
                            uint16_t thingNameLength, size_t *outLength);
JobsStatus_t Jobs_Describe(char *buffer, size_t length, const char *thingName,
                           uint16_t thingNameLength, const char *jobId, uint16_t jobIdLength,
                           size_t *outLength);
JobsStatus_t Jobs_Update(char *buffer, size_t length, const char *thingName,
                         uint16_t thingNameLength, const char *jobId, uint16_t jobIdLength,
                         size_t *outLength);

/* Which of the ten a topic is. The job id points into the topic; NULL and 0 where there is none. */
JobsStatus_t Jobs_MatchTopic(char *topic, size_t length, const char *thingName,
                             uint16_t thingNameLength, JobsTopic_t *outApi, char **outJobId,
                             uint16_t *outJobIdLength);
bool Jobs_IsStartNextAccepted(const char *topic, const size_t topicLength, const char *thingName,
                              const size_t thingNameLength);
bool Jobs_IsJobUpdateStatus(const char *topic, const size_t topicLength, const char *jobId,
                            const size_t jobIdLength, const char *thingName,
                            const size_t thingNameLength, JobUpdateStatus_t expectedStatus);

/* --- messages --------------------------------------------------------------------------------- */

/* Each returns the message's length, without a terminator; 0: it does not fit, or would not be JSON. */

/* A token is 1 to 64 characters that JSON does not escape: the service refuses a longer one. */
size_t Jobs_StartNextMsg(const char *clientToken, size_t clientTokenLength, char *buffer,
                         size_t bufferSize);
size_t Jobs_UpdateMsg(JobsUpdateRequest_t request, char *buffer, size_t bufferSize);

/*
 * Each returns the length of what it found inside `message`; 0, and the pointer untouched: it is not there, or no legal
 * job id, or no object.
 */
size_t Jobs_GetJobId(const char *message, size_t messageLength, const char **jobId);
size_t Jobs_GetJobDocument(const char *message, size_t messageLength, const char **jobDoc);

#ifdef __cplusplus
}
#endif

#endif
