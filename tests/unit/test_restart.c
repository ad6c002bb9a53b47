/*
 * After a restart: each row of the table in docs/architecture.md, then every combination of
 * facts against what must hold whatever the table says.
 */
#include "t.h"
#include "ota/orchestrator.h"

/* Short names: a row of the table is a line here. */
enum {
    NONE = OTA_JOURNAL_NONE,
    CLAIMED = OTA_JOURNAL_CLAIMED,
    RECEIVING = OTA_JOURNAL_RECEIVING,
    VERIFYING = OTA_JOURNAL_VERIFYING,
    READY = OTA_JOURNAL_READY,
    ACTIVATING = OTA_JOURNAL_ACTIVATING,
    TESTING = OTA_JOURNAL_TESTING,
    OK = OTA_JOURNAL_OUTCOME_OK,
    FAIL = OTA_JOURNAL_OUTCOME_FAIL,
    DROP = OTA_JOURNAL_DROP,
    REPORT_OK = OTA_JOURNAL_REPORT_OK,
    REPORT_FAIL = OTA_JOURNAL_REPORT_FAIL,
    FILES = OTA_JOURNAL_FILES,
    APPLYING = OTA_JOURNAL_APPLYING,
};

/* A fact that a row does not name: the row is tried with each of its values. */
#define ANY 99
/* The claim's target: it runs (the new image), or it does not. */
enum { OLD, NEW };
enum { NO = OTA_CONFIRMED_NO, YES = OTA_CONFIRMED_YES, UNMARKED = OTA_CONFIRMED_UNMARKED };
enum {
    BLANK = OTA_TARGET_NONE,
    TORN = OTA_TARGET_TORN,
    PENDING = OTA_TARGET_PENDING,
    TRIED = OTA_TARGET_TRIED,
};
enum { TRIAL = OTA_BOOT_TRIAL, RULE_5 = OTA_BOOT_LAST_RESORT };

