/* waft deploy: an image to things. The deployment is signed here; the provider sees the signature. */
#include "api.h"
#include "image_file.h"
#include "keys.h"
#include "ota/base64.h"
#include "ota/wire.h"
#include "out.h"
#include "watch.h"
#include <libgen.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM 160u

struct deployment {
    struct cli_image image;
    struct cli_signature signature;
    const char *path;
    char file_hex[2 * OTA_DIGEST_SIZE + 1], image_hex[2 * OTA_DIGEST_SIZE + 1];
    char version[OTA_VERSION_TEXT_MAX + 1u];
    char job[OTA_JOB_ID_MAX + 1u], stream[OTA_STREAM_ID_MAX + 1u];
    json_t *things;
};

/* ---- what is deployed ---- */

static bool load(const struct cli_args *args, struct deployment *d, struct srv_err *err)
{
    d->path = cli_operand(args, 0);
    if (!cli_image_read(d->path, &d->image, err)) {
        return false;
    }
    if (memcmp(d->image.digest, d->image.image.digest, OTA_DIGEST_SIZE) != 0 &&
        cli_option(args, "--unchecked") == NULL) {
        return srv_fail(err, SRV_E_INVALID,
                        "%s is damaged: its bytes are not those that were signed", d->path);
    }
    EVP_PKEY *key = cli_key_read_private(cli_option(args, "--key"), err);
    bool ok = key != NULL && cli_sign_digest(key, d->image.file_digest, &d->signature, err);
    EVP_PKEY_free(key);
    cli_hex(d->file_hex, d->image.file_digest, OTA_DIGEST_SIZE);
    cli_hex(d->image_hex, d->image.image.digest, OTA_DIGEST_SIZE);
    cli_version_print(d->version, d->image.image.header.version);
    return ok;
}

/* "v1_4_0-3f2a9c1b": says what it is, and is new each time. AWS's ids know no dots. */
static bool name_job(const struct cli_args *args, struct deployment *d, struct srv_err *err)
{
    unsigned char random[16];
    char hex[2 * sizeof random + 1];
    if (RAND_bytes(random, sizeof random) != 1) {
        return srv_fail(err, SRV_E_INTERNAL, "no random bytes for a name");
    }
    cli_hex(hex, random, sizeof random);
    snprintf(d->stream, sizeof d->stream, "AFR_OTA-%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
             hex + 12, hex + 16, hex + 20);
    const char *wanted = cli_option(args, "--job");
    if (wanted != NULL) {
        snprintf(d->job, sizeof d->job, "%s", wanted);
        return ota_job_id_ok(ota_span_of_str(wanted)) ||
               srv_fail(err, SRV_E_INVALID, "a job id is 1 to %u of a-z A-Z 0-9 _ -",
                        OTA_JOB_ID_MAX);
    }
    snprintf(d->job, sizeof d->job, "v%s-%.8s", d->version, hex);
    for (char *c = d->job; *c != '\0'; c++) {
        *c = *c == '.' || *c == '+' ? '_' : *c;
    }
    return true;
}

/* --to a,b --to c */
static bool read_things(const struct cli_args *args, struct deployment *d, struct srv_err *err)
{
    const char *list = NULL;
    d->things = json_array();
    for (size_t i = 0; (list = cli_option_at(args, "--to", i)) != NULL; i++) {
        for (const char *at = list;; at++) {
            size_t len = strcspn(at, ",");
            struct ota_span name = { (const uint8_t *)at, len };
            if (!ota_thing_name_ok(name)) {
                return srv_fail(err, SRV_E_INVALID, "--to %.60s: %.*s is no thing name", list,
                                len < 40 ? (int)len : 40, at);
            }
            json_array_append_new(d->things, json_stringn(at, len));
            at += len;
            if (*at == '\0') {
                break;
            }
        }
    }
    return true;
}

/* ---- the job document: AWS's, and our advice beside it ---- */

static json_t *document_file(const struct deployment *d, const char *certfile)
{
    uint8_t room[OTA_BASE64_SIZE(CLI_SIGNATURE_MAX)];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_base64_write(&w, (struct ota_span){ d->signature.der, d->signature.len });
    struct ota_span base64 = ota_writer_done(&w);
    char path[1024];
    snprintf(path, sizeof path, "%s", d->path);
    return json_pack("{s:s, s:I, s:i, s:s, s:i, s:s%}", "filepath", basename(path), "filesize",
                     (json_int_t)d->image.size, "fileid", 0, "certfile", certfile, "fileType", 0,
                     "sig-sha256-ecdsa", base64.ptr, base64.len);
}

static json_t *document_advice(const struct deployment *d)
{
    const struct ota_image *image = &d->image.image;
    char class_id[37];
    cli_uuid_print(class_id, image->class_id);
    return json_pack("{s:i, s:s, s:s, s:s, s:[i, i], s:I}", "v", 1, "version", d->version, "digest",
                     d->image_hex, "class", class_id, "hw", image->hw_min, image->hw_max, "counter",
                     (json_int_t)image->counter);
}

