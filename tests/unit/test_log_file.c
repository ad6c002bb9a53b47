/* The log file of waftd: what is said is kept in two files of bounded size. */
#define _GNU_SOURCE
#include "log_file.h"
#include "t.h"
#include "tmp.h"
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct t_tmp tmp;
static char path[200], older[220];

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0 || write(STDOUT_FILENO, text, 1) < 0) {
        _exit(1);
    }
}

/* What changes standard error is done in a process of its own; it ends with 0. */
static void in_child(void (*deed)(struct srv_log_file *log))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct srv_log_file log = { 0 };
        struct srv_err err;
        if (!srv_log_file_open(&log, path, &err)) {
            _exit(2);
        }
        deed(&log);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static off_t size_of(const char *file)
{
    struct stat st;
    return stat(file, &st) == 0 ? st.st_size : -1;
}

static int fresh(void **state)
{
    (void)state;
    unlink(path);
    unlink(older);
    return 0;
}

static void grow_to_the_limit(struct srv_log_file *log)
{
    say("x");
    if (truncate(path, SRV_LOG_FILE_MAX) != 0) {
        _exit(1);
    }
    srv_log_file_look(log);
}

static void grow_over_the_limit(struct srv_log_file *log)
{
    grow_to_the_limit(log);
    say("over"); /* and one byte on standard output */
    srv_log_file_look(log);
    say("new");
    srv_log_file_look(log);
}

static void a_log_of_the_largest_size_goes_on(void **state)
{
    (void)state;
    in_child(grow_to_the_limit);
    assert_int_equal(size_of(path), SRV_LOG_FILE_MAX);
    assert_int_equal(size_of(older), -1);
}

static void above_it_a_new_one_begins_and_the_last_one_is_kept(void **state)
{
    (void)state;
    in_child(grow_over_the_limit);
    assert_int_equal(size_of(path), 4);
    assert_int_equal(size_of(older), SRV_LOG_FILE_MAX + 5u);
    in_child(grow_over_the_limit);
    assert_int_equal(size_of(path), 4);
    assert_int_equal(size_of(older), SRV_LOG_FILE_MAX + 5u);
}

static void move_away(struct srv_log_file *log)
{
    say("old");
    if (rename(path, older) != 0) {
        _exit(1);
    }
    srv_log_file_look(log);
    say("newer");
}

static void a_log_that_was_moved_away_begins_anew(void **state)
{
    (void)state;
    in_child(move_away);
    assert_int_equal(size_of(path), 6);
    assert_int_equal(size_of(older), 4);
}

static void do_nothing(struct srv_log_file *log)
{
    (void)log;
}

static void an_old_log_is_gone_on_with_and_one_that_is_too_large_is_put_aside(void **state)
{
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fputs("yesterday", f) >= 0 && fclose(f) == 0, true);
    in_child(do_nothing);
    assert_int_equal(size_of(path), 9);
    assert_int_equal(truncate(path, SRV_LOG_FILE_MAX + 1u), 0);
    in_child(do_nothing);
    assert_int_equal(size_of(path), 0);
    assert_int_equal(size_of(older), SRV_LOG_FILE_MAX + 1u);
}

static void a_place_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct srv_log_file log = { 0 };
    struct srv_err err;
    assert_false(srv_log_file_open(&log, tmp.path, &err)); /* a directory */
    assert_int_equal(log.path[0], 0);
    srv_log_file_look(&log);
}

int main(void)
{
    tmp = t_tmp_make();
    snprintf(path, sizeof path, "%s/log", tmp.path);
    snprintf(older, sizeof older, "%s.1", path);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_log_of_the_largest_size_goes_on, fresh),
        cmocka_unit_test_setup(above_it_a_new_one_begins_and_the_last_one_is_kept, fresh),
        cmocka_unit_test_setup(a_log_that_was_moved_away_begins_anew, fresh),
        cmocka_unit_test_setup(an_old_log_is_gone_on_with_and_one_that_is_too_large_is_put_aside,
                               fresh),
        cmocka_unit_test_setup(a_place_that_cannot_be_written_is_refused, fresh),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    t_tmp_remove(&tmp);
    return failed;
}
