/*
 * File banks: a handler for one data file in flash: two banks that take turns, as slots do for images.
 *
 *     static struct ota_file_banks assets;
 *     err = ota_file_banks_init(&assets, 7, flash, regions);   fileType 7
 *     ...
 *     err = ota_file_banks_active(&assets, &where);            what the application uses
 *
 * A bank: the file from its first byte; its last sector for marks, each one write: the size once it is verified,
 * a sequence once it is applied (the higher one is in use), and that it is kept.
 *
 *     size 8 | kept 8 | sequence 8, four times: one torn by a power cut is passed over
 *
 * (each of max(8, write_size) bytes; a number, its complement, then erased bytes).
 */
#ifndef OTA_FILE_BANKS_H
#define OTA_FILE_BANKS_H

#include "ota/files.h"
#include "ota/flash.h"

struct ota_file_banks {
    struct ota_file_handler base;
    struct ota_flash *flash;
    struct ota_region bank[2];
    /* private: the bank that is being made blank */
    uint32_t from, at; /* of begin(): from here on; until here. at == 0: none is */
};

/**
 * @param bank  two regions of whole sectors that are nobody else's; what fits in either is taken.
 * @return OTA_OK; OTA_E_RANGE: not whole sectors of the flash, less than two, or too small a sector for the marks.
 */
OTA_MUST_CHECK ota_err_t ota_file_banks_init(struct ota_file_banks *b, uint8_t type,
                                             struct ota_flash *flash,
                                             const struct ota_region bank[2]);

/** Where the file is that is in use, exactly its bytes. OTA_E_NOT_FOUND: there was none yet; OTA_E_FLASH. */
OTA_MUST_CHECK ota_err_t ota_file_banks_active(struct ota_file_banks *b, struct ota_region *where);

#endif
