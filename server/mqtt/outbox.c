#include "outbox.h"
#include "ota/assert.h"

void outbox_restart(struct outbox *o)
{
    o->flying_count = 0;
    o->published = 0;
    o->behind = true;
}

bool outbox_may_publish(struct outbox *o, uint64_t id)
{
    const size_t known = o->flying_count + o->taken_count;
    if (o->behind || known >= OUTBOX_FLYING_MAX) {
        o->behind = true;
        return false;
    }
    OTA_ASSERT(id > o->published);
    return true;
}

void outbox_published(struct outbox *o, uint64_t id, int mid)
{
    OTA_ASSERT(o->flying_count < OUTBOX_FLYING_MAX);
    o->flying[o->flying_count].mid = mid;
    o->flying[o->flying_count].id = id;
    o->flying_count++;
    o->published = id;
}

/* Flying and taken share one bound, so there is room for each that lands. */
void outbox_acknowledged(struct outbox *o, int mid, ota_ms_t now_ms)
{
    for (size_t i = 0; i < o->flying_count; i++) {
        if (o->flying[i].mid != mid) {
            continue;
        }
        if (o->taken_count == 0) {
            o->taken_since = now_ms;
        }
        o->taken[o->taken_count++] = o->flying[i].id;
        o->flying[i] = o->flying[--o->flying_count];
        return;
    }
}

bool outbox_wants_page(const struct outbox *o)
{
    return o->behind &&
           o->flying_count + o->taken_count + SRV_OUTBOX_RENDER_MAX <= OUTBOX_FLYING_MAX;
}

bool outbox_drop_due(const struct outbox *o, ota_ms_t now_ms)
{
    return o->taken_count > 0 && (o->behind || o->taken_count >= SRV_OUTBOX_RENDER_MAX ||
                                  now_ms - o->taken_since >= OUTBOX_LINGER_MS);
}

void outbox_drop_tried(struct outbox *o, const struct srv_err *result, ota_ms_t now_ms)
{
    o->taken_count = result->code == SRV_OK ? 0 : o->taken_count;
    o->taken_since = now_ms;
}
