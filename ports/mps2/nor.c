#include "nor.h"
#include "board.h"
#include "mpu.h"
#include "nor_cut.h"
#include <string.h>

#define WORD 4u

static volatile uint32_t *word_at(uint32_t offset)
{
    return (volatile uint32_t *)(BOARD_FLASH + offset);
}

const void *nor_address(uint32_t offset)
{
    return (const void *)(BOARD_FLASH + offset);
}

/* While a cut is planned every change of the flash passes here, word by word, as it would inside the part. */
static void change(uint32_t offset, uint32_t to)
{
    const enum nor_cut cut = nor_cut_next(offset);
    if (cut == NOR_CUT_NONE) {
        *word_at(offset) = to;
        return;
    }
    if (cut == NOR_CUT_HALF) {
        *word_at(offset) = (*word_at(offset) & 0xffff0000u) | (to & 0x0000ffffu);
    }
    nor_cut_power();
}

/* A word of bytes that may lie anywhere. */
static uint32_t word_of(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static ota_err_t nor_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    (void)f;
    if (into.cap > 0) {
        memcpy(into.ptr, nor_address(offset), into.cap);
    }
    return OTA_OK;
}

static ota_err_t nor_write(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    (void)f;
    for (uint32_t at = 0; at < from.len; at += WORD) {
        if (*word_at(offset + at) != UINT32_MAX) {
            return OTA_E_FLASH;
        }
    }
    const bool may_be_cut = nor_cut_planned();
    mpu_flash_open();
    for (uint32_t at = 0; at < from.len; at += WORD) {
        if (may_be_cut) {
            change(offset + at, word_of(from.ptr + at));
        } else {
            *word_at(offset + at) = word_of(from.ptr + at);
        }
    }
    mpu_flash_close();
    return OTA_OK;
}

static ota_err_t nor_erase(struct ota_flash *f, uint32_t offset)
{
    mpu_flash_open();
    for (uint32_t at = 0; at < f->sector_size; at += WORD) {
        change(offset + at, UINT32_MAX);
    }
    mpu_flash_close();
    return OTA_OK;
}

void nor_init(struct ota_flash *f)
{
    static const struct ota_flash_ops ops = { nor_read, nor_write, nor_erase };
    *f = posix_board_flash;
    f->ops = &ops;
}
