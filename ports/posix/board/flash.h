/*
 * The board's flash: posix_flash with what a test bench can do to real parts, the same over all
 * processes of one board, since bootloader and image are processes of their own: make it slow,
 * and cut the power at the n-th operation.
 */
#ifndef BOARD_FLASH_H
#define BOARD_FLASH_H

#include "board.h"
#include "posix_flash.h"

/* Shared by the processes of a board, one of which runs at a time. */
struct board_faults {
    uint32_t ops;       /* writes and erases since power-on */
    uint32_t cut_at;    /* the operation at which power is cut, from 1; 0: never */
    uint32_t inside;    /* 1: half-way in it; 0: before it */
    uint32_t us_per_kb; /* programming takes longer by this */
};

struct board_flash {
    struct ota_flash base; /* hand this out */
    struct posix_flash part;
    struct board_faults *faults; /* NULL: an ideal board */
};

/**
 * Make the shared memory of a board, with `faults` in it, for the life of this process.
 *
 * @param fd  out: its descriptor, which children inherit.
 * @return NULL with errno set.
 */
struct board_faults *board_faults_make(const struct board_faults *faults, int *fd);

/**
 * Open the flash file and the shared memory that `args` names. A flash that is in use is waited
 * for a little: the one before may still be dying.
 *
 * @return false after a message to stderr.
 */
bool board_flash_open(struct board_flash *f, const struct board_args *args);

#endif
