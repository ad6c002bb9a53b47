#include "usb.h"
#include <string.h>

#define DOCUMENT "job.json"
#define IMAGE    "image.img"

static ota_err_t read_image(struct usb *u, uint32_t offset, struct ota_buf into)
{
    return u->stick.read(u->stick.context, IMAGE, offset, into) == into.cap
               ? OTA_OK
               : OTA_E_TRUNCATED; /* shorter than the document says, or pulled out */
}

/* The slot as COPY will leave it: the image, and erased bytes behind it. */
static ota_err_t read_as_slot(struct ota_flash *slot, uint32_t offset, struct ota_buf into)
{
    struct usb *const u = (struct usb *)slot;
    const struct installer *const in = &u->installer;
    const uint32_t at = offset - ota_store_image_region(in->cfg.store, in->slot).offset;
    const uint32_t left = at < u->size ? u->size - at : 0;
    const struct ota_buf room = { into.ptr, left < into.cap ? left : into.cap };
    memset(into.ptr + room.cap, slot->erased, into.cap - room.cap);
    return room.cap == 0 ? OTA_OK : read_image(u, at, room);
}

static const struct ota_flash_ops stick_ops = { .read = read_as_slot }; /* nobody writes */

void usb_init(struct usb *u, const struct installer_cfg *cfg, const struct usb_stick *stick)
{
    u->stick = *stick;
    u->state = USB_LOOK;
    u->installer.cfg = *cfg;
    u->slot = *cfg->store->flash;
    u->slot.ops = &stick_ops;
    memset(u->failed, 0, sizeof u->failed);
}

/* Whether the image on the stick is newer than the one that runs, and not the one that has failed here. */
static ota_err_t is_wanted(struct usb *u)
{
    struct ota_store *const store = u->installer.cfg.store;
    const enum ota_slot own = u->installer.cfg.running, other = ota_slot_other(own);
    const struct ota_region here = ota_store_image_region(store, own);
    const struct ota_region there = ota_store_image_region(store, other);
    struct ota_store_facts facts;
    struct ota_image_header offered, runs, failed;
    uint8_t head[OTA_IMAGE_HEADER_SIZE];
    const size_t len = u->stick.read(u->stick.context, IMAGE, 0, OTA_BUF_OF(head));
    ota_err_t err = ota_image_header_read((struct ota_span){ head, len }, &offered);
    if (err == OTA_OK) {
        err = ota_image_header_from_flash(store->flash, &here, &runs);
    }
    if (err == OTA_OK) {
        err = ota_store_facts(store, &facts);
    }
    if (err != OTA_OK) {
        return err;
    }
    if (ota_version_compare(offered.version, runs.version) <= 0) {
        return OTA_E_NOT_FOUND;
    }
    const bool tried = facts.slot[other].magic == OTA_MARK_SET && facts.slot[other].trials > 0;
    return tried && ota_image_header_from_flash(store->flash, &there, &failed) == OTA_OK &&
                   ota_version_compare(offered.version, failed.version) == 0
               ? OTA_E_NOT_FOUND
               : OTA_OK;
}

static ota_err_t look(struct usb *u)
{
    struct ota_json document;
    struct ota_jobdoc doc;
    struct ota_jobdoc_file file;
    const size_t len = u->stick.read(u->stick.context, DOCUMENT, 0, OTA_BUF_OF(u->room));
    if (len == 0) {
        memset(u->failed, 0, sizeof u->failed); /* pulled out: the next one is another */
        return OTA_E_NOT_FOUND;
    }
    if (len == sizeof u->room) {
        return OTA_E_JOB_TOO_LARGE;
    }
    ota_err_t err = ota_json_parse((struct ota_span){ u->room, len }, &document);
    if (err == OTA_OK) {
        err = ota_jobdoc_read(&document, &doc);
    }
    if (err == OTA_OK) {
        err = ota_jobdoc_choose(&doc, (unsigned)ota_slot_other(u->installer.cfg.running), &file);
    }
    if (err == OTA_OK) {
        err = is_wanted(u);
    }
    if (err == OTA_OK) {
        err = installer_begin(&u->installer, &file);
    }
    if (err != OTA_OK) {
        return err;
    }
    if (memcmp(u->failed, u->installer.signature, sizeof u->failed) == 0) {
        return OTA_E_NOT_FOUND;
    }
    u->size = file.size;
    u->copied = 0;
    u->state = USB_CHECK;
    return OTA_OK;
}

static ota_err_t check(struct usb *u)
{
    bool done;
    const ota_err_t err = installer_check(&u->installer, &u->slot, &done);
    u->state = done ? USB_ERASE : USB_CHECK;
    return err;
}

static ota_err_t copy(struct usb *u)
{
    const uint32_t left = u->size - u->copied;
    const struct ota_buf room = { u->room, left < USB_BLOCK ? left : USB_BLOCK };
    ota_err_t err = read_image(u, u->copied, room);
    if (err == OTA_OK) {
        err = ota_store_write(u->installer.cfg.store, u->installer.slot, u->copied,
                              (struct ota_span){ room.ptr, room.cap });
    }
    u->copied += (uint32_t)room.cap;
    u->state = u->copied == u->size ? USB_VERIFY : USB_COPY;
    return err;
}

static ota_err_t verify(struct usb *u)
{
    const struct ota_verified_image *image;
    ota_err_t err = installer_verify(&u->installer, &image);
    if (err == OTA_OK && image != NULL) {
        err = ota_store_activate(u->installer.cfg.store, image);
        u->state = USB_READY;
    }
    return err;
}

static ota_err_t erase(struct usb *u)
{
    bool done;
    const ota_err_t err = installer_erase(&u->installer, &done);
    u->state = done ? USB_COPY : USB_ERASE;
    return err;
}

ota_err_t usb_step(struct usb *u)
{
    ota_err_t err = OTA_OK;
    switch (u->state) {
    case USB_LOOK: err = look(u); break;
    case USB_CHECK: err = check(u); break;
    case USB_ERASE: err = erase(u); break;
    case USB_COPY: err = copy(u); break;
    case USB_VERIFY: err = verify(u); break;
    case USB_READY: break;
    }
    if (err != OTA_OK) {
        if (u->state >= USB_ERASE) {
            memcpy(u->failed, u->installer.signature, sizeof u->failed);
        }
        u->state = USB_LOOK;
    }
    return err;
}
