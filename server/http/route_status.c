/* What the provider says of itself. */
#include "broker/broker.h"
#include "core/srv.h"
#include "http/request.h"
#include "mqtt/reactor.h"
#include <string.h>
#include <unistd.h>

#define PAGE 1000u

static void endpoint(struct http_request *r)
{
    const char *type = http_query(r, "endpointType");
    if (type != NULL && strcmp(type, "iot:Data-ATS") != 0 && strcmp(type, "iot:Data") != 0) {
        srv_fail(&r->err, SRV_E_INVALID, "endpointType is iot:Data-ATS or iot:Data");
        return;
    }
    http_reply(r, json_pack("{s:o}", "endpointAddress", http_broker_address(&r->http->cfg)));
}

static bool count_things(struct http_request *r, json_int_t counts[2])
{
    char after[OTA_THING_NAME_MAX + 1u] = "";
    for (bool more = true; more;) {
        struct srv_thing *things = NULL;
        size_t count = srv_db_thing_list(r->db, &r->arena, ota_span_of_str(after), PAGE, &things);
        for (size_t i = 0; i < count; i++) {
            counts[things[i].state == SRV_THING_DISABLED]++;
            memcpy(after, things[i].name, sizeof after);
        }
        more = count == PAGE;
        srv_arena_end(&r->arena);
    }
    return http_db_ok(r);
}

static bool count_executions(struct http_request *r, uint64_t counts[OTA_JOB_STATUS_COUNT],
                             json_int_t *open_jobs)
{
    char after[OTA_JOB_ID_MAX + 1u] = "";
    for (bool more = true; more;) {
        struct srv_job *jobs = NULL;
        size_t count = srv_db_job_list(r->db, &r->arena, ota_span_of_str(after), PAGE, &jobs);
        for (size_t i = 0; i < count; i++) {
            memcpy(after, jobs[i].id, sizeof after);
            *open_jobs += jobs[i].status == SRV_JOB_IN_PROGRESS;
            for (size_t s = 0; s < OTA_JOB_STATUS_COUNT; s++) {
                counts[s] += jobs[i].counts[s];
            }
        }
        more = count == PAGE;
        srv_arena_end(&r->arena);
    }
    return http_db_ok(r);
}

static void status(struct http_request *r)
{
    const struct srv_http_cfg *cfg = &r->http->cfg;
    json_int_t things[2] = { 0 }, open_jobs = 0;
    uint64_t counts[OTA_JOB_STATUS_COUNT] = { 0 };
    if (http_db(r) == NULL || !count_things(r, things) ||
        !count_executions(r, counts, &open_jobs)) {
        return;
    }
    json_t *executions = json_object();
    for (size_t s = 0; s < OTA_JOB_STATUS_COUNT; s++) {
        json_object_set_new(executions, ota_job_status_name((enum ota_job_status)s),
                            json_integer((json_int_t)counts[s]));
    }
    json_t *reply = json_object();
    json_object_set_new(reply, "pid", json_integer(getpid()));
    json_object_set_new(reply, "broker", http_broker_address(cfg));
    json_object_set_new(reply, "brokerConnected",
                        json_boolean(srv_reactor_connected(r->http->reactor)));
    json_object_set_new(reply, "brokerPid",
                        json_integer(cfg->broker != NULL ? srv_broker_pid(cfg->broker) : 0));
    json_object_set_new(reply, "topicRoot", json_string(cfg->topic_root));
    http_set_text(reply, "downloadUrl", ota_span_of_str(cfg->download_url));
    http_set_time(reply, "startedAt", r->http->started_at_s);
    json_object_set_new(reply, "thingsEnabled", json_integer(things[0]));
    json_object_set_new(reply, "thingsDisabled", json_integer(things[1]));
    json_object_set_new(reply, "jobsInProgress", json_integer(open_jobs));
    json_object_set_new(reply, "executions", executions);
    http_reply(r, reply);
}

const struct http_route http_routes_status[] = {
    { "GET", "/endpoint", endpoint, NULL },
    { "GET", "/waft/v1/status", status, NULL },
    { 0 },
};
