#include "posix_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ACTIVE   "active"
#define STAGED   "staged"
#define PREVIOUS "previous"
#define GONE     "gone"

static struct posix_files *files_of(struct ota_file_handler *h)
{
    return (struct posix_files *)h; /* its first member */
}

static ota_err_t as_err(bool ok)
{
    return ok ? OTA_OK : OTA_E_FLASH;
}

/* --- directories ---------------------------------------------------------------- */

static bool exists(const struct posix_files *f, const char *name)
{
    return faccessat(f->dir, name, F_OK, 0) == 0;
}

static bool make(const struct posix_files *f, const char *name)
{
    return (mkdirat(f->dir, name, 0700) == 0 || errno == EEXIST) && fsync(f->dir) == 0;
}

static bool move(const struct posix_files *f, const char *from, const char *to)
{
    return renameat(f->dir, from, f->dir, to) == 0 && fsync(f->dir) == 0;
}

/* All files in it, then itself; true if it is not there. */
static bool delete_set(const struct posix_files *f, const char *name)
{
    const int fd = openat(f->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *const d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        if (fd >= 0) {
            close(fd);
        }
        return errno == ENOENT;
    }
    bool ok = true;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;) {
        const bool dots = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        ok = (dots || unlinkat(fd, entry->d_name, 0) == 0) && ok;
    }
    closedir(d);
    return ok && unlinkat(f->dir, name, AT_REMOVEDIR) == 0 && fsync(f->dir) == 0;
}

/* First out of the way by one rename, so that nothing half deleted is ever taken for a set. */
static bool discard_set(const struct posix_files *f, const char *name)
{
    return delete_set(f, GONE) && (!exists(f, name) || move(f, name, GONE)) && delete_set(f, GONE);
}

/* --- a file ------------------------------------------------------------------------ */

enum form { PART, WHOLE };
#define NAME_ROOM 32u

static void path_of(const struct ota_file *file, enum form form, char path[NAME_ROOM])
{
    (void)snprintf(path, NAME_ROOM, STAGED "/%u%s", file->nth, form == PART ? ".part" : "");
}

static int open_part(const struct posix_files *f, const struct ota_file *file, int flags)
{
    char path[NAME_ROOM];
    path_of(file, PART, path);
    return openat(f->dir, path, flags | O_CLOEXEC, 0600);
}

/* Bytes that the file takes up already. */
static uint64_t taken_by(const struct posix_files *f, const struct ota_file *file)
{
    uint64_t sum = 0;
    for (enum form form = PART; form <= WHOLE; form++) {
        char path[NAME_ROOM];
        struct stat found;
        path_of(file, form, path);
        sum += fstatat(f->dir, path, &found, 0) == 0 ? (uint64_t)found.st_blocks * 512u : 0;
    }
    return sum;
}

/* Asked again in the middle of the download it must not say no for what has come: that would end the job. */
static ota_err_t files_check(struct ota_file_handler *h, const struct ota_file *file)
{
    const struct posix_files *const f = files_of(h);
    struct statvfs space;
    if (fstatvfs(f->dir, &space) != 0) {
        return OTA_E_FLASH;
    }
    const uint64_t room = (uint64_t)space.f_bavail * space.f_frsize + taken_by(f, file);
    const bool fits = room >= file->size;
    return fits ? OTA_OK : OTA_E_JOB_FILE_SIZE;
}

static uint32_t files_resume(struct ota_file_handler *h, const struct ota_file *file, uint32_t mark)
{
    struct stat found;
    const int fd = open_part(files_of(h), file, O_RDONLY);
    if (fd < 0) {
        return 0;
    }
    const bool enough = fstat(fd, &found) == 0 && found.st_size >= (off_t)mark;
    close(fd);
    return enough ? mark : 0;
}

static ota_err_t files_begin(struct ota_file_handler *h, const struct ota_file *file, uint32_t from)
{
    struct posix_files *const f = files_of(h);
    char whole[NAME_ROOM];
    path_of(file, WHOLE, whole);
    if (exists(f, PREVIOUS)) {
        return OTA_E_STATE; /* it is the way back */
    }
    if (!make(f, STAGED) || (unlinkat(f->dir, whole, 0) != 0 && errno != ENOENT)) {
        return OTA_E_FLASH;
    }
    const int fd = open_part(f, file, O_RDWR | O_CREAT);
    const bool ok = fd >= 0 && ftruncate(fd, (off_t)from) == 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return as_err(ok);
}

