#include "flash_checks.h"
#include <string.h>

#define UNITS 3u   /* written at once, over a sector's border */
#define PIECE 256u /* read or written at once: a multiple of every write unit */

/* --- what must be there ---------------------------------------------------------- */

/* What a check writes at an offset; neighbours differ, and so do sectors. */
static uint8_t pattern(uint32_t offset)
{
    return (uint8_t)(offset * 167u + (offset >> 7) * 59u + 13u);
}

static bool in_one_of(uint32_t offset, const struct ota_region *written, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (offset >= written[i].offset && offset - written[i].offset < written[i].size) {
            return true;
        }
    }
    return false;
}

/* Whether the pattern is in these regions, and all else is erased. */
static bool holds(struct ota_flash *f, const struct ota_region *written, size_t count)
{
    uint8_t piece[PIECE];
    for (uint32_t at = 0; at < f->size; at += PIECE) {
        const uint32_t len = f->size - at < PIECE ? f->size - at : PIECE;
        if (ota_flash_read(f, at, (struct ota_buf){ piece, len }) != OTA_OK) {
            return false;
        }
        for (uint32_t i = 0; i < len; i++) {
            const uint8_t want = in_one_of(at + i, written, count) ? pattern(at + i) : f->erased;
            if (piece[i] != want) {
                return false;
            }
        }
    }
    return true;
}

/* The bytes end where their array does, so that a sanitizer sees one too far; on a board they are misaligned. */
static ota_err_t write_pattern(struct ota_flash *f, struct ota_region where)
{
    uint8_t room[PIECE + 1u];
    for (uint32_t at = 0; at < where.size; at += PIECE) {
        const uint32_t len = where.size - at < PIECE ? where.size - at : PIECE;
        uint8_t *bytes = room + sizeof room - len;
        for (uint32_t i = 0; i < len; i++) {
            bytes[i] = pattern(where.offset + at + i);
        }
        const ota_err_t err =
            ota_flash_write(f, where.offset + at, (struct ota_span){ bytes, len });
        if (err != OTA_OK) {
            return err;
        }
    }
    return OTA_OK;
}

/* --- the checks -------------------------------------------------------------------- */

static const char *new_is_erased(const struct flash_bench *b)
{
    return holds(b->flash, NULL, 0) ? NULL : "a byte is not erased";
}

static const char *keeps_what_is_written(const struct flash_bench *b)
{
    struct ota_flash *f = b->flash;
    const uint32_t unit = f->write_size;
    const struct ota_region rows[] = {
        { 0, unit },
        { ota_flash_sector(f, 0).size - unit, UNITS * unit },
        { f->size - unit, unit },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (write_pattern(f, rows[i]) != OTA_OK) {
            return "a write is refused";
        }
    }
    if (!holds(f, rows, sizeof rows / sizeof rows[0])) {
        return "it does not hold what was written, and only that";
    }
    f = b->again();
    return holds(f, rows, sizeof rows / sizeof rows[0]) ? NULL : "a restart changes it";
}

static const char *reads_from_anywhere(const struct flash_bench *b)
{
    const struct ota_region written = { 0, 2u * PIECE };
    uint8_t got[67];
    if (write_pattern(b->flash, written) != OTA_OK) {
        return "a write is refused";
    }
    for (uint32_t offset = 0; offset < 9u; offset++) {
        for (uint32_t len = 0; len < sizeof got; len++) {
            got[len] = 0xa5;
            if (ota_flash_read(b->flash, offset, (struct ota_buf){ got, len }) != OTA_OK) {
                return "a read is refused";
            }
            if (got[len] != 0xa5) {
                return "a read goes too far";
            }
            for (uint32_t i = 0; i < len; i++) {
                if (got[i] != pattern(offset + i)) {
                    return "a read is wrong";
                }
            }
        }
    }
    return NULL;
}

static const char *erases_one_sector(const struct flash_bench *b)
{
    /* The third sector of four; they need not be of one size. */
    const struct ota_region second = ota_flash_sector(b->flash, ota_flash_sector(b->flash, 0).size);
    const struct ota_region third = ota_flash_sector(b->flash, second.offset + second.size);
    const struct ota_region fourth = ota_flash_sector(b->flash, third.offset + third.size);
    const struct ota_region left[] = { { 0, third.offset }, fourth };
    const struct ota_region all = { 0, fourth.offset + fourth.size };
    if (write_pattern(b->flash, all) != OTA_OK) {
        return "a write is refused";
    }
    if (ota_flash_erase(b->flash, third.offset) != OTA_OK) {
        return "an erase is refused";
    }
    if (!holds(b->flash, left, sizeof left / sizeof left[0])) {
        return "it erases less or more than its sector";
    }
    if (write_pattern(b->flash, third) != OTA_OK || !holds(b->flash, &all, 1)) {
        return "an erased sector cannot be written again";
    }
    return NULL;
}

