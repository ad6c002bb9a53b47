/*
 * Every deed on a slot, cut at each of its flash operations, before it and inside it, and cut again
 * when it is done over: what is found is what the workflow allows, and from there the deed succeeds.
 */
#include "store_fixture.h"

/* Noise differs by its seed: so many of them for each operation. */
enum { NOISES = 6 };

struct deed {
    const char *name;
    void (*prepare)(struct fix *x);
    ota_err_t (*run)(struct fix *x);
    /* What may be found after any cut. */
    void (*allowed)(struct fix *x);
    /* Without cuts from here: it must come to its end. */
    void (*finish)(struct fix *x);
};

/* Runs with a cut at the n-th operation; false: it had fewer. The power is on again, all RAM forgotten. */
static bool run_cut(struct fix *x, const struct deed *deed, uint32_t n, enum flash_cut how)
{
    flash_model_cut(&x->m, n, how);
    const ota_err_t err = deed->run(x);
    const bool cut = x->m.off;
    if (cut) {
        assert_int_not_equal(err, OTA_OK);
    }
    fix_restart(x);
    deed->allowed(x);
    return cut;
}

static void check_second_cuts(struct fix *x, const struct deed *deed, enum flash_cut how)
{
    uint8_t *after_first = flash_model_save(&x->m);
    bool cut = true;
    for (uint32_t n = 1; cut; n++) {
        flash_model_load(&x->m, after_first);
        fix_restart(x);
        cut = run_cut(x, deed, n, how);
        deed->finish(x);
        deed->allowed(x);
    }
    free(after_first);
}

static void check_deed(const struct deed *deed, uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    deed->prepare(&x);
    uint8_t *before = flash_model_save(&x.m);
    for (uint32_t i = 0; i < 2 + NOISES; i++) {
        const enum flash_cut how = i < 2 ? (enum flash_cut)i : FLASH_CUT_NOISE;
        bool cut = true;
        for (uint32_t n = 1; cut; n++) {
            x.m.seed = 0x5eed0100u + 997u * i + n;
            flash_model_load(&x.m, before);
            fix_restart(&x);
            cut = run_cut(&x, deed, n, how);
            check_second_cuts(&x, deed, how);
        }
    }
    free(before);
    fix_free(&x);
}

static void everywhere(const struct deed *deed)
{
    for (uint32_t w = 1; w <= OTA_FLASH_WRITE_SIZE_MAX; w *= 2) {
        check_deed(deed, w, 0xff);
        check_deed(deed, w, 0x00);
    }
}

/* --- A is confirmed with sequence 0; B is what happens -------------------------------- */

static void confirmed_a(struct fix *x)
{
    assert_int_equal(ota_store_mark_factory(&x->s, OTA_SLOT_A), OTA_OK);
}

static void downloaded_b(struct fix *x)
{
    confirmed_a(x);
    assert_int_equal(ota_store_mark_download(&x->s, OTA_SLOT_B), OTA_OK);
}

static ota_err_t activate_b(struct fix *x)
{
    const struct ota_verified_image image = fix_verified(x, OTA_SLOT_B);
    return ota_store_activate(&x->s, &image);
}

/* Never touched, whatever happens to B. */
static void a_is_as_it_was(struct fix *x)
{
    const struct ota_slot_facts a = fix_facts(x, OTA_SLOT_A);
    assert_int_equal(ota_slot_classify(&a, true), OTA_SLOT_CONFIRMED);
    assert_int_equal(a.sequence_mark, OTA_MARK_SET);
    assert_int_equal(a.sequence, 0);
}

static void activate_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    const struct ota_slot_facts b = fix_facts(x, OTA_SLOT_B);
    switch (ota_slot_classify(&b, true)) {
    case OTA_SLOT_INCOMPLETE: return;
    case OTA_SLOT_UNTRIED:
        assert_int_equal(b.sequence_mark, OTA_MARK_SET);
        assert_int_equal(b.sequence, 1);
        return;
    case OTA_SLOT_INVALID:
    case OTA_SLOT_CONFIRMED:
    case OTA_SLOT_TRIED:
    case OTA_SLOT_UNMARKED: break;
    }
    fail_msg("B must not be this");
}

static void activate_finish(struct fix *x)
{
    if (activate_b(x) != OTA_OK) {
        assert_int_equal(activate_b(x), OTA_E_STATE);
        fix_erase_slot(x, OTA_SLOT_B);
        assert_int_equal(ota_store_mark_download(&x->s, OTA_SLOT_B), OTA_OK);
        assert_int_equal(activate_b(x), OTA_OK);
    }
    assert_int_equal(fix_class(x, OTA_SLOT_B), OTA_SLOT_UNTRIED);
}

