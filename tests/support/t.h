/*
 * What every unit test includes: cmocka with its prerequisites, and two small
 * helpers. A test is `static void states_a_fact(void **state)`, listed in main()
 * by cmocka_unit_test(); a forgotten one is an unused function, so an error.
 */
#ifndef T_H
#define T_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A check in a table of rows: the failure names the row's why. */
#define CHECK_ROW(why, cond)                                                                       \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fail_msg("[%s] %s", (why), #cond);                                                     \
        }                                                                                          \
    } while (0)

/* A copy in an allocation of its exact length: the sanitizer sees one byte too far. Free it. */
static inline uint8_t *t_exact(const void *bytes, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1u);
    assert_non_null(copy);
    if (len > 0) {
        memcpy(copy, bytes, len);
    }
    return copy;
}

/* xorshift32: the same sequence for the same seed everywhere. The seed must not be 0; print it. */
static inline uint32_t t_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

#endif
