#include "http/http.h"
#include "base/file.h"
#include "http/request.h"
#include "identity/identity.h"
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOKEN_BYTES 32u
#define SILENCE_S   60u
#define PEM_MAX     (64u * 1024u)

static const struct group {
    const struct http_route *routes;
    bool presigned; /* the URL is the permission; else the token */
} groups[] = {
    { http_routes_things, false },    { http_routes_jobs, false },   { http_routes_streams, false },
    { http_routes_artifacts, false }, { http_routes_status, false }, { http_routes_download, true },
};

/* ---- finding the route ---- */

/* Whether `url` has the segments of `pattern`; what stars match goes to `args`. */
static bool path_matches(const char *pattern, const char *url, struct ota_span *args)
{
    size_t count = 0;
    while (*pattern == '/' && *url == '/') {
        pattern++;
        url++;
        size_t want = strcspn(pattern, "/"), have = strcspn(url, "/");
        if (want == 1 && *pattern == '*' && have > 0 && count < HTTP_SEGMENTS_MAX) {
            args[count++] = (struct ota_span){ (const uint8_t *)url, have };
        } else if (want != have || memcmp(pattern, url, want) != 0) {
            return false;
        }
        pattern += want;
        url += have;
    }
    return *pattern == '\0' && *url == '\0';
}

static const struct http_route *find_route(const char *method, struct http_request *r)
{
    bool known_path = false;
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (const struct http_route *route = groups[g].routes; route->method != NULL; route++) {
            if (!path_matches(route->path, r->url, r->args)) {
                continue;
            }
            if (strcmp(route->method, method) == 0) {
                r->presigned = groups[g].presigned;
                return route;
            }
            known_path = true;
        }
    }
    r->status = known_path ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
    srv_fail(&r->err, SRV_E_INVALID,
             known_path ? "this path does not know %.20s" : "there is nothing at this path",
             method);
    return NULL;
}

/* ---- who asks ---- */

