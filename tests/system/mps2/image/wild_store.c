#include "behaviour.h"
#include "board.h"

const char behaviour_name[] = "wild store";

/* Into the slot that would have to save the day. */
void behave(void)
{
    *(volatile uint32_t *)(BOARD_FLASH + posix_board_layout.slot[OTA_SLOT_A].offset) = 0;
}
