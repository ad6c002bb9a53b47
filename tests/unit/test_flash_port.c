/*
 * What every flash port must do (flash_checks.h), asked of each that runs here: the model that other
 * tests trust, and the file that is the demo device's flash. A new port is one more entry in `ports`;
 * one that runs on a board takes the checks along: tests/system/flash.
 */
#define _GNU_SOURCE /* nftw() */
#include "t.h"

#include "flash_checks.h"
#include "flash_model.h"
#include "posix_board.h"
#include "posix_flash.h"
#include "tmp.h"
#include <signal.h>
#include <sys/wait.h>

enum { SECTORS = 4, SECTOR = 512, SIZE = SECTORS * SECTOR };

/* One flash under test, erased; `again` closes it and opens it from what it holds. */
struct port {
    const char *name;
    struct ota_flash *(*make)(uint32_t write_size, uint8_t erased);
    struct ota_flash *(*again)(void);
    void (*drop)(void);
};

static struct flash_model model;

static struct ota_flash *model_make(uint32_t write_size, uint8_t erased)
{
    flash_model_init(&model, &(struct flash_geometry){ .sectors = SECTORS,
                                                       .sector_size = SECTOR,
                                                       .write_size = write_size,
                                                       .erased_zero = erased == 0 });
    return &model.base;
}

static struct ota_flash *model_again(void)
{
    flash_model_power_on(&model);
    return &model.base;
}

static void model_drop(void)
{
    assert_int_equal(flash_model_faults(&model), 0);
    flash_model_free(&model);
}

static struct t_tmp tmp;
static char path[128];
static struct ota_flash geometry;
static struct posix_flash file;

static struct ota_flash *file_make(uint32_t write_size, uint8_t erased)
{
    tmp = t_tmp_make();
    snprintf(path, sizeof path, "%s/flash", tmp.path);
    geometry = (struct ota_flash){
        .size = SIZE, .sector_size = SECTOR, .write_size = write_size, .erased = erased
    };
    assert_int_equal(posix_flash_create(&file, path, &geometry), POSIX_FLASH_OK);
    return &file.base;
}

static struct ota_flash *file_again(void)
{
    posix_flash_close(&file);
    assert_int_equal(posix_flash_open(&file, path, &geometry), POSIX_FLASH_OK);
    return &file.base;
}

static void file_drop(void)
{
    posix_flash_close(&file);
    t_tmp_remove(&tmp);
}

/* As large as the even ones; the sector that is erased between others is not one of the largest. */
static const struct ota_flash_run runs[] = {
    { SECTOR, 1 }, { SECTOR / 2, 1 }, { SECTOR / 4, 2 }, { SECTOR, 2 }
};

static struct ota_flash *model_of_runs_make(uint32_t write_size, uint8_t erased)
{
    flash_model_init(&model, &(struct flash_geometry){ .runs = runs,
                                                       .run_count = COUNT(runs),
                                                       .write_size = write_size,
                                                       .erased_zero = erased == 0 });
    return &model.base;
}

static struct ota_flash *file_of_runs_make(uint32_t write_size, uint8_t erased)
{
    struct ota_flash *f = file_make(write_size, erased);
    f->runs = runs;
    f->run_count = COUNT(runs);
    return f;
}

static struct ota_flash *file_of_runs_again(void)
{
    struct ota_flash *f = file_again();
    f->runs = runs;
    f->run_count = COUNT(runs);
    return f;
}

static const struct port ports[] = {
    { "model", model_make, model_again, model_drop },
    { "posix", file_make, file_again, file_drop },
    { "model, sectors of three sizes", model_of_runs_make, model_again, model_drop },
    { "posix, sectors of three sizes", file_of_runs_make, file_of_runs_again, file_drop },
};

/* For every port, write unit and erased value. */
static void every_port_does_what_a_flash_must(void **state)
{
    static const uint32_t units[] = { 1, 2, 4, 8, 16, 32 };
    static const uint8_t erased[] = { 0xff, 0x00 };
    (void)state;
    for (size_t i = 0; i < FLASH_CHECKS * COUNT(ports) * COUNT(units) * COUNT(erased); i++) {
        const struct flash_check *check = &flash_checks[i % FLASH_CHECKS];
        const struct port *p = &ports[i / FLASH_CHECKS % COUNT(ports)];
        const size_t rest = i / FLASH_CHECKS / COUNT(ports);
        const struct flash_bench bench = {
            .flash = p->make(units[rest % COUNT(units)], erased[rest / COUNT(units)]),
            .again = p->again,
        };
        const char *wrong = check->run(&bench);
        if (wrong != NULL) {
            fail_msg("[%s, units of %u, erased %02x] %s: %s", p->name, units[rest % COUNT(units)],
                     erased[rest / COUNT(units)], check->fact, wrong);
        }
        if (i % FLASH_CHECKS == FLASH_CHECKS - 1u) {
            model.faults.double_programs = 0; /* provoked by the last check */
        }
        p->drop();
    }
}

