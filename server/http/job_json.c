#include "http/job_json.h"
#include "http/request.h"

json_t *details_json(struct ota_span details)
{
    json_t *map =
        details.len > 0 ? json_loadb((const char *)details.ptr, details.len, 0, NULL) : NULL;
    return map != NULL ? map : json_object();
}

static void set_job_head(json_t *object, const struct srv_job *job)
{
    http_set_arn(object, "jobArn", "job", job->id);
    json_object_set_new(object, "jobId", json_string(job->id));
    json_object_set_new(object, "targetSelection", json_string("SNAPSHOT"));
    json_object_set_new(object, "status", json_string(srv_job_status_name(job->status)));
    http_set_time(object, "createdAt", job->created_at_s);
    http_set_time(object, "lastUpdatedAt", job->updated_at_s);
    http_set_time(object, "completedAt", job->completed_at_s);
}

json_t *job_json_summary(const struct srv_job *job)
{
    json_t *object = json_object();
    set_job_head(object, job);
    return object;
}

/* AWS's words for the counters, by status. */
static json_t *process_details(const struct srv_job *job)
{
    static const char *const names[OTA_JOB_STATUS_COUNT] = {
        [OTA_JOB_QUEUED] = "numberOfQueuedThings",
        [OTA_JOB_IN_PROGRESS] = "numberOfInProgressThings",
        [OTA_JOB_SUCCEEDED] = "numberOfSucceededThings",
        [OTA_JOB_FAILED] = "numberOfFailedThings",
        [OTA_JOB_REJECTED] = "numberOfRejectedThings",
        [OTA_JOB_TIMED_OUT] = "numberOfTimedOutThings",
        [OTA_JOB_CANCELED] = "numberOfCanceledThings",
        [OTA_JOB_REMOVED] = "numberOfRemovedThings",
    };
    json_t *object = json_object();
    for (size_t s = 0; s < OTA_JOB_STATUS_COUNT; s++) {
        json_object_set_new(object, names[s], json_integer(job->counts[s]));
    }
    return object;
}

static json_t *targets_json(struct ota_span targets)
{
    json_t *names = json_loadb((const char *)targets.ptr, targets.len, 0, NULL);
    json_t *arns = json_array();
    for (size_t i = 0; i < json_array_size(names); i++) {
        json_t *holder = json_object();
        http_set_arn(holder, "arn", "thing", json_string_value(json_array_get(names, i)));
        json_array_append(arns, json_object_get(holder, "arn"));
        json_decref(holder);
    }
    json_decref(names);
    return arns;
}

json_t *job_json(const struct srv_job *job)
{
    json_t *object = json_object();
    set_job_head(object, job);
    http_set_text(object, "description", job->description);
    http_set_text(object, "reasonCode", ota_span_of_str(job->reason_code));
    http_set_text(object, "comment", job->comment);
    json_object_set_new(object, "forceCanceled", json_boolean(job->force_canceled));
    if (job->targets.len > 0) { /* not in a list */
        json_object_set_new(object, "targets", targets_json(job->targets));
    }
    json_object_set_new(object, "jobProcessDetails", process_details(job));
    if (job->in_progress_timeout_min > 0) {
        json_object_set_new(object, "timeoutConfig",
                            json_pack("{s:I}", "inProgressTimeoutInMinutes",
                                      (json_int_t)job->in_progress_timeout_min));
    }
    return object;
}

static void set_execution_head(json_t *object, const struct srv_execution *execution)
{
    json_object_set_new(object, "status", json_string(ota_job_status_name(execution->status)));
    http_set_time(object, "queuedAt", execution->queued_at_s);
    http_set_time(object, "startedAt", execution->started_at_s);
    http_set_time(object, "lastUpdatedAt", execution->updated_at_s);
    json_object_set_new(object, "executionNumber", json_integer((json_int_t)execution->number));
}

json_t *execution_json_summary(const struct srv_execution *execution)
{
    json_t *object = json_object();
    set_execution_head(object, execution);
    json_object_set_new(object, "retryAttempt", json_integer((json_int_t)execution->number - 1));
    return object;
}

json_t *execution_json(const struct srv_execution *execution)
{
    json_t *object = json_object();
    json_object_set_new(object, "jobId", json_string(execution->job_id));
    http_set_arn(object, "thingArn", "thing", execution->thing);
    set_execution_head(object, execution);
    json_object_set_new(object, "versionNumber", json_integer((json_int_t)execution->version));
    json_object_set_new(object, "statusDetails",
                        json_pack("{s:o}", "detailsMap", details_json(execution->details)));
    return object;
}
