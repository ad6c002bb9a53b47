/*
 * What a board may set, in FreeRTOSConfig.h or on the compiler's command line; and what the port needs of the kernel.
 */
#ifndef FREERTOS_SETTINGS_H
#define FREERTOS_SETTINGS_H

#include <FreeRTOS.h>

/* The agent's task. Low: it erases, writes and verifies for tens of milliseconds at a time, and nobody waits for it. */
#ifndef OTA_TASK_PRIORITY
#define OTA_TASK_PRIORITY (tskIDLE_PRIORITY + 1u)
#endif
/* Bytes. The agent itself is content with two KiB; signatures (Mbed TLS), the MQTT client's publish and the
 * completion callback run on this stack too. uxTaskGetStackHighWaterMark() tells what is left of it. */
#ifndef OTA_TASK_STACK_SIZE
#define OTA_TASK_STACK_SIZE 8192u
#endif
#ifndef OTA_TASK_NAME
#define OTA_TASK_NAME "ota"
#endif

#if configSUPPORT_STATIC_ALLOCATION != 1
#error "waft takes no memory from the kernel's heap: set configSUPPORT_STATIC_ALLOCATION to 1"
#endif
#if configUSE_MUTEXES != 1
#error "set configUSE_MUTEXES to 1"
#endif
#if INCLUDE_vTaskDelay != 1
#error "set INCLUDE_vTaskDelay to 1"
#endif

#endif
