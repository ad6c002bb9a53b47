#include "ota/backoff.h"
#include "ota/assert.h"

/* xorshift32 (Marsaglia 2003). Zero is its one fixed point. */
static uint32_t next_random(uint32_t *x)
{
    uint32_t next = *x != 0 ? *x : 0x9e3779b9u;
    next ^= next << 13;
    next ^= next >> 17;
    next ^= next << 5;
    *x = next;
    return next;
}

ota_ms_t ota_backoff_deadline(struct ota_backoff *b, uint32_t silences, ota_ms_t now)
{
    OTA_ASSERT(b->ms_min > 0 && b->ms_min <= b->ms_max);
    uint32_t wait = b->ms_min;
    for (uint32_t i = 0; i < silences && wait < b->ms_max; i++) {
        wait = wait > b->ms_max / 2u ? b->ms_max : wait * 2u;
    }
    wait -= next_random(&b->random) % (wait / 2u + 1u);
    return now < OTA_NEVER - wait ? now + wait : OTA_NEVER;
}
