#include "log.h"
#include "ota/assert.h"
#include "ota/crc.h"
#include "ota/cursor.h"
#include "program.h"
#include <string.h>

static void header_write(uint8_t header[OTA_LOG_HEADER_SIZE], enum ota_log_kind kind,
                         uint32_t sequence, struct ota_span payload)
{
    struct ota_writer w = ota_writer((struct ota_buf){ header, OTA_LOG_HEADER_SIZE });
    ota_write_u16le(&w, OTA_LOG_MAGIC);
    ota_write_u8(&w, OTA_LOG_FORMAT);
    ota_write_u8(&w, (uint8_t)kind);
    ota_write_u32le(&w, (uint32_t)payload.len);
    ota_write_u32le(&w, sequence);
    ota_write_u32le(&w, ota_crc32(ota_crc32(0, ota_writer_done(&w)), payload));
    OTA_ASSERT(!w.bad);
}

/* Bytes `from` .. `from + cap` of header and payload one behind the other; erased bytes behind them. */
static void gather(struct ota_buf piece, uint32_t from, const uint8_t header[OTA_LOG_HEADER_SIZE],
                   struct ota_span payload, uint8_t erased)
{
    for (size_t i = 0; i < piece.cap; i++) {
        const size_t at = from + i;
        if (at < OTA_LOG_HEADER_SIZE) {
            piece.ptr[i] = header[at];
        } else if (at - OTA_LOG_HEADER_SIZE < payload.len) {
            piece.ptr[i] = payload.ptr[at - OTA_LOG_HEADER_SIZE];
        } else {
            piece.ptr[i] = erased;
        }
    }
}

static ota_err_t write_record(struct ota_flash *f, uint32_t offset,
                              const uint8_t header[OTA_LOG_HEADER_SIZE], struct ota_span payload)
{
    const uint32_t size = ota_log_record_size(f, (uint32_t)payload.len);
    for (uint32_t at = 0; at < size; at += OTA_PROGRAM_MAX) {
        uint8_t room[OTA_PROGRAM_MAX];
        const uint32_t left = size - at;
        const struct ota_buf piece = { room, left < sizeof room ? left : sizeof room };
        gather(piece, at, header, payload, f->erased);
        const ota_err_t err = ota_program(f, offset + at, (struct ota_span){ room, piece.cap });
        if (err != OTA_OK) {
            return err;
        }
    }
    return OTA_OK;
}

/* Make the other half the one that is written. The newest record stays where it is. */
static ota_err_t turn_over(struct ota_flash *f, struct ota_log *log)
{
    const uint32_t half_size = log->region.size / 2u;
    const uint32_t other = 1u - log->half;
    const struct ota_region region = { log->region.offset + other * half_size, half_size };
    const ota_err_t err = ota_erase_region(f, region);
    if (err != OTA_OK) {
        return err;
    }
    log->half = other;
    log->end = 0;
    return OTA_OK;
}

ota_err_t ota_log_append(struct ota_flash *f, struct ota_log *log, enum ota_log_kind kind,
                         struct ota_span payload)
{
    const uint32_t half_size = log->region.size / 2u;
    if (payload.len > half_size - OTA_LOG_HEADER_SIZE) {
        return OTA_E_TOO_LARGE;
    }
    ota_err_t err = ota_log_look(f, log);
    if (err != OTA_OK) {
        return err;
    }
    const uint32_t size = ota_log_record_size(f, (uint32_t)payload.len);
    const bool full = size > half_size - log->end;
    if (full && (uint8_t)kind != log->kind) {
        return OTA_E_NO_ROOM;
    }

    /* Whatever goes wrong from here: look again before the next deed, dirt and all. */
    log->known = false;
    err = full ? turn_over(f, log) : OTA_OK;
    if (err != OTA_OK) {
        return err;
    }
    const uint32_t offset = log->region.offset + log->half * half_size + log->end;
    uint8_t header[OTA_LOG_HEADER_SIZE];
    header_write(header, kind, log->sequence + 1u, payload);
    err = write_record(f, offset, header, payload);
    if (err != OTA_OK) {
        return err;
    }
    log->end += size;
    log->sequence++;
    log->newest = (uint8_t)kind == log->kind ? offset : log->newest;
    log->known = true;
    return OTA_OK;
}
