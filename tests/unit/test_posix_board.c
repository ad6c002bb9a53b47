/* The board: what follows the end of a process, what a command line may say, and power that is cut over two processes. */
#define _GNU_SOURCE /* W_EXITCODE() */
#include "t.h"
#include "tmp.h"

#include "board.h"
#include "flash.h"
#include "posix_board.h"
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void every_end_of_a_process_has_a_verdict(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        int status;
        struct board_verdict want;
    } rows[] = {
        { "told to end", W_EXITCODE(0, 0), { BOARD_END, OTA_RESET_UNKNOWN } },
        { "asks for a reset", W_EXITCODE(75, 0), { BOARD_RESTART, OTA_RESET_SOFTWARE } },
        { "nothing to boot", W_EXITCODE(76, 0), { BOARD_RECOVERY, OTA_RESET_UNKNOWN } },
        { "no flash", W_EXITCODE(78, 0), { BOARD_BROKEN, OTA_RESET_UNKNOWN } },
        { "exit(1) is a crash", W_EXITCODE(1, 0), { BOARD_RESTART, OTA_RESET_FAULT } },
        { "77 is the board's own", W_EXITCODE(77, 0), { BOARD_RESTART, OTA_RESET_FAULT } },
        { "watchdog", W_EXITCODE(0, SIGALRM), { BOARD_RESTART, OTA_RESET_WATCHDOG } },
        { "wild pointer", W_EXITCODE(0, SIGSEGV), { BOARD_RESTART, OTA_RESET_FAULT } },
        { "assert", W_EXITCODE(0, SIGABRT), { BOARD_RESTART, OTA_RESET_FAULT } },
        { "with a core dump", W_EXITCODE(0, SIGABRT) | 0x80, { BOARD_RESTART, OTA_RESET_FAULT } },
        { "power cut", W_EXITCODE(0, SIGKILL), { BOARD_POWER_LOST, OTA_RESET_UNKNOWN } },
        { "before it listens", W_EXITCODE(0, SIGTERM), { BOARD_END, OTA_RESET_UNKNOWN } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct board_verdict got = board_after(rows[i].status);
        CHECK_ROW(rows[i].why, got.next == rows[i].want.next && got.cause == rows[i].want.cause);
    }
}

static void causes_are_words_both_ways(void **state)
{
    (void)state;
    for (int i = OTA_RESET_POWER_ON; i <= OTA_RESET_FAULT; i++) {
        enum ota_reset_cause cause = OTA_RESET_UNKNOWN;
        assert_true(board_cause_parse(board_cause_name((enum ota_reset_cause)i), &cause));
        assert_int_equal(cause, i);
    }
    enum ota_reset_cause cause = OTA_RESET_FAULT;
    assert_false(board_cause_parse("unknown", &cause));
    assert_false(board_cause_parse("", &cause));
    assert_int_equal(cause, OTA_RESET_FAULT);
    assert_string_equal(board_cause_name((enum ota_reset_cause)99), "unknown");
}

/* --- command line ------------------------------------------------------------------ */

#define ARGS(...)                                                                                  \
    {                                                                                              \
        "test", __VA_ARGS__, NULL                                                                  \
    }
#define NEEDED "--flash", "f", "--broker", "host:1883"

static bool read_args(char *const list[], struct board_args *args)
{
    char *argv[24] = { NULL };
    int argc = 0;
    for (; list[argc] != NULL; argc++) {
        argv[argc] = list[argc];
    }
    return board_args_read(argc, argv, args);
}

