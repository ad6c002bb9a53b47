/*
 * What every crypto port must do, asked of both: PSA, which devices use, and the bootloader's, which
 * only verifies. Then what is PSA's alone.
 */
#include "psa_port.h"
#include "t.h"
#include "verify_port.h"
#include <pthread.h>

/* RFC 6979, A.2.5: P-256 with SHA-256. Hexadecimal, as printed there. */
static const char public_key[] = "04"
                                 "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                                 "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
static const char signature_of_sample[] =
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
static const char signature_of_test[] =
    "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
    "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083";
static const char group_order[] =
    "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

static void from_hex(const char *hex, uint8_t *into, size_t size)
{
    assert_int_equal(strlen(hex), 2 * size);
    for (size_t i = 0; i < size; i++) {
        unsigned value = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        into[i] = (uint8_t)value;
    }
}

static struct ota_crypto *fresh_psa(void)
{
    static struct psa_port port;
    assert_int_equal(psa_port_init(&port, &psa_lock_pthread), OTA_OK);
    return &port.base;
}

static struct ota_crypto *fresh_verify(void)
{
    static struct ota_crypto port;
    verify_port_init(&port);
    return &port;
}

/* The port that is asked; each group of tests is for one. */
static struct ota_crypto *(*fresh)(void);

static int ask_psa(void **state)
{
    (void)state;
    fresh = fresh_psa;
    return 0;
}

static int ask_verify(void **state)
{
    (void)state;
    fresh = fresh_verify;
    return 0;
}

static void digest_of(struct ota_crypto *c, struct ota_span bytes, uint8_t digest[OTA_DIGEST_SIZE])
{
    struct ota_sha256 h;
    assert_int_equal(c->ops->sha256_begin(c, &h), OTA_OK);
    assert_int_equal(c->ops->sha256_update(c, &h, bytes), OTA_OK);
    assert_int_equal(c->ops->sha256_peek(c, &h, digest), OTA_OK);
}

/* --- SHA-256 ------------------------------------------------------------------ */

static void digests_what_the_standard_says(void **state)
{
    (void)state;
    static const struct {
        const char *why, *text, *want;
    } rows[] = {
        { "nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "FIPS 180-2, B.1", "abc",
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "FIPS 180-2, B.2: two blocks", "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t want[OTA_DIGEST_SIZE], got[OTA_DIGEST_SIZE];
        from_hex(rows[i].want, want, sizeof want);
        digest_of(fresh(), (struct ota_span){ (const uint8_t *)rows[i].text, strlen(rows[i].text) },
                  got);
        CHECK_ROW(rows[i].why, memcmp(got, want, sizeof want) == 0);
    }
}

static void a_digest_can_be_peeked_at_and_goes_on(void **state)
{
    (void)state;
    struct ota_crypto *const c = fresh();
    uint8_t text[300], whole[OTA_DIGEST_SIZE], got[OTA_DIGEST_SIZE], again[OTA_DIGEST_SIZE];
    struct ota_sha256 h;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)i;
    }
    assert_int_equal(c->ops->sha256_begin(c, &h), OTA_OK);
    for (size_t len = 1; len <= sizeof text; len++) {
        assert_int_equal(c->ops->sha256_update(c, &h, (struct ota_span){ &text[len - 1], 1 }),
                         OTA_OK);
        assert_int_equal(c->ops->sha256_peek(c, &h, got), OTA_OK);
        assert_int_equal(c->ops->sha256_peek(c, &h, again), OTA_OK);
        digest_of(c, (struct ota_span){ text, len }, whole);
        assert_memory_equal(got, whole, sizeof whole);
        assert_memory_equal(again, whole, sizeof whole);
    }
}

static void a_running_digest_is_plain_memory(void **state)
{
    (void)state;
    struct ota_crypto *const c = fresh();
    struct ota_sha256 first, second;
    uint8_t a[OTA_DIGEST_SIZE], b[OTA_DIGEST_SIZE], want[OTA_DIGEST_SIZE];
    assert_int_equal(c->ops->sha256_begin(c, &first), OTA_OK);
    assert_int_equal(c->ops->sha256_update(c, &first, OTA_SPAN_LIT("ab")), OTA_OK);
    second = first;
    assert_int_equal(c->ops->sha256_update(c, &first, OTA_SPAN_LIT("x")), OTA_OK);
    assert_int_equal(c->ops->sha256_update(c, &second, OTA_SPAN_LIT("c")), OTA_OK);
    assert_int_equal(c->ops->sha256_peek(c, &first, a), OTA_OK);
    assert_int_equal(c->ops->sha256_peek(c, &second, b), OTA_OK);
    digest_of(c, OTA_SPAN_LIT("abc"), want);
    assert_memory_equal(b, want, sizeof want);
    assert_memory_not_equal(a, want, sizeof want);
}

