#include "log_file.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* dup2() swaps the file under other threads' feet: each line goes into the old one or the new one. */
static bool say_all_to(const char *path)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    const bool ok =
        dup2(fd, STDOUT_FILENO) == STDOUT_FILENO && dup2(fd, STDERR_FILENO) == STDERR_FILENO;
    close(fd);
    return ok;
}

static bool is_at(const char *path, struct stat *st)
{
    struct stat ours;
    return stat(path, st) == 0 && fstat(STDERR_FILENO, &ours) == 0 && st->st_ino == ours.st_ino &&
           st->st_dev == ours.st_dev;
}

bool srv_log_file_open(struct srv_log_file *log, const char *path, struct srv_err *err)
{
    if (strlen(path) >= sizeof log->path) {
        return srv_fail(err, SRV_E_INVALID, "the path of the log is too long");
    }
    if (!say_all_to(path)) {
        return srv_fail_errno(err, "cannot write %.100s", path);
    }
    strcpy(log->path, path);
    srv_log_file_look(log);
    return true;
}

void srv_log_file_look(const struct srv_log_file *log)
{
    struct stat st;
    if (log->path[0] == '\0') {
        return;
    }
    if (is_at(log->path, &st)) {
        char older[SRV_PATH_MAX + sizeof ".1"];
        snprintf(older, sizeof older, "%s.1", log->path);
        if (st.st_size <= (off_t)SRV_LOG_FILE_MAX || rename(log->path, older) != 0) {
            return;
        }
    }
    (void)say_all_to(log->path); /* looked at again in a while */
}
