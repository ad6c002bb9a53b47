/* An image in a file: read, taken apart, its digests computed. */
#ifndef CLI_IMAGE_FILE_H
#define CLI_IMAGE_FILE_H

#include "base/err.h"
#include "cli.h"
#include "keys.h"
#include "ota/image_write.h"

/* No device of this kind has more flash; above it, a wrong file was named. */
#define CLI_IMAGE_MAX (256u * 1024u * 1024u)

struct cli_image {
    struct ota_image image; /* of correct form */
    char *bytes;
    size_t size;
    uint8_t digest[OTA_DIGEST_SIZE];      /* computed; equal to image.digest if the file is whole */
    uint8_t file_digest[OTA_DIGEST_SIZE]; /* over all bytes: the artifact's name */
};

/** false with err if there is no such file, or it is no image; free with cli_image_end(). */
SRV_MUST_CHECK bool cli_image_read(const char *path, struct cli_image *out, struct srv_err *err);
void cli_image_end(struct cli_image *image);

/** What a key says to an image's digest; `signing` borrows from `room`. */
SRV_MUST_CHECK bool cli_image_signing(EVP_PKEY *key, const uint8_t digest[OTA_DIGEST_SIZE],
                                      struct cli_signature *room, struct ota_image_signing *signing,
                                      struct srv_err *err);

/** Read an image that was just written, and print what it is. */
enum cli_exit cli_image_print_made(const char *path, enum cli_format format);

/** "6ba7b810-9dad-11d1-80b4-00c04fd430c8" to bytes, and back into out[37]. */
SRV_MUST_CHECK bool cli_uuid_read(const char *text, uint8_t uuid[OTA_UUID_SIZE],
                                  struct srv_err *err);
void cli_uuid_print(char out[37], const uint8_t uuid[OTA_UUID_SIZE]);

/** "3" or "2-5". */
SRV_MUST_CHECK bool cli_hw_read(const char *text, uint16_t *min, uint16_t *max,
                                struct srv_err *err);

/** "1.4.0" of a version, into a buffer that ends with zero. */
void cli_version_print(char out[OTA_VERSION_TEXT_MAX + 1u], struct ota_version version);

#endif
