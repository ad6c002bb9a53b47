#include "superloop.h"
#include "ota_facade.h"

/* Nobody else is there to be kept out, to be told, or to be waited for. */
static void nobody(void)
{
}

/* What is awaited can only come from the agent. */
static void turn_instead(ota_ms_t deadline)
{
    (void)deadline;
    (void)OTA_AgentTurn(); /* the caller looks at the clock */
}

static bool no_thread(void (*loop)(void))
{
    (void)loop;
    return true;
}

const struct OTA_OsOps OTA_Os = {
    .lock = nobody,
    .unlock = nobody,
    .wait_until = turn_instead,
    .wake = nobody,
    .now = OTA_SuperloopNow,
    .start = no_thread,
    .join = nobody,
};
