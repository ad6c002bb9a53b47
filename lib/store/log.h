/*
 * Log: records that survive a power cut, in two halves that take turns. Private to lib/store.
 *
 *     record: magic 2 | format 1 | kind 1 | len 4 | sequence 4 | CRC-32 4 | payload `len`,
 *             filled up to a write unit; CRC over all of it but itself and the filling
 *
 * The newest valid record of the log's own kind is what the log says. What does not check is
 * stepped over unit by unit, for a torn record's length may be anything. Records are appended
 * behind the last byte that is not blank. When a half is full, the other is erased and the
 * newest state is written there: so at each moment one half holds a valid newest record.
 */
#ifndef OTA_STORE_LOG_H
#define OTA_STORE_LOG_H

#include "ota/store.h"

#define OTA_LOG_HEADER_SIZE 16u
#define OTA_LOG_NONE        0u

/* The first three bytes of a record: its magic "wr", and format 1. The fourth is its kind. */
#define OTA_LOG_MAGIC      0x017277u
#define OTA_LOG_KIND_SHIFT 24u

/* In flash: append-only. */
enum ota_log_kind {
    OTA_LOG_STATE = 1,
    OTA_LOG_MARK = 2, /* belongs to a state; never turns the log over */
    OTA_LOG_COUNTER = 3,
    OTA_LOG_TRUST = 4,
    OTA_LOG_IDENTITY = 5,
};

struct ota_log_record {
    uint32_t payload; /* an offset in flash; its header is before it */
    uint32_t sequence;
    uint32_t len; /* of its payload */
    uint8_t kind;
};

/** Bytes that a record takes in flash. */
uint32_t ota_log_record_size(const struct ota_flash *f, uint32_t len);

/**
 * The first valid record of any kind at or behind `*at`, which is then behind it. Of the half that is
 * written, which has been looked through.
 *
 * @param at  in, out: an offset in flash, a whole number of units from the half's begin.
 * @return OTA_OK; OTA_E_NOT_FOUND: none before log->end; OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_log_next(const struct ota_log *log, uint32_t *at,
                                      struct ota_log_record *record);

/** Look through both halves, unless that is known already. */
OTA_MUST_CHECK ota_err_t ota_log_look(struct ota_log *log);

/**
 * The newest record, checked again.
 *
 * @return OTA_OK; OTA_E_NOT_FOUND: none; OTA_E_FLASH_READ_BACK: it was there and is no more (the
 *         next call looks anew); OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_log_newest(struct ota_log *log, struct ota_log_record *record);

/** Payload bytes of a valid record, from `at`; OTA_E_NOT_FOUND if it has not so many. */
OTA_MUST_CHECK ota_err_t ota_log_payload(const struct ota_log *log,
                                         const struct ota_log_record *record, uint32_t at,
                                         struct ota_buf into);

/** The first `len` bytes of the newest record; the errors of both. */
OTA_MUST_CHECK ota_err_t ota_log_read(struct ota_log *log, struct ota_log_record *record,
                                      uint8_t *into, uint32_t len);

/**
 * Append a record and read it back. A record of the log's own kind turns the log over when it is full.
 *
 * @return OTA_OK; OTA_E_TOO_LARGE for any half; OTA_E_NO_ROOM in this half, for other kinds;
 *         OTA_E_FLASH_READ_BACK, OTA_E_FLASH: what the log says is as before.
 */
OTA_MUST_CHECK ota_err_t ota_log_append(struct ota_log *log, enum ota_log_kind kind,
                                        struct ota_span payload);

#endif
