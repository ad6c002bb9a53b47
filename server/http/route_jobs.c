/* Jobs and their executions. */
#include "core/srv.h"
#include "http/job_json.h"
#include "http/request.h"
#include <string.h>

/* A watcher waits at most this long in one request; proxies give up at 30 to 60 s. */
#define WAIT_S_MAX 25u
#define LOOK_MS    200
#define EVENTS_MAX 500u

/* ---- create ---- */

static bool read_targets(struct http_request *r, struct srv_command *c)
{
    json_t *targets = json_object_get(r->json, "targets");
    size_t count = json_array_size(targets);
    if (count == 0 || count > SRV_JOB_TARGETS_MAX) {
        return srv_fail(&r->err, SRV_E_INVALID, "targets is a list of 1 to %u things",
                        SRV_JOB_TARGETS_MAX);
    }
    struct ota_span *names = srv_arena_take(&r->arena, count * sizeof *names);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(targets, i));
        if (text == NULL) {
            return srv_fail(&r->err, SRV_E_INVALID, "targets are names or ARNs of things");
        }
        names[i] = http_name_of_arn("thing", ota_span_of_str(text));
    }
    c->job_create.targets = names;
    c->job_create.target_count = count;
    return true;
}

static bool read_timeout(struct http_request *r, struct srv_command *c)
{
    json_t *minutes =
        json_object_get(json_object_get(r->json, "timeoutConfig"), "inProgressTimeoutInMinutes");
    json_int_t number = json_integer_value(minutes);
    if (minutes != NULL &&
        (!json_is_integer(minutes) || number < 1 || number > (json_int_t)SRV_TIMEOUT_MIN_MAX)) {
        return srv_fail(&r->err, SRV_E_INVALID, "inProgressTimeoutInMinutes is 1 to %u",
                        SRV_TIMEOUT_MIN_MAX);
    }
    c->job_create.in_progress_timeout_min = (uint32_t)number;
    return true;
}

/* The stream that a document names is the one its executions may read. */
static void read_stream_id(struct http_request *r, struct srv_command *c)
{
    json_t *document =
        json_loadb((const char *)c->job_create.document.ptr, c->job_create.document.len, 0, NULL);
    const char *id =
        json_string_value(json_object_get(json_object_get(document, "afr_ota"), "streamname"));
    c->job_create.stream_id = srv_arena_copy(&r->arena, ota_span_of_str(id));
    json_decref(document);
}

/* PUT /jobs/ID */
static void create(struct http_request *r)
{
    static const char *const unsupported[] = {
        "documentSource",
        "presignedUrlConfig",
        "jobExecutionsRolloutConfig",
        "abortConfig",
        "jobExecutionsRetryConfig",
        "schedulingConfig",
        "jobTemplateArn",
        "documentParameters",
        "destinationPackageVersions",
        "namespaceId",
        NULL,
    };
    struct srv_command c = { .kind = SRV_CMD_JOB_CREATE, .job_create = { .id = r->args[0] } };
    struct ota_span selection;
    if (!http_refuse_members(r, unsupported) || !http_text(r, "targetSelection", &selection) ||
        !http_text(r, "description", &c.job_create.description) ||
        !http_text(r, "document", &c.job_create.document) || !read_targets(r, &c) ||
        !read_timeout(r, &c)) {
        return;
    }
    if (selection.len > 0 && !ota_span_eq(selection, OTA_SPAN_LIT("SNAPSHOT"))) {
        srv_fail(&r->err, SRV_E_INVALID,
                 "targetSelection is SNAPSHOT: other jobs are not supported");
        return;
    }
    read_stream_id(r, &c);
    if (http_submit(r, &c)) {
        char id[OTA_JOB_ID_MAX + 1u];
        snprintf(id, sizeof id, "%.*s", (int)r->args[0].len, (const char *)r->args[0].ptr);
        json_t *reply = json_object();
        http_set_arn(reply, "jobArn", "job", id);
        json_object_set_new(reply, "jobId", json_string(id));
        http_set_text(reply, "description", c.job_create.description);
        http_reply(r, reply);
    }
}

/* ---- read ---- */

static bool load(struct http_request *r, struct srv_job *job)
{
    struct srv_db *db = http_db(r);
    if (db == NULL) {
        return false;
    }
    bool found = srv_db_job_get(db, &r->arena, r->args[0], job);
    return http_db_ok(r) && (found || srv_fail(&r->err, SRV_E_NOT_FOUND, "there is no job %.*s",
                                               (int)r->args[0].len, (const char *)r->args[0].ptr));
}

