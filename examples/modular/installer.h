/*
 * Installer: a file into the slot that does not run, and proof that it may. Two examples use it: what
 * brings the bytes, and who wants to know, is theirs.
 *
 *     installer_begin   what the file is, and who signed for it
 *     installer_check   if the whole file is at hand: may it run here? Asked before anything is erased
 *     installer_erase   until done
 *     ota_store_write   every byte of it, in any order
 *     installer_verify  until there is a verified image; ota_store_activate() takes nothing else
 */
#ifndef INSTALLER_H
#define INSTALLER_H

#include "ota/jobdoc.h"
#include "ota/store.h"

struct installer_cfg {
    struct ota_store *store; /* opened */
    struct ota_crypto *crypto;
    const struct ota_trust *trust;
    enum ota_slot running;
};

struct installer {
    struct installer_cfg cfg; /* the caller's to set */
    enum ota_slot slot;       /* that is filled: the one that does not run */
    uint32_t erased;          /* bytes of it */
    bool verifying;
    uint8_t signature[OTA_P256_RS_SIZE]; /* of the deployment, over the file */
    struct ota_verify verify;
};

/** @return OTA_OK; OTA_E_JOB_UNSIGNED, OTA_E_JOB_SIGNATURE, OTA_E_IMAGE_SIZE: not for this device; nothing was touched. */
OTA_MUST_CHECK ota_err_t installer_begin(struct installer *in, const struct ota_jobdoc_file *file);

/** One sector more. @param done  out, on OTA_OK: whether the slot is empty and may be written. */
OTA_MUST_CHECK ota_err_t installer_erase(struct installer *in, bool *done);

/**
 * A piece more of a file that is not in its slot yet, all that installer_verify() will ask of it: so that what
 * must not run here does not cost the slot's content. It proves nothing of the slot.
 *
 * @param as_flash  whose reads of the slot give the file's bytes, and erased ones behind them.
 * @param done  out, on OTA_OK: whether all of it is good.
 */
OTA_MUST_CHECK ota_err_t installer_check(struct installer *in, struct ota_flash *as_flash,
                                         bool *done);

/** A piece more of reading back. @param image  out, on OTA_OK: NULL while there is more to do. */
OTA_MUST_CHECK ota_err_t installer_verify(struct installer *in,
                                          const struct ota_verified_image **image);

/**
 * After the reset, in the image that was installed: it is good. Confirm it, and close the way back to images that
 * are older than it says they may be.
 */
OTA_MUST_CHECK ota_err_t installer_confirm(struct installer *in);

#endif
