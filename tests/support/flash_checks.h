/*
 * What every flash port must do, as checks that run anywhere: under cmocka on the host and in an
 * image on a board. No C library but <string.h>, no heap.
 */
#ifndef FLASH_CHECKS_H
#define FLASH_CHECKS_H

#include "ota/flash.h"

/* Checks write to the first sectors and to the last one. */
#define FLASH_CHECKS_SECTORS 4u

/* A flash under test: at least so many sectors, of at least 128 bytes each. */
struct flash_bench {
    struct ota_flash *flash;
    struct ota_flash *(*again)(void); /* close it and open it: what it holds stays */
};

struct flash_check {
    const char *fact;
    /** On an erased flash. @return NULL, or what the port has done wrong. */
    const char *(*run)(const struct flash_bench *b);
};

#define FLASH_CHECKS 7u
extern const struct flash_check flash_checks[FLASH_CHECKS];

#endif
