#include "show.h"
#include "uart.h"

static void begin(const struct show *s)
{
    uart_text(s->version);
    uart_text(": ");
}

void show_line(const struct show *s, const char *first, const char *second, const char *third)
{
    begin(s);
    uart_text(first);
    uart_text(second != NULL ? second : "");
    uart_text(third != NULL ? third : "");
    uart_text("\n");
}

void show_number(const struct show *s, const char *before, uint32_t value, const char *after)
{
    begin(s);
    uart_text(before);
    uart_decimal(value);
    uart_text(after);
    uart_text("\n");
}

static void say(const struct show *s, const char *text)
{
    show_line(s, text, NULL, NULL);
}

/* A line for each tenth. */
static void show_progress(struct show *s, uint32_t value, uint32_t total)
{
    const uint32_t tenths = total > 0 ? (uint32_t)((uint64_t)value * 10u / total) : 0;
    if (tenths != s->tenths) {
        begin(s);
        uart_text("downloading: ");
        uart_decimal(tenths * 10u);
        uart_text(" %, ");
        uart_decimal(value);
        uart_text(" of ");
        uart_decimal(total);
        uart_text(" blocks\n");
    }
    s->tenths = tenths;
}

static void show_offer(const struct show *s, const struct OTA_EventData *d)
{
    begin(s);
    uart_text("job ");
    uart_write(d->job_id);
    uart_text(" offers an image of ");
    uart_decimal(d->value);
    uart_text(" bytes\n");
}

static void show_info(const struct show *s, const struct OTA_EventData *d)
{
    switch (d->info) {
    case OTA_EVENT_OFFER: show_offer(s, d); break;
    case OTA_EVENT_CLAIMED: say(s, "job accepted"); break;
    case OTA_EVENT_RESUMED:
        show_number(s, "download goes on: ", d->value, " bytes are here already");
        break;
    case OTA_EVENT_CONFIRMED: say(s, "confirmed: this image stays"); break;
    case OTA_EVENT_CANCELED: say(s, "job canceled"); break;
    case OTA_EVENT_REPORTED: say(s, "the provider knows the result"); break;
    case OTA_EVENT_MESSAGE_REFUSED:
        show_line(s, "message dropped: ", ota_err_text(d->error), NULL);
        break;
    case OTA_EVENT_FLASH_FAULT: show_line(s, "flash fault: ", ota_err_text(d->error), NULL); break;
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
    case OTA_JobEvent_Activate: say(s, "image verified; activating it"); break;
    case OTA_JobEvent_StartTest: say(s, "self-test begins"); break;
    case OTA_JobEvent_SelfTestFailed: say(s, "self-test failed: going back"); break;
    case OTA_JobEvent_Fail:
        show_line(s, "update failed: ",
                  data->error != OTA_OK ? ota_err_text(data->error)
                                        : ota_reason_text((enum ota_reason)data->reason),
                  NULL);
        break;
    case OTA_JobEvent_NoJob: say(s, "no update is waiting"); break;
    case OTA_JobEvent_CustomJob: say(s, "a job that is not for the agent"); break;
    case OTA_JobEvent_Progress: show_progress(s, data->value, data->total); break;
    case OTA_JobEvent_Info: show_info(s, data); break;
    case OTA_JobEvent_FileComplete: break; /* Activate follows */
    }
}
