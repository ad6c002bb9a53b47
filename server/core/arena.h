/*
 * Arena: the memory of one request, dropped whole.
 *
 * Out of memory aborts the process: nothing the provider could do then is
 * better than being started again from its database.
 */
#ifndef SRV_ARENA_H
#define SRV_ARENA_H

#include "ota/span.h"

struct srv_arena {
    struct srv_arena_chunk *chunks; /* NULL: nothing taken yet; an all-zero arena is ready */
};

/** `size` zeroed bytes, aligned for anything, valid until srv_arena_end(). */
void *srv_arena_take(struct srv_arena *a, size_t size);

/** A copy of `bytes`, with a terminator behind it that does not count. */
struct ota_span srv_arena_copy(struct srv_arena *a, struct ota_span bytes);

/** Give everything back; the arena is empty and ready again. */
void srv_arena_end(struct srv_arena *a);

#endif
