#include "image_priv.h"
#include <string.h>

/* --- entries -------------------------------------------------------------------- */

static uint16_t type_of(const uint8_t *entry)
{
    return ota_get_u16le(entry);
}

static uint16_t len_of(const uint8_t *entry)
{
    return ota_get_u16le(entry + 2);
}

static const uint8_t *value_of(const uint8_t *entry)
{
    return entry + OTA_TLV_ENTRY_SIZE;
}

/*
 * Step over the next entry. NULL at the end, and where what is left is no entry: then it stays, so
 * that who has walked to the end and finds something left knows.
 */
static const uint8_t *next(struct ota_span *area)
{
    const uint8_t *const entry = area->ptr;
    if (area->len < OTA_TLV_ENTRY_SIZE || len_of(entry) > area->len - OTA_TLV_ENTRY_SIZE) {
        return NULL;
    }
    area->ptr = value_of(entry) + len_of(entry);
    area->len -= OTA_TLV_ENTRY_SIZE + len_of(entry);
    return entry;
}

OTA_APART static bool copy(const uint8_t *entry, uint8_t *into, size_t size)
{
    if (len_of(entry) != size) {
        return false;
    }
    memcpy(into, value_of(entry), size);
    return true;
}

/* --- protected area ---------------------------------------------------------- */

/* Counter, vendor and class: what an image must say of itself, for absent never means unchecked. */
#define REQUIRED 3u

/*
 * What we do not know may be among them: the release key signed it, and older devices must be able
 * to install newer images.
 */
static bool read_one(const uint8_t *entry, struct ota_image *image, unsigned *required)
{
    const uint8_t *const value = value_of(entry);
    switch (type_of(entry)) {
    case OTA_TLV_COUNTER:
        if (len_of(entry) != OTA_TLV_COUNTER_SIZE) {
            return false;
        }
        ++*required;
        image->counter = ota_get_u32le(value);
        return true;
    case OTA_TLV_VENDOR: ++*required; return copy(entry, image->vendor, OTA_UUID_SIZE);
    case OTA_TLV_CLASS: ++*required; return copy(entry, image->class_id, OTA_UUID_SIZE);
    case OTA_TLV_HARDWARE:
        if (len_of(entry) != OTA_TLV_HARDWARE_SIZE) {
            return false;
        }
        image->hw_min = ota_get_u16le(value);
        image->hw_max = ota_get_u16le(value + 2);
        return image->hw_min <= image->hw_max;
    case OTA_TLV_DEPENDENCY:
        if (len_of(entry) != OTA_TLV_DEPENDENCY_SIZE) {
            return false;
        }
        /* Only image 0 is here, and this is it. */
        if (ota_get_u32le(value) != 0 ||
            ota_version_compare(image->header.version, image_version(value + 4)) < 0) {
            image->dependency_unmet = true;
        }
        return true;
    default: return true;
    }
}

/* Entries that fill the area, each of a type of its own, but for dependencies. */
OTA_APART static bool read_protected(struct ota_image *image, struct ota_span *area)
{
    const uint8_t *entry, *other;
    unsigned required = 0;
    image->hw_min = 0;
    image->hw_max = UINT16_MAX;
    image->dependency_unmet = false;
    while ((entry = next(area)) != NULL) {
        struct ota_span rest = *area;
        while (type_of(entry) != OTA_TLV_DEPENDENCY && (other = next(&rest)) != NULL) {
            if (type_of(other) == type_of(entry)) {
                return false;
            }
        }
        if (!read_one(entry, image, &required)) {
            return false;
        }
    }
    return area->len == 0 && required == REQUIRED;
}

/* --- unprotected area --------------------------------------------------------- */

/* A key id, just read, and behind it its signature. */
static bool read_signature(struct ota_image *image, const uint8_t *entry, struct ota_span *area)
{
    if (image->signature_count == OTA_IMAGE_SIGNATURES_MAX) {
        return false;
    }
    struct ota_image_signature *const s = &image->signatures[image->signature_count++];
    if (!copy(entry, s->key_id, OTA_DIGEST_SIZE) || (entry = next(area)) == NULL) {
        return false;
    }
    s->kind = OTA_KEY_ED25519;
    if (type_of(entry) == OTA_TLV_ED25519) {
        return copy(entry, s->rs, OTA_P256_RS_SIZE);
    }
    s->kind = OTA_KEY_P256;
    return type_of(entry) == OTA_TLV_ECDSA &&
           image_read_der((struct ota_span){ value_of(entry), len_of(entry) }, s->rs);
}

/* Nobody signed these bytes, so nothing is skipped: one digest, and pairs of key id and signature. */
static bool read_unprotected(struct ota_image *image, struct ota_span *area)
{
    const uint8_t *entry;
    bool has_digest = false;
    image->signature_count = 0;
    while ((entry = next(area)) != NULL) {
        bool good = false;
        if (type_of(entry) == OTA_TLV_KEY_ID) {
            good = read_signature(image, entry, area);
        } else if (type_of(entry) == OTA_TLV_DIGEST && !has_digest) {
            good = has_digest = copy(entry, image->digest, OTA_DIGEST_SIZE);
        }
        if (!good) {
            return false;
        }
    }
    return area->len == 0 && has_digest;
}

/* --- both ------------------------------------------------------------------------ */

/* Both areas, one behind the other; `room` is how large the next one may be. */
struct areas {
    struct ota_span left;
    uint32_t room;
};

/* Step over an area, which must fit the room: `area` is its entries. */
static ota_err_t enter(struct areas *all, uint16_t magic, struct ota_span *area)
{
    const uint8_t *const info = all->left.ptr;
    if (all->left.len < OTA_TLV_INFO_SIZE) {
        return OTA_E_TRUNCATED;
    }
    const uint32_t size = ota_get_u16le(info + 2);
    if (ota_get_u16le(info) != magic || size < OTA_TLV_INFO_SIZE || size > all->room) {
        return OTA_E_IMAGE_FORMAT;
    }
    if (size > all->left.len) {
        return OTA_E_TRUNCATED;
    }
    all->left.ptr += size;
    all->left.len -= size;
    all->room -= size;
    area->ptr = info + OTA_TLV_INFO_SIZE;
    area->len = size - OTA_TLV_INFO_SIZE;
    return OTA_OK;
}

ota_err_t image_read_areas(const struct ota_image_header *h, struct ota_span tlvs,
                           struct ota_image *image)
{
    struct areas all = { tlvs, OTA_IMAGE_TLVS_MAX };
    struct ota_span protected, unprotected;
    ota_err_t err = enter(&all, OTA_TLV_MAGIC_PROTECTED, &protected);
    if (err == OTA_OK && protected.len + OTA_TLV_INFO_SIZE != h->protected_size) {
        err = OTA_E_IMAGE_FORMAT;
    }
    if (err == OTA_OK) {
        err = enter(&all, OTA_TLV_MAGIC, &unprotected);
    }
    if (err != OTA_OK) {
        return err;
    }
    image->header = *h;
    image->size = ota_image_tlvs_offset(h) + OTA_IMAGE_TLVS_MAX - all.room;
    const bool good = read_protected(image, &protected) && read_unprotected(image, &unprotected);
    return good ? OTA_OK : OTA_E_IMAGE_FORMAT;
}
