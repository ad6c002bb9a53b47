#include "broker/process.h"
#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEFT_OVER_PATIENCE_MS 3000

struct process_user process_user_find(void)
{
    static const char *const names[] = { "mosquitto", "nobody" };
    struct process_user same = { PROCESS_SAME_USER, (gid_t)-1 };
    if (geteuid() != 0) {
        return same;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char buffer[4096];
        struct passwd entry, *found = NULL;
        if (getpwnam_r(names[i], &entry, buffer, sizeof buffer, &found) == 0 && found != NULL) {
            return (struct process_user){ entry.pw_uid, entry.pw_gid };
        }
    }
    return same;
}

/* ---- the child's side, between fork and exec: async-signal-safe calls only ---- */

static bool become(struct process_user user)
{
    return user.uid == PROCESS_SAME_USER ||
           (setgroups(0, NULL) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0);
}

static _Noreturn void run_child(const char *const argv[], const char *dir, struct process_user user,
                                int output, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    srv_file_allow_many(); /* or the size of the fleet would be limited */
    /* The directory first: afterwards its parents may be closed to us. The signal last: it is
     * cleared by the change of user. Then see whether the parent had gone before. */
    if (chdir(dir) == 0 && become(user) && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 &&
        getppid() == parent && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
        close_range(3, ~0u, 0) == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    }
    static const char sorry[] = "cannot be started (is it installed?)\n";
    ssize_t ignored = write(2, sorry, sizeof sorry - 1u);
    (void)ignored; /* nobody is left to tell */
    _exit(127);
}

bool process_spawn(const char *const argv[], const char *dir, struct process_user user,
                   struct process *out, struct srv_err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return srv_fail_errno(err, "cannot start %s", argv[0]);
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        run_child(argv, dir, user, ends[1], parent);
    }
    close(ends[1]);
    int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        bool failed = srv_fail_errno(err, "cannot start %s", argv[0]);
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        if (pidfd >= 0) {
            close(pidfd);
        }
        close(ends[0]);
        return failed;
    }
    *out = (struct process){ .pid = pid, .pidfd = pidfd, .output = ends[0] };
    return true;
}

/* ---- the end ---- */

static bool ends_within(int pidfd, int ms)
{
    struct pollfd p = { .fd = pidfd, .events = POLLIN };
    int result;
    do {
        result = poll(&p, 1, ms);
    } while (result < 0 && errno == EINTR);
    return result == 1;
}

int process_reap(struct process *p)
{
    int status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
    }
    close(p->pidfd);
    close(p->output);
    *p = (struct process){ .pid = 0, .pidfd = -1, .output = -1 };
    return status;
}

int process_end(struct process *p, int patience_ms)
{
    pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
    if (!ends_within(p->pidfd, patience_ms)) {
        pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
    }
    return process_reap(p);
}

/* ---- left-overs ---- */

/* Field 22 of /proc/PID/stat: clock ticks after boot. Behind the name, which may hold anything. */
static bool read_start_time(pid_t pid, uint64_t *ticks)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    char *text = NULL;
    if (!srv_file_read(path, 4096, &text, NULL, NULL)) {
        return false;
    }
    char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at + 1, ' ');
    }
    bool ok = at != NULL && sscanf(at, " %" SCNu64, ticks) == 1;
    free(text);
    return ok;
}

static bool works_in(pid_t pid, const char *dir)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    struct stat theirs, ours;
    return stat(path, &theirs) == 0 && stat(dir, &ours) == 0 && theirs.st_dev == ours.st_dev &&
           theirs.st_ino == ours.st_ino;
}

bool process_note(const char *path, pid_t pid, struct srv_err *err)
{
    uint64_t ticks = 0;
    if (!read_start_time(pid, &ticks)) {
        return srv_fail(err, SRV_E_INTERNAL, "cannot see the process that was started");
    }
    char text[64];
    int len = snprintf(text, sizeof text, "%d %" PRIu64 "\n", (int)pid, ticks);
    return srv_file_write(path, text, (size_t)len, 0600, err);
}

bool process_clear_left_over(const char *path, const char *dir, struct srv_err *err)
{
    char *text = NULL;
    if (!srv_file_read(path, 64, &text, NULL, err)) {
        return err->code == SRV_E_NOT_FOUND;
    }
    int pid = 0;
    uint64_t noted = 0, ticks = 0;
    bool read = sscanf(text, "%d %" SCNu64, &pid, &noted) == 2 && pid > 1;
    free(text);
    /* The handle first: what is found out afterwards is about the process that it holds. */
    int pidfd = read ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0) {
        return true;
    }
    bool gone = true;
    if (read_start_time(pid, &ticks) && ticks == noted && works_in(pid, dir)) {
        pidfd_send_signal(pidfd, SIGTERM, NULL, 0);
        if (!ends_within(pidfd, LEFT_OVER_PATIENCE_MS)) {
            pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
            gone = ends_within(pidfd, LEFT_OVER_PATIENCE_MS);
        }
    }
    close(pidfd);
    return gone || srv_fail(err, SRV_E_UNAVAILABLE,
                            "the broker of an earlier start (process %d) does not end", pid);
}