static const struct {
    const char *why;
    int journal, runs, confirmed, target, rule; /* facts, or ANY */
    int state;
    enum ota_reason reason;
} rows[] = {
    { "nothing claimed: stay idle", NONE, ANY, ANY, ANY, ANY, NONE, 0 },

    { "a claim is asked about, whatever is in the slot", CLAIMED, OLD, ANY, ANY, ANY, CLAIMED, 0 },
    { "a download goes on from its mark", RECEIVING, OLD, ANY, ANY, ANY, RECEIVING, 0 },
    { "data files go on where they were", FILES, OLD, ANY, ANY, ANY, FILES, 0 },

    { "someone else programmed the target", CLAIMED, NEW, ANY, ANY, ANY, NONE, 0 },
    { "someone else programmed the target", RECEIVING, NEW, ANY, ANY, ANY, NONE, 0 },
    { "someone else programmed the target", FILES, NEW, ANY, ANY, ANY, NONE, 0 },
    { "someone else programmed the target", VERIFYING, NEW, ANY, ANY, ANY, NONE, 0 },
    { "someone else programmed the target", READY, NEW, ANY, ANY, ANY, NONE, 0 },

    { "verified before: verify again", VERIFYING, OLD, ANY, BLANK, ANY, VERIFYING, 0 },
    { "READY was true of RAM", READY, OLD, ANY, BLANK, ANY, VERIFYING, 0 },
    { "verify again, then mark", ACTIVATING, OLD, ANY, BLANK, ANY, ACTIVATING, 0 },

    { "torn: cannot be written over", VERIFYING, OLD, ANY, TORN, ANY, CLAIMED, 0 },
    { "torn: cannot be written over", READY, OLD, ANY, TORN, ANY, CLAIMED, 0 },
    { "torn: cannot be written over (H4)", ACTIVATING, OLD, ANY, TORN, ANY, CLAIMED, 0 },

    { "the bootloader did not try it: again", ACTIVATING, OLD, ANY, PENDING, ANY, ACTIVATING, 0 },
    { "tried, and the old image is back", ACTIVATING, OLD, ANY, TRIED, ANY, FAIL,
      OTA_REASON_DID_NOT_START },

    { "someone else marked it", VERIFYING, OLD, ANY, PENDING, ANY, DROP, 0 },
    { "someone else marked it", VERIFYING, OLD, ANY, TRIED, ANY, DROP, 0 },
    { "someone else marked it", READY, OLD, ANY, PENDING, ANY, DROP, 0 },
    { "someone else marked it", READY, OLD, ANY, TRIED, ANY, DROP, 0 },

    { "the trial has begun", ACTIVATING, NEW, NO, ANY, ANY, TESTING, 0 },
    { "a boot mode without trials: test it all the same", ACTIVATING, NEW, YES, ANY, ANY, TESTING,
      0 },

    { "the trial goes on", TESTING, NEW, NO, ANY, TRIAL, TESTING, 0 },
    { "its second boot is counted by the bootloader", TESTING, NEW, NO, ANY, OTA_BOOT_TRIAL_AGAIN,
      TESTING, 0 },
    { "a bootloader that hands nothing over", TESTING, NEW, NO, ANY, 0, TESTING, 0 },
    { "out of trials, run for want of another (N6)", TESTING, NEW, NO, ANY, RULE_5, FAIL,
      OTA_REASON_SELF_TEST_FAILED },
    { "confirmed by other means", TESTING, NEW, YES, ANY, ANY, OK, 0 },
    { "reverted", TESTING, OLD, ANY, ANY, ANY, FAIL, OTA_REASON_REVERTED },

    { "image_ok is written again (H8)", OK, NEW, NO, ANY, ANY, OK, 0 },
    { "own image again, then the counter", OK, NEW, YES, ANY, ANY, OK, 0 },
    { "cut before image_ok, and reverted", OK, OLD, ANY, ANY, ANY, FAIL, OTA_REASON_POWER_LOST },

    { "erase and withdraw again", FAIL, OLD, ANY, ANY, ANY, FAIL, 0 },
    { "look for the way back (H9)", FAIL, NEW, NO, ANY, ANY, FAIL, 0 },
    { "confirmed against the verdict", FAIL, NEW, YES, ANY, ANY, REPORT_FAIL,
      OTA_REASON_CONFIRMED_AGAINST_VERDICT },

    { "erase and withdraw again", DROP, OLD, ANY, ANY, ANY, DROP, 0 },
    { "look for the way back", DROP, NEW, NO, ANY, ANY, DROP, 0 },
    { "dropped, but confirmed: nothing to do", DROP, NEW, YES, ANY, ANY, NONE, 0 },

    { "still true", REPORT_OK, NEW, YES, ANY, ANY, REPORT_OK, 0 },
    { "the old image is back: not true any more", REPORT_OK, OLD, ANY, ANY, ANY, REPORT_FAIL,
      OTA_REASON_DAMAGED },
    { "not confirmed any more", REPORT_OK, NEW, NO, ANY, ANY, REPORT_FAIL,
      OTA_REASON_CANNOT_CONFIRM },

    { "tell on", REPORT_FAIL, OLD, ANY, ANY, ANY, REPORT_FAIL, 0 },
    { "tell on", REPORT_FAIL, NEW, NO, ANY, ANY, REPORT_FAIL, 0 },
    { "say that it runs, confirmed (H15)", REPORT_FAIL, NEW, YES, ANY, ANY, REPORT_FAIL,
      OTA_REASON_CONFIRMED_AGAINST_VERDICT },

    { "no state of a job with an image", APPLYING, ANY, ANY, ANY, ANY, NONE, 0 },
    { "a state of a later version is none", OTA_JOURNAL_STATES, ANY, ANY, ANY, ANY, NONE, 0 },
    { "nor is that", 255, ANY, ANY, ANY, ANY, NONE, 0 },
};

/* --- all combinations ------------------------------------------------------------ */

static const int journals[] = {
    NONE, CLAIMED,   RECEIVING,   VERIFYING, READY,    ACTIVATING,         TESTING, OK, FAIL,
    DROP, REPORT_OK, REPORT_FAIL, FILES,     APPLYING, OTA_JOURNAL_STATES, 255,
};
static const uint8_t refusals[] = { 0, 1, 2, 3, 255 };

