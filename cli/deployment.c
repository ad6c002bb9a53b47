#include "deployment.h"
#include "base/file.h"
#include "ota/base64.h"
#include "out.h"
#include "posix_board.h"
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- one file ---- */

static bool read_data(struct cli_artifact *a, struct srv_err *err)
{
    struct cli_image *file = &a->image;
    if (!srv_file_read(a->path, CLI_IMAGE_MAX, &file->bytes, &file->size, err)) {
        return false;
    }
    cli_sha256(file->bytes, file->size, file->file_digest);
    return file->size > 0 || srv_fail(err, SRV_E_INVALID, "%s is empty", a->path);
}

static bool read_image(struct cli_artifact *a, const struct cli_args *args, struct srv_err *err)
{
    if (!cli_image_read(a->path, &a->image, err)) {
        return false;
    }
    if (memcmp(a->image.digest, a->image.image.digest, OTA_DIGEST_SIZE) != 0 &&
        cli_option(args, "--unchecked") == NULL) {
        return srv_fail(err, SRV_E_INVALID,
                        "%s is damaged: its bytes are not those that were signed", a->path);
    }
    cli_hex(a->image_hex, a->image.image.digest, OTA_DIGEST_SIZE);
    return true;
}

static bool read_artifact(struct cli_artifact *a, const struct cli_args *args, EVP_PKEY *key,
                          struct srv_err *err)
{
    if (!(a->type == CLI_TYPE_IMAGE ? read_image(a, args, err) : read_data(a, err))) {
        return false;
    }
    cli_hex(a->file_hex, a->image.file_digest, OTA_DIGEST_SIZE);
    return cli_sign_digest(key, a->image.file_digest, &a->signature, err);
}

/* ---- a pair, linked for the two slots ---- */

static bool same_release(const struct ota_image *a, const struct ota_image *b)
{
    return ota_version_compare(a->header.version, b->header.version) == 0 &&
           a->counter == b->counter && a->hw_min == b->hw_min && a->hw_max == b->hw_max &&
           memcmp(a->vendor, b->vendor, OTA_UUID_SIZE) == 0 &&
           memcmp(a->class_id, b->class_id, OTA_UUID_SIZE) == 0;
}

/* Where slots are is the device's affair; but of the layout that `waft factory` makes we know it. */
static bool swapped(const struct ota_image *a, const struct ota_image *b)
{
    return a->header.load_address == posix_board_layout.slot[OTA_SLOT_B].offset ||
           b->header.load_address == posix_board_layout.slot[OTA_SLOT_A].offset;
}

static bool check_pair(const struct cli_artifact *a, const struct cli_artifact *b,
                       struct srv_err *err)
{
    const struct ota_image *ia = &a->image.image, *ib = &b->image.image;
    for (const struct cli_artifact *one = a; one != NULL; one = one == a ? b : NULL) {
        if ((one->image.image.header.flags & OTA_IMAGE_FLAG_ROM_FIXED) == 0) {
            return srv_fail(
                err, SRV_E_INVALID,
                "%s is linked for no slot: sign it with --load-address, or deploy it alone",
                one->path);
        }
    }
    if (ia->header.load_address == ib->header.load_address) {
        return srv_fail(err, SRV_E_INVALID, "%s and %s are linked for the same slot", a->path,
                        b->path);
    }
    if (swapped(ia, ib)) {
        return srv_fail(err, SRV_E_INVALID, "%s and %s are linked for the other slots: swap them",
                        a->path, b->path);
    }
    return same_release(ia, ib) ||
           srv_fail(err, SRV_E_INVALID,
                    "%s and %s are not one release: version, vendor, class, hardware and counter "
                    "must be the same",
                    a->path, b->path);
}

/* ---- all ---- */

static void name_images(const struct cli_args *args, struct cli_deployment *d)
{
    const struct cli_artifact named[] = {
        { .path = cli_operand(args, 0) },
        { .path = cli_option(args, "--slot-a"), .slot = "A" },
        { .path = cli_option(args, "--slot-b"), .slot = "B" },
    };
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        if (named[i].path != NULL) {
            d->artifacts[d->count++] = named[i];
        }
    }
    d->image_count = d->count;
}

/* "TYPE:PATH" */
static bool read_file_name(const char *text, struct cli_artifact *a, struct srv_err *err)
{
    char *end;
    const unsigned long type = strtoul(text, &end, 10);
    *a = (struct cli_artifact){ .type = (uint8_t)type, .path = end + 1 };
    return (text[0] >= '0' && text[0] <= '9' && *end == ':' && end[1] != '\0' &&
            type != CLI_TYPE_IMAGE && type <= UINT8_MAX) ||
           srv_fail(err, SRV_E_INVALID,
                    "--file wants TYPE:PATH, the type 1 to 255 (images are named without one), not "
                    "%.60s",
                    text);
}

static bool name_files(const struct cli_args *args, struct cli_deployment *d, struct srv_err *err)
{
    const char *text;
    for (size_t i = 0; (text = cli_option_at(args, "--file", i)) != NULL; i++) {
        if (d->count == OTA_FILES_MAX) {
            return srv_fail(err, SRV_E_LIMIT, "a deployment has at most %u files", OTA_FILES_MAX);
        }
        if (!read_file_name(text, &d->artifacts[d->count++], err)) {
            return false;
        }
    }
    return true;
}

