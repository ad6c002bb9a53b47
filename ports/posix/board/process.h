/* Process: one life of the bootloader and the image that it becomes, from start to end. */
#ifndef BOARD_PROCESS_H
#define BOARD_PROCESS_H

#include <stdbool.h>

/* Signals that the board waits for, blocked from here on, so that none can come unseen. */
void board_signals_block(void);

/**
 * Run `argv` in a new process that cannot outlive this one, and wait for its end. SIGTERM, SIGINT
 * and SIGHUP are forwarded to it as SIGTERM; one that does not listen is killed after
 * BOARD_PATIENCE_S seconds.
 *
 * @param stopped  out: set to true if one of those came; else untouched.
 * @return its status, as wait() gives it.
 */
int board_process_run(char *const argv[], bool *stopped);

/** Wait `ms` milliseconds. @return false if told to end meanwhile. */
bool board_pause(int ms);

#define BOARD_PATIENCE_S 5

#endif
