#include "mqtt_asked.h"
#include <string.h>

/* Less in common is not worth it. */
#define SHARED_MIN 8u

struct entry {
    uint8_t *at; /* where its id stands */
    uint16_t id;
    struct ota_span whole; /* of the newest one that is whole, up to this one */
    size_t shared;
    struct ota_span rest;
};

/* From the first to the last: `e` of all zero to begin. */
static bool next(struct mqtt_asked *a, struct ota_reader *r, struct entry *e)
{
    if (ota_reader_left(r) == 0) {
        return false;
    }
    e->at = a->entries + a->len - ota_reader_left(r);
    e->id = (uint16_t)ota_read_be(r, 2);
    e->shared = (size_t)ota_read_be(r, 2);
    e->rest = ota_read_bytes(r, (size_t)ota_read_be(r, 2));
    if (e->shared == 0) {
        e->whole = e->rest;
    }
    return true;
}

static struct ota_reader entries_of(const struct mqtt_asked *a)
{
    return ota_reader((struct ota_span){ a->entries, a->len });
}

static size_t in_common(struct ota_span a, struct ota_span b)
{
    size_t same = 0;
    while (same < a.len && same < b.len && a.ptr[same] == b.ptr[same]) {
        same++;
    }
    return same >= SHARED_MIN ? same : 0;
}

bool mqtt_asked_add(struct mqtt_asked *a, uint16_t id, struct ota_span filter)
{
    struct entry last = { .id = 0 };
    struct ota_reader r = entries_of(a);
    while (next(a, &r, &last)) {
    }
    const size_t shared = in_common(last.whole, filter);
    struct ota_writer w =
        ota_writer((struct ota_buf){ a->entries + a->len, sizeof a->entries - a->len });
    ota_write_be(&w, 2, id);
    ota_write_be(&w, 2, shared);
    ota_write_be(&w, 2, filter.len - shared);
    ota_write_bytes(&w, (struct ota_span){ filter.ptr + shared, filter.len - shared });
    const size_t len = ota_writer_done(&w).len;
    a->len = (uint16_t)(a->len + len);
    a->open = (uint16_t)(a->open + (len > 0));
    return len > 0;
}

struct ota_span mqtt_asked_take(struct mqtt_asked *a, uint16_t id, struct ota_buf room)
{
    struct entry e = { .id = 0 };
    struct ota_reader r = entries_of(a);
    do {
        if (!next(a, &r, &e)) {
            return OTA_SPAN_NONE;
        }
    } while (e.id != id);
    struct ota_writer w = ota_writer(room);
    ota_write_bytes(&w, (struct ota_span){ e.whole.ptr, e.shared });
    ota_write_bytes(&w, e.rest);
    memset(e.at, 0, sizeof id);
    a->open--;
    a->len = a->open > 0 ? a->len : 0;
    return ota_writer_done(&w);
}
