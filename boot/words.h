/*
 * What is the same on every board: what a bootloader says of slots and rules, and how often it tries an image.
 */
#ifndef BOOT_WORDS_H
#define BOOT_WORDS_H

#include "ota/boot.h"
#include <assert.h>

/* By the build (WAFT_TRIALS_MAX). One, unless told otherwise: an image that resets in its self-test has failed it. */
static_assert(BOOT_TRIALS_MAX >= 1 && BOOT_TRIALS_MAX <= OTA_TRIALS_MAX,
              "as many marks as a trailer has");

const char *boot_rule_text(enum ota_boot_rule rule);
const char *boot_class_text(enum ota_slot_class class);

#endif