bool cli_deployment_is_named(const struct cli_args *args)
{
    const bool a = cli_option(args, "--slot-a") != NULL, b = cli_option(args, "--slot-b") != NULL;
    const bool file = cli_option(args, "--file") != NULL;
    return cli_operand(args, 0) != NULL ? !a && !b : a == b && (a || file);
}

bool cli_deployment_read(const struct cli_args *args, struct cli_deployment *d, struct srv_err *err)
{
    *d = (struct cli_deployment){ 0 };
    name_images(args, d);
    if (!name_files(args, d, err)) {
        return false;
    }
    EVP_PKEY *key = cli_key_read_private(cli_option(args, "--key"), CLI_KEY_OTHER, err);
    bool ok = key != NULL;
    for (size_t i = 0; ok && i < d->count; i++) {
        ok = read_artifact(&d->artifacts[i], args, key, err);
    }
    EVP_PKEY_free(key);
    if (ok && d->image_count == 2) {
        ok = check_pair(&d->artifacts[0], &d->artifacts[1], err);
    }
    if (ok && d->image_count > 0) {
        cli_version_print(d->version, d->artifacts[0].image.image.header.version);
    }
    return ok;
}

void cli_deployment_end(struct cli_deployment *d)
{
    for (size_t i = 0; i < d->count; i++) {
        cli_image_end(&d->artifacts[i].image);
    }
}

/* ---- the job document ---- */

/* The provider puts a URL of the thing's own in the placeholder's place. */
static void add_url(json_t *file, const struct cli_artifact *a)
{
    char placeholder[160];
    snprintf(placeholder, sizeof placeholder,
             "${aws:iot:s3-presigned-url:https://s3.amazonaws.com/artifacts/%s}", a->file_hex);
    json_object_set_new(file, "update_data_url", json_string(placeholder));
    json_object_set_new(file, "auth_scheme", json_string("aws.s3.presigned"));
}

/* NULL: a text in it is not UTF-8. */
static json_t *file_json(const struct cli_artifact *a, size_t id, const char *certfile)
{
    uint8_t room[OTA_BASE64_SIZE(CLI_SIGNATURE_MAX)];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_base64_write(&w, (struct ota_span){ a->signature.der, a->signature.len });
    struct ota_span base64 = ota_writer_done(&w);
    char path[1024];
    snprintf(path, sizeof path, "%s", a->path);
    return json_pack("{s:s, s:I, s:I, s:s, s:i, s:s%}", "filepath", basename(path), "filesize",
                     (json_int_t)a->image.size, "fileid", (json_int_t)id, "certfile", certfile,
                     "fileType", a->type, "sig-sha256-ecdsa", base64.ptr, base64.len);
}

/* Linked for the slots, one release is images with a digest each; else the release has the digest. */
static void add_images(json_t *advice, const struct cli_deployment *d)
{
    if (d->image_count == 1) {
        json_object_set_new(advice, "digest", json_string(d->artifacts[0].image_hex));
        return;
    }
    json_t *sources = json_array();
    for (size_t i = 0; i < d->image_count; i++) {
        const struct cli_artifact *a = &d->artifacts[i];
        json_array_append_new(sources, json_pack("{s:s, s:I, s:s}", "slot", a->slot, "fileid",
                                                 (json_int_t)i, "digest", a->image_hex));
    }
    json_object_set_new(advice, "sources", sources);
}

static json_t *advice_json(const struct cli_deployment *d)
{
    const struct ota_image *image = &d->artifacts[0].image.image;
    char class_id[37];
    cli_uuid_print(class_id, image->class_id);
    json_t *advice = json_pack("{s:i, s:s, s:s, s:[i, i], s:I}", "v", 1, "version", d->version,
                               "class", class_id, "hw", image->hw_min, image->hw_max, "counter",
                               (json_int_t)image->counter);
    add_images(advice, d);
    return advice;
}

char *cli_deployment_document(const struct cli_deployment *d, const char *certfile)
{
    json_t *files = json_array(), *protocols = json_array();
    bool all = true;
    for (size_t i = 0; i < d->count; i++) {
        json_t *file = file_json(&d->artifacts[i], i, certfile);
        if ((d->protocol & CLI_PROTOCOL_HTTP) != 0) {
            add_url(file, &d->artifacts[i]);
        }
        all = json_array_append_new(files, file) == 0 && all;
    }
    json_t *afr_ota = json_pack("{s:o}", "protocols", protocols);
    if ((d->protocol & CLI_PROTOCOL_MQTT) != 0) {
        json_array_append_new(protocols, json_string("MQTT"));
        json_object_set_new(afr_ota, "streamname", json_string(d->stream));
    }
    if ((d->protocol & CLI_PROTOCOL_HTTP) != 0) {
        json_array_append_new(protocols, json_string("HTTP"));
    }
    json_object_set_new(afr_ota, "files", files);
    json_t *document = json_pack("{s:o}", "afr_ota", afr_ota);
    if (d->image_count > 0) {
        json_object_set_new(document, "waft", advice_json(d));
    }
    char *text = document != NULL && all ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    return text;
}
