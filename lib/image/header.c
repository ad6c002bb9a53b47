#include "image_priv.h"

/* Of MCUboot's flags the one that we honour; any other asks for something that we do not do. */
#define FLAGS_HONOURED OTA_IMAGE_FLAG_ROM_FIXED

struct ota_version image_read_version(struct ota_reader *r)
{
    struct ota_version version;
    version.major = ota_read_u8(r);
    version.minor = ota_read_u8(r);
    version.revision = ota_read_u16le(r);
    version.build = ota_read_u32le(r);
    return version;
}

ota_err_t ota_image_header_read(struct ota_span head, struct ota_image_header *h)
{
    struct ota_reader r = ota_reader(head);
    struct ota_image_header read;

    const uint32_t magic = ota_read_u32le(&r);
    read.load_address = ota_read_u32le(&r);
    read.header_size = ota_read_u16le(&r);
    read.protected_size = ota_read_u16le(&r);
    read.payload_size = ota_read_u32le(&r);
    read.flags = ota_read_u32le(&r);
    read.version = image_read_version(&r);
    (void)ota_read_u32le(&r); /* Padding: covered by the digest, without a meaning. */
    if (r.bad) {
        return OTA_E_TRUNCATED;
    }
    if (magic != OTA_IMAGE_MAGIC || read.header_size < OTA_IMAGE_HEADER_SIZE) {
        return OTA_E_IMAGE_FORMAT;
    }
    if ((read.flags & ~FLAGS_HONOURED) != 0) {
        return OTA_E_IMAGE_FORMAT;
    }
    /* Room for both areas at their largest, so that no sum of sizes can wrap from here on. */
    if (read.payload_size > UINT32_MAX - UINT16_MAX - UINT16_MAX - read.header_size) {
        return OTA_E_IMAGE_FORMAT;
    }
    *h = read;
    return OTA_OK;
}

uint32_t ota_image_tlvs_offset(const struct ota_image_header *h)
{
    return h->header_size + h->payload_size;
}

uint32_t ota_image_signed_size(const struct ota_image_header *h)
{
    return ota_image_tlvs_offset(h) + h->protected_size;
}
