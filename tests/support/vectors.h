/*
 * Vectors: files below tests/vectors, each folder with a README that names their source.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include "t.h"

struct t_file {
    uint8_t *ptr; /* exactly `len` bytes; free it */
    size_t len;
};

/* The bytes of tests/vectors/NAME. VECTORS is the folder, given by the build. */
static inline struct t_file t_vector(const char *name)
{
    char path[1024];
    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", VECTORS, name) < sizeof path);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("no vector %s", path);
    }
    static uint8_t bytes[1u << 20];
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    assert_true(feof(file) != 0 && ferror(file) == 0);
    fclose(file);
    return (struct t_file){ t_exact(bytes, len), len };
}

#endif
