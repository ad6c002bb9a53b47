/*
 * A part that refuses one operation, each in turn: the deed says so, and can be done again. And
 * rollback counters of a port's that do not do what they are asked.
 */
#include "store_fixture.h"

/* --- the n-th operation fails, once ------------------------------------------------- */

/* Between the store and the model. */
struct faulty {
    struct ota_flash base;
    struct flash_model *model;
    uint32_t operations, fails_at; /* from 1; 0: none */
    bool weak;                     /* the first byte of a write takes one bit of what it should */
};

static bool fails(struct faulty *f)
{
    f->operations++;
    return f->operations == f->fails_at;
}

static ota_err_t faulty_read(struct ota_flash *base, uint32_t offset, struct ota_buf into)
{
    struct faulty *f = (struct faulty *)base;
    return fails(f) ? OTA_E_FLASH : ota_flash_read(&f->model->base, offset, into);
}

static ota_err_t faulty_write(struct ota_flash *base, uint32_t offset, struct ota_span from)
{
    struct faulty *f = (struct faulty *)base;
    if (f->weak) {
        f->model->bytes[offset] = 0x7f;
        return OTA_OK;
    }
    return fails(f) ? OTA_E_FLASH : ota_flash_write(&f->model->base, offset, from);
}

static ota_err_t faulty_erase(struct ota_flash *base, uint32_t offset)
{
    struct faulty *f = (struct faulty *)base;
    return fails(f) ? OTA_E_FLASH : ota_flash_erase(&f->model->base, offset);
}

static const struct ota_flash_ops faulty_ops = { faulty_read, faulty_write, faulty_erase };

static struct fix x;
static struct faulty faulty;

static void power_on(uint32_t fails_at)
{
    fix_restart(&x);
    faulty = (struct faulty){ .base = x.m.base, .model = &x.m, .fails_at = fails_at };
    faulty.base.ops = &faulty_ops;
    memset(&x.s, 0xa5, sizeof x.s);
    assert_int_equal(ota_store_open(&x.s, &faulty.base, &x.layout), OTA_OK);
}

/* --- the deeds -------------------------------------------------------------------------- */

static struct ota_verified_image image_b(void)
{
    return fix_verified(&x, OTA_SLOT_B);
}

static void nothing(void)
{
}

static void activated(void)
{
    const struct ota_verified_image image = image_b();
    assert_int_equal(ota_store_mark_factory(&x.s, OTA_SLOT_A), OTA_OK);
    assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_B), OTA_OK);
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_OK);
}

/* A state, and marks to the end of its half: the next one turns the journal over. */
static void journal_full(void)
{
    const struct ota_journal j = { .state = OTA_JOURNAL_RECEIVING };
    assert_int_equal(ota_journal_write(&x.s, &j), OTA_OK);
    for (uint32_t mark = 1; x.s.journal.limit - x.s.journal.end >= 24; mark++) {
        assert_int_equal(t_mark(&x.s, mark), OTA_OK);
    }
}

static void records(void)
{
    const struct ota_trust trust = { .release_count = 2, .deployment_count = 1 };
    assert_int_equal(ota_store_counter_raise(&x.s, 3), OTA_OK);
    assert_int_equal(ota_store_identity_write(&x.s, OTA_SPAN_LIT("me")), OTA_OK);
    assert_int_equal(ota_store_trust_write(&x.s, &trust), OTA_OK);
}

static ota_err_t do_facts(void)
{
    struct ota_store_facts facts;
    return ota_store_facts(&x.s, &facts);
}

static ota_err_t do_download(void)
{
    return ota_store_mark_download(&x.s, OTA_SLOT_B);
}

static ota_err_t do_activate(void)
{
    const struct ota_verified_image image = image_b();
    return ota_store_activate(&x.s, &image);
}

static ota_err_t do_trial(void)
{
    return ota_store_trial(&x.s, OTA_SLOT_B);
}

static ota_err_t do_settle(void)
{
    return ota_store_settle(&x.s, OTA_SLOT_B, OTA_SLOT_CONFIRMED);
}

static ota_err_t do_confirm(void)
{
    return ota_store_confirm(&x.s, OTA_SLOT_B);
}

static ota_err_t do_adopt(void)
{
    return ota_store_adopt(&x.s, OTA_SLOT_A);
}

static ota_err_t do_factory(void)
{
    return ota_store_mark_factory(&x.s, OTA_SLOT_A);
}

static ota_err_t do_clean(void)
{
    uint32_t at = 0;
    return ota_store_clean_step(&x.s, OTA_SLOT_A, &at);
}

