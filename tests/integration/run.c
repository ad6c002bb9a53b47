#define _GNU_SOURCE
#include "run.h"
#include "t.h"
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void t_run_home(const char *dir)
{
    char path[200];
    setenv("HOME", dir, 1);
    snprintf(path, sizeof path, "%s/config", dir);
    setenv("XDG_CONFIG_HOME", path, 1);
    snprintf(path, sizeof path, "%s/data", dir);
    setenv("XDG_DATA_HOME", path, 1);
    unsetenv("WAFT_URL");
    unsetenv("WAFT_TOKEN");
    unsetenv("WAFT_CA");
    setenv("TZ", "UTC", 1);
}

/* Anonymous files take the output, so that no pipe can fill up or stay open in a daemon. */
static char *take_back(int fd)
{
    char *text = calloc(1, T_RUN_TEXT_MAX);
    assert_non_null(text);
    assert_true(pread(fd, text, T_RUN_TEXT_MAX - 1, 0) >= 0);
    close(fd);
    return text;
}

const char *t_run_bin_dir(void)
{
    return WAFT_BIN_DIR;
}

struct t_started t_start(const char *const *argv)
{
    int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    char path[400];
    snprintf(path, sizeof path, "%s%s%s", strchr(argv[0], '/') == NULL ? WAFT_BIN_DIR : "",
             strchr(argv[0], '/') == NULL ? "/" : "", argv[0]);
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_RDONLY);
        if (nothing < 0 || dup2(nothing, 0) != 0 || dup2(out, 1) != 1 || dup2(err, 2) != 2) {
            _exit(126);
        }
        execv(path, (char *const *)(uintptr_t)argv);
        _exit(126);
    }
    return (struct t_started){ pid, out, err };
}

struct t_run t_finish(struct t_started started)
{
    int status = 0;
    assert_int_equal(waitpid(started.pid, &status, 0), started.pid);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return (struct t_run){ code, take_back(started.out), take_back(started.err) };
}

struct t_run t_run(const char *const *argv)
{
    return t_finish(t_start(argv));
}

void t_run_end(struct t_run *run)
{
    free(run->out);
    free(run->err);
    run->out = run->err = NULL;
}

int t_code(struct t_run run)
{
    int code = run.code;
    t_run_end(&run);
    return code;
}

char *t_slurp(const char *path, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return NULL;
    }
    char *text = calloc(1, (size_t)st.st_size + 1u);
    ssize_t got = read(fd, text, (size_t)st.st_size);
    close(fd);
    assert_int_equal(got, st.st_size);
    if (len != NULL) {
        *len = (size_t)st.st_size;
    }
    return text;
}

/* nftw() has no context. */
static struct {
    const void *needle;
    size_t len;
    bool found;
} search;

static int search_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)ftw;
    size_t len = 0;
    char *text = flag == FTW_F ? t_slurp(path, &len) : NULL;
    if (text != NULL && memmem(text, len, search.needle, search.len) != NULL) {
        search.found = true;
    }
    free(text);
    return 0;
}

bool t_found_below(const char *dir, const void *needle, size_t len)
{
    search.needle = needle;
    search.len = len;
    search.found = false;
    assert_int_equal(nftw(dir, search_one, 16, FTW_PHYS), 0);
    return search.found;
}
