/* Clock: SysTick as a monotonic clock of milliseconds. */
#ifndef CLOCK_H
#define CLOCK_H

#include "ota/clock.h"

/** Start it at 0, with an interrupt each millisecond that also ends cortex_m_wait(). */
void clock_init(void);
/** Milliseconds since clock_init(). From anywhere but an interrupt above SysTick. */
ota_ms_t clock_now(void);

#endif
