#include "http/request.h"
#include "core/srv.h"
#include "db/sqlite.h"
#include "mqtt/reactor.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESULTS_MAX 250u
/* As many cannot overflow, in the database neither. */
#define NUMBER_DIGITS_MAX 18u
/* AWS's form; region and account mean nothing here. */
#define ARN_PREFIX "arn:aws:iot:local:000000000000:"

void http_reply(struct http_request *r, json_t *reply)
{
    r->reply = reply;
}

void http_fail(struct http_request *r)
{
    if (r->err.code == SRV_OK) {
        srv_fail(&r->err, SRV_E_INTERNAL, "something failed and did not say what");
    }
}

/* ---- the database ---- */

struct srv_db *http_db(struct http_request *r)
{
    struct srv_http *h = r->http;
    if (r->db != NULL) {
        return r->db;
    }
    pthread_mutex_lock(&h->lock);
    if (h->reader_count > 0) {
        r->db = h->readers[--h->reader_count];
    }
    pthread_mutex_unlock(&h->lock);
    if (r->db == NULL && !srv_sqlite_open_reader(h->db_path, &r->db, &r->err)) {
        r->db = NULL;
        http_fail(r);
    }
    return r->db;
}

bool http_db_ok(struct http_request *r)
{
    if (r->db->err.code == SRV_OK) {
        return true;
    }
    r->err = r->db->err;
    srv_db_rollback(r->db); /* clears the error, so that the connection can be used again */
    return false;
}

bool http_submit(struct http_request *r, const struct srv_command *command)
{
    if (srv_reactor_submit(r->http->reactor, command, &r->err)) {
        return true;
    }
    http_fail(r);
    return false;
}

/* ---- what came ---- */

const char *http_query(struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool http_number(struct http_request *r, const char *name, uint64_t *number)
{
    const char *text = http_query(r, name);
    *number = 0;
    if (text == NULL) {
        return true;
    }
    const size_t len = strlen(text);
    if (len == 0 || len > NUMBER_DIGITS_MAX || strspn(text, "0123456789") != len) {
        return srv_fail(&r->err, SRV_E_INVALID, "%s is a whole number", name);
    }
    *number = strtoull(text, NULL, 10);
    return true;
}

size_t http_max_results(struct http_request *r)
{
    uint64_t value;
    if (http_query(r, "maxResults") == NULL) {
        return RESULTS_MAX;
    }
    if (!http_number(r, "maxResults", &value) || value == 0 || value > RESULTS_MAX) {
        srv_fail(&r->err, SRV_E_INVALID, "maxResults is 1 to %u", RESULTS_MAX);
        return 0;
    }
    return (size_t)value;
}

struct ota_span http_next_token(struct http_request *r)
{
    return ota_span_of_str(http_query(r, "nextToken"));
}

bool http_text(struct http_request *r, const char *name, struct ota_span *text)
{
    json_t *value = json_object_get(r->json, name);
    *text = OTA_SPAN_NONE;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value)) {
        return srv_fail(&r->err, SRV_E_INVALID, "%s is a text", name);
    }
    *text =
        (struct ota_span){ (const uint8_t *)json_string_value(value), json_string_length(value) };
    return true;
}

bool http_refuse_members(struct http_request *r, const char *const *names)
{
    for (; *names != NULL; names++) {
        json_t *value = json_object_get(r->json, *names);
        if (value != NULL && !json_is_null(value)) {
            return srv_fail(&r->err, SRV_E_INVALID, "%s is not supported by this server", *names);
        }
    }
    return true;
}

/* ---- what goes out ---- */

json_t *http_json_span(struct ota_span text)
{
    json_t *value = json_stringn((const char *)text.ptr, text.len);
    return value != NULL ? value : json_string("?"); /* no UTF-8: nothing in the database is */
}

void http_set_text(json_t *object, const char *name, struct ota_span text)
{
    if (text.len > 0) {
        json_object_set_new(object, name, http_json_span(text));
    }
}

void http_set_time(json_t *object, const char *name, int64_t epoch_s)
{
    if (epoch_s != 0) {
        json_object_set_new(object, name, json_integer(epoch_s));
    }
}

json_t *http_broker_address(const struct srv_http_cfg *cfg)
{
    const bool v6 = strchr(cfg->mqtt_host, ':') != NULL;
    return json_sprintf("%s%s%s:%u", v6 ? "[" : "", cfg->mqtt_host, v6 ? "]" : "",
                        (unsigned)cfg->mqtt_port);
}

void http_set_arn(json_t *object, const char *name, const char *kind, const char *id)
{
    json_object_set_new(object, name, json_sprintf(ARN_PREFIX "%s/%s", kind, id));
}

/* Any region and account: what counts is behind the last part. */
struct ota_span http_name_of_arn(const char *kind, struct ota_span text)
{
    static const char prefix[] = "arn:aws:iot:";
    if (text.len < sizeof prefix - 1u || memcmp(text.ptr, prefix, sizeof prefix - 1u) != 0) {
        return text;
    }
    char wanted[32];
    int len = snprintf(wanted, sizeof wanted, ":%s/", kind);
    const uint8_t *at = memmem(text.ptr, text.len, wanted, (size_t)len);
    if (at == NULL) {
        return OTA_SPAN_NONE;
    }
    at += len;
    return (struct ota_span){ at, text.len - (size_t)(at - text.ptr) };
}

void http_hex(char *out, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sprintf(out + 2 * i, "%02x", bytes[i]);
    }
}

bool http_unhex(struct ota_span text, uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    if (text.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] != 0 ? strchr(digits, text.ptr[i]) : NULL;
        if (at == NULL) {
            return false;
        }
        uint8_t high = i % 2 == 0 ? 0 : bytes[i / 2];
        bytes[i / 2] = (uint8_t)(high << 4 | (at - digits));
    }
    return true;
}

/* ---- waiting ---- */

bool http_pause(struct srv_http *h, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&h->lock);
    int result = 0;
    while (!h->stopping && result != ETIMEDOUT) {
        result = pthread_cond_clockwait(&h->stop_comes, &h->lock, CLOCK_MONOTONIC, &until);
    }
    bool go_on = !h->stopping;
    pthread_mutex_unlock(&h->lock);
    return go_on;
}