#define RULES        7 /* 0: unknown */
#define CONFIRMEDS   3
#define TARGETS      4
#define COMBINATIONS (COUNT(journals) * COUNT(refusals) * 2u * CONFIRMEDS * TARGETS * RULES)

static struct ota_restart_facts combination(size_t n)
{
    struct ota_restart_facts f = { .journal =
                                       (enum ota_journal_state)journals[n % COUNT(journals)] };
    n /= COUNT(journals);
    f.refusals = refusals[n % COUNT(refusals)];
    n /= COUNT(refusals);
    f.target_runs = n % 2u != 0;
    n /= 2u;
    f.confirmed = (enum ota_confirmed)(n % CONFIRMEDS);
    n /= CONFIRMEDS;
    f.target = (enum ota_target_mark)(n % TARGETS);
    n /= TARGETS;
    f.rule = (enum ota_boot_rule)n;
    return f;
}

static const char *text(const struct ota_restart_facts *f)
{
    static char room[160];
    (void)snprintf(room, sizeof room,
                   "journal %d, refusals %u, target runs %d, confirmed %d, target %d, rule %d",
                   (int)f->journal, f->refusals, f->target_runs, (int)f->confirmed, (int)f->target,
                   (int)f->rule);
    return room;
}

static bool is(int wanted, int value)
{
    return wanted == ANY || wanted == value;
}

/* --- the table ---------------------------------------------------------------------- */

static void every_row_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t tried = 0;
        for (size_t n = 0; n < COMBINATIONS; n++) {
            const struct ota_restart_facts f = combination(n);
            if (!is(rows[i].journal, (int)f.journal) || !is(rows[i].runs, f.target_runs) ||
                !is(rows[i].confirmed, (int)f.confirmed) || !is(rows[i].target, (int)f.target) ||
                !is(rows[i].rule, (int)f.rule) || f.refusals != 0) {
                continue;
            }
            const struct ota_restart_verdict v = ota_restart_decide(&f);
            CHECK_ROW(rows[i].why, (int)v.state == rows[i].state);
            CHECK_ROW(rows[i].why, v.reason == rows[i].reason);
            tried++;
        }
        CHECK_ROW(rows[i].why, tried > 0);
    }
}

static const struct {
    const char *why;
    enum ota_confirmed confirmed;
    int rule;
    enum ota_idle_mode mode;
} idle_rows[] = {
    { "confirmed: ask", OTA_CONFIRMED_YES, ANY, OTA_MODE_IDLE },
    { "unmarked: confirm itself before the first claim", OTA_CONFIRMED_UNMARKED, ANY,
      OTA_MODE_ADOPT },
    { "a trial without a job", OTA_CONFIRMED_NO, OTA_BOOT_TRIAL, OTA_MODE_TRIAL },
    { "and its next boot", OTA_CONFIRMED_NO, OTA_BOOT_TRIAL_AGAIN, OTA_MODE_TRIAL },
    { "another bootloader's", OTA_CONFIRMED_NO, 0, OTA_MODE_TRIAL },
    { "by rule 5: no test, stay, ask (N6)", OTA_CONFIRMED_NO, OTA_BOOT_LAST_RESORT, OTA_MODE_STAY },
};

static void nothing_claimed_has_a_mode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(idle_rows); i++) {
        for (size_t n = 0; n < COMBINATIONS; n++) {
            const struct ota_restart_facts f = combination(n);
            if (f.journal == OTA_JOURNAL_NONE && f.confirmed == idle_rows[i].confirmed &&
                is(idle_rows[i].rule, (int)f.rule)) {
                CHECK_ROW(idle_rows[i].why, ota_restart_decide(&f).mode == idle_rows[i].mode);
            }
        }
    }
}

/* A job of data files has no target: whatever is in the slots, its states go on. */
static void a_job_without_an_image_does_not_look_at_slots(void **state)
{
    (void)state;
    static const int its[] = { NONE, CLAIMED, FILES,     READY,      APPLYING,
                               FAIL, DROP,    REPORT_OK, REPORT_FAIL };
    for (size_t n = 0; n < COMBINATIONS; n++) {
        struct ota_restart_facts f = combination(n);
        int want = NONE;
        for (size_t i = 0; i < COUNT(its); i++) {
            want = (int)f.journal == its[i] ? its[i] : want;
        }
        f.no_image = true;
        const struct ota_restart_verdict v = ota_restart_decide(&f);
        assert_int_equal(v.state, want);
        assert_int_equal(v.reason, OTA_REASON_NONE);
    }
}

