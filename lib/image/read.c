/* The areas of a file, whose end is known; a bootloader reads slots. */
#include "image_priv.h"
#include <string.h>

ota_err_t ota_image_read(const struct ota_image_header *h, struct ota_span tlvs,
                         struct ota_image *image)
{
    struct ota_image read;
    memset(&read, 0, sizeof read); /* Also what no signature fills. */
    const ota_err_t err = image_read_areas(h, tlvs, &read);
    if (err != OTA_OK) {
        return err;
    }
    if (read.size - ota_image_tlvs_offset(h) != tlvs.len) {
        return OTA_E_IMAGE_TRAILING;
    }
    *image = read;
    return OTA_OK;
}
