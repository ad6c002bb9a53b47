/*
 * Boot: which slot runs. A pure decision from facts, and the few steps around it
 * that a bootloader takes before it jumps. Erases nothing; reads trailers, the
 * rollback counter and the trust record; never the journal.
 */
#ifndef OTA_BOOT_H
#define OTA_BOOT_H

#include "ota/handover.h"
#include "ota/store.h"

struct ota_boot_slot {
    struct ota_slot_facts trailer;
    bool verifies;              /* digest, signature, class, counter: all good */
    struct ota_version version; /* meaningful if it verifies */
};

struct ota_boot_facts {
    struct ota_boot_slot slot[OTA_SLOT_COUNT];
};

struct ota_boot_verdict {
    enum ota_boot_rule rule;
    enum ota_slot slot; /* meaningful unless OTA_BOOT_RECOVERY */
    bool mark;          /* write a trial mark before the jump */
};

/** Total: every combination of facts has a verdict. `trials_max`: boots of an unconfirmed image, 1 ..= OTA_TRIALS_MAX. */
struct ota_boot_verdict ota_boot_decide(const struct ota_boot_facts *facts, uint8_t trials_max);

struct ota_boot_cfg {
    struct ota_store *store;
    struct ota_crypto *crypto;
    struct ota_verify *scratch; /* lent for the call */
    uint8_t trials_max;
};

/** What the bootloader found out; the board jumps to verdict.slot's payload. */
struct ota_boot_result {
    struct ota_boot_verdict verdict;
    ota_err_t why_not[OTA_SLOT_COUNT]; /* OTA_OK, or why that slot's image does not verify */
    struct ota_image_header header;    /* of the chosen image */
};

/**
 * Gather the facts, decide, write the trial mark. If a mark cannot be written, the slot is set
 * aside and the decision taken again, so that an image is never tried uncounted.
 * Fails closed: any error reading trust, trailers or counter gives OTA_BOOT_RECOVERY.
 */
struct ota_boot_result ota_boot(const struct ota_boot_cfg *cfg);

#endif
