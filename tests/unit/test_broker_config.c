/* What the broker is told, and what is kept of what it says. */
#define _GNU_SOURCE
#include "broker/config.h"
#include "broker/log.h"
#include "t.h"
#include "tmp.h"
#include <fcntl.h>
#include <sys/stat.h>

static void nothing_that_could_be_an_option_of_its_own_gets_in(void **state)
{
    (void)state;
    static const struct {
        const char *why, *bind, *root, *app;
        bool fine;
    } rows[] = {
        { "defaults", NULL, "$aws", NULL, true },
        { "an address", "192.0.2.1", "$aws", NULL, true },
        { "an address of version 6", "::1", "$aws", NULL, true },
        { "a root of two words", NULL, "fleet/eu", NULL, true },
        { "an application topic", NULL, "$aws", "app/%u/#", true },
        { "one for all things", NULL, "$aws", "app/all", true },
        { "a name instead of an address", "localhost", "$aws", NULL, false },
        { "a line break in the address", "127.0.0.1\nallow_anonymous true", "$aws", NULL, false },
        { "a line break in the root", NULL, "a\nb", NULL, false },
        { "a wildcard in the root", NULL, "a/+", NULL, false },
        { "an empty root", NULL, "", NULL, false },
        { "an empty application topic", NULL, "$aws", "", false },
        { "a line break in it", NULL, "$aws", "app/%u/#\nuser +", false },
        { "a blank in it", NULL, "$aws", "app/%u x", false },
        { "all topics", NULL, "$aws", "#", false },
        { "a wildcard where the root stands", NULL, "fleet", "+/things/#", false },
        { "the name where the root stands", NULL, "fleet", "%u/#", false },
        { "the root itself", NULL, "$aws", "$aws/things/#", false },
        { "a $ topic", NULL, "fleet", "$SYS/#", false },
        { "below a root without $", NULL, "fleet/eu", "fleet/us/#", false },
        { "a word that only begins like it", NULL, "fleet", "fleets/%u/#", true },
        { "beginning with a slash", NULL, "$aws", "/app", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct srv_broker_cfg cfg = { .bind = rows[i].bind,
                                      .topic_root = rows[i].root,
                                      .app_topics = &rows[i].app,
                                      .app_topic_count = rows[i].app != NULL };
        struct srv_err err = { 0 };
        CHECK_ROW(rows[i].why, broker_config_check(&cfg, &err) == rows[i].fine);
        CHECK_ROW(rows[i].why, rows[i].fine || err.code == SRV_E_INVALID);
    }
}

static void the_listener_is_explicit_and_nobody_is_anonymous(void **state)
{
    (void)state;
    struct srv_broker_cfg cfg = { .bind = "192.0.2.1", .topic_root = "$aws" };
    char *text = broker_config_text(&cfg, 4711);
    static const char *const lines[] = { "\nlistener 4711 192.0.2.1\n",
                                         "\nallow_anonymous false\n",
                                         "\nrequire_certificate true\n",
                                         "\nuse_identity_as_username true\n",
                                         "\nuse_username_as_clientid true\n",
                                         "\ncrlfile crl.pem\n",
                                         "\nacl_file acl\n" };
    for (size_t i = 0; i < COUNT(lines); i++) {
        CHECK_ROW(lines[i], strstr(text, lines[i]) != NULL);
    }
    /* mosquitto 2.0.11: a listener's option before any listener opens a public one. */
    assert_true(strstr(text, "\nlistener ") < strstr(text, "\nrequire_certificate"));
    free(text);
}

static void every_grant_of_a_thing_is_below_its_own_name(void **state)
{
    (void)state;
    static const char *const app[] = { "app/%u/#" };
    struct srv_broker_cfg cfg = { .topic_root = "fleet/eu",
                                  .app_topics = app,
                                  .app_topic_count = 1 };
    char *text = broker_acl_text(&cfg);
    size_t patterns = 0;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "pattern ", 8) == 0) {
            CHECK_ROW(line, strstr(line, " fleet/eu/things/%u/") != NULL ||
                                strcmp(line, "pattern readwrite app/%u/#") == 0);
            patterns++;
        } else {
            CHECK_ROW(line, line[0] == '#' || strncmp(line, "user waft.", 10) == 0 ||
                                strstr(line, "fleet/eu/things/#") != NULL);
        }
    }
    assert_true(patterns > 20);
    free(text);
}

static void the_log_stays_below_two_files_of_a_mebibyte(void **state)
{
    (void)state;
    struct t_tmp tmp = t_tmp_make();
    char path[128], older[132];
    snprintf(path, sizeof path, "%s/log", tmp.path);
    snprintf(older, sizeof older, "%s.1", path);
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    struct broker_log log;
    broker_log_open(&log, path);
    char line[101];
    memset(line, 'x', 100);
    line[99] = '\n';
    for (int i = 0; i < 40000; i++) {
        assert_int_equal(write(ends[1], line, 100), 100);
        broker_log_take(&log, ends[0]);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= 1024 * 1024);
    assert_int_equal(stat(older, &st), 0);
    assert_true(st.st_size <= 1024 * 1024);
    broker_log_close(&log);
    close(ends[0]);
    close(ends[1]);
    t_tmp_remove(&tmp);
}

static void the_last_whole_line_is_kept_for_the_error_message(void **state)
{
    (void)state;
    struct t_tmp tmp = t_tmp_make();
    char path[128], text[400];
    snprintf(path, sizeof path, "%s/log", tmp.path);
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    struct broker_log log;
    broker_log_open(&log, path);
    assert_int_equal(write(ends[1], "first\nsec", 9), 9);
    broker_log_take(&log, ends[0]);
    assert_string_equal(log.last, "first");
    assert_int_equal(write(ends[1], "ond\n", 4), 4);
    broker_log_take(&log, ends[0]);
    assert_string_equal(log.last, "second");
    memset(text, 'y', sizeof text);
    text[sizeof text - 1] = '\n';
    assert_int_equal(write(ends[1], text, sizeof text), sizeof text);
    broker_log_take(&log, ends[0]);
    assert_int_equal(strlen(log.last), sizeof log.last - 1);
    broker_log_close(&log);
    close(ends[0]);
    close(ends[1]);
    t_tmp_remove(&tmp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_could_be_an_option_of_its_own_gets_in),
        cmocka_unit_test(the_listener_is_explicit_and_nobody_is_anonymous),
        cmocka_unit_test(every_grant_of_a_thing_is_below_its_own_name),
        cmocka_unit_test(the_log_stays_below_two_files_of_a_mebibyte),
        cmocka_unit_test(the_last_whole_line_is_kept_for_the_error_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
