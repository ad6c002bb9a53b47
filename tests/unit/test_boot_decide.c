/*
 * The boot decision: each rule by name, and all combinations of facts against an oracle that is
 * written the other way round: it goes through the rules, and asks each slot whether it satisfies them.
 */
#include "ota/boot.h"
#include "t.h"

#define U OTA_MARK_UNSET
#define S OTA_MARK_SET
#define T OTA_MARK_TORN
#define A OTA_SLOT_A
#define B OTA_SLOT_B

static struct ota_version version(uint8_t major)
{
    return (struct ota_version){ .major = major };
}

/* --- rules by name -------------------------------------------------------------------------- */

/* What a slot can be, in a word; the numbers are sequence (-1: none) and version. */
static struct ota_boot_slot slot_of(const char *what, int sequence, uint8_t major)
{
    static const struct {
        const char *what;
        struct ota_slot_facts trailer;
        bool verifies;
    } kinds[] = {
        { "blank", { .magic = U }, false },
        { "rotten",
          { .magic = S, .image_ok = S, .copy_done = S, .download = S, .trials = 1 },
          false },
        { "confirmed",
          { .magic = S, .image_ok = S, .copy_done = S, .download = S, .trials = 1 },
          true },
        { "factory", { .magic = S, .image_ok = S }, true },
        { "untried", { .magic = S, .download = S }, true },
        { "tried once", { .magic = S, .copy_done = S, .download = S, .trials = 1 }, true },
        { "tried twice", { .magic = S, .copy_done = S, .download = S, .trials = 2 }, true },
        { "torn copy_done", { .magic = S, .copy_done = T, .download = S }, true },
        { "torn confirm", { .magic = S, .image_ok = T, .copy_done = S, .trials = 1 }, true },
        { "unmarked", { .magic = U }, true },
        { "incomplete", { .magic = U, .download = S }, true },
        { "torn magic", { .magic = T, .download = S }, true },
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (strcmp(kinds[i].what, what) == 0) {
            struct ota_boot_slot slot = { kinds[i].trailer, kinds[i].verifies ? OTA_YES : OTA_NO,
                                          version(major) };
            slot.trailer.sequence_mark = sequence < 0 ? U : S;
            slot.trailer.sequence = sequence < 0 ? 0 : (uint32_t)sequence;
            return slot;
        }
    }
    fail_msg("no such kind: %s", what);
    abort();
}

