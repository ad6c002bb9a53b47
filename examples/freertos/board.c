/* A board that is not there: a piece of RAM for flash, and no crypto. Everything here is yours to write. */
#include "board.h"
#include "ota/assert.h"

#include <string.h>

#include <FreeRTOS.h>

#include <task.h>

#define SECTOR_SIZE 4096u
#define SLOT_SIZE   (8u * SECTOR_SIZE)
#define RECORD_SIZE (2u * SECTOR_SIZE)

static uint8_t cells[2u * SLOT_SIZE + 4u * RECORD_SIZE];

/* --- flash: three verbs. Range and alignment have been checked. -------------------------- */

static ota_err_t flash_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    (void)f;
    memcpy(into.ptr, cells + offset, into.cap);
    return OTA_OK;
}

static ota_err_t flash_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    (void)f;
    for (size_t i = 0; i < from.len; i++) {
        cells[offset + i] &= from.ptr[i];
    }
    return OTA_OK;
}

static ota_err_t flash_erase(struct ota_flash *f, uint32_t offset)
{
    memset(cells + offset, f->erased, f->sector_size);
    return OTA_OK;
}

static const struct ota_flash_ops flash_ops = { flash_read, flash_write, flash_erase };

struct ota_flash board_flash = {
    .ops = &flash_ops,
    .size = sizeof cells,
    .sector_size = SECTOR_SIZE,
    .write_size = 8,
    .erased = 0xff,
};

/* The bootloader must know the same; it is never updated, so this is for ever. */
const struct ota_layout board_layout = {
    .slot = { { 0, SLOT_SIZE }, { SLOT_SIZE, SLOT_SIZE } },
    .journal = { 2u * SLOT_SIZE, RECORD_SIZE },
    .counter = { 2u * SLOT_SIZE + RECORD_SIZE, RECORD_SIZE },
    .trust = { 2u * SLOT_SIZE + 2u * RECORD_SIZE, RECORD_SIZE },
    .identity = { 2u * SLOT_SIZE + 3u * RECORD_SIZE, RECORD_SIZE },
};

/* --- the rest ------------------------------------------------------------------------------ */

struct ota_crypto *board_crypto(void)
{
    return NULL;
}

enum ota_slot board_slot(void)
{
    return OTA_SLOT_A;
}

struct ota_handover board_handover(void)
{
    return (struct ota_handover){ .rule = OTA_BOOT_CONFIRMED, .cause = OTA_RESET_POWER_ON };
}

const char *board_thing_name(void)
{
    return "device-1";
}

bool board_works(void)
{
    return true;
}

void board_reset(void *unused)
{
    (void)unused;
    for (;;) {
        vTaskDelay(1); /* NVIC_SystemReset(), after the log is out */
    }
}

/* A bug of ours or yours: the watchdog, or a reset, is the way on. */
_Noreturn void ota_assert_failed(const char *file, int line)
{
    (void)file;
    (void)line;
    for (;;) {
        taskENTER_CRITICAL();
    }
}

void vAssertCalled(const char *file, int line)
{
    ota_assert_failed(file, line);
}
