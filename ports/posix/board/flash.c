#define _GNU_SOURCE /* memfd_create() */
#include "flash.h"
#include "posix_board.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* A killed process lets go of the file within milliseconds; two seconds are for a loaded machine. */
#define BUSY_TRIES   40
#define BUSY_WAIT_MS 50

static void wait_us(uint64_t us)
{
    const struct timespec wait = { (time_t)(us / 1000000u), (long)(us % 1000000u) * 1000L };
    nanosleep(&wait, NULL);
}

static struct board_flash *of(struct ota_flash *base)
{
    return (struct board_flash *)(void *)base; /* `base` is the first member */
}

/* Count one write or erase; if power is to be cut here, the part below dies in it. */
static void count(struct board_flash *f)
{
    struct board_faults *faults = f->faults;
    if (faults == NULL) {
        return;
    }
    faults->ops++;
    if (faults->ops == faults->cut_at) {
        f->part.kill_at = f->part.ops + 1;
        f->part.kill = faults->inside != 0 ? POSIX_FLASH_KILL_INSIDE : POSIX_FLASH_KILL_BEFORE;
    }
}

static ota_err_t board_read(struct ota_flash *base, uint32_t offset, struct ota_buf into)
{
    return ota_flash_read(&of(base)->part.base, offset, into);
}

static ota_err_t board_write(struct ota_flash *base, uint32_t offset, struct ota_span from)
{
    struct board_flash *f = of(base);
    count(f);
    if (f->faults != NULL && f->faults->us_per_kb > 0) {
        wait_us((uint64_t)f->faults->us_per_kb * from.len / 1024u);
    }
    return ota_flash_write(&f->part.base, offset, from);
}

static ota_err_t board_erase(struct ota_flash *base, uint32_t offset)
{
    struct board_flash *f = of(base);
    count(f);
    return ota_flash_erase(&f->part.base, offset);
}

static const struct ota_flash_ops board_ops = { board_read, board_write, board_erase };

static struct board_faults *map(int fd)
{
    void *shared =
        mmap(NULL, sizeof(struct board_faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return shared == MAP_FAILED ? NULL : shared;
}

struct board_faults *board_faults_make(const struct board_faults *faults, int *fd)
{
    *fd = memfd_create("faults", 0);
    if (*fd < 0 || write(*fd, faults, sizeof *faults) != (ssize_t)sizeof *faults) {
        return NULL;
    }
    return map(*fd);
}

static bool map_faults(struct board_flash *f, int fd)
{
    if (fd < 0) {
        return true;
    }
    f->faults = map(fd);
    if (f->faults == NULL) {
        perror("board: shared memory");
    }
    return f->faults != NULL;
}

bool board_flash_open(struct board_flash *f, const struct board_args *args)
{
    enum posix_flash_result result = POSIX_FLASH_BUSY;
    *f = (struct board_flash){ .base = posix_board_flash };
    f->base.ops = &board_ops;
    for (int i = 0; i < BUSY_TRIES && result == POSIX_FLASH_BUSY; i++) {
        if (i > 0) {
            wait_us(BUSY_WAIT_MS * 1000u);
        }
        result = posix_flash_open(&f->part, args->flash, &posix_board_flash);
    }
    if (result != POSIX_FLASH_OK) {
        fprintf(stderr, "board: %s: %s\n", args->flash, posix_flash_result_text(result));
        return false;
    }
    return map_faults(f, args->faults_fd);
}
