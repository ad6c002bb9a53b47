/*
 * boot-states [FILE]: the boot decision for every trailer that MCUboot's fields can hold, as a page of Markdown. With
 * FILE: whether that is what the file says. The verdicts are ota_boot_decide()'s; MCUboot's are by its documented
 * rules for direct XIP with revert. A difference without a reason is an error.
 */
#include "ota/boot.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATES     27u /* three fields, each unset, set or torn */
#define TRIALS_MAX 1u
#define NOTHING    2 /* no slot */
#define PAGE_MAX   65536u
#define FIELD_WORDS                                                                                \
    "."                                                                                            \
    "s"                                                                                            \
    "x"

static void die(const char *why)
{
    fprintf(stderr, "boot-states: %s\n", why);
    exit(EXIT_FAILURE);
}

/* --- facts ----------------------------------------------------------------------------------- */

/* Slot B has the higher version; the marks that MCUboot does not know are blank. */
static struct ota_boot_slot slot_of(unsigned state, enum ota_slot slot, bool verifies)
{
    return (struct ota_boot_slot){
        .trailer = { .magic = (enum ota_mark)(state / 9u),
                     .image_ok = (enum ota_mark)(state / 3u % 3u),
                     .copy_done = (enum ota_mark)(state % 3u) },
        .verifies = verifies ? OTA_YES : OTA_NO,
        .version = { .major = slot == OTA_SLOT_A ? 1 : 2 },
    };
}

static struct ota_boot_facts facts_of(unsigned a, bool a_good, unsigned b, bool b_good)
{
    return (struct ota_boot_facts){ { slot_of(a, OTA_SLOT_A, a_good),
                                      slot_of(b, OTA_SLOT_B, b_good) } };
}

/* --- MCUboot's rules ---------------------------------------------------------------------------- */

/* A slot without its magic, or one that was booted and did not confirm, is erased before it is looked at. */
static bool mcuboot_takes(const struct ota_boot_slot *s)
{
    const bool failed = s->trailer.copy_done == OTA_MARK_SET && s->trailer.image_ok != OTA_MARK_SET;
    return s->verifies == OTA_YES && s->trailer.magic == OTA_MARK_SET && !failed;
}

/* Of those that are left the higher version, which here is B's. */
static int mcuboot(const struct ota_boot_facts *f)
{
    if (mcuboot_takes(&f->slot[OTA_SLOT_B])) {
        return OTA_SLOT_B;
    }
    return mcuboot_takes(&f->slot[OTA_SLOT_A]) ? (int)OTA_SLOT_A : NOTHING;
}

/* --- where we differ, and why ---------------------------------------------------------------------- */

static const struct {
    char letter;
    const char *why;
} reasons[] = {
    { 'o', "A new image in A waits for its trial beside a confirmed one of a higher version. "
           "MCUboot would never try "
           "it; what was installed last is tried, so that a wanted downgrade needs no surgery." },
    { 't', "copy_done is torn: the power went while a trial was being marked. MCUboot reads it as "
           "no boot at all and "
           "gives another; we count it as the boot that it was, for an image that takes the power "
           "with it would "
           "otherwise be tried for ever." },
    { 'u', "No slot has a whole magic and is fit to run, but there is an image that verifies, and "
           "no download was "
           "begun over it: a debugger or a factory wrote it. MCUboot erases it; we boot it, and "
           "the agent confirms "
           "it before it claims anything." },
    { 'l', "All that verifies has been tried and did not confirm. MCUboot erases it and stands "
           "still; we rather boot "
           "a failed trial than nothing, and erase nothing." },
};

static bool torn_boot(const struct ota_boot_slot *s)
{
    return s->trailer.copy_done == OTA_MARK_TORN && s->trailer.image_ok != OTA_MARK_SET;
}

/* The letter of the reason, or ' ' if the two agree. */
static char reason(const struct ota_boot_facts *f)
{
    const struct ota_boot_verdict v = ota_boot_decide(f, TRIALS_MAX);
    const int ours = v.rule == OTA_BOOT_RECOVERY ? NOTHING : (int)v.slot, theirs = mcuboot(f);
    if (ours == theirs) {
        return ' ';
    }
    if (theirs == NOTHING && v.rule == OTA_BOOT_UNMARKED) {
        return 'u';
    }
    if (theirs == NOTHING && v.rule == OTA_BOOT_LAST_RESORT) {
        return 'l';
    }
    if (ours != NOTHING && theirs != NOTHING && torn_boot(&f->slot[theirs])) {
        return 't';
    }
    if (ours == OTA_SLOT_A && theirs == OTA_SLOT_B && v.rule == OTA_BOOT_TRIAL) {
        return 'o';
    }
    die("a difference without a reason");
    return '?';
}

/* --- the page ------------------------------------------------------------------------------------------ */

static char page[PAGE_MAX];
static size_t used;

#define PUT(...) put((size_t)snprintf(page + used, sizeof page - used, __VA_ARGS__))

static void put(size_t len)
{
    used += len;
    if (used >= sizeof page) {
        die("the page is too long");
    }
}

