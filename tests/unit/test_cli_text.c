/* What reaches a terminal, and what a command line is taken for. */
#define _GNU_SOURCE
#include "t.h"
#include "args.h"
#include "image_file.h"
#include "out.h"
#include "progress.h"
#include <sys/mman.h>
#include <unistd.h>

static char *printed(const char *text)
{
    char *out = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&out, &len);
    cli_print_text(f, text);
    fclose(f);
    return out;
}

static void no_control_character_reaches_the_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *why, *in, *out;
    } rows[] = {
        { "plain", "accepted v1.4.0", "accepted v1.4.0" },
        { "other scripts stay",
          "K\xc3\xbc"
          "che \xe5\x8e\xa8 \xf0\x9f\x92\xa1",
          "K\xc3\xbc"
          "che \xe5\x8e\xa8 \xf0\x9f\x92\xa1" },
        { "an escape sequence", "a\033[2Jb", "a\\x1b[2Jb" },
        { "a line break", "a\nb\r", "a\\x0ab\\x0d" },
        { "a bell, a delete", "\a\x7f", "\\x07\\x7f" },
        { "C1: an escape of one character",
          "\xc2\x9b"
          "31m",
          "\\xc2\\x9b31m" },
        { "the right-to-left override",
          "\xe2\x80\xae"
          "gnp.exe",
          "\\xe2\\x80\\xaegnp.exe" },
        { "an isolate", "\xe2\x81\xa6x", "\\xe2\\x81\\xa6x" },
        { "a byte that is no UTF-8", "a\xff", "a\\xff" },
        { "a sequence cut short", "\xe2\x82", "\\xe2\\x82" },
        { "an overlong zero", "\xc0\x80", "\\xc0\\x80" },
        { "a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80" },
        { "above Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *exact = t_exact(rows[i].in, strlen(rows[i].in) + 1);
        char *out = printed((const char *)exact);
        CHECK_ROW(rows[i].why, strcmp(out, rows[i].out) == 0);
        free(out);
        free(exact);
    }
}

static void every_byte_pair_is_printed_without_a_control_character(void **state)
{
    (void)state;
    for (int a = 1; a < 256; a++) {
        for (int b = 1; b < 256; b++) {
            const char text[3] = { (char)a, (char)b, '\0' };
            char *out = printed(text);
            for (const unsigned char *c = (const unsigned char *)out; *c != '\0'; c++) {
                assert_true(*c >= 0x20 && *c != 0x7f);
            }
            assert_false(out[0] == (char)0xc2 && (unsigned char)out[1] < 0xa0);
            free(out);
        }
    }
}

/* ---- progress ---- */

static void progress_without_a_terminal_is_four_lines_at_most(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        unsigned steps;
        const char *lines;
    } rows[] = {
        { "many small steps", 1000, "up 25%\nup 50%\nup 75%\nup 100%\n" },
        { "some large ones", 3, "up 33%\nup 66%\nup 100%\n" },
        { "all at once", 1, "up 100%\n" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int kept = dup(STDERR_FILENO), file = memfd_create("err", MFD_CLOEXEC);
        assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
        struct cli_progress p = cli_progress_begin("up", true);
        for (unsigned step = 0; step <= rows[i].steps; step++) {
            cli_progress_show(&p, step, rows[i].steps, "");
        }
        cli_progress_end(&p);
        assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
        char lines[200] = "";
        assert_true(pread(file, lines, sizeof lines - 1, 0) >= 0);
        CHECK_ROW(rows[i].why, strcmp(lines, rows[i].lines) == 0);
        close(kept);
        close(file);
    }
}

/* ---- command lines ---- */

static enum cli_exit never(const struct cli_args *args)
{
    (void)args;
    return CLI_OK;
}

static const struct cli_option options[] = {
    { "--must", "X", "", CLI_REQUIRED },
    { "--once", "X", "", CLI_ONCE },
    { "--flag", NULL, "", CLI_ONCE },
    { "--many", "X", "", CLI_REPEATED },
    { 0 },
};

static const struct cli_command command = {
    .noun = "do",
    .operands = "A [B]",
    .operand_min = 1,
    .operand_max = 2,
    .options = options,
    .run = never,
};

