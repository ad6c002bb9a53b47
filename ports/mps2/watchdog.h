/* Watchdog: CMSDK's. A reset leaves it off. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdint.h>

/** From now on it must be kicked at least every `ms`, 1 ..= 171,000; else the device is reset. */
void watchdog_start(uint32_t ms);
void watchdog_kick(void);
void watchdog_stop(void);

#endif
