/*
 * A provider whose disk is full: it says so by name, loses nothing, and goes on
 * when there is room again. The disk is a small tmpfs in a mount namespace of
 * this process, which only root may make: skipped otherwise.
 */
#define _GNU_SOURCE
#include "run.h"
#include "t.h"
#include "tmp.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define DISK "size=12m"

static struct t_tmp tmp;
static char data[100], key[100], image[100], small[100], filler[120];
static char log_path[100]; /* on another disk, so that it tells of this one */
static bool have_disk;

static bool write_file(const char *path, size_t len)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    static const char zeros[65536];
    while (len > 0) {
        ssize_t n = write(fd, zeros, len < sizeof zeros ? len : sizeof zeros);
        if (n <= 0) {
            close(fd);
            return false;
        }
        len -= (size_t)n;
    }
    return close(fd) == 0;
}

static int sign(const char *payload, const char *out)
{
    return t_code(t_waft("image", "sign", payload, "--key", key, "--out", out, "--version", "1.0.0",
                         "--vendor", "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "--class",
                         "0f0e0d0c-0b0a-0908-0706-050403020100"));
}

static int before_all(void **state)
{
    (void)state;
    mkdir(data, 0700);
    have_disk = unshare(CLONE_NEWNS) == 0 &&
                mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                mount("waft-test", data, "tmpfs", 0, DISK) == 0;
    if (!have_disk) {
        return 0;
    }
    char payload[120], link[120];
    snprintf(payload, sizeof payload, "%s/payload", tmp.path);
    snprintf(link, sizeof link, "%s/waftd.log", data);
    bool ok = symlink(log_path, link) == 0 && write_file(payload, 8u << 20) &&
              t_code(t_waft("up", "--data", data, "--detach")) == 0 &&
              t_code(t_waft("key", "new", key)) == 0 && sign(payload, image) == 0 &&
              write_file(payload, 1000) && sign(payload, small) == 0 &&
              t_code(t_waft("thing", "create", "lamp-1", "--dir", tmp.path)) == 0;
    return ok ? 0 : -1;
}

static int after_all(void **state)
{
    (void)state;
    if (!have_disk) {
        return 0;
    }
    int code = t_code(t_waft("down", "--data", data));
    umount2(data, MNT_DETACH);
    return code;
}

static size_t artifact_count(void)
{
    char path[160];
    snprintf(path, sizeof path, "%s/artifacts", data);
    struct t_run run = t_run((const char *const[]){ "/bin/ls", "-A", path, NULL });
    size_t count = 0;
    for (const char *c = run.out; *c != '\0'; c++) {
        count += *c == '\n';
    }
    t_run_end(&run);
    return count;
}

static void an_upload_that_does_not_fit_is_refused_by_name_and_leaves_nothing(void **state)
{
    (void)state;
    if (!have_disk) {
        skip();
    }
    assert_true(write_file(filler, 5u << 20));
    struct t_run run = t_waft("deploy", image, "--to", "lamp-1", "--key", key);
    assert_int_equal(run.code, 1);
    if (strstr(run.err, "No space left") == NULL) {
        fail_msg("%s", run.err);
    }
    t_run_end(&run);
    assert_int_equal(artifact_count(), 0);
    assert_int_equal(t_code(t_waft("status")), 0);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(t_code(t_waft("deploy", image, "--to", "lamp-1", "--key", key)), 0);
    assert_int_equal(artifact_count(), 1);
}

static void a_disk_without_a_byte_left_refuses_changes_and_heals(void **state)
{
    (void)state;
    if (!have_disk) {
        skip();
    }
    assert_false(write_file(filler, 64u << 20)); /* until it is full */
    struct t_run run = t_waft("thing", "create", "lamp-2", "--dir", tmp.path);
    if (run.code != 1) {
        fail_msg("%d: %s", run.code, run.err);
    }
    t_run_end(&run);
    char path[200];
    snprintf(path, sizeof path, "%s/lamp-2.key", tmp.path);
    assert_int_equal(access(path, F_OK), -1); /* no key without a certificate */
    assert_int_equal(t_code(t_waft("thing", "show", "lamp-1")), 0);
    assert_int_equal(unlink(filler), 0);
    assert_int_equal(t_code(t_waft("thing", "create", "lamp-2", "--dir", tmp.path)), 0);
    assert_int_equal(t_code(t_waft("deploy", small, "--to", "lamp-2", "--key", key)), 0);
}

static int broker_pid(void)
{
    static const char member[] = "\"brokerPid\": ";
    struct t_run run = t_waft("status", "--json");
    const char *at = strstr(run.out, member);
    const int pid = at != NULL ? atoi(at + strlen(member)) : 0;
    t_run_end(&run);
    assert_true(pid > 1);
    return pid;
}

static off_t log_size(void)
{
    struct stat st;
    return stat(log_path, &st) == 0 ? st.st_size : 0;
}

/*
 * The broker takes a notification when the disk has filled up behind it, so that it cannot be crossed off. To
 * try that again once in a while is soon enough.
 */
static void what_cannot_be_crossed_off_is_tried_again_in_peace(void **state)
{
    (void)state;
    if (!have_disk) {
        skip();
    }
    const int broker = broker_pid();
    assert_int_equal(kill(broker, SIGSTOP), 0);
    const int deployed = t_code(t_waft("deploy", small, "--to", "lamp-1", "--key", key));
    const bool filled = !write_file(filler, 64u << 20);
    assert_int_equal(kill(broker, SIGCONT), 0);
    assert_int_equal(deployed, 0);
    assert_true(filled);
    const off_t before = log_size();
    for (int i = 0; i < 200 && log_size() == before; i++) {
        poll(NULL, 0, 50);
    }
    const off_t first = log_size();
    poll(NULL, 0, 1000);
    const off_t second = log_size();
    assert_int_equal(unlink(filler), 0);
    assert_true(first > before); /* it has been tried */
    assert_in_range(second - first, 0, 2000);
}

int main(void)
{
    tmp = t_tmp_make();
    snprintf(log_path, sizeof log_path, "%s/log", tmp.path);
    t_run_home(tmp.path);
    snprintf(data, sizeof data, "%s/disk", tmp.path);
    snprintf(key, sizeof key, "%s/a.key", tmp.path);
    snprintf(image, sizeof image, "%s/image", tmp.path);
    snprintf(small, sizeof small, "%s/small", tmp.path);
    snprintf(filler, sizeof filler, "%s/filler", data);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_upload_that_does_not_fit_is_refused_by_name_and_leaves_nothing),
        cmocka_unit_test(a_disk_without_a_byte_left_refuses_changes_and_heals),
        cmocka_unit_test(what_cannot_be_crossed_off_is_tried_again_in_peace),
    };
    int failed = cmocka_run_group_tests(tests, before_all, after_all);
    t_tmp_remove(&tmp);
    return failed;
}