static void an_activation_is_done_or_not_and_never_without_its_sequence(void **state)
{
    (void)state;
    everywhere(
        &(struct deed){ "activate", downloaded_b, activate_b, activate_allowed, activate_finish });
}

/* --- trial ------------------------------------------------------------------------------ */

static void activated_b(struct fix *x)
{
    downloaded_b(x);
    assert_int_equal(activate_b(x), OTA_OK);
}

static ota_err_t trial_b(struct fix *x)
{
    return ota_store_trial(&x->s, OTA_SLOT_B);
}

static void trial_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    const struct ota_slot_facts b = fix_facts(x, OTA_SLOT_B);
    assert_int_equal(b.magic, OTA_MARK_SET);
    assert_int_equal(b.image_ok, OTA_MARK_UNSET);
    /* copy_done is set for a boot that is counted, never for one that is not. */
    assert_true(b.copy_done == OTA_MARK_UNSET || b.trials > 0);
}

static void trial_finish(struct fix *x)
{
    const uint8_t before = fix_facts(x, OTA_SLOT_B).trials;
    assert_int_equal(trial_b(x), OTA_OK);
    assert_int_equal(fix_facts(x, OTA_SLOT_B).trials, before + 1);
    assert_int_equal(fix_class(x, OTA_SLOT_B), OTA_SLOT_TRIED);
}

static void a_trial_that_may_start_is_counted(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "trial", activated_b, trial_b, trial_allowed, trial_finish });
}

/* --- confirm ------------------------------------------------------------------------------ */

static void tried_b(struct fix *x)
{
    activated_b(x);
    assert_int_equal(trial_b(x), OTA_OK);
}

static ota_err_t confirm_b(struct fix *x)
{
    return ota_store_confirm(&x->s, OTA_SLOT_B);
}

static void confirm_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    const enum ota_slot_class b = fix_class(x, OTA_SLOT_B);
    assert_true(b == OTA_SLOT_TRIED || b == OTA_SLOT_CONFIRMED);
    assert_int_equal(fix_facts(x, OTA_SLOT_B).sequence, 1);
}

/* A torn one stays torn (H8): said so, and nothing is programmed over it. */
static void confirm_finish(struct fix *x)
{
    const ota_err_t err = confirm_b(x);
    const enum ota_mark image_ok = fix_facts(x, OTA_SLOT_B).image_ok;
    assert_int_equal(err, image_ok == OTA_MARK_SET ? OTA_OK : OTA_E_FLASH_READ_BACK);
    assert_int_not_equal(image_ok, OTA_MARK_UNSET);
}

static void a_confirm_is_in_flash_or_the_slot_is_still_a_trial(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "confirm", tried_b, confirm_b, confirm_allowed, confirm_finish });
}

/* --- settle: another tool wrote B's magic (N4) --------------------------------------------- */

static void foreign_b(struct fix *x)
{
    tried_b(x);
    memset(x->m.bytes + field_at(x, OTA_SLOT_B, F_SEQUENCE), x->m.base.erased,
           x->m.base.write_size < 8 ? 8 : x->m.base.write_size);
}

static ota_err_t settle_b(struct fix *x)
{
    return ota_store_settle(&x->s, OTA_SLOT_B, OTA_SLOT_CONFIRMED);
}

static void settle_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    const struct ota_slot_facts b = fix_facts(x, OTA_SLOT_B);
    assert_int_equal(ota_slot_classify(&b, true), OTA_SLOT_TRIED);
    assert_true(b.sequence_mark != OTA_MARK_SET || b.sequence == 1);
}

static void settle_finish(struct fix *x)
{
    const ota_err_t err = settle_b(x);
    const enum ota_mark mark = fix_facts(x, OTA_SLOT_B).sequence_mark;
    assert_int_equal(err, mark == OTA_MARK_SET ? OTA_OK : OTA_E_STATE);
    assert_int_not_equal(mark, OTA_MARK_UNSET);
}

static void a_slot_settles_with_its_whole_sequence_or_not(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "settle", foreign_b, settle_b, settle_allowed, settle_finish });
}

/* --- adopt ---------------------------------------------------------------------------------- */

static void nothing(struct fix *x)
{
    (void)x;
}

static ota_err_t adopt_a(struct fix *x)
{
    return ota_store_adopt(&x->s, OTA_SLOT_A);
}

/* Never a trial in between: nothing could revert it. */
static void adopt_allowed(struct fix *x)
{
    const enum ota_slot_class a = fix_class(x, OTA_SLOT_A);
    assert_true(a == OTA_SLOT_UNMARKED || a == OTA_SLOT_CONFIRMED);
}

static void adopt_finish(struct fix *x)
{
    const ota_err_t err = adopt_a(x);
    const enum ota_slot_class a = fix_class(x, OTA_SLOT_A);
    assert_int_equal(err, a == OTA_SLOT_CONFIRMED ? OTA_OK : OTA_E_FLASH_READ_BACK);
}

