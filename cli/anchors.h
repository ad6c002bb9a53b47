/* Anchors: the public keys that a device is told to trust, from files of the operator. */
#ifndef CLI_ANCHORS_H
#define CLI_ANCHORS_H

#include "cli.h"
#include "keys.h"

/** The public keys in the files given with `option`, at most OTA_ANCHORS_MAX. */
SRV_MUST_CHECK bool cli_anchors_read(const struct cli_args *args, const char *option,
                                     enum cli_key_use use,
                                     struct ota_anchor anchors[OTA_ANCHORS_MAX], uint8_t *count,
                                     struct srv_err *err);

/**
 * The device's own marks: --vendor, --class and --hw, or what the image is made for.
 */
SRV_MUST_CHECK bool cli_device_read(const struct cli_args *args, const struct ota_image *image,
                                    struct ota_trust *trust, struct srv_err *err);

#endif
