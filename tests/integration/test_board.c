/*
 * Board, bootloader and image as the real processes that they are, without a network: what starts
 * out of which slot, and what follows each way in which an image can end.
 */
#define _GNU_SOURCE
#include "device.h"
#include "t.h"

#include "board.h"
#include "posix_board.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct ota_version v1 = { 1, 0, 0, 0 }, v2 = { 2, 0, 0, 0 };

/* The image executable with a last byte that says what it does. */
static struct ota_span payload(char behaviour)
{
    static uint8_t bytes[1u << 21];
    static size_t size;
    if (size == 0) {
        int fd = open(BOARD_IMAGE, O_RDONLY | O_CLOEXEC);
        ssize_t n = read(fd, bytes, sizeof bytes - 1);
        assert_true(n > 0 && n < (ssize_t)sizeof bytes - 1);
        size = (size_t)n;
        close(fd);
    }
    bytes[size] = (uint8_t)behaviour;
    return (struct ota_span){ bytes, size + 1 };
}

static int exit_code(int status)
{
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int setup(void **state)
{
    struct t_device *d = malloc(sizeof *d);
    assert_non_null(d);
    t_device_make(d);
    *state = d;
    return 0;
}

static int teardown(void **state)
{
    t_device_remove(*state);
    free(*state);
    return 0;
}

static void starts_the_confirmed_image_out_of_its_slot_and_leaves_no_file(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
    t_device_start(d, NULL, NULL);
    t_device_until(d, "image: lives");
    assert_non_null(strstr(d->log, "boot: slot A: 1.0.0, verified, confirmed\n"));
    assert_non_null(strstr(d->log, "boot: slot B: nothing to run: not a valid image\n"));
    assert_non_null(strstr(d->log, "image /memfd:image (deleted):"));
    assert_non_null(strstr(d->log, "--reset-cause power-on --slot A --rule 3 --refused -21\n"));
    assert_int_equal(exit_code(t_device_end(d, SIGTERM)), 0);

    DIR *dir = opendir(d->tmp.path);
    size_t count = 0;
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        count += e->d_name[0] != '.';
    }
    closedir(dir);
    assert_int_equal(count, 1); /* the flash */
}

static void an_image_cannot_be_changed_while_it_runs(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('w'), T_CONFIRMED);
    t_device_start(d, NULL, NULL);
    t_device_until(d, "image: sealed");
}

/* However a new image ends, the old one comes back, and knows why. */
static void a_trial_that_ends_is_reverted(void **state)
{
    struct t_device *d = *state;
    static const struct {
        const char *why;
        char behaviour;
        const char *cause;
    } rows[] = {
        { "reset without a confirm", 'r', "--reset-cause software --slot A --rule 3" },
        { "hangs before it kicks the watchdog", 'h', "--reset-cause watchdog --slot A --rule 3" },
        { "abort", 'a', "--reset-cause fault --slot A --rule 3" },
        { "exit(1)", 'e', "--reset-cause fault --slot A --rule 3" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (i > 0) {
            t_device_remove(d);
            t_device_make(d);
        }
        t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
        t_device_install(d, OTA_SLOT_B, v2, payload(rows[i].behaviour), T_PENDING);
        t_device_start(d, NULL, NULL);
        t_device_until(d, "--slot B --rule 1");
        t_device_until(d, rows[i].cause);
        t_device_until(d, "image: lives");
        CHECK_ROW(rows[i].why, exit_code(t_device_end(d, SIGTERM)) == 0);
        struct ota_store_facts facts = t_device_facts(d);
        CHECK_ROW(rows[i].why, facts.slot[OTA_SLOT_B].trials == 1);
        CHECK_ROW(rows[i].why, facts.slot[OTA_SLOT_B].image_ok == OTA_MARK_UNSET);
    }
}

static void a_new_image_has_as_many_trials_as_the_board_was_told(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
    t_device_install(d, OTA_SLOT_B, v2, payload('r'), T_PENDING);
    t_device_start(d, "--trials", "3");
    t_device_until(d, "--reset-cause software --trials 3 --slot A --rule 3");
    assert_non_null(strstr(d->log, "--reset-cause power-on --trials 3 --slot B --rule 1"));
    const char *again = strstr(d->log, "--slot B --rule 2");
    assert_non_null(again);
    again = strstr(again + 1, "--slot B --rule 2");
    assert_non_null(again);
    assert_null(strstr(again + 1, "--slot B --rule 2"));
    assert_int_equal(exit_code(t_device_end(d, SIGTERM)), 0);
}

static void a_flipped_bit_is_never_executed(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
    t_device_install(d, OTA_SLOT_B, v2, payload('l'), T_PENDING);
    t_device_rot(d, posix_board_layout.slot[OTA_SLOT_B].offset + 5000);
    t_device_start(d, NULL, NULL);
    t_device_until(d, "image: lives");
    assert_non_null(strstr(d->log, "boot: slot B: nothing to run: image digest does not match\n"));
    assert_non_null(strstr(d->log, "--slot A --rule 3"));
}

static void without_an_image_that_verifies_it_ends_in_recovery(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
    t_device_rot(d, posix_board_layout.slot[OTA_SLOT_A].offset + 100);
    t_device_start(d, NULL, NULL);
    t_device_until(d, "boot: RECOVERY");
    assert_int_equal(exit_code(t_device_end(d, 0)), BOARD_EXIT_RECOVERY);
}

static void power_lost_in_the_image_ends_the_board(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('k'), T_CONFIRMED);
    t_device_start(d, NULL, NULL);
    t_device_until(d, "board: power lost");
    assert_int_equal(exit_code(t_device_end(d, 0)), BOARD_EXIT_POWER_LOST);
}

