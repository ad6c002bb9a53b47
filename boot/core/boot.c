#include "ota/boot.h"
#include "ota/assert.h"

/* Bytes digested per step; a bootloader has nothing else to do between two. */
#define VERIFY_STEP 4096u

/* What is learned about both slots before the decision. */
struct gathered {
    struct ota_boot_facts facts;
    struct ota_image_header header[OTA_SLOT_COUNT];
};

static ota_err_t verify(const struct ota_boot_cfg *cfg, const struct ota_verify_cfg *what,
                        struct ota_image_header *header)
{
    const struct ota_verified_image *done = NULL;
    ota_verify_begin(cfg->scratch, what);
    /* Each step takes VERIFY_STEP bytes of at most where.size; one for the head, one for the rest. */
    const uint32_t steps_max = what->where.size / VERIFY_STEP + 4u;
    for (uint32_t i = 0; i < steps_max && done == NULL; i++) {
        const ota_err_t err = ota_verify_step(cfg->scratch, VERIFY_STEP, &done);
        if (err != OTA_OK) {
            return err;
        }
    }
    if (done == NULL) {
        return OTA_E_IMAGE_SIZE;
    }
    *header = done->image.header;
    return OTA_OK;
}

/* An error here means that nothing can be decided; that an image does not verify is a fact like others. */
static ota_err_t gather(const struct ota_boot_cfg *cfg, struct gathered *g,
                        ota_err_t why_not[OTA_SLOT_COUNT])
{
    struct ota_trust trust;
    ota_err_t err = ota_store_trust(cfg->store, &trust);
    if (err != OTA_OK) {
        return err;
    }
    struct ota_store_facts facts;
    err = ota_store_facts(cfg->store, &facts);
    if (err != OTA_OK) {
        return err;
    }
    for (enum ota_slot slot = OTA_SLOT_A; slot <= OTA_SLOT_B; slot++) {
        const struct ota_verify_cfg what = {
            .flash = cfg->store->flash,
            .crypto = cfg->crypto,
            .trust = &trust,
            .where = ota_store_image_region(cfg->store, slot),
            .counter_min = facts.counter,
        };
        why_not[slot] = verify(cfg, &what, &g->header[slot]);
        g->facts.slot[slot] = (struct ota_boot_slot){
            .trailer = facts.slot[slot],
            .verifies = why_not[slot] == OTA_OK,
            .version = g->header[slot].version,
        };
    }
    return OTA_OK;
}

struct ota_boot_result ota_boot(const struct ota_boot_cfg *cfg)
{
    OTA_ASSERT(cfg->trials_max >= 1 && cfg->trials_max <= OTA_TRIALS_MAX);
    struct ota_boot_result result = { .verdict = { .rule = OTA_BOOT_RECOVERY } };
    struct gathered g = { 0 };
    const ota_err_t err = gather(cfg, &g, result.why_not);
    if (err != OTA_OK) {
        result.why_not[OTA_SLOT_A] = err;
        result.why_not[OTA_SLOT_B] = err;
        return result;
    }

    /* Each round ends it or sets one slot aside. */
    for (uint32_t round = 0; round <= OTA_SLOT_COUNT; round++) {
        result.verdict = ota_boot_decide(&g.facts, cfg->trials_max);
        const enum ota_slot slot = result.verdict.slot;
        if (result.verdict.rule == OTA_BOOT_RECOVERY) {
            break;
        }
        result.header = g.header[slot];
        if (!result.verdict.mark) {
            break;
        }
        const ota_err_t counted = ota_store_trial(cfg->store, slot);
        if (counted == OTA_OK) {
            break;
        }
        result.why_not[slot] = counted;
        g.facts.slot[slot].verifies = false;
    }
    return result;
}
