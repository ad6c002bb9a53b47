/*
 * The broker's life: it comes back when it dies, it never outlives us, and
 * nobody else's process is ever touched.
 */
#define _GNU_SOURCE
#include "base/file.h"
#include "broker/broker.h"
#include "broker/process.h"
#include "mqtt.h"
#include "t.h"
#include "tmp.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define WAIT_MS 15000

static struct t_tmp tmp;

struct house {
    char dir[100];
    struct srv_identity *id;
    struct srv_broker *broker;
};

static bool open_house(struct house *h, const char *name, uint16_t port, struct srv_err *err)
{
    snprintf(h->dir, sizeof h->dir, "%s/%s", tmp.path, name);
    struct srv_identity_cfg identity = { .dir = h->dir, .now = time(NULL) };
    h->id = srv_identity_open(&identity, err);
    assert_non_null(h->id);
    struct srv_broker_cfg cfg = {
        .dir = h->dir, .port = port, .topic_root = "$aws", .identity = h->id
    };
    h->broker = srv_broker_start(&cfg, err);
    return h->broker != NULL;
}

static struct house must_open(const char *name, uint16_t port)
{
    struct house h;
    struct srv_err err = { 0 };
    if (!open_house(&h, name, port, &err)) {
        fail_msg("%s", err.text);
    }
    return h;
}

static void close_house(struct house *h)
{
    srv_broker_stop(h->broker);
    srv_identity_close(h->id);
}

static bool takes_a_session(const struct house *h, uint16_t port)
{
    struct t_mqtt_who who = { srv_identity_ca_path(h->id),
                              srv_identity_cert_path(h->id, SRV_OWN_CONTROL),
                              srv_identity_key_path(h->id, SRV_OWN_CONTROL), NULL, port };
    struct t_mqtt *m = t_mqtt_open(&who);
    bool connected = m->connected;
    t_mqtt_close(m);
    return connected;
}

static bool ends(int pidfd, int ms)
{
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    return poll(&p, 1, ms) == 1;
}