static void memory_that_holds_no_digest_is_an_error(void **state)
{
    (void)state;
    struct ota_crypto *const c = fresh();
    struct ota_sha256 h;
    uint8_t digest[OTA_DIGEST_SIZE] = { 0x55 };
    memset(&h, 0, sizeof h);
    assert_int_equal(c->ops->sha256_update(c, &h, OTA_SPAN_LIT("a")), OTA_E_CRYPTO);
    assert_int_equal(c->ops->sha256_peek(c, &h, digest), OTA_E_CRYPTO);
    assert_int_equal(digest[0], 0x55);
}

/* --- ECDSA ---------------------------------------------------------------------- */

struct signed_digest {
    uint8_t point[OTA_P256_POINT_SIZE], digest[OTA_DIGEST_SIZE], rs[OTA_P256_RS_SIZE];
};

static struct signed_digest sample(void)
{
    struct signed_digest s;
    from_hex(public_key, s.point, sizeof s.point);
    from_hex(signature_of_sample, s.rs, sizeof s.rs);
    digest_of(fresh(), OTA_SPAN_LIT("sample"), s.digest);
    return s;
}

static ota_err_t check(const struct signed_digest *s)
{
    struct ota_crypto *const c = fresh();
    return c->ops->verify_p256(c, s->point, s->digest, s->rs);
}

static void verifies_the_signatures_of_rfc_6979(void **state)
{
    (void)state;
    struct signed_digest s = sample();
    assert_int_equal(check(&s), OTA_OK);
    from_hex(signature_of_test, s.rs, sizeof s.rs);
    assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
    digest_of(fresh(), OTA_SPAN_LIT("test"), s.digest);
    assert_int_equal(check(&s), OTA_OK);
}

static void any_flipped_bit_of_signature_or_digest_is_refused(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * OTA_P256_RS_SIZE; bit += 3) {
        struct signed_digest s = sample();
        s.rs[bit / 8] = (uint8_t)(s.rs[bit / 8] ^ 1u << bit % 8);
        assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
    }
    for (size_t bit = 0; bit < 8 * OTA_DIGEST_SIZE; bit += 3) {
        struct signed_digest s = sample();
        s.digest[bit / 8] = (uint8_t)(s.digest[bit / 8] ^ 1u << bit % 8);
        assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
    }
}

static void numbers_outside_the_group_are_refused(void **state)
{
    (void)state;
    uint8_t order[32];
    from_hex(group_order, order, sizeof order);
    for (size_t half = 0; half < 2; half++) {
        struct signed_digest s = sample();
        memset(s.rs + 32 * half, 0, 32);
        assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
        memcpy(s.rs + 32 * half, order, 32);
        assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
        memset(s.rs + 32 * half, 0xff, 32);
        assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
    }
    struct signed_digest s = sample();
    memset(s.rs, 0, sizeof s.rs);
    assert_int_equal(check(&s), OTA_E_IMAGE_SIGNATURE);
}

static void a_point_that_is_none_cannot_be_checked_with(void **state)
{
    (void)state;
    struct signed_digest s = sample();
    s.point[64] ^= 1;
    assert_int_equal(check(&s), OTA_E_CRYPTO);
    s = sample();
    s.point[0] = 0x02;
    assert_int_equal(check(&s), OTA_E_CRYPTO);
    s = sample();
    memset(s.point + 1, 0, sizeof s.point - 1);
    assert_int_equal(check(&s), OTA_E_CRYPTO);
    memset(s.point, 0, sizeof s.point);
    assert_int_equal(check(&s), OTA_E_CRYPTO);
}

/* Mbed TLS 2.28 has 32 key slots. */
static void key_slots_do_not_leak(void **state)
{
    (void)state;
    struct signed_digest good = sample(), bad = sample();
    bad.rs[0] ^= 1;
    for (unsigned i = 0; i < 50; i++) {
        assert_int_equal(check(&good), OTA_OK);
        assert_int_equal(check(&bad), OTA_E_IMAGE_SIGNATURE);
    }
}

/* --- lock -------------------------------------------------------------------------- */

struct lock_log {
    unsigned taken, given;
};

