/*
 * The demo device's board: one NOR part of 4 MiB and 64 KiB, and where things are on it.
 *
 *     0x000000  trust     2 sectors
 *     0x002000  counter   2 sectors
 *     0x004000  identity  4 sectors: halves of 8 KiB, for a certificate, its key and a CA (about
 *                         3.5 KiB today) with room for longer chains
 *     0x008000  journal   2 sectors
 *     0x00a000  unused
 *     0x010000  slot A    2 MiB
 *     0x210000  slot B    2 MiB
 *     0x410000  end
 */
#ifndef POSIX_BOARD_H
#define POSIX_BOARD_H

#include "ota/store.h"

/** Size, sectors of 4 KiB, write unit of 8 bytes; without ops: for posix_flash_open() and _create(). */
extern const struct ota_flash posix_board_flash;
extern const struct ota_layout posix_board_layout;

#endif
