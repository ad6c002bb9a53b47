/*
 * Each record log through three turn-overs and more, cut at each flash operation of each write: what is
 * read after it is the value before or the value after, and the next writes succeed.
 */
#include "store_fixture.h"

/* Values are numbers that rise by one with each write. */
struct log_under_test {
    const char *name;
    uint32_t steps; /* so many writes turn it over three times at least, for each write unit */
    ota_err_t (*write)(struct fix *x, uint32_t value);
    uint32_t (*read)(struct fix *x); /* 0: nothing yet */
};

enum { NOISES = 2 };

/* The power goes at the n-th operation of writing `value`; false: it has not so many. */
static bool cut_one(struct fix *x, const struct log_under_test *log, uint32_t value, uint32_t n,
                    enum flash_cut how)
{
    flash_model_cut(&x->m, n, how);
    const ota_err_t err = log->write(x, value);
    const bool cut = x->m.off;
    fix_restart(x);
    const uint32_t found = log->read(x);
    assert_int_not_equal(cut, err == OTA_OK);
    if (found != value && !(cut && found == value - 1)) {
        fail_msg("%s: %u after a cut at %u of writing %u", log->name, found, n, value);
    }
    return cut;
}

/* Cut once more in the very next write, then go on undisturbed. */
static void go_on(struct fix *x, const struct log_under_test *log, uint32_t value, uint32_t n,
                  enum flash_cut how)
{
    cut_one(x, log, value, n, how);
    for (uint32_t next = value; next < value + 3; next++) {
        assert_int_equal(log->write(x, next), OTA_OK);
        assert_int_equal(log->read(x), next);
        fix_restart(x);
        assert_int_equal(log->read(x), next);
    }
}

static void check_log(const struct log_under_test *log, uint32_t write_size, uint8_t erased)
{
    struct fix x;
    fix_init(&x, write_size, erased);
    uint32_t turned = 0;
    for (uint32_t value = 1; value <= log->steps; value++) {
        uint8_t *before = flash_model_save(&x.m);
        for (uint32_t i = 0; i < 2 + NOISES; i++) {
            const enum flash_cut how = i < 2 ? (enum flash_cut)i : FLASH_CUT_NOISE;
            bool cut = true;
            for (uint32_t n = 1; cut; n++) {
                x.m.seed = 0x5eed0300u + 31u * value + 7u * n + i;
                flash_model_load(&x.m, before);
                fix_restart(&x);
                cut = cut_one(&x, log, value, n, how);
                if (cut && log->read(&x) == value - 1) {
                    go_on(&x, log, value, n, how);
                }
            }
        }
        flash_model_load(&x.m, before);
        free(before);
        memset(x.m.erases, 0, x.m.base.size / FIX_SECTOR * sizeof *x.m.erases);
        fix_restart(&x);
        assert_int_equal(log->write(&x, value), OTA_OK);
        bool erased_any = false;
        for (uint32_t sector = 0; sector < x.m.base.size / FIX_SECTOR; sector++) {
            assert_in_range(x.m.erases[sector], 0, 1);
            erased_any = erased_any || x.m.erases[sector] > 0;
        }
        turned += erased_any;
    }
    assert_true(turned >= 3);
    fix_free(&x);
}

static void everywhere(const struct log_under_test *log)
{
    for (uint32_t w = 1; w <= OTA_FLASH_WRITE_SIZE_MAX; w *= 2) {
        check_log(log, w, 0xff);
        check_log(log, w, 0x00);
    }
}

/* --- journal: states, and now and then marks ------------------------------------------------- */

static ota_err_t journal_write(struct fix *x, uint32_t value)
{
    if (value % 2 == 0) {
        return t_mark(&x->s, value);
    }
    struct ota_journal j = { .state = OTA_JOURNAL_RECEIVING, .mark = value, .job_id_len = 3 };
    memset(j.bytes_id, (int)value, sizeof j.bytes_id);
    return ota_journal_write(&x->s, &j);
}

static uint32_t journal_read(struct fix *x)
{
    struct ota_journal j;
    const ota_err_t err = ota_journal_read(&x->s, &j);
    if (err == OTA_E_NOT_FOUND) {
        return 0;
    }
    assert_int_equal(err, OTA_OK);
    assert_int_equal(j.state, OTA_JOURNAL_RECEIVING);
    return j.mark;
}

static void a_journal_keeps_the_old_value_or_the_new(void **state)
{
    (void)state;
    static const struct log_under_test journal = { "journal", 66, journal_write, journal_read };
    for (uint32_t w = 1; w <= OTA_FLASH_WRITE_SIZE_MAX; w *= 2) {
        check_log(&journal, w, w % 3 == 1 ? 0xff : 0x00);
    }
}

/* --- counter ------------------------------------------------------------------------------------ */

static ota_err_t counter_write(struct fix *x, uint32_t value)
{
    return ota_store_counter_raise(&x->s, value);
}

static uint32_t counter_read(struct fix *x)
{
    struct ota_store_facts facts;
    assert_int_equal(ota_store_facts(&x->s, &facts), OTA_OK);
    return facts.counter;
}

static void a_counter_never_goes_back(void **state)
{
    (void)state;
    everywhere(&(struct log_under_test){ "counter", 80, counter_write, counter_read });
}

/* --- identity and trust: nearly a half each, so that each write turns over -------------------------- */

static ota_err_t identity_write(struct fix *x, uint32_t value)
{
    uint8_t bytes[400];
    memset(bytes, (int)value, sizeof bytes);
    return ota_store_identity_write(&x->s, OTA_SPAN_OF(bytes));
}

static uint32_t identity_read(struct fix *x)
{
    uint8_t room[400];
    struct ota_span got;
    const ota_err_t err = ota_store_identity(&x->s, OTA_BUF_OF(room), &got);
    if (err == OTA_E_NOT_FOUND) {
        return 0;
    }
    assert_int_equal(err, OTA_OK);
    assert_int_equal(got.len, sizeof room);
    for (size_t i = 1; i < sizeof room; i++) {
        assert_int_equal(room[i], room[0]);
    }
    return room[0];
}

static void an_identity_is_the_old_one_or_the_new(void **state)
{
    (void)state;
    everywhere(&(struct log_under_test){ "identity", 6, identity_write, identity_read });
}

static ota_err_t trust_write(struct fix *x, uint32_t value)
{
    struct ota_trust trust = { .hw_revision = (uint16_t)value,
                               .release_count = 2,
                               .deployment_count = 2 };
    memset(trust.deployment, (int)value, sizeof trust.deployment);
    return ota_store_trust_write(&x->s, &trust);
}

static uint32_t trust_read(struct fix *x)
{
    struct ota_trust trust;
    const ota_err_t err = ota_store_trust(&x->s, &trust);
    if (err == OTA_E_NOT_FOUND) {
        return 0;
    }
    assert_int_equal(err, OTA_OK);
    assert_int_equal(trust.deployment[1].key[0], trust.hw_revision);
    return trust.hw_revision;
}

static void trust_is_the_old_one_or_the_new(void **state)
{
    (void)state;
    everywhere(&(struct log_under_test){ "trust", 6, trust_write, trust_read });
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_journal_keeps_the_old_value_or_the_new),
        cmocka_unit_test(a_counter_never_goes_back),
        cmocka_unit_test(an_identity_is_the_old_one_or_the_new),
        cmocka_unit_test(trust_is_the_old_one_or_the_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