/* ACTIVATING a: the bootloader may decline twice, then the job has failed (H5). */
static void a_bootloader_may_refuse_twice(void **state)
{
    static const struct {
        uint8_t before;
        int state;
        uint8_t after;
        enum ota_reason reason;
    } counts[] = {
        { 0, ACTIVATING, 1, OTA_REASON_NONE },        { 1, ACTIVATING, 2, OTA_REASON_NONE },
        { 2, FAIL, 0, OTA_REASON_REFUSED_BY_BOOT },   { 3, FAIL, 0, OTA_REASON_REFUSED_BY_BOOT },
        { 255, FAIL, 0, OTA_REASON_REFUSED_BY_BOOT },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        const struct ota_restart_facts f = {
            .journal = OTA_JOURNAL_ACTIVATING,
            .refusals = counts[i].before,
            .confirmed = OTA_CONFIRMED_YES,
            .target = OTA_TARGET_PENDING,
            .rule = OTA_BOOT_CONFIRMED,
        };
        const struct ota_restart_verdict v = ota_restart_decide(&f);
        assert_int_equal(v.state, counts[i].state);
        assert_int_equal(v.reason, counts[i].reason);
        if (v.state == OTA_JOURNAL_ACTIVATING) {
            assert_int_equal(v.refusals, counts[i].after);
        }
    }
}

/* A cut before the mark is no refusal: what was counted stays as it is. */
static void a_cut_before_the_mark_is_no_refusal(void **state)
{
    (void)state;
    for (uint8_t seen = 0; seen <= 2; seen++) {
        const struct ota_restart_facts f = { .journal = OTA_JOURNAL_ACTIVATING,
                                             .refusals = seen,
                                             .confirmed = OTA_CONFIRMED_YES,
                                             .target = OTA_TARGET_NONE };
        assert_int_equal(ota_restart_decide(&f).refusals, seen);
    }
}

/* --- what holds in every combination --------------------------------------------------- */

static bool writes_the_target(int state)
{
    return state == CLAIMED || state == FILES || state == RECEIVING || state == VERIFYING ||
           state == READY || state == ACTIVATING;
}

static bool failed(int state)
{
    return state == FAIL || state == REPORT_FAIL;
}

/* From ACTIVATING on the provider is owed a result. */
static bool owes_a_result(int state)
{
    return state == ACTIVATING || state == TESTING || state == OK || state == REPORT_OK ||
           failed(state);
}

static void check_flash_is_safe(const struct ota_restart_facts *f,
                                const struct ota_restart_verdict *v)
{
    const char *const why = text(f);
    CHECK_ROW(why, !(f->target_runs && writes_the_target((int)v->state)));
    /* A confirmed image is neither erased nor left for the other. */
    CHECK_ROW(why, !(f->target_runs && f->confirmed == OTA_CONFIRMED_YES &&
                     (v->state == OTA_JOURNAL_OUTCOME_FAIL || v->state == OTA_JOURNAL_DROP)));
    /* What only RAM knew is not believed. */
    CHECK_ROW(why, v->state != OTA_JOURNAL_READY);
    /* A torn mark cannot be completed, a tried image is not tried again. */
    if (v->state == OTA_JOURNAL_ACTIVATING || v->state == OTA_JOURNAL_VERIFYING) {
        CHECK_ROW(why, f->target != OTA_TARGET_TORN && f->target != OTA_TARGET_TRIED);
    }
}

