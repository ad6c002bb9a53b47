#include "ram_flash.h"
#include "fuzz.h"

#include <string.h>

static struct ram_flash *of(struct ota_flash *f)
{
    return (struct ram_flash *)(void *)f;
}

static ota_err_t read_bytes(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    memcpy(into.ptr, of(f)->bytes + offset, into.cap);
    return OTA_OK;
}

static ota_err_t write_bytes(struct ota_flash *f, uint32_t offset, struct ota_span from)
{
    uint8_t *const to = of(f)->bytes + offset;
    for (size_t i = 0; i < from.len; i++) {
        FUZZ_CHECK(to[i] == f->erased);
    }
    memcpy(to, from.ptr, from.len);
    return OTA_OK;
}

static ota_err_t erase_sector(struct ota_flash *f, uint32_t offset)
{
    memset(of(f)->bytes + offset, f->erased, f->sector_size);
    return OTA_OK;
}

void ram_flash_init(struct ram_flash *f, uint32_t sector_size, uint32_t write_size, uint8_t erased)
{
    static const struct ota_flash_ops ops = {
        .read = read_bytes,
        .write = write_bytes,
        .erase = erase_sector,
    };
    f->base = (struct ota_flash){
        .ops = &ops,
        .size = RAM_FLASH_SIZE,
        .sector_size = sector_size,
        .write_size = write_size,
        .erased = erased,
    };
    memset(f->bytes, erased, sizeof f->bytes);
}