static void a_command_line_is_checked_against_its_table(void **state)
{
    (void)state;
    struct {
        const char *why;
        bool fine;
        char *words[8];
    } rows[] = {
        { "the least", true, { "a", "--must", "1" } },
        { "with an equals sign", true, { "a", "--must=1" } },
        { "an empty value", true, { "a", "--must=" } },
        { "a value like an option", true, { "a", "--must", "--once" } },
        { "options first", true, { "--must", "1", "--flag", "a", "b" } },
        { "repeated", true, { "a", "--must=1", "--many", "1", "--many=2" } },
        { "behind two dashes all are operands", true, { "--must=1", "--", "--flag", "-x" } },
        { "one dash is an operand", true, { "-", "--must=1" } },
        { "JSON", true, { "a", "--must=1", "-o", "json" } },
        { "required is missing", false, { "a" } },
        { "no operand", false, { "--must=1" } },
        { "an operand too many", false, { "a", "b", "c", "--must=1" } },
        { "unknown", false, { "a", "--must=1", "--other" } },
        { "the beginning of a name", false, { "a", "--mus=1" } },
        { "once, twice", false, { "a", "--must=1", "--once=1", "--once=2" } },
        { "a flag with a value", false, { "a", "--must=1", "--flag=1" } },
        { "a value that is missing", false, { "a", "--must" } },
        { "a form that there is not", false, { "a", "--must=1", "-o", "yaml" } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int count = 0;
        while (rows[i].words[count] != NULL) {
            count++;
        }
        struct cli_args args;
        CHECK_ROW(rows[i].why,
                  cli_args_read(&command, count, rows[i].words, &args) == rows[i].fine);
        cli_args_end(&args);
    }
}

static void values_are_found_by_name_and_place(void **state)
{
    (void)state;
    char *words[] = { "first", "--many", "x", "--must", "m", "second", "--many=y", "--flag" };
    struct cli_args args;
    assert_true(cli_args_read(&command, COUNT(words), words, &args));
    assert_string_equal(cli_operand(&args, 0), "first");
    assert_string_equal(cli_operand(&args, 1), "second");
    assert_null(cli_operand(&args, 2));
    assert_string_equal(cli_option(&args, "--must"), "m");
    assert_string_equal(cli_option_at(&args, "--many", 0), "x");
    assert_string_equal(cli_option_at(&args, "--many", 1), "y");
    assert_null(cli_option_at(&args, "--many", 2));
    assert_non_null(cli_option(&args, "--flag"));
    assert_null(cli_option(&args, "--once"));
    cli_args_end(&args);
}

static void numbers_are_whole_and_bounded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
        unsigned long long value;
    } rows[] = {
        { "2", true, 2 },     { "1", false, 0 },
        { "0", false, 0 },    { "100", true, 100 },
        { "0x10", true, 16 }, { "101", false, 0 },
        { "", false, 0 },     { "-1", false, 0 },
        { "+1", false, 0 },   { " 1", false, 0 },
        { "1x", false, 0 },   { "1.0", false, 0 },
        { "1e1", false, 0 },  { "99999999999999999999", false, 0 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned long long number = 7;
        CHECK_ROW(rows[i].text, cli_number("n", rows[i].text, 2, 100, &number) == rows[i].fine);
        CHECK_ROW(rows[i].text, number == (rows[i].fine ? rows[i].value : 7));
    }
}

static void uuids_and_hardware_ranges_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
    } uuids[] = {
        { "6ba7b810-9dad-11d1-80b4-00c04fd430c8", true },
        { "6BA7B810-9DAD-11D1-80B4-00C04FD430C8", true },
        { "6ba7b810-9dad-11d1-80b4-00c04fd430c", false },
        { "6ba7b810-9dad-11d1-80b4-00c04fd430c88", false },
        { "6ba7b8109dad11d180b400c04fd430c8", false },
        { "6ba7b810-9dad-11d1-80b400-c04fd430c8", false },
        { "{ba7b810-9dad-11d1-80b4-00c04fd430c8", false },
        { "", false },
    };
    for (size_t i = 0; i < COUNT(uuids); i++) {
        uint8_t uuid[OTA_UUID_SIZE];
        struct srv_err err;
        CHECK_ROW(uuids[i].text, cli_uuid_read(uuids[i].text, uuid, &err) == uuids[i].fine);
        if (uuids[i].fine) {
            char back[37];
            cli_uuid_print(back, uuid);
            CHECK_ROW(uuids[i].text, strcasecmp(back, uuids[i].text) == 0);
        }
    }
    static const struct {
        const char *text;
        bool fine;
        unsigned min, max;
    } ranges[] = {
        { "3", true, 3, 3 },     { "2-5", true, 2, 5 },     { "0-65535", true, 0, 65535 },
        { "5-2", false, 0, 0 },  { "65536", false, 0, 0 },  { "2-", false, 0, 0 },
        { "-2", false, 0, 0 },   { "", false, 0, 0 },       { "2-5x", false, 0, 0 },
        { "2 -5", false, 0, 0 }, { "123456", false, 0, 0 },
    };
    for (size_t i = 0; i < COUNT(ranges); i++) {
        uint16_t min = 0, max = 0;
        struct srv_err err;
        CHECK_ROW(ranges[i].text, cli_hw_read(ranges[i].text, &min, &max, &err) == ranges[i].fine);
        CHECK_ROW(ranges[i].text,
                  !ranges[i].fine || (min == ranges[i].min && max == ranges[i].max));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_control_character_reaches_the_terminal),
        cmocka_unit_test(every_byte_pair_is_printed_without_a_control_character),
        cmocka_unit_test(progress_without_a_terminal_is_four_lines_at_most),
        cmocka_unit_test(a_command_line_is_checked_against_its_table),
        cmocka_unit_test(values_are_found_by_name_and_place),
        cmocka_unit_test(numbers_are_whole_and_bounded),
        cmocka_unit_test(uuids_and_hardware_ranges_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
