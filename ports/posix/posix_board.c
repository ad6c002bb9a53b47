#include "posix_board.h"

#define SECTOR    4096u
#define SLOT_SIZE (2u * 1024u * 1024u)

const struct ota_flash posix_board_flash = {
    .size = 0x10000u + 2u * SLOT_SIZE,
    .sector_size = SECTOR,
    .write_size = 8,
    .erased = 0xff,
};

const struct ota_layout posix_board_layout = {
    .trust = { 0x0000, 2u * SECTOR },
    .counter = { 0x2000, 2u * SECTOR },
    .identity = { 0x4000, 4u * SECTOR },
    .journal = { 0x8000, 2u * SECTOR },
    .slot = { { 0x10000, SLOT_SIZE }, { 0x10000 + SLOT_SIZE, SLOT_SIZE } },
};
