#include "show.h"
#include "event_words.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 40u

struct show show_begin(const char *version)
{
    return (struct show){ .version = version, .terminal = isatty(STDOUT_FILENO) == 1 };
}

void show_line(struct show *s, const char *format, ...)
{
    va_list args;
    flockfile(stdout); /* the main thread and the agent's both speak */
    if (s->bar) {
        putchar('\n');
        s->bar = false;
    }
    printf("%s: ", s->version);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    funlockfile(stdout);
}

static void show_bar(struct show *s, uint32_t value, uint32_t total)
{
    uint32_t filled = (uint32_t)((uint64_t)value * BAR_WIDTH / total);
    flockfile(stdout);
    printf("\r%s: [", s->version);
    for (uint32_t i = 0; i < BAR_WIDTH; i++) {
        putchar(i < filled ? '#' : '.');
    }
    printf("] %3u %%", (unsigned)((uint64_t)value * 100u / total));
    fflush(stdout);
    s->bar = true;
    funlockfile(stdout);
}

static void show_progress(struct show *s, uint32_t value, uint32_t total)
{
    if (total == 0) {
        return;
    }
    uint32_t tenths = (uint32_t)((uint64_t)value * 10u / total);
    if (s->terminal) {
        show_bar(s, value, total);
    } else if (tenths != s->tenths) {
        show_line(s, "downloading: %u %%, %u of %u blocks", (unsigned)(tenths * 10u),
                  (unsigned)value, (unsigned)total);
    }
    s->tenths = tenths;
}

void show_event(struct show *s, OTA_JobEvent_t event, const struct OTA_EventData *data)
{
    char line[256];
    size_t at = 0;
    if (event == OTA_JobEvent_Progress) {
        show_progress(s, data->value, data->total);
        return;
    }
    const char *words = event_words(data->info);
    for (; words != NULL && *words != '\0' && at < sizeof line - 1u; words++) {
        const size_t room = sizeof line - at;
        int len = 0;
        switch (*words) {
        case '#': len = snprintf(line + at, room, "%u", (unsigned)data->value); break;
        case '?': len = snprintf(line + at, room, "%s", event_why(data)); break;
        case '@':
            len = snprintf(line + at, room, "%.*s", (int)data->job_id.len,
                           (const char *)data->job_id.ptr);
            break;
        default: len = snprintf(line + at, room, "%c", *words); break;
        }
        at += len > 0 ? (size_t)len : 0;
    }
    if (words != NULL) {
        show_line(s, "%s", line);
    }
}
