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

/* `size` bytes; whoever asked sees by `r` whether they were there. */
static void take(struct ota_reader *r, uint8_t *into, size_t size)
{
    const struct ota_span bytes = ota_read_bytes(r, size);
    if (bytes.len > 0) {
        memcpy(into, bytes.ptr, bytes.len);
    }
}

/* --- protected area ---------------------------------------------------------- */

/* What an image must say of itself, as bits: absent never means unchecked. */
enum { SAID_COUNTER = 1, SAID_VENDOR = 2, SAID_CLASS = 4, SAID_ALL = 7 };

/* Only image 0 is here, and this is it. */
static void read_dependency(struct ota_reader *r, struct ota_image *image)
{
    const struct ota_version own = image->header.version;
    const bool other = ota_read_u32le(r) != 0;
    const struct ota_version wanted = image_read_version(r);
    image->dependency_unmet |= other || ota_version_compare(own, wanted) < 0;
}

/*
 * What we do not know may be among them: the release key signed it, and older devices must be able
 * to install newer images.
 */
static bool read_one(const struct tlv *t, struct ota_image *image, unsigned *said)
{
    struct ota_reader r = ota_reader(t->value);
    switch (t->type) {
    case TLV_COUNTER:
        image->counter = ota_read_u32le(&r);
        *said |= SAID_COUNTER;
        break;
    case TLV_VENDOR:
        take(&r, image->vendor, OTA_UUID_SIZE);
        *said |= SAID_VENDOR;
        break;
    case TLV_CLASS:
        take(&r, image->class_id, OTA_UUID_SIZE);
        *said |= SAID_CLASS;
        break;
    case TLV_HARDWARE:
        image->hw_min = ota_read_u16le(&r);
        image->hw_max = ota_read_u16le(&r);
        r.bad |= image->hw_min > image->hw_max;
        break;
    case TLV_DEPENDENCY: read_dependency(&r, image); break;
    default: return true;
    }
    return !r.bad && ota_reader_left(&r) == 0;
}

/* Does the rest of an area hold `type` once more? */
static bool comes_again(struct ota_reader area, uint16_t type)
{
    while (ota_reader_left(&area) > 0) {
        if (next(&area).type == type) {
            return true;
        }
    }
    return false;
}

/* Entries that fill the area, each of a type of its own, but for dependencies. */
static bool read_protected(struct ota_image *image, struct ota_reader area)
{
    unsigned said = 0;
    image->hw_min = 0;
    image->hw_max = UINT16_MAX;
    image->dependency_unmet = false;
    while (ota_reader_left(&area) > 0) {
        const struct tlv t = next(&area);
        if (area.bad || (t.type != TLV_DEPENDENCY && comes_again(area, t.type)) ||
            !read_one(&t, image, &said)) {
            return false;
        }
    }
    return said == SAID_ALL;
}

/* --- unprotected area --------------------------------------------------------- */

static bool read_value(const struct tlv *t, uint8_t *into, size_t size)
{
    if (t->value.len != size) {
        return false;
    }
    memcpy(into, t->value.ptr, size);
    return true;
}

/* A key id, just read, and behind it its signature. */
static bool read_signature(struct ota_image *image, const struct tlv *key_id,
                           struct ota_reader *area)
{
    if (image->signature_count == OTA_IMAGE_SIGNATURES_MAX) {
        return false;
    }
    struct ota_image_signature *const s = &image->signatures[image->signature_count++];
    const struct tlv t = next(area);
    if (!read_value(key_id, s->key_id, OTA_DIGEST_SIZE)) {
        return false;
    }
    s->kind = t.type == TLV_ED25519 ? OTA_KEY_ED25519 : OTA_KEY_P256;
    if (t.type == TLV_ED25519) {
        return read_value(&t, s->rs, OTA_P256_RS_SIZE);
    }
    return t.type == TLV_ECDSA && ota_signature_from_der(t.value, s->rs) == OTA_OK;
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
            good = read_signature(image, &t, &area);
        } else if (t.type == TLV_DIGEST && !has_digest) {
            good = has_digest = read_value(&t, image->digest, OTA_DIGEST_SIZE);
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
    image->header = *h;
    image->size = ota_image_tlvs_offset(h) + (uint32_t)(OTA_IMAGE_TLVS_MAX - room);
    const bool good = read_protected(image, protected) && read_unprotected(image, unprotected);
    return good ? OTA_OK : OTA_E_IMAGE_FORMAT;
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
