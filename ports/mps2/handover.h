/*
 * Handover: the first 256 bytes of RAM, which a reset leaves as they are and losing power does not.
 * What the bootloader tells the image that it starts, and what each tells whoever comes after the
 * next reset. Zeros, or whatever else is in RAM after power-on, are never taken for a message.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "ota/handover.h"
#include "ota/store.h"

/** Bootloader: for the image, right before the jump. From then on a reset that nobody announced is the watchdog's. */
void handover_write(const struct ota_handover *h, enum ota_slot slot);

/** Image. @return false if no bootloader of ours has written it; then nothing is touched. */
bool handover_read(struct ota_handover *h, enum ota_slot *slot);

/** Bootloader: why the device came up. Reading it uses it up. */
enum ota_reset_cause handover_cause(void);

/** Announce `cause` and reset the device: from the image, from a fault handler, from the bootloader. */
_Noreturn void handover_reset(enum ota_reset_cause cause);

#endif
