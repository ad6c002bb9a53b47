#include "freertos_mutex.h"
#include "ota/assert.h"

#include <task.h>

/*
 * The first one makes it. The kernel wants none of its functions called in a critical section, so it is made between
 * two: the first claims it, the second shows it to all.
 *
 * @return NULL while another task is at it.
 */
static SemaphoreHandle_t made(struct freertos_mutex *m)
{
    taskENTER_CRITICAL();
    SemaphoreHandle_t handle = m->handle;
    const bool mine = !m->claimed;
    m->claimed = true;
    taskEXIT_CRITICAL();
    if (mine) {
        handle = xSemaphoreCreateMutexStatic(&m->memory);
        taskENTER_CRITICAL();
        m->handle = handle;
        taskEXIT_CRITICAL();
    }
    return handle;
}

void freertos_mutex_take(struct freertos_mutex *m)
{
    SemaphoreHandle_t handle = made(m);
    while (handle == NULL) {
        vTaskDelay(1); /* whoever makes it may have less priority than this task */
        handle = made(m);
    }
    while (xSemaphoreTake(handle, portMAX_DELAY) != pdTRUE) {
        /* Without INCLUDE_vTaskSuspend even the longest delay ends. */
    }
}

void freertos_mutex_give(struct freertos_mutex *m)
{
    const BaseType_t given = xSemaphoreGive(m->handle);
    OTA_ASSERT(given == pdTRUE); /* it was this task's */
}
