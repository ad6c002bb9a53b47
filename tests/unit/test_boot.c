/* What the bootloader does around its decision, with signed images in flash. */
#include "image_fixture.h"
#include "store_fixture.h"

/* A device with trust and a counter, both slots erased. */
static void device(struct fix *x)
{
    fix_init(x, 8, 0xff);
    const struct ota_trust t = trust();
    assert_int_equal(ota_store_trust_write(&x->s, &t), OTA_OK);
    assert_int_equal(ota_store_counter_raise(&x->s, COUNTER), OTA_OK);
}

static void put(struct fix *x, enum ota_slot slot, const char *name)
{
    const struct file image = vector_image(name);
    assert_int_equal(ota_store_write(&x->s, slot, 0, span_of(&image)), OTA_OK);
}

static void activate(struct fix *x, enum ota_slot slot)
{
    const struct ota_verified_image image = fix_verified(x, slot);
    assert_int_equal(ota_store_mark_download(&x->s, slot), OTA_OK);
    assert_int_equal(ota_store_activate(&x->s, &image), OTA_OK);
}

/* A confirmed by the factory, an update pending in B. */
static void pending(struct fix *x, const char *update)
{
    device(x);
    put(x, OTA_SLOT_A, "good");
    assert_int_equal(ota_store_mark_factory(&x->s, OTA_SLOT_A), OTA_OK);
    put(x, OTA_SLOT_B, update);
    activate(x, OTA_SLOT_B);
}

static struct ota_boot_result boot(struct fix *x, uint8_t trials_max)
{
    static struct ota_verify scratch;
    struct ota_boot_result result;
    memset(&scratch, 0xa5, sizeof scratch);
    memset(&result, 0xa5, sizeof result);
    fix_restart(x);
    const struct ota_boot_cfg cfg = {
        .store = &x->s, .crypto = crypto(), .scratch = &scratch, .trials_max = trials_max
    };
    ota_boot(&cfg, &result);
    assert_int_equal(ota_boot_proved(&x->s, &result), result.verdict.rule != OTA_BOOT_RECOVERY);
    return result;
}

static void a_trial_is_marked_before_it_runs_and_reverts_by_itself(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    struct ota_boot_result r = boot(&x, 2);
    assert_int_equal(r.verdict.rule, OTA_BOOT_TRIAL);
    assert_int_equal(r.verdict.slot, OTA_SLOT_B);
    assert_int_equal(x.m.ops, 2); /* the mark and copy_done */
    assert_int_equal(r.image->where.offset, x.layout.slot[OTA_SLOT_B].offset);
    r = boot(&x, 2);
    assert_int_equal(r.verdict.rule, OTA_BOOT_TRIAL_AGAIN);
    assert_int_equal(x.m.ops, 1);
    r = boot(&x, 2);
    assert_int_equal(r.verdict.rule, OTA_BOOT_CONFIRMED);
    assert_int_equal(r.verdict.slot, OTA_SLOT_A);
    assert_int_equal(x.m.ops, 0);
    fix_free(&x);
}

static void what_was_proved_of_one_slot_is_no_proof_of_the_other(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    struct ota_boot_result r = boot(&x, 1);
    assert_int_equal(r.verdict.slot, OTA_SLOT_B);
    assert_true(ota_boot_proved(&x.s, &r));
    r.verdict.slot = OTA_SLOT_A;
    assert_false(ota_boot_proved(&x.s, &r));
    fix_free(&x);
}

static void a_confirmed_update_stays(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    assert_int_equal(boot(&x, 1).verdict.rule, OTA_BOOT_TRIAL);
    assert_int_equal(ota_store_settle(&x.s, OTA_SLOT_B, OTA_SLOT_CONFIRMED), OTA_OK);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_B), OTA_OK);
    for (int again = 0; again < 3; again++) {
        const struct ota_boot_result r = boot(&x, 1);
        assert_int_equal(r.verdict.rule, OTA_BOOT_CONFIRMED);
        assert_int_equal(r.verdict.slot, OTA_SLOT_B);
        assert_int_equal(x.m.ops, 0);
    }
    fix_free(&x);
}

