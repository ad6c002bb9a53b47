/* Jump: from the bootloader into an image that runs in place. */
#ifndef JUMP_H
#define JUMP_H

#include "ota/boot.h"

/* The first two words of an image's vector table. */
struct entry {
    uint32_t stack_top, reset;
};

/**
 * The entry of the image in result's slot. An image is signed, but may be signed and wrong.
 *
 * @return false if its stack is not in RAM, or its reset vector not inside its payload: it must not run.
 */
bool entry_read(const struct ota_store *store, const struct ota_boot_result *result,
                struct entry *entry);

/** Run it. The bootloader's vector table stays in force until the image sets its own. */
_Noreturn void jump(const struct entry *entry);

#endif