static void describe(struct http_request *r)
{
    struct srv_job job;
    if (load(r, &job)) {
        http_reply(r, json_pack("{s:o}", "job", job_json(&job)));
    }
}

static void document(struct http_request *r)
{
    struct srv_job job;
    if (load(r, &job)) {
        http_reply(r, json_pack("{s:o}", "document", http_json_span(job.document)));
    }
}

static void list_with(struct http_request *r, json_t *(*form)(const struct srv_job *))
{
    size_t limit = http_max_results(r);
    struct srv_db *db = limit > 0 ? http_db(r) : NULL;
    const char *wanted = http_query(r, "status");
    if (db == NULL) {
        return;
    }
    struct srv_job *jobs = NULL;
    size_t count = srv_db_job_list(db, &r->arena, http_next_token(r), limit, &jobs);
    if (!http_db_ok(r)) {
        return;
    }
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        if (wanted == NULL || strcmp(wanted, srv_job_status_name(jobs[i].status)) == 0) {
            json_array_append_new(out, form(&jobs[i]));
        }
    }
    json_t *reply = json_pack("{s:o}", "jobs", out);
    if (count == limit) {
        json_object_set_new(reply, "nextToken", json_string(jobs[count - 1u].id));
    }
    http_reply(r, reply);
}

static void list(struct http_request *r)
{
    list_with(r, job_json_summary);
}

/* With the counters: one request instead of one a job. */
static void list_ours(struct http_request *r)
{
    list_with(r, job_json);
}

/* A page of a job's executions, each in this form, as `member` of the reply. */
static void executions_with(struct http_request *r, const char *member,
                            json_t *(*form)(const struct srv_execution *))
{
    struct srv_job job;
    size_t limit = http_max_results(r);
    const char *wanted = http_query(r, "status");
    if (limit == 0 || !load(r, &job)) {
        return;
    }
    struct srv_execution *rows = NULL;
    size_t count =
        srv_db_execution_of_job(r->db, &r->arena, r->args[0], http_next_token(r), limit, &rows);
    if (!http_db_ok(r)) {
        return;
    }
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        if (wanted == NULL || strcmp(wanted, ota_job_status_name(rows[i].status)) == 0) {
            json_array_append_new(out, form(&rows[i]));
        }
    }
    json_t *reply = json_pack("{s:o}", member, out);
    if (count == limit) {
        json_object_set_new(reply, "nextToken", json_string(rows[count - 1u].thing));
    }
    http_reply(r, reply);
}

static json_t *summary_of(const struct srv_execution *row)
{
    json_t *object = json_object();
    http_set_arn(object, "thingArn", "thing", row->thing);
    json_object_set_new(object, "jobExecutionSummary", execution_json_summary(row));
    return object;
}

static void executions_of_job(struct http_request *r)
{
    executions_with(r, "executionSummaries", summary_of);
}

static json_t *whole_of(const struct srv_execution *row)
{
    json_t *object = execution_json(row);
    json_object_set_new(object, "thingName", json_string(row->thing));
    return object;
}

/* GET /waft/v1/jobs/ID/executions: whole executions, with what the devices say. */
static void executions(struct http_request *r)
{
    executions_with(r, "executions", whole_of);
}

static void executions_of_thing(struct http_request *r)
{
    struct srv_thing thing;
    uint64_t before;
    size_t limit = http_number(r, "nextToken", &before) ? http_max_results(r) : 0;
    struct srv_db *db = limit > 0 ? http_db(r) : NULL;
    const char *wanted = http_query(r, "status");
    if (db == NULL) {
        return;
    }
    struct srv_execution *rows = NULL;
    bool found = srv_db_thing_get(db, r->args[0], &thing);
    size_t count = srv_db_execution_of_thing(db, &r->arena, r->args[0], before, limit, &rows);
    if (!http_db_ok(r)) {
        return;
    }
    if (!found) {
        srv_fail(&r->err, SRV_E_NOT_FOUND, "there is no such thing");
        return;
    }
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        if (wanted == NULL || strcmp(wanted, ota_job_status_name(rows[i].status)) == 0) {
            json_array_append_new(out, json_pack("{s:s, s:o}", "jobId", rows[i].job_id,
                                                 "jobExecutionSummary",
                                                 execution_json_summary(&rows[i])));
        }
    }
    json_t *reply = json_pack("{s:o}", "executionSummaries", out);
    if (count == limit) {
        json_object_set_new(reply, "nextToken",
                            json_sprintf("%llu", (unsigned long long)rows[count - 1u].order));
    }
    http_reply(r, reply);
}

