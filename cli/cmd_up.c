/* waft up, waft down: a provider on this machine, and how this user reaches it. */
#include "local.h"
#include "out.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of a log, when a start has failed. */
#define LOG_LINES_MAX 20
#define START_S       30
#define STOP_MS       30000
#define LOOK_MS       50
/* waftd takes 16 names and 16 topics; more are passed on, so that it can refuse them. */
#define WORDS_MAX 128

/* Options of ours that are waftd's. */
static const char *const passed[] = { "--listen",    "--mqtt-listen",  "--broker",
                                      "--broker-ca", "--topic-root",   "--app-topic",
                                      "--name",      "--download-url", "--url-expires" };

struct provider {
    char dir[SRV_PATH_MAX];
    char log_path[SRV_PATH_MAX]; /* "": not detached, it logs to our stderr */
    char host[128];              /* where its API listens */
    off_t log_start;             /* where what this start says begins in it */
    pid_t pid;
    int pidfd;
};

static int64_t clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* ---- start ---- */

/* The waftd beside this program; else the one of PATH. */
static void program(char out[SRV_PATH_MAX])
{
    ssize_t len = readlink("/proc/self/exe", out, SRV_PATH_MAX - 16);
    out[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(out, '/');
    if (slash != NULL) {
        strcpy(slash + 1, "waftd");
    }
    if (access(out, X_OK) != 0) {
        strcpy(out, "waftd");
    }
}

static void build_words(const char **words, const char *program_path, const struct provider *p,
                        const struct cli_args *args)
{
    size_t count = 0;
    words[count++] = program_path;
    words[count++] = "--data";
    words[count++] = p->dir;
    if (p->log_path[0] != '\0') {
        words[count++] = "--log";
        words[count++] = p->log_path;
    }
    for (size_t o = 0; o < sizeof passed / sizeof passed[0]; o++) {
        const char *value = NULL;
        for (size_t i = 0; (value = cli_option_at(args, passed[o], i)) != NULL; i++) {
            if (count + 3 < WORDS_MAX) {
                words[count++] = passed[o];
                words[count++] = value;
            }
        }
    }
    words[count] = NULL;
}

/* In front it ends with us; detached it has a session and a log of its own. */
static _Noreturn void run_child(const char *const *words, int log, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (log >= 0) {
        setsid();
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0);
        dup2(log, 1);
        dup2(log, 2);
    } else if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) {
        _exit(1);
    }
    close_range(3, ~0u, 0);
    execvp(words[0], (char *const *)(uintptr_t)words);
    dprintf(2, "waft: %s cannot be started: %s\n", words[0], strerror(errno));
    _exit(127);
}

static bool start(struct provider *p, const struct cli_args *args, struct srv_err *err)
{
    bool detach = cli_option(args, "--detach") != NULL;
    char path[SRV_PATH_MAX];
    const char *words[WORDS_MAX];
    int log = -1;
    if (!srv_dir_make(p->dir, 0700, err) ||
        (detach && !srv_path(p->log_path, p->dir, "waftd.log", err))) {
        return false;
    }
    if (detach) {
        log = open(p->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log < 0) {
            return srv_fail_errno(err, "cannot write %s", p->log_path);
        }
        p->log_start = lseek(log, 0, SEEK_END);
    }
    program(path);
    build_words(words, path, p, args);
    pid_t parent = getpid();
    p->pid = fork();
    if (p->pid == 0) {
        run_child(words, log, parent);
    }
    if (log >= 0) {
        close(log);
    }
    p->pidfd = p->pid > 0 ? pidfd_open(p->pid, 0) : -1;
    return p->pidfd >= 0 || srv_fail_errno(err, "cannot start %s", path);
}

static bool has_ended(const struct provider *p, int wait_ms)
{
    struct pollfd poll_end = { .fd = p->pidfd, .events = POLLIN };
    return poll(&poll_end, 1, wait_ms) == 1;
}

