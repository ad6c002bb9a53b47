/*
 * Private to lib/image: numbers out of bytes, and the one reader of TLVs.
 */
#ifndef IMAGE_PRIV_H
#define IMAGE_PRIV_H

#include "ota/image.h"
#include "ota/image_format.h"

/* Where the compiler's guess at what is smaller is wrong. */
#if defined(__GNUC__)
#define IMAGE_INLINE   __attribute__((always_inline)) static inline
#define IMAGE_OUTLINED __attribute__((noinline)) static
#else
#define IMAGE_INLINE   static inline
#define IMAGE_OUTLINED static
#endif

/* Numbers at a place that is known to be there: one instruction each on a Cortex-M3. */
IMAGE_INLINE uint16_t image_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

IMAGE_INLINE uint32_t image_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/** The 8 bytes of a version, as in the header and in a dependency. */
IMAGE_INLINE struct ota_version image_version(const uint8_t *at)
{
    return (struct ota_version){
        .major = at[0],
        .minor = at[1],
        .revision = image_u16(at + 2),
        .build = image_u32(at + 4),
    };
}

/**
 * ota_image_read() for a reader who does not know where the areas end: bytes behind them are
 * ignored. On error `image` is undefined.
 */
OTA_MUST_CHECK ota_err_t image_read_areas(const struct ota_image_header *h, struct ota_span tlvs,
                                          struct ota_image *image);

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
