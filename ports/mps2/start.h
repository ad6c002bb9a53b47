/*
 * Start: from the reset vector to main(), the vector table, and what becomes of a fault.
 *
 * The bootloader's vector table counts until an image has its own in force, which start-up does
 * first: whatever an image does, there is a handler that resets.
 */
#ifndef START_H
#define START_H

/** The program. Returning from it is a fault. */
int main(void);

/* Handlers of interrupts; whoever has one defines it. One that nobody defines is a fault. */
void board_systick(void);
void board_ethernet(void); /* interrupt 13: LAN9118 */

#endif
