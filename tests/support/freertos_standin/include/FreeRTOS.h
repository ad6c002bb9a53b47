/*
 * Stand-in for a FreeRTOS kernel, on pthreads: exactly the calls that ports/freertos and examples/freertos make, with
 * the meaning that the kernel's reference gives them. For tests on a host; no scheduler, no priorities, no
 * interrupts. Whatever a kernel with configASSERT() would stop at, and a call in a critical section, aborts.
 *
 * The names are the kernel's.
 */
#ifndef STANDIN_FREERTOS_H
#define STANDIN_FREERTOS_H

#include <stddef.h>
#include <stdint.h>

#include "FreeRTOSConfig.h"

typedef long BaseType_t;
typedef unsigned long UBaseType_t;
typedef unsigned long StackType_t;

#define TICK_TYPE_WIDTH_16_BITS 0
#define TICK_TYPE_WIDTH_32_BITS 1
#if configTICK_TYPE_WIDTH_IN_BITS == TICK_TYPE_WIDTH_16_BITS
typedef uint16_t TickType_t;
#define portMAX_DELAY ((TickType_t)0xffffu)
#else
typedef uint32_t TickType_t;
#define portMAX_DELAY ((TickType_t)0xffffffffu)
#endif

#define pdFALSE ((BaseType_t)0)
#define pdTRUE  ((BaseType_t)1)
#define pdPASS  pdTRUE

/* Room for what standin.c keeps of one; what is in it is the stand-in's. */
typedef struct {
    const void *self;
    const void *holder;
    size_t waiting;
    int kind;
    int available;
} StaticSemaphore_t;

typedef struct {
    void (*code)(void *parameters);
    void *parameters;
    size_t used;
} StaticTask_t;

#endif