static void check_report_is_true(const struct ota_restart_facts *f,
                                 const struct ota_restart_verdict *v)
{
    const char *const why = text(f);
    if (v->state == OTA_JOURNAL_REPORT_OK) {
        CHECK_ROW(why, f->target_runs && f->confirmed != OTA_CONFIRMED_NO);
    }
    if (v->state == OTA_JOURNAL_TESTING || v->state == OTA_JOURNAL_OUTCOME_OK) {
        CHECK_ROW(why, f->target_runs);
    }
    if (failed((int)f->journal)) {
        CHECK_ROW(why, failed((int)v->state));
    }
    if (f->journal == OTA_JOURNAL_REPORT_FAIL) {
        CHECK_ROW(why, v->state == OTA_JOURNAL_REPORT_FAIL);
    }
    if (owes_a_result((int)f->journal)) {
        CHECK_ROW(why, v->state != OTA_JOURNAL_NONE && v->state != OTA_JOURNAL_DROP);
    }
    /* A new failure says why; nothing else has a reason. */
    if (failed((int)v->state) && !failed((int)f->journal)) {
        CHECK_ROW(why, v->reason != OTA_REASON_NONE && v->reason != OTA_REASON_ERROR);
    }
    if (!failed((int)v->state)) {
        CHECK_ROW(why, v->reason == OTA_REASON_NONE);
    }
    if ((int)f->journal > FILES) {
        CHECK_ROW(why, v->state == OTA_JOURNAL_NONE);
    }
}

static void check_mode(const struct ota_restart_facts *f, const struct ota_restart_verdict *v)
{
    const char *const why = text(f);
    CHECK_ROW(why, (v->mode == OTA_MODE_IDLE) == (f->confirmed == OTA_CONFIRMED_YES));
    CHECK_ROW(why, (v->mode == OTA_MODE_ADOPT) == (f->confirmed == OTA_CONFIRMED_UNMARKED));
    if (f->rule == OTA_BOOT_LAST_RESORT) {
        CHECK_ROW(why, v->mode != OTA_MODE_TRIAL); /* there is no way out of it */
    }
    /* An image whose job is being ended is not tested a second time. */
    if (f->target_runs && v->state != OTA_JOURNAL_NONE) {
        CHECK_ROW(why, v->mode != OTA_MODE_TRIAL);
    }
}

/* Restarted again and again with nothing done: the verdicts come to rest, and refusals to an end. */
static void check_comes_to_rest(struct ota_restart_facts f)
{
    const struct ota_restart_facts begin = f;
    for (unsigned restarts = 0; restarts < 4; restarts++) {
        const struct ota_restart_verdict v = ota_restart_decide(&f);
        if (v.state == f.journal && v.refusals == f.refusals) {
            return;
        }
        f.journal = v.state;
        f.refusals = v.refusals;
    }
    const struct ota_restart_verdict last = ota_restart_decide(&f);
    CHECK_ROW(text(&begin), last.state == f.journal && last.refusals == f.refusals);
}

static void all_combinations_are_safe(void **state)
{
    (void)state;
    for (size_t n = 0; n < COMBINATIONS; n++) {
        const struct ota_restart_facts f = combination(n);
        const struct ota_restart_verdict v = ota_restart_decide(&f);
        check_flash_is_safe(&f, &v);
        check_report_is_true(&f, &v);
        check_mode(&f, &v);
        check_comes_to_rest(f);
    }
}

/* Its result is as true whatever runs: a job of the application's own kind touched no slot. */
static void a_good_end_without_an_image_stays_good(void **state)
{
    (void)state;
    for (size_t n = 0; n < COMBINATIONS; n++) {
        struct ota_restart_facts f = combination(n);
        f.no_image = true;
        const struct ota_restart_verdict v = ota_restart_decide(&f);
        if (f.journal == OTA_JOURNAL_REPORT_OK) {
            CHECK_ROW(text(&f), v.state == OTA_JOURNAL_REPORT_OK && v.reason == OTA_REASON_NONE);
        }
        check_mode(&f, &v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table),
        cmocka_unit_test(nothing_claimed_has_a_mode),
        cmocka_unit_test(a_job_without_an_image_does_not_look_at_slots),
        cmocka_unit_test(a_bootloader_may_refuse_twice),
        cmocka_unit_test(a_cut_before_the_mark_is_no_refusal),
        cmocka_unit_test(all_combinations_are_safe),
        cmocka_unit_test(a_good_end_without_an_image_stays_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
