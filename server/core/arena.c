#include "arena.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* A request is small: most fit the first chunk. */
#define CHUNK_SIZE 4096u

struct srv_arena_chunk {
    struct srv_arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) uint8_t bytes[];
};

static struct srv_arena_chunk *chunk_add(struct srv_arena *a, size_t size)
{
    if (size > SIZE_MAX / 2u) {
        abort();
    }
    struct srv_arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        abort();
    }
    chunk->next = a->chunks;
    chunk->used = 0;
    chunk->size = size;
    a->chunks = chunk;
    return chunk;
}

void *srv_arena_take(struct srv_arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2u) {
        abort();
    }
    const size_t padded = (size + align - 1u) / align * align;
    struct srv_arena_chunk *chunk = a->chunks;
    if (chunk == NULL || padded > chunk->size - chunk->used) {
        chunk = chunk_add(a, padded > CHUNK_SIZE ? padded : CHUNK_SIZE);
    }
    void *taken = chunk->bytes + chunk->used;
    chunk->used += padded;
    return memset(taken, 0, size);
}

struct ota_span srv_arena_copy(struct srv_arena *a, struct ota_span bytes)
{
    uint8_t *copy = srv_arena_take(a, bytes.len + 1u);
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    return (struct ota_span){ copy, bytes.len };
}

void srv_arena_end(struct srv_arena *a)
{
    while (a->chunks != NULL) {
        struct srv_arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
}
