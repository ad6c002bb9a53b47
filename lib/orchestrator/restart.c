/*
 * After a restart: facts to verdict. A total function; docs/architecture.md has
 * the table, test_restart.c a row for each line of it.
 */
#include "ota/orchestrator.h"

static struct ota_restart_verdict go(enum ota_journal_state state)
{
    return (struct ota_restart_verdict){ .state = state };
}

static struct ota_restart_verdict because(enum ota_journal_state state, enum ota_reason reason)
{
    return (struct ota_restart_verdict){ .state = state, .reason = reason };
}

/* What (none) would do now. */
static enum ota_idle_mode idle_mode(const struct ota_restart_facts *f)
{
    switch (f->confirmed) {
    case OTA_CONFIRMED_YES: return OTA_MODE_IDLE;
    case OTA_CONFIRMED_UNMARKED: return OTA_MODE_ADOPT;
    case OTA_CONFIRMED_NO: break;
    }
    /* Started for want of anything better (rule 5): it failed before, and there is no way back. */
    return f->rule == OTA_BOOT_LAST_RESORT ? OTA_MODE_STAY : OTA_MODE_TRIAL;
}

/* VERIFYING or READY, and the old image runs. */
static struct ota_restart_verdict verify_again(const struct ota_restart_facts *f)
{
    switch (f->target) {
    case OTA_TARGET_NONE: return go(OTA_JOURNAL_VERIFYING);
    case OTA_TARGET_TORN: return go(OTA_JOURNAL_CLAIMED); /* cannot be written over */
    case OTA_TARGET_PENDING:
    case OTA_TARGET_TRIED: return go(OTA_JOURNAL_DROP); /* someone else marked it */
    }
    return go(OTA_JOURNAL_DROP);
}

static struct ota_restart_verdict activate_again(const struct ota_restart_facts *f)
{
    struct ota_restart_verdict v = { .state = OTA_JOURNAL_ACTIVATING, .refusals = f->refusals };
    switch (f->target) {
    case OTA_TARGET_NONE: return v;
    case OTA_TARGET_TORN: return go(OTA_JOURNAL_CLAIMED);
    case OTA_TARGET_PENDING:
        if (f->refusals >= 2u) {
            return because(OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_REFUSED_BY_BOOT);
        }
        v.refusals++;
        return v;
    case OTA_TARGET_TRIED: return because(OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_DID_NOT_START);
    }
    return v;
}

/* TESTING, and the new image runs. */
static struct ota_restart_verdict test_again(const struct ota_restart_facts *f)
{
    if (f->confirmed == OTA_CONFIRMED_YES) {
        return go(OTA_JOURNAL_OUTCOME_OK); /* confirmed by other means */
    }
    if (f->rule == OTA_BOOT_LAST_RESORT) {
        return because(OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_SELF_TEST_FAILED);
    }
    return go(OTA_JOURNAL_TESTING);
}

/* It was to fail, and it runs. Confirmed, that is what the provider must hear (H15). */
static struct ota_restart_verdict failed_but_runs(const struct ota_restart_facts *f)
{
    if (f->confirmed == OTA_CONFIRMED_NO) {
        return go(f->journal);
    }
    return because(OTA_JOURNAL_REPORT_FAIL, OTA_REASON_CONFIRMED_AGAINST_VERDICT);
}

/* The old image runs: the claim's target is the other slot. */
static struct ota_restart_verdict old_runs(const struct ota_restart_facts *f)
{
    switch (f->journal) {
    case OTA_JOURNAL_NONE: return go(OTA_JOURNAL_NONE);
    case OTA_JOURNAL_CLAIMED: return go(OTA_JOURNAL_CLAIMED);
    case OTA_JOURNAL_RECEIVING: return go(OTA_JOURNAL_RECEIVING);
    case OTA_JOURNAL_VERIFYING:
    case OTA_JOURNAL_READY: return verify_again(f);
    case OTA_JOURNAL_ACTIVATING: return activate_again(f);
    case OTA_JOURNAL_TESTING: return because(OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_REVERTED);
    case OTA_JOURNAL_OUTCOME_OK: return because(OTA_JOURNAL_OUTCOME_FAIL, OTA_REASON_POWER_LOST);
    case OTA_JOURNAL_OUTCOME_FAIL: return go(OTA_JOURNAL_OUTCOME_FAIL);
    case OTA_JOURNAL_DROP: return go(OTA_JOURNAL_DROP);
    case OTA_JOURNAL_REPORT_OK: return because(OTA_JOURNAL_REPORT_FAIL, OTA_REASON_DAMAGED);
    case OTA_JOURNAL_REPORT_FAIL: return go(OTA_JOURNAL_REPORT_FAIL);
    }
    return go(OTA_JOURNAL_NONE); /* a state of a later version: as unreadable */
}

/* The running slot is the claim's target. */
static struct ota_restart_verdict new_runs(const struct ota_restart_facts *f)
{
    switch (f->journal) {
    case OTA_JOURNAL_NONE:
    case OTA_JOURNAL_CLAIMED: /* up to READY: someone else programmed the target */
    case OTA_JOURNAL_RECEIVING:
    case OTA_JOURNAL_VERIFYING:
    case OTA_JOURNAL_READY: return go(OTA_JOURNAL_NONE);
    case OTA_JOURNAL_ACTIVATING: return go(OTA_JOURNAL_TESTING);
    case OTA_JOURNAL_TESTING: return test_again(f);
    case OTA_JOURNAL_OUTCOME_OK: return go(OTA_JOURNAL_OUTCOME_OK);
    case OTA_JOURNAL_OUTCOME_FAIL:
    case OTA_JOURNAL_REPORT_FAIL: return failed_but_runs(f);
    case OTA_JOURNAL_DROP:
        return f->confirmed == OTA_CONFIRMED_NO ? go(OTA_JOURNAL_DROP) : go(OTA_JOURNAL_NONE);
    case OTA_JOURNAL_REPORT_OK:
        return f->confirmed == OTA_CONFIRMED_NO
                   ? because(OTA_JOURNAL_REPORT_FAIL, OTA_REASON_CANNOT_CONFIRM)
                   : go(OTA_JOURNAL_REPORT_OK);
    }
    return go(OTA_JOURNAL_NONE);
}

struct ota_restart_verdict ota_restart_decide(const struct ota_restart_facts *facts)
{
    struct ota_restart_verdict v = facts->target_runs ? new_runs(facts) : old_runs(facts);
    v.mode = idle_mode(facts);
    if (v.mode == OTA_MODE_TRIAL && facts->target_runs && v.state != OTA_JOURNAL_NONE) {
        v.mode =
            OTA_MODE_STAY; /* this image's test belongs to the job; once that is over, it has failed */
    }
    return v;
}
