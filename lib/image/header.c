#include "image_priv.h"

/* Of MCUboot's flags the one that we honour; any other asks for something that we do not do. */
#define FLAGS_HONOURED OTA_IMAGE_FLAG_ROM_FIXED

ota_err_t ota_image_header_read(struct ota_span head, struct ota_image_header *h)
{
    const uint8_t *const at = head.ptr;
    if (head.len < OTA_IMAGE_HEADER_SIZE) {
        return OTA_E_TRUNCATED;
    }
    const uint16_t header_size = ota_get_u16le(at + 8);
    const uint32_t payload_size = ota_get_u32le(at + 12), flags = ota_get_u32le(at + 16);
    /* Room for both areas at their largest, so that no sum of sizes can wrap from here on. */
    if (ota_get_u32le(at) != OTA_IMAGE_MAGIC || header_size < OTA_IMAGE_HEADER_SIZE ||
        (flags & ~FLAGS_HONOURED) != 0 ||
        payload_size > UINT32_MAX - UINT16_MAX - UINT16_MAX - header_size) {
        return OTA_E_IMAGE_FORMAT;
    }
    h->load_address = ota_get_u32le(at + 4);
    h->header_size = header_size;
    h->protected_size = ota_get_u16le(at + 10);
    h->payload_size = payload_size;
    h->flags = flags;
    h->version = image_version(at + 20);
    return OTA_OK; /* The last four bytes are padding: covered by the digest, without a meaning. */
}

uint32_t ota_image_tlvs_offset(const struct ota_image_header *h)
{
    return h->header_size + h->payload_size;
}

uint32_t ota_image_signed_size(const struct ota_image_header *h)
{
    return ota_image_tlvs_offset(h) + h->protected_size;
}
