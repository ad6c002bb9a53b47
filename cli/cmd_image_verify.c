/* waft image verify: would a device take it? The device's own checks decide. */
#include "anchors.h"
#include "cli.h"
#include "ed25519_openssl.h"
#include "image_file.h"
#include "out.h"
#include "psa_port.h"
#include <stdio.h>
#include <string.h>

static const struct cli_option options[] = {
    { "--key", "FILE", "release key that must have signed it (public or private); or two of them",
      CLI_SOME },
    { "--vendor", "UUID", "vendor of the device (default: the image's)", CLI_ONCE },
    { "--class", "UUID", "class of the device (default: the image's)", CLI_ONCE },
    { "--hw", "REV", "hardware revision of the device (default: one that fits)", CLI_ONCE },
    { "--counter", "N", "security counter of the device (default: 0)", CLI_ONCE },
    { 0 },
};

/* As a device whose crypto can check all that waft knows. */
static ota_err_t judge(const struct cli_image *file, const struct ota_trust *trust,
                       uint32_t counter)
{
    struct psa_port port;
    ota_err_t why = psa_port_init(&port, NULL);
    if (why == OTA_OK) {
        struct ota_crypto_ops ops = *port.base.ops;
        ops.verify_ed25519 = ed25519_openssl_verify;
        port.base.ops = &ops;
        why = ota_image_check(&file->image, trust, counter, &port.base);
    }
    if (why == OTA_OK && memcmp(file->digest, file->image.digest, OTA_DIGEST_SIZE) != 0) {
        why = OTA_E_IMAGE_DIGEST;
    }
    return why;
}

static void print_verdict(const char *path, ota_err_t why, enum cli_format format)
{
    static const struct cli_column columns[] = {
        { "file", "image", CLI_TEXT },
        { "good", "good", CLI_TEXT },
        { "error", "error", CLI_TEXT },
        { "reason", "reason", CLI_TEXT },
    };
    struct cli_table t;
    cli_table_begin(&t, columns, 4);
    cli_table_add(&t, (const char *const[]){ path, why == OTA_OK ? "yes" : "no",
                                             why == OTA_OK ? "" : ota_err_name(why),
                                             why == OTA_OK ? "" : ota_err_text(why) });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
}

static enum cli_exit run(const struct cli_args *args)
{
    unsigned long long counter = 0;
    if (!cli_number("--counter", cli_option(args, "--counter"), 0, UINT32_MAX, &counter)) {
        return CLI_USAGE;
    }
    const char *path = cli_operand(args, 0);
    struct cli_image file = { 0 };
    struct ota_trust trust = { 0 };
    struct srv_err err = { 0 };
    if (!cli_image_read(path, &file, &err) ||
        !cli_anchors_read(args, "--key", CLI_KEY_RELEASE, trust.release, &trust.release_count,
                          &err) ||
        !cli_device_read(args, &file.image, &trust, &err)) {
        cli_image_end(&file);
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    ota_err_t why = judge(&file, &trust, (uint32_t)counter);
    cli_image_end(&file);
    if (args->format != CLI_TABLE) {
        print_verdict(path, why, args->format);
    }
    if (why != OTA_OK) {
        return cli_fail(CLI_FAILED, NULL, "%s: %s (%s)", path, ota_err_text(why),
                        ota_err_name(why));
    }
    if (args->format == CLI_TABLE) {
        printf("%s is good\n", path);
    }
    return CLI_OK;
}

const struct cli_command cli_image_verify = {
    .noun = "image",
    .verb = "verify",
    .operands = "IMAGE",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "check an image as a device would: digest, signature, vendor, class, counter",
    .options = options,
    .run = run,
};
