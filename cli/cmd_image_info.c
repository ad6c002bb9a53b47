/* waft image info: what an image says of itself. */
#include "cli.h"
#include "image_file.h"
#include "out.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_column columns[] = {
    { "version", "version", CLI_TEXT },
    { "vendor", "vendor", CLI_TEXT },
    { "class", "class", CLI_TEXT },
    { "hwMin", "hardware from", CLI_NUMBER },
    { "hwMax", "hardware to", CLI_NUMBER },
    { "counter", "security counter", CLI_NUMBER },
    { "size", "bytes", CLI_NUMBER },
    { "payloadSize", "payload bytes", CLI_NUMBER },
    { "headerSize", "header bytes", CLI_NUMBER },
    { "digest", "image digest", CLI_TEXT },
    { "digestMatches", "digest matches", CLI_TEXT },
    { "fileDigest", "file digest", CLI_TEXT },
    { "keyIds", "signed by", CLI_TEXT },
};

static enum cli_exit run(const struct cli_args *args)
{
    struct cli_image file;
    struct srv_err err = { 0 };
    if (!cli_image_read(cli_operand(args, 0), &file, &err)) {
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    const struct ota_image *image = &file.image;
    char version[OTA_VERSION_TEXT_MAX + 1u], vendor[37], class_id[37], numbers[6][24];
    char digest[2 * OTA_DIGEST_SIZE + 1], file_digest[2 * OTA_DIGEST_SIZE + 1];
    char keys[OTA_IMAGE_SIGNATURES_MAX * (2 * OTA_DIGEST_SIZE + 1) + 1] = "";
    cli_version_print(version, image->header.version);
    cli_uuid_print(vendor, image->vendor);
    cli_uuid_print(class_id, image->class_id);
    const size_t values[6] = { image->hw_min,
                               image->hw_max,
                               image->counter,
                               file.size,
                               image->header.payload_size,
                               image->header.header_size };
    for (size_t i = 0; i < 6; i++) {
        snprintf(numbers[i], sizeof numbers[i], "%zu", values[i]);
    }
    cli_hex(digest, image->digest, OTA_DIGEST_SIZE);
    cli_hex(file_digest, file.file_digest, OTA_DIGEST_SIZE);
    for (size_t i = 0; i < image->signature_count; i++) {
        size_t used = strlen(keys);
        keys[used] = ' ';
        cli_hex(keys + used + (i > 0), image->signatures[i].key_id, OTA_DIGEST_SIZE);
    }
    bool matches = memcmp(file.digest, image->digest, OTA_DIGEST_SIZE) == 0;
    struct cli_table t;
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t, (const char *const[]){ version, vendor, class_id, numbers[0], numbers[1],
                                             numbers[2], numbers[3], numbers[4], numbers[5], digest,
                                             matches ? "yes" : "no", file_digest, keys });
    cli_table_print_one(&t, args->format);
    cli_table_end(&t);
    cli_image_end(&file);
    return matches ? CLI_OK
                   : cli_fail(CLI_FAILED, NULL, "the image's bytes are not those that were signed");
}

const struct cli_command cli_image_info = {
    .noun = "image",
    .verb = "info",
    .operands = "IMAGE",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "show what an image says of itself",
    .run = run,
};
