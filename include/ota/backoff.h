/*
 * Back-off: how long to wait for an answer before asking again.
 *
 * The wait doubles with each silence in a row, from min to max, and a random
 * part of its second half is cut off, so that two thousand devices that lost
 * the same broker do not come back in step. It never becomes "for good".
 */
#ifndef OTA_BACKOFF_H
#define OTA_BACKOFF_H

#include "ota/clock.h"

struct ota_backoff {
    uint32_t ms_min, ms_max; /* 0 < min <= max */
    uint32_t random;         /* any seed to begin with; advanced by each use */
};

/** When the silence that begins `now`, after `silences` in a row, is too long. OTA_NEVER at the end of time. */
ota_ms_t ota_backoff_deadline(struct ota_backoff *b, uint32_t silences, ota_ms_t now);

#endif
