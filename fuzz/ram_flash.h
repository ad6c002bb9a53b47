/*
 * A flash whose content came from outside: programming what is not erased is a
 * failure of the code above, whatever it has read.
 */
#ifndef RAM_FLASH_H
#define RAM_FLASH_H

#include "ota/flash.h"

enum { RAM_FLASH_SIZE = 16384 };

struct ram_flash {
    struct ota_flash base;
    uint8_t bytes[RAM_FLASH_SIZE];
};

/** All erased. */
void ram_flash_init(struct ram_flash *f, uint32_t sector_size, uint32_t write_size, uint8_t erased);

#endif
