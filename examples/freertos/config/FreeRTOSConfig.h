/*
 * The options that waft's port needs or is touched by, with the reason of each; a real image adds those of its
 * processor (clock, interrupt priorities) and of its application.
 */
#ifndef FREERTOS_CONFIG_H
#define FREERTOS_CONFIG_H

/* --- needed ------------------------------------------------------------------------------- */

/* All that waft gives to the kernel is memory of its own. It takes nothing from a heap, so there need be none. */
#define configSUPPORT_STATIC_ALLOCATION 1
/* One mutex for the agent, one for PSA Crypto; with priority inheritance. */
#define configUSE_MUTEXES 1
/* Once, if two tasks come for a mutex before it is made. */
#define INCLUDE_vTaskDelay 1

/* The kernel brings the memory of its idle task. Before V11 you write vApplicationGetIdleTaskMemory() instead. */
#define configKERNEL_PROVIDED_STATIC_MEMORY 1

/* --- free ----------------------------------------------------------------------------------- */

#ifndef configTICK_RATE_HZ
#define configTICK_RATE_HZ 1000
#endif
/* Wraps are counted. 16 bits do as well: the agent's task then wakes every quarter of their range. Before V11 the
 * option is configUSE_16_BIT_TICKS. */
#ifndef configTICK_TYPE_WIDTH_IN_BITS
#define configTICK_TYPE_WIDTH_IN_BITS TICK_TYPE_WIDTH_32_BITS
#endif
/* The agent wants one priority that is low, but above idle. */
#define configMAX_PRIORITIES     5
#define configUSE_PREEMPTION     1
#define configMINIMAL_STACK_SIZE 128
/* So that waiting for ever is one wait; without it the port asks again. */
#define INCLUDE_vTaskSuspend 1
/* Not used by waft: a waiting task's notifications are the application's. */
#define configSUPPORT_DYNAMIC_ALLOCATION 0
#define configUSE_TASK_NOTIFICATIONS     1
#define configUSE_TIMERS                 0
#define configUSE_IDLE_HOOK              0
#define configUSE_TICK_HOOK              0
/* Worth its bytes: the kernel then stops where it is misused. */
extern void vAssertCalled(const char *file, int line);
#define configASSERT(x) ((x) ? (void)0 : vAssertCalled(__FILE__, __LINE__))

/* --- of waft: see ports/freertos/freertos_settings.h ------------------------------------------- */

#define OTA_TASK_PRIORITY   1u
#define OTA_TASK_STACK_SIZE 8192u

#endif
