#include "event_words.h"

const char *event_words(enum ota_event_kind kind)
{
    static const char *const words[] = {
        [OTA_EVENT_OFFER] = "job @ offers an image of # bytes",
        [OTA_EVENT_NO_JOB] = "no update is waiting",
        [OTA_EVENT_CUSTOM_JOB] = "a job that is not for the agent",
        [OTA_EVENT_CLAIMED] = "job accepted",
        [OTA_EVENT_RESUMED] = "download goes on: # bytes are here already",
        [OTA_EVENT_PROGRESS] = NULL,
        [OTA_EVENT_ACTIVATE] = "image verified; activating it",
        [OTA_EVENT_START_TEST] = "self-test begins",
        [OTA_EVENT_CONFIRMED] = "confirmed: this image stays",
        [OTA_EVENT_SELF_TEST_FAILED] = "self-test failed: going back",
        [OTA_EVENT_FAILED] = "update failed: ?",
        [OTA_EVENT_CANCELED] = "job canceled",
        [OTA_EVENT_REPORTED] = "the provider knows the result",
        [OTA_EVENT_MESSAGE_REFUSED] = "message dropped: ?",
        [OTA_EVENT_FLASH_FAULT] = "flash fault: ?",
        [OTA_EVENT_FILE_COMPLETE] = "data file # verified",
    };
    return words[kind];
}

const char *event_why(const struct OTA_EventData *data)
{
    return data->error != OTA_OK ? ota_err_text(data->error)
                                 : ota_reason_text((enum ota_reason)data->reason);
}
