/*
 * waft deploy: an image to things, files beside it, or files alone. The deployment is signed here; the provider
 * sees the signature.
 */
#include "api.h"
#include "deployment.h"
#include "out.h"
#include "targets.h"
#include "watch.h"
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ROOM 160u
/* AWS IoT: inProgressTimeoutInMinutes is a week at most. */
#define DEADLINE_MIN_MAX 10080u

struct deployment {
    struct cli_deployment what;
    char title[OTA_VERSION_TEXT_MAX + 40u]; /* "1.4.0 and 2 files" */
    char job[OTA_JOB_ID_MAX + 1u];
    json_t *things;
    char *document;
    unsigned long long deadline_min; /* 0: none */
    unsigned long long timeout_s;    /* of our own patience; 0: none */
};

/* ---- names ---- */

static void name_title(struct deployment *d)
{
    const struct cli_deployment *what = &d->what;
    const size_t files = what->count - what->image_count;
    const char *plural = files == 1 ? "" : "s";
    if (files == 0) {
        snprintf(d->title, sizeof d->title, "%s", what->version);
    } else if (what->image_count == 0) {
        snprintf(d->title, sizeof d->title, "%zu file%s", files, plural);
    } else {
        snprintf(d->title, sizeof d->title, "%s and %zu file%s", what->version, files, plural);
    }
}

/* "v1_4_0-3f2a9c1b", "files-3f2a9c1b": says what it is, and is new each time. AWS's ids know no dots. */
static bool name_job(const struct cli_args *args, struct deployment *d, struct srv_err *err)
{
    unsigned char random[16];
    char hex[2 * sizeof random + 1];
    if (RAND_bytes(random, sizeof random) != 1) {
        return srv_fail(err, SRV_E_INTERNAL, "no random bytes for a name");
    }
    cli_hex(hex, random, sizeof random);
    snprintf(d->what.stream, sizeof d->what.stream, "AFR_OTA-%.8s-%.4s-%.4s-%.4s-%.12s", hex,
             hex + 8, hex + 12, hex + 16, hex + 20);
    const char *wanted = cli_option(args, "--job");
    if (wanted != NULL) {
        snprintf(d->job, sizeof d->job, "%s", wanted);
        return ota_job_id_ok(ota_span_of_str(wanted)) ||
               srv_fail(err, SRV_E_INVALID, "a job id is 1 to %u of a-z A-Z 0-9 _ -",
                        OTA_JOB_ID_MAX);
    }
    if (d->what.image_count > 0) {
        snprintf(d->job, sizeof d->job, "v%s-%.8s", d->what.version, hex);
    } else {
        snprintf(d->job, sizeof d->job, "files-%.8s", hex);
    }
    for (char *c = d->job; *c != '\0'; c++) {
        *c = *c == '.' || *c == '+' ? '_' : *c;
    }
    return true;
}

static bool read_protocol(const char *text, enum cli_protocol *protocol)
{
    static const struct {
        const char *word;
        enum cli_protocol protocol;
    } words[] = { { "mqtt", CLI_PROTOCOL_MQTT },
                  { "http", CLI_PROTOCOL_HTTP },
                  { "both", CLI_PROTOCOL_BOTH } };
    *protocol = 0; /* not said */
    for (size_t i = 0; text != NULL && i < sizeof words / sizeof words[0]; i++) {
        *protocol = strcmp(text, words[i].word) == 0 ? words[i].protocol : *protocol;
    }
    return text == NULL || *protocol != 0;
}

/* ---- at the provider ---- */

/* Over MQTT every device is there already; HTTPS it reaches if the operator has said where. */
static bool choose_protocol(struct cli_api *api, struct cli_deployment *what)
{
    if (what->protocol != 0) {
        return true;
    }
    json_t *status = cli_call(api, "GET", NULL, "/waft/v1/status");
    if (status == NULL) {
        return false;
    }
    what->protocol =
        cli_text(status, "downloadUrl")[0] != '\0' ? CLI_PROTOCOL_BOTH : CLI_PROTOCOL_MQTT;
    json_decref(status);
    return true;
}

