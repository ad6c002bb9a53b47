/*
 * Planted faults: real bugs of other projects, put into ours one at a time.
 *
 * Each lives in a wrapper around a function of ours (the linker's --wrap), asleep unless the
 * environment variable WAFT_PLANT has its name. The programs that hold them are our tests, linked
 * once more; docs/known-faults.md says which of them must then fail.
 */
#ifndef PLANTED_H
#define PLANTED_H

#include <stdbool.h>

/** Whether this fault is the one that is planted. */
bool planted(const char *name);

/* Declares the wrapped function and its wrapper, and begins the wrapper's definition. */
#define WRAP(type, name, ...)                                                                      \
    type __real_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__);                                                               \
    type __wrap_##name(__VA_ARGS__)

#endif
