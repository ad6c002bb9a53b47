/* Reading: what the bootloader needs of it. */
#include "log.h"
#include "ota/crc.h"
#include "program.h"

uint32_t ota_log_record_size(const struct ota_flash *f, uint32_t len)
{
    const uint32_t last = f->write_size - 1u; /* of a unit, which is a power of two */
    return (OTA_LOG_HEADER_SIZE + len + last) & ~last;
}

ota_err_t ota_log_payload(const struct ota_log *log, const struct ota_log_record *record,
                          uint32_t at, struct ota_buf into)
{
    if (at + into.cap > record->len) { /* neither comes near to a wrap: sizes of our own formats */
        return OTA_E_NOT_FOUND;
    }
    return ota_flash_read(log->flash, record->payload + at, into);
}

/* Is there a valid record around record->payload, in a half that ends at `limit`? */
static ota_err_t check(struct ota_flash *f, uint32_t limit, struct ota_log_record *record)
{
    uint8_t piece[OTA_PROGRAM_MAX];
    uint32_t at = record->payload;
    if (at > limit) {
        return OTA_E_NOT_FOUND;
    }
    ota_err_t err = ota_flash_load(f, at - OTA_LOG_HEADER_SIZE, piece, OTA_LOG_HEADER_SIZE);
    if (err != OTA_OK) {
        return err;
    }
    uint32_t left = ota_get_u32le(piece + 4);
    const uint32_t first = ota_get_u32le(piece), want = ota_get_u32le(piece + 12);
    record->kind = (uint8_t)(first >> OTA_LOG_KIND_SHIFT);
    record->len = left;
    record->sequence = ota_get_u32le(piece + 8);
    if ((first ^ OTA_LOG_MAGIC) << (32u - OTA_LOG_KIND_SHIFT) != 0 || left > limit - at) {
        return OTA_E_NOT_FOUND;
    }
    uint32_t crc = 0, len = OTA_LOG_HEADER_SIZE - 4u;
    for (;;) {
        crc = ota_crc32(crc, (struct ota_span){ piece, len });
        if (left == 0) {
            return crc == want ? OTA_OK : OTA_E_NOT_FOUND;
        }
        len = left < sizeof piece ? left : sizeof piece;
        err = ota_flash_load(f, at, piece, len);
        if (err != OTA_OK) {
            return err;
        }
        at += len;
        left -= len;
    }
}

/* ota_log_next() in a half that ends at `limit`, up to `end`. */
static ota_err_t next(struct ota_flash *f, uint32_t limit, uint32_t *at, uint32_t end,
                      struct ota_log_record *record)
{
    ota_err_t err = OTA_E_NOT_FOUND;
    while (err == OTA_E_NOT_FOUND && *at < end) {
        record->payload = *at + OTA_LOG_HEADER_SIZE;
        err = check(f, limit, record);
        *at += err == OTA_OK ? ota_log_record_size(f, record->len) : f->write_size;
    }
    return err;
}

ota_err_t ota_log_next(const struct ota_log *log, uint32_t *at, struct ota_log_record *record)
{
    return next(log->flash, log->limit, at, log->end, record);
}

/* Sequences wrap; those that are in flash together are never far apart. */
static bool newer(uint32_t a, uint32_t b)
{
    return a - b - 1u < UINT32_MAX / 2u;
}

/* The second half first: what is in the first is looked at last, and wins where there is nothing. */
ota_err_t ota_log_look(struct ota_log *log)
{
    struct ota_flash *const f = log->flash;
    const uint32_t half_size = log->region->size / 2u;
    uint32_t limit = log->region->offset + log->region->size, top = 0; /* sequence of log->newest */
    struct ota_log_record record;
    bool any = false;
    if (log->known) {
        return OTA_OK;
    }
    log->newest = OTA_LOG_NONE;
    log->sequence = 0;
    do {
        uint32_t at = limit - half_size, end;
        ota_err_t err = ota_used_end(f, (struct ota_region){ at, half_size }, &end);
        if (err != OTA_OK) {
            return err;
        }
        while ((err = next(f, limit, &at, end, &record)) == OTA_OK) {
            if (!any || newer(record.sequence, log->sequence)) {
                log->sequence = record.sequence;
                any = true;
            }
            if (record.kind == log->kind &&
                (log->newest == OTA_LOG_NONE || newer(record.sequence, top))) {
                log->newest = record.payload;
                top = record.sequence;
            }
        }
        if (err != OTA_E_NOT_FOUND) {
            return err;
        }
        /* Go on in the half of the newest record of ours, so that turning over never erases it. */
        if (log->newest <= limit) {
            log->end = at;
            log->limit = limit;
        }
        limit -= half_size;
    } while (limit > log->region->offset);
    log->known = true;
    return OTA_OK;
}

ota_err_t ota_log_newest(struct ota_log *log, struct ota_log_record *record)
{
    ota_err_t err = ota_log_look(log);
    if (err != OTA_OK) {
        return err;
    }
    record->payload = log->newest;
    if (log->newest == OTA_LOG_NONE) {
        return OTA_E_NOT_FOUND;
    }
    err = check(log->flash, log->limit, record);
    log->known = err == OTA_OK;
    return err == OTA_E_NOT_FOUND ? OTA_E_FLASH_READ_BACK : err;
}

ota_err_t ota_log_read(struct ota_log *log, struct ota_log_record *record, uint8_t *into,
                       uint32_t len)
{
    const ota_err_t err = ota_log_newest(log, record);
    return err == OTA_OK ? ota_log_payload(log, record, 0, (struct ota_buf){ into, len }) : err;
}