static void the_image_is_told_all_that_the_bootloader_knows(void **state)
{
    (void)state;
    char *const list[] = ARGS(NEEDED, "--faults", "3", "--reset-cause", "watchdog", "--slot", "B",
                              "--rule", "2", "--refused", "-22", "--trials", "8", "--keyset", "k");
    struct board_args args;
    assert_true(read_args(list, &args));
    assert_string_equal(args.flash, "f");
    assert_string_equal(args.host, "host");
    assert_int_equal(args.port, 1883);
    assert_int_equal(args.faults_fd, 3);
    assert_int_equal(args.cause, OTA_RESET_WATCHDOG);
    assert_int_equal(args.slot, OTA_SLOT_B);
    assert_int_equal(args.rule, OTA_BOOT_TRIAL_AGAIN);
    assert_int_equal(args.refused, OTA_E_IMAGE_SIGNATURE);
    assert_string_equal(args.keyset, "k");
    assert_int_equal(args.trials_max, 8);
}

static void up_to_four_types_of_data_files_have_directories(void **state)
{
    (void)state;
    char *const list[] =
        ARGS(NEEDED, "--files", "1:a", "--files", "255:b:c", "--files", "7:/d", "--files", "8:e");
    struct board_args args;
    assert_true(read_args(list, &args));
    assert_int_equal(args.file_count, 4);
    assert_int_equal(args.files[1].type, 255);
    assert_string_equal(args.files[1].dir, "b:c");
    assert_int_equal(args.files[3].type, 8);
    assert_string_equal(args.files[3].dir, "e");
}

static void a_broker_is_a_host_and_a_port(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        char *broker;
        const char *host; /* NULL: refused */
        int port;
    } rows[] = {
        { "name", "localhost:8883", "localhost", 8883 },
        { "IPv6 in brackets", "[::1]:1", "::1", 1 },
        { "IPv6 without", "::1:65535", "::1", 65535 },
        { "port 0", "h:0", NULL, 0 },
        { "port one over", "h:65536", NULL, 0 },
        { "port with a rest", "h:1x", NULL, 0 },
        { "negative", "h:-1", NULL, 0 },
        { "no port", "h:", NULL, 0 },
        { "no colon", "h", NULL, 0 },
        { "no host", ":1", NULL, 0 },
        { "empty brackets", "[]:1", NULL, 0 },
        { "empty", "", NULL, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *const list[] = ARGS("--flash", "f", "--broker", rows[i].broker);
        struct board_args args = { .port = -7 };
        bool ok = read_args(list, &args);
        CHECK_ROW(rows[i].why, ok == (rows[i].host != NULL));
        CHECK_ROW(rows[i].why, args.port == (ok ? rows[i].port : -7));
        CHECK_ROW(rows[i].why, !ok || strcmp(args.host, rows[i].host) == 0);
    }
}

static void a_host_may_be_255_characters_long(void **state)
{
    (void)state;
    char broker[256 + sizeof ":1"];
    struct board_args args;
    for (size_t len = 255; len <= 256; len++) {
        memset(broker, 'h', len);
        memcpy(broker + len, ":1", sizeof ":1");
        char *const list[] = ARGS("--flash", "f", "--broker", broker);
        assert_int_equal(read_args(list, &args), len == 255);
    }
}

static void refuses_a_command_line_that_says_nothing_clear(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        char *list[16];
    } rows[] = {
        { "files of an image's type", ARGS(NEEDED, "--files", "0:d") },
        { "files of no type", ARGS(NEEDED, "--files", "256:d") },
        { "files without a type", ARGS(NEEDED, "--files", ":d") },
        { "files with a sign", ARGS(NEEDED, "--files", "+1:d") },
        { "files without a directory", ARGS(NEEDED, "--files", "1:") },
        { "files, no colon", ARGS(NEEDED, "--files", "1") },
        { "one type twice", ARGS(NEEDED, "--files", "1:d", "--files", "1:e") },
        { "a fifth type", ARGS(NEEDED, "--files", "1:a", "--files", "2:b", "--files", "3:c",
                               "--files", "4:d", "--files", "5:e") },
        { "no broker", ARGS("--flash", "f") },
        { "no flash", ARGS("--broker", "h:1") },
        { "empty keyset", ARGS(NEEDED, "--keyset", "") },
        { "empty flash", ARGS("--flash", "", "--broker", "h:1") },
        { "twice", ARGS(NEEDED, "--slot", "A", "--slot", "A") },
        { "no such slot", ARGS(NEEDED, "--slot", "C") },
        { "slot with a rest", ARGS(NEEDED, "--slot", "AB") },
        { "rule 0", ARGS(NEEDED, "--rule", "0") },
        { "rule one over", ARGS(NEEDED, "--rule", "7") },
        { "no trial", ARGS(NEEDED, "--trials", "0") },
        { "a trial too many", ARGS(NEEDED, "--trials", "9") },
        { "refused for no error", ARGS(NEEDED, "--refused", "1") },
        { "no such cause", ARGS(NEEDED, "--reset-cause", "boredom") },
        { "no such option", ARGS(NEEDED, "--colour", "blue") },
        { "a value without an option", ARGS(NEEDED, "blue") },
        { "an option without a value", ARGS(NEEDED, "--slot") },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct board_args args = { .port = -7 };
        CHECK_ROW(rows[i].why, !read_args(rows[i].list, &args) && args.port == -7);
    }
}