/* Each row is tried as a read and as a write of `len` bytes. */
static const char *refuses_what_is_outside(const struct flash_bench *b)
{
    struct ota_flash *f = b->flash;
    const struct ota_region rows[] = {
        { f->size, 32 },
        { f->size - 32u, 64 },
        { UINT32_MAX - 31u, 64 },
    };
    uint8_t bytes[64] = { 0 };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint32_t offset = rows[i].offset, len = rows[i].size;
        if (ota_flash_write(f, offset, (struct ota_span){ bytes, len }) != OTA_E_RANGE ||
            ota_flash_read(f, offset, (struct ota_buf){ bytes, len }) != OTA_E_RANGE) {
            return "a read or write outside is not refused";
        }
    }
    if (ota_flash_erase(f, f->size) != OTA_E_RANGE) {
        return "an erase outside is not refused";
    }
    if (ota_flash_write(f, f->size, OTA_SPAN_NONE) != OTA_OK ||
        ota_flash_read(f, f->size, (struct ota_buf){ NULL, 0 }) != OTA_OK) {
        return "nothing at all, at the very end, is refused";
    }
    return holds(f, NULL, 0) ? NULL : "something that was refused changes it";
}

static const char *refuses_what_is_misaligned(const struct flash_bench *b)
{
    struct ota_flash *f = b->flash;
    const uint32_t unit = f->write_size;
    uint8_t bytes[OTA_FLASH_WRITE_SIZE_MAX] = { 0 };
    if (unit > 1u &&
        (ota_flash_write(f, 0, (struct ota_span){ bytes, unit - 1u }) != OTA_E_RANGE ||
         ota_flash_write(f, unit - 1u, (struct ota_span){ bytes, unit }) != OTA_E_RANGE)) {
        return "a write of a part of a unit is not refused";
    }
    if (ota_flash_erase(f, ota_flash_sector(f, 0).size / 2u) != OTA_E_RANGE) {
        return "an erase inside a sector is not refused";
    }
    return holds(f, NULL, 0) ? NULL : "something that was refused changes it";
}

/* A part may refuse to program a unit twice; it must not pretend. */
static const char *never_gives_a_bit_back(const struct flash_bench *b)
{
    struct ota_flash *f = b->flash;
    uint8_t first[OTA_FLASH_WRITE_SIZE_MAX], second[OTA_FLASH_WRITE_SIZE_MAX];
    uint8_t got[OTA_FLASH_WRITE_SIZE_MAX];
    const struct ota_buf into = { got, f->write_size };
    memset(first, 0xf0, sizeof first);
    memset(second, 0x3c, sizeof second);
    if (ota_flash_write(f, 0, (struct ota_span){ first, into.cap }) != OTA_OK) {
        return "a write is refused";
    }
    const ota_err_t again = ota_flash_write(f, 0, (struct ota_span){ second, into.cap });
    if (ota_flash_read(f, 0, into) != OTA_OK) {
        return "a read is refused";
    }
    const uint8_t both = f->erased == 0xff ? 0xf0 & 0x3c : 0xf0 | 0x3c;
    for (uint32_t i = 0; i < into.cap; i++) {
        if (got[i] != (again == OTA_OK ? both : first[i])) {
            return "a bit comes back without an erase, or what was refused changes it";
        }
    }
    return NULL;
}

const struct flash_check flash_checks[FLASH_CHECKS] = {
    { "new flash is erased", new_is_erased },
    { "what is written is there after a restart, and nothing else", keeps_what_is_written },
    { "any bytes can be read", reads_from_anywhere },
    { "an erase clears its sector and nothing else", erases_one_sector },
    { "what is outside is refused and nothing changes", refuses_what_is_outside },
    { "what is misaligned is refused and nothing changes", refuses_what_is_misaligned },
    { "programming never gives a bit back", never_gives_a_bit_back },
};