static void read_all(struct ota_flash *f, uint8_t bytes[SIZE])
{
    assert_int_equal(ota_flash_read(f, 0, (struct ota_buf){ bytes, SIZE }), OTA_OK);
}

/* --- the model ---------------------------------------------------------------- */

static void the_model_counts_what_a_program_must_not_do(void **state)
{
    (void)state;
    struct flash_model m;
    flash_model_init(
        &m, &(struct flash_geometry){ .sectors = SECTORS, .sector_size = SECTOR, .write_size = 8 });
    uint8_t bytes[16] = { 1 };
    const struct ota_flash_ops *raw = m.base.ops; /* below the checks of ota_flash_*() */
    assert_int_equal(raw->write(&m.base, 0, OTA_SPAN_OF(bytes)), OTA_OK);
    assert_int_equal(raw->write(&m.base, 8, (struct ota_span){ bytes, 8 }), OTA_OK);
    assert_int_equal(m.faults.double_programs, 1);
    assert_int_equal(raw->write(&m.base, 4, (struct ota_span){ bytes, 8 }), OTA_E_FLASH);
    assert_int_equal(raw->erase(&m.base, 8), OTA_E_FLASH);
    assert_int_equal(m.faults.misaligned, 2);
    assert_int_equal(raw->write(&m.base, SIZE, (struct ota_span){ bytes, 8 }), OTA_E_FLASH);
    assert_int_equal(raw->read(&m.base, SIZE - 8, OTA_BUF_OF(bytes)), OTA_E_FLASH);
    assert_int_equal(m.faults.out_of_range, 2);
    assert_int_equal(flash_model_faults(&m), 5);
    flash_model_free(&m);
}

static void after_a_cut_nothing_works_until_power_is_on(void **state)
{
    (void)state;
    struct flash_model m;
    flash_model_init(
        &m, &(struct flash_geometry){ .sectors = SECTORS, .sector_size = SECTOR, .write_size = 8 });
    uint8_t bytes[32], got[32];
    memset(bytes, 0x00, sizeof bytes);
    flash_model_cut(&m, 2, FLASH_CUT_HALF);
    assert_int_equal(ota_flash_erase(&m.base, 0), OTA_OK);
    assert_int_equal(ota_flash_write(&m.base, 0, OTA_SPAN_OF(bytes)), OTA_E_FLASH);
    assert_int_equal(ota_flash_read(&m.base, 0, OTA_BUF_OF(got)), OTA_E_FLASH);
    assert_int_equal(ota_flash_erase(&m.base, 0), OTA_E_FLASH);
    flash_model_power_on(&m);
    assert_int_equal(ota_flash_read(&m.base, 0, OTA_BUF_OF(got)), OTA_OK);
    /* Four units: two are done, the third is done by half. */
    memset(bytes + 20, 0xff, 12);
    assert_memory_equal(got, bytes, sizeof got);
    flash_model_free(&m);
}

static void a_torn_erase_mixes_old_and_erased(void **state)
{
    (void)state;
    struct flash_model m;
    flash_model_init(
        &m, &(struct flash_geometry){ .sectors = SECTORS, .sector_size = SECTOR, .write_size = 8 });
    uint8_t bytes[SECTOR];
    memset(bytes, 0x00, sizeof bytes);
    assert_int_equal(ota_flash_write(&m.base, 0, OTA_SPAN_OF(bytes)), OTA_OK);
    flash_model_cut(&m, 1, FLASH_CUT_HALF);
    assert_int_equal(ota_flash_erase(&m.base, 0), OTA_E_FLASH);
    assert_int_equal(m.bytes[0], 0xff);
    assert_int_equal(m.bytes[SECTOR - 1], 0x00);
    assert_int_equal(m.erases[0], 1);
    flash_model_free(&m);
}

/* --- the file ------------------------------------------------------------------- */

