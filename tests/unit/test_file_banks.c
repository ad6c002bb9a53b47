/*
 * A data file in two banks: the old one is used until the new one is applied, and again if that is undone;
 * whatever is cut, and however often it is tried again.
 */
#include "flash_model.h"
#include "ota/file_banks.h"
#include "t.h"

#define SECTOR 512u
#define BANK   (4u * SECTOR)
#define ROOM   (3u * SECTOR)

static struct flash_model m;
static struct ota_file_banks b;
static const struct ota_region regions[2] = { { SECTOR, BANK }, { SECTOR + BANK, BANK } };

static void power_on(void)
{
    flash_model_power_on(&m);
    memset(&b, 0xa5, sizeof b);
    assert_int_equal(ota_file_banks_init(&b, 7, &m.base, regions), OTA_OK);
}

static void begin(uint32_t write_size, bool erased_zero)
{
    const struct flash_geometry g = {
        .sectors = 9, .sector_size = SECTOR, .write_size = write_size, .erased_zero = erased_zero
    };
    flash_model_init(&m, &g);
    power_on();
}

static void end(void)
{
    assert_int_equal(flash_model_faults(&m), 0);
    flash_model_free(&m);
}

static struct ota_file file_of(uint32_t size)
{
    return (struct ota_file){ .type = 7, .size = size };
}

/* Bytes of file number `n`. */
static void fill(uint8_t *bytes, uint32_t size, unsigned n)
{
    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 31u + n * 77u + 1u);
    }
}

/* Whatever is busy is asked again; so often is a loop without end. */
#define UNTIL_DONE(err, call)                                                                      \
    do {                                                                                           \
        unsigned asked = 0;                                                                        \
        while (((err) = (call)) == OTA_E_BUSY) {                                                   \
            assert_true(++asked < 50);                                                             \
        }                                                                                          \
    } while (0)

static ota_err_t job(ota_err_t (*verb)(struct ota_file_handler *))
{
    ota_err_t err;
    UNTIL_DONE(err, verb(&b.base));
    return err;
}

static ota_err_t apply(void)
{
    return job(b.base.ops->apply);
}

static ota_err_t keep(void)
{
    return job(b.base.ops->keep);
}

static ota_err_t discard(void)
{
    return job(b.base.ops->discard);
}

/* Blocks of 256 bytes from where it can go on, the last one first. */
static ota_err_t receive(unsigned n, uint32_t size, uint32_t mark)
{
    uint8_t bytes[ROOM];
    const struct ota_file file = file_of(size);
    const struct ota_file_handler_ops *const ops = b.base.ops;
    fill(bytes, size, n);
    const uint32_t from = ops->resume(&b.base, &file, mark);
    assert_true(from <= mark && ops->resume(&b.base, &file, from) == from);
    ota_err_t err;
    UNTIL_DONE(err, ops->begin(&b.base, &file, from));
    for (uint32_t at = (size - 1u) / 256u * 256u; err == OTA_OK; at -= 256u) {
        const uint32_t len = size - at < 256u ? size - at : 256u;
        err = ops->write(&b.base, &file, at, (struct ota_span){ bytes + at, len });
        if (at == from) {
            break;
        }
    }
    return err;
}

static ota_err_t verified(uint32_t size)
{
    const struct ota_file file = file_of(size);
    ota_err_t err;
    UNTIL_DONE(err, b.base.ops->verified(&b.base, &file));
    return err;
}

static ota_err_t stage(unsigned n, uint32_t size)
{
    const ota_err_t err = receive(n, size, 0);
    return err == OTA_OK ? verified(size) : err;
}

/* Is file `n` in use, whole? 0: none at all. */
static bool uses(unsigned n, uint32_t size)
{
    uint8_t want[ROOM];
    struct ota_region where;
    const ota_err_t err = ota_file_banks_active(&b, &where);
    if (n == 0) {
        return err == OTA_E_NOT_FOUND;
    }
    fill(want, size, n);
    return err == OTA_OK && where.size == size && memcmp(m.bytes + where.offset, want, size) == 0;
}