static void each_rule_chooses_its_slot(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *a;
        int a_sequence;
        uint8_t a_version;
        const char *b;
        int b_sequence;
        uint8_t b_version;
        uint8_t trials_max;
        enum ota_boot_rule rule;
        enum ota_slot slot;
    } rows[] = {
        { "fresh device", "factory", 0, 1, "blank", -1, 0, 1, OTA_BOOT_CONFIRMED, A },
        { "first trial", "factory", 0, 1, "untried", 1, 2, 1, OTA_BOOT_TRIAL, B },
        { "first trial of a downgrade (H6)", "factory", 0, 9, "untried", 1, 1, 1, OTA_BOOT_TRIAL,
          B },
        { "no second trial", "factory", 0, 1, "tried once", 1, 2, 1, OTA_BOOT_CONFIRMED, A },
        { "second of two trials", "factory", 0, 1, "tried once", 1, 2, 2, OTA_BOOT_TRIAL_AGAIN, B },
        { "two of two are spent", "factory", 0, 1, "tried twice", 1, 2, 2, OTA_BOOT_CONFIRMED, A },
        { "a torn copy_done costs the only trial", "factory", 0, 1, "torn copy_done", 1, 2, 1,
          OTA_BOOT_CONFIRMED, A },
        { "a torn copy_done counts once", "factory", 0, 1, "torn copy_done", 1, 2, 2,
          OTA_BOOT_TRIAL_AGAIN, B },
        { "torn confirm is none (H8)", "factory", 0, 1, "torn confirm", 1, 2, 1, OTA_BOOT_CONFIRMED,
          A },
        { "confirmed: the newer", "factory", 0, 1, "confirmed", 1, 2, 1, OTA_BOOT_CONFIRMED, B },
        { "confirmed: newer, not higher (H6)", "confirmed", 3, 9, "confirmed", 4, 1, 1,
          OTA_BOOT_CONFIRMED, B },
        { "confirmed: equal sequence, higher version", "confirmed", 3, 1, "confirmed", 3, 2, 1,
          OTA_BOOT_CONFIRMED, B },
        { "confirmed: all equal", "confirmed", 3, 1, "confirmed", 3, 1, 1, OTA_BOOT_CONFIRMED, A },
        { "confirmed: 0 is higher than none (N2)", "confirmed", -1, 9, "confirmed", 0, 1, 1,
          OTA_BOOT_CONFIRMED, B },
        { "confirmed: large sequences", "confirmed", 2147483647, 1, "confirmed", 2147483646, 2, 1,
          OTA_BOOT_CONFIRMED, A },
        { "newer one rots", "confirmed", 3, 1, "rotten", 4, 2, 1, OTA_BOOT_CONFIRMED, A },
        { "pending, but does not verify (H5)", "factory", 0, 1, "rotten", 1, 2, 1,
          OTA_BOOT_CONFIRMED, A },
        { "debugger", "unmarked", -1, 1, "blank", -1, 0, 1, OTA_BOOT_UNMARKED, A },
        { "two debugged: the higher", "unmarked", -1, 1, "unmarked", -1, 2, 1, OTA_BOOT_UNMARKED,
          B },
        { "two debugged, equal", "unmarked", -1, 1, "unmarked", -1, 1, 1, OTA_BOOT_UNMARKED, A },
        { "debugged, beside a confirmed one", "unmarked", -1, 9, "confirmed", 0, 1, 1,
          OTA_BOOT_CONFIRMED, B },
        { "trial over a debugged one", "unmarked", -1, 1, "untried", 0, 1, 1, OTA_BOOT_TRIAL, B },
        { "back to a debugged one", "unmarked", -1, 1, "tried once", 0, 2, 1, OTA_BOOT_UNMARKED,
          A },
        { "half a download never (H1)", "rotten", 0, 1, "incomplete", -1, 2, 1, OTA_BOOT_RECOVERY,
          A },
        { "torn magic never (H4)", "rotten", 0, 1, "torn magic", 1, 2, 1, OTA_BOOT_RECOVERY, A },
        { "tried out, but nothing else (H9)", "rotten", 0, 1, "tried once", 1, 2, 1,
          OTA_BOOT_LAST_RESORT, B },
        { "tried out, beside half a download", "tried once", 0, 1, "incomplete", 1, 2, 1,
          OTA_BOOT_LAST_RESORT, A },
        { "nothing", "blank", -1, 0, "blank", -1, 0, 1, OTA_BOOT_RECOVERY, A },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_boot_facts facts;
        facts.slot[A] = slot_of(rows[i].a, rows[i].a_sequence, rows[i].a_version);
        facts.slot[B] = slot_of(rows[i].b, rows[i].b_sequence, rows[i].b_version);
        const struct ota_boot_verdict v = ota_boot_decide(&facts, rows[i].trials_max);
        CHECK_ROW(rows[i].why, v.rule == rows[i].rule);
        CHECK_ROW(rows[i].why, v.rule == OTA_BOOT_RECOVERY || v.slot == rows[i].slot);
        CHECK_ROW(rows[i].why,
                  v.mark == (v.rule == OTA_BOOT_TRIAL || v.rule == OTA_BOOT_TRIAL_AGAIN));
    }
}

/* --- all combinations -------------------------------------------------------------------------- */

/* Section 5 of the workflow: whether rule 1 .. 5 would boot this slot. */
static bool satisfies(int rule, const struct ota_boot_slot *s, uint8_t trials_max)
{
    const struct ota_slot_facts *t = &s->trailer;
    const bool pending = s->verifies == OTA_YES && t->magic == S && t->image_ok != S;
    const bool fresh = t->trials == 0 && t->copy_done == U;
    const int spent = t->trials > 0 ? t->trials : 1;
    switch (rule) {
    case 1: return pending && fresh;
    case 2: return pending && !fresh && spent < trials_max;
    case 3: return s->verifies == OTA_YES && t->magic == S && t->image_ok == S;
    case 4: return s->verifies == OTA_YES && t->magic != S && t->download == U;
    default: return pending && !fresh;
    }
}

/* A number that is larger for the slot to be preferred, among slots of one rule. */
static long long weight(const struct ota_boot_slot *s, int rule)
{
    const long long sequence = s->trailer.sequence_mark == S ? 1LL + s->trailer.sequence : 0;
    return (rule == 4 ? 0 : sequence * 1000) + s->version.major;
}

