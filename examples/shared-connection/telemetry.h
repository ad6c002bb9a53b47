/*
 * Telemetry: what this application does all day, over the MQTT connection that it shares with the OTA
 * agent: a message every 100 ms, and a look at how long it takes until the broker has it.
 *
 * It is subscribed to its own topic. The longest time between two messages that came back is what the
 * update costs the application: the gap. Two are kept, of the time before an update and of the update.
 */
#ifndef TELEMETRY_H
#define TELEMETRY_H

#include "ota/clock.h"
#include "ota/span.h"
#include "ota/wire.h"
#include <stdatomic.h>

#define TELEMETRY_EVERY_MS 100u

enum telemetry_phase { TELEMETRY_QUIET, TELEMETRY_UPDATE, TELEMETRY_PHASES };

/* Written by the connection's thread, read by the application's. */
struct telemetry {
    char topic[OTA_THING_NAME_MAX + sizeof "app//telemetry"];
    unsigned sent;
    atomic_uint heard;
    atomic_int phase;
    atomic_uint longest_ms[TELEMETRY_PHASES];
    _Atomic ota_ms_t last; /* when the newest came back; 0: none since the link came up */
};

void telemetry_begin(struct telemetry *t, const char *thing);

/** The next message's payload, JSON, in `room`. */
struct ota_span telemetry_next(struct telemetry *t, struct ota_buf room);

/** @return false if the message is not telemetry: the agent's, or another's. */
bool telemetry_heard(struct telemetry *t, struct ota_span topic, ota_ms_t now);

/** The link came up or went down: the time without one is no gap of the update's making. */
void telemetry_link(struct telemetry *t);

void telemetry_phase(struct telemetry *t, enum telemetry_phase phase);

#endif
