/* Things and their certificates. */
#include "broker/broker.h"
#include "core/srv.h"
#include "http/request.h"
#include "identity/identity.h"
#include <stdlib.h>
#include <time.h>

#define CA_MAX (64u * 1024u)

/* The device's own words, all of them texts; empty if it has said nothing. */
static json_t *attributes_json(const struct srv_report *report)
{
    json_t *attributes =
        json_loadb((const char *)report->attributes.ptr, report->attributes.len, 0, NULL);
    return attributes != NULL ? attributes : json_object();
}

static json_t *thing_json(const struct srv_thing *thing, const struct srv_report *report)
{
    json_t *object = json_object();
    json_object_set_new(object, "thingName", json_string(thing->name));
    http_set_arn(object, "thingArn", "thing", thing->name);
    json_object_set_new(object, "attributes", attributes_json(report));
    json_object_set_new(object, "version", json_integer(1));
    return object;
}

/* What AWS has no word for. */
static json_t *thing_json_ours(const struct srv_thing *thing, const struct srv_report *report)
{
    json_t *object = thing_json(thing, report);
    http_set_time(object, "reportedAt", report->at_s);
    json_object_set_new(object, "enabled", json_boolean(thing->state == SRV_THING_ENABLED));
    http_set_text(object, "certificateSerial", ota_span_of_str(thing->cert_serial));
    http_set_time(object, "certificateExpiresAt", thing->cert_expires_s);
    http_set_time(object, "createdAt", thing->created_at_s);
    http_set_time(object, "lastUpdatedAt", thing->updated_at_s);
    return object;
}

/* POST /things/NAME: as AWS has it, without a certificate. */
static void create(struct http_request *r)
{
    static const char *const unsupported[] = { "thingTypeName", "attributePayload",
                                               "billingGroupName", NULL };
    struct srv_command c = { .kind = SRV_CMD_THING_CREATE, .thing_create = { .name = r->args[0] } };
    if (!http_refuse_members(r, unsupported) || !http_submit(r, &c)) {
        return;
    }
    json_t *reply = json_object();
    char name[OTA_THING_NAME_MAX + 1u];
    snprintf(name, sizeof name, "%.*s", (int)r->args[0].len, (const char *)r->args[0].ptr);
    json_object_set_new(reply, "thingName", json_string(name));
    http_set_arn(reply, "thingArn", "thing", name);
    json_object_set_new(reply, "thingId", json_string(name));
    http_reply(r, reply);
}

static bool set_ca(struct http_request *r, json_t *reply)
{
    char *pem = NULL;
    if (!srv_file_read(srv_identity_ca_path(r->http->cfg.identity), CA_MAX, &pem, NULL, &r->err)) {
        return false;
    }
    json_object_set_new(reply, "caPem", json_string(pem));
    free(pem);
    return true;
}

/*
 * POST /waft/v1/things/NAME {"csr"}: a thing that can connect. The certificate's
 * serial is in the database before the certificate is handed out, so none
 * exists that could not be put on hold.
 */
static void provision(struct http_request *r)
{
    const struct srv_http_cfg *cfg = &r->http->cfg;
    struct ota_span csr;
    struct srv_certificate cert;
    if (!http_text(r, "csr", &csr) ||
        !srv_identity_issue(cfg->identity, r->args[0], csr, time(NULL), &cert, &r->err)) {
        return;
    }
    struct srv_command c = {
        .kind = SRV_CMD_THING_CREATE,
        .thing_create = { .name = r->args[0],
                          .cert_serial = ota_span_of_str(cert.serial.digits),
                          .cert_expires_s = cert.not_after },
    };
    json_t *reply = json_object();
    if (!set_ca(r, reply) || !http_submit(r, &c)) {
        json_decref(reply);
        return;
    }
    json_object_set_new(reply, "thingName", http_json_span(r->args[0]));
    json_object_set_new(reply, "certificatePem", json_string(cert.pem));
    json_object_set_new(reply, "certificateSerial", json_string(cert.serial.digits));
    http_set_time(reply, "certificateExpiresAt", cert.not_after);
    json_object_set_new(reply, "broker", http_broker_address(cfg));
    json_object_set_new(reply, "topicRoot", json_string(cfg->topic_root));
    http_reply(r, reply);
}

