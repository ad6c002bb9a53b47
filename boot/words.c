#include "words.h"

const char *boot_rule_text(enum ota_boot_rule rule)
{
    switch (rule) {
    case OTA_BOOT_TRIAL: return "first boot of a new image: a trial";
    case OTA_BOOT_TRIAL_AGAIN: return "another boot of a new image: still a trial";
    case OTA_BOOT_CONFIRMED: return "the newest confirmed image";
    case OTA_BOOT_UNMARKED: return "nothing is confirmed: an image that a debugger programmed";
    case OTA_BOOT_LAST_RESORT: return "nothing else verifies: rather a failed trial than nothing";
    case OTA_BOOT_RECOVERY: return "nothing may run";
    }
    return "no rule";
}

const char *boot_class_text(enum ota_slot_class class)
{
    switch (class) {
    case OTA_SLOT_INVALID: return "does not verify";
    case OTA_SLOT_CONFIRMED: return "confirmed";
    case OTA_SLOT_UNTRIED: return "new, not tried yet";
    case OTA_SLOT_TRIED: return "tried, not confirmed";
    case OTA_SLOT_UNMARKED: return "not marked";
    case OTA_SLOT_INCOMPLETE: return "a download that was not finished";
    }
    return "?";
}
