/*
 * Flash as real parts have it, each with a layout on it: what the store must live on.
 *
 * Sizes of sectors and write units are those of the parts' manuals; where a part has two runs of
 * different memories, they are two memories behind one port, as a composite driver shows them.
 */
#ifndef FLASH_PARTS_H
#define FLASH_PARTS_H

#include "flash_model.h"
#include "ota/store.h"

struct flash_part {
    const char *name;
    uint32_t write_size;
    bool erased_zero;
    bool fuses; /* the rollback counter is a port's */
    struct ota_flash_run runs[6];
    uint8_t run_count;
    struct ota_layout layout;
    uint32_t room[OTA_SLOT_COUNT]; /* bytes for an image in each slot */
};

/** The geometry of a part, for flash_model_init(). */
static inline struct flash_geometry flash_part_geometry(const struct flash_part *part)
{
    return (struct flash_geometry){
        .write_size = part->write_size,
        .erased_zero = part->erased_zero,
        .runs = part->runs,
        .run_count = part->run_count,
    };
}

#define FLASH_KIB(n) ((n)*1024u)

/* clang-format off */
static const struct flash_part flash_parts[] = {
    { .name = "nRF52840, 1 MiB: pages of 4 KiB", .write_size = 4,
      .runs = { { 4096, 256 } }, .run_count = 1,
      .layout = { .trust = { 0x08000, 0x2000 }, .counter = { 0x0a000, 0x2000 }, .identity = { 0x0c000, 0x2000 },
                  .journal = { 0x0e000, 0x2000 },
                  .slot = { { 0x10000, 0x78000 }, { 0x88000, 0x78000 } } },
      .room = { 0x77000, 0x77000 } },
    { .name = "STM32L4, 512 KiB: pages of 2 KiB, units of 8", .write_size = 8,
      .runs = { { 2048, 256 } }, .run_count = 1,
      .layout = { .trust = { 0x4000, 0x1000 }, .counter = { 0x5000, 0x1000 }, .identity = { 0x6000, 0x1000 },
                  .journal = { 0x7000, 0x1000 },
                  .slot = { { 0x8000, 0x3c000 }, { 0x44000, 0x3c000 } } },
      .room = { 0x3b800, 0x3b800 } },
    { .name = "STM32U5, 1 MiB: pages of 8 KiB, units of 16", .write_size = 16,
      .runs = { { 8192, 128 } }, .run_count = 1,
      .layout = { .trust = { 0x8000, 0x4000 }, .counter = { 0xc000, 0x4000 }, .identity = { 0x10000, 0x4000 },
                  .journal = { 0x14000, 0x4000 },
                  .slot = { { 0x18000, 0x74000 }, { 0x8c000, 0x74000 } } },
      .room = { 0x72000, 0x72000 } },
    { .name = "STM32H7, 2 MiB: sectors of 128 KiB, units of 32", .write_size = 32,
      .runs = { { FLASH_KIB(128), 16 } }, .run_count = 1,
      .layout = { .trust = { 0x20000, 0x40000 }, .counter = { 0x60000, 0x40000 }, .identity = { 0xa0000, 0x40000 },
                  .journal = { 0xe0000, 0x40000 },
                  .slot = { { 0x120000, 0x60000 }, { 0x180000, 0x60000 } } },
      .room = { 0x40000, 0x40000 } },
    { .name = "STM32F429, 2 MiB: 16, 64 and 128 KiB in each bank, fuses", .write_size = 1, .fuses = true,
      .runs = { { FLASH_KIB(16), 4 }, { FLASH_KIB(64), 1 }, { FLASH_KIB(128), 7 },
                { FLASH_KIB(16), 4 }, { FLASH_KIB(64), 1 }, { FLASH_KIB(128), 7 } }, .run_count = 6,
      .layout = { .journal = { 0x4000, 0x8000 }, .trust = { 0x100000, 0x8000 }, .identity = { 0x108000, 0x8000 },
                  .slot = { { 0x10000, 0xf0000 }, { 0x110000, 0xf0000 } } },
      .room = { 0xd0000, 0xd0000 } },
    { .name = "STM32F407, 1 MiB, and 64 KiB of a serial NOR: slots of two sizes", .write_size = 4,
      .runs = { { FLASH_KIB(16), 4 }, { FLASH_KIB(64), 1 }, { FLASH_KIB(128), 7 }, { 4096, 16 } }, .run_count = 4,
      .layout = { .trust = { 0x100000, 0x2000 }, .counter = { 0x102000, 0x2000 }, .identity = { 0x104000, 0x4000 },
                  .journal = { 0x108000, 0x2000 },
                  .slot = { { 0x10000, 0x70000 }, { 0x80000, 0x80000 } } },
      .room = { 0x50000, 0x60000 } },
    { .name = "STM32F767, 2 MiB, and 32 KiB of FRAM: the trailers of two sizes", .write_size = 4,
      .runs = { { FLASH_KIB(32), 4 }, { FLASH_KIB(128), 1 }, { FLASH_KIB(256), 7 }, { 512, 64 } }, .run_count = 4,
      .layout = { .trust = { 0x200000, 0x800 }, .counter = { 0x200800, 0x400 }, .identity = { 0x201000, 0x1000 },
                  .journal = { 0x202000, 0x1000 },
                  .slot = { { 0x08000, 0x38000 }, { 0x40000, 0x80000 } } },
      .room = { 0x18000, 0x40000 } },
    { .name = "STM32F103, 256 KiB: pages of 2 KiB, units of 2", .write_size = 2,
      .runs = { { 2048, 128 } }, .run_count = 1,
      .layout = { .trust = { 0x4000, 0x1000 }, .counter = { 0x5000, 0x1000 }, .identity = { 0x6000, 0x1000 },
                  .journal = { 0x7000, 0x1000 },
                  .slot = { { 0x08000, 0x1c000 }, { 0x24000, 0x1c000 } } },
      .room = { 0x1b800, 0x1b800 } },
    { .name = "STM32L152, 256 KiB: pages of 256 bytes that erase to zero", .write_size = 4, .erased_zero = true,
      .runs = { { 256, 1024 } }, .run_count = 1,
      .layout = { .trust = { 0x4000, 0x400 }, .counter = { 0x4400, 0x200 }, .identity = { 0x4600, 0x800 },
                  .journal = { 0x4e00, 0x1000 },
                  .slot = { { 0x06000, 0x1d000 }, { 0x23000, 0x1d000 } } },
      .room = { 0x1cf00, 0x1cf00 } },
    { .name = "STM32L073, 192 KiB: pages of 128 bytes that erase to zero", .write_size = 4, .erased_zero = true,
      .runs = { { 128, 1536 } }, .run_count = 1,
      .layout = { .trust = { 0x4000, 0x400 }, .counter = { 0x4400, 0x100 }, .identity = { 0x4500, 0x500 },
                  .journal = { 0x4a00, 0xe00 },
                  .slot = { { 0x06000, 0x15000 }, { 0x1b000, 0x15000 } } },
      .room = { 0x14f80, 0x14f80 } },
    { .name = "RA4M1, 256 KiB in 2 KiB blocks and 8 KiB of data flash in 1 KiB blocks", .write_size = 8,
      .runs = { { 2048, 128 }, { 1024, 8 } }, .run_count = 2,
      .layout = { .trust = { 0x40000, 0x800 }, .counter = { 0x40800, 0x800 }, .identity = { 0x41000, 0x1000 },
                  .journal = { 0x4000, 0x1000 },
                  .slot = { { 0x05000, 0x1d000 }, { 0x22000, 0x1e000 } } },
      .room = { 0x1c800, 0x1d800 } },
    { .name = "SAM D51, 512 KiB: blocks of 8 KiB, units of 16", .write_size = 16,
      .runs = { { 8192, 64 } }, .run_count = 1,
      .layout = { .trust = { 0x4000, 0x4000 }, .counter = { 0x8000, 0x4000 }, .identity = { 0xc000, 0x4000 },
                  .journal = { 0x10000, 0x4000 },
                  .slot = { { 0x14000, 0x34000 }, { 0x48000, 0x34000 } } },
      .room = { 0x32000, 0x32000 } },
    { .name = "serial NOR, 2 MiB: sectors of 4 KiB, bytes", .write_size = 1,
      .runs = { { 4096, 512 } }, .run_count = 1,
      .layout = { .trust = { 0x8000, 0x2000 }, .counter = { 0xa000, 0x2000 }, .identity = { 0xc000, 0x2000 },
                  .journal = { 0xe000, 0x2000 },
                  .slot = { { 0x10000, 0xf8000 }, { 0x108000, 0xf8000 } } },
      .room = { 0xf7000, 0xf7000 } },
    { .name = "everything at once: the trailer in four sectors of 128, zeros, units of 32", .write_size = 32, .erased_zero = true,
      .runs = { { 64, 64 }, { 4096, 4 }, { 192, 7 }, { 128, 10 }, { 3072, 5 }, { 128, 4 } }, .run_count = 6,
      .layout = { .trust = { 0x0000, 0x600 }, .counter = { 0x0600, 0x080 }, .identity = { 0x0680, 0x200 },
                  .journal = { 0x1000, 0x4000 },
                  .slot = { { 0x5000, 0x0a40 }, { 0x5a40, 0x3e00 } } },
      .room = { 0x0840, 0x3c00 } },
};
/* clang-format on */

#define FLASH_PARTS (sizeof flash_parts / sizeof flash_parts[0])

#endif
