/* waft image info: what an image says of itself. */
#include "cli.h"
#include "image_file.h"
#include "ota/image_format.h"
#include "out.h"
#include <stdio.h>
#include <string.h>

static const struct cli_column columns[] = {
    { "version", "version", CLI_TEXT },
    { "vendor", "vendor", CLI_TEXT },
    { "class", "class", CLI_TEXT },
    { "hwMin", "hardware from", CLI_NUMBER },
    { "hwMax", "hardware to", CLI_NUMBER },
    { "counter", "security counter", CLI_NUMBER },
    { "dependencies", "depends on", CLI_TEXT },
    { "slotAddress", "linked for", CLI_TEXT },
    { "size", "bytes", CLI_NUMBER },
    { "payloadSize", "payload bytes", CLI_NUMBER },
    { "headerSize", "header bytes", CLI_NUMBER },
    { "digest", "image digest", CLI_TEXT },
    { "digestMatches", "digest matches", CLI_TEXT },
    { "fileDigest", "file digest", CLI_TEXT },
    { "keyIds", "signed by", CLI_TEXT },
    { "keyKinds", "kinds of keys", CLI_TEXT },
};

/* Room for the texts of one image. */
struct texts {
    char version[OTA_VERSION_TEXT_MAX + 1u], vendor[37], class_id[37], numbers[6][24];
    char digest[2 * OTA_DIGEST_SIZE + 1], file_digest[2 * OTA_DIGEST_SIZE + 1];
    char keys[OTA_IMAGE_SIGNATURES_MAX * (2 * OTA_DIGEST_SIZE + 1) + 1];
    char kinds[OTA_IMAGE_SIGNATURES_MAX * sizeof "Ed25519"], slot[16];
    char dependencies[OTA_IMAGE_TLVS_MAX * 2u]; /* an entry of 16 bytes has a text of at most 29 */
};

/* "0:1.4.0 1:2.0.0", out of the protected area; the reader of images only says whether all are met. */
static void write_dependencies(struct texts *t, const struct cli_image *file)
{
    const struct ota_image_header *h = &file->image.header;
    struct ota_reader area = ota_reader((struct ota_span){
        (const uint8_t *)file->bytes + ota_image_tlvs_offset(h), h->protected_size });
    size_t at = 0;
    t->dependencies[0] = '\0';
    (void)ota_read_u32le(&area);
    while (ota_reader_left(&area) > 0) {
        const uint16_t type = ota_read_u16le(&area), len = ota_read_u16le(&area);
        struct ota_reader value = ota_reader(ota_read_bytes(&area, len));
        if (type != OTA_TLV_DEPENDENCY) {
            continue;
        }
        char version[OTA_VERSION_TEXT_MAX + 1u];
        const uint32_t image = ota_read_u32le(&value) & 0xffu;
        struct ota_version v = { .major = ota_read_u8(&value) };
        v.minor = ota_read_u8(&value);
        v.revision = ota_read_u16le(&value);
        v.build = ota_read_u32le(&value);
        cli_version_print(version, v);
        at += (size_t)snprintf(t->dependencies + at, sizeof t->dependencies - at, "%s%u:%s",
                               at > 0 ? " " : "", (unsigned)image, version);
    }
}

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
    t->kinds[0] = '\0';
    for (size_t i = 0; i < image->signature_count; i++) {
        char *at = t->keys + strlen(t->keys);
        if (i > 0) {
            *at++ = ' ';
            strcat(t->kinds, " ");
        }
        cli_hex(at, image->signatures[i].key_id, OTA_DIGEST_SIZE);
        strcat(t->kinds, image->signatures[i].kind == OTA_KEY_ED25519 ? "Ed25519" : "P-256");
    }
    const bool fixed = (image->header.flags & OTA_IMAGE_FLAG_ROM_FIXED) != 0;
    t->slot[0] = '\0';
    if (fixed) {
        snprintf(t->slot, sizeof t->slot, "0x%08x", image->header.load_address);
    }
    write_dependencies(t, file);
}

static void print_info(const struct cli_image *file, bool matches, enum cli_format format)
{
    struct texts x;
    struct cli_table t;
    write_texts(&x, file);
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t, (const char *const[]){
                          x.version, x.vendor, x.class_id, x.numbers[0], x.numbers[1], x.numbers[2],
                          x.dependencies, x.slot, x.numbers[3], x.numbers[4], x.numbers[5],
                          x.digest, matches ? "yes" : "no", x.file_digest, x.keys, x.kinds });
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