static void what_does_not_verify_does_not_run_and_the_reason_is_kept(void **state)
{
    (void)state;
    static const struct {
        const char *image;
        ota_err_t why_not;
    } rows[] = {
        { "good-next-key", OTA_OK },
        { "vendor-other", OTA_E_IMAGE_VENDOR },
        { "class-other", OTA_E_IMAGE_CLASS },
        { "hardware-above", OTA_E_IMAGE_HARDWARE },
        { "counter-below", OTA_E_IMAGE_COUNTER },
        { "key-unknown", OTA_E_IMAGE_KEY },
        { "signature-by-stranger", OTA_E_IMAGE_SIGNATURE },
        { "digest-lying", OTA_E_IMAGE_DIGEST },
        { "format-no-counter", OTA_E_IMAGE_FORMAT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct fix x;
        pending(&x, rows[i].image);
        const struct ota_boot_result r = boot(&x, 1);
        const bool good = rows[i].why_not == OTA_OK;
        CHECK_ROW(rows[i].image, r.verdict.slot == (good ? OTA_SLOT_B : OTA_SLOT_A));
        CHECK_ROW(rows[i].image, r.why_not[OTA_SLOT_B] == rows[i].why_not);
        CHECK_ROW(rows[i].image, r.why_not[OTA_SLOT_A] == OTA_OK);
        CHECK_ROW(rows[i].image, x.m.ops == (good ? 2 : 0));
        fix_free(&x);
    }
}

static void a_rotten_newest_image_gives_way_to_the_other(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    assert_int_equal(boot(&x, 1).verdict.rule, OTA_BOOT_TRIAL);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_B), OTA_OK);
    flash_model_rot(&x.m, x.layout.slot[OTA_SLOT_B].offset + 100, 5);
    const struct ota_boot_result r = boot(&x, 1);
    assert_int_equal(r.verdict.rule, OTA_BOOT_CONFIRMED);
    assert_int_equal(r.verdict.slot, OTA_SLOT_A);
    assert_int_equal(r.why_not[OTA_SLOT_B], OTA_E_IMAGE_DIGEST);
    fix_free(&x);
}

static void an_image_whose_trial_cannot_be_counted_is_not_tried(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    const struct ota_region trailer = { field_at(&x, OTA_SLOT_B, F_TRIAL), 8 };
    fix_restart(&x);
    x.m.deaf = trailer;
    struct ota_boot_result r = boot(&x, 1);
    assert_int_equal(r.verdict.rule, OTA_BOOT_CONFIRMED);
    assert_int_equal(r.verdict.slot, OTA_SLOT_A);
    assert_int_equal(r.why_not[OTA_SLOT_B], OTA_E_FLASH_READ_BACK);
    x.m.deaf.size = 0;
    x.m.broken_write = trailer;
    r = boot(&x, 1);
    assert_int_equal(r.verdict.slot, OTA_SLOT_A);
    assert_int_equal(r.why_not[OTA_SLOT_B], OTA_E_FLASH);
    /* Nothing else verifies: then nothing runs. */
    flash_model_rot(&x.m, x.layout.slot[OTA_SLOT_A].offset, 0);
    r = boot(&x, 1);
    assert_int_equal(r.verdict.rule, OTA_BOOT_RECOVERY);
    x.m.broken_write.size = 0;
    fix_free(&x);
}

static void nothing_runs_if_the_facts_cannot_be_had(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    const struct {
        const char *why;
        struct ota_region broken;
        ota_err_t want;
    } rows[] = {
        { "trust", x.layout.trust, OTA_E_FLASH },
        { "counter", x.layout.counter, OTA_E_FLASH },
        { "a trailer", { field_at(&x, OTA_SLOT_A, F_MAGIC), 1 }, OTA_E_FLASH },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        x.m.broken_read = rows[i].broken;
        const struct ota_boot_result r = boot(&x, 1);
        CHECK_ROW(rows[i].why, r.verdict.rule == OTA_BOOT_RECOVERY && !r.verdict.mark);
        CHECK_ROW(rows[i].why, r.why_not[0] == rows[i].want && r.why_not[1] == rows[i].want);
        CHECK_ROW(rows[i].why, x.m.ops == 0);
    }
    x.m.broken_read.size = 0;
    memset(x.m.bytes + x.layout.trust.offset, 0xff, x.layout.trust.size);
    const struct ota_boot_result r = boot(&x, 1);
    assert_int_equal(r.verdict.rule, OTA_BOOT_RECOVERY);
    assert_int_equal(r.why_not[0], OTA_E_NOT_FOUND);
    fix_free(&x);
}

