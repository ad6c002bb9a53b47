#include "image_priv.h"
#include <string.h>

/* One entry; `value` is `len` bytes. */
struct tlv {
    uint16_t type, len;
    const uint8_t *value;
};

/*
 * Step over the next entry. False at the end, and where what is left is no entry: then it stays, so
 * that who has walked to the end and finds something left knows.
 */
static bool next(struct ota_span *area, struct tlv *t)
{
    if (area->len < OTA_TLV_ENTRY_SIZE) {
        return false;
    }
    t->type = image_u16(area->ptr);
    t->len = image_u16(area->ptr + 2);
    t->value = area->ptr + OTA_TLV_ENTRY_SIZE;
    if (t->len > area->len - OTA_TLV_ENTRY_SIZE) {
        return false;
    }
    area->ptr = t->value + t->len;
    area->len -= OTA_TLV_ENTRY_SIZE + t->len;
    return true;
}

IMAGE_OUTLINED bool copy(const struct tlv *t, uint8_t *into, size_t size)
{
    if (t->len != size) {
        return false;
    }
    memcpy(into, t->value, size);
    return true;
}

/* --- protected area ---------------------------------------------------------- */

/* What an image must say of itself, as bits: absent never means unchecked. */
enum { SAID_COUNTER = 1, SAID_VENDOR = 2, SAID_CLASS = 4, SAID_ALL = 7 };

/*
 * What we do not know may be among them: the release key signed it, and older devices must be able
 * to install newer images.
 */
static bool read_one(const struct tlv *t, struct ota_image *image, unsigned *said)
{
    switch (t->type) {
    case OTA_TLV_COUNTER:
        if (t->len != OTA_TLV_COUNTER_SIZE) {
            return false;
        }
        *said |= SAID_COUNTER;
        image->counter = image_u32(t->value);
        return true;
    case OTA_TLV_VENDOR: *said |= SAID_VENDOR; return copy(t, image->vendor, OTA_UUID_SIZE);
    case OTA_TLV_CLASS: *said |= SAID_CLASS; return copy(t, image->class_id, OTA_UUID_SIZE);
    case OTA_TLV_HARDWARE:
        if (t->len != OTA_TLV_HARDWARE_SIZE) {
            return false;
        }
        image->hw_min = image_u16(t->value);
        image->hw_max = image_u16(t->value + 2);
        return image->hw_min <= image->hw_max;
    case OTA_TLV_DEPENDENCY:
        if (t->len != OTA_TLV_DEPENDENCY_SIZE) {
            return false;
        }
        /* Only image 0 is here, and this is it. */
        image->dependency_unmet |=
            image_u32(t->value) != 0 ||
            ota_version_compare(image->header.version, image_version(t->value + 4)) < 0;
        return true;
    default: return true;
    }
}

/* Entries that fill the area, each of a type of its own, but for dependencies. */
static bool read_protected(struct ota_image *image, struct ota_span area)
{
    struct tlv t, other;
    unsigned said = 0;
    image->hw_min = 0;
    image->hw_max = UINT16_MAX;
    image->dependency_unmet = false;
    while (next(&area, &t)) {
        struct ota_span rest = area;
        while (t.type != OTA_TLV_DEPENDENCY && next(&rest, &other)) {
            if (other.type == t.type) {
                return false;
            }
        }
        if (!read_one(&t, image, &said)) {
            return false;
        }
    }
    return area.len == 0 && said == SAID_ALL;
}

/* --- unprotected area --------------------------------------------------------- */

/* A key id, just read, and behind it its signature. */
static bool read_signature(struct ota_image *image, struct tlv *t, struct ota_span *area)
{
    if (image->signature_count == OTA_IMAGE_SIGNATURES_MAX) {
        return false;
    }
    struct ota_image_signature *const s = &image->signatures[image->signature_count++];
    if (!copy(t, s->key_id, OTA_DIGEST_SIZE) || !next(area, t)) {
        return false;
    }
    s->kind = OTA_KEY_ED25519;
    if (t->type == OTA_TLV_ED25519) {
        return copy(t, s->rs, OTA_P256_RS_SIZE);
    }
    s->kind = OTA_KEY_P256;
    return t->type == OTA_TLV_ECDSA &&
           ota_signature_from_der((struct ota_span){ t->value, t->len }, s->rs) == OTA_OK;
}

/* Nobody signed these bytes, so nothing is skipped: one digest, and pairs of key id and signature. */
static bool read_unprotected(struct ota_image *image, struct ota_span area)
{
    struct tlv t;
    bool has_digest = false;
    image->signature_count = 0;
    while (next(&area, &t)) {
        bool good = false;
        if (t.type == OTA_TLV_KEY_ID) {
            good = read_signature(image, &t, &area);
        } else if (t.type == OTA_TLV_DIGEST && !has_digest) {
            good = has_digest = copy(&t, image->digest, OTA_DIGEST_SIZE);
        }
        if (!good) {
            return false;
        }
    }
    return area.len == 0 && has_digest;
}

/* --- both ------------------------------------------------------------------------ */

/*
 * Step into an area, over which `left` steps: `area` is its entries. The whole area must fit into
 * `*room`, which shrinks by it.
 */
static ota_err_t enter(struct ota_span *left, uint16_t magic, uint32_t *room, struct ota_span *area)
{
    if (left->len < OTA_TLV_INFO_SIZE) {
        return OTA_E_TRUNCATED;
    }
    const uint32_t size = image_u16(left->ptr + 2);
    if (image_u16(left->ptr) != magic || size < OTA_TLV_INFO_SIZE || size > *room) {
        return OTA_E_IMAGE_FORMAT;
    }
    if (size > left->len) {
        return OTA_E_TRUNCATED;
    }
    *room -= size;
    *area = (struct ota_span){ left->ptr + OTA_TLV_INFO_SIZE, size - OTA_TLV_INFO_SIZE };
    left->ptr += size;
    left->len -= size;
    return OTA_OK;
}

ota_err_t image_read_areas(const struct ota_image_header *h, struct ota_span tlvs,
                           struct ota_image *image)
{
    struct ota_span protected, unprotected;
    uint32_t room = OTA_IMAGE_TLVS_MAX;

    ota_err_t err = enter(&tlvs, OTA_TLV_MAGIC_PROTECTED, &room, &protected);
    if (err != OTA_OK) {
        return err;
    }
    if (protected.len + OTA_TLV_INFO_SIZE != h->protected_size) {
        return OTA_E_IMAGE_FORMAT;
    }
    err = enter(&tlvs, OTA_TLV_MAGIC, &room, &unprotected);
    if (err != OTA_OK) {
        return err;
    }
    image->header = *h;
    image->size = ota_image_tlvs_offset(h) + OTA_IMAGE_TLVS_MAX - room;
    const bool good = read_protected(image, protected) && read_unprotected(image, unprotected);
    return good ? OTA_OK : OTA_E_IMAGE_FORMAT;
}
