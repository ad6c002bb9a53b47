/* Proofs: only the whole sum holds, only for its place, and what is missing is missed by many bits. */
#include "t.h"
#include "ota/verdict.h"

#define PLACE 0x210000u

static const uint32_t parts[] = { OTA_PROOF_DEVICE, OTA_PROOF_COUNTER, OTA_PROOF_SIGNATURE,
                                  OTA_PROOF_PLACE, OTA_PROOF_DIGEST };
#define STEPS (OTA_PROOF_ROUNDS * COUNT(parts))

/* The sum of the steps whose bit is set. */
static ota_proof_t sum_of(uint32_t steps)
{
    ota_proof_t proof = ota_proof_begin(PLACE);
    for (uint32_t i = 0; i < STEPS; i++) {
        if ((steps >> i & 1u) != 0) {
            ota_prove(&proof, parts[i / 2], i % 2);
        }
    }
    return proof;
}

static uint32_t bits(uint32_t x)
{
    uint32_t count = 0;
    for (; x != 0; x &= x - 1u) {
        count++;
    }
    return count;
}

static void yes_and_no_have_no_bit_in_common(void **state)
{
    (void)state;
    assert_int_equal(bits(OTA_YES ^ OTA_NO), 32);
}

static void a_proof_holds_with_all_of_its_parts_and_with_no_fewer(void **state)
{
    (void)state;
    const uint32_t all = (1u << STEPS) - 1u;
    for (uint32_t steps = 0; steps <= all; steps++) {
        const ota_proof_t proof = sum_of(steps);
        assert_int_equal(ota_proved(&proof, PLACE), steps == all);
        assert_true(steps == all || bits((proof - PLACE) ^ OTA_PROOF_ALL) >= 8);
    }
}

static void a_part_that_is_proved_twice_in_one_round_does_not_count_for_two(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COUNT(parts); i++) {
        for (unsigned round = 0; round < OTA_PROOF_ROUNDS; round++) {
            ota_proof_t proof = sum_of(((1u << STEPS) - 1u) & ~(1u << (2u * i + 1u - round)));
            ota_prove(&proof, parts[i], round);
            assert_false(ota_proved(&proof, PLACE));
        }
    }
}

static void a_proof_of_one_place_is_none_of_another(void **state)
{
    (void)state;
    const ota_proof_t proof = sum_of((1u << STEPS) - 1u);
    assert_true(ota_proved(&proof, PLACE));
    for (uint32_t bit = 0; bit < 32; bit++) {
        assert_false(ota_proved(&proof, PLACE ^ 1u << bit));
    }
}

static void memory_that_nobody_wrote_proves_nothing(void **state)
{
    (void)state;
    static const ota_proof_t rows[] = {
        0, UINT32_MAX, 0xa5a5a5a5u, OTA_YES, OTA_PROOF_NONE, PLACE
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_false(ota_proved(&rows[i], PLACE));
        assert_false(ota_proved(&rows[i], 0));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(yes_and_no_have_no_bit_in_common),
        cmocka_unit_test(a_proof_holds_with_all_of_its_parts_and_with_no_fewer),
        cmocka_unit_test(a_part_that_is_proved_twice_in_one_round_does_not_count_for_two),
        cmocka_unit_test(a_proof_of_one_place_is_none_of_another),
        cmocka_unit_test(memory_that_nobody_wrote_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