static void put_state(unsigned state)
{
    PUT("%c%c%c", FIELD_WORDS[state / 9u], FIELD_WORDS[state / 3u % 3u], FIELD_WORDS[state % 3u]);
}

static void put_cell(const struct ota_boot_facts *f)
{
    const struct ota_boot_verdict v = ota_boot_decide(f, TRIALS_MAX);
    if (v.rule == OTA_BOOT_RECOVERY) {
        PUT(" -%c ", reason(f));
    } else {
        PUT(" %c%d%c", v.slot == OTA_SLOT_A ? 'A' : 'B', (int)v.rule, reason(f));
    }
}

static void end_line(void)
{
    while (used > 0 && page[used - 1] == ' ') {
        used--;
    }
    PUT("\n");
}

static void put_both(void)
{
    PUT("    A\\B");
    for (unsigned b = 0; b < STATES; b++) {
        PUT(" ");
        put_state(b);
    }
    end_line();
    for (unsigned a = 0; a < STATES; a++) {
        PUT("    ");
        put_state(a);
        for (unsigned b = 0; b < STATES; b++) {
            const struct ota_boot_facts f = facts_of(a, true, b, true);
            put_cell(&f);
        }
        end_line();
    }
}

static bool same(const struct ota_boot_facts *f, const struct ota_boot_facts *g)
{
    const struct ota_boot_verdict v = ota_boot_decide(f, TRIALS_MAX);
    const struct ota_boot_verdict w = ota_boot_decide(g, TRIALS_MAX);
    return v.rule == w.rule && reason(f) == reason(g);
}

/* One line for 27 states each: what is in the other slot's trailer must not matter. */
static void put_one(void)
{
    for (unsigned state = 0; state < STATES; state++) {
        const struct ota_boot_facts a = facts_of(state, true, 0, false);
        const struct ota_boot_facts b = facts_of(0, false, state, true);
        for (unsigned other = 0; other < STATES; other++) {
            const struct ota_boot_facts x = facts_of(state, true, other, false);
            const struct ota_boot_facts y = facts_of(other, false, state, true);
            const struct ota_boot_facts none = facts_of(state, false, other, false);
            if (!same(&a, &x) || !same(&b, &y)) {
                die("the trailer of an image that does not verify matters");
            }
            if (ota_boot_decide(&none, TRIALS_MAX).rule != OTA_BOOT_RECOVERY) {
                die("something boots that does not verify");
            }
        }
        PUT("    ");
        put_state(state);
        put_cell(&a);
        put_cell(&b);
        end_line();
    }
}

static unsigned count(char letter)
{
    unsigned found = 0;
    for (unsigned i = 0; i < STATES * STATES * 4u; i++) {
        const struct ota_boot_facts f =
            facts_of(i / 4u / STATES, (i & 1u) != 0, i / 4u % STATES, (i & 2u) != 0);
        found += reason(&f) == letter;
    }
    return found;
}

static void put_reasons(void)
{
    PUT("| | cases | why |\n|---|---:|---|\n");
    PUT("| | %u | as MCUboot |\n", count(' '));
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        PUT("| %c | %u | %s |\n", reasons[i].letter, count(reasons[i].letter), reasons[i].why);
    }
}

static void put_page(void)
{
    PUT("# All trailer states and what the bootloader makes of them\n\n"
        "Made by `boot-states > docs/spec/boot-states.md` out of `ota_boot_decide()`; a test "
        "compares.\n\n"
        "A trailer is three signs for magic, image_ok, copy_done: `.` unset, `s` set, `x` torn or "
        "anything else. That "
        "makes 729\npairs, and with which of the two images verify 2,916 cases. Slot B has the "
        "higher version; install "
        "sequence, download mark\nand trial marks, which MCUboot does not have, are blank; one "
        "trial. With all of "
        "those varied the decision is compared\nwith the rules in "
        "`tests/unit/test_boot_decide.c`.\n\n"
        "A cell is the slot and the rule of [flash.md](flash.md#boot-decision) (1 trial, 3 "
        "confirmed, 4 unmarked, "
        "5 last resort; 2, another\ntrial, needs more than one), or `-` for recovery. A letter "
        "behind it: MCUboot in "
        "direct-XIP mode with revert would boot\nthe other slot or nothing. MCUboot also erases "
        "each slot that it "
        "does not take; we erase none.\n\n");
    put_reasons();
    PUT("\n## Both images verify\n\nA's trailer at the left, B's at the top.\n\n");
    put_both();
    PUT("\n## One image verifies\n\nIts trailer; then if it is A's; then if it is B's. The other "
        "trailer does not "
        "matter.\n\n");
    put_one();
    PUT("\n## No image verifies\n\nRecovery, in all 729 cases.\n");
}

static int compare(const char *path)
{
    static char have[PAGE_MAX];
    FILE *file = fopen(path, "rb");
    const size_t len = file == NULL ? 0 : fread(have, 1, sizeof have, file);
    if (file != NULL) {
        fclose(file);
    }
    if (len == used && memcmp(have, page, used) == 0) {
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "%s is not what boot-states says now\n", path);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    put_page();
    if (argc == 2) {
        return compare(argv[1]);
    }
    fwrite(page, 1, used, stdout);
    return EXIT_SUCCESS;
}
