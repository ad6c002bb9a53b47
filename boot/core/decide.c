/*
 * The boot decision (docs/spec/flash.md, "Boot decision"): rules from the top, the first that any
 * slot satisfies. Pure, so that every combination of facts can be tried.
 */
#include "ota/assert.h"
#include "ota/boot.h"

struct candidate {
    enum ota_slot_class class;
    bool trials_left;
};

/* A foreign bootloader leaves no trial mark of ours, but its copy_done tells of one boot. */
static uint32_t trials_spent(const struct ota_slot_facts *facts)
{
    if (facts->trials == 0 && facts->copy_done != OTA_MARK_UNSET) {
        return 1;
    }
    return facts->trials;
}

static bool satisfies(enum ota_boot_rule rule, const struct candidate *c)
{
    switch (rule) {
    case OTA_BOOT_TRIAL: return c->class == OTA_SLOT_UNTRIED;
    case OTA_BOOT_TRIAL_AGAIN: return c->class == OTA_SLOT_TRIED && c->trials_left;
    case OTA_BOOT_CONFIRMED: return c->class == OTA_SLOT_CONFIRMED;
    case OTA_BOOT_UNMARKED: return c->class == OTA_SLOT_UNMARKED;
    case OTA_BOOT_LAST_RESORT: return c->class == OTA_SLOT_TRIED;
    case OTA_BOOT_RECOVERY: return false;
    }
    OTA_UNREACHABLE();
}

/* < 0, 0, > 0 as a's install sequence is lower, equal, higher; none, or a torn one, is the lowest. */
static int compare_sequence(const struct ota_slot_facts *a, const struct ota_slot_facts *b)
{
    const bool has_a = a->sequence_mark == OTA_MARK_SET;
    const bool has_b = b->sequence_mark == OTA_MARK_SET;
    if (!has_a || !has_b) {
        return (int)has_a - (int)has_b;
    }
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Of two slots under one rule. What has no marks has no sequence either: there the version decides. */
static enum ota_slot prefer(const struct ota_boot_facts *facts, enum ota_boot_rule rule)
{
    const struct ota_boot_slot *a = &facts->slot[OTA_SLOT_A];
    const struct ota_boot_slot *b = &facts->slot[OTA_SLOT_B];
    int order = rule == OTA_BOOT_UNMARKED ? 0 : compare_sequence(&a->trailer, &b->trailer);
    if (order == 0) {
        order = ota_version_compare(a->version, b->version);
    }
    return order >= 0 ? OTA_SLOT_A : OTA_SLOT_B;
}

struct ota_boot_verdict ota_boot_decide(const struct ota_boot_facts *facts, uint8_t trials_max)
{
    OTA_ASSERT(trials_max >= 1 && trials_max <= OTA_TRIALS_MAX);
    struct candidate c[OTA_SLOT_COUNT];
    for (uint32_t i = 0; i < OTA_SLOT_COUNT; i++) {
        const struct ota_boot_slot *slot = &facts->slot[i];
        c[i].class = ota_slot_classify(&slot->trailer, slot->verifies == OTA_YES);
        c[i].trials_left = trials_spent(&slot->trailer) < trials_max;
    }

    for (enum ota_boot_rule rule = OTA_BOOT_TRIAL; rule < OTA_BOOT_RECOVERY; rule++) {
        const bool a = satisfies(rule, &c[OTA_SLOT_A]);
        const bool b = satisfies(rule, &c[OTA_SLOT_B]);
        if (!a && !b) {
            continue;
        }
        const enum ota_slot only = a ? OTA_SLOT_A : OTA_SLOT_B;
        return (struct ota_boot_verdict){
            .rule = rule,
            .slot = a && b ? prefer(facts, rule) : only,
            .mark = rule <= OTA_BOOT_TRIAL_AGAIN,
        };
    }
    return (struct ota_boot_verdict){ .rule = OTA_BOOT_RECOVERY };
}
