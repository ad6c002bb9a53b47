/* Streams: which artifacts a job's things may fetch, by file id. */
#include "core/srv.h"
#include "http/request.h"
#include <string.h>

static void set_identity(json_t *object, const char *id, uint32_t version)
{
    json_object_set_new(object, "streamId", json_string(id));
    http_set_arn(object, "streamArn", "stream", id);
    json_object_set_new(object, "streamVersion", json_integer(version));
}

/* {"fileId": 0, "s3Location": {"bucket": "artifacts", "key": "<digest>"}}: the bucket is a word only. */
static bool read_file(struct http_request *r, json_t *file, struct srv_file_spec *spec)
{
    json_t *id = json_object_get(file, "fileId");
    json_t *key = json_object_get(json_object_get(file, "s3Location"), "key");
    json_int_t number = id == NULL ? 0 : json_integer_value(id);
    if ((id != NULL && !json_is_integer(id)) || number < 0 || number > UINT8_MAX) {
        return srv_fail(&r->err, SRV_E_INVALID, "fileId is 0 to 255");
    }
    struct ota_span digest = ota_span_of_str(json_string_value(key));
    spec->id = (uint8_t)number;
    return http_unhex(digest, spec->digest, SRV_DIGEST_SIZE) ||
           srv_fail(&r->err, SRV_E_INVALID, "s3Location.key is the SHA-256 of an artifact, in hex");
}

static bool read_files(struct http_request *r, struct srv_file_spec specs[SRV_STREAM_FILES_MAX],
                       size_t *count)
{
    json_t *files = json_object_get(r->json, "files");
    *count = json_array_size(files);
    if (*count == 0 || *count > SRV_STREAM_FILES_MAX) {
        return srv_fail(&r->err, SRV_E_INVALID, "files is a list of 1 to %u", SRV_STREAM_FILES_MAX);
    }
    for (size_t i = 0; i < *count; i++) {
        if (!read_file(r, json_array_get(files, i), &specs[i])) {
            return false;
        }
    }
    return true;
}

/* The stream that the path names, as it is now. */
static bool load(struct http_request *r, struct srv_stream *stream)
{
    struct srv_db *db = http_db(r);
    if (db == NULL) {
        return false;
    }
    bool found = srv_db_stream_get(db, &r->arena, r->args[0], stream);
    return http_db_ok(r) &&
           (found || srv_fail(&r->err, SRV_E_NOT_FOUND, "there is no such stream"));
}

/* What the request says, done, and what the stream is then. */
static void write_stream(struct http_request *r, enum srv_command_kind kind)
{
    struct srv_file_spec specs[SRV_STREAM_FILES_MAX];
    struct srv_stream stream;
    struct srv_command c = { .kind = kind, .stream_create = { .id = r->args[0], .files = specs } };
    if (!read_files(r, specs, &c.stream_create.file_count) ||
        !http_text(r, "description", &c.stream_create.description) || !http_submit(r, &c) ||
        !load(r, &stream)) {
        return;
    }
    json_t *reply = json_object();
    set_identity(reply, stream.id, stream.version);
    http_set_text(reply, "description", stream.description);
    http_reply(r, reply);
}

/* POST /streams/ID */
static void create(struct http_request *r)
{
    write_stream(r, SRV_CMD_STREAM_CREATE);
}

/* PUT /streams/ID: other files under the same id, and the next version. */
static void update(struct http_request *r)
{
    write_stream(r, SRV_CMD_STREAM_UPDATE);
}

static json_t *files_json(const struct srv_stream *stream)
{
    json_t *files = json_array();
    for (size_t i = 0; i < stream->file_count; i++) {
        char hex[2 * SRV_DIGEST_SIZE + 1];
        http_hex(hex, stream->files[i].digest, SRV_DIGEST_SIZE);
        json_array_append_new(files, json_pack("{s:i, s:{s:s, s:s}}", "fileId", stream->files[i].id,
                                               "s3Location", "bucket", "artifacts", "key", hex));
    }
    return files;
}

static void describe(struct http_request *r)
{
    struct srv_stream stream;
    if (!load(r, &stream)) {
        return;
    }
    json_t *info = json_object();
    set_identity(info, stream.id, stream.version);
    http_set_text(info, "description", stream.description);
    http_set_time(info, "createdAt", stream.created_at_s);
    http_set_time(info, "lastUpdatedAt", stream.created_at_s);
    json_object_set_new(info, "files", files_json(&stream));
    http_reply(r, json_pack("{s:o}", "streamInfo", info));
}

const struct http_route http_routes_streams[] = {
    { "POST", "/streams/*", create, NULL },
    { "PUT", "/streams/*", update, NULL },
    { "GET", "/streams/*", describe, NULL },
    { 0 },
};
