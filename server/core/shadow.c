/*
 * The named shadow `waft`, what a device says of itself: AWS IoT's messages,
 * and of its states only `reported`, flat. It is kept as the thing's attributes.
 *
 *     ROOT/things/THING/shadow/name/waft/{update,get,delete}
 *     answers behind it: /accepted, /rejected
 */
#include "request.h"
#include "tx.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* AWS IoT: a shadow document has at most 8 KB; attributes of a thing. */
#define DOCUMENT_MAX   8192u
#define ATTRIBUTES_MAX 50u
#define NAME_MAX_LEN   128u
#define VALUE_MAX      800u

enum verb { UPDATE, GET, DELETE, VERBS };
static const char *const verbs[VERBS] = { "update", "get", "delete" };

struct shadow_request {
    struct ota_span topic, thing, token;
    enum verb verb;
    const json_t *body;
};

static bool take(struct ota_reader *r, struct ota_span text)
{
    return ota_span_eq(ota_read_bytes(r, text.len), text);
}

static bool topic_parse(const struct srv_tx *tx, struct ota_span topic, struct shadow_request *rq)
{
    struct ota_reader r = ota_reader(topic);
    if (!take(&r, ota_span_of_str(tx->core->topic_root)) || !take(&r, OTA_SPAN_LIT("/things/"))) {
        return false;
    }
    const uint8_t *slash = memchr(r.at, '/', ota_reader_left(&r));
    if (slash == NULL) {
        return false;
    }
    rq->topic = topic;
    rq->thing = ota_read_bytes(&r, (size_t)(slash - r.at));
    if (!take(&r, OTA_SPAN_LIT("/shadow/name/waft/")) || !ota_thing_name_ok(rq->thing)) {
        return false;
    }
    const struct ota_span verb = ota_read_bytes(&r, ota_reader_left(&r));
    for (rq->verb = 0; rq->verb < VERBS; rq->verb++) {
        if (ota_span_eq(verb, ota_span_of_str(verbs[rq->verb]))) {
            return true;
        }
    }
    return false;
}

/* Compact, in the arena. */
static struct ota_span dump(struct srv_tx *tx, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        abort(); /* as in srv_arena_take() */
    }
    const struct ota_span copy = srv_arena_copy(tx->arena, ota_span_of_str(text));
    free(text);
    return copy;
}

/* --- answers ---------------------------------------------------------------- */

/* Takes the reference. */
static void answer(struct srv_tx *tx, const struct shadow_request *rq, const char *how,
                   json_t *body)
{
    json_object_set_new(body, "timestamp", json_integer(tx->now_s));
    if (rq->token.ptr != NULL) {
        json_object_set_new(body, "clientToken",
                            json_stringn((const char *)rq->token.ptr, rq->token.len));
    }
    const struct ota_span payload = dump(tx, body);
    json_decref(body);
    struct ota_writer topic = srv_tx_writer(tx, rq->topic.len + 16u);
    ota_write_bytes(&topic, rq->topic);
    ota_write_str(&topic, how);
    srv_tx_message(tx, ota_writer_done(&topic), payload, 0);
}

static void reject(struct srv_tx *tx, const struct shadow_request *rq)
{
    const int code = tx->err->code == SRV_E_LIMIT ? 413 : srv_code_http(tx->err->code);
    answer(tx, rq, "/rejected", json_pack("{s:i, s:s}", "code", code, "message", tx->err->text));
}

/* --- attributes -------------------------------------------------------------- */

