/* The bootloader's memory for big numbers: what calloc() and free() promise, out of a fixed array. */
#include "t.h"
#include "verify_pool.h"
#include <stdbool.h>

enum { POOL = 4096, HEADER = 8, SLOTS = 24 };

static bool all_are(const uint8_t *bytes, uint8_t value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != value) {
            return false;
        }
    }
    return true;
}

/* The whole pool in one piece can be had again: nothing is lost, and neighbours have joined. */
static void assert_all_is_free(void)
{
    void *all = verify_pool_calloc(1, POOL - HEADER);
    assert_non_null(all);
    assert_null(verify_pool_calloc(1, 1));
    verify_pool_free(all);
}

static void what_is_given_is_zeroed_and_aligned(void **state)
{
    (void)state;
    for (size_t size = 1; size < 200; size++) {
        uint8_t *a = verify_pool_calloc(1, size), *b = verify_pool_calloc(size, 1);
        assert_true(a != NULL && b != NULL);
        assert_int_equal((uintptr_t)a % 8u, 0);
        assert_int_equal((uintptr_t)b % 8u, 0);
        assert_true(all_are(a, 0, size) && all_are(b, 0, size));
        memset(a, 0xff, size);
        assert_true(all_are(b, 0, size));
        memset(b, 0xff, size);
        verify_pool_free(a);
        verify_pool_free(b);
    }
    assert_all_is_free();
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    assert_null(verify_pool_calloc(1, POOL - HEADER + 1));
    assert_null(verify_pool_calloc(SIZE_MAX, 1));
    assert_null(verify_pool_calloc(SIZE_MAX / 2 + 2, 2));
    assert_null(verify_pool_calloc(2, SIZE_MAX / 2 + 2));
    assert_null(verify_pool_calloc(0, 8));
    verify_pool_free(NULL);
    assert_all_is_free();
}

static void pieces_that_come_and_go_keep_what_is_in_them(void **state)
{
    (void)state;
    struct {
        uint8_t *bytes;
        size_t size;
    } slots[SLOTS] = { { NULL, 0 } };
    uint32_t x = 0x5eed0011;
    unsigned refused = 0;
    for (unsigned turn = 0; turn < 20000; turn++) {
        const size_t i = t_random(&x) % SLOTS;
        assert_true(slots[i].bytes == NULL || all_are(slots[i].bytes, (uint8_t)i, slots[i].size));
        verify_pool_free(slots[i].bytes);
        slots[i].size = 1u + t_random(&x) % 400u;
        slots[i].bytes = verify_pool_calloc(1, slots[i].size);
        refused += slots[i].bytes == NULL;
        if (slots[i].bytes != NULL) {
            assert_true(all_are(slots[i].bytes, 0, slots[i].size));
            memset(slots[i].bytes, (int)i, slots[i].size);
        }
    }
    assert_true(refused > 100 && refused < 10000);
    for (size_t i = 0; i < SLOTS; i++) {
        verify_pool_free(slots[i].bytes);
    }
    assert_all_is_free();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_is_zeroed_and_aligned),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(pieces_that_come_and_go_keep_what_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
