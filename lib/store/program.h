/*
 * Program: small writes that are read back, what "blank" means. Private to lib/store.
 */
#ifndef OTA_STORE_PROGRAM_H
#define OTA_STORE_PROGRAM_H

#include "ota/endian.h"
#include "ota/flash.h"

/* What is written at once: at most this, so that reading it back needs little stack. */
#define OTA_PROGRAM_MAX 32u
/* What is looked through at once; every sector is a multiple of it. */
#define OTA_PIECE 64u

/** `size` rounded up to whole units of `unit` bytes. */
static inline uint32_t ota_round_up(uint32_t size, uint32_t unit)
{
    const uint32_t over = size % unit;
    return over == 0 ? size : size + (unit - over);
}

/** Whether all `len` of `bytes` are as an erase leaves them. */
bool ota_erased(const uint8_t *bytes, size_t len, uint8_t erased);

/**
 * Program at most OTA_PROGRAM_MAX bytes and read them back.
 *
 * @return OTA_OK: they are in flash; OTA_E_FLASH_READ_BACK: something else is; OTA_E_FLASH, OTA_E_RANGE.
 */
OTA_MUST_CHECK ota_err_t ota_program(struct ota_flash *f, uint32_t offset, struct ota_span bytes);

/** Erase all sectors of a region, the first one first. */
OTA_MUST_CHECK ota_err_t ota_erase_region(struct ota_flash *f, struct ota_region region);

/**
 * The end of what is not blank in a region that is a multiple of OTA_PIECE.
 *
 * @param end  out: an offset in flash; region.offset: all of it is blank.
 */
OTA_MUST_CHECK ota_err_t ota_used_end(struct ota_flash *f, struct ota_region region, uint32_t *end);

#endif
