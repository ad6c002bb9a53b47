#include "log.h"
#include "ota/crc.h"
#include "program.h"

static void header_write(uint8_t header[OTA_LOG_HEADER_SIZE], enum ota_log_kind kind,
                         uint32_t sequence, struct ota_span payload)
{
    ota_put_u32le(header, OTA_LOG_MAGIC | (uint32_t)kind << OTA_LOG_KIND_SHIFT);
    ota_put_u32le(header + 4, (uint32_t)payload.len);
    ota_put_u32le(header + 8, sequence);
    const uint32_t crc = ota_crc32(0, (struct ota_span){ header, OTA_LOG_HEADER_SIZE - 4u });
    ota_put_u32le(header + 12, ota_crc32(crc, payload));
}

/* Header and payload one behind the other, then erased bytes up to `size`: a piece at a time. */
static ota_err_t write_record(struct ota_flash *f, struct ota_region where,
                              const uint8_t header[OTA_LOG_HEADER_SIZE], struct ota_span payload)
{
    uint8_t piece[OTA_PROGRAM_MAX];
    ota_err_t err = OTA_OK;
    for (uint32_t at = 0, len = 0; err == OTA_OK && at < where.size; at++) {
        const uint32_t in_payload = at - OTA_LOG_HEADER_SIZE;
        piece[len] = f->erased;
        if (at < OTA_LOG_HEADER_SIZE) {
            piece[len] = header[at];
        } else if (in_payload < payload.len) {
            piece[len] = payload.ptr[in_payload];
        }
        len++;
        if (len == sizeof piece || at + 1u == where.size) {
            err = ota_program(f, where.offset + at + 1u - len, (struct ota_span){ piece, len });
            len = 0;
        }
    }
    return err;
}

/* Make the other half the one that is written. The newest record stays where it is. */
static ota_err_t turn_over(struct ota_log *log)
{
    struct ota_region half = { log->region->offset, log->region->size / 2u };
    if (log->limit == half.offset + half.size) {
        half.offset = log->limit;
    }
    log->end = half.offset;
    log->limit = half.offset + half.size;
    return ota_erase_region(log->flash, half);
}

ota_err_t ota_log_append(struct ota_log *log, enum ota_log_kind kind, struct ota_span payload)
{
    if (payload.len > log->region->size / 2u - OTA_LOG_HEADER_SIZE) {
        return OTA_E_TOO_LARGE;
    }
    ota_err_t err = ota_log_look(log);
    if (err != OTA_OK) {
        return err;
    }
    const uint32_t size = ota_log_record_size(log->flash, (uint32_t)payload.len);
    const bool full = size > log->limit - log->end;
    const bool own = (uint8_t)kind == log->kind;
    if (full && !own) {
        return OTA_E_NO_ROOM;
    }

    /* Whatever goes wrong from here: look again before the next deed, dirt and all. */
    log->known = false;
    if (full) {
        err = turn_over(log);
    }
    if (err == OTA_OK) {
        uint8_t header[OTA_LOG_HEADER_SIZE];
        header_write(header, kind, log->sequence + 1u, payload);
        err = write_record(log->flash, (struct ota_region){ log->end, size }, header, payload);
    }
    if (err == OTA_OK) {
        log->newest = own ? log->end + OTA_LOG_HEADER_SIZE : log->newest;
        log->end += size;
        log->sequence++;
        log->known = true;
    }
    return err;
}
