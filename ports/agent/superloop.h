/*
 * The facade in a super-loop: no thread, no lock. The application's loop calls OTA_AgentTurn(); its MQTT client
 * posts from the same loop, never from an interrupt. Where the interface waits (init and shutdown with a time-out), it
 * turns the agent itself.
 */
#ifndef OTA_SUPERLOOP_H
#define OTA_SUPERLOOP_H

#include "ota/clock.h"

/** The application's clock; it defines it. */
ota_ms_t OTA_SuperloopNow(void);

#endif
