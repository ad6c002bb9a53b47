#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* flock() */
#include "posix_flash.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Written or read at once; a multiple of every write unit. */
#define PIECE 4096u

/* --- all of it or an error ------------------------------------------------------- */

static bool read_all(int fd, uint8_t *to, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t n = pread(fd, to, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        to += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_all(int fd, const uint8_t *from, size_t len, off_t at)
{
    while (len > 0) {
        const ssize_t n = pwrite(fd, from, len, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        from += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* --- dying on purpose ---------------------------------------------------------- */

static _Noreturn void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;) {
        pause();
    }
}

/* How many of `len` bytes to do: all, unless this is the operation to die in. */
static size_t begin(struct posix_flash *f, size_t len, bool *dying)
{
    f->ops++;
    *dying = f->kill_at != 0 && f->ops == f->kill_at;
    if (*dying && f->kill == POSIX_FLASH_KILL_BEFORE) {
        die();
    }
    return *dying ? len / 2u : len;
}

/* --- the three verbs ------------------------------------------------------------- */

static ota_err_t flash_read(struct ota_flash *base, uint32_t offset, struct ota_buf into)
{
    const struct posix_flash *f = (const struct posix_flash *)base;
    return read_all(f->fd, into.ptr, into.cap, (off_t)offset) ? OTA_OK : OTA_E_FLASH;
}

/* Programming takes bits away from the erased state and never gives one back. */
static bool program(struct posix_flash *f, uint32_t offset, struct ota_span from)
{
    uint8_t piece[PIECE];
    for (size_t at = 0; at < from.len; at += PIECE) {
        const size_t len = from.len - at < PIECE ? from.len - at : PIECE;
        if (!read_all(f->fd, piece, len, (off_t)(offset + at))) {
            return false;
        }
        for (size_t i = 0; i < len; i++) {
            const uint8_t new = from.ptr[at + i];
            piece[i] = f->base.erased == 0 ? (uint8_t)(piece[i] | new) : (uint8_t)(piece[i] & new);
        }
        if (!write_all(f->fd, piece, len, (off_t)(offset + at))) {
            return false;
        }
    }
    return true;
}

static ota_err_t flash_write(struct ota_flash *base, uint32_t offset, struct ota_span from)
{
    struct posix_flash *f = (struct posix_flash *)base;
    bool dying;
    const size_t len = begin(f, from.len, &dying);
    const bool done = program(f, offset, (struct ota_span){ from.ptr, len });
    if (dying) {
        die();
    }
    return done ? OTA_OK : OTA_E_FLASH;
}

static bool fill_erased(const struct posix_flash *f, uint32_t offset, size_t size)
{
    uint8_t piece[PIECE];
    memset(piece, f->base.erased, sizeof piece);
    for (size_t at = 0; at < size; at += PIECE) {
        const size_t len = size - at < PIECE ? size - at : PIECE;
        if (!write_all(f->fd, piece, len, (off_t)(offset + at))) {
            return false;
        }
    }
    return true;
}

static ota_err_t flash_erase(struct ota_flash *base, uint32_t offset)
{
    struct posix_flash *f = (struct posix_flash *)base;
    bool dying;
    const size_t size = begin(f, ota_flash_sector(base, offset).size, &dying);
    const bool done = fill_erased(f, offset, size);
    if (dying) {
        die();
    }
    return done ? OTA_OK : OTA_E_FLASH;
}

/* --- opening ---------------------------------------------------------------------- */

static const struct ota_flash_ops ops = { flash_read, flash_write, flash_erase };

const char *posix_flash_result_text(enum posix_flash_result result)
{
    switch (result) {
    case POSIX_FLASH_OK: return "flash file is open";
    case POSIX_FLASH_MISSING: return "flash file does not exist";
    case POSIX_FLASH_EXISTS: return "flash file exists already";
    case POSIX_FLASH_WRONG_SIZE: return "flash file has not the size of this board's flash";
    case POSIX_FLASH_BUSY: return "flash file is in use by another process";
    case POSIX_FLASH_IO: return "flash file cannot be used";
    }
    return "unknown result";
}

static enum posix_flash_result result_of_errno(void)
{
    switch (errno) {
    case ENOENT: return POSIX_FLASH_MISSING;
    case EEXIST: return POSIX_FLASH_EXISTS;
    case EWOULDBLOCK: return POSIX_FLASH_BUSY;
    default: return POSIX_FLASH_IO;
    }
}

static enum posix_flash_result open_locked(struct posix_flash *f, const char *path, int flags,
                                           const struct ota_flash *geometry)
{
    *f = (struct posix_flash){ .base = *geometry, .fd = -1 };
    f->base.ops = &ops;
    f->fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
    if (f->fd < 0) {
        return result_of_errno();
    }
    if (flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
        const enum posix_flash_result result = result_of_errno();
        posix_flash_close(f);
        return result;
    }
    return POSIX_FLASH_OK;
}

enum posix_flash_result posix_flash_open(struct posix_flash *f, const char *path,
                                         const struct ota_flash *geometry)
{
    enum posix_flash_result result = open_locked(f, path, 0, geometry);
    if (result != POSIX_FLASH_OK) {
        return result;
    }
    struct stat st;
    if (fstat(f->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        result = POSIX_FLASH_IO;
    } else if (st.st_size != (off_t)geometry->size) {
        result = POSIX_FLASH_WRONG_SIZE;
    }
    if (result != POSIX_FLASH_OK) {
        posix_flash_close(f);
    }
    return result;
}

enum posix_flash_result posix_flash_create(struct posix_flash *f, const char *path,
                                           const struct ota_flash *geometry)
{
    const enum posix_flash_result result = open_locked(f, path, O_CREAT | O_EXCL, geometry);
    if (result != POSIX_FLASH_OK) {
        return result;
    }
    if (!fill_erased(f, 0, geometry->size)) {
        unlink(path);
        posix_flash_close(f);
        return POSIX_FLASH_IO;
    }
    return POSIX_FLASH_OK;
}

void posix_flash_close(struct posix_flash *f)
{
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = -1;
}