static void an_unmarked_image_is_adopted_or_stays_unmarked(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "adopt", nothing, adopt_a, adopt_allowed, adopt_finish });
}

/* --- factory: B is prepared while A runs nothing --------------------------------------- */

static ota_err_t factory_b(struct fix *x)
{
    return ota_store_mark_factory(&x->s, OTA_SLOT_B);
}

static void factory_allowed(struct fix *x)
{
    const struct ota_slot_facts b = fix_facts(x, OTA_SLOT_B);
    assert_true(b.magic == OTA_MARK_UNSET || b.sequence_mark == OTA_MARK_SET);
    assert_int_equal(b.sequence, 0);
    assert_true(b.image_ok == OTA_MARK_UNSET || b.magic == OTA_MARK_SET);
}

static void factory_finish(struct fix *x)
{
    if (factory_b(x) != OTA_OK) {
        fix_erase_slot(x, OTA_SLOT_B);
        assert_int_equal(factory_b(x), OTA_OK);
    }
    assert_int_equal(fix_class(x, OTA_SLOT_B), OTA_SLOT_CONFIRMED);
}

static void a_factory_slot_is_confirmed_last(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "factory", nothing, factory_b, factory_allowed, factory_finish });
}

/* --- download mark ------------------------------------------------------------------------------ */

static ota_err_t mark_b(struct fix *x)
{
    return ota_store_mark_download(&x->s, OTA_SLOT_B);
}

static void mark_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    const struct ota_slot_facts b = fix_facts(x, OTA_SLOT_B);
    assert_true(b.magic == OTA_MARK_UNSET && b.image_ok == OTA_MARK_UNSET && b.trials == 0);
}

static void mark_finish(struct fix *x)
{
    assert_int_equal(mark_b(x), OTA_OK);
    assert_int_equal(fix_class(x, OTA_SLOT_B), OTA_SLOT_INCOMPLETE);
}

static void a_download_mark_is_done_over_after_any_cut(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "download", confirmed_a, mark_b, mark_allowed, mark_finish });
}

/* --- erase and withdraw: B holds an image with every mark (H2) -------------------------------------- */

static void put_image(struct fix *x, enum ota_slot slot)
{
    uint8_t bytes[(FIX_SLOT_SECTORS - 1) * FIX_SECTOR];
    memset(bytes, 0x5a, sizeof bytes);
    assert_int_equal(ota_store_write(&x->s, slot, 0, OTA_SPAN_OF(bytes)), OTA_OK);
}

static bool image_is_whole(struct fix *x, enum ota_slot slot)
{
    const struct ota_region room = ota_store_image_region(&x->s, slot);
    for (uint32_t i = 0; i < room.size; i++) {
        if (x->m.bytes[room.offset + i] != 0x5a) {
            return false;
        }
    }
    return true;
}

static void full_b(struct fix *x)
{
    tried_b(x);
    put_image(x, OTA_SLOT_B);
}

static ota_err_t erase_b(struct fix *x)
{
    for (uint32_t at = 0; at < x->layout.slot[OTA_SLOT_B].size;) {
        const ota_err_t err = ota_store_erase_step(&x->s, OTA_SLOT_B, &at);
        if (err != OTA_OK) {
            return err;
        }
    }
    return OTA_OK;
}

static ota_err_t withdraw_b(struct fix *x)
{
    return ota_store_withdraw(&x->s, OTA_SLOT_B);
}

/* Any mark that is not as it was: then nothing of the first sector is left, so no image, old or mixed. */
static void erase_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    const struct ota_slot_facts b = fix_facts(x, OTA_SLOT_B);
    const bool marks_as_they_were = b.magic == OTA_MARK_SET && b.copy_done == OTA_MARK_SET &&
                                    b.download == OTA_MARK_SET && b.sequence_mark == OTA_MARK_SET &&
                                    b.trials == 1 && b.image_ok == OTA_MARK_UNSET;
    if (marks_as_they_were) {
        return;
    }
    assert_false(image_is_whole(x, OTA_SLOT_B));
    const uint32_t begin = x->layout.slot[OTA_SLOT_B].offset;
    for (uint32_t i = 0; i < FIX_SECTOR; i++) {
        assert_int_equal(x->m.bytes[begin + i], x->m.base.erased);
    }
}

static void erase_finish(struct fix *x)
{
    assert_int_equal(erase_b(x), OTA_OK);
    assert_int_equal(mark_b(x), OTA_OK);
    /* What a later job does with the slot, before the checks of `allowed` come back to it. */
    assert_int_equal(activate_b(x), OTA_OK);
    fix_erase_slot(x, OTA_SLOT_B);
}

