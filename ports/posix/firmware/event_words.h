/* Event words: what the demo's image tells of its agent, on every board. */
#ifndef EVENT_WORDS_H
#define EVENT_WORDS_H

#include "ota_facade.h"

/**
 * A sentence of an event, in which '#' stands for its value, '@' for its job and '?' for event_why().
 *
 * @return NULL: nothing that a person wants to read; progress has a form of its own.
 */
const char *event_words(enum ota_event_kind kind);

/** What an event that failed tells as its reason. */
const char *event_why(const struct OTA_EventData *data);

#endif
