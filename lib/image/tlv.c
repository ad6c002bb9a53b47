#include "image_priv.h"
#include <string.h>

struct tlv {
    uint16_t type;
    struct ota_span value;
};

static struct tlv next(struct ota_reader *area)
{
    struct tlv t;
    t.type = ota_read_u16le(area);
    const uint16_t len = ota_read_u16le(area);
    t.value = ota_read_bytes(area, len);
    return t;
}

/* The first TLV of `type` in what `from` has left; `from` stays where it is. */
static bool find(const struct ota_reader *from, uint16_t type, struct ota_span *value)
{
    struct ota_reader area = *from;
    while (ota_reader_left(&area) > 0) {
        const struct tlv t = next(&area);
        if (t.type == type) {
            *value = t.value;
            return true;
        }
    }
    return false;
}

static bool take(uint8_t *into, size_t size, struct ota_span value)
{
    if (value.len != size) {
        return false;
    }
    memcpy(into, value.ptr, size);
    return true;
}

/* --- protected area ---------------------------------------------------------- */

/*
 * Entries that fill the area, no type twice. What we do not know may be among them: the release
 * key signed it, and older devices must be able to install newer images. Dependencies we know,
 * and cannot keep.
 */
static bool well_formed(struct ota_reader area)
{
    struct ota_span again;
    while (ota_reader_left(&area) > 0) {
        const struct tlv t = next(&area);
        if (area.bad || t.type == TLV_DEPENDENCY || find(&area, t.type, &again)) {
            return false;
        }
    }
    return true;
}

static bool read_counter(struct ota_image *image, struct ota_span value)
{
    struct ota_reader r = ota_reader(value);
    image->counter = ota_read_u32le(&r);
    return value.len == TLV_COUNTER_SIZE;
}

static bool read_hardware(struct ota_image *image, struct ota_span value)
{
    struct ota_reader r = ota_reader(value);
    image->hw_min = ota_read_u16le(&r);
    image->hw_max = ota_read_u16le(&r);
    return value.len == TLV_HARDWARE_SIZE && image->hw_min <= image->hw_max;
}

static bool read_protected(struct ota_image *image, const struct ota_reader *area)
{
    struct ota_span value;
    if (!well_formed(*area)) {
        return false;
    }
    image->hw_min = 0;
    image->hw_max = UINT16_MAX;
    if (find(area, TLV_HARDWARE, &value) && !read_hardware(image, value)) {
        return false;
    }
    return find(area, TLV_COUNTER, &value) && read_counter(image, value) &&
           find(area, TLV_VENDOR, &value) && take(image->vendor, OTA_UUID_SIZE, value) &&
           find(area, TLV_CLASS, &value) && take(image->class_id, OTA_UUID_SIZE, value);
}

/* --- unprotected area --------------------------------------------------------- */

/* A key id, just read, and behind it its signature. */
static bool read_signature(struct ota_image *image, struct ota_span key_id, struct ota_reader *area)
{
    if (image->signature_count == OTA_IMAGE_SIGNATURES_MAX) {
        return false;
    }
    struct ota_image_signature *const s = &image->signatures[image->signature_count++];
    const struct tlv t = next(area);
    return take(s->key_id, OTA_DIGEST_SIZE, key_id) && t.type == TLV_ECDSA &&
           ota_signature_from_der(t.value, s->rs) == OTA_OK;
}

/* Nobody signed these bytes, so nothing is skipped: one digest, and pairs of key id and signature. */
static bool read_unprotected(struct ota_image *image, struct ota_reader area)
{
    bool has_digest = false;
    image->signature_count = 0;
    while (ota_reader_left(&area) > 0) {
        const struct tlv t = next(&area);
        bool good = false;
        if (t.type == TLV_KEY_ID) {
            good = read_signature(image, t.value, &area);
        } else if (t.type == TLV_DIGEST && !has_digest) {
            good = has_digest = take(image->digest, OTA_DIGEST_SIZE, t.value);
        }
        if (!good) {
            return false;
        }
    }
    return has_digest;
}

/* --- both ------------------------------------------------------------------------ */

/*
 * Step into an area: `area` reads its entries. The whole area must fit into `*room`, which
 * shrinks by it.
 */
static ota_err_t enter(struct ota_reader *r, uint16_t magic, size_t *room, struct ota_reader *area)
{
    const uint16_t found = ota_read_u16le(r);
    const uint16_t size = ota_read_u16le(r);
    if (r->bad) {
        return OTA_E_TRUNCATED;
    }
    if (found != magic || size < TLV_INFO_SIZE || size > *room) {
        return OTA_E_IMAGE_FORMAT;
    }
    *room -= size;
    *area = ota_reader(ota_read_bytes(r, size - TLV_INFO_SIZE));
    return r->bad ? OTA_E_TRUNCATED : OTA_OK;
}

ota_err_t image_read_areas(const struct ota_image_header *h, struct ota_span tlvs,
                           struct ota_image *image)
{
    struct ota_reader r = ota_reader(tlvs), protected, unprotected;
    size_t room = OTA_IMAGE_TLVS_MAX;

    ota_err_t err = enter(&r, TLV_MAGIC_PROTECTED, &room, &protected);
    if (err != OTA_OK) {
        return err;
    }
    if (OTA_IMAGE_TLVS_MAX - room != h->protected_size) {
        return OTA_E_IMAGE_FORMAT;
    }
    err = enter(&r, TLV_MAGIC, &room, &unprotected);
    if (err != OTA_OK) {
        return err;
    }
    if (!read_protected(image, &protected) || !read_unprotected(image, unprotected)) {
        return OTA_E_IMAGE_FORMAT;
    }
    image->header = *h;
    image->size = ota_image_tlvs_offset(h) + (uint32_t)(OTA_IMAGE_TLVS_MAX - room);
    return OTA_OK;
}

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
