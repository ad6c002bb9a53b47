/* See FreeRTOS.h of this folder. */
#ifndef STANDIN_SEMPHR_H
#define STANDIN_SEMPHR_H

#ifndef STANDIN_FREERTOS_H
#error "the kernel wants FreeRTOS.h to be included before semphr.h, and so does its stand-in"
#endif

typedef StaticSemaphore_t *SemaphoreHandle_t;

SemaphoreHandle_t xSemaphoreCreateMutexStatic(StaticSemaphore_t *memory);
SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory);
BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t ticks);
BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore);
void vSemaphoreDelete(SemaphoreHandle_t semaphore);

#endif
