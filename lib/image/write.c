#include "image_priv.h"
#include "ota/assert.h"

static void write_tlv(struct ota_writer *w, enum tlv_type type, struct ota_span value)
{
    ota_write_u16le(w, (uint16_t)type);
    ota_write_u16le(w, (uint16_t)value.len);
    ota_write_bytes(w, value);
}

static void write_info(struct ota_writer *w, uint16_t magic, size_t size)
{
    if (size > OTA_IMAGE_TLVS_MAX) {
        w->bad = true; /* No device would read it. */
    }
    ota_write_u16le(w, magic);
    ota_write_u16le(w, (uint16_t)size);
}

void ota_image_header_write(struct ota_writer *w, const struct ota_image_header *h, uint8_t erased)
{
    OTA_ASSERT(h->header_size >= OTA_IMAGE_HEADER_SIZE);
    ota_write_u32le(w, OTA_IMAGE_MAGIC);
    ota_write_u32le(w, h->load_address);
    ota_write_u16le(w, h->header_size);
    ota_write_u16le(w, h->protected_size);
    ota_write_u32le(w, h->payload_size);
    ota_write_u32le(w, h->flags);
    ota_write_u8(w, h->version.major);
    ota_write_u8(w, h->version.minor);
    ota_write_u16le(w, h->version.revision);
    ota_write_u32le(w, h->version.build);
    ota_write_u32le(w, 0);
    for (unsigned at = OTA_IMAGE_HEADER_SIZE; at < h->header_size; at++) {
        ota_write_u8(w, erased);
    }
}

void ota_image_protected_write(struct ota_writer *w, const struct ota_image *image)
{
    const bool any_hardware = image->hw_min == 0 && image->hw_max == UINT16_MAX;
    size_t size =
        TLV_INFO_SIZE + TLV_ENTRY_SIZE + TLV_COUNTER_SIZE + 2 * (TLV_ENTRY_SIZE + OTA_UUID_SIZE);
    size += any_hardware ? 0 : TLV_ENTRY_SIZE + TLV_HARDWARE_SIZE;

    write_info(w, TLV_MAGIC_PROTECTED, size);
    ota_write_u16le(w, TLV_COUNTER);
    ota_write_u16le(w, TLV_COUNTER_SIZE);
    ota_write_u32le(w, image->counter);
    write_tlv(w, TLV_VENDOR, OTA_SPAN_OF(image->vendor));
    write_tlv(w, TLV_CLASS, OTA_SPAN_OF(image->class_id));
    if (!any_hardware) {
        ota_write_u16le(w, TLV_HARDWARE);
        ota_write_u16le(w, TLV_HARDWARE_SIZE);
        ota_write_u16le(w, image->hw_min);
        ota_write_u16le(w, image->hw_max);
    }
}

void ota_image_unprotected_write(struct ota_writer *w, const uint8_t digest[OTA_DIGEST_SIZE],
                                 const struct ota_image_signing *signings, size_t count)
{
    OTA_ASSERT(count <= OTA_IMAGE_SIGNATURES_MAX);
    size_t size = TLV_INFO_SIZE + TLV_ENTRY_SIZE + OTA_DIGEST_SIZE;
    for (size_t i = 0; i < count; i++) {
        size += 2 * TLV_ENTRY_SIZE + OTA_DIGEST_SIZE + signings[i].der.len;
    }
    write_info(w, TLV_MAGIC, size);
    write_tlv(w, TLV_DIGEST, (struct ota_span){ digest, OTA_DIGEST_SIZE });
    for (size_t i = 0; i < count; i++) {
        write_tlv(w, TLV_KEY_ID, OTA_SPAN_OF(signings[i].key_id));
        write_tlv(w, TLV_ECDSA, signings[i].der);
    }
}
