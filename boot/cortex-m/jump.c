#include "jump.h"
#include "board.h"
#include "nor.h"
#include <string.h>

/* The core takes a reset vector's lowest bit for "Thumb", which is all that it can run. */
#define THUMB 1u

static bool stack_ok(uint32_t top)
{
    return top % 8u == 0 && top > BOARD_RAM + BOARD_RAM_KEPT_SIZE &&
           top <= BOARD_RAM + BOARD_RAM_SIZE;
}

bool entry_read(const struct ota_store *store, const struct ota_boot_result *result,
                struct entry *entry)
{
    const struct ota_image_header *h = &result->image->image.header;
    const uint32_t payload = store->layout->slot[result->verdict.slot].offset + h->header_size;
    if (h->payload_size < sizeof *entry) {
        return false;
    }
    memcpy(entry, nor_address(payload), sizeof *entry);
    const uint32_t at = (entry->reset & ~THUMB) - (BOARD_FLASH + payload);
    return stack_ok(entry->stack_top) && (entry->reset & THUMB) != 0 && at >= sizeof *entry &&
           at < h->payload_size;
}

_Noreturn void jump(const struct entry *entry)
{
    const uint32_t stack_top = entry->stack_top, reset = entry->reset;
    __asm volatile("msr msp, %0\n\t"
                   "dsb\n\t"
                   "isb\n\t"
                   "bx %1" ::"r"(stack_top),
                   "r"(reset)
                   : "memory");
    __builtin_unreachable();
}
