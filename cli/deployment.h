/*
 * Deployment: the images of one release and the files beside them, signed for their way, and the job document
 * that offers them.
 */
#ifndef CLI_DEPLOYMENT_H
#define CLI_DEPLOYMENT_H

#include "image_file.h"
#include "keys.h"
#include "ota/jobdoc.h"

/* What the device is told to do with a file; a device knows its own others. */
#define CLI_TYPE_IMAGE 0u

/*
 * One file of a deployment: an image of the release, the only one or the one that is linked for a slot;
 * or data for whatever on the device handles its type.
 */
struct cli_artifact {
    const char *path;
    uint8_t type;
    const char *slot;       /* of an image: "A", "B"; NULL: runs in either */
    struct cli_image image; /* of data only its bytes, size and file_digest */
    struct cli_signature signature;
    char file_hex[2 * OTA_DIGEST_SIZE + 1], image_hex[2 * OTA_DIGEST_SIZE + 1];
};

/* How devices may fetch the files; a device that knows several decides. */
enum cli_protocol { CLI_PROTOCOL_MQTT = 1, CLI_PROTOCOL_HTTP = 2, CLI_PROTOCOL_BOTH = 3 };

struct cli_deployment {
    struct cli_artifact artifacts[OTA_FILES_MAX]; /* images first */
    size_t count;                                 /* also their file ids */
    size_t image_count;                           /* 0: the image stays */
    char version[OTA_VERSION_TEXT_MAX + 1u];      /* of the image; "" without one */
    /* the caller's */
    char stream[OTA_STREAM_ID_MAX + 1u]; /* of MQTT */
    enum cli_protocol protocol;
};

/** Whether the command line names one image, or one for each slot, or no image but a --file. */
bool cli_deployment_is_named(const struct cli_args *args);

/**
 * Read the files that the command line names: the operand, or --slot-a and --slot-b; and each --file. Sign each with --key.
 * Refused: a damaged image without --unchecked; two that are not the same release, or not linked for those slots;
 * a --file that is not TYPE:PATH.
 *
 * @return false with err. Free with cli_deployment_end() in both cases.
 */
SRV_MUST_CHECK bool cli_deployment_read(const struct cli_args *args, struct cli_deployment *d,
                                        struct srv_err *err);
void cli_deployment_end(struct cli_deployment *d);

/** The job document: AWS's, and our advice beside it. free() it; NULL: a name in it is not UTF-8. */
char *cli_deployment_document(const struct cli_deployment *d, const char *certfile);

#endif