static const struct {
    uint32_t write_size;
    bool erased_zero;
} geometries[] = { { 1, false }, { 4, true }, { 8, false }, { 16, true }, { 32, false } };

static void a_file_is_used_once_it_is_applied(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(geometries); i++) {
        begin(geometries[i].write_size, geometries[i].erased_zero);
        assert_true(uses(0, 0));
        for (unsigned n = 1; n <= 5; n++) {
            const uint32_t size = 1000u + n, before = 1000u + n - 1u;
            assert_int_equal(stage(n, size), OTA_OK);
            power_on();
            assert_true(uses(n - 1u, before));
            assert_int_equal(apply(), OTA_OK);
            assert_int_equal(apply(), OTA_OK);
            power_on();
            assert_true(uses(n, size));
            assert_int_equal(keep(), OTA_OK);
            assert_int_equal(keep(), OTA_OK);
            assert_int_equal(discard(), OTA_OK);
            power_on();
            assert_true(uses(n, size));
        }
        end();
    }
}

static void what_is_discarded_leaves_the_file_before(void **state)
{
    (void)state;
    begin(8, false);
    for (unsigned n = 1; n <= 3; n++) {
        assert_int_equal(stage(n, 900), OTA_OK);
        assert_int_equal(discard(), OTA_OK);
        assert_int_equal(apply(), OTA_OK); /* there is nothing to apply any more */
        assert_true(uses(n - 1u, 900));
        assert_int_equal(stage(n, 900), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_true(uses(n, 900));
        assert_int_equal(discard(), OTA_OK);
        assert_int_equal(discard(), OTA_OK);
        power_on();
        assert_true(uses(n - 1u, 900));
        assert_int_equal(stage(n, 900), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_int_equal(keep(), OTA_OK);
    }
    end();
}

static void what_is_not_verified_is_not_applied(void **state)
{
    (void)state;
    begin(8, false);
    assert_int_equal(receive(1, 900, 0), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_true(uses(0, 0));
    assert_int_equal(keep(), OTA_OK);
    assert_true(uses(0, 0));
    end();
}

static void a_verified_file_that_is_kept_without_being_applied_is_forgotten(void **state)
{
    (void)state;
    begin(8, false);
    assert_int_equal(stage(1, 900), OTA_OK);
    assert_int_equal(keep(), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_true(uses(0, 0));
    end();
}

static void the_way_back_is_not_overwritten(void **state)
{
    (void)state;
    begin(8, false);
    assert_int_equal(stage(1, 900), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(receive(2, 900, 0), OTA_E_STATE);
    assert_true(uses(1, 900));
    end();
}

static void it_goes_on_at_a_sector(void **state)
{
    (void)state;
    static const struct {
        uint32_t mark, from;
    } rows[] = { { 0, 0 }, { 256, 0 }, { 511, 0 }, { 512, 512 }, { 768, 512 }, { 1400, 1024 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ota_file file = file_of(1500);
        begin(8, false);
        assert_int_equal(receive(1, 1500, 0), OTA_OK);
        power_on();
        assert_int_equal(b.base.ops->resume(&b.base, &file, rows[i].mark), rows[i].from);
        assert_int_equal(receive(1, 1500, rows[i].mark), OTA_OK);
        assert_int_equal(verified(1500), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_true(uses(1, 1500));
        assert_int_equal(m.erases[1], rows[i].from == 0 ? 1 : 0);
        end();
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    begin(8, false);
    const struct {
        const char *why;
        struct ota_file file;
        ota_err_t want;
    } rows[] = {
        { "to the byte", file_of(ROOM), OTA_OK },
        { "a byte more", file_of(ROOM + 1u), OTA_E_JOB_FILE_SIZE },
        { "the largest", file_of(UINT32_MAX), OTA_E_JOB_FILE_SIZE },
        { "a second file", { .type = 7, .nth = 1, .size = 1 }, OTA_E_JOB_FILE_SIZE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(rows[i].why, b.base.ops->check(&b.base, &rows[i].file) == rows[i].want);
    }
    const struct ota_file file = file_of(100);
    uint8_t bytes[128] = { 0 };
    const struct ota_span over = { bytes, 40 };
    assert_int_equal(b.base.ops->write(&b.base, &file, 64, over), OTA_E_JOB_FILE_SIZE);
    assert_int_equal(b.base.ops->write(&b.base, &file, 104, over), OTA_E_JOB_FILE_SIZE);
    assert_int_equal(b.base.ops->read(&b.base, &file, 64, (struct ota_buf){ bytes, 37 }),
                     OTA_E_RANGE);
    assert_int_equal(b.base.ops->read(&b.base, &file, 101, (struct ota_buf){ bytes, 0 }),
                     OTA_E_RANGE);
    assert_int_equal(m.ops, 0);
    end();
}

static void regions_that_are_no_banks_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        struct ota_region second;
    } rows[] = {
        { "not where a sector begins", { SECTOR + 8u, BANK } },
        { "not to the end of one", { SECTOR, BANK - 8u } },
        { "empty", { SECTOR, 0 } },
        { "one sector", { SECTOR, SECTOR } },
        { "beyond the flash", { SECTOR, 9u * SECTOR } },
        { "outside", { 10u * SECTOR, SECTOR } },
    };
    begin(8, false);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct ota_region both[2] = { regions[0], rows[i].second };
        CHECK_ROW(rows[i].why, ota_file_banks_init(&b, 7, &m.base, both) == OTA_E_RANGE);
    }
    end();
    const struct flash_geometry tiny = { .sectors = 9, .sector_size = 64, .write_size = 32 };
    flash_model_init(&m, &tiny);
    const struct ota_region both[2] = { { 0, 256 }, { 256, 256 } };
    assert_int_equal(ota_file_banks_init(&b, 7, &m.base, both), OTA_E_RANGE);
    end();
}

/* --- power ------------------------------------------------------------------------------ */

/* From a device that uses file 1: receive 2 and apply it; then keep or undo it. */
static ota_err_t update(ota_err_t (*last)(void))
{
    ota_err_t err = stage(2, 1300);
    err = err == OTA_OK ? apply() : err;
    return err == OTA_OK ? last() : err;
}

/* What the workflow does after a cut: on from the state that its journal has. */
static void go_on(unsigned stage_reached, ota_err_t (*last)(void))
{
    if (stage_reached == 0) {
        assert_int_equal(stage(2, 1300), OTA_OK);
    }
    if (stage_reached <= 1) {
        assert_int_equal(apply(), OTA_OK);
    }
    assert_int_equal(last(), OTA_OK);
}

static bool cut_at(uint32_t n, enum flash_cut how, ota_err_t (*last)(void))
{
    char where[64];
    (void)snprintf(where, sizeof where, "operation %u, kind %d", (unsigned)n, (int)how);
    begin(how == FLASH_CUT_NOISE ? 32 : 8, how == FLASH_CUT_HALF);
    assert_int_equal(stage(1, 700), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(keep(), OTA_OK);

    flash_model_cut(&m, n, how);
    unsigned reached = 0; /* what the journal would say */
    ota_err_t err = stage(2, 1300);
    if (err == OTA_OK) {
        reached = 1;
        err = apply();
    }
    if (err == OTA_OK) {
        reached = 2;
        err = last();
    }
    const bool was_cut = m.off;
    CHECK_ROW(where, was_cut == (err != OTA_OK));
    power_on();
    CHECK_ROW(where, uses(1, 700) || uses(2, 1300));
    CHECK_ROW(where, reached != 0 || uses(1, 700));
    if (was_cut) {
        go_on(reached, last);
    }
    CHECK_ROW(where, last == keep ? uses(2, 1300) : uses(1, 700));
    /* And the next one, all of it. */
    assert_int_equal(stage(3, 800), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(keep(), OTA_OK);
    CHECK_ROW(where, uses(3, 800));
    end();
    return was_cut;
}

static void every_cut_leaves_the_old_file_or_the_new_one(void **state)
{
    (void)state;
    for (unsigned how = 0; how < FLASH_CUT_KINDS; how++) {
        uint32_t kept = 1, undone = 1;
        while (cut_at(kept, (enum flash_cut)how, keep)) {
            kept++;
        }
        while (cut_at(undone, (enum flash_cut)how, discard)) {
            undone++;
        }
        assert_true(kept > 8 && undone > 8);
    }
}

/* The erase that undoes file 2 ends behind any of its marks: what is not whole is not in use. */
static void an_erase_of_marks_may_be_torn_anywhere(void **state)
{
    (void)state;
    for (uint32_t gone = 0; gone <= 7u * 8u; gone++) {
        char where[32];
        (void)snprintf(where, sizeof where, "%u bytes erased", (unsigned)gone);
        begin(8, false);
        assert_int_equal(stage(1, 700), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_int_equal(keep(), OTA_OK);
        assert_int_equal(stage(2, 1300), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        memset(m.bytes + regions[1].offset + ROOM, m.base.erased, gone);
        power_on();
        CHECK_ROW(where, gone == 0 ? uses(2, 1300) : uses(1, 700));
        assert_int_equal(discard(), OTA_OK);
        CHECK_ROW(where, uses(1, 700));
        assert_int_equal(stage(3, 800), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        CHECK_ROW(where, uses(3, 800));
        end();
    }
}

/* Each time the mark of the sequence is torn another is left; after that the file cannot be used. */
static void a_sequence_can_be_torn_three_times(void **state)
{
    (void)state;
    begin(8, false);
    assert_int_equal(stage(1, 700), OTA_OK);
    for (unsigned i = 0; i < 4; i++) {
        flash_model_cut(&m, 1, FLASH_CUT_HALF);
        assert_int_equal(apply(), OTA_E_FLASH);
        power_on();
        assert_true(uses(0, 0));
    }
    assert_int_equal(apply(), OTA_E_FLASH_READ_BACK);
    assert_int_equal(discard(), OTA_OK);
    assert_int_equal(update(keep), OTA_OK);
    assert_true(uses(2, 1300));
    end();
}

/* --- ports that fail --------------------------------------------------------------------- */

static struct {
    const struct ota_flash_ops *real;
    enum { READS, WRITES, ERASES } counted;
    uint32_t calls, fail_at; /* from 1 */
} port;

static ota_err_t fails(int what)
{
    return what == (int)port.counted && ++port.calls == port.fail_at ? OTA_E_FLASH : OTA_OK;
}

static ota_err_t failing_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    return fails(READS) != OTA_OK ? OTA_E_FLASH : port.real->read(f, offset, into);
}

static ota_err_t failing_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    return fails(WRITES) != OTA_OK ? OTA_E_FLASH : port.real->write(f, offset, from);
}

static ota_err_t failing_erase(struct ota_flash *f, uint32_t offset)
{
    return fails(ERASES) != OTA_OK ? OTA_E_FLASH : port.real->erase(f, offset);
}

static const struct ota_flash_ops failing_ops = { failing_read, failing_write, failing_erase };

/* File 2 over file 1 with a digest of it on the way, as the workflow goes; again from a step that has failed. */
static ota_err_t try_steps(unsigned *step, ota_err_t (*last)(void))
{
    uint8_t read[1300];
    const struct ota_file file = file_of(sizeof read);
    ota_err_t err = OTA_OK;
    for (; err == OTA_OK && *step < 5; *step += err == OTA_OK) {
        switch (*step) {
        case 0: err = receive(2, sizeof read, 0); break;
        case 1: err = b.base.ops->read(&b.base, &file, 0, OTA_BUF_OF(read)); break;
        case 2: err = verified(sizeof read); break;
        case 3: err = apply(); break;
        default: err = last(); break;
        }
    }
    return err;
}

/* @return false: there are no so many calls. */
static bool fail_at(uint32_t n, ota_err_t (*last)(void))
{
    char where[64];
    unsigned step = 0;
    (void)snprintf(where, sizeof where, "call %u, port's verb %d", (unsigned)n, (int)port.counted);
    begin(8, false);
    assert_int_equal(stage(1, 700), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_int_equal(keep(), OTA_OK);
    assert_int_equal(stage(3, 1100), OTA_OK); /* of a job that came to nothing */
    port.real = m.base.ops;
    port.calls = 0;
    port.fail_at = n;
    m.base.ops = &failing_ops;
    const ota_err_t err = try_steps(&step, last);
    const bool failed = port.calls >= n;
    port.fail_at = 0;
    /* resume() has no error: it goes on from the begin. */
    CHECK_ROW(where, err == OTA_OK || (failed && err == OTA_E_FLASH));
    CHECK_ROW(where, step > 2 ? uses(1, 700) || uses(2, 1300) : uses(1, 700));
    CHECK_ROW(where, try_steps(&step, last) == OTA_OK);
    CHECK_ROW(where, last == keep ? uses(2, 1300) : uses(1, 700));
    m.base.ops = port.real;
    end();
    return failed;
}

static void a_verb_that_flash_failed_can_come_again(void **state)
{
    (void)state;
    for (int what = READS; what <= ERASES; what++) {
        uint32_t kept = 1, undone = 1;
        port.counted = what;
        while (fail_at(kept, keep)) {
            kept++;
        }
        while (fail_at(undone, discard)) {
            undone++;
        }
        assert_true(kept > 3 && undone > 3);
    }
}

static void flash_that_does_not_read_names_no_file(void **state)
{
    (void)state;
    struct ota_region where = { 3, 4 };
    begin(8, false);
    assert_int_equal(stage(1, 700), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    m.broken_read = (struct ota_region){ 0, m.base.size };
    assert_int_equal(ota_file_banks_active(&b, &where), OTA_E_FLASH);
    assert_int_equal(where.offset, 3);
    assert_int_equal(where.size, 4);
    end();
}

/* --- what nobody would write ----------------------------------------------------------------- */

/* Where the marks of a bank begin. */
static uint8_t *marks(unsigned bank)
{
    return m.bytes + regions[bank].offset + ROOM;
}

static void a_size_that_cannot_be_is_not_believed(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t size, complement;
        bool used;
    } rows[] = {
        { "as it was written", 700, ~700u, true },         { "the whole room", ROOM, ~ROOM, true },
        { "a byte more", ROOM + 1u, ~(ROOM + 1u), false }, { "the largest", UINT32_MAX, 0, false },
        { "a bit has rotted", 701, ~700u, false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ota_region where = { 0, 0 };
        begin(8, false);
        assert_int_equal(stage(1, 700), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_int_equal(keep(), OTA_OK);
        for (unsigned k = 0; k < 4; k++) {
            marks(0)[k] = (uint8_t)(rows[i].size >> 8u * k);
            marks(0)[4 + k] = (uint8_t)(rows[i].complement >> 8u * k);
        }
        power_on();
        const ota_err_t err = ota_file_banks_active(&b, &where);
        CHECK_ROW(rows[i].why, err == (rows[i].used ? OTA_OK : OTA_E_NOT_FOUND));
        CHECK_ROW(rows[i].why, where.size == (rows[i].used ? rows[i].size : 0));
        assert_int_equal(update(keep), OTA_OK);
        CHECK_ROW(rows[i].why, uses(2, 1300));
        end();
    }
}

static void a_size_that_was_torn_is_written_anew(void **state)
{
    (void)state;
    for (unsigned how = FLASH_CUT_HALF; how < FLASH_CUT_KINDS; how++) {
        begin(8, false);
        assert_int_equal(receive(1, 700, 0), OTA_OK);
        flash_model_cut(&m, 1, (enum flash_cut)how);
        assert_int_equal(verified(700), OTA_E_FLASH);
        power_on();
        assert_int_equal(verified(700), OTA_OK);
        assert_int_equal(verified(700), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_true(uses(1, 700));
        end();
    }
    /* If that cannot be erased it is told. */
    begin(8, false);
    assert_int_equal(receive(1, 700, 0), OTA_OK);
    assert_int_equal(verified(600), OTA_OK);
    m.broken_write = (struct ota_region){ regions[0].offset + ROOM, SECTOR };
    assert_int_equal(verified(700), OTA_E_FLASH);
    end();
    /* And so is another one. */
    begin(8, false);
    assert_int_equal(receive(1, 700, 0), OTA_OK);
    assert_int_equal(verified(600), OTA_OK);
    assert_int_equal(verified(700), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_true(uses(1, 700));
    end();
}

/* What says that it has kept a file, and has not, would stand in the way of the next one. */
static void a_mark_that_is_not_taken_is_told(void **state)
{
    (void)state;
    begin(8, false);
    assert_int_equal(stage(1, 700), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    m.deaf = (struct ota_region){ regions[0].offset + ROOM, SECTOR };
    assert_int_equal(keep(), OTA_E_FLASH_READ_BACK);
    m.deaf.size = 0;
    assert_int_equal(keep(), OTA_OK);
    assert_int_equal(update(keep), OTA_OK);
    assert_true(uses(2, 1300));
    end();
}

/* --- beginnings --------------------------------------------------------------------------------- */

static void what_fits_in_one_bank_only_is_refused(void **state)
{
    (void)state;
    const struct ota_region uneven[2] = { { SECTOR, BANK }, { SECTOR + BANK, 3u * SECTOR } };
    const struct ota_file fits = file_of(2u * SECTOR), over = file_of(2u * SECTOR + 1u);
    begin(8, false);
    for (unsigned i = 0; i < 2; i++) {
        const struct ota_region both[2] = { uneven[i], uneven[1u - i] };
        assert_int_equal(ota_file_banks_init(&b, 7, &m.base, both), OTA_OK);
        assert_int_equal(b.base.ops->check(&b.base, &fits), OTA_OK);
        assert_int_equal(b.base.ops->check(&b.base, &over), OTA_E_JOB_FILE_SIZE);
    }
    end();
}

static void files_smaller_than_a_write_are_taken(void **state)
{
    (void)state;
    begin(32, false);
    for (uint32_t size = 1; size <= 33; size += 8) {
        assert_int_equal(stage(size, size), OTA_OK);
        assert_int_equal(apply(), OTA_OK);
        assert_int_equal(keep(), OTA_OK);
        assert_true(uses(size, size));
    }
    end();
}

/* As after a command in the middle of it: the same file again, from another place. */
static void a_beginning_may_be_begun_again_elsewhere(void **state)
{
    (void)state;
    const struct ota_file file = file_of(1500);
    begin(8, false);
    assert_int_equal(receive(1, 1500, 0), OTA_OK);
    assert_int_equal(b.base.ops->begin(&b.base, &file, 1024), OTA_E_BUSY);
    assert_int_equal(receive(2, 1500, 0), OTA_OK);
    assert_int_equal(verified(1500), OTA_OK);
    assert_int_equal(apply(), OTA_OK);
    assert_true(uses(2, 1500));
    end();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_used_once_it_is_applied),
        cmocka_unit_test(what_is_discarded_leaves_the_file_before),
        cmocka_unit_test(what_is_not_verified_is_not_applied),
        cmocka_unit_test(a_verified_file_that_is_kept_without_being_applied_is_forgotten),
        cmocka_unit_test(the_way_back_is_not_overwritten),
        cmocka_unit_test(it_goes_on_at_a_sector),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(regions_that_are_no_banks_are_refused),
        cmocka_unit_test(every_cut_leaves_the_old_file_or_the_new_one),
        cmocka_unit_test(an_erase_of_marks_may_be_torn_anywhere),
        cmocka_unit_test(a_sequence_can_be_torn_three_times),
        cmocka_unit_test(a_verb_that_flash_failed_can_come_again),
        cmocka_unit_test(flash_that_does_not_read_names_no_file),
        cmocka_unit_test(a_size_that_cannot_be_is_not_believed),
        cmocka_unit_test(a_size_that_was_torn_is_written_anew),
        cmocka_unit_test(a_mark_that_is_not_taken_is_told),
        cmocka_unit_test(what_fits_in_one_bank_only_is_refused),
        cmocka_unit_test(files_smaller_than_a_write_are_taken),
        cmocka_unit_test(a_beginning_may_be_begun_again_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