static ota_err_t do_withdraw(void)
{
    return ota_store_withdraw(&x.s, OTA_SLOT_B);
}

static ota_err_t do_journal_read(void)
{
    struct ota_journal j;
    return ota_journal_read(&x.s, &j);
}

static ota_err_t do_journal_write(void)
{
    const struct ota_journal j = { .state = OTA_JOURNAL_READY };
    return ota_journal_write(&x.s, &j);
}

static ota_err_t do_mark(void)
{
    return t_mark(&x.s, 4711);
}

static ota_err_t do_counter(void)
{
    return ota_store_counter_raise(&x.s, 4);
}

static ota_err_t do_identity(void)
{
    uint8_t room[8];
    struct ota_span got;
    return ota_store_identity(&x.s, OTA_BUF_OF(room), &got);
}

static ota_err_t do_trust(void)
{
    struct ota_trust trust;
    return ota_store_trust(&x.s, &trust);
}

static const struct {
    const char *name;
    void (*prepare)(void);
    ota_err_t (*run)(void);
} deeds[] = {
    { "facts", records, do_facts },
    { "mark a download", nothing, do_download },
    { "activate", nothing, do_activate },
    { "trial", activated, do_trial },
    { "settle", activated, do_settle },
    { "confirm", activated, do_confirm },
    { "adopt", nothing, do_adopt },
    { "factory", nothing, do_factory },
    { "clean", nothing, do_clean },
    { "withdraw", activated, do_withdraw },
    { "read the journal", journal_full, do_journal_read },
    { "write the journal", journal_full, do_journal_write },
    { "raise a mark", journal_full, do_mark },
    { "raise the counter", records, do_counter },
    { "read the identity", records, do_identity },
    { "read trust", records, do_trust },
};

/* A mark whose read-back failed was written: the deed sees that it is there already. */
static void a_deed_whose_flash_fails_once_says_so_and_can_be_done_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(deeds); i++) {
        ota_err_t err = OTA_E_FLASH;
        for (uint32_t n = 1; err != OTA_OK; n++) {
            fix_init(&x, 8, 0xff);
            deeds[i].prepare();
            power_on(n);
            err = deeds[i].run();
            CHECK_ROW(deeds[i].name, err == OTA_E_FLASH || err == OTA_OK);
            CHECK_ROW(deeds[i].name, (err == OTA_OK) == (faulty.operations < n));
            faulty.fails_at = 0;
            CHECK_ROW(deeds[i].name, deeds[i].run() == OTA_OK);
            power_on(0);
            CHECK_ROW(deeds[i].name, deeds[i].run() == OTA_OK);
            CHECK_ROW(deeds[i].name, flash_model_faults(&x.m) == 0);
            fix_free(&x);
        }
    }
}

static void a_mark_that_nobody_can_say_is_there_is_an_error(void **state)
{
    (void)state;
    /* Written, but the look whether it is there fails. */
    fix_init(&x, 8, 0xff);
    activated();
    power_on(0);
    const uint32_t facts = 13, write = 1;
    faulty.fails_at = facts + write + 1;
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_E_FLASH);
    assert_int_equal(faulty.operations, faulty.fails_at);
    assert_int_equal(fix_facts(&x, OTA_SLOT_B).trials, 1);
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_OK);
    fix_free(&x);
}

static void a_mark_that_counts_even_torn_need_not_be_whole(void **state)
{
    (void)state;
    fix_init(&x, 8, 0xff);
    activated();
    power_on(0);
    faulty.weak = true;
    assert_int_equal(ota_store_trial(&x.s, OTA_SLOT_B), OTA_OK);
    assert_int_equal(fix_facts(&x, OTA_SLOT_B).trials, 1);
    assert_int_equal(fix_facts(&x, OTA_SLOT_B).copy_done, OTA_MARK_TORN);
    assert_int_equal(ota_store_confirm(&x.s, OTA_SLOT_B), OTA_E_FLASH_READ_BACK);
    fix_free(&x);

    fix_init(&x, 8, 0xff);
    power_on(0);
    faulty.weak = true;
    assert_int_equal(ota_store_mark_download(&x.s, OTA_SLOT_B), OTA_OK);
    assert_int_equal(fix_facts(&x, OTA_SLOT_B).download, OTA_MARK_TORN);
    fix_free(&x);
}

/* --- images that are not where they say -------------------------------------------------- */

