/* Show: what the agent tells, as lines for a person; progress as a bar on a terminal. */
#ifndef SHOW_H
#define SHOW_H

#include "ota_facade.h"

struct show {
    const char *version; /* of the image that speaks */
    bool terminal;       /* stdout is one */
    bool bar;            /* an unfinished line with a bar is on it */
    uint32_t tenths;     /* of progress: last told */
};

struct show show_begin(const char *version);

/** Print a line that begins with the version. */
__attribute__((format(printf, 2, 3))) void show_line(struct show *s, const char *format, ...);

/** Print what `event` means, if it means something to a person. */
void show_event(struct show *s, OTA_JobEvent_t event, const struct OTA_EventData *data);

#endif
