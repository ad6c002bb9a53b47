#include "installer.h"

/* Read back per step: some milliseconds of hashing. */
#define VERIFY_STEP 4096u

ota_err_t installer_begin(struct installer *in, const struct ota_jobdoc_file *file)
{
    const ota_err_t err = ota_jobdoc_signature(file, in->signature);
    if (err != OTA_OK) {
        return err;
    }
    in->slot = ota_slot_other(in->cfg.running);
    in->erased = 0;
    in->verifying = false;
    return file->size <= ota_store_image_region(in->cfg.store, in->slot).size ? OTA_OK
                                                                              : OTA_E_IMAGE_SIZE;
}

ota_err_t installer_erase(struct installer *in, bool *done)
{
    const uint32_t size = in->cfg.store->layout->slot[in->slot].size;
    const ota_err_t err = ota_store_erase_step(in->cfg.store, in->slot, &in->erased);
    *done = in->erased == size;
    return err == OTA_OK && *done ? ota_store_mark_download(in->cfg.store, in->slot) : err;
}

static ota_err_t begin_verifying(struct installer *in, struct ota_flash *flash)
{
    struct ota_store_facts facts;
    const ota_err_t err = ota_store_facts(in->cfg.store, &facts);
    if (err == OTA_OK) {
        const struct ota_verify_cfg cfg = {
            .flash = flash,
            .crypto = in->cfg.crypto,
            .trust = in->cfg.trust,
            .where = ota_store_image_region(in->cfg.store, in->slot),
            .counter_min = facts.counter,
        };
        ota_verify_begin(&in->verify, &cfg);
        in->verifying = true;
    }
    return err;
}

static ota_err_t verify(struct installer *in, struct ota_flash *flash,
                        const struct ota_verified_image **image)
{
    *image = NULL;
    if (!in->verifying) {
        return begin_verifying(in, flash);
    }
    const ota_err_t err = ota_verify_step(&in->verify, VERIFY_STEP, image);
    if (err != OTA_OK || *image == NULL) {
        return err;
    }
    /* The release key's word is good: it may run here. Did the operator want it here, too? */
    return ota_deployment_check((*image)->file_digest, in->signature, in->cfg.trust,
                                in->cfg.crypto);
}

ota_err_t installer_check(struct installer *in, struct ota_flash *as_flash, bool *done)
{
    const struct ota_verified_image *image; /* stays here: what is in the slot is another thing */
    const ota_err_t err = verify(in, as_flash, &image);
    *done = err == OTA_OK && image != NULL;
    in->verifying = in->verifying && !*done;
    return err;
}

ota_err_t installer_verify(struct installer *in, const struct ota_verified_image **image)
{
    return verify(in, in->cfg.store->flash, image);
}

ota_err_t installer_confirm(struct installer *in)
{
    struct ota_image own;
    const struct ota_region where = ota_store_image_region(in->cfg.store, in->cfg.running);
    ota_err_t err = ota_image_from_flash(in->cfg.store->flash, where, &own);
    if (err == OTA_OK) {
        err = ota_store_confirm(in->cfg.store, in->cfg.running);
    }
    return err == OTA_OK ? ota_store_counter_raise(in->cfg.store, own.counter) : err;
}
