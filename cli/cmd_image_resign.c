/* waft image resign: one more signature on an image, or a new one by the same key; all else as it was. */
#include "base/file.h"
#include "cli.h"
#include "image_file.h"
#include <stdlib.h>
#include <string.h>

static bool may_be_signed(const struct cli_image *file, const struct ota_image_signing *signing,
                          struct srv_err *err)
{
    const struct ota_image *image = &file->image;
    if (memcmp(file->digest, image->digest, OTA_DIGEST_SIZE) != 0) {
        return srv_fail(err, SRV_E_INVALID, "the image's bytes are not those of its digest");
    }
    bool has_key = false;
    for (size_t i = 0; i < image->signature_count; i++) {
        has_key =
            has_key || memcmp(image->signatures[i].key_id, signing->key_id, OTA_DIGEST_SIZE) == 0;
    }
    return has_key || image->signature_count < OTA_IMAGE_SIGNATURES_MAX ||
           srv_fail(err, SRV_E_LIMIT,
                    "it has %u signatures by other keys already, and no room for another",
                    OTA_IMAGE_SIGNATURES_MAX);
}

static bool write_signed(const struct cli_image *file, const struct ota_image_signing *signing,
                         const char *path, struct srv_err *err)
{
    const size_t kept = ota_image_signed_size(&file->image.header);
    const struct ota_span bytes = { (const uint8_t *)file->bytes, file->size };
    const size_t cap = file->size + OTA_IMAGE_TLVS_MAX;
    uint8_t *room = malloc(cap);
    if (room == NULL) {
        return srv_fail(err, SRV_E_INTERNAL, "no memory for the image");
    }
    struct ota_writer w = ota_writer((struct ota_buf){ room, cap });
    ota_write_bytes(&w, (struct ota_span){ bytes.ptr, kept });
    ota_image_resign(&w, (struct ota_span){ bytes.ptr + kept, bytes.len - kept }, signing);
    struct ota_span image = ota_writer_done(&w);
    bool ok = image.len > 0 || srv_fail(err, SRV_E_LIMIT, "there is no room for the signature");
    ok = ok && srv_file_write(path, image.ptr, image.len, 0644, err);
    free(room);
    return ok;
}

static enum cli_exit run(const struct cli_args *args)
{
    const char *out = cli_option(args, "--out");
    struct srv_err err = { 0 };
    struct cli_image file = { 0 };
    struct cli_signature room;
    struct ota_image_signing signing = { 0 };
    EVP_PKEY *key = cli_key_read_private(cli_option(args, "--key"), CLI_KEY_RELEASE, &err);
    bool ok = key != NULL && cli_image_read(cli_operand(args, 0), &file, &err) &&
              cli_image_signing(key, file.image.digest, &room, &signing, &err) &&
              may_be_signed(&file, &signing, &err) && write_signed(&file, &signing, out, &err);
    EVP_PKEY_free(key);
    cli_image_end(&file);
    return ok ? cli_image_print_made(out, args->format)
              : cli_fail(CLI_FAILED, NULL, "%s", err.text);
}

static const struct cli_option options[] = {
    { "--key", "FILE", "private release key, PEM", CLI_REQUIRED },
    { "--out", "FILE", "where the image goes; may be IMAGE itself", CLI_REQUIRED },
    { 0 },
};

const struct cli_command cli_image_resign = {
    .noun = "image",
    .verb = "resign",
    .operands = "IMAGE",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "add a key's signature to an image, or replace it; nothing else changes",
    .example = "waft image resign 1.4.0.img --key release-next --out 1.4.0.img",
    .options = options,
    .run = run,
};
