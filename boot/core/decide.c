/*
 * The boot decision (docs/spec/flash.md, "Boot decision"): the first rule that any slot satisfies.
 * A slot satisfies one at most, so each is given its rule and the lower one wins. Pure, so that
 * every combination of facts can be tried.
 */
#include "ota/assert.h"
#include "ota/boot.h"

/* A foreign bootloader leaves no trial mark of ours, but its copy_done tells of one boot: tried is once at least. */
static bool trials_left(const struct ota_slot_facts *facts, uint8_t trials_max)
{
    return trials_max > 1 && facts->trials < trials_max;
}

static enum ota_boot_rule rule_of(const struct ota_boot_slot *slot, uint8_t trials_max)
{
    switch (ota_slot_classify(&slot->trailer, slot->verifies == OTA_YES)) {
    case OTA_SLOT_UNTRIED: return OTA_BOOT_TRIAL;
    case OTA_SLOT_TRIED:
        return trials_left(&slot->trailer, trials_max) ? OTA_BOOT_TRIAL_AGAIN
                                                       : OTA_BOOT_LAST_RESORT;
    case OTA_SLOT_CONFIRMED: return OTA_BOOT_CONFIRMED;
    case OTA_SLOT_UNMARKED: return OTA_BOOT_UNMARKED;
    case OTA_SLOT_INVALID:
    case OTA_SLOT_INCOMPLETE: break;
    }
    return OTA_BOOT_RECOVERY;
}

/* By install sequence: none, or a torn one, is the lowest. */
OTA_APART static bool newer(const struct ota_slot_facts *a, const struct ota_slot_facts *b)
{
    return a->sequence_mark == OTA_MARK_SET &&
           (b->sequence_mark != OTA_MARK_SET || a->sequence > b->sequence);
}

/* Of two slots under one rule. What has no marks has no sequence either: there the version decides. */
static bool prefer_b(const struct ota_boot_slot *a, const struct ota_boot_slot *b,
                     enum ota_boot_rule rule)
{
    if (rule != OTA_BOOT_UNMARKED) {
        if (newer(&b->trailer, &a->trailer)) {
            return true;
        }
        if (newer(&a->trailer, &b->trailer)) {
            return false;
        }
    }
    return ota_version_compare(a->version, b->version) < 0;
}

struct ota_boot_verdict ota_boot_decide(const struct ota_boot_facts *facts, uint8_t trials_max)
{
    OTA_ASSERT(trials_max >= 1 && trials_max <= OTA_TRIALS_MAX);
    const struct ota_boot_slot *const a = &facts->slot[OTA_SLOT_A], *const b =
                                                                        &facts->slot[OTA_SLOT_B];
    const enum ota_boot_rule rule_a = rule_of(a, trials_max), rule_b = rule_of(b, trials_max);
    const bool is_b = rule_a == rule_b ? prefer_b(a, b, rule_a) : rule_b < rule_a;
    const enum ota_boot_rule rule = is_b ? rule_b : rule_a;
    return (struct ota_boot_verdict){
        .rule = rule,
        .slot = is_b ? OTA_SLOT_B : OTA_SLOT_A,
        .mark = rule <= OTA_BOOT_TRIAL_AGAIN,
    };
}
