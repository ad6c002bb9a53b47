#include "ota/backoff.h"
#include "ota/assert.h"
#include <stdbool.h>

/* xorshift32 (Marsaglia 2003). Zero is its one fixed point. */
static uint32_t next_random(uint32_t x)
{
    x = x != 0 ? x : 0x9e3779b9u;
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

ota_ms_t ota_backoff_deadline(struct ota_backoff *b, uint32_t silences, ota_ms_t now)
{
    OTA_ASSERT(b->ms_min > 0 && b->ms_min <= b->ms_max);
    const bool growing = silences < 32u && b->ms_min <= b->ms_max >> silences;
    const uint32_t wait = growing ? b->ms_min << silences : b->ms_max;
    b->random = next_random(b->random);
    const ota_ms_t deadline = now + (wait - b->random % (wait / 2u + 1u));
    return deadline < now ? OTA_NEVER : deadline;
}
