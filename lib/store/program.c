#include "program.h"
#include "ota/assert.h"
#include <string.h>

bool ota_erased(struct ota_span bytes, uint8_t erased)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.ptr[i] != erased) {
            return false;
        }
    }
    return true;
}

ota_err_t ota_program(struct ota_flash *f, uint32_t offset, struct ota_span bytes)
{
    uint8_t back[OTA_PROGRAM_MAX];
    OTA_ASSERT(bytes.len <= sizeof back);
    ota_err_t err = ota_flash_write(f, offset, bytes);
    if (err != OTA_OK) {
        return err;
    }
    err = ota_flash_read(f, offset, (struct ota_buf){ back, bytes.len });
    if (err != OTA_OK) {
        return err;
    }
    return memcmp(back, bytes.ptr, bytes.len) == 0 ? OTA_OK : OTA_E_FLASH_READ_BACK;
}

ota_err_t ota_erase_next(struct ota_flash *f, uint32_t *at)
{
    const ota_err_t err = ota_flash_erase(f, *at);
    if (err == OTA_OK) {
        *at += ota_flash_sector(f, *at).size;
    }
    return err;
}

ota_err_t ota_erase_region(struct ota_flash *f, struct ota_region region)
{
    for (uint32_t at = region.offset; at < region.offset + region.size;) {
        const ota_err_t err = ota_erase_next(f, &at);
        if (err != OTA_OK) {
            return err;
        }
    }
    return OTA_OK;
}