/* What stands in it decides whether it can be sent at all: names of files may be any bytes. */
static bool write_document(struct cli_api *api, struct deployment *d, const struct cli_args *args)
{
    const char *certfile = cli_option(args, "--certfile");
    d->document = cli_deployment_document(&d->what, certfile != NULL ? certfile : "deployment");
    if (d->document == NULL) {
        api->code = cli_fail(CLI_FAILED, NULL,
                             "a job document is UTF-8: the name of a file, or --certfile, is not");
    } else if (strlen(d->document) > OTA_JOB_DOCUMENT_MAX) {
        api->code = cli_fail(CLI_FAILED, "several deployments, or shorter names of files, fit",
                             "the job document would have %zu bytes, of %u at most",
                             strlen(d->document), OTA_JOB_DOCUMENT_MAX);
    } else {
        return true;
    }
    return false;
}

/* What the provider would refuse at the end is asked first, so that no artifact and stream are left over. */
static bool can_be_made(struct cli_api *api, const struct deployment *d, const char *wanted)
{
    json_t *there = wanted != NULL ? cli_find(api, "/jobs/%s", wanted) : NULL;
    if (there != NULL) {
        json_decref(there);
        api->code = cli_fail(CLI_FAILED, "a job's id is used once: choose another with --job",
                             "the job %s exists already", wanted);
        return false;
    }
    return (wanted == NULL || api->status == 404) && cli_targets_check(api, d->things);
}

static bool have_artifact(struct cli_api *api, const struct cli_artifact *a)
{
    json_t *there = cli_find(api, "/waft/v1/artifacts/%s", a->file_hex);
    bool found = there != NULL;
    json_decref(there);
    if (found || api->status != 404) {
        return found;
    }
    char path[NAME_ROOM];
    snprintf(path, sizeof path, "/waft/v1/artifacts/%s", a->file_hex);
    return cli_upload(api, path, a->image.bytes, a->image.size, true);
}

static bool have_artifacts(struct cli_api *api, const struct cli_deployment *what)
{
    for (size_t i = 0; i < what->count; i++) {
        if (!have_artifact(api, &what->artifacts[i])) {
            return false;
        }
    }
    return true;
}

static bool make_stream(struct cli_api *api, const struct cli_deployment *what)
{
    if ((what->protocol & CLI_PROTOCOL_MQTT) == 0) {
        return true;
    }
    json_t *files = json_array();
    for (size_t i = 0; i < what->count; i++) {
        json_array_append_new(files, json_pack("{s:I, s:{s:s, s:s}}", "fileId", (json_int_t)i,
                                               "s3Location", "bucket", "artifacts", "key",
                                               what->artifacts[i].file_hex));
    }
    json_t *answer =
        cli_call(api, "POST", json_pack("{s:o}", "files", files), "/streams/%s", what->stream);
    bool ok = answer != NULL;
    json_decref(answer);
    return ok;
}

static bool make_job(struct cli_api *api, const struct deployment *d)
{
    char description[NAME_ROOM];
    snprintf(description, sizeof description, "update to %s", d->title);
    json_t *body = json_pack("{s:O, s:s, s:s, s:s}", "targets", d->things, "targetSelection",
                             "SNAPSHOT", "description", description, "document", d->document);
    if (d->deadline_min > 0) {
        json_object_set_new(
            body, "timeoutConfig",
            json_pack("{s:I}", "inProgressTimeoutInMinutes", (json_int_t)d->deadline_min));
    }
    json_t *answer = cli_call(api, "PUT", body, "/jobs/%s", d->job);
    bool ok = answer != NULL;
    json_decref(answer);
    return ok;
}

