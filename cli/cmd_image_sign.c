/* waft image sign: from an executable or binary to a signed image. No server is needed, or told. */
#include "base/file.h"
#include "cli.h"
#include "image_file.h"
#include "keys.h"
#include "out.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Header, TLVs and padding around a payload. */
#define FRAME_MAX (UINT16_MAX + OTA_IMAGE_TLVS_MAX)

/* More do not fit beside two signatures. */
#define DEPENDENCIES_MAX 8u

struct job {
    struct ota_image image; /* what to say; digest and signatures are not looked at */
    struct ota_image_dependency dependencies[DEPENDENCIES_MAX];
    size_t dependency_count;
    EVP_PKEY *keys[OTA_IMAGE_SIGNATURES_MAX];
    size_t key_count;
    char *payload;
};

static bool read_numbers(const struct cli_args *args, struct job *job)
{
    unsigned long long counter = 0, header_size = OTA_IMAGE_HEADER_SIZE, address = 0;
    if (!cli_number("--counter", cli_option(args, "--counter"), 0, UINT32_MAX, &counter) ||
        !cli_number("--header-size", cli_option(args, "--header-size"), 0, UINT16_MAX,
                    &header_size) ||
        !cli_number("--load-address", cli_option(args, "--load-address"), 0, UINT32_MAX,
                    &address)) {
        return false;
    }
    if (header_size < OTA_IMAGE_HEADER_SIZE) {
        cli_fail(CLI_USAGE, NULL, "--header-size is at least %u", OTA_IMAGE_HEADER_SIZE);
        return false;
    }
    job->image.counter = (uint32_t)counter;
    job->image.header.header_size = (uint16_t)header_size;
    if (cli_option(args, "--load-address") != NULL) {
        job->image.header.load_address = (uint32_t)address;
        job->image.header.flags = OTA_IMAGE_FLAG_ROM_FIXED;
    }
    return true;
}

static bool read_words(const struct cli_args *args, struct job *job, struct srv_err *err)
{
    const char *version = cli_option(args, "--version"), *hw = cli_option(args, "--hw");
    job->image.hw_max = UINT16_MAX;
    if (ota_version_parse(ota_span_of_str(version), &job->image.header.version) != OTA_OK) {
        return srv_fail(err, SRV_E_INVALID, "%.40s is no version like 1.4.0 or 1.4.0+77", version);
    }
    return cli_uuid_read(cli_option(args, "--vendor"), job->image.vendor, err) &&
           cli_uuid_read(cli_option(args, "--class"), job->image.class_id, err) &&
           (hw == NULL || cli_hw_read(hw, &job->image.hw_min, &job->image.hw_max, err));
}

/* "1:2.0.0": image 1 in 2.0.0 or higher. */
static bool read_dependency(const char *text, struct ota_image_dependency *d, struct srv_err *err)
{
    const char *colon = strchr(text, ':');
    char *end = NULL;
    unsigned long image = colon != NULL ? strtoul(text, &end, 10) : 0;
    if (colon == NULL || end != colon || text[0] < '0' || text[0] > '9' || image > UINT8_MAX ||
        ota_version_parse(ota_span_of_str(colon + 1), &d->version) != OTA_OK) {
        return srv_fail(err, SRV_E_INVALID, "--dependency is IMAGE:VERSION like 0:1.4.0, not %.40s",
                        text);
    }
    d->image = (uint8_t)image;
    return true;
}

static bool read_dependencies(const struct cli_args *args, struct job *job, struct srv_err *err)
{
    const char *text = NULL;
    for (; (text = cli_option_at(args, "--dependency", job->dependency_count)) != NULL;
         job->dependency_count++) {
        if (job->dependency_count == DEPENDENCIES_MAX) {
            return srv_fail(err, SRV_E_LIMIT, "an image has at most %u dependencies",
                            DEPENDENCIES_MAX);
        }
        if (!read_dependency(text, &job->dependencies[job->dependency_count], err)) {
            return false;
        }
    }
    return true;
}

static bool read_keys(const struct cli_args *args, struct job *job, struct srv_err *err)
{
    const char *path = NULL;
    while ((path = cli_option_at(args, "--key", job->key_count)) != NULL) {
        if (job->key_count == OTA_IMAGE_SIGNATURES_MAX) {
            return srv_fail(err, SRV_E_LIMIT, "an image has at most %u signatures",
                            OTA_IMAGE_SIGNATURES_MAX);
        }
        EVP_PKEY *key = cli_key_read_private(path, CLI_KEY_RELEASE, err);
        if (key == NULL) {
            return false;
        }
        job->keys[job->key_count++] = key;
    }
    return true;
}