static bool name_ok(const char *name)
{
    static const char legal[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,@/:#-";
    const size_t len = strlen(name);
    return len >= 1 && len <= NAME_MAX_LEN && strspn(name, legal) == len;
}

/* As text, in the arena: attributes of a thing are texts. false: nothing that can be one. */
static bool value_text(struct srv_tx *tx, const json_t *value, struct ota_span *text)
{
    if (json_is_string(value)) {
        *text = (struct ota_span){ (const uint8_t *)json_string_value(value),
                                   json_string_length(value) };
    } else if (json_is_boolean(value) || json_is_number(value)) {
        *text = dump(tx, value);
    } else {
        return false;
    }
    for (size_t i = 0; i < text->len; i++) {
        if (text->ptr[i] < 0x20 || text->ptr[i] == 0x7f) {
            return false;
        }
    }
    return text->len <= VALUE_MAX;
}

/* null takes one away; what is not named stays. */
static bool merge(struct srv_tx *tx, json_t *attributes, json_t *reported)
{
    const char *name;
    json_t *value;
    json_object_foreach(reported, name, value)
    {
        struct ota_span text;
        if (!name_ok(name)) {
            return srv_fail(tx->err, SRV_E_INVALID,
                            "a name in reported is 1 to %u of a-z A-Z 0-9 _ . , @ / : # -",
                            NAME_MAX_LEN);
        }
        if (json_is_null(value)) {
            json_object_del(attributes, name);
            continue;
        }
        if (!value_text(tx, value, &text)) {
            return srv_fail(tx->err, SRV_E_INVALID,
                            "a value in reported is a text of at most %u bytes, a number, true, "
                            "false or null",
                            VALUE_MAX);
        }
        json_object_set_new(attributes, name, json_stringn((const char *)text.ptr, text.len));
    }
    return json_object_size(attributes) <= ATTRIBUTES_MAX ||
           srv_fail(tx->err, SRV_E_LIMIT, "a thing has at most %u attributes", ATTRIBUTES_MAX);
}

/* --- verbs -------------------------------------------------------------------- */

static bool reported_of(struct srv_tx *tx, const struct shadow_request *rq, json_t **reported)
{
    const json_t *state = json_object_get(rq->body, "state");
    *reported = json_object_get(state, "reported");
    return (json_is_object(*reported) && json_object_size(state) == 1) ||
           srv_fail(tx->err, SRV_E_INVALID, "state has one member here: reported, an object");
}

static bool version_ok(struct srv_tx *tx, const struct shadow_request *rq, uint64_t version)
{
    static const struct srv_number_rule rule = { "version", 0, INT64_MAX, SRV_NUMBER_ONLY };
    struct srv_number expected;
    if (!srv_json_number(rq->body, &rule, &expected, tx->err)) {
        return false;
    }
    return !expected.given || (uint64_t)expected.value == version ||
           srv_fail(tx->err, SRV_E_VERSION, "the shadow's version is %" PRIu64, version);
}

static json_t *attributes_of(const struct srv_report *row)
{
    struct srv_err err;
    json_t *attributes = NULL;
    return srv_json_object(row->attributes, &attributes, &err) ? attributes : json_object();
}

static bool store(struct srv_tx *tx, struct srv_report *row, json_t *attributes)
{
    row->attributes = dump(tx, attributes);
    if (row->attributes.len > DOCUMENT_MAX) {
        return srv_fail(tx->err, SRV_E_LIMIT, "a shadow has at most %u bytes", DOCUMENT_MAX);
    }
    row->version++;
    row->at_s = tx->now_s;
    srv_db_report_put(tx->db, row);
    return true;
}

static bool update(struct srv_tx *tx, const struct shadow_request *rq, struct srv_report *row)
{
    json_t *reported;
    if (!reported_of(tx, rq, &reported) || !version_ok(tx, rq, row->version)) {
        return false;
    }
    json_t *attributes = attributes_of(row);
    const bool done = merge(tx, attributes, reported) && store(tx, row, attributes);
    json_decref(attributes);
    if (done) {
        answer(tx, rq, "/accepted",
               json_pack("{s:{s:O}, s:I}", "state", "reported", reported, "version",
                         (json_int_t)row->version));
    }
    return done;
}

static bool read_or_delete(struct srv_tx *tx, const struct shadow_request *rq,
                           const struct srv_report *row)
{
    if (row->version == 0) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "No shadow exists with name: 'waft'");
    }
    json_t *body = json_pack("{s:I}", "version", (json_int_t)row->version);
    if (rq->verb == DELETE) {
        srv_db_report_drop(tx->db, rq->thing);
    } else {
        json_object_set_new(body, "state", json_pack("{s:o}", "reported", attributes_of(row)));
    }
    answer(tx, rq, "/accepted", body);
    return true;
}

static bool handle(struct srv_tx *tx, struct shadow_request *rq, struct ota_span payload)
{
    struct srv_report row = { .version = 0 };
    if (payload.len > DOCUMENT_MAX) {
        return srv_fail(tx->err, SRV_E_LIMIT, "a shadow has at most %u bytes", DOCUMENT_MAX);
    }
    json_t *body = NULL;
    bool done = srv_json_object(payload, &body, tx->err);
    if (done) {
        rq->body = body;
        done = srv_json_token(body, &rq->token, tx->err) && srv_request_thing_ok(tx, rq->thing);
    }
    if (rq->token.ptr != NULL) {
        rq->token = srv_arena_copy(tx->arena, rq->token); /* it outlives the body */
    }
    if (done) {
        (void)srv_db_report_get(tx->db, tx->arena, rq->thing, &row);
        srv_name_set(row.thing, sizeof row.thing, rq->thing);
        done = rq->verb == UPDATE ? update(tx, rq, &row) : read_or_delete(tx, rq, &row);
    }
    json_decref(body);
    return done;
}

bool srv_shadow_is(const struct srv_tx *tx, struct ota_span topic)
{
    struct shadow_request rq;
    return topic_parse(tx, topic, &rq);
}

bool srv_do_shadow(struct srv_tx *tx, const struct srv_command *c)
{
    struct shadow_request rq = { .token = OTA_SPAN_NONE };
    if (!topic_parse(tx, c->device.topic, &rq)) {
        return srv_fail(tx->err, SRV_E_TOPIC, "not a request");
    }
    if (!handle(tx, &rq, c->device.payload)) {
        reject(tx, &rq);
        return false;
    }
    return true;
}

void srv_shadow_refuse(struct srv_tx *tx, const struct srv_command *c)
{
    struct shadow_request rq = { .token = OTA_SPAN_NONE };
    if (topic_parse(tx, c->device.topic, &rq)) {
        reject(tx, &rq);
    }
}
