/*
 * Private to lib/image: the numbers of the format, and the one reader of TLVs.
 */
#ifndef IMAGE_PRIV_H
#define IMAGE_PRIV_H

#include "ota/image.h"

#define TLV_MAGIC           0x6907u
#define TLV_MAGIC_PROTECTED 0x6908u

/* u16 magic, u16 size of the area with these four bytes; an entry's u16 type, u16 length. */
#define TLV_INFO_SIZE  4u
#define TLV_ENTRY_SIZE 4u

enum tlv_type {
    TLV_KEY_ID = 0x01,
    TLV_DIGEST = 0x10,
    TLV_ECDSA = 0x22,
    TLV_ED25519 = 0x24,
    TLV_DEPENDENCY = 0x40,
    TLV_COUNTER = 0x50,
    TLV_VENDOR = 0x74,
    TLV_CLASS = 0x75,
    TLV_HARDWARE = 0xa0, /* ours, in the vendors' range: u16 lowest, u16 highest revision */
};

#define TLV_COUNTER_SIZE    4u
#define TLV_HARDWARE_SIZE   4u
#define TLV_DEPENDENCY_SIZE 12u /* u8 image, three zeros, version */

/** The 8 bytes of a version, as in the header and in a dependency. */
struct ota_version image_read_version(struct ota_reader *r);

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
