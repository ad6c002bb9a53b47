#include "image_file.h"
#include "base/file.h"
#include "keys.h"
#include "out.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take_apart(struct cli_image *out, const char *path, struct srv_err *err)
{
    struct ota_span file = { (const uint8_t *)out->bytes, out->size };
    struct ota_image_header header;
    ota_err_t why = ota_image_header_read(file, &header);
    if (why == OTA_OK && ota_image_tlvs_offset(&header) > out->size) {
        why = OTA_E_TRUNCATED;
    }
    if (why == OTA_OK) {
        uint32_t at = ota_image_tlvs_offset(&header);
        why =
            ota_image_read(&header, (struct ota_span){ file.ptr + at, file.len - at }, &out->image);
    }
    return why == OTA_OK || srv_fail(err, SRV_E_INVALID, "%s: %s (%s)", path,
                                     why == OTA_E_TRUNCATED ? "the file ends before the image does"
                                                            : ota_err_text(why),
                                     ota_err_name(why));
}

bool cli_image_read(const char *path, struct cli_image *out, struct srv_err *err)
{
    *out = (struct cli_image){ 0 };
    if (!srv_file_read(path, CLI_IMAGE_MAX, &out->bytes, &out->size, err)) {
        return false;
    }
    if (!take_apart(out, path, err)) {
        cli_image_end(out);
        return false;
    }
    cli_sha256(out->bytes, ota_image_signed_size(&out->image.header), out->digest);
    cli_sha256(out->bytes, out->size, out->file_digest);
    return true;
}

void cli_image_end(struct cli_image *image)
{
    free(image->bytes);
    image->bytes = NULL;
}

bool cli_image_signing(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE],
                       struct cli_signature *room, struct ota_image_signing *signing,
                       struct srv_err *err)
{
    signing->kind = cli_key_kind(key);
    if (!cli_key_id(key, signing->key_id, err) || !cli_sign_digest(key, digest, room, err)) {
        return false;
    }
    signing->signature = (struct ota_span){ room->der, room->len };
    return true;
}

enum cli_exit cli_image_print_made(const char *path, enum cli_format format)
{
    struct cli_image image;
    struct srv_err err = { 0 };
    if (!cli_image_read(path, &image, &err)) {
        return cli_fail(CLI_FAILED, NULL, "what was written is no image: %s", err.text);
    }
    static const struct cli_column columns[] = {
        { "file", "image", CLI_TEXT },
        { "version", "version", CLI_TEXT },
        { "size", "bytes", CLI_NUMBER },
        { "digest", "image digest", CLI_TEXT },
        { "fileDigest", "file digest", CLI_TEXT },
    };
    char version[OTA_VERSION_TEXT_MAX + 1u], size[24], digest[2 * OTA_DIGEST_SIZE + 1],
        file[2 * OTA_DIGEST_SIZE + 1];
    cli_version_print(version, image.image.header.version);
    snprintf(size, sizeof size, "%zu", image.size);
    cli_hex(digest, image.digest, OTA_DIGEST_SIZE);
    cli_hex(file, image.file_digest, OTA_DIGEST_SIZE);
    struct cli_table t;
    cli_table_begin(&t, columns, 5);
    cli_table_add(&t, (const char *const[]){ path, version, size, digest, file });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
    cli_image_end(&image);
    return CLI_OK;
}

bool cli_uuid_read(const char *text, uint8_t uuid[OTA_UUID_SIZE], struct srv_err *err)
{
    char digits[2 * OTA_UUID_SIZE + 1];
    size_t count = 0;
    size_t len = strlen(text);
    for (size_t i = 0; i < len && len == 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-')) {
            break;
        }
        if (!dash) {
            digits[count++] = text[i];
        }
    }
    digits[count] = '\0';
    return cli_unhex(digits, uuid, OTA_UUID_SIZE) ||
           srv_fail(err, SRV_E_INVALID,
                    "%.60s is no UUID like 6ba7b810-9dad-11d1-80b4-00c04fd430c8 "
                    "(`uuidgen` makes one)",
                    text);
}

void cli_uuid_print(char out[37], const uint8_t uuid[OTA_UUID_SIZE])
{
    char hex[2 * OTA_UUID_SIZE + 1];
    cli_hex(hex, uuid, OTA_UUID_SIZE);
    snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

bool cli_hw_read(const char *text, uint16_t *min, uint16_t *max, struct srv_err *err)
{
    unsigned low = 0, high = 0;
    int end = 0;
    bool range = sscanf(text, "%5u-%5u%n", &low, &high, &end) == 2 && text[end] == '\0';
    if (!range) {
        end = 0;
        range = sscanf(text, "%5u%n", &low, &end) == 1 && text[end] == '\0';
        high = low;
    }
    if (!range || low > high || high > UINT16_MAX) {
        return srv_fail(err, SRV_E_INVALID,
                        "%.20s is no hardware revision (3) or range of them (2-5) up to 65535",
                        text);
    }
    *min = (uint16_t)low;
    *max = (uint16_t)high;
    return true;
}

void cli_version_print(char out[OTA_VERSION_TEXT_MAX + 1u], struct ota_version version)
{
    uint8_t room[OTA_VERSION_TEXT_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(room));
    ota_version_write(&w, version);
    struct ota_span text = ota_writer_done(&w);
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
}
