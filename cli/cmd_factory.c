/* waft factory: what a device's flash holds when it leaves the factory, as one file. */
#include "anchors.h"
#include "base/file.h"
#include "cli.h"
#include "image_file.h"
#include "ota/store_trust.h"
#include "out.h"
#include "posix_board.h"
#include "posix_flash.h"
#include "posix_identity.h"
#include "psa_port.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEM_MAX   (16u * 1024u)
#define CHUNK     4096u
#define PATH_ROOM 1024u

struct device {
    struct cli_image image;
    struct ota_trust trust;
    uint32_t counter;
    char *key, *cert, *ca; /* PEM */
    struct posix_identity identity;
};

/* ---- what goes in ---- */

static bool read_file(char **text, const char *dir, const char *name, const char *ending,
                      struct srv_err *err)
{
    char path[PATH_ROOM];
    int n = snprintf(path, sizeof path, "%s/%s%s", dir, name, ending);
    if (n < 0 || (size_t)n >= sizeof path) {
        return srv_fail(err, SRV_E_INVALID, "the path of %s is too long", name);
    }
    return srv_file_read(path, PEM_MAX, text, NULL, err);
}

static bool read_identity(const struct cli_args *args, struct device *d, struct srv_err *err)
{
    const char *thing = cli_option(args, "--thing"), *dir = cli_option(args, "--dir");
    const char *root = cli_option(args, "--topic-root");
    dir = dir != NULL ? dir : ".";
    if (!ota_thing_name_ok(ota_span_of_str(thing))) {
        return srv_fail(err, SRV_E_INVALID, "a thing name is 1 to 128 of a-z A-Z 0-9 : _ -");
    }
    if (root != NULL && !ota_topic_root_ok(ota_span_of_str(root))) {
        return srv_fail(err, SRV_E_INVALID, "%.40s cannot be a topic root", root);
    }
    if (!read_file(&d->key, dir, thing, ".key", err) ||
        !read_file(&d->cert, dir, thing, ".crt", err) ||
        !read_file(&d->ca, dir, "ca.crt", "", err)) {
        return false;
    }
    d->identity = (struct posix_identity){
        .thing = ota_span_of_str(thing),
        .key_pem = ota_span_of_str(d->key),
        .cert_pem = ota_span_of_str(d->cert),
        .ca_pem = ota_span_of_str(d->ca),
        .topic_root = root != NULL ? ota_span_of_str(root) : OTA_SPAN_NONE,
    };
    return true;
}

static bool read_device(const struct cli_args *args, struct device *d, struct srv_err *err)
{
    return cli_image_read(cli_operand(args, 0), &d->image, err) &&
           cli_anchors_read(args, "--release-key", CLI_KEY_RELEASE, d->trust.release,
                            &d->trust.release_count, err) &&
           cli_anchors_read(args, "--deployment-key", CLI_KEY_OTHER, d->trust.deployment,
                            &d->trust.deployment_count, err) &&
           cli_device_read(args, &d->image.image, &d->trust, err) && read_identity(args, d, err);
}

static void end(struct device *d)
{
    cli_image_end(&d->image);
    free(d->key);
    free(d->cert);
    free(d->ca);
}

/* ---- what comes out ---- */

static ota_err_t write_image(struct ota_store *store, const struct cli_image *image)
{
    ota_err_t why = OTA_OK;
    for (size_t at = 0; why == OTA_OK && at < image->size; at += CHUNK) {
        size_t len = image->size - at < CHUNK ? image->size - at : CHUNK;
        struct ota_span chunk = { (const uint8_t *)image->bytes + at, len };
        why = ota_store_write(store, OTA_SLOT_A, (uint32_t)at, chunk);
    }
    return why;
}

/* As the bootloader will: from flash, with the device's own trust. */
static ota_err_t verify(struct ota_store *store, const struct device *d, struct ota_crypto *crypto)
{
    struct ota_verify_cfg cfg = {
        .flash = store->flash,
        .crypto = crypto,
        .trust = &d->trust,
        .where = ota_store_image_region(store, OTA_SLOT_A),
        .counter_min = d->counter,
    };
    struct ota_verify v;
    const struct ota_verified_image *done = NULL;
    ota_verify_begin(&v, &cfg);
    ota_err_t why = OTA_OK;
    while (why == OTA_OK && done == NULL) {
        why = ota_verify_step(&v, CHUNK, &done);
    }
    return why;
}

