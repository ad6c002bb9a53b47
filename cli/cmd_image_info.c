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

/* Room for the texts of one image. */
struct texts {
    char version[OTA_VERSION_TEXT_MAX + 1u], vendor[37], class_id[37], numbers[6][24];
    char digest[2 * OTA_DIGEST_SIZE + 1], file_digest[2 * OTA_DIGEST_SIZE + 1];
    char keys[OTA_IMAGE_SIGNATURES_MAX * (2 * OTA_DIGEST_SIZE + 1) + 1];
};

static void write_texts(struct texts *t, const struct cli_image *file)
{
    const struct ota_image *image = &file->image;
    const size_t numbers[6] = { image->hw_min,
                                image->hw_max,
                                image->counter,
                                file->size,
                                image->header.payload_size,
                                image->header.header_size };
    for (size_t i = 0; i < 6; i++) {
        snprintf(t->numbers[i], sizeof t->numbers[i], "%zu", numbers[i]);
    }
    cli_version_print(t->version, image->header.version);
    cli_uuid_print(t->vendor, image->vendor);
    cli_uuid_print(t->class_id, image->class_id);
    cli_hex(t->digest, image->digest, OTA_DIGEST_SIZE);
    cli_hex(t->file_digest, file->file_digest, OTA_DIGEST_SIZE);
    t->keys[0] = '\0';
    for (size_t i = 0; i < image->signature_count; i++) {
        char *at = t->keys + strlen(t->keys);
        if (i > 0) {
            *at++ = ' ';
        }
        cli_hex(at, image->signatures[i].key_id, OTA_DIGEST_SIZE);
    }
}

static void print_info(const struct cli_image *file, bool matches, enum cli_format format)
{
    struct texts x;
    struct cli_table t;
    write_texts(&x, file);
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t, (const char *const[]){ x.version, x.vendor, x.class_id, x.numbers[0],
                                             x.numbers[1], x.numbers[2], x.numbers[3], x.numbers[4],
                                             x.numbers[5], x.digest, matches ? "yes" : "no",
                                             x.file_digest, x.keys });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
}

static enum cli_exit run(const struct cli_args *args)
{
    struct cli_image file;
    struct srv_err err = { 0 };
    if (!cli_image_read(cli_operand(args, 0), &file, &err)) {
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    bool matches = memcmp(file.digest, file.image.digest, OTA_DIGEST_SIZE) == 0;
    print_info(&file, matches, args->format);
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