/* GET /things/NAME/jobs/ID */
static void describe_execution(struct http_request *r)
{
    uint64_t number;
    struct srv_db *db = http_number(r, "executionNumber", &number) ? http_db(r) : NULL;
    struct srv_execution row;
    if (db == NULL) {
        return;
    }
    bool found = srv_db_execution_get(db, &r->arena, r->args[1], r->args[0], number, &row);
    if (!http_db_ok(r)) {
        return;
    }
    if (!found) {
        srv_fail(&r->err, SRV_E_NOT_FOUND, "this thing has no such job");
        return;
    }
    http_reply(r, json_pack("{s:o}", "execution", execution_json(&row)));
}

/* ---- cancel ---- */

static void cancel(struct http_request *r)
{
    const char *force = http_query(r, "force");
    struct srv_command c = {
        .kind = SRV_CMD_JOB_CANCEL,
        .job_cancel = { .id = r->args[0], .force = force != NULL && strcmp(force, "true") == 0 }
    };
    struct srv_job job;
    if (!http_text(r, "reasonCode", &c.job_cancel.reason_code) ||
        !http_text(r, "comment", &c.job_cancel.comment) || !http_submit(r, &c) || !load(r, &job)) {
        return;
    }
    json_t *reply = json_object();
    http_set_arn(reply, "jobArn", "job", job.id);
    json_object_set_new(reply, "jobId", json_string(job.id));
    http_set_text(reply, "description", job.description);
    http_reply(r, reply);
}

/* ---- watch ---- */

static json_t *event_json(const struct srv_event *event)
{
    json_t *object = json_object();
    json_object_set_new(object, "seq", json_integer((json_int_t)event->seq));
    http_set_time(object, "at", event->at_s);
    json_object_set_new(object, "thingName", json_string(event->thing));
    json_object_set_new(object, "executionNumber", json_integer((json_int_t)event->number));
    json_object_set_new(object, "versionNumber", json_integer((json_int_t)event->version));
    json_object_set_new(object, "status", json_string(ota_job_status_name(event->status)));
    json_object_set_new(object, "detailsMap", details_json(event->details));
    return object;
}

/*
 * GET /waft/v1/jobs/ID/events?after=SEQ&wait=SECONDS: what has happened since,
 * and how the job stands; waits for something to happen if nothing has.
 */
static void events(struct http_request *r)
{
    uint64_t after, wait_s;
    if (!http_number(r, "after", &after) || !http_number(r, "wait", &wait_s)) {
        return;
    }
    int64_t looks = (wait_s < WAIT_S_MAX ? (int64_t)wait_s : (int64_t)WAIT_S_MAX) * 1000 / LOOK_MS;
    struct srv_job job;
    struct srv_event *rows = NULL;
    size_t count = 0;
    for (;; looks--) {
        if (!load(r, &job)) {
            return;
        }
        count = srv_db_event_list(r->db, &r->arena, r->args[0], after, EVENTS_MAX, &rows);
        if (!http_db_ok(r)) {
            return;
        }
        if (count > 0 || looks <= 0 || job.status != SRV_JOB_IN_PROGRESS ||
            !http_pause(r->http, LOOK_MS)) {
            break;
        }
        srv_arena_end(&r->arena);
    }
    json_t *out = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(out, event_json(&rows[i]));
    }
    http_reply(r, json_pack("{s:o, s:o, s:I}", "events", out, "job", job_json(&job), "next",
                            (json_int_t)(count > 0 ? rows[count - 1u].seq : after)));
}

const struct http_route http_routes_jobs[] = {
    { "PUT", "/jobs/*", create, NULL },
    { "GET", "/jobs/*", describe, NULL },
    { "GET", "/jobs", list, NULL },
    { "GET", "/jobs/*/job-document", document, NULL },
    { "GET", "/jobs/*/things", executions_of_job, NULL },
    { "PUT", "/jobs/*/cancel", cancel, NULL },
    { "GET", "/things/*/jobs", executions_of_thing, NULL },
    { "GET", "/things/*/jobs/*", describe_execution, NULL },
    { "GET", "/waft/v1/jobs", list_ours, NULL },
    { "GET", "/waft/v1/jobs/*/executions", executions, NULL },
    { "GET", "/waft/v1/jobs/*/events", events, NULL },
    { 0 },
};