static ota_err_t write_records(struct ota_store *store, const struct device *d)
{
    uint8_t room[POSIX_IDENTITY_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    posix_identity_write(&w, &d->identity);
    struct ota_span record = ota_writer_done(&w);
    ota_err_t why = record.len > 0 ? ota_store_identity_write(store, record) : OTA_E_NO_ROOM;
    why = why == OTA_OK ? ota_store_trust_write(store, &d->trust) : why;
    return why == OTA_OK ? ota_store_counter_raise(store, d->counter) : why;
}

/* The marks come last: what makes the slot bootable is written when all else is there. */
static ota_err_t fill(struct posix_flash *flash, const struct device *d)
{
    struct ota_store store;
    struct psa_port crypto;
    ota_err_t why = psa_port_init(&crypto, NULL);
    why = why == OTA_OK ? ota_store_open(&store, &flash->base, &posix_board_layout) : why;
    why = why == OTA_OK ? write_records(&store, d) : why;
    why = why == OTA_OK ? write_image(&store, &d->image) : why;
    why = why == OTA_OK ? verify(&store, d, &crypto.base) : why;
    return why == OTA_OK ? ota_store_mark_factory(&store, OTA_SLOT_A) : why;
}

static enum cli_exit make(const char *path, const struct device *d)
{
    struct posix_flash flash;
    enum posix_flash_result result = posix_flash_create(&flash, path, &posix_board_flash);
    if (result != POSIX_FLASH_OK) {
        return cli_fail(CLI_FAILED, result == POSIX_FLASH_EXISTS ? "choose another file" : NULL,
                        "%s: %s%s%s", path, posix_flash_result_text(result),
                        result == POSIX_FLASH_IO ? ": " : "",
                        result == POSIX_FLASH_IO ? strerror(errno) : "");
    }
    ota_err_t why = fill(&flash, d);
    posix_flash_close(&flash);
    if (why != OTA_OK) {
        unlink(path);
        return cli_fail(CLI_FAILED, NULL, "no device could run this: %s (%s)", ota_err_text(why),
                        ota_err_name(why));
    }
    return CLI_OK;
}

static void print_result(const char *path, const struct device *d, enum cli_format format)
{
    static const struct cli_column columns[] = {
        { "flash", "flash", CLI_TEXT },
        { "thing", "thing", CLI_TEXT },
        { "version", "slot A", CLI_TEXT },
        { "releaseKeys", "release keys", CLI_NUMBER },
        { "deploymentKeys", "deployment keys", CLI_NUMBER },
        { "counter", "security counter", CLI_NUMBER },
    };
    char version[OTA_VERSION_TEXT_MAX + 1u], thing[OTA_THING_NAME_MAX + 1u], counter[16];
    cli_version_print(version, d->image.image.header.version);
    snprintf(thing, sizeof thing, "%.*s", (int)d->identity.thing.len,
             (const char *)d->identity.thing.ptr);
    snprintf(counter, sizeof counter, "%u", d->counter);
    const char release[] = { (char)('0' + d->trust.release_count), '\0' };
    const char deployment[] = { (char)('0' + d->trust.deployment_count), '\0' };
    struct cli_table t;
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t, (const char *const[]){ path, thing, version, release, deployment, counter });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
}

static enum cli_exit run(const struct cli_args *args)
{
    struct device d = { 0 };
    struct srv_err err = { 0 };
    unsigned long long counter = 0;
    const char *out = cli_option(args, "--out");
    if (!cli_number("--counter", cli_option(args, "--counter"), 0, UINT32_MAX, &counter)) {
        return CLI_USAGE;
    }
    if (!read_device(args, &d, &err)) {
        end(&d);
        return cli_fail(CLI_FAILED, "`waft thing create` makes the identity", "%s", err.text);
    }
    d.counter = cli_option(args, "--counter") != NULL ? (uint32_t)counter : d.image.image.counter;
    enum cli_exit code = make(out, &d);
    if (code == CLI_OK) {
        print_result(out, &d, args->format);
    }
    end(&d);
    return code;
}

static const struct cli_option options[] = {
    { "--out", "FILE", "the flash file; it holds the device's private key", CLI_REQUIRED },
    { "--thing", "NAME", "the device; NAME.key, NAME.crt and ca.crt are read", CLI_REQUIRED },
    { "--dir", "DIR", "where `waft thing create` has put them (default: here)", CLI_ONCE },
    { "--release-key", "FILE", "public key that images must be signed with; at most two",
      CLI_SOME },
    { "--deployment-key", "FILE", "public key that deployments must be signed with; at most two",
      CLI_SOME },
    { "--vendor", "UUID", "default: the image's", CLI_ONCE },
    { "--class", "UUID", "default: the image's", CLI_ONCE },
    { "--hw", "REV", "hardware revision (default: the lowest that the image runs on)", CLI_ONCE },
    { "--counter", "N", "security counter (default: the image's)", CLI_ONCE },
    { "--topic-root", "ROOT", "if the provider's is not $aws", CLI_ONCE },
    { 0 },
};

const struct cli_command cli_factory = {
    .noun = "factory",
    .operands = "IMAGE",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "make a device's flash: IMAGE in slot A, confirmed; keys, identity",
    .example = "waft factory 1.0.0.img --thing lamp-1 --release-key release.pub \\\n"
               "      --deployment-key deploy.pub --out lamp-1.flash",
    .options = options,
    .run = run,
};
