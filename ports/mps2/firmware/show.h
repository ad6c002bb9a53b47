/* Show: what the image tells, as lines on the UART, each with the version that speaks. */
#ifndef SHOW_H
#define SHOW_H

#include "ota_facade.h"

struct show {
    const char *version; /* of the image that speaks */
    uint32_t tenths;     /* of progress: last told */
};

/** A line of three parts, of which the later may be empty. */
void show_line(const struct show *s, const char *first, const char *second, const char *third);
/** What the event means, if it means something to a person. */
void show_event(struct show *s, const struct OTA_EventData *data);

#endif
