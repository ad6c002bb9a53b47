/*
 * After a restart: facts to verdict. A total function; docs/architecture.md has
 * the table, test_restart.c a row for each line of it.
 */
#include "ota/orchestrator.h"

/* What a rule asks of the facts; all that it names must hold. */
enum {
    TORN = 1,    /* the target's magic */
    MARKED = 2,  /* it is good: pending or tried */
    TRIED = 4,   /* it is good, and the bootloader has tried it */
    REFUSED = 8, /* it is pending, and the bootloader has passed it over twice */
    YES = 16,    /* the running image is confirmed */
    STAYS = 32,  /* the bootloader will keep it: confirmed, or unmarked */
    RULE_5 = 64, /* it was started for want of anything better */
};

/* Which image runs: the claim's target, or the one before it. */
#define OLD(state) (OTA_JOURNAL_##state)
#define NEW(state) (OTA_JOURNAL_##state | 0x80u)

/* clang-format off */
/* The first rule that holds decides; without one the state is as it was. */
static const struct {
    uint8_t from, needs, state, reason;
} rules[] = {
    { OLD(VERIFYING),    TORN,    OTA_JOURNAL_CLAIMED, 0 }, /* cannot be written over */
    { OLD(VERIFYING),    MARKED,  OTA_JOURNAL_DROP, 0 },    /* someone else marked it */
    { OLD(READY),        TORN,    OTA_JOURNAL_CLAIMED, 0 },
    { OLD(READY),        MARKED,  OTA_JOURNAL_DROP, 0 },
    { OLD(READY),        0,       OTA_JOURNAL_VERIFYING, 0 },
    { OLD(ACTIVATING),   TORN,    OTA_JOURNAL_CLAIMED, 0 },
    { OLD(ACTIVATING),   REFUSED, OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_REFUSED_BY_BOOT },
    { OLD(ACTIVATING),   TRIED,   OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_DID_NOT_START },
    { OLD(TESTING),      0,       OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_REVERTED },
    { OLD(OUTCOME_OK),   0,       OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_POWER_LOST },
    { OLD(REPORT_OK),    0,       OTA_JOURNAL_REPORT_FAIL, OTA_REASON_DAMAGED },
    { NEW(CLAIMED),      0,       OTA_JOURNAL_NONE, 0 },    /* someone else programmed the target */
    { NEW(RECEIVING),    0,       OTA_JOURNAL_NONE, 0 },
    { NEW(FILES),        0,       OTA_JOURNAL_NONE, 0 },
    { NEW(VERIFYING),    0,       OTA_JOURNAL_NONE, 0 },
    { NEW(READY),        0,       OTA_JOURNAL_NONE, 0 },
    { NEW(ACTIVATING),   0,       OTA_JOURNAL_TESTING, 0 },
    { NEW(TESTING),      YES,     OTA_JOURNAL_OUTCOME_OK, 0 }, /* confirmed by other means */
    { NEW(TESTING),      RULE_5,  OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_SELF_TEST_FAILED },
    /* It was to fail, and it runs. Confirmed, that is what the provider must hear (H15). */
    { NEW(OUTCOME_FAIL), STAYS,   OTA_JOURNAL_REPORT_FAIL, OTA_REASON_CONFIRMED_AGAINST_VERDICT },
    { NEW(REPORT_FAIL),  STAYS,   OTA_JOURNAL_REPORT_FAIL, OTA_REASON_CONFIRMED_AGAINST_VERDICT },
    { NEW(DROP),         STAYS,   OTA_JOURNAL_NONE, 0 },
    { NEW(REPORT_OK),    STAYS,   OTA_JOURNAL_REPORT_OK, 0 },
    { NEW(REPORT_OK),    0,       OTA_JOURNAL_REPORT_FAIL, OTA_REASON_CANNOT_CONFIRM },
};
/* clang-format on */

/*
 * States of a job with an image, and of one without: there no slot is touched, no slot's facts say anything, and
 * what was begun goes on. Any other state is as good as unreadable, and so is a later version's.
 */
#define STATE(state) (1u << OTA_JOURNAL_##state)
#define FILES_ONLY                                                                                 \
    (STATE(NONE) | STATE(CLAIMED) | STATE(FILES) | STATE(READY) | STATE(APPLYING) |                \
     STATE(OUTCOME_FAIL) | STATE(DROP) | STATE(REPORT_OK) | STATE(REPORT_FAIL))
#define WITH_IMAGE ((1u << OTA_JOURNAL_STATES) - 1u - STATE(APPLYING))

/* The facts, as rules name them. */
static unsigned facts_of(const struct ota_restart_facts *f)
{
    static const uint8_t targets[] = {
        [OTA_TARGET_TORN] = TORN, [OTA_TARGET_PENDING] = MARKED, [OTA_TARGET_TRIED] = MARKED | TRIED
    };
    static const uint8_t running[] = {
        [OTA_CONFIRMED_YES] = YES | STAYS, [OTA_CONFIRMED_UNMARKED] = STAYS
    };
    unsigned facts = (unsigned)targets[f->target] | running[f->confirmed];
    if (f->target == OTA_TARGET_PENDING && f->refusals >= 2u) {
        facts |= REFUSED;
    }
    return f->rule == OTA_BOOT_LAST_RESORT ? facts | RULE_5 : facts;
}

static struct ota_restart_verdict follow_rules(const struct ota_restart_facts *f)
{
    const unsigned from = (unsigned)f->journal | (f->target_runs ? NEW(NONE) : OLD(NONE));
    const unsigned facts = facts_of(f);
    const unsigned states = f->no_image ? FILES_ONLY : WITH_IMAGE;
    if (f->journal >= OTA_JOURNAL_STATES || (states & 1u << f->journal) == 0) {
        return (struct ota_restart_verdict){ .state = OTA_JOURNAL_NONE };
    }
    for (size_t i = 0; !f->no_image && i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].from == from && (rules[i].needs & ~facts) == 0) {
            return (struct ota_restart_verdict){
                .state = (enum ota_journal_state)rules[i].state,
                .reason = (enum ota_reason)rules[i].reason,
            };
        }
    }
    return (struct ota_restart_verdict){ .state = f->journal };
}

/* What (none) would do now. */
static enum ota_idle_mode idle_mode(const struct ota_restart_facts *f,
                                    enum ota_journal_state verdict)
{
    switch (f->confirmed) {
    case OTA_CONFIRMED_YES: return OTA_MODE_IDLE;
    case OTA_CONFIRMED_UNMARKED: return OTA_MODE_ADOPT;
    case OTA_CONFIRMED_NO: break;
    }
    /*
     * Started for want of anything better (rule 5): it failed before, and there is no way back. If
     * this image's test belongs to a job, it has failed once that is over.
     */
    return f->rule == OTA_BOOT_LAST_RESORT || (f->target_runs && verdict != OTA_JOURNAL_NONE)
               ? OTA_MODE_STAY
               : OTA_MODE_TRIAL;
}

struct ota_restart_verdict ota_restart_decide(const struct ota_restart_facts *facts)
{
    struct ota_restart_verdict v = follow_rules(facts);
    v.mode = idle_mode(facts, v.state);
    if (v.state == OTA_JOURNAL_ACTIVATING) {
        v.refusals = (uint8_t)(facts->refusals + (facts->target == OTA_TARGET_PENDING));
    }
    return v;
}
