/*
 * Why an update ended, in sentences. A device that has not the room for them has its own ota_reason_text(), and does
 * not link this.
 */
#include "ota/orchestrator.h"

#include <string.h>

/* Texts behind each other, in the order of their enum; walked, since pointers would take a fifth as much again. */
static const char reasons[] = "\0" /* NONE */
                              "\0" /* ERROR: ota_err_text() has it */
                              "already installed\0"
                              "self-test failed\0"
                              "self-test did not end in time\0"
                              "reverted: reset before it was confirmed\0"
                              "refused by bootloader\0"
                              "new image did not start\0"
                              "power lost before confirm\0"
                              "cannot be confirmed\0"
                              "would not stay: the other slot would boot\0"
                              "failed, and there is no way back\0"
                              "installed, then found damaged\0"
                              "confirmed against the verdict\0"
                              "aborted by the application\0"
                              "canceled\0"
                              "refused by the application\0"
                              "finished by the application\0"
                              "failed in the application\0";

const char *ota_reason_text(enum ota_reason reason)
{
    const char *text = reasons; /* behind the last one is an empty text */
    for (unsigned i = 0; i <= OTA_REASON_LAST && i < (unsigned)reason; i++) {
        text += strlen(text) + 1u;
    }
    return text;
}