/* Ready: the process that we started, and no other, answers. */
static bool await_ready(const struct provider *p, char **broker, struct srv_err *err)
{
    int64_t until = clock_s() + START_S;
    while (clock_s() < until) {
        if (has_ended(p, LOOK_MS)) {
            return srv_fail(err, SRV_E_UNAVAILABLE, "waftd has ended before it was ready");
        }
        json_t *status = cli_local_status(p->dir, p->host);
        bool ours = status != NULL && cli_integer(status, "pid") == p->pid;
        if (ours) {
            *broker = strdup(cli_text(status, "broker"));
        }
        json_decref(status);
        if (ours) {
            return true;
        }
    }
    return srv_fail(err, SRV_E_UNAVAILABLE, "waftd does not answer within %d s", START_S);
}

static bool store_profile(const struct provider *p, struct cli_profile *profile,
                          struct srv_err *err)
{
    return cli_local_profile(profile, p->dir, p->host, err) && cli_profile_save(profile, err);
}

static void print_ready(const struct provider *p, const struct cli_profile *profile,
                        const char *broker, const struct cli_args *args)
{
    static const struct cli_column columns[] = {
        { "url", "provider", CLI_TEXT },  { "broker", "broker", CLI_TEXT },
        { "data", "data", CLI_TEXT },     { "ca", "CA", CLI_TEXT },
        { "pid", "process", CLI_NUMBER },
    };
    char pid[16], ca[SRV_PATH_MAX + 16u];
    snprintf(pid, sizeof pid, "%d", (int)p->pid);
    snprintf(ca, sizeof ca, "%s/ca/ca.crt", p->dir);
    struct cli_table t;
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t, (const char *const[]){ profile->url, broker, p->dir, ca, pid });
    cli_table_print_one(&t, args->format);
    cli_table_end(&t);
    if (args->format == CLI_TABLE) {
        const char *data = cli_option(args, "--data");
        puts("\nnext: waft thing create NAME");
        if (cli_option(args, "--detach") == NULL) {
            puts("      Ctrl-C ends it");
        } else {
            printf("      waft down%s%s ends it\n", data != NULL ? " --data " : "",
                   data != NULL ? data : "");
        }
    }
    fflush(stdout);
}

/* ---- in front ---- */

