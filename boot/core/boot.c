#include "ota/boot.h"
#include "ota/assert.h"

/* Bytes digested per step; a bootloader has nothing else to do between two. */
#define VERIFY_STEP 4096u

/* --- facts ------------------------------------------------------------------------------------ */

/* Only the header: that the image may run is taken for granted until it would. */
static ota_err_t read_version(struct ota_store *store, enum ota_slot slot,
                              struct ota_version *version)
{
    uint8_t head[OTA_IMAGE_HEADER_SIZE];
    struct ota_image_header h;
    ota_err_t err = ota_store_read(store, slot, 0, OTA_BUF_OF(head));
    if (err == OTA_OK) {
        err = ota_image_header_read(OTA_SPAN_OF(head), &h);
    }
    if (err == OTA_OK) {
        *version = h.version;
    }
    return err;
}

/* An error here means that nothing can be decided; a slot without an image is a fact like others. */
static ota_err_t gather(struct ota_store *store, struct ota_boot_facts *facts, uint32_t *counter,
                        ota_err_t why_not[OTA_SLOT_COUNT])
{
    struct ota_store_facts found;
    const ota_err_t err = ota_store_facts(store, &found);
    if (err != OTA_OK) {
        return err;
    }
    *counter = found.counter;
    for (enum ota_slot i = OTA_SLOT_A; i <= OTA_SLOT_B; i++) {
        struct ota_boot_slot *const slot = &facts->slot[i];
        slot->trailer = found.slot[i];
        slot->version = (struct ota_version){ 0 };
        why_not[i] = read_version(store, i, &slot->version);
        slot->verifies = why_not[i] == OTA_OK ? OTA_YES : OTA_NO;
    }
    return OTA_OK;
}

/* --- the chosen image -------------------------------------------------------------------------- */

static ota_err_t verify(const struct ota_boot_cfg *cfg, const struct ota_verify_cfg *what,
                        struct ota_boot_result *result)
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
    result->header = done->image.header;
    result->proof = done->proof;
    return OTA_OK;
}

/* Verify the image that was chosen, and count its trial. */
static ota_err_t prepare(const struct ota_boot_cfg *cfg, const struct ota_trust *trust,
                         uint32_t counter, struct ota_boot_result *result)
{
    const enum ota_slot slot = result->verdict.slot;
    const struct ota_verify_cfg what = {
        .flash = cfg->store->flash,
        .crypto = cfg->crypto,
        .trust = trust,
        .where = ota_store_image_region(cfg->store, slot),
        .counter_min = counter,
    };
    const ota_err_t err = verify(cfg, &what, result);
    if (err != OTA_OK || !result->verdict.mark) {
        return err;
    }
    return ota_store_trial(cfg->store, slot);
}

bool ota_boot_proved(const struct ota_store *store, const struct ota_boot_result *result)
{
    return ota_proved(&result->proof, store->layout->slot[result->verdict.slot].offset);
}

struct ota_boot_result ota_boot(const struct ota_boot_cfg *cfg)
{
    OTA_ASSERT(cfg->trials_max >= 1 && cfg->trials_max <= OTA_TRIALS_MAX);
    struct ota_boot_result result = { .verdict = { .rule = OTA_BOOT_RECOVERY } };
    struct ota_boot_facts facts;
    struct ota_trust trust;
    uint32_t counter;
    ota_err_t err = ota_store_trust(cfg->store, &trust);
    if (err == OTA_OK) {
        err = gather(cfg->store, &facts, &counter, result.why_not);
    }
    if (err != OTA_OK) {
        result.why_not[OTA_SLOT_A] = err;
        result.why_not[OTA_SLOT_B] = err;
        return result;
    }

    /* Each round ends it or sets one slot aside; without any slot it is recovery. */
    do {
        result.verdict = ota_boot_decide(&facts, cfg->trials_max);
        if (result.verdict.rule == OTA_BOOT_RECOVERY) {
            return result;
        }
        const enum ota_slot slot = result.verdict.slot;
        err = prepare(cfg, &trust, counter, &result);
        result.why_not[slot] = err;
        facts.slot[slot].verifies = OTA_NO;
    } while (err != OTA_OK);
    return result;
}
