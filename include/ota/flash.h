/*
 * Flash: the port to NOR flash, data plus three verbs. Sectors may be of different sizes.
 *
 * Code calls ota_flash_read(), _write(), _erase(): they check range and
 * alignment once for all ports. A port's verbs do the raw deed, to the end, and
 * may assume both. Each verb is all or nothing to its caller; what a power cut
 * leaves behind is another matter, and the store is built for it.
 */
#ifndef OTA_FLASH_H
#define OTA_FLASH_H

#include "ota/err.h"
#include "ota/span.h"

/* The widest write unit that the store's trailers are laid out for (MCUboot's BOOT_MAX_ALIGN). */
#define OTA_FLASH_WRITE_SIZE_MAX 32u

struct ota_flash;

struct ota_flash_ops {
    ota_err_t (*read)(struct ota_flash *f, uint32_t offset, struct ota_buf into);
    /* `offset` and `from.len` are multiples of write_size. Clears bits only. */
    ota_err_t (*write)(struct ota_flash *f, uint32_t offset, struct ota_span from);
    /* The one sector that begins at `offset`; ota_flash_sector() says how long it is. */
    ota_err_t (*erase)(struct ota_flash *f, uint32_t offset);
};

/** Sectors of one size, one behind the other. */
struct ota_flash_run {
    uint32_t sector_size, count; /* bytes; sectors; neither is 0 */
};

/* STM32F7 has three runs in a bank and two banks; two to spare. */
#define OTA_FLASH_RUNS_MAX 8u

struct ota_flash {
    const struct ota_flash_ops *ops;  /* in ROM */
    const struct ota_flash_run *runs; /* all sectors from offset 0; in ROM */
    uint32_t size;                    /* bytes: whole sectors */
    uint32_t sector_size;             /* bytes; of the largest one, if there are runs */
    uint32_t write_size;              /* bytes: 1, 2, 4, 8, 16 or 32 */
    uint8_t run_count;                /* 0 ..= OTA_FLASH_RUNS_MAX; 0: each sector has sector_size */
    uint8_t erased;                   /* what an erased byte reads: 0xFF (or 0x00) */
};

/** A part of the flash: whole sectors. */
struct ota_region {
    uint32_t offset, size; /* bytes */
};

/**
 * The sector that contains `offset`. Its size is 0 if there is none. The only place that knows
 * where sectors begin and end: whatever erases or rounds asks here.
 */
struct ota_region ota_flash_sector(const struct ota_flash *f, uint32_t offset);

/**
 * @return OTA_OK; OTA_E_RANGE outside the flash or, for write and erase, not aligned
 *         (offsets are computed from input, so this is not asserted); OTA_E_FLASH if the part refused.
 */
OTA_MUST_CHECK ota_err_t ota_flash_load(struct ota_flash *f, uint32_t offset, uint8_t *into,
                                        size_t len);
OTA_MUST_CHECK ota_err_t ota_flash_write(struct ota_flash *f, uint32_t offset,
                                         struct ota_span from);
OTA_MUST_CHECK ota_err_t ota_flash_erase(struct ota_flash *f, uint32_t offset);

/** ota_flash_load() into a buf: in place, since four arguments in registers cost callers less than a struct. */
OTA_MUST_CHECK static inline ota_err_t ota_flash_read(struct ota_flash *f, uint32_t offset,
                                                      struct ota_buf into)
{
    return ota_flash_load(f, offset, into.ptr, into.cap);
}

#endif
