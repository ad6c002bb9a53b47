/* Words: what a bootloader says of slots and rules, the same on every board. */
#ifndef BOOT_WORDS_H
#define BOOT_WORDS_H

#include "ota/boot.h"

const char *boot_rule_text(enum ota_boot_rule rule);
const char *boot_class_text(enum ota_slot_class class);

#endif
