/* Show: what the image tells, as lines on the UART, each with the version that speaks. */
#ifndef SHOW_H
#define SHOW_H

#include "ota_facade.h"

struct show {
    const char *version; /* of the image that speaks */
    uint32_t tenths;     /* of progress: last told */
};

/** A line of up to three parts; NULL: none. */
void show_line(const struct show *s, const char *first, const char *second, const char *third);
void show_number(const struct show *s, const char *before, uint32_t value, const char *after);
void show_event(struct show *s, OTA_JobEvent_t event, const struct OTA_EventData *data);

#endif
