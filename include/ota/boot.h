/*
 * Boot: which slot runs. A pure decision from facts, and the few steps around it
 * that a bootloader takes before it jumps. Erases nothing; reads trailers, the
 * rollback counter and the trust record; never the journal.
 */
#ifndef OTA_BOOT_H
#define OTA_BOOT_H

#include "ota/handover.h"
#include "ota/store.h"
#include "ota/verdict.h"

struct ota_boot_slot {
    struct ota_slot_facts trailer;
    ota_verdict_t verifies;     /* OTA_YES: as far as is known, it may run */
    struct ota_version version; /* by its header */
};

struct ota_boot_facts {
    struct ota_boot_slot slot[OTA_SLOT_COUNT];
};

struct ota_boot_verdict {
    enum ota_boot_rule rule;
    enum ota_slot slot; /* meaningful unless OTA_BOOT_RECOVERY */
    bool mark;          /* write a trial mark before the jump */
};

/**
 * Total: every combination of facts has a verdict (docs/spec/boot-states.md has them). `trials_max`: boots of an
 * unconfirmed image, 1 ..= OTA_TRIALS_MAX.
 *
 * Taking a slot for one that verifies until it has been looked at changes nothing: what is chosen
 * is looked at, and if it does not verify the rules are asked again without it.
 */
struct ota_boot_verdict ota_boot_decide(const struct ota_boot_facts *facts, uint8_t trials_max);

struct ota_boot_cfg {
    struct ota_store *store;
    struct ota_crypto *crypto;
    struct ota_verify *scratch; /* lent for the call */
    uint8_t trials_max;
};

/** What the bootloader found out; the board jumps to the chosen image's payload. */
struct ota_boot_result {
    struct ota_boot_verdict verdict;
    ota_err_t
        why_not[OTA_SLOT_COUNT]; /* why that slot's may not run; OTA_OK: chosen, or not looked at */
    const struct ota_verified_image
        *image; /* the chosen one, in the scratch; NULL if there is none */
};

/**
 * Gather the facts, decide, verify what would run, write the trial mark. If it does not verify, or
 * a mark cannot be written, the slot is set aside and the decision taken again, so that an image
 * is never tried uncounted.
 * Fails closed: any error reading trust, trailers or counter gives OTA_BOOT_RECOVERY.
 */
void ota_boot(const struct ota_boot_cfg *cfg, struct ota_boot_result *result);

/** Whether all of the chosen slot's image was proved. A port asks, and does not run it otherwise, twice before the jump. */
bool ota_boot_proved(const struct ota_store *store, const struct ota_boot_result *result);

/** For struct ota_handover: why the slot that is not chosen was refused. */
static inline ota_err_t ota_boot_refused(const struct ota_boot_result *result)
{
    return result->why_not[ota_slot_other(result->verdict.slot)];
}

#endif
