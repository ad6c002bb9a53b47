/*
 * Mutex: a FreeRTOS mutex that needs no heap and no call before its first use. All zero is a good beginning:
 *
 *     static struct freertos_mutex mutex;
 *
 * For tasks only, once the scheduler runs; not for interrupts. Not recursive.
 */
#ifndef FREERTOS_MUTEX_H
#define FREERTOS_MUTEX_H

#include <stdbool.h>

#include <FreeRTOS.h>

#include <semphr.h>

struct freertos_mutex {
    StaticSemaphore_t memory;
    SemaphoreHandle_t handle; /* NULL until it is made */
    bool claimed;             /* some task makes it, or has made it */
};

void freertos_mutex_take(struct freertos_mutex *m);
void freertos_mutex_give(struct freertos_mutex *m);

#endif
