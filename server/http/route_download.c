/*
 * GET /d/DIGEST?...: an artifact, to the thing that a URL of ours names. No
 * token: the URL is the permission (presign.h), as long as the thing is enabled.
 */
#include "core/srv.h"
#include "db/artifacts.h"
#include "http/presign.h"
#include "http/range.h"
#include "http/request.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Connections that downloads leave to operators. */
#define SPARE_CONNECTIONS 64u

static const char *header(struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static bool may_fetch(struct http_request *r)
{
    const struct srv_presigned url = {
        .thing = ota_span_of_str(http_query(r, "t")),
        .digest = r->args[0],
        .expires = ota_span_of_str(http_query(r, "e")),
        .mac = ota_span_of_str(http_query(r, "s")),
    };
    if (r->http->cfg.presign == NULL) {
        return srv_fail(&r->err, SRV_E_NOT_FOUND, "this provider has no downloads");
    }
    if (!srv_presign_check(r->http->cfg.presign, &url, time(NULL), &r->err)) {
        return false;
    }
    struct srv_db *db = http_db(r);
    if (db == NULL) {
        return false;
    }
    struct srv_thing thing;
    const bool enabled =
        srv_db_thing_get(db, url.thing, &thing) && thing.state == SRV_THING_ENABLED;
    return http_db_ok(r) &&
           (enabled || srv_fail(&r->err, SRV_E_UNAUTHORIZED, "the thing is disabled"));
}

/* A fleet that comes at once must not lock its operators out. */
static bool has_room(struct http_request *r)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(r->http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    if (info == NULL || info->num_connections + SPARE_CONNECTIONS <= HTTP_CONNECTIONS_MAX) {
        return true;
    }
    r->close = true;
    return srv_fail(&r->err, SRV_E_UNAVAILABLE, "too many downloads at once");
}

struct file {
    int fd;
    uint64_t size;
    char etag[2 * SRV_DIGEST_SIZE + 3]; /* the digest, in quotes */
};

/* MHD sends no body to HEAD. The answer owns the file; without a part it is closed at once. */
static struct MHD_Response *response_of(const struct file *file, const struct http_range *part)
{
    struct MHD_Response *response =
        part != NULL ? MHD_create_response_from_fd_at_offset64(part->size, file->fd, part->first)
                     : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (part == NULL || response == NULL) {
        close(file->fd);
    }
    return response;
}

static void send_file(struct http_request *r, unsigned status, const struct file *file,
                      const struct http_range *part)
{
    char range[80];
    struct MHD_Response *response = response_of(file, part);
    if (response == NULL) {
        srv_fail(&r->err, SRV_E_UNAVAILABLE, "no memory for an answer");
        return;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
    MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, file->etag);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "private");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/octet-stream");
    if (status == MHD_HTTP_PARTIAL_CONTENT) {
        snprintf(range, sizeof range, "bytes %llu-%llu/%llu", (unsigned long long)part->first,
                 (unsigned long long)(part->first + part->size - 1u),
                 (unsigned long long)file->size);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
    } else if (status == MHD_HTTP_RANGE_NOT_SATISFIABLE) {
        snprintf(range, sizeof range, "bytes */%llu", (unsigned long long)file->size);
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_RANGE, range);
    }
    r->raw = response;
    r->status = (int)status;
}

static void answer_with(struct http_request *r, const struct file *file)
{
    const char *known = header(r, MHD_HTTP_HEADER_IF_NONE_MATCH);
    const bool is_get = strcmp(r->route->method, "GET") == 0; /* HEAD knows no ranges */
    struct http_range part;
    const enum http_range_verdict verdict =
        http_range_read(is_get ? header(r, MHD_HTTP_HEADER_RANGE) : NULL,
                        header(r, MHD_HTTP_HEADER_IF_RANGE), file->etag, file->size, &part);
    if (known != NULL && strcmp(known, file->etag) == 0) {
        send_file(r, MHD_HTTP_NOT_MODIFIED, file, NULL);
        return;
    }
    switch (verdict) {
    case HTTP_RANGE_ALL: send_file(r, MHD_HTTP_OK, file, &part); return;
    case HTTP_RANGE_PART: send_file(r, MHD_HTTP_PARTIAL_CONTENT, file, &part); return;
    case HTTP_RANGE_NONE: send_file(r, MHD_HTTP_RANGE_NOT_SATISFIABLE, file, NULL); return;
    }
}

static void download(struct http_request *r)
{
    uint8_t digest[SRV_DIGEST_SIZE];
    struct file file;
    if (!has_room(r) || !may_fetch(r) || !http_unhex(r->args[0], digest, sizeof digest) ||
        !srv_artifact_open(r->http->cfg.artifacts, digest, &file.fd, &file.size, &r->err)) {
        http_fail(r);
        return;
    }
    snprintf(file.etag, sizeof file.etag, "\"%.*s\"", (int)r->args[0].len,
             (const char *)r->args[0].ptr);
    answer_with(r, &file);
}

const struct http_route http_routes_download[] = {
    { "GET", "/d/*", download, NULL },
    { "HEAD", "/d/*", download, NULL },
    { 0 },
};