static void load_report(struct http_request *r, const char *thing, struct srv_report *report)
{
    *report = (struct srv_report){ .version = 0 };
    (void)srv_db_report_get(r->db, &r->arena, ota_span_of_str(thing), report);
}

static bool load(struct http_request *r, struct srv_thing *thing, struct srv_report *report)
{
    struct srv_db *db = http_db(r);
    if (db == NULL) {
        return false;
    }
    bool found = srv_db_thing_get(db, r->args[0], thing);
    if (found) {
        load_report(r, thing->name, report);
    }
    return http_db_ok(r) && (found || srv_fail(&r->err, SRV_E_NOT_FOUND, "there is no thing %.*s",
                                               (int)r->args[0].len, (const char *)r->args[0].ptr));
}

static void describe(struct http_request *r)
{
    struct srv_thing thing;
    struct srv_report report;
    if (load(r, &thing, &report)) {
        json_t *reply = thing_json(&thing, &report);
        json_object_set_new(reply, "defaultClientId", json_string(thing.name));
        json_object_set_new(reply, "thingId", json_string(thing.name));
        http_reply(r, reply);
    }
}

static void describe_ours(struct http_request *r)
{
    struct srv_thing thing;
    struct srv_report report;
    if (load(r, &thing, &report)) {
        http_reply(r, thing_json_ours(&thing, &report));
    }
}

static void list_with(struct http_request *r,
                      json_t *(*form)(const struct srv_thing *, const struct srv_report *))
{
    size_t limit = http_max_results(r);
    struct srv_db *db = limit > 0 ? http_db(r) : NULL;
    if (db == NULL) {
        return;
    }
    struct srv_thing *things = NULL;
    size_t count = srv_db_thing_list(db, &r->arena, http_next_token(r), limit, &things);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        struct srv_report report;
        load_report(r, things[i].name, &report);
        json_array_append_new(list, form(&things[i], &report));
    }
    if (!http_db_ok(r)) {
        json_decref(list);
        return;
    }
    json_t *reply = json_object();
    json_object_set_new(reply, "things", list);
    if (count == limit) {
        json_object_set_new(reply, "nextToken", json_string(things[count - 1u].name));
    }
    http_reply(r, reply);
}

static void list(struct http_request *r)
{
    list_with(r, thing_json);
}

static void list_ours(struct http_request *r)
{
    list_with(r, thing_json_ours);
}

/*
 * Durable first; then the certificate is put on hold, then the session ended.
 * What fails after the first step heals at the next start at the latest, and
 * saying it again is harmless.
 */
static void disable(struct http_request *r)
{
    struct srv_command c = { .kind = SRV_CMD_THING_DISABLE,
                             .thing_disable = { .name = r->args[0] } };
    if (!http_submit(r, &c) || !http_hold(r)) {
        return;
    }
    struct srv_broker *broker = r->http->cfg.broker;
    if (broker != NULL && !srv_broker_evict(broker, r->args[0], &r->err)) {
        return;
    }
    http_reply(r, json_pack("{s:o, s:b}", "thingName", http_json_span(r->args[0]), "enabled", 0));
}

static void enable(struct http_request *r)
{
    struct srv_command c = { .kind = SRV_CMD_THING_ENABLE, .thing_enable = { .name = r->args[0] } };
    if (http_submit(r, &c) && http_hold(r)) {
        http_reply(r,
                   json_pack("{s:o, s:b}", "thingName", http_json_span(r->args[0]), "enabled", 1));
    }
}

const struct http_route http_routes_things[] = {
    { "POST", "/things/*", create, NULL },
    { "GET", "/things/*", describe, NULL },
    { "GET", "/things", list, NULL },
    { "POST", "/waft/v1/things/*", provision, NULL },
    { "GET", "/waft/v1/things/*", describe_ours, NULL },
    { "GET", "/waft/v1/things", list_ours, NULL },
    { "POST", "/waft/v1/things/*/disable", disable, NULL },
    { "POST", "/waft/v1/things/*/enable", enable, NULL },
    { 0 },
};
