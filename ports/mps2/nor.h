/*
 * NOR: the board's PSRAM with the manners of NOR flash, for it has none of its own. Programming only
 * clears bits, a unit is programmed once after an erase, erasing is by the sector, and but for this
 * driver the MPU keeps everyone from writing.
 */
#ifndef NOR_H
#define NOR_H

#include "ota/flash.h"

/** The part that posix_board.h describes. Needs mpu_init(). A unit that is not blank is refused: OTA_E_FLASH. */
void nor_init(struct ota_flash *f);

/** Where a byte of the part can be read and executed in place. */
const void *nor_address(uint32_t offset);

#endif
