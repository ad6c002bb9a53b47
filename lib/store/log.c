/* Reading: what the bootloader needs of it. */
#include "log.h"
#include "ota/crc.h"
#include "program.h"
#include <string.h>

uint32_t ota_log_record_size(const struct ota_flash *f, uint32_t len)
{
    return ota_round_up(OTA_LOG_HEADER_SIZE + len, f->write_size);
}

ota_err_t ota_log_payload(struct ota_flash *f, const struct ota_log_record *record, uint32_t at,
                          struct ota_buf into)
{
    if (at + into.cap > record->len) { /* neither comes near to a wrap: sizes of our own formats */
        return OTA_E_NOT_FOUND;
    }
    return ota_flash_read(f, record->offset + OTA_LOG_HEADER_SIZE + at, into);
}

/* The half that contains `offset` ends here. */
static uint32_t half_end(const struct ota_log *log, uint32_t offset)
{
    const uint32_t middle = log->region.offset + log->region.size / 2u;
    return offset < middle ? middle : log->region.offset + log->region.size;
}

/* Is there a valid record at record->offset? */
static ota_err_t check(struct ota_flash *f, const struct ota_log *log,
                       struct ota_log_record *record)
{
    uint8_t piece[OTA_PROGRAM_MAX];
    const uint32_t room = half_end(log, record->offset) - record->offset;
    if (room < OTA_LOG_HEADER_SIZE) {
        return OTA_E_NOT_FOUND;
    }
    ota_err_t err =
        ota_flash_read(f, record->offset, (struct ota_buf){ piece, OTA_LOG_HEADER_SIZE });
    if (err != OTA_OK) {
        return err;
    }
    record->kind = piece[OTA_LOG_MAGIC_SIZE];
    record->len = ota_get_u32le(piece + 4);
    record->sequence = ota_get_u32le(piece + 8);
    const uint32_t want = ota_get_u32le(piece + 12);
    if (memcmp(piece, OTA_LOG_MAGIC, OTA_LOG_MAGIC_SIZE) != 0 ||
        record->len > room - OTA_LOG_HEADER_SIZE) {
        return OTA_E_NOT_FOUND;
    }
    uint32_t crc = ota_crc32(0, (struct ota_span){ piece, OTA_LOG_HEADER_SIZE - 4u });
    for (uint32_t at = 0; at < record->len; at += sizeof piece) {
        const uint32_t left = record->len - at;
        const uint32_t len = left < sizeof piece ? left : sizeof piece;
        err = ota_log_payload(f, record, at, (struct ota_buf){ piece, len });
        if (err != OTA_OK) {
            return err;
        }
        crc = ota_crc32(crc, (struct ota_span){ piece, len });
    }
    return crc == want ? OTA_OK : OTA_E_NOT_FOUND;
}

ota_err_t ota_log_next(struct ota_flash *f, const struct ota_log *log, uint32_t *at, uint32_t end,
                       struct ota_log_record *record)
{
    ota_err_t err = OTA_E_NOT_FOUND;
    while (err == OTA_E_NOT_FOUND && *at < end) {
        record->offset = *at;
        err = check(f, log, record);
        *at += err == OTA_OK ? ota_log_record_size(f, record->len) : f->write_size;
    }
    return err;
}

/* Sequences wrap; those that are in flash together are never far apart. */
static bool newer(uint32_t a, uint32_t b)
{
    return a - b - 1u < UINT32_MAX / 2u;
}

/* What a look through both halves has seen so far. */
struct look {
    struct ota_log_record record, top; /* the one looked at; the newest of the log's own kind */
    uint32_t sequence;                 /* highest of any kind */
    bool any;
};

static void take(struct look *look, uint8_t own_kind)
{
    const struct ota_log_record *r = &look->record;
    if (!look->any || newer(r->sequence, look->sequence)) {
        look->sequence = r->sequence;
        look->any = true;
    }
    if (r->kind == own_kind &&
        (look->top.offset == OTA_LOG_NONE || newer(r->sequence, look->top.sequence))) {
        look->top = *r;
    }
}

ota_err_t ota_log_look(struct ota_flash *f, struct ota_log *log)
{
    const uint32_t half_size = log->region.size / 2u;
    struct look look = { .top = { .offset = OTA_LOG_NONE } };
    uint32_t ends[2];
    if (log->known) {
        return OTA_OK;
    }
    for (uint32_t half = 0; half < 2u; half++) {
        const struct ota_region region = { log->region.offset + half * half_size, half_size };
        uint32_t at = region.offset, end;
        ota_err_t err = ota_used_end(f, region, &end);
        while (err == OTA_OK) {
            err = ota_log_next(f, log, &at, end, &look.record);
            if (err == OTA_OK) {
                take(&look, log->kind);
            }
        }
        if (err != OTA_E_NOT_FOUND) {
            return err;
        }
        ends[half] = at;
    }
    /* Go on in the half of the newest record of ours, so that turning over never erases it. */
    const bool second =
        look.top.offset != OTA_LOG_NONE && look.top.offset >= log->region.offset + half_size;
    log->newest = look.top.offset;
    log->sequence = look.sequence;
    log->end = ends[second];
    log->limit = log->region.offset + half_size + (second ? half_size : 0);
    log->known = true;
    return OTA_OK;
}

ota_err_t ota_log_newest(struct ota_flash *f, struct ota_log *log, struct ota_log_record *record)
{
    ota_err_t err = ota_log_look(f, log);
    if (err != OTA_OK) {
        return err;
    }
    if (log->newest == OTA_LOG_NONE) {
        return OTA_E_NOT_FOUND;
    }
    record->offset = log->newest;
    err = check(f, log, record);
    log->known = err == OTA_OK;
    return err == OTA_E_NOT_FOUND ? OTA_E_FLASH_READ_BACK : err;
}

ota_err_t ota_log_read(struct ota_flash *f, struct ota_log *log, struct ota_log_record *record,
                       struct ota_buf into)
{
    const ota_err_t err = ota_log_newest(f, log, record);
    return err == OTA_OK ? ota_log_payload(f, record, 0, into) : err;
}