static void crypto_that_fails_runs_nothing(void **state)
{
    (void)state;
    /* Every call of the crypto port, failed in turn: never a slot that was not verified. */
    for (uint32_t n = 1; n < 200; n++) {
        struct fix x;
        pending(&x, "good-counter-above");
        struct ota_verify scratch;
        struct bad_crypto bad = bad_crypto(n);
        fix_restart(&x);
        const struct ota_boot_cfg cfg = { &x.s, &bad.base, &scratch, 1 };
        struct ota_boot_result r;
        ota_boot(&cfg, &r);
        const bool all_used = bad.calls < n;
        assert_int_not_equal(r.verdict.rule, OTA_BOOT_RECOVERY); /* one slot is still good */
        assert_int_equal(r.why_not[r.verdict.slot], OTA_OK);
        assert_true(all_used || r.why_not[ota_slot_other(r.verdict.slot)] == OTA_E_CRYPTO);
        fix_free(&x);
        if (all_used) {
            assert_true(n > 4);
            return;
        }
    }
    fail_msg("the crypto port was never done");
}

static void a_journal_is_never_read(void **state)
{
    (void)state;
    struct fix x;
    pending(&x, "good-counter-above");
    x.m.broken_read = x.layout.journal;
    assert_int_equal(boot(&x, 1).verdict.rule, OTA_BOOT_TRIAL);
    x.m.broken_read = x.layout.identity;
    assert_int_equal(boot(&x, 1).verdict.rule, OTA_BOOT_CONFIRMED);
    fix_free(&x);
}

/* Cut at each operation of three boots, in every way: never more trials than allowed, never nothing. */
static void a_cut_boot_never_gives_a_trial_away(void **state)
{
    (void)state;
    for (uint8_t max = 1; max <= 2; max++) {
        for (uint32_t i = 0; i < FLASH_CUT_KINDS * 4u; i++) {
            struct fix x;
            pending(&x, "good-counter-above");
            uint32_t trials = 0;
            for (uint32_t n = 0; n < 5; n++) {
                struct ota_verify scratch;
                fix_restart(&x);
                flash_model_cut(&x.m, 1 + n % 2, (enum flash_cut)(i % FLASH_CUT_KINDS));
                x.m.seed = 0x5eed0400u + 13u * i + n;
                const struct ota_boot_cfg cfg = { &x.s, crypto(), &scratch, max };
                struct ota_boot_result cut;
                ota_boot(&cfg, &cut);
                trials += !x.m.off && cut.verdict.mark;
                const struct ota_boot_result r = boot(&x, max);
                assert_int_not_equal(r.verdict.rule, OTA_BOOT_RECOVERY);
                trials += r.verdict.mark;
            }
            assert_in_range(trials, 0, max);
            assert_int_equal(boot(&x, max).verdict.slot, OTA_SLOT_A);
            fix_free(&x);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trial_is_marked_before_it_runs_and_reverts_by_itself),
        cmocka_unit_test(what_was_proved_of_one_slot_is_no_proof_of_the_other),
        cmocka_unit_test(a_confirmed_update_stays),
        cmocka_unit_test(what_does_not_verify_does_not_run_and_the_reason_is_kept),
        cmocka_unit_test(a_rotten_newest_image_gives_way_to_the_other),
        cmocka_unit_test(an_image_whose_trial_cannot_be_counted_is_not_tried),
        cmocka_unit_test(nothing_runs_if_the_facts_cannot_be_had),
        cmocka_unit_test(crypto_that_fails_runs_nothing),
        cmocka_unit_test(a_journal_is_never_read),
        cmocka_unit_test(a_cut_boot_never_gives_a_trial_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