static bool authorized(struct srv_http *h, struct MHD_Connection *connection)
{
    static const char scheme[] = "Bearer ";
    const char *header =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1u) != 0) {
        return false;
    }
    const char *token = header + sizeof scheme - 1u;
    /* The length is no secret; the comparison says nothing about the rest. */
    return strlen(token) == strlen(h->token) &&
           CRYPTO_memcmp(token, h->token, strlen(h->token)) == 0;
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *size =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (size != NULL && strcmp(size, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
                                       MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/* ---- the answer ---- */

static enum MHD_Result send_json(struct http_request *r, int status, json_t *json,
                                 const char *exception)
{
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (exception[0] != '\0') {
        MHD_add_response_header(response, "x-amzn-errortype", exception);
    }
    if (status == MHD_HTTP_UNAUTHORIZED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    }
    if (r->close) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    enum MHD_Result result = MHD_queue_response(r->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer(struct http_request *r)
{
    if (r->err.code == SRV_OK && r->raw != NULL) {
        return MHD_queue_response(r->connection, (unsigned)r->status, r->raw);
    }
    if (r->err.code == SRV_OK) {
        json_t *reply = r->reply != NULL ? r->reply : json_object();
        r->reply = NULL;
        return send_json(r, MHD_HTTP_OK, reply, "");
    }
    json_t *error = json_pack("{s:s}", "message", r->err.text);
    int status = r->status != 0 ? r->status : srv_code_http(r->err.code);
    return send_json(r, status, error != NULL ? error : json_object(),
                     srv_code_exception(r->err.code));
}

/* ---- the body ---- */

static void take_json_bytes(struct http_request *r, const char *bytes, size_t len)
{
    if (len > HTTP_BODY_MAX - r->body_len) {
        r->status = MHD_HTTP_CONTENT_TOO_LARGE;
        srv_fail(&r->err, SRV_E_LIMIT, "a body has at most %u bytes", HTTP_BODY_MAX);
        return;
    }
    char *grown = realloc(r->body, r->body_len + len);
    if (grown == NULL) {
        srv_fail(&r->err, SRV_E_UNAVAILABLE, "no memory for the body");
        return;
    }
    r->body = grown;
    memcpy(r->body + r->body_len, bytes, len);
    r->body_len += len;
}

/* What comes after an error is read and dropped, so that the client reads our answer. */
static void take_body(struct http_request *r, const char *bytes, size_t len)
{
    if (r->err.code != SRV_OK) {
        return;
    }
    if (r->route->sink == NULL) {
        take_json_bytes(r, bytes, len);
        return;
    }
    if (len > HTTP_ARTIFACT_MAX - r->sink_size) {
        r->status = MHD_HTTP_CONTENT_TOO_LARGE;
        srv_fail(&r->err, SRV_E_LIMIT, "a file has at most %llu bytes",
                 (unsigned long long)HTTP_ARTIFACT_MAX);
        return;
    }
    r->sink_size += len;
    if (!r->route->sink->take(r, (struct ota_span){ (const uint8_t *)bytes, len })) {
        http_fail(r);
    }
}

static bool parse_body(struct http_request *r)
{
    if (r->route->sink != NULL || r->body_len == 0) {
        r->json = json_object();
        return true;
    }
    json_error_t where;
    r->json = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, &where);
    if (r->json == NULL) {
        return srv_fail(&r->err, SRV_E_INVALID, "the body is not JSON: %.80s", where.text);
    }
    return json_is_object(r->json) ||
           srv_fail(&r->err, SRV_E_INVALID, "the body is not a JSON object");
}

/* ---- the life of a request ---- */

static struct http_request *begin(struct srv_http *h, struct MHD_Connection *connection,
                                  const char *url, const char *method)
{
    struct http_request *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->http = h;
    r->connection = connection;
    r->url = strdup(url);
    if (r->url == NULL) {
        free(r);
        return NULL;
    }
    r->route = find_route(method, r);
    /* Without the token nothing is told, not even which paths there are. */
    if (!r->presigned && !authorized(h, connection)) {
        r->route = NULL;
        r->status = MHD_HTTP_UNAUTHORIZED;
        srv_fail(&r->err, SRV_E_UNAUTHORIZED, "the token is missing or wrong");
    } else if (r->presigned && has_body(connection)) {
        srv_fail(&r->err, SRV_E_INVALID, "a download has no body");
    } else if (h->reactor == NULL && r->err.code == SRV_OK) {
        srv_fail(&r->err, SRV_E_UNAVAILABLE, "the provider is starting");
    }
    return r;
}

/* The callback of libmicrohttpd: once with the head, then with each piece of the body, then without any. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    (void)version;
    struct http_request *r = *state;
    if (r == NULL) {
        *state = r = begin(user, connection, url, method);
        if (r == NULL) {
            return MHD_NO;
        }
        /* A stranger's body is not even read. */
        return r->err.code == SRV_OK ? MHD_YES : answer(r);
    }
    if (*upload_size > 0) {
        take_body(r, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (r->err.code == SRV_OK && parse_body(r)) {
        r->route->run(r);
    }
    return answer(r);
}

static void give_back_reader(struct http_request *r)
{
    struct srv_http *h = r->http;
    pthread_mutex_lock(&h->lock);
    if (h->reader_count < HTTP_READERS_MAX) {
        h->readers[h->reader_count++] = r->db;
        r->db = NULL;
    }
    pthread_mutex_unlock(&h->lock);
    if (r->db != NULL) {
        srv_db_close(r->db);
    }
}

static void on_end(void *user, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    (void)user, (void)connection, (void)why;
    struct http_request *r = *state;
    if (r == NULL) {
        return;
    }
    if (r->route != NULL && r->route->sink != NULL) {
        r->route->sink->drop(r);
    }
    if (r->db != NULL) {
        give_back_reader(r);
    }
    if (r->raw != NULL) {
        MHD_destroy_response(r->raw);
    }
    json_decref(r->reply);
    json_decref(r->json);
    free(r->body);
    free(r->url);
    srv_arena_end(&r->arena);
    free(r);
    *state = NULL;
}

/* ---- start and stop ---- */

static bool make_token(const char *path, struct srv_err *err)
{
    unsigned char bytes[TOKEN_BYTES];
    char text[2 * TOKEN_BYTES + 2];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        return srv_fail(err, SRV_E_INTERNAL, "no random bytes for a token");
    }
    http_hex(text, bytes, sizeof bytes);
    text[2 * TOKEN_BYTES] = '\n';
    return srv_file_write(path, text, 2 * TOKEN_BYTES + 1, 0600, err);
}

static bool load_token(struct srv_http *h, struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    char *text = NULL;
    if (!srv_path(path, h->dir, "token", err)) {
        return false;
    }
    if (!srv_file_read(path, HTTP_TOKEN_MAX - 1u, &text, NULL, err) &&
        (err->code != SRV_E_NOT_FOUND || !make_token(path, err) ||
         !srv_file_read(path, HTTP_TOKEN_MAX - 1u, &text, NULL, err))) {
        return false;
    }
    text[strcspn(text, "\r\n")] = '\0';
    snprintf(h->token, sizeof h->token, "%s", text);
    free(text);
    return strlen(h->token) >= TOKEN_BYTES ||
           srv_fail(err, SRV_E_INVALID, "%s is too short to be a secret: remove it for a new one",
                    path);
}

static void certificate_drop(struct http_certificate *c)
{
    if (c->key != NULL) {
        OPENSSL_cleanse(c->key, strlen(c->key));
    }
    free(c->key);
    free(c->chain);
    *c = (struct http_certificate){ NULL, NULL };
}

/* The one that is there now, or none. */
static bool certificate_read(const struct srv_http *h, struct http_certificate *c,
                             struct srv_err *err)
{
    const struct srv_identity *id = h->cfg.identity;
    *c = (struct http_certificate){ NULL, NULL };
    if (srv_file_read(srv_identity_key_path(id, SRV_OWN_HTTPS), PEM_MAX, &c->key, NULL, err) &&
        srv_file_read(srv_identity_cert_path(id, SRV_OWN_HTTPS), PEM_MAX, &c->chain, NULL, err)) {
        return true;
    }
    certificate_drop(c);
    return false;
}

static bool listen_on(struct srv_http *h, uint16_t port)
{
    const char *bind_to = h->cfg.bind != NULL ? h->cfg.bind : "127.0.0.1";
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    bool is_v6 = inet_pton(AF_INET6, bind_to, &v6.sin6_addr) == 1;
    if (!is_v6 && inet_pton(AF_INET, bind_to, &v4.sin_addr) != 1) {
        return false;
    }
    struct sockaddr *address = is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    unsigned flags = MHD_USE_TLS | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_ITC | (is_v6 ? MHD_USE_IPv6 : 0);
    h->daemon = MHD_start_daemon(
        flags, port, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_HTTPS_MEM_KEY, h->certificate.key, MHD_OPTION_HTTPS_MEM_CERT,
        h->certificate.chain, MHD_OPTION_HTTPS_PRIORITIES,
        "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_NOTIFY_COMPLETED, on_end, NULL,
        MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (h->daemon == NULL) {
        return false;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    h->port = info != NULL ? info->port : port;
    return true;
}

/* The port of the last start, so that what the user has stored stays true. */
static bool start_daemon(struct srv_http *h, struct srv_err *err)
{
    char path[SRV_PATH_MAX], *text = NULL, line[16];
    unsigned last = 0;
    if (!srv_path(path, h->dir, "https-port", err)) {
        return false;
    }
    if (srv_file_read(path, 16, &text, NULL, NULL) &&
        (sscanf(text, "%u", &last) != 1 || last > 65535u)) {
        last = 0;
    }
    free(text);
    bool ok = h->cfg.port != 0 ? listen_on(h, h->cfg.port)
                               : (last != 0 && listen_on(h, (uint16_t)last)) || listen_on(h, 0);
    if (!ok) {
        return srv_fail(err, SRV_E_UNAVAILABLE, "HTTPS cannot listen at %.40s port %u: %.40s",
                        h->cfg.bind != NULL ? h->cfg.bind : "127.0.0.1", h->cfg.port,
                        strerror(errno));
    }
    int len = snprintf(line, sizeof line, "%u\n", h->port);
    return srv_file_write(path, line, (size_t)len, 0644, err);
}

struct srv_http *srv_http_start(const struct srv_http_cfg *cfg, struct srv_err *err)
{
    struct srv_http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        srv_fail(err, SRV_E_INTERNAL, "no memory");
        return NULL;
    }
    h->cfg = *cfg;
    snprintf(h->dir, sizeof h->dir, "%s", cfg->dir);
    snprintf(h->db_path, sizeof h->db_path, "%s", cfg->db_path);
    h->started_at_s = time(NULL);
    pthread_mutex_init(&h->lock, NULL);
    pthread_mutex_init(&h->hold_lock, NULL);
    pthread_cond_init(&h->stop_comes, NULL);
    if (load_token(h, err) && certificate_read(h, &h->certificate, err) && start_daemon(h, err)) {
        return h;
    }
    srv_http_stop(h);
    return NULL;
}

void srv_http_open(struct srv_http *h, struct srv_reactor *reactor)
{
    h->reactor = reactor;
}

static void set_stopping(struct srv_http *h, bool stopping)
{
    pthread_mutex_lock(&h->lock);
    h->stopping = stopping;
    pthread_cond_broadcast(&h->stop_comes);
    pthread_mutex_unlock(&h->lock);
}

static void stop_daemon(struct srv_http *h)
{
    set_stopping(h, true);
    if (h->daemon != NULL) {
        MHD_stop_daemon(h->daemon);
        h->daemon = NULL;
    }
}

bool srv_http_reload(struct srv_http *h, struct srv_err *err)
{
    struct http_certificate now;
    if (!certificate_read(h, &now, err)) {
        return false;
    }
    stop_daemon(h);
    set_stopping(h, false);
    certificate_drop(&h->certificate);
    h->certificate = now;
    return listen_on(h, h->port) ||
           srv_fail(err, SRV_E_UNAVAILABLE, "HTTPS cannot listen at port %u again", h->port);
}

void srv_http_stop(struct srv_http *h)
{
    if (h == NULL) {
        return;
    }
    stop_daemon(h);
    certificate_drop(&h->certificate);
    while (h->reader_count > 0) {
        srv_db_close(h->readers[--h->reader_count]);
    }
    OPENSSL_cleanse(h->token, sizeof h->token);
    pthread_cond_destroy(&h->stop_comes);
    pthread_mutex_destroy(&h->hold_lock);
    pthread_mutex_destroy(&h->lock);
    free(h);
}

uint16_t srv_http_port(const struct srv_http *h)
{
    return h->port;
}
