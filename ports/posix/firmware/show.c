#include "show.h"
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

static void show_info(struct show *s, const struct OTA_EventData *d)
{
    switch (d->info) {
    case OTA_EVENT_OFFER:
        show_line(s, "job %.*s offers an image of %u bytes", (int)d->job_id.len,
                  (const char *)d->job_id.ptr, (unsigned)d->value);
        break;
    case OTA_EVENT_CLAIMED: show_line(s, "job accepted"); break;
    case OTA_EVENT_RESUMED:
        show_line(s, "download goes on: %u bytes are here already", (unsigned)d->value);
        break;
    case OTA_EVENT_CONFIRMED: show_line(s, "confirmed: this image stays"); break;
    case OTA_EVENT_CANCELED: show_line(s, "job canceled"); break;
    case OTA_EVENT_REPORTED: show_line(s, "the provider knows the result"); break;
    case OTA_EVENT_MESSAGE_REFUSED:
        show_line(s, "message dropped: %s", ota_err_text(d->error));
        break;
    case OTA_EVENT_FLASH_FAULT: show_line(s, "flash fault: %s", ota_err_text(d->error)); break;
    case OTA_EVENT_NO_JOB:
    case OTA_EVENT_CUSTOM_JOB:
    case OTA_EVENT_PROGRESS:
    case OTA_EVENT_ACTIVATE:
    case OTA_EVENT_START_TEST:
    case OTA_EVENT_SELF_TEST_FAILED:
    case OTA_EVENT_FAILED: break; /* events of their own */
    }
}

void show_event(struct show *s, OTA_JobEvent_t event, const struct OTA_EventData *data)
{
    switch (event) {
    case OTA_JobEvent_Activate: show_line(s, "image verified; activating it"); break;
    case OTA_JobEvent_StartTest: show_line(s, "self-test begins"); break;
    case OTA_JobEvent_SelfTestFailed: show_line(s, "self-test failed: going back"); break;
    case OTA_JobEvent_Fail:
        show_line(s, "update failed: %s",
                  data->error != OTA_OK ? ota_err_text(data->error)
                                        : ota_reason_text((enum ota_reason)data->reason));
        break;
    case OTA_JobEvent_NoJob: show_line(s, "no update is waiting"); break;
    case OTA_JobEvent_CustomJob: show_line(s, "a job that is not for the agent"); break;
    case OTA_JobEvent_Progress: show_progress(s, data->value, data->total); break;
    case OTA_JobEvent_Info: show_info(s, data); break;
    case OTA_JobEvent_FileComplete: break; /* Activate follows */
    }
}