static void power_can_be_cut_at_the_trial_mark(void **state)
{
    struct t_device *d = *state;
    static const struct {
        const char *cut;
        uint8_t trials;
        const char *then; /* torn counts as written */
    } rows[] = { { "1", 0, "--slot B --rule 1" }, { "1:inside", 1, "--slot A --rule 3" } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (i > 0) {
            t_device_remove(d);
            t_device_make(d);
        }
        t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
        t_device_install(d, OTA_SLOT_B, v2, payload('l'), T_PENDING);
        t_device_start(d, "--power-cut-at", rows[i].cut);
        CHECK_ROW(rows[i].cut, exit_code(t_device_end(d, 0)) == BOARD_EXIT_POWER_LOST);
        CHECK_ROW(rows[i].cut, t_device_facts(d).slot[OTA_SLOT_B].trials == rows[i].trials);
        t_device_start(d, NULL, NULL);
        t_device_until(d, rows[i].then);
        CHECK_ROW(rows[i].cut, exit_code(t_device_end(d, SIGTERM)) == 0);
    }
}

/* The file's lock tells: it is free only when the image is dead. */
static void a_killed_board_leaves_no_image_behind(void **state)
{
    struct t_device *d = *state;
    t_device_install(d, OTA_SLOT_A, v1, payload('l'), T_CONFIRMED);
    t_device_start(d, NULL, NULL);
    t_device_until(d, "image: lives");
    kill(d->board, SIGKILL);
    /* The image holds the pipe: its end is the image's end. */
    assert_true(WIFSIGNALED(t_device_end(d, 0)));
}

static void a_flash_that_is_missing_or_of_another_size_is_no_device(void **state)
{
    struct t_device *d = *state;
    assert_int_equal(truncate(d->flash, 4096), 0);
    t_device_start(d, NULL, NULL);
    assert_int_equal(exit_code(t_device_end(d, 0)), BOARD_EXIT_BROKEN);
    assert_non_null(strstr(d->log, "not the size"));
    assert_int_equal(unlink(d->flash), 0);
    t_device_start(d, NULL, NULL);
    assert_int_equal(exit_code(t_device_end(d, 0)), BOARD_EXIT_BROKEN);
    assert_non_null(strstr(d->log, "does not exist"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(starts_the_confirmed_image_out_of_its_slot_and_leaves_no_file),
        TEST(an_image_cannot_be_changed_while_it_runs),
        TEST(a_trial_that_ends_is_reverted),
        TEST(a_new_image_has_as_many_trials_as_the_board_was_told),
        TEST(a_flipped_bit_is_never_executed),
        TEST(without_an_image_that_verifies_it_ends_in_recovery),
        TEST(power_lost_in_the_image_ends_the_board),
        TEST(power_can_be_cut_at_the_trial_mark),
        TEST(a_killed_board_leaves_no_image_behind),
        TEST(a_flash_that_is_missing_or_of_another_size_is_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
