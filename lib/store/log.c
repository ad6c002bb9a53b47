/* Reading: what the bootloader needs of it. */
#include "log.h"
#include "ota/crc.h"
#include "ota/cursor.h"
#include "program.h"

/* Bytes looked at together: a header, and a good step over blank flash; a multiple of every write unit. */
#define WINDOW OTA_PIECE

uint32_t ota_log_record_size(const struct ota_flash *f, uint32_t len)
{
    return ota_round_up(OTA_LOG_HEADER_SIZE + len, f->write_size);
}

struct ota_log_walk ota_log_walk(const struct ota_log *log, uint32_t at)
{
    const uint32_t middle = log->region.offset + log->region.size / 2u;
    const uint32_t end = at < middle ? middle : log->region.offset + log->region.size;
    return (struct ota_log_walk){ .at = at, .end = end, .used = at };
}

/* The checksum goes on over the payload; `room` is only somewhere to put its pieces. */
static ota_err_t crc_payload(struct ota_flash *f, const struct ota_log_record *record,
                             struct ota_buf room, uint32_t *crc)
{
    for (uint32_t at = 0; at < record->len; at += (uint32_t)room.cap) {
        const uint32_t left = record->len - at;
        if (left < room.cap) {
            room.cap = left;
        }
        const ota_err_t err = ota_log_payload(f, record, at, room);
        if (err != OTA_OK) {
            return err;
        }
        *crc = ota_crc32(*crc, (struct ota_span){ room.ptr, room.cap });
    }
    return OTA_OK;
}

/* Is there a valid record at record->offset, of which `window` are the first bytes? Overwrites the window. */
static ota_err_t check(struct ota_flash *f, uint32_t room, struct ota_buf window,
                       struct ota_log_record *record)
{
    struct ota_reader r = ota_reader((struct ota_span){ window.ptr, window.cap });
    const uint16_t magic = ota_read_u16le(&r);
    const uint8_t format = ota_read_u8(&r);
    record->kind = ota_read_u8(&r);
    record->len = ota_read_u32le(&r);
    record->sequence = ota_read_u32le(&r);
    const uint32_t want = ota_read_u32le(&r);
    if (r.bad || magic != OTA_LOG_MAGIC || format != OTA_LOG_FORMAT ||
        record->len > room - OTA_LOG_HEADER_SIZE) {
        return OTA_E_NOT_FOUND;
    }
    uint32_t crc = ota_crc32(0, (struct ota_span){ window.ptr, OTA_LOG_HEADER_SIZE - 4u });
    const ota_err_t err = crc_payload(f, record, window, &crc);
    if (err != OTA_OK) {
        return err;
    }
    return crc == want ? OTA_OK : OTA_E_NOT_FOUND;
}

ota_err_t ota_log_next(struct ota_flash *f, struct ota_log_walk *walk,
                       struct ota_log_record *record)
{
    uint8_t window[WINDOW];
    while (walk->at < walk->end) {
        const uint32_t left = walk->end - walk->at;
        const uint32_t len = left < WINDOW ? left : WINDOW;
        ota_err_t err = ota_flash_read(f, walk->at, (struct ota_buf){ window, len });
        if (err != OTA_OK) {
            return err;
        }
        if (ota_erased((struct ota_span){ window, len }, f->erased)) {
            walk->at += len;
            continue;
        }
        const bool unit_erased = ota_erased((struct ota_span){ window, f->write_size }, f->erased);
        struct ota_log_record found = { .offset = walk->at };
        err = check(f, left, (struct ota_buf){ window, len }, &found);
        if (err == OTA_OK) {
            *record = found;
            walk->at += ota_log_record_size(f, found.len);
            walk->used = walk->at;
        }
        if (err != OTA_E_NOT_FOUND) {
            return err;
        }
        walk->at += f->write_size;
        walk->used = unit_erased ? walk->used : walk->at;
    }
    return OTA_E_NOT_FOUND;
}

/* Sequences wrap; those that are in flash together are never far apart. */
static bool newer(uint32_t a, uint32_t b)
{
    return a - b - 1u < UINT32_MAX / 2u;
}

/* What a look through both halves has seen so far. */
struct look {
    bool any, own;
    uint32_t sequence;         /* highest of any kind */
    struct ota_log_record top; /* newest of the log's own kind */
    uint32_t used[2];          /* bytes, of each half */
};

static ota_err_t look_at_half(struct ota_flash *f, const struct ota_log *log, uint32_t half,
                              struct look *look)
{
    const uint32_t begin = log->region.offset + half * (log->region.size / 2u);
    struct ota_log_walk walk = ota_log_walk(log, begin);
    struct ota_log_record record;
    ota_err_t err;
    while ((err = ota_log_next(f, &walk, &record)) == OTA_OK) {
        if (!look->any || newer(record.sequence, look->sequence)) {
            look->sequence = record.sequence;
            look->any = true;
        }
        if (record.kind == log->kind &&
            (!look->own || newer(record.sequence, look->top.sequence))) {
            look->top = record;
            look->own = true;
        }
    }
    look->used[half] = walk.used - begin;
    return err == OTA_E_NOT_FOUND ? OTA_OK : err;
}

ota_err_t ota_log_look(struct ota_flash *f, struct ota_log *log)
{
    if (log->known) {
        return OTA_OK;
    }
    struct look look = { .any = false };
    for (uint32_t half = 0; half < 2; half++) {
        const ota_err_t err = look_at_half(f, log, half, &look);
        if (err != OTA_OK) {
            return err;
        }
    }
    /* Go on in the half of the newest record of ours, so that turning over never erases it. */
    const uint32_t middle = log->region.offset + log->region.size / 2u;
    log->half = look.own && look.top.offset >= middle ? 1 : 0;
    log->end = look.used[log->half];
    log->newest = look.own ? look.top.offset : OTA_LOG_NONE;
    log->sequence = look.sequence;
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
    struct ota_log_walk walk = ota_log_walk(log, log->newest);
    struct ota_log_record found;
    err = ota_log_next(f, &walk, &found);
    if (err == OTA_E_NOT_FOUND || (err == OTA_OK && found.offset != log->newest)) {
        err = OTA_E_FLASH_READ_BACK;
    }
    if (err != OTA_OK) {
        log->known = false;
        return err;
    }
    *record = found;
    return OTA_OK;
}

ota_err_t ota_log_payload(struct ota_flash *f, const struct ota_log_record *record, uint32_t at,
                          struct ota_buf into)
{
    return ota_flash_read(f, record->offset + OTA_LOG_HEADER_SIZE + at, into);
}