static enum cli_exit deploy(struct cli_api *api, struct deployment *d, const struct cli_args *args)
{
    if (!choose_protocol(api, &d->what) || !write_document(api, d, args) ||
        !can_be_made(api, d, cli_option(args, "--job")) || !have_artifacts(api, &d->what) ||
        !make_stream(api, &d->what) || !make_job(api, d)) {
        return api->code;
    }
    bool wait = cli_option(args, "--wait") != NULL;
    if (wait || args->format == CLI_TABLE) {
        fprintf(wait ? stderr : stdout, "job %s: %s to %zu thing%s\n", d->job, d->title,
                json_array_size(d->things), json_array_size(d->things) == 1 ? "" : "s");
    }
    if (!wait) {
        if (args->format == CLI_TABLE) {
            printf("      `waft job watch %s` shows how it goes\n", d->job);
            return CLI_OK;
        }
        static const struct cli_column columns[] = { { "jobId", "JOB", CLI_TEXT },
                                                     { "streamId", "STREAM", CLI_TEXT } };
        bool stream = (d->what.protocol & CLI_PROTOCOL_MQTT) != 0;
        struct cli_table t;
        cli_table_begin(&t, columns, 2);
        cli_table_add(&t, (const char *const[]){ d->job, stream ? d->what.stream : NULL });
        cli_table_print_one(&t, args->format);
        cli_table_end(&t);
        return CLI_OK;
    }
    enum cli_exit code = cli_watch(api, d->job, (unsigned)d->timeout_s);
    if (code == CLI_OK || code == CLI_UPDATE_BAD) {
        enum cli_exit printed = cli_print_executions(api, d->job, args->format);
        code = printed != CLI_OK ? printed : code;
    }
    return code;
}

static enum cli_exit run(const struct cli_args *args)
{
    struct deployment d = { 0 };
    if (!cli_number("--timeout", cli_option(args, "--timeout"), 1, 1000000, &d.timeout_s) ||
        !cli_number("--deadline", cli_option(args, "--deadline"), 1, DEADLINE_MIN_MAX,
                    &d.deadline_min)) {
        return CLI_USAGE;
    }
    enum cli_protocol protocol;
    if (!read_protocol(cli_option(args, "--protocol"), &protocol)) {
        return cli_fail(CLI_USAGE, NULL, "--protocol is mqtt, http or both");
    }
    if (!cli_deployment_is_named(args)) {
        return cli_fail(CLI_USAGE, NULL,
                        "name one IMAGE, or one for each slot: --slot-a FILE --slot-b FILE; or "
                        "only files: --file TYPE:PATH");
    }
    struct srv_err err = { 0 };
    enum cli_exit code = CLI_FAILED;
    if (!cli_deployment_read(args, &d.what, &err) || !name_job(args, &d, &err) ||
        (d.things = cli_targets_read(args, &err)) == NULL) {
        cli_fail(code, NULL, "%s", err.text);
    } else {
        struct cli_api api;
        d.what.protocol = protocol;
        name_title(&d);
        code = cli_api_begin(&api) ? deploy(&api, &d, args) : api.code;
        cli_api_end(&api);
    }
    json_decref(d.things);
    free(d.document);
    cli_deployment_end(&d.what);
    return code;
}

static const struct cli_option options[] = {
    { "--to", "THING[,THING...]", "which things", CLI_SOME },
    { "--key", "FILE", "private deployment key, PEM; it stays here", CLI_REQUIRED },
    { "--slot-a", "FILE", "the image for slot A, if images are linked for their slot", CLI_ONCE },
    { "--slot-b", "FILE", "the image for slot B of the same release", CLI_ONCE },
    { "--file", "TYPE:PATH",
      "data besides, for whatever on the devices handles files of this type, 1 to 255; all files "
      "are taken or none",
      CLI_REPEATED },
    { "--wait", NULL, "show how it goes until it has ended; the exit code says how", CLI_ONCE },
    { "--timeout", "SECONDS", "stop waiting after this long; exit code 4, and the job goes on",
      CLI_ONCE },
    { "--deadline", "MINUTES",
      "per thing, from when it has begun (1 to 10080; default: none): then it is TIMED_OUT, and "
      "the device, which hears of it, gives up",
      CLI_ONCE },
    { "--job", "ID", "the job's id (default: made of the version)", CLI_ONCE },
    { "--protocol", "mqtt|http|both",
      "how the devices may fetch it (default: mqtt; both, if waftd was given --download-url)",
      CLI_ONCE },
    { "--certfile", "NAME", "name of the deployment key on devices that have several", CLI_ONCE },
    { "--unchecked", NULL, "deploy an image whose digest is wrong (for tests of devices)",
      CLI_ONCE },
    { 0 },
};

const struct cli_command cli_deploy = {
    .noun = "deploy",
    .operands = "[IMAGE]",
    .operand_min = 0,
    .operand_max = 1,
    .summary = "update things to an image, with files beside it or to files alone",
    .example = "waft deploy 1.1.0.img --to lamp-1,lamp-2 --key deploy --wait",
    .options = options,
    .run = run,
};