static struct ota_boot_verdict oracle(const struct ota_boot_facts *f, uint8_t trials_max)
{
    const struct ota_boot_slot *a = &f->slot[OTA_SLOT_A], *b = &f->slot[OTA_SLOT_B];
    for (int rule = 1; rule <= 5; rule++) {
        const bool can_a = satisfies(rule, a, trials_max), can_b = satisfies(rule, b, trials_max);
        if (!can_a && !can_b) {
            continue;
        }
        const bool is_b = can_b && (!can_a || weight(b, rule) > weight(a, rule));
        return (struct ota_boot_verdict){ (enum ota_boot_rule)rule, is_b ? OTA_SLOT_B : OTA_SLOT_A,
                                          rule <= 2 };
    }
    return (struct ota_boot_verdict){ .rule = OTA_BOOT_RECOVERY };
}

enum { SLOTS_MAX = 3402 };

static const enum ota_mark marks[] = { U, S, T };

/* Trials, sequence, version and whether it verifies, for one setting of the five marks. */
static size_t add_numbers(struct ota_boot_slot *all, size_t count, const struct ota_slot_facts *set)
{
    /* Values that must not matter when the mark is not set are there too. */
    static const uint32_t sequences[] = { 0, 1 };
    static const uint8_t trials[] = { 0, 1, 8 };
    static const ota_verdict_t no[] = { OTA_NO, OTA_YES ^ 1u };
    for (uint32_t i = 0; i < COUNT(sequences) * COUNT(trials) * 2 * 2; i++) {
        struct ota_boot_slot slot = { *set, i / 12 % 2 == 0 ? OTA_YES : no[i % 2],
                                      version((uint8_t)(i / 6 % 2)) };
        if (slot.verifies != OTA_YES && i > 13) {
            continue; /* two are enough for what nothing may look at */
        }
        slot.trailer.sequence = sequences[i % 2];
        slot.trailer.trials = trials[i / 2 % 3];
        assert_true(count < SLOTS_MAX);
        all[count++] = slot;
    }
    return count;
}

static size_t all_slots(struct ota_boot_slot *all)
{
    size_t count = 0;
    for (uint32_t i = 0; i < 243; i++) {
        const struct ota_slot_facts set = {
            .magic = marks[i % 3],
            .image_ok = marks[i / 3 % 3],
            .copy_done = marks[i / 9 % 3],
            .download = marks[i / 27 % 3],
            .sequence_mark = marks[i / 81],
        };
        count = add_numbers(all, count, &set);
    }
    return count;
}

static void every_combination_of_facts_has_the_verdict_of_the_rules(void **state)
{
    (void)state;
    static struct ota_boot_slot all[SLOTS_MAX];
    const size_t count = all_slots(all);
    assert_int_equal(count, 243 * 14);
    for (size_t a = 0; a < count; a++) {
        for (size_t b = 0; b < count; b++) {
            const struct ota_boot_facts facts = { { all[a], all[b] } };
            const uint8_t trials_max = (uint8_t)((a + b) % 3 == 0 ? 1 : (a + b) % 3 == 1 ? 2 : 8);
            const struct ota_boot_verdict got = ota_boot_decide(&facts, trials_max);
            const struct ota_boot_verdict want = oracle(&facts, trials_max);
            if (got.rule != want.rule || got.mark != want.mark ||
                (want.rule != OTA_BOOT_RECOVERY && got.slot != want.slot)) {
                fail_msg("combination %zu, %zu: rule %d, not %d", a, b, (int)got.rule,
                         (int)want.rule);
            }
        }
    }
}

/* I2: whatever is in flash, an unconfirmed image is not booted by rules 1 and 2 more often than allowed. */
static void trials_are_counted_for_every_setting(void **state)
{
    (void)state;
    for (uint8_t max = 1; max <= OTA_TRIALS_MAX; max++) {
        struct ota_boot_facts facts;
        facts.slot[OTA_SLOT_A] = slot_of("factory", 0, 1);
        facts.slot[OTA_SLOT_B] = slot_of("untried", 1, 2);
        for (uint8_t boot = 1; boot <= max; boot++) {
            const struct ota_boot_verdict v = ota_boot_decide(&facts, max);
            assert_true(v.mark && v.slot == OTA_SLOT_B);
            assert_int_equal(v.rule, boot == 1 ? OTA_BOOT_TRIAL : OTA_BOOT_TRIAL_AGAIN);
            facts.slot[OTA_SLOT_B].trailer.trials = boot;
            facts.slot[OTA_SLOT_B].trailer.copy_done = S;
        }
        const struct ota_boot_verdict v = ota_boot_decide(&facts, max);
        assert_true(!v.mark && v.slot == OTA_SLOT_A && v.rule == OTA_BOOT_CONFIRMED);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_chooses_its_slot),
        cmocka_unit_test(every_combination_of_facts_has_the_verdict_of_the_rules),
        cmocka_unit_test(trials_are_counted_for_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
