/*
 * Board: QEMU's mps2-an385, a Cortex-M3 with 4 MiB of ROM, 4 MiB of RAM and 16 MiB of PSRAM. The
 * PSRAM is a file of the host, and our flash.
 *
 *     0x00000000  ROM    4 MiB   the bootloader
 *     0x20000000  RAM    4 MiB   its first 256 bytes pass a reset: see handover.h
 *     0x21000000  flash 16 MiB   the part of posix_board.h; images run in place. Behind the part: see nor_cut.h
 *     0x40004000  UART0          0x40008000 watchdog          0x40200000 LAN9118, interrupt 13
 *
 * Geometry and layout of the flash are those of the demo device on POSIX, so that `waft factory`
 * makes the flash of both.
 */
#ifndef BOARD_H
#define BOARD_H

#include "posix_board.h"

#define BOARD_HZ         25000000u /* of the core, SysTick and the watchdog */
#define BOARD_ROM        0x00000000u
#define BOARD_ROM_SIZE   0x00400000u
#define BOARD_RAM        0x20000000u
#define BOARD_RAM_SIZE   0x00400000u
#define BOARD_FLASH      0x21000000u
#define BOARD_FLASH_SIZE 0x01000000u

/* Of RAM: handover and what is noted for after a reset. Images and the bootloader link behind it. */
#define BOARD_RAM_KEPT_SIZE 0x100u

/* The bootloader starts the watchdog right before the jump; an image that does not kick it is reset. */
#define BOARD_WATCHDOG_MS 5000u

#endif