static char *document_text(const struct deployment *d, const char *certfile)
{
    json_t *document =
        json_pack("{s:{s:[s], s:s, s:[o]}, s:o}", "afr_ota", "protocols", "MQTT", "streamname",
                  d->stream, "files", document_file(d, certfile), "waft", document_advice(d));
    char *text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    return text;
}

/* ---- at the provider ---- */

static bool have_artifact(struct cli_api *api, const struct deployment *d)
{
    json_t *there = cli_find(api, "/waft/v1/artifacts/%s", d->file_hex);
    bool found = there != NULL;
    json_decref(there);
    if (found || api->status != 404) {
        return found;
    }
    char path[NAME_ROOM];
    snprintf(path, sizeof path, "/waft/v1/artifacts/%s", d->file_hex);
    return cli_upload(api, path, d->image.bytes, d->image.size, true);
}

static bool make_stream(struct cli_api *api, const struct deployment *d)
{
    json_t *body = json_pack("{s:[{s:i, s:{s:s, s:s}}]}", "files", "fileId", 0, "s3Location",
                             "bucket", "artifacts", "key", d->file_hex);
    json_t *answer = cli_call(api, "POST", body, "/streams/%s", d->stream);
    bool ok = answer != NULL;
    json_decref(answer);
    return ok;
}

static bool make_job(struct cli_api *api, const struct deployment *d, const struct cli_args *args)
{
    const char *certfile = cli_option(args, "--certfile");
    char description[NAME_ROOM];
    snprintf(description, sizeof description, "update to %s", d->version);
    char *document = document_text(d, certfile != NULL ? certfile : "deployment");
    json_t *body =
        json_pack("{s:O, s:s, s:s, s:s}", "targets", d->things, "targetSelection", "SNAPSHOT",
                  "description", description, "document", document != NULL ? document : "");
    free(document);
    json_t *answer = cli_call(api, "PUT", body, "/jobs/%s", d->job);
    bool ok = answer != NULL;
    json_decref(answer);
    return ok;
}

static enum cli_exit deploy(struct cli_api *api, const struct deployment *d,
                            const struct cli_args *args, unsigned timeout_s)
{
    if (!have_artifact(api, d) || !make_stream(api, d) || !make_job(api, d, args)) {
        return api->code;
    }
    bool wait = cli_option(args, "--wait") != NULL;
    if (wait || args->format == CLI_TABLE) {
        fprintf(wait ? stderr : stdout, "job %s: %s to %zu thing%s\n", d->job, d->version,
                json_array_size(d->things), json_array_size(d->things) == 1 ? "" : "s");
    }
    if (!wait) {
        if (args->format == CLI_TABLE) {
            printf("      `waft job watch %s` shows how it goes\n", d->job);
            return CLI_OK;
        }
        static const struct cli_column columns[] = { { "jobId", "JOB", CLI_TEXT },
                                                     { "streamId", "STREAM", CLI_TEXT } };
        struct cli_table t;
        cli_table_begin(&t, columns, 2);
        cli_table_add(&t, (const char *const[]){ d->job, d->stream });
        cli_table_print_one(&t, args->format);
        cli_table_end(&t);
        return CLI_OK;
    }
    enum cli_exit code = cli_watch(api, d->job, timeout_s);
    if (code == CLI_OK || code == CLI_UPDATE_BAD) {
        enum cli_exit printed = cli_print_executions(api, d->job, args->format);
        code = printed != CLI_OK ? printed : code;
    }
    return code;
}

static enum cli_exit run(const struct cli_args *args)
{
    unsigned long long timeout = 0;
    if (!cli_number("--timeout", cli_option(args, "--timeout"), 1000000, &timeout)) {
        return CLI_USAGE;
    }
    if (cli_option(args, "--to") == NULL) {
        return cli_fail(CLI_USAGE, NULL, "--to THING[,THING...] is missing");
    }
    struct deployment d = { 0 };
    struct srv_err err = { 0 };
    enum cli_exit code = CLI_FAILED;
    if (!load(args, &d, &err) || !name_job(args, &d, &err) || !read_things(args, &d, &err)) {
        cli_fail(code, NULL, "%s", err.text);
    } else {
        struct cli_api api;
        code = cli_api_begin(&api) ? deploy(&api, &d, args, (unsigned)timeout) : api.code;
        cli_api_end(&api);
    }
    json_decref(d.things);
    cli_image_end(&d.image);
    return code;
}

static const struct cli_option options[] = {
    { "--to", "THING[,THING...]", "which things", CLI_REPEATED },
    { "--key", "FILE", "private deployment key, PEM; it stays here", CLI_REQUIRED },
    { "--wait", NULL, "show how it goes until it has ended; the exit code says how", CLI_ONCE },
    { "--timeout", "SECONDS", "stop waiting after this long; exit code 4", CLI_ONCE },
    { "--job", "ID", "the job's id (default: made of the version)", CLI_ONCE },
    { "--certfile", "NAME", "name of the deployment key on devices that have several", CLI_ONCE },
    { "--unchecked", NULL, "deploy an image whose digest is wrong (for tests of devices)",
      CLI_ONCE },
    { 0 },
};

const struct cli_command cli_deploy = {
    .noun = "deploy",
    .operands = "IMAGE",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "update things to an image",
    .options = options,
    .run = run,
};
