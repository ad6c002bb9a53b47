/*
 * Semihosting: what the emulated board has from its host for want of hardware: entropy, the time of
 * day, and its broker's address. A real board has a random number generator, a clock chip or SNTP, and
 * the address in its flash. Without -semihosting-config enable=on the first call is a fault.
 */
#ifndef MPS2_SEMIHOSTING_H
#define MPS2_SEMIHOSTING_H

#include "ota/span.h"

/** Fill `into` from the host's random number generator. */
bool semihosting_random(struct ota_buf into);

/** Seconds since 1970. */
uint32_t semihosting_time(void);

/** The words of -semihosting-config arg=..., one space between two, zero-terminated. False if they do not fit. */
bool semihosting_arguments(struct ota_buf into);

#endif