static bool read_payload(const char *path, struct job *job, struct srv_err *err)
{
    size_t size = 0;
    if (!srv_file_read(path, CLI_IMAGE_MAX - FRAME_MAX, &job->payload, &size, err)) {
        return false;
    }
    job->image.header.payload_size = (uint32_t)size;
    return size > 0 || srv_fail(err, SRV_E_INVALID, "%s is empty", path);
}

/* The unprotected TLVs: the digest of all before them, and what the keys say to it. */
static bool sign(struct job *job, struct ota_writer *w, struct srv_err *err)
{
    uint8_t digest[OTA_DIGEST_SIZE];
    struct ota_span covered = ota_writer_done(w);
    struct cli_signature signatures[OTA_IMAGE_SIGNATURES_MAX];
    struct ota_image_signing signings[OTA_IMAGE_SIGNATURES_MAX] = { 0 };
    cli_sha256(covered.ptr, covered.len, digest);
    for (size_t i = 0; i < job->key_count; i++) {
        if (!cli_image_signing(job->keys[i], digest, &signatures[i], &signings[i], err)) {
            return false;
        }
    }
    ota_image_unprotected_write(w, digest, signings, job->key_count);
    return true;
}

static bool write_image(struct job *job, const char *path, struct srv_err *err)
{
    uint8_t protected_room[OTA_IMAGE_TLVS_MAX];
    struct ota_writer tlvs = ota_writer(OTA_BUF_OF(protected_room));
    const struct ota_image_dependencies needs = { job->dependencies, job->dependency_count };
    ota_image_protected_write(&tlvs, &job->image, &needs);
    struct ota_span protected_tlvs = ota_writer_done(&tlvs);
    struct ota_image_header *h = &job->image.header;
    h->protected_size = (uint16_t)protected_tlvs.len;

    size_t cap = (size_t)h->payload_size + FRAME_MAX;
    uint8_t *room = malloc(cap);
    if (room == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "no memory for the image");
    }
    struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
    ota_image_header_write(&w, h, 0xff);
    ota_write_bytes(&w, (struct ota_span){ (const uint8_t *)job->payload, h->payload_size });
    ota_write_bytes(&w, protected_tlvs);
    bool ok = sign(job, &w, err);
    struct ota_span image = ota_writer_done(&w);
    ok = ok && (image.len > 0 || srv_fail(err, SRV_E_INTERNAL, "the image does not fit")) &&
         srv_file_write(path, image.ptr, image.len, 0644, err);
    free(room);
    return ok;
}

static enum cli_exit run(const struct cli_args *args)
{
    struct srv_err err = { 0 };
    struct job job = { 0 };
    if (!read_numbers(args, &job)) {
        return CLI_USAGE;
    }
    const char *out = cli_option(args, "--out");
    bool ok = read_words(args, &job, &err) && read_dependencies(args, &job, &err) &&
              read_keys(args, &job, &err) && read_payload(cli_operand(args, 0), &job, &err) &&
              write_image(&job, out, &err);
    for (size_t i = 0; i < job.key_count; i++) {
        EVP_PKEY_free(job.keys[i]);
    }
    free(job.payload);
    if (!ok) {
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    return cli_image_print_made(out, args->format);
}

static const struct cli_option options[] = {
    { "--key", "FILE", "private release key, P-256 or Ed25519, PEM; twice while keys are rotated",
      CLI_SOME },
    { "--out", "FILE", "where the image goes", CLI_REQUIRED },
    { "--version", "X.Y.Z[+BUILD]", "version of the image", CLI_REQUIRED },
    { "--vendor", "UUID", "whose devices it is for", CLI_REQUIRED },
    { "--class", "UUID", "which class of devices it is for", CLI_REQUIRED },
    { "--counter", "N", "security counter: a device never goes below it again (default: 0)",
      CLI_ONCE },
    { "--hw", "REV|MIN-MAX", "hardware revisions that it runs on (default: all)", CLI_ONCE },
    { "--dependency", "IMAGE:VERSION",
      "image that must be there, in at least that version; devices of waft have image 0 only, this "
      "one",
      CLI_REPEATED },
    { "--header-size", "BYTES", "where the payload begins (default: 32; Cortex-M wants 0x200)",
      CLI_ONCE },
    { "--load-address", "ADDRESS",
      "flash address that it is linked for, if it is for one slot only", CLI_ONCE },
    { 0 },
};

const struct cli_command cli_image_sign = {
    .noun = "image",
    .verb = "sign",
    .operands = "PAYLOAD",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "make a signed image (MCUboot's format) of an executable or binary",
    .example = "waft image sign app.bin --version 1.1.0 --key release --out 1.1.0.img \\\n"
               "      --vendor 7d1d6fbc-6b5e-4b5a-9f0e-2c1f5f0f6a01 \\\n"
               "      --class b1c0a1de-0d5c-4d6b-8a51-6a2b8f5d2e02",
    .options = options,
    .run = run,
};