static void only_an_image_of_a_whole_slot_is_activated(void **state)
{
    (void)state;
    fix_init(&x, 8, 0xff);
    struct ota_verified_image image = image_b();
    image.where.size -= FIX_SECTOR;
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_E_STATE);
    image = image_b();
    image.proof++;
    assert_int_equal(ota_store_activate(&x.s, &image), OTA_E_STATE);
    assert_int_equal(x.m.ops, 0);
    fix_free(&x);
}

/* --- a counter of a port's ------------------------------------------------------------------ */

struct fuses {
    struct ota_counter base;
    uint32_t value, max;
    ota_err_t read, room, raise; /* what these say */
    uint32_t burns;              /* steps that raise() takes at most */
};

static ota_err_t fuses_read(struct ota_counter *c, uint32_t *value)
{
    const struct fuses *f = (const struct fuses *)c;
    *value = f->value;
    return f->read;
}

static ota_err_t fuses_room(struct ota_counter *c, uint32_t *max)
{
    const struct fuses *f = (const struct fuses *)c;
    *max = f->max;
    return f->room;
}

static ota_err_t fuses_raise(struct ota_counter *c, uint32_t value)
{
    struct fuses *f = (struct fuses *)c;
    f->value = value - f->value > f->burns ? f->value + f->burns : value;
    return f->raise;
}

static void a_counter_that_does_not_do_as_asked_is_an_error(void **state)
{
    (void)state;
    static const struct ota_counter_ops ops = { fuses_read, fuses_room, fuses_raise };
    static const struct {
        const char *why;
        struct fuses fuses;
        uint32_t value; /* is to be raised to */
        ota_err_t want;
        uint32_t then;
    } rows[] = {
        { "one step", { .value = 3, .max = 8, .burns = 9 }, 4, OTA_OK, 4 },
        { "all steps", { .value = 3, .max = 8, .burns = 9 }, 8, OTA_OK, 8 },
        { "one too many", { .value = 3, .max = 8, .burns = 9 }, 9, OTA_E_COUNTER_FULL, 3 },
        { "the same", { .value = 3, .max = 8, .burns = 9 }, 3, OTA_OK, 3 },
        { "lower", { .value = 3, .max = 8, .burns = 9 }, 2, OTA_OK, 3 },
        { "stuck", { .value = 3, .max = 8 }, 4, OTA_E_FLASH_READ_BACK, 3 },
        { "stops half-way", { .value = 3, .max = 8, .burns = 2 }, 7, OTA_E_FLASH_READ_BACK, 5 },
        { "refuses", { .value = 3, .max = 8, .raise = OTA_E_FLASH }, 4, OTA_E_FLASH, 3 },
        { "unreadable",
          { .value = 3, .max = 8, .burns = 9, .read = OTA_E_FLASH },
          4,
          OTA_E_FLASH,
          3 },
        { "room unknown",
          { .value = 3, .max = 8, .burns = 9, .room = OTA_E_CRYPTO },
          4,
          OTA_E_CRYPTO,
          3 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        fix_init(&x, 8, 0xff);
        struct fuses fuses = rows[i].fuses;
        fuses.base.ops = &ops;
        x.layout.fuses = &fuses.base;
        x.layout.counter = (struct ota_region){ 0, 0 }; /* not looked at */
        fix_restart(&x);
        CHECK_ROW(rows[i].why, ota_store_counter_raise(&x.s, rows[i].value) == rows[i].want);
        CHECK_ROW(rows[i].why, fuses.value == rows[i].then);
        CHECK_ROW(rows[i].why, x.m.ops == 0);

        struct ota_store_facts facts;
        memset(&facts, 0xa5, sizeof facts);
        const ota_err_t readable = fuses.read != OTA_OK ? fuses.read : fuses.room;
        CHECK_ROW(rows[i].why, ota_store_facts(&x.s, &facts) == readable);
        struct ota_verified_image image = image_b();
        image.image.counter = 9;
        CHECK_ROW(rows[i].why, ota_store_activate(&x.s, &image) ==
                                   (readable != OTA_OK ? readable : OTA_E_IMAGE_COUNTER_ROOM));
        CHECK_ROW(rows[i].why, x.m.ops == 0);
        image.image.counter = 8;
        CHECK_ROW(rows[i].why, ota_store_activate(&x.s, &image) == readable);
        fix_free(&x);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deed_whose_flash_fails_once_says_so_and_can_be_done_again),
        cmocka_unit_test(a_mark_that_nobody_can_say_is_there_is_an_error),
        cmocka_unit_test(a_mark_that_counts_even_torn_need_not_be_whole),
        cmocka_unit_test(only_an_image_of_a_whole_slot_is_activated),
        cmocka_unit_test(a_counter_that_does_not_do_as_asked_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
