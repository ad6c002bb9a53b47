#include "telemetry.h"
#include <stdio.h>
#include <string.h>

void telemetry_begin(struct telemetry *t, const char *thing)
{
    memset(t, 0, sizeof *t);
    snprintf(t->topic, sizeof t->topic, "app/%.*s/telemetry", (int)OTA_THING_NAME_MAX, thing);
}

struct ota_span telemetry_next(struct telemetry *t, struct ota_buf room)
{
    const int len = snprintf((char *)room.ptr, room.cap, "{\"n\":%u,\"celsius\":21}", ++t->sent);
    return (struct ota_span){ room.ptr, len > 0 ? (size_t)len : 0 };
}

bool telemetry_heard(struct telemetry *t, struct ota_span topic, ota_ms_t now)
{
    if (!ota_span_eq(topic, ota_span_of_str(t->topic))) {
        return false;
    }
    atomic_uint *const longest = &t->longest_ms[atomic_load(&t->phase)];
    const ota_ms_t last = atomic_exchange(&t->last, now);
    if (last != 0 && now - last > atomic_load(longest)) {
        atomic_store(longest, (unsigned)(now - last));
    }
    atomic_fetch_add(&t->heard, 1);
    return true;
}

void telemetry_link(struct telemetry *t)
{
    atomic_store(&t->last, 0);
}

void telemetry_phase(struct telemetry *t, enum telemetry_phase phase)
{
    atomic_store(&t->phase, (int)phase);
}