/* --- power --------------------------------------------------------------------------- */

/* In a process of its own, as bootloader and image are: one write of `byte` at `offset`. */
static int write_in_a_process(const struct board_args *args, uint32_t offset, uint8_t byte)
{
    pid_t child = fork();
    if (child == 0) {
        struct board_flash f;
        uint8_t unit[16];
        memset(unit, byte, sizeof unit);
        _exit(board_flash_open(&f, args) &&
                      ota_flash_write(&f.base, offset, OTA_SPAN_OF(unit)) == OTA_OK
                  ? 0
                  : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void check_bytes(const struct board_args *args, uint32_t offset, size_t written,
                        uint8_t byte)
{
    struct board_flash f;
    uint8_t unit[16], want[16];
    memset(want, 0xff, sizeof want);
    memset(want, byte, written);
    assert_true(board_flash_open(&f, args));
    assert_int_equal(ota_flash_read(&f.base, offset, OTA_BUF_OF(unit)), OTA_OK);
    assert_memory_equal(unit, want, sizeof want);
    posix_flash_close(&f.part);
}

static void power_is_cut_at_an_operation_counted_over_all_processes(void **state)
{
    (void)state;
    for (uint32_t inside = 0; inside <= 1; inside++) {
        struct t_tmp tmp = t_tmp_make();
        char path[128];
        snprintf(path, sizeof path, "%s/flash", tmp.path);
        struct posix_flash part;
        assert_int_equal(posix_flash_create(&part, path, &posix_board_flash), POSIX_FLASH_OK);
        posix_flash_close(&part);
        const struct board_faults faults = { .cut_at = 2, .inside = inside };
        struct board_args args = { .flash = path };
        const struct board_faults *shared = board_faults_make(&faults, &args.faults_fd);
        assert_non_null(shared);
        assert_int_equal(write_in_a_process(&args, 0, 0x11), W_EXITCODE(0, 0));
        assert_int_equal(write_in_a_process(&args, 16, 0x22), W_EXITCODE(0, SIGKILL));
        assert_int_equal(write_in_a_process(&args, 32, 0x33), W_EXITCODE(0, 0));
        assert_int_equal(shared->ops, 3);
        check_bytes(&args, 0, 16, 0x11);
        check_bytes(&args, 16, inside != 0 ? 8 : 0, 0x22);
        check_bytes(&args, 32, 16, 0x33);
        close(args.faults_fd);
        t_tmp_remove(&tmp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_end_of_a_process_has_a_verdict),
        cmocka_unit_test(causes_are_words_both_ways),
        cmocka_unit_test(the_image_is_told_all_that_the_bootloader_knows),
        cmocka_unit_test(up_to_four_types_of_data_files_have_directories),
        cmocka_unit_test(a_broker_is_a_host_and_a_port),
        cmocka_unit_test(a_host_may_be_255_characters_long),
        cmocka_unit_test(refuses_a_command_line_that_says_nothing_clear),
        cmocka_unit_test(power_is_cut_at_an_operation_counted_over_all_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