/* Until it has ended; our own end is passed on. Signals are blocked, and taken here. */
static enum cli_exit stay(const struct provider *p, const sigset_t *signals)
{
    const struct timespec look = { .tv_nsec = 200 * 1000000 };
    while (!has_ended(p, 0)) {
        if (sigtimedwait(signals, NULL, &look) > 0) {
            pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
        }
    }
    int status = 0;
    waitpid(p->pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? CLI_OK
               : cli_fail(CLI_FAILED, NULL, "waftd has ended unexpectedly");
}

static void give_up(const struct provider *p)
{
    if (p->pidfd >= 0) {
        pidfd_send_signal(p->pidfd, SIGTERM, NULL, 0);
        if (!has_ended(p, STOP_MS)) {
            pidfd_send_signal(p->pidfd, SIGKILL, NULL, 0);
        }
        waitpid(p->pid, NULL, 0);
    }
}

/* What a detached one has said since its start, which nobody has seen. */
static void show_log(const struct provider *p)
{
    char line[1024];
    FILE *log = p->log_path[0] != '\0' ? fopen(p->log_path, "re") : NULL;
    if (log == NULL) {
        return;
    }
    bool there = fseeko(log, p->log_start, SEEK_SET) == 0;
    for (int lines = 0; there && lines < LOG_LINES_MAX && fgets(line, sizeof line, log); lines++) {
        line[strcspn(line, "\n")] = '\0';
        fputs("  ", stderr);
        cli_print_text(stderr, line);
        fputc('\n', stderr);
    }
    fclose(log);
}

/* "ADDR:PORT" of --listen: where to reach it from here. */
static void read_host(struct provider *p, const struct cli_args *args)
{
    const char *listen = cli_option(args, "--listen");
    strcpy(p->host, "127.0.0.1");
    if (listen == NULL || listen[0] == ':') {
        return;
    }
    const char *bracket = listen[0] == '[' ? strchr(listen, ']') : NULL;
    const char *colon = strrchr(bracket != NULL ? bracket : listen, ':');
    size_t len = colon != NULL ? (size_t)(colon - listen) : strlen(listen);
    if (len > 1 && listen[0] == '[' && listen[len - 1] == ']') {
        listen++;
        len -= 2;
    }
    snprintf(p->host, sizeof p->host, "%.*s", len < sizeof p->host ? (int)len : 0, listen);
    if (strcmp(p->host, "0.0.0.0") == 0 || strcmp(p->host, "::") == 0) {
        strcpy(p->host, p->host[0] == '0' ? "127.0.0.1" : "::1");
    }
}

static enum cli_exit up(const struct cli_args *args)
{
    struct srv_err err = { 0 };
    struct provider p = { .pidfd = -1 };
    struct cli_profile profile = { 0 };
    char *broker = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    read_host(&p, args);
    enum cli_exit code = CLI_OK;
    if (!cli_local_dir(p.dir, args, &err) || !start(&p, args, &err) ||
        !await_ready(&p, &broker, &err) || !store_profile(&p, &profile, &err)) {
        give_up(&p);
        show_log(&p);
        code = cli_fail(CLI_FAILED, p.pid > 0 ? "what waftd says above tells why" : NULL, "%s",
                        err.text);
    } else {
        print_ready(&p, &profile, broker, args);
        code = cli_option(args, "--detach") != NULL ? CLI_OK : stay(&p, &signals);
    }
    free(broker);
    cli_profile_end(&profile);
    if (p.pidfd >= 0) {
        close(p.pidfd);
    }
    return code;
}

/* ---- down ---- */

static enum cli_exit down(const struct cli_args *args)
{
    struct srv_err err = { 0 };
    struct provider p = { .pidfd = -1 };
    if (!cli_local_dir(p.dir, args, &err)) {
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    json_t *status = cli_local_status(p.dir, NULL);
    p.pid = (pid_t)cli_integer(status, "pid");
    json_decref(status);
    p.pidfd = p.pid > 1 ? pidfd_open(p.pid, 0) : -1;
    if (p.pidfd < 0) {
        return cli_fail(CLI_NO_PROVIDER, "--data says which one is meant",
                        "no provider answers for %s", p.dir);
    }
    bool ended = pidfd_send_signal(p.pidfd, SIGTERM, NULL, 0) == 0 && has_ended(&p, STOP_MS);
    close(p.pidfd);
    if (!ended) {
        return cli_fail(CLI_FAILED, NULL, "waftd (process %d) does not end", (int)p.pid);
    }
    printf("waftd (process %d) has ended\n", (int)p.pid);
    return CLI_OK;
}

static const struct cli_option up_options[] = {
    { "--data", "DIR", "where everything is kept (default: your data directory)", CLI_ONCE },
    { "--detach", NULL, "leave it running; `waft down` ends it", CLI_ONCE },
    { "--listen", "ADDR:PORT", "of the HTTPS API (default: 127.0.0.1 and a free port that is kept)",
      CLI_ONCE },
    { "--mqtt-listen", "ADDR:PORT",
      "of the broker (default: the same); for devices elsewhere 0.0.0.0:8883 or [::]:8883",
      CLI_ONCE },
    { "--name", "HOST",
      "name or address that devices know this machine by; the first is told to them",
      CLI_REPEATED },
    { "--download-url", "URL",
      "where things reach /d/ of the HTTPS API, for downloads over HTTP (default: its own address)",
      CLI_ONCE },
    { "--url-expires", "SECONDS", "how long a download URL is good, 1 to 86400 (default: 3600)",
      CLI_ONCE },
    { "--app-topic", "FILTER", "topics that things may use besides, like app/%u/#", CLI_REPEATED },
    { "--topic-root", "ROOT", "if $aws cannot be used", CLI_ONCE },
    { "--broker", "HOST:PORT", "use this broker and start none", CLI_ONCE },
    { "--broker-ca", "FILE", "its authority, for TLS", CLI_ONCE },
    { 0 },
};

static const struct cli_option down_options[] = {
    { "--data", "DIR", "which provider (default: that of your data directory)", CLI_ONCE },
    { 0 },
};

const struct cli_command cli_up = {
    .noun = "up",
    .summary = "start a provider on this machine, and store how to reach it",
    .example = "waft up --detach --mqtt-listen 0.0.0.0:8883 --name ota.example.com",
    .options = up_options,
    .run = up,
};

const struct cli_command cli_down = {
    .noun = "down",
    .summary = "end a provider that `waft up --detach` has started",
    .options = down_options,
    .run = down,
};