static void withdraw_finish(struct fix *x)
{
    assert_int_equal(withdraw_b(x), OTA_OK);
    assert_int_equal(mark_b(x), OTA_OK);
    assert_int_equal(withdraw_b(x), OTA_OK);
}

static void a_mark_never_outlives_its_image(void **state)
{
    (void)state;
    everywhere(&(struct deed){ "erase", full_b, erase_b, erase_allowed, erase_finish });
    everywhere(&(struct deed){ "withdraw", full_b, withdraw_b, erase_allowed, withdraw_finish });
}

/* --- a whole download with its marks -------------------------------------------------------------------- */

enum { BLOCK = 128, FILE_SIZE = 2 * FIX_SECTOR + 300 };

static uint8_t file_byte(uint32_t at)
{
    return (uint8_t)(at * 7u + (at >> 8));
}

static ota_err_t write_block(struct fix *x, uint32_t at)
{
    uint8_t block[BLOCK];
    const uint32_t len = FILE_SIZE - at < BLOCK ? FILE_SIZE - at : BLOCK;
    for (uint32_t i = 0; i < len; i++) {
        block[i] = file_byte(at + i);
    }
    return ota_store_write(&x->s, OTA_SLOT_B, at, (struct ota_span){ block, len });
}

/* As the agent does it: clean behind the mark, then write, and raise the mark at each interval. */
static ota_err_t fetch(struct fix *x)
{
    struct ota_journal j;
    ota_err_t err = ota_journal_read(&x->s, &j);
    if (err != OTA_OK) {
        return err;
    }
    const uint32_t begin = j.mark;
    for (uint32_t at = begin;
         err == OTA_OK && at < ota_store_image_region(&x->s, OTA_SLOT_B).size;) {
        err = ota_store_clean_step(&x->s, OTA_SLOT_B, &at);
    }
    const uint32_t interval = ota_journal_mark_interval(&x->s, FILE_SIZE);
    for (uint32_t at = begin; err == OTA_OK && at < FILE_SIZE; at += BLOCK) {
        if (at > begin && at % interval == 0) {
            err = t_mark(&x->s, at);
        }
        if (err == OTA_OK) {
            err = write_block(x, at);
        }
    }
    return err;
}

static void receiving(struct fix *x)
{
    downloaded_b(x);
    const struct ota_journal j = { .state = OTA_JOURNAL_RECEIVING,
                                   .slot = OTA_SLOT_B,
                                   .file_size = FILE_SIZE };
    assert_int_equal(ota_journal_write(&x->s, &j), OTA_OK);
}

/* The mark never says more than there is. */
static void fetch_allowed(struct fix *x)
{
    a_is_as_it_was(x);
    struct ota_journal j;
    assert_int_equal(ota_journal_read(&x->s, &j), OTA_OK);
    assert_int_equal(j.state, OTA_JOURNAL_RECEIVING);
    assert_int_equal(j.mark % FIX_SECTOR, 0);
    const uint32_t begin = x->layout.slot[OTA_SLOT_B].offset;
    for (uint32_t i = 0; i < j.mark; i++) {
        assert_int_equal(x->m.bytes[begin + i], file_byte(i));
    }
}

static void fetch_finish(struct fix *x)
{
    assert_int_equal(fetch(x), OTA_OK);
    const uint32_t begin = x->layout.slot[OTA_SLOT_B].offset;
    for (uint32_t i = 0; i < FILE_SIZE; i++) {
        assert_int_equal(x->m.bytes[begin + i], file_byte(i));
    }
}

/* fix_free() asserts that no unit was programmed twice. */
static void a_cut_download_goes_on_from_its_mark_and_programs_nothing_twice(void **state)
{
    (void)state;
    const struct deed deed = { "fetch", receiving, fetch, fetch_allowed, fetch_finish };
    check_deed(&deed, 1, 0xff);
    check_deed(&deed, 8, 0xff);
    check_deed(&deed, 8, 0x00);
    check_deed(&deed, 32, 0xff);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_activation_is_done_or_not_and_never_without_its_sequence),
        cmocka_unit_test(a_trial_that_may_start_is_counted),
        cmocka_unit_test(a_confirm_is_in_flash_or_the_slot_is_still_a_trial),
        cmocka_unit_test(a_slot_settles_with_its_whole_sequence_or_not),
        cmocka_unit_test(an_unmarked_image_is_adopted_or_stays_unmarked),
        cmocka_unit_test(a_factory_slot_is_confirmed_last),
        cmocka_unit_test(a_download_mark_is_done_over_after_any_cut),
        cmocka_unit_test(a_mark_never_outlives_its_image),
        cmocka_unit_test(a_cut_download_goes_on_from_its_mark_and_programs_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
