/* Artifacts: files of which only the digest is known here. */
#include "core/srv.h"
#include "db/artifacts.h"
#include "http/request.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct upload {
    struct srv_upload *file;
    EVP_MD_CTX *digest; /* our own, to refuse a wrong one before it has a name */
};

static bool want_digest(struct http_request *r, uint8_t digest[SRV_DIGEST_SIZE])
{
    return http_unhex(r->args[0], digest, SRV_DIGEST_SIZE) ||
           srv_fail(&r->err, SRV_E_INVALID,
                    "an artifact is named by its SHA-256, in lower-case hex");
}

static json_t *artifact_json(const struct srv_artifact *artifact)
{
    char hex[2 * SRV_DIGEST_SIZE + 1];
    http_hex(hex, artifact->digest, SRV_DIGEST_SIZE);
    return json_pack("{s:s, s:I}", "digest", hex, "size", (json_int_t)artifact->size);
}

/* What the database knows and the disk has lost is not here: a deployment sends it again, and all that use it are well. */
static bool is_stored(struct http_request *r, const struct srv_artifact *artifact)
{
    int fd;
    uint64_t size;
    if (!srv_artifact_open(r->http->cfg.artifacts, artifact->digest, &fd, &size, &r->err)) {
        return false;
    }
    close(fd);
    return size == artifact->size ||
           srv_fail(&r->err, SRV_E_NOT_FOUND, "the artifact's file is damaged: send it again");
}

static void describe(struct http_request *r)
{
    uint8_t digest[SRV_DIGEST_SIZE];
    struct srv_artifact artifact;
    struct srv_db *db = want_digest(r, digest) ? http_db(r) : NULL;
    if (db == NULL) {
        return;
    }
    bool found = srv_db_artifact_get(db, digest, &artifact);
    if (http_db_ok(r) && !found) {
        srv_fail(&r->err, SRV_E_NOT_FOUND, "there is no such artifact");
    } else if (found && is_stored(r, &artifact)) {
        http_reply(r, artifact_json(&artifact));
    }
}

static bool begin(struct http_request *r)
{
    struct upload *u = calloc(1, sizeof *u);
    uint8_t digest[SRV_DIGEST_SIZE];
    if (u == NULL) {
        return srv_fail(&r->err, SRV_E_UNAVAILABLE, "no memory for an upload");
    }
    r->sink_data = u;
    u->digest = EVP_MD_CTX_new();
    if (u->digest == NULL || EVP_DigestInit_ex(u->digest, EVP_sha256(), NULL) != 1) {
        return srv_fail(&r->err, SRV_E_INTERNAL, "no digest can be computed");
    }
    return want_digest(r, digest) && srv_upload_begin(r->http->cfg.artifacts, &u->file, &r->err);
}

static bool take(struct http_request *r, struct ota_span bytes)
{
    if (r->sink_data == NULL && !begin(r)) {
        return false;
    }
    struct upload *u = r->sink_data;
    return (EVP_DigestUpdate(u->digest, bytes.ptr, bytes.len) == 1 ||
            srv_fail(&r->err, SRV_E_INTERNAL, "no digest can be computed")) &&
           srv_upload_write(u->file, bytes, &r->err);
}

static void drop(struct http_request *r)
{
    struct upload *u = r->sink_data;
    if (u == NULL) {
        return;
    }
    if (u->file != NULL) {
        srv_upload_abandon(u->file);
    }
    EVP_MD_CTX_free(u->digest);
    free(u);
    r->sink_data = NULL;
}

/* PUT /waft/v1/artifacts/DIGEST: the bytes have come. */
static void finish(struct http_request *r)
{
    uint8_t wanted[SRV_DIGEST_SIZE], got[SRV_DIGEST_SIZE];
    struct upload *u = r->sink_data;
    if (u == NULL) {
        srv_fail(&r->err, SRV_E_INVALID, "an artifact has at least one byte");
        return;
    }
    if (!want_digest(r, wanted)) {
        return;
    }
    if (EVP_DigestFinal_ex(u->digest, got, NULL) != 1 || memcmp(got, wanted, sizeof got) != 0) {
        srv_fail(&r->err, SRV_E_INVALID, "the bytes that came have another digest");
        return;
    }
    struct srv_artifact artifact;
    struct srv_upload *file = u->file;
    u->file = NULL;
    if (!srv_upload_finish(file, &artifact, &r->err)) {
        return;
    }
    struct srv_command c = { .kind = SRV_CMD_ARTIFACT_ADD,
                             .artifact_add = { .size = artifact.size } };
    memcpy(c.artifact_add.digest, artifact.digest, SRV_DIGEST_SIZE);
    if (http_submit(r, &c)) {
        http_reply(r, artifact_json(&artifact));
    }
}

static const struct http_sink upload_sink = { take, drop };

const struct http_route http_routes_artifacts[] = {
    { "GET", "/waft/v1/artifacts/*", describe, NULL },
    { "PUT", "/waft/v1/artifacts/*", finish, &upload_sink },
    { 0 },
};