static void a_file_that_is_not_this_flash_is_refused_by_name(void **state)
{
    (void)state;
    file_make(8, 0xff);
    posix_flash_close(&file);
    struct posix_flash f;
    char other[160];
    snprintf(other, sizeof other, "%s/none", tmp.path);
    assert_int_equal(posix_flash_open(&f, other, &geometry), POSIX_FLASH_MISSING);
    assert_int_equal(posix_flash_open(&f, tmp.path, &geometry), POSIX_FLASH_IO);
    assert_int_equal(posix_flash_create(&f, path, &geometry), POSIX_FLASH_EXISTS);
    static const off_t sizes[] = { 0, SIZE - 1, SIZE + 1 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(posix_flash_open(&f, path, &geometry), POSIX_FLASH_WRONG_SIZE);
        assert_int_equal(f.fd, -1);
    }
    file_drop();
}

static void two_devices_cannot_share_one_flash(void **state)
{
    (void)state;
    file_make(8, 0xff);
    struct posix_flash second;
    assert_int_equal(posix_flash_open(&second, path, &geometry), POSIX_FLASH_BUSY);
    posix_flash_close(&file);
    assert_int_equal(posix_flash_open(&second, path, &geometry), POSIX_FLASH_OK);
    posix_flash_close(&second);
    file_drop();
}

static void every_result_of_opening_has_words_of_its_own(void **state)
{
    (void)state;
    for (int i = POSIX_FLASH_OK; i <= POSIX_FLASH_IO; i++) {
        for (int k = POSIX_FLASH_OK; k < i; k++) {
            assert_string_not_equal(posix_flash_result_text((enum posix_flash_result)i),
                                    posix_flash_result_text((enum posix_flash_result)k));
        }
    }
}

/* A child writes two sectors, and dies where it is told to. */
static void write_and_die(uint32_t kill_at, enum posix_flash_kill how)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct posix_flash f;
        uint8_t zero[SECTOR] = { 0 };
        if (posix_flash_open(&f, path, &geometry) != POSIX_FLASH_OK) {
            _exit(1);
        }
        f.kill_at = kill_at;
        f.kill = how;
        (void)!ota_flash_write(&f.base, 0, OTA_SPAN_OF(zero));
        (void)!ota_flash_erase(&f.base, 0);
        (void)!ota_flash_write(&f.base, SECTOR, OTA_SPAN_OF(zero));
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void a_process_dies_at_the_operation_it_is_told(void **state)
{
    (void)state;
    /* What is left: zero bytes in the first two sectors. */
    static const struct {
        const char *why;
        uint32_t kill_at;
        enum posix_flash_kill how;
        uint32_t first, second;
    } rows[] = {
        { "before the first write", 1, POSIX_FLASH_KILL_BEFORE, 0, 0 },
        { "inside the first write", 1, POSIX_FLASH_KILL_INSIDE, SECTOR / 2, 0 },
        { "before the erase", 2, POSIX_FLASH_KILL_BEFORE, SECTOR, 0 },
        { "inside the erase", 2, POSIX_FLASH_KILL_INSIDE, SECTOR / 2, 0 },
        { "before the second write", 3, POSIX_FLASH_KILL_BEFORE, 0, 0 },
        { "inside the second write", 3, POSIX_FLASH_KILL_INSIDE, 0, SECTOR / 2 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        file_make(8, 0xff);
        posix_flash_close(&file);
        write_and_die(rows[i].kill_at, rows[i].how);
        struct ota_flash *f = file_again();
        uint8_t got[SIZE];
        uint32_t zeros[2] = { 0, 0 };
        read_all(f, got);
        for (uint32_t k = 0; k < 2 * SECTOR; k++) {
            zeros[k / SECTOR] += got[k] == 0;
        }
        CHECK_ROW(rows[i].why, zeros[0] == rows[i].first && zeros[1] == rows[i].second);
        file_drop();
    }
}

static void the_board_fits_its_flash(void **state)
{
    (void)state;
    struct ota_flash f = posix_board_flash;
    struct ota_store s;
    assert_int_equal(ota_store_open(&s, &f, &posix_board_layout), OTA_OK);
    /* A certificate, its key and a CA, and twice that. */
    assert_true(posix_board_layout.identity.size / 2 >= 2 * 3584);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_port_does_what_a_flash_must),
        cmocka_unit_test(the_model_counts_what_a_program_must_not_do),
        cmocka_unit_test(after_a_cut_nothing_works_until_power_is_on),
        cmocka_unit_test(a_torn_erase_mixes_old_and_erased),
        cmocka_unit_test(a_file_that_is_not_this_flash_is_refused_by_name),
        cmocka_unit_test(two_devices_cannot_share_one_flash),
        cmocka_unit_test(every_result_of_opening_has_words_of_its_own),
        cmocka_unit_test(a_process_dies_at_the_operation_it_is_told),
        cmocka_unit_test(the_board_fits_its_flash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
