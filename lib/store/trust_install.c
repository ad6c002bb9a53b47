/* Replacing trust by a keyset; and the broker's certificates. The bootloader links none of it. */
#include "ota/store_trust.h"
#include "records.h"
#include <string.h>

/* --- is it for this device, and from its owner? ----------------------------------- */

/*
 * A keyset is checked as if it were an image: the same code, the same order, the same anchors. What
 * it does not say of itself it takes from the device.
 */
static ota_err_t check_origin(struct ota_keyset_room *room, struct ota_crypto *c)
{
    struct ota_image *const as_image = &room->image;
    memset(as_image, 0, sizeof *as_image);
    memcpy(as_image->vendor, room->next.trust.vendor, OTA_UUID_SIZE);
    memcpy(as_image->class_id, room->next.trust.class_id, OTA_UUID_SIZE);
    as_image->hw_max = UINT16_MAX;
    as_image->signature_count = 1;
    as_image->signatures[0] = room->next.signature;

    ota_err_t err = c->ops->sha256_begin(c, &room->hash);
    if (err == OTA_OK) {
        err = c->ops->sha256_update(c, &room->hash, room->next.covered);
    }
    if (err == OTA_OK) {
        err = c->ops->sha256_peek(c, &room->hash, as_image->digest);
    }
    if (err == OTA_OK) {
        err = ota_image_check(as_image, &room->now, 0, c);
    }
    if (err == OTA_E_IMAGE_VENDOR || err == OTA_E_IMAGE_CLASS) {
        return OTA_E_KEYSET_DEVICE;
    }
    return err == OTA_OK || err == OTA_E_CRYPTO ? err : OTA_E_KEYSET_SIGNATURE;
}

/* --- are its keys fit to be trusted? ------------------------------------------------ */

static ota_err_t check_anchors(struct ota_crypto *c, const struct ota_anchor *anchors,
                               uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ota_anchor made;
        const ota_err_t err = ota_anchor_make(c, anchors[i].key, &made);
        if (err != OTA_OK) {
            return err;
        }
        if (memcmp(made.key_id, anchors[i].key_id, OTA_DIGEST_SIZE) != 0) {
            return OTA_E_KEYSET_FORMAT;
        }
        if (ota_key_is_sample(made.key_id)) {
            return OTA_E_KEY_SAMPLE;
        }
    }
    return OTA_OK;
}

static ota_err_t check_keys(const struct ota_trust *next, struct ota_crypto *c)
{
    const ota_err_t err = check_anchors(c, next->release, next->release_count);
    return err != OTA_OK ? err : check_anchors(c, next->deployment, next->deployment_count);
}

/* What was revoked once stays so. */
static ota_err_t check_revocations(struct ota_store *s, const struct ota_keyset_room *room)
{
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(&s->trust, &record);
    for (uint32_t i = 0; err == OTA_OK && i < room->now.revoked_count; i++) {
        uint8_t key_id[OTA_DIGEST_SIZE];
        const uint32_t at = ota_keyset_revoked_offset(&room->now) + i * OTA_DIGEST_SIZE;
        err = ota_log_payload(&s->trust, &record, at, OTA_BUF_OF(key_id));
        if (err == OTA_OK && !ota_keyset_revokes(&room->next, key_id)) {
            return OTA_E_KEYSET_REVOKED;
        }
    }
    return err;
}

/* --- would the device go on? ---------------------------------------------------------- */

/* A trial's way back is an image that may know only the old keys; so is the trial's own verdict. */
static ota_err_t check_confirmed(struct ota_store *s, enum ota_slot running)
{
    struct ota_store_facts facts;
    const ota_err_t err = ota_store_facts(s, &facts);
    if (err != OTA_OK) {
        return err;
    }
    const struct ota_slot_facts *const own = &facts.slot[running];
    const bool trial = own->magic == OTA_MARK_SET && own->image_ok != OTA_MARK_SET;
    return trial ? OTA_E_STATE : OTA_OK;
}

/* Look before you burn. That the bytes are those of the digest, the bootloader has seen. */
static ota_err_t check_running(struct ota_store *s, struct ota_crypto *c, enum ota_slot running,
                               struct ota_keyset_room *room)
{
    room->next.trust.hw_revision = room->now.hw_revision;
    ota_err_t err =
        ota_image_from_flash(s->flash, ota_store_image_region(s, running), &room->image);
    if (err == OTA_OK) {
        err = ota_image_check(&room->image, &room->next.trust, 0, c);
    }
    return ota_err_class(err) == OTA_CLASS_IMAGE ? OTA_E_KEYSET_STRANDS : err;
}

static ota_err_t check(struct ota_store *s, struct ota_crypto *c, enum ota_slot running,
                       struct ota_span document, struct ota_keyset_room *room)
{
    ota_err_t err = ota_store_trust(s, &room->now);
    if (err == OTA_OK) {
        err = ota_keyset_read(document, &room->next);
    }
    if (err == OTA_OK) {
        err = check_origin(room, c);
    }
    if (err == OTA_OK && room->next.trust.version <= room->now.version) {
        return OTA_E_KEYSET_VERSION;
    }
    if (err == OTA_OK) {
        err = check_revocations(s, room);
    }
    if (err == OTA_OK) {
        err = check_keys(&room->next.trust, c);
    }
    if (err == OTA_OK) {
        err = check_confirmed(s, running);
    }
    return err == OTA_OK ? check_running(s, c, running, room) : err;
}

/* --- the deed --------------------------------------------------------------------------- */

static void put_hw_revision(struct ota_buf document, uint16_t revision)
{
    document.ptr[OTA_KEYSET_HW_OFFSET] = (uint8_t)revision;
    document.ptr[OTA_KEYSET_HW_OFFSET + 1u] = (uint8_t)(revision >> 8);
}

ota_err_t ota_store_keyset_install(struct ota_store *s, struct ota_crypto *c, enum ota_slot running,
                                   struct ota_buf document, struct ota_keyset_room *room)
{
    const struct ota_span bytes = { document.ptr, document.cap };
    ota_err_t err = check(s, c, running, bytes, room);
    if (err != OTA_OK) {
        return err;
    }
    /* The record is the document, and what the device knows of itself in a field that it keeps free. */
    put_hw_revision(document, room->now.hw_revision);
    err = ota_log_append(&s->trust, OTA_LOG_TRUST, bytes);
    put_hw_revision(document, 0);
    return err;
}

ota_err_t ota_store_ca(struct ota_store *s, const struct ota_trust *trust, uint32_t index,
                       struct ota_buf into, struct ota_span *der)
{
    struct ota_log_record record;
    ota_err_t err = ota_log_newest(&s->trust, &record);
    if (err != OTA_OK) {
        return err;
    }
    if (index >= OTA_KEYSET_CAS_MAX || trust->ca_size[index] == 0) {
        return OTA_E_NOT_FOUND;
    }
    const uint32_t size = trust->ca_size[index];
    if (size > into.cap) {
        return OTA_E_TOO_LARGE;
    }
    err = ota_log_payload(&s->trust, &record, ota_keyset_ca_offset(trust, index),
                          (struct ota_buf){ into.ptr, size });
    if (err == OTA_OK) {
        *der = (struct ota_span){ into.ptr, size };
    }
    return err;
}
