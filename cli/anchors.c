#include "anchors.h"
#include "image_file.h"
#include "keys.h"
#include <string.h>

bool cli_anchors_read(const struct cli_args *args, const char *option, enum cli_key_use use,
                      struct ota_anchor anchors[OTA_ANCHORS_MAX], uint8_t *count,
                      struct srv_err *err)
{
    const char *path = NULL;
    for (*count = 0; (path = cli_option_at(args, option, *count)) != NULL; ++*count) {
        if (*count == OTA_ANCHORS_MAX) {
            return srv_fail(err, SRV_E_LIMIT, "%s: a device trusts at most %u keys of a kind",
                            option, OTA_ANCHORS_MAX);
        }
        EVP_PKEY *key = cli_key_read_public(path, use, err);
        bool ok = key != NULL && cli_key_public(key, anchors[*count].key, err) &&
                  cli_key_id(key, anchors[*count].key_id, err);
        EVP_PKEY_free(key);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool cli_device_read(const struct cli_args *args, const struct ota_image *image,
                     struct ota_trust *trust, struct srv_err *err)
{
    const char *vendor = cli_option(args, "--vendor"), *class_id = cli_option(args, "--class");
    const char *hw = cli_option(args, "--hw");
    uint16_t highest = image->hw_min;
    memcpy(trust->vendor, image->vendor, OTA_UUID_SIZE);
    memcpy(trust->class_id, image->class_id, OTA_UUID_SIZE);
    trust->hw_revision = image->hw_min;
    if ((vendor != NULL && !cli_uuid_read(vendor, trust->vendor, err)) ||
        (class_id != NULL && !cli_uuid_read(class_id, trust->class_id, err)) ||
        (hw != NULL && !cli_hw_read(hw, &trust->hw_revision, &highest, err))) {
        return false;
    }
    return highest == trust->hw_revision ||
           srv_fail(err, SRV_E_INVALID, "--hw: a device has one hardware revision, not a range");
}
