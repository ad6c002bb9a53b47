#include "ota/image_write.h"
#include "ota/assert.h"
#include "ota/image_format.h"
#include <string.h>

static void write_head(struct ota_writer *w, enum ota_tlv_type type, size_t len)
{
    ota_write_u16le(w, (uint16_t)type);
    ota_write_u16le(w, (uint16_t)len);
}

static void write_tlv(struct ota_writer *w, enum ota_tlv_type type, struct ota_span value)
{
    write_head(w, type, value.len);
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

static void write_version(struct ota_writer *w, struct ota_version version)
{
    ota_write_u8(w, version.major);
    ota_write_u8(w, version.minor);
    ota_write_u16le(w, version.revision);
    ota_write_u32le(w, version.build);
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
    write_version(w, h->version);
    ota_write_u32le(w, 0);
    for (unsigned at = OTA_IMAGE_HEADER_SIZE; at < h->header_size; at++) {
        ota_write_u8(w, erased);
    }
}

/* In imgtool's order. */
void ota_image_protected_write(struct ota_writer *w, const struct ota_image *image,
                               const struct ota_image_dependencies *dependencies)
{
    const bool any_hardware = image->hw_min == 0 && image->hw_max == UINT16_MAX;
    const size_t count = dependencies != NULL ? dependencies->count : 0;
    size_t size = OTA_TLV_INFO_SIZE + OTA_TLV_ENTRY_SIZE + OTA_TLV_COUNTER_SIZE +
                  2 * (OTA_TLV_ENTRY_SIZE + OTA_UUID_SIZE);
    size += any_hardware ? 0 : OTA_TLV_ENTRY_SIZE + OTA_TLV_HARDWARE_SIZE;
    size += count * (OTA_TLV_ENTRY_SIZE + OTA_TLV_DEPENDENCY_SIZE);

    write_info(w, OTA_TLV_MAGIC_PROTECTED, size);
    write_head(w, OTA_TLV_COUNTER, OTA_TLV_COUNTER_SIZE);
    ota_write_u32le(w, image->counter);
    for (size_t i = 0; i < count; i++) {
        write_head(w, OTA_TLV_DEPENDENCY, OTA_TLV_DEPENDENCY_SIZE);
        ota_write_u32le(w, dependencies->list[i].image);
        write_version(w, dependencies->list[i].version);
    }
    write_tlv(w, OTA_TLV_VENDOR, OTA_SPAN_OF(image->vendor));
    write_tlv(w, OTA_TLV_CLASS, OTA_SPAN_OF(image->class_id));
    if (!any_hardware) {
        write_head(w, OTA_TLV_HARDWARE, OTA_TLV_HARDWARE_SIZE);
        ota_write_u16le(w, image->hw_min);
        ota_write_u16le(w, image->hw_max);
    }
}

/* --- signatures ----------------------------------------------------------------- */

static size_t pair_size(const struct ota_image_signing *s)
{
    return 2 * OTA_TLV_ENTRY_SIZE + OTA_DIGEST_SIZE + s->signature.len;
}

static void write_pair(struct ota_writer *w, const struct ota_image_signing *s)
{
    write_tlv(w, OTA_TLV_KEY_ID, OTA_SPAN_OF(s->key_id));
    write_tlv(w, s->kind == OTA_KEY_ED25519 ? OTA_TLV_ED25519 : OTA_TLV_ECDSA, s->signature);
}

void ota_image_unprotected_write(struct ota_writer *w, const uint8_t digest[OTA_DIGEST_SIZE],
                                 const struct ota_image_signing *signings, size_t count)
{
    size_t size = OTA_TLV_INFO_SIZE + OTA_TLV_ENTRY_SIZE + OTA_DIGEST_SIZE;
    for (size_t i = 0; i < count; i++) {
        size += pair_size(&signings[i]);
    }
    write_info(w, OTA_TLV_MAGIC, size);
    write_tlv(w, OTA_TLV_DIGEST, (struct ota_span){ digest, OTA_DIGEST_SIZE });
    for (size_t i = 0; i < count; i++) {
        write_pair(w, &signings[i]);
    }
}

/* The next entry, with its head; empty at the end. */
static struct ota_span next_entry(struct ota_reader *area, uint16_t *type)
{
    const uint8_t *const begin = area->at;
    *type = ota_read_u16le(area);
    const uint16_t len = ota_read_u16le(area);
    (void)ota_read_bytes(area, len);
    return area->bad ? OTA_SPAN_NONE : (struct ota_span){ begin, OTA_TLV_ENTRY_SIZE + (size_t)len };
}

/* Where in `area` this key's pair stands: its bytes, or none at the area's end. */
static struct ota_span find_pair(struct ota_span area, const uint8_t key_id[OTA_DIGEST_SIZE])
{
    struct ota_reader r = ota_reader(area);
    uint16_t type;
    (void)ota_read_bytes(&r, OTA_TLV_INFO_SIZE);
    for (struct ota_span e = next_entry(&r, &type); e.len > 0; e = next_entry(&r, &type)) {
        const bool own = type == OTA_TLV_KEY_ID &&
                         memcmp(e.ptr + OTA_TLV_ENTRY_SIZE, key_id, OTA_DIGEST_SIZE) == 0;
        if (own) {
            return (struct ota_span){ e.ptr, e.len + next_entry(&r, &type).len };
        }
    }
    return (struct ota_span){ area.ptr + area.len, 0 };
}

void ota_image_resign(struct ota_writer *w, struct ota_span area,
                      const struct ota_image_signing *signing)
{
    const struct ota_span old = find_pair(area, signing->key_id);
    const size_t before = (size_t)(old.ptr - area.ptr), behind = before + old.len;
    write_info(w, OTA_TLV_MAGIC, area.len - old.len + pair_size(signing));
    ota_write_bytes(w,
                    (struct ota_span){ area.ptr + OTA_TLV_INFO_SIZE, before - OTA_TLV_INFO_SIZE });
    write_pair(w, signing);
    ota_write_bytes(w, (struct ota_span){ area.ptr + behind, area.len - behind });
}
