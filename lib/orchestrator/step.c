/*
 * How long the provider should wait for the next word of us: from what is left to fetch, at the rate
 * at which it has come so far. Linked where a cfg names it.
 */
#include "ota/step.h"
#include "workflow.h"

/* The estimate is of good weather. */
#define FACTOR 4u
/* A link may be gone for an hour without the job being the worse for it. */
#define FLOOR_MIN 60u
#define MS_A_MIN  60000u

/* Bytes of the claim's file that are not here yet. */
static uint32_t bytes_left(const struct ota_orchestrator *o)
{
    const uint32_t here = o->received * o->cfg.block_size;
    return here < o->journal.file_size ? o->journal.file_size - here : 0;
}

/* What is measured is one download; another begins with none. */
static void begin_measuring(struct ota_orchestrator *o)
{
    o->pace.ticket = o->ticket;
    o->pace.since = o->now;
    o->pace.bytes = o->stats.bytes;
}

uint32_t ota_step_minutes(struct ota_orchestrator *o)
{
    const enum ota_journal_state state = o->journal.state;
    if (state == OTA_JOURNAL_NONE) {
        return 0; /* a job of the application's own kind: it takes what it takes */
    }
    if (state >= OTA_JOURNAL_VERIFYING && state <= OTA_JOURNAL_TESTING) {
        return OTA_STEP_MINUTES_OFF; /* from now on the application takes its time */
    }
    const uint32_t bytes = o->stats.bytes - o->pace.bytes;
    if (state == OTA_JOURNAL_CLAIMED || o->pace.ticket != o->ticket || bytes == 0) {
        begin_measuring(o);
        return FLOOR_MIN;
    }
    const uint64_t minutes = (o->now - o->pace.since) * bytes_left(o) / bytes / MS_A_MIN * FACTOR;
    return minutes < FLOOR_MIN              ? FLOOR_MIN
           : minutes > OTA_STEP_MINUTES_MAX ? OTA_STEP_MINUTES_MAX
                                            : (uint32_t)minutes;
}
