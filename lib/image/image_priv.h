/*
 * Private to lib/image: versions out of bytes, and the one reader of TLVs.
 */
#ifndef IMAGE_PRIV_H
#define IMAGE_PRIV_H

#include "ota/endian.h"
#include "ota/image.h"
#include "ota/image_format.h"

/** The 8 bytes of a version, as in the header and in a dependency. */
OTA_INLINE struct ota_version image_version(const uint8_t *at)
{
    return (struct ota_version){
        .major = at[0],
        .minor = at[1],
        .revision = ota_get_u16le(at + 2),
        .build = ota_get_u32le(at + 4),
    };
}

/**
 * ota_image_read() for a reader who does not know where the areas end: bytes behind them are
 * ignored. On error `image` is undefined.
 */
OTA_MUST_CHECK ota_err_t image_read_areas(const struct ota_image_header *h, struct ota_span tlvs,
                                          struct ota_image *image);

/** ota_signature_from_der() for a reader who drops what he has on an error: then `rs` is undefined. */
bool image_read_der(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE]);

/** ota_image_check()'s parts, for the verifier, who proves each. Vendor, class, hardware, dependencies. */
OTA_MUST_CHECK ota_err_t image_check_device(const struct ota_image *image,
                                            const struct ota_trust *trust);

/**
 * At least one signature must be by an anchor, and none by an anchor may be bad. The others are
 * those of a key that came later or went earlier than this device's anchors.
 */
OTA_MUST_CHECK ota_err_t image_check_signatures(const struct ota_image *image,
                                                const struct ota_trust *trust,
                                                struct ota_crypto *c);

#endif
