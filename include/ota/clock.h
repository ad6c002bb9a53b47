#ifndef OTA_CLOCK_H
#define OTA_CLOCK_H

#include <stdint.h>

/** Milliseconds on a clock that never goes back. 64 bits: it cannot wrap. */
typedef uint64_t ota_ms_t;

/** A deadline that never comes: only a message or a command can wake the module. */
#define OTA_NEVER UINT64_MAX

#endif