static ota_err_t files_write(struct ota_file_handler *h, const struct ota_file *file,
                             uint32_t offset, struct ota_span bytes)
{
    const int fd = open_part(files_of(h), file, O_WRONLY);
    if (fd < 0) {
        return OTA_E_FLASH;
    }
    bool ok = true;
    while (ok && bytes.len > 0) {
        const ssize_t n = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        ok = n > 0;
        if (ok) {
            bytes.ptr += n;
            bytes.len -= (size_t)n;
            offset += (uint32_t)n;
        }
    }
    ok = ok && fdatasync(fd) == 0;
    close(fd);
    return as_err(ok);
}

static ota_err_t files_read(struct ota_file_handler *h, const struct ota_file *file,
                            uint32_t offset, struct ota_buf into)
{
    const int fd = open_part(files_of(h), file, O_RDONLY);
    if (fd < 0) {
        return OTA_E_FLASH;
    }
    const ssize_t n = pread(fd, into.ptr, into.cap, (off_t)offset);
    close(fd);
    return as_err(n == (ssize_t)into.cap);
}

static ota_err_t files_verified(struct ota_file_handler *h, const struct ota_file *file)
{
    struct posix_files *const f = files_of(h);
    char part[NAME_ROOM], whole[NAME_ROOM];
    path_of(file, PART, part);
    path_of(file, WHOLE, whole);
    const int fd = openat(f->dir, STAGED, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool renamed = fd >= 0 && (renameat(f->dir, part, f->dir, whole) == 0 ||
                                     (errno == ENOENT && exists(f, whole)));
    const bool ok = renamed && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }
    return as_err(ok);
}

/* --- the job ------------------------------------------------------------------------- */

static ota_err_t files_apply(struct ota_file_handler *h)
{
    const struct posix_files *const f = files_of(h);
    if (!exists(f, STAGED)) {
        return OTA_OK; /* none of this type, or done already */
    }
    /* Without `active` a cut came between the two renames. */
    const bool ready = !exists(f, ACTIVE) || move(f, ACTIVE, PREVIOUS);
    return as_err(ready && move(f, STAGED, ACTIVE));
}

static ota_err_t files_keep(struct ota_file_handler *h)
{
    const struct posix_files *const f = files_of(h);
    const ota_err_t err =
        exists(f, ACTIVE) ? OTA_OK : files_apply(h); /* a cut came in its middle */
    return err != OTA_OK ? err : as_err(discard_set(f, PREVIOUS) && discard_set(f, STAGED));
}

static ota_err_t files_discard(struct ota_file_handler *h)
{
    const struct posix_files *const f = files_of(h);
    bool ok = true;
    if (exists(f, PREVIOUS)) {
        /* Without `active` a cut came between two renames, there or here. */
        ok = delete_set(f, GONE) && (!exists(f, ACTIVE) || move(f, ACTIVE, GONE)) &&
             move(f, PREVIOUS, ACTIVE);
    }
    return as_err(ok && discard_set(f, STAGED));
}

static const struct ota_file_handler_ops files_ops = {
    .check = files_check,
    .resume = files_resume,
    .begin = files_begin,
    .write = files_write,
    .read = files_read,
    .verified = files_verified,
    .apply = files_apply,
    .keep = files_keep,
    .discard = files_discard,
};

/* --- open and close ------------------------------------------------------------------- */

bool posix_files_open(struct posix_files *f, uint8_t type, const char *dir)
{
    f->base = (struct ota_file_handler){ &files_ops, type };
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return false;
    }
    f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir < 0) {
        return false;
    }
    /* Without one there would be nothing to go back to. */
    if (!exists(f, ACTIVE) && !exists(f, PREVIOUS) && !make(f, ACTIVE)) {
        close(f->dir);
        return false;
    }
    return true;
}

void posix_files_close(struct posix_files *f)
{
    close(f->dir);
}
