/*
 * A file as NOR flash: programming only takes bits from what an erase leaves, erasing is by the
 * sector. One process at a time may have it open: the file is locked, so that two devices cannot
 * share one flash.
 */
#ifndef POSIX_FLASH_H
#define POSIX_FLASH_H

#include "ota/flash.h"

/* Where in an operation the process dies. */
enum posix_flash_kill { POSIX_FLASH_KILL_BEFORE, POSIX_FLASH_KILL_INSIDE };

struct posix_flash {
    struct ota_flash base;
    int fd;
    uint32_t ops; /* writes and erases since it was opened */
    /* For tests: at the kill_at-th operation (from 1; 0: never) the process kills itself, before it or half-way in it. */
    uint32_t kill_at;
    enum posix_flash_kill kill;
};

enum posix_flash_result {
    POSIX_FLASH_OK,
    POSIX_FLASH_MISSING, /* no such file */
    POSIX_FLASH_EXISTS, /* create: there is one already, and a device's memory is not overwritten */
    POSIX_FLASH_WRONG_SIZE, /* shorter or longer than the part */
    POSIX_FLASH_BUSY,       /* another process has it */
    POSIX_FLASH_IO,         /* the file system refused; errno says why */
};

/** A sentence for the one who started the device. */
const char *posix_flash_result_text(enum posix_flash_result result);

/** Open an existing file as the part that `geometry` describes (its ops are not looked at). Kill settings are off. */
enum posix_flash_result posix_flash_open(struct posix_flash *f, const char *path,
                                         const struct ota_flash *geometry);

/** Make a new file, erased, and open it. On error there is no file left. */
enum posix_flash_result posix_flash_create(struct posix_flash *f, const char *path,
                                           const struct ota_flash *geometry);

/** Let go of the file. */
void posix_flash_close(struct posix_flash *f);

#endif
