#include "program.h"
#include "ota/assert.h"
#include <string.h>

bool ota_erased(const uint8_t *bytes, size_t len, uint8_t erased)
{
    while (len > 0 && bytes[len - 1u] == erased) {
        len--;
    }
    return len == 0;
}

ota_err_t ota_program(struct ota_flash *f, uint32_t offset, struct ota_span bytes)
{
    uint8_t back[OTA_PROGRAM_MAX];
    OTA_ASSERT(bytes.len <= sizeof back);
    ota_err_t err = ota_flash_write(f, offset, bytes);
    if (err == OTA_OK) {
        err = ota_flash_read(f, offset, (struct ota_buf){ back, bytes.len });
    }
    if (err == OTA_OK && memcmp(back, bytes.ptr, bytes.len) != 0) {
        err = OTA_E_FLASH_READ_BACK;
    }
    return err;
}

ota_err_t ota_erase_region(struct ota_flash *f, struct ota_region region)
{
    ota_err_t err = OTA_OK;
    for (uint32_t at = 0; err == OTA_OK && at < region.size;) {
        err = ota_flash_erase(f, region.offset + at);
        at += ota_flash_sector(f, region.offset + at).size;
    }
    return err;
}

ota_err_t ota_used_end(struct ota_flash *f, struct ota_region region, uint32_t *end)
{
    uint8_t piece[OTA_PIECE];
    uint32_t at = region.size;
    for (; at > 0; at--) {
        if (at % OTA_PIECE == 0) {
            const uint32_t from = region.offset + at - OTA_PIECE;
            const ota_err_t err = ota_flash_read(f, from, OTA_BUF_OF(piece));
            if (err != OTA_OK) {
                return err;
            }
        }
        if (piece[(at - 1u) % OTA_PIECE] != f->erased) {
            break;
        }
    }
    *end = region.offset + at;
    return OTA_OK;
}
