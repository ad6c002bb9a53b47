/*
 * Asked: filters whose SUBACK is awaited, by the id of their request, for a SUBACK does not say what it grants.
 *
 * Filters of one client begin alike. Each is kept as what it has in common with the newest that was kept as a
 * whole, and the rest: those of the agent and one of the application's take less than MQTT_ASKED_SIZE whatever the
 * names are.
 */
#ifndef MPS2_MQTT_ASKED_H
#define MPS2_MQTT_ASKED_H

#include "ota/cursor.h"

#define MQTT_ASKED_SIZE 512u

/* All zero: none. */
struct mqtt_asked {
    uint16_t len, open;               /* open: entries that wait; none: the memory is free again */
    uint8_t entries[MQTT_ASKED_SIZE]; /* id u16, 0: answered | in common u16 | length u16 | rest */
};

/** `id` is not 0. @return false: no room; ask later. */
bool mqtt_asked_add(struct mqtt_asked *a, uint16_t id, struct ota_span filter);

/** @return the filter of this request, in `room`, which must take it, and forgets it; empty: there is none. */
struct ota_span mqtt_asked_take(struct mqtt_asked *a, uint16_t id, struct ota_buf room);

#endif
