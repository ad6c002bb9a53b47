/*
 * Handover: what the bootloader tells the image that it starts.
 */
#ifndef OTA_HANDOVER_H
#define OTA_HANDOVER_H

#include "ota/err.h"

/** Which rule of the boot decision chose the slot; handed over to the application. */
enum ota_boot_rule {
    OTA_BOOT_TRIAL = 1,       /* UNTRIED: its first boot                       */
    OTA_BOOT_TRIAL_AGAIN = 2, /* TRIED, with trials left                       */
    OTA_BOOT_CONFIRMED = 3,   /* highest sequence, then version, then slot A   */
    OTA_BOOT_UNMARKED = 4,    /* nothing is confirmed; a debugger programmed it */
    OTA_BOOT_LAST_RESORT = 5, /* TRIED without trials left: rather than nothing */
    OTA_BOOT_RECOVERY = 6,    /* nothing may run: the port's recovery hook     */
};

/** Why the device came up; a hardware register on most parts. Values are journalled: append-only. */
enum ota_reset_cause {
    OTA_RESET_UNKNOWN = 0,
    OTA_RESET_POWER_ON = 1,
    OTA_RESET_SOFTWARE = 2,
    OTA_RESET_WATCHDOG = 3,
    OTA_RESET_FAULT = 4,
};

/** Passed by the port: registers, a word in RAM, arguments of a process. */
struct ota_handover {
    enum ota_boot_rule rule; /* 0 if another bootloader runs here: unknown */
    enum ota_reset_cause cause;
    ota_err_t refused; /* why the other slot's image may not run, if that is known; OTA_OK */
};

#endif
