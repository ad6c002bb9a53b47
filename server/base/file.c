#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool srv_path(char out[SRV_PATH_MAX], const char *dir, const char *name, struct srv_err *err)
{
    int len = snprintf(out, SRV_PATH_MAX, "%s/%s", dir, name);
    if (len < 0 || (size_t)len >= SRV_PATH_MAX) {
        return srv_fail(err, SRV_E_INVALID, "the path %.40s.../%s is too long", dir, name);
    }
    return true;
}

bool srv_dir_make(const char *path, mode_t mode, struct srv_err *err)
{
    char part[SRV_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return srv_fail(err, SRV_E_INVALID, "the path %.60s is empty or too long", path);
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST) {
            return srv_fail_errno(err, "cannot make the directory %s", part);
        }
    }
    return true;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* The rename itself is durable only once the directory is. */
static bool sync_parent(const char *path)
{
    char copy[SRV_PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool srv_file_write(const char *path, const void *bytes, size_t len, mode_t mode,
                    struct srv_err *err)
{
    char temporary[SRV_PATH_MAX + 8u];
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        return srv_fail(err, SRV_E_INVALID, "%.100s is no regular file: it is not replaced", path);
    }
    int n = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= SRV_PATH_MAX) {
        return srv_fail(err, SRV_E_INVALID, "the path %.60s... is too long", path);
    }
    int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 until it is complete */
    if (fd < 0) {
        return srv_fail_errno(err, "cannot write %s", path);
    }
    bool ok = write_all(fd, bytes, len) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    int saved = errno;
    close(fd);
    if (ok && rename(temporary, path) == 0 && sync_parent(path)) {
        return true;
    }
    errno = ok ? errno : saved;
    bool failed = srv_fail_errno(err, "cannot write %s", path);
    unlink(temporary);
    return failed;
}

/* Read to the end, or one byte past `max`, so that too much is seen. */
static char *read_all(int fd, size_t max, size_t *len)
{
    size_t cap = 0, count = 0;
    char *bytes = NULL;
    for (;;) {
        if (count == cap) {
            size_t larger = cap == 0 ? 4096 : cap * 2;
            cap = larger <= max ? larger : max + 1u;
            char *grown = realloc(bytes, cap + 1u);
            if (grown == NULL) {
                break;
            }
            bytes = grown;
        }
        ssize_t n = read(fd, bytes + count, cap - count);
        if (n < 0 && errno != EINTR) {
            break;
        }
        count += n > 0 ? (size_t)n : 0;
        if (n == 0 || count > max) {
            bytes[count] = '\0';
            *len = count;
            return bytes;
        }
    }
    free(bytes);
    return NULL;
}

bool srv_file_read(const char *path, size_t max, char **text, size_t *len, struct srv_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return srv_fail(err, SRV_E_NOT_FOUND, "there is no file %s", path);
    }
    if (fd < 0) {
        return srv_fail_errno(err, "cannot read %s", path);
    }
    size_t count = 0;
    char *bytes = read_all(fd, max, &count);
    if (bytes == NULL) {
        srv_fail_errno(err, "cannot read %s", path);
    }
    close(fd);
    if (bytes == NULL) {
        return false;
    }
    if (count > max) {
        free(bytes);
        return srv_fail(err, SRV_E_LIMIT, "%s is larger than %zu bytes", path, max);
    }
    *text = bytes;
    if (len != NULL) {
        *len = count;
    }
    return true;
}

/* The usual soft limit is 1,024. */
void srv_file_allow_many(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}