static void log_take(void *context)
{
    struct lock_log *const log = context;
    assert_int_equal(log->taken, log->given);
    log->taken++;
}

static void log_give(void *context)
{
    struct lock_log *const log = context;
    log->given++;
    assert_int_equal(log->taken, log->given);
}

static void every_use_of_shared_state_is_locked(void **state)
{
    (void)state;
    struct lock_log log = { 0, 0 };
    const struct psa_lock lock = { log_take, log_give, &log };
    struct signed_digest s = sample();
    uint8_t random[16];
    struct psa_port port;
    struct ota_crypto *const c = &port.base;

    assert_int_equal(psa_port_init(&port, &lock), OTA_OK);
    assert_int_equal(log.given, 1);
    assert_int_equal(c->ops->verify_p256(c, s.point, s.digest, s.rs), OTA_OK);
    assert_int_equal(log.given, 2);
    s.point[64] ^= 1;
    assert_int_equal(c->ops->verify_p256(c, s.point, s.digest, s.rs), OTA_E_CRYPTO);
    assert_int_equal(log.given, 3);
    assert_int_equal(c->ops->random(c, OTA_BUF_OF(random)), OTA_OK);
    assert_int_equal(log.given, 4);
    assert_int_equal(log.taken, 4);
}

static void *verify_many(void *context)
{
    const struct signed_digest *const s = context;
    struct psa_port port;
    size_t good = 0;
    if (psa_port_init(&port, &psa_lock_pthread) != OTA_OK) {
        return NULL;
    }
    for (unsigned i = 0; i < 20; i++) {
        good += port.base.ops->verify_p256(&port.base, s->point, s->digest, s->rs) == OTA_OK;
    }
    return good == 20 ? context : NULL;
}

static void threads_can_verify_at_once(void **state)
{
    (void)state;
    struct signed_digest s = sample();
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_many, &s), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
}

/* --- random -------------------------------------------------------------------------- */

static void random_bytes_fill_the_room_and_differ(void **state)
{
    (void)state;
    struct ota_crypto *const c = fresh();
    uint8_t *const a = malloc(5000);
    uint8_t b[32] = { 0 }, d[32] = { 0 };
    assert_non_null(a);
    memset(a, 0, 5000);
    assert_int_equal(c->ops->random(c, (struct ota_buf){ a, 5000 }), OTA_OK);
    const uint8_t zeros[32] = { 0 };
    assert_memory_not_equal(a + 5000 - sizeof zeros, zeros, sizeof zeros);
    assert_int_equal(c->ops->random(c, OTA_BUF_OF(b)), OTA_OK);
    assert_int_equal(c->ops->random(c, OTA_BUF_OF(d)), OTA_OK);
    assert_memory_not_equal(b, d, sizeof b);
    free(a);
}

static void a_bootloader_has_no_random_bytes(void **state)
{
    (void)state;
    struct ota_crypto *const c = fresh();
    uint8_t bytes[4] = { 1, 2, 3, 4 };
    assert_int_equal(c->ops->random(c, OTA_BUF_OF(bytes)), OTA_E_CRYPTO);
    assert_int_equal(bytes[0], 1);
}

/* clang-format off */
#define EVERY_PORT                                                                                 \
    cmocka_unit_test(digests_what_the_standard_says),                                              \
    cmocka_unit_test(a_digest_can_be_peeked_at_and_goes_on),                                       \
    cmocka_unit_test(a_running_digest_is_plain_memory),                                            \
    cmocka_unit_test(verifies_the_signatures_of_rfc_6979),                                         \
    cmocka_unit_test(any_flipped_bit_of_signature_or_digest_is_refused),                           \
    cmocka_unit_test(numbers_outside_the_group_are_refused),                                       \
    cmocka_unit_test(a_point_that_is_none_cannot_be_checked_with)
/* clang-format on */

int main(void)
{
    const struct CMUnitTest psa[] = {
        EVERY_PORT,
        cmocka_unit_test(memory_that_holds_no_digest_is_an_error),
        cmocka_unit_test(key_slots_do_not_leak),
        cmocka_unit_test(every_use_of_shared_state_is_locked),
        cmocka_unit_test(threads_can_verify_at_once),
        cmocka_unit_test(random_bytes_fill_the_room_and_differ),
    };
    const struct CMUnitTest verify[] = {
        EVERY_PORT,
        cmocka_unit_test(a_bootloader_has_no_random_bytes),
    };
    return cmocka_run_group_tests(psa, ask_psa, NULL) +
           cmocka_run_group_tests(verify, ask_verify, NULL);
}
