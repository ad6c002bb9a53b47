#include "ota/image_write.h"

static void write_anchors(struct ota_writer *w, const struct ota_anchor *anchors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ota_write_bytes(w, OTA_SPAN_OF(anchors[i].key_id));
        ota_write_bytes(w, OTA_SPAN_OF(anchors[i].key));
    }
}

void ota_keyset_write(struct ota_writer *w, const struct ota_trust *trust, struct ota_span revoked,
                      const struct ota_span ca[OTA_KEYSET_CAS_MAX])
{
    ota_write_u32le(w, OTA_KEYSET_MAGIC);
    ota_write_u8(w, OTA_KEYSET_FORMAT);
    ota_write_u8(w, trust->release_count);
    ota_write_u8(w, trust->deployment_count);
    ota_write_u8(w, (uint8_t)(revoked.len / OTA_DIGEST_SIZE));
    ota_write_u32le(w, trust->version);
    ota_write_u16le(w, trust->hw_revision);
    for (uint32_t i = 0; i < OTA_KEYSET_CAS_MAX; i++) {
        ota_write_u16le(w, (uint16_t)ca[i].len);
    }
    ota_write_bytes(w, OTA_SPAN_OF(trust->vendor));
    ota_write_bytes(w, OTA_SPAN_OF(trust->class_id));
    write_anchors(w, trust->release, trust->release_count);
    write_anchors(w, trust->deployment, trust->deployment_count);
    ota_write_bytes(w, revoked);
    for (uint32_t i = 0; i < OTA_KEYSET_CAS_MAX; i++) {
        ota_write_bytes(w, ca[i]);
    }
}