/* A socket of a stranger on a free port. */
static int occupy(uint16_t *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    at.sin_port = htons(*port);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void a_broker_that_dies_comes_back_at_the_same_port(void **state)
{
    (void)state;
    struct house h = must_open("dies", 0);
    uint16_t port = srv_broker_port(h.broker);
    for (int life = 0; life < 2; life++) {
        int pid = srv_broker_pid(h.broker);
        int pidfd = pidfd_open(pid, 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_true(ends(pidfd, WAIT_MS));
        close(pidfd);
        int64_t tries = 0;
        while ((srv_broker_pid(h.broker) == pid || !takes_a_session(&h, port)) && tries++ < 300) {
            poll(NULL, 0, 50);
        }
        assert_true(tries < 300);
        assert_int_equal(srv_broker_port(h.broker), port);
    }
    close_house(&h);
}

static void stopping_ends_the_process_and_starting_again_keeps_the_port(void **state)
{
    (void)state;
    struct house h = must_open("again", 0);
    uint16_t port = srv_broker_port(h.broker);
    int pidfd = pidfd_open(srv_broker_pid(h.broker), 0);
    close_house(&h);
    assert_true(ends(pidfd, 0));
    close(pidfd);
    h = must_open("again", 0);
    assert_int_equal(srv_broker_port(h.broker), port);
    close_house(&h);
}

static void a_port_that_was_asked_for_and_is_taken_is_an_error_that_names_it(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = occupy(&port);
    struct house h;
    struct srv_err err = { 0 };
    assert_false(open_house(&h, "taken", port, &err));
    assert_int_equal(err.code, SRV_E_UNAVAILABLE);
    char number[8];
    snprintf(number, sizeof number, "%u", port);
    assert_non_null(strstr(err.text, number));
    srv_identity_close(h.id);
    close(fd);
}

static void a_remembered_port_that_is_taken_is_replaced(void **state)
{
    (void)state;
    struct house h = must_open("moved", 0);
    uint16_t port = srv_broker_port(h.broker);
    close_house(&h);
    uint16_t taken = port;
    int fd = occupy(&taken);
    h = must_open("moved", 0);
    assert_int_not_equal(srv_broker_port(h.broker), port);
    assert_true(takes_a_session(&h, srv_broker_port(h.broker)));
    close_house(&h);
    close(fd);
}

static void a_second_one_on_the_same_directory_is_refused_and_harms_nothing(void **state)
{
    (void)state;
    struct house h = must_open("shared", 0), other;
    int pid = srv_broker_pid(h.broker);
    struct srv_err err = { 0 };
    assert_false(open_house(&other, "shared", 0, &err));
    assert_non_null(strstr(err.text, "another waftd"));
    srv_identity_close(other.id);
    assert_int_equal(srv_broker_pid(h.broker), pid);
    assert_true(takes_a_session(&h, srv_broker_port(h.broker)));
    close_house(&h);
}

/* In a process of its own, which is then killed without a chance to clean up. */
static void it_does_not_outlive_a_provider_that_is_killed(void **state)
{
    (void)state;
    int tell[2];
    assert_int_equal(pipe2(tell, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        struct house h;
        struct srv_err err = { 0 };
        int pid = open_house(&h, "killed", 0, &err) ? srv_broker_pid(h.broker) : -1;
        if (write(tell[1], &pid, sizeof pid) != (ssize_t)sizeof pid) {
            _exit(1);
        }
        pause();
        _exit(0);
    }
    int pid = 0;
    close(tell[1]);
    assert_int_equal(read(tell[0], &pid, sizeof pid), sizeof pid);
    close(tell[0]);
    assert_true(pid > 1);
    int pidfd = pidfd_open(pid, 0);
    assert_true(pidfd >= 0);
    assert_false(ends(pidfd, 0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(ends(pidfd, WAIT_MS));
    close(pidfd);
    struct house h = must_open("killed", 0);
    assert_true(takes_a_session(&h, srv_broker_port(h.broker)));
    close_house(&h);
}

static pid_t start_bystander(const char *dir)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (dir != NULL && chdir(dir) != 0) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    return pid;
}

static void end_bystander(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static bool cwd_is(pid_t pid, const char *dir)
{
    char link[64], path[256] = "";
    snprintf(link, sizeof link, "/proc/%d/cwd", (int)pid);
    return readlink(link, path, sizeof path - 1) > 0 && strcmp(path, dir) == 0;
}

static void a_left_over_broker_of_the_same_directory_is_ended(void **state)
{
    (void)state;
    struct house h = must_open("left", 0);
    close_house(&h);
    char dir[140], note[160];
    snprintf(dir, sizeof dir, "%s/broker", h.dir);
    snprintf(note, sizeof note, "%s/pid", dir);
    pid_t pid = start_bystander(dir);
    for (int i = 0; i < 1000 && !cwd_is(pid, dir); i++) {
        poll(NULL, 0, 5);
    }
    struct srv_err err = { 0 };
    assert_true(process_note(note, pid, &err));
    h = must_open("left", 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    close_house(&h);
}

static void a_process_that_is_not_ours_is_left_alone(void **state)
{
    (void)state;
    struct house h = must_open("alone", 0);
    close_house(&h);
    char dir[140], note[160], text[64];
    snprintf(dir, sizeof dir, "%s/broker", h.dir);
    snprintf(note, sizeof note, "%s/pid", dir);
    struct srv_err err = { 0 };

    pid_t elsewhere = start_bystander("/");
    assert_true(process_note(note, elsewhere, &err));
    h = must_open("alone", 0);
    assert_int_equal(waitpid(elsewhere, NULL, WNOHANG), 0);
    close_house(&h);
    end_bystander(elsewhere);

    /* Same number, same place, but started at another time: the number was used again. */
    pid_t reused = start_bystander(dir);
    snprintf(text, sizeof text, "%d 1\n", (int)reused);
    assert_true(srv_file_write(note, text, strlen(text), 0600, &err));
    h = must_open("alone", 0);
    assert_int_equal(waitpid(reused, NULL, WNOHANG), 0);
    close_house(&h);
    end_bystander(reused);

    static const char *const nonsense[] = { "", "x", "1 1\n", "-1 1\n", "0 0\n", "99999999 5\n" };
    for (size_t i = 0; i < COUNT(nonsense); i++) {
        assert_true(srv_file_write(note, nonsense[i], strlen(nonsense[i]), 0600, &err));
        CHECK_ROW(nonsense[i], process_clear_left_over(note, dir, &err));
    }
}

static void its_key_is_for_nobody_else(void **state)
{
    (void)state;
    struct house h = must_open("modes", 0);
    char path[160];
    struct stat st;
    snprintf(path, sizeof path, "%s/broker", h.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0700);
    snprintf(path, sizeof path, "%s/broker/broker.key", h.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777u, 0600);
    char proc[64], text[4096] = "";
    snprintf(proc, sizeof proc, "/proc/%d/status", srv_broker_pid(h.broker));
    int fd = open(proc, O_RDONLY | O_CLOEXEC);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    close(fd);
    unsigned uid = 0;
    assert_int_equal(sscanf(strstr(text, "Uid:"), "Uid: %u", &uid), 1);
    /* Whoever started it: the broker is not root, and owns what it reads. */
    assert_int_not_equal(uid, 0);
    assert_int_equal(st.st_uid, uid);
    close_house(&h);
}

static void a_fleet_may_be_larger_than_the_usual_limit_of_open_files(void **state)
{
    (void)state;
    struct rlimit ours, low;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &ours), 0);
    low = (struct rlimit){ .rlim_cur = 256, .rlim_max = ours.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct house h = must_open("files", 0);
    char path[64], line[256];
    unsigned long soft = 0;
    snprintf(path, sizeof path, "/proc/%d/limits", srv_broker_pid(h.broker));
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f) != NULL && sscanf(line, "Max open files %lu", &soft) != 1) {
    }
    fclose(f);
    assert_int_equal(soft, ours.rlim_max);
    close_house(&h);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &ours), 0);
}

static void a_reload_ends_no_session(void **state)
{
    (void)state;
    struct house h = must_open("reload", 0);
    int pid = srv_broker_pid(h.broker);
    struct t_mqtt_who who = { srv_identity_ca_path(h.id),
                              srv_identity_cert_path(h.id, SRV_OWN_STREAM),
                              srv_identity_key_path(h.id, SRV_OWN_STREAM), NULL,
                              srv_broker_port(h.broker) };
    struct t_mqtt *m = t_mqtt_open(&who);
    assert_true(m->connected);
    struct srv_err err = { 0 };
    struct srv_serials none = { NULL, 0 };
    assert_true(srv_broker_hold(h.broker, none, &err)); /* reloads, and waits until it has */
    t_mqtt_publish(m, "$aws/things/x/jobs/notify", "still here");
    assert_false(m->lost);
    assert_int_equal(srv_broker_pid(h.broker), pid);
    t_mqtt_close(m);
    close_house(&h);
}

int main(void)
{
    tmp = t_tmp_make();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_does_not_outlive_a_provider_that_is_killed),
        cmocka_unit_test(a_broker_that_dies_comes_back_at_the_same_port),
        cmocka_unit_test(stopping_ends_the_process_and_starting_again_keeps_the_port),
        cmocka_unit_test(a_port_that_was_asked_for_and_is_taken_is_an_error_that_names_it),
        cmocka_unit_test(a_remembered_port_that_is_taken_is_replaced),
        cmocka_unit_test(a_second_one_on_the_same_directory_is_refused_and_harms_nothing),
        cmocka_unit_test(a_left_over_broker_of_the_same_directory_is_ended),
        cmocka_unit_test(a_process_that_is_not_ours_is_left_alone),
        cmocka_unit_test(its_key_is_for_nobody_else),
        cmocka_unit_test(a_fleet_may_be_larger_than_the_usual_limit_of_open_files),
        cmocka_unit_test(a_reload_ends_no_session),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mosquitto_lib_cleanup();
    t_tmp_remove(&tmp);
    return failed;
}
