/* What a test may do to the stand-in, and ask of it. */
#ifndef STANDIN_H
#define STANDIN_H

#include <FreeRTOS.h>

/** Time leaps forward to when the kernel's counter is `tick`, over its wrap if need be. Waits that are over then end. */
void standin_set_tick(TickType_t tick);

/** Waits for a semaphore, not for a mutex, that have begun so far: a test sees by it that a task sleeps again. */
unsigned standin_waits(void);
/** Wait until so many have begun. */
void standin_await_waits(unsigned count);

/** Semaphores that exist, mutexes included. */
unsigned standin_semaphores(void);

/** What the newest task was made with. */
struct standin_task {
    unsigned made; /* tasks so far */
    const char *name;
    uint32_t stack_depth;
    UBaseType_t priority;
};
struct standin_task standin_newest_task(void);

#endif
