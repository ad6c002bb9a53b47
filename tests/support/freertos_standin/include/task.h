/* See FreeRTOS.h of this folder. */
#ifndef STANDIN_TASK_H
#define STANDIN_TASK_H

#include "FreeRTOS.h"

#define tskIDLE_PRIORITY ((UBaseType_t)0u)

typedef void (*TaskFunction_t)(void *parameters);
typedef StaticTask_t *TaskHandle_t;

TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *name, uint32_t stack_depth,
                               void *parameters, UBaseType_t priority, StackType_t *stack,
                               StaticTask_t *memory);
TickType_t xTaskGetTickCount(void);
void vTaskDelay(TickType_t ticks);
void vTaskStartScheduler(void);

void standin_enter_critical(void);
void standin_exit_critical(void);
#define taskENTER_CRITICAL() standin_enter_critical()
#define taskEXIT_CRITICAL()  standin_exit_critical()

#endif
