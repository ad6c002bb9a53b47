#include "ota/boot.h"
#include <stddef.h>

/* All at once: a bootloader has nothing else to do between two steps. */
#define VERIFY_WHOLE UINT32_MAX

/* --- facts ------------------------------------------------------------------------------------ */

/* An error here means that nothing can be decided; a slot without an image is a fact like others. */
static ota_err_t gather(const struct ota_boot_cfg *cfg, struct ota_boot_facts *facts,
                        ota_err_t why_not[OTA_SLOT_COUNT])
{
    struct ota_store *const store = cfg->store;
    struct ota_store_facts found;
    const ota_err_t err = ota_store_facts(store, &found);
    if (err != OTA_OK) {
        return err;
    }
    cfg->scratch->cfg.counter_min = found.counter;
    for (enum ota_slot i = OTA_SLOT_A; i <= OTA_SLOT_B; i++) {
        struct ota_boot_slot *const slot = &facts->slot[i];
        struct ota_image_header h;
        h.version = (struct ota_version){ 0 };
        /* Only the header: that the image may run is taken for granted until it would. */
        const struct ota_region where = ota_store_image_region(store, i);
        why_not[i] = ota_image_header_from_flash(store->flash, &where, &h);
        slot->trailer = found.slot[i];
        slot->version = h.version;
        slot->verifies = why_not[i] == OTA_OK ? OTA_YES : OTA_NO;
    }
    return OTA_OK;
}

/* --- the chosen image -------------------------------------------------------------------------- */

/* Verify the image that was chosen, and count its trial. */
OTA_APART static ota_err_t prepare(const struct ota_boot_cfg *cfg, const struct ota_trust *trust,
                                   struct ota_boot_result *result)
{
    const enum ota_slot slot = result->verdict.slot;
    struct ota_verify *const v = cfg->scratch;
    v->cfg.flash = cfg->store->flash;
    v->cfg.crypto = cfg->crypto;
    v->cfg.trust = trust;
    v->cfg.where = ota_store_image_region(cfg->store, slot);
    ota_verify_begin(v, &v->cfg);
    const ota_err_t err = ota_verify_step(v, VERIFY_WHOLE, &result->image);
    if (err != OTA_OK || !result->verdict.mark) {
        return err;
    }
    return ota_store_trial(cfg->store, slot);
}

bool ota_boot_proved(const struct ota_store *store, const struct ota_boot_result *result)
{
    return result->image != NULL &&
           ota_proved(&result->image->proof, store->layout->slot[result->verdict.slot].offset);
}

/* Each round ends it or sets one slot aside; without any slot it is recovery. */
static void choose(const struct ota_boot_cfg *cfg, const struct ota_trust *trust,
                   struct ota_boot_facts *facts, struct ota_boot_result *result)
{
    ota_err_t err;
    do {
        result->verdict = ota_boot_decide(facts, cfg->trials_max);
        if (result->verdict.rule == OTA_BOOT_RECOVERY) {
            result->image = NULL;
            return;
        }
        const enum ota_slot slot = result->verdict.slot;
        err = prepare(cfg, trust, result);
        result->why_not[slot] = err;
        facts->slot[slot].verifies = OTA_NO;
    } while (err != OTA_OK);
}

void ota_boot(const struct ota_boot_cfg *cfg, struct ota_boot_result *result)
{
    struct ota_boot_facts facts;
    struct ota_trust trust;
    result->verdict = (struct ota_boot_verdict){ .rule = OTA_BOOT_RECOVERY };
    result->image = NULL;
    ota_err_t err = gather(cfg, &facts, result->why_not);
    if (err == OTA_OK) {
        err = ota_store_trust(cfg->store, &trust);
    }
    if (err == OTA_OK) {
        choose(cfg, &trust, &facts, result);
    } else {
        result->why_not[OTA_SLOT_A] = err;
        result->why_not[OTA_SLOT_B] = err;
    }
}
