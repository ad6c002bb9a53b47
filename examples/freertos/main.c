/*
 * An application with the OTA agent beside it, on FreeRTOS: three tasks, no heap.
 *
 *     connection task   owns the MQTT connection; tells the agent what comes over it
 *     application task  does the device's work; decides when to activate, and whether a new image is good
 *     agent's task      made by OTA_AgentInit(); calls on_event(), and publishes through the connection
 */
#include "board.h"
#include "connection.h"
#include "ota_facade.h"

#include <stdatomic.h>

#include <FreeRTOS.h>

#include <task.h>

/* A block is what is asked for and written at once; messages that wait are the window of blocks in flight. */
#define BLOCK_SIZE  1024u
#define MESSAGES    8u
#define STACK_WORDS 1024u
#define WORK_MS     1000u
#define INIT_MS     5000u

struct app {
    uint8_t memory[OTA_MEMORY_SIZE(BLOCK_SIZE, MESSAGES)]; /* lent to the agent */
    atomic_bool activate_wanted, test_wanted;              /* set on the agent's task */
};

/* --- the agent ------------------------------------------------------------------------------ */

/* On the agent's task: only note what is to be done. */
static void on_event(OTA_JobEvent_t event, const struct OTA_EventData *data, void *context)
{
    struct app *const app = context;
    (void)data;
    if (event == OTA_JobEvent_Activate) {
        atomic_store(&app->activate_wanted, true);
    } else if (event == OTA_JobEvent_StartTest) {
        atomic_store(&app->test_wanted, true);
    }
}

static bool start_agent(struct app *app)
{
    const struct OTA_Config config = {
        .thing_name = board_thing_name(),
        .flash = &board_flash,
        .layout = &board_layout,
        .crypto = board_crypto(),
        .running_slot = board_slot(),
        .handover = board_handover(),
        .mqtt = connection_for_agent(),
        .reset = board_reset,
        .callback = on_event,
        .callback_context = app,
        .block_size = BLOCK_SIZE,
        .window = MESSAGES,
        .memory = OTA_BUF_OF(app->memory),
    };
    (void)OTA_AgentInit(&config, INIT_MS); /* not ready in time is no error; the next line is */
    return OTA_GetLastError() == OTA_Err_None;
}

/* --- the application -------------------------------------------------------------------------- */

/* Now and not earlier, since here nothing is going on that a reset would harm. */
static void serve_agent(struct app *app)
{
    if (atomic_exchange(&app->activate_wanted, false)) {
        (void)OTA_ActivateNewImage(); /* refused: it was cancelled meanwhile */
    }
    if (atomic_exchange(&app->test_wanted, false)) {
        (void)OTA_SetImageState(board_works() ? OTA_ImageState_Accepted : OTA_ImageState_Rejected);
    }
}

static void app_task(void *context)
{
    struct app *const app = context;
    if (!start_agent(app)) {
        connection_send("app/device-1/trouble", OTA_ErrName(OTA_GetLastError()));
    }
    for (;;) {
        connection_send("app/device-1/temperature", "21");
        serve_agent(app);
        vTaskDelay(WORK_MS * configTICK_RATE_HZ / 1000u);
    }
}

static void connection_task(void *unused)
{
    (void)unused;
    for (;;) {
        connection_run();
        vTaskDelay(1);
    }
}

int main(void)
{
    static struct app app;
    static StackType_t stacks[2][STACK_WORDS];
    static StaticTask_t tasks[2];
    (void)xTaskCreateStatic(connection_task, "mqtt", STACK_WORDS, NULL, 3, stacks[0], &tasks[0]);
    (void)xTaskCreateStatic(app_task, "app", STACK_WORDS, &app, 2, stacks[1], &tasks[1]);
    vTaskStartScheduler();
    return 0; /* not reached */
}
