#include "ota/image.h"
#include "t.h"
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>

/* --- rows ------------------------------------------------------------------------ */

/* Elements for the rows: one integer each, 32 bytes long where it matters. */
#define BYTES_31                                                                                   \
    "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11"             \
    "\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11"
#define ONE       "\x02\x01\x01"
#define POSITIVE  "\x02\x20\x7f" BYTES_31
#define SIGN_BYTE "\x02\x21\x00\x80" BYTES_31
#define OVERLONG  "\x02\x21\x00\x7f" BYTES_31
#define NEGATIVE  "\x02\x20\x80" BYTES_31
#define BYTES_33  "\x02\x21\x01\x80" BYTES_31
#define BYTES_34  "\x02\x22\x00\x80\x80" BYTES_31
#define ROW(s)    OTA_SPAN_LIT(s)

static void takes_only_der(void **state)
{
    (void)state;
    const struct {
        const char *why;
        struct ota_span der;
        ota_err_t want;
    } rows[] = {
        { "smallest", ROW("\x30\x06" ONE ONE), OTA_OK },
        { "32 bytes without sign byte", ROW("\x30\x44" POSITIVE POSITIVE), OTA_OK },
        { "32 bytes with sign byte", ROW("\x30\x46" SIGN_BYTE SIGN_BYTE), OTA_OK },
        { "short and long", ROW("\x30\x26" ONE SIGN_BYTE), OTA_OK },
        { "zeros behind, up to 72", ROW("\x30\x44" POSITIVE POSITIVE "\0\0"), OTA_OK },
        { "one zero behind", ROW("\x30\x06" ONE ONE "\0"), OTA_OK },
        { "garbage behind", ROW("\x30\x06" ONE ONE "\x01"), OTA_E_MALFORMED },
        { "garbage behind zeros", ROW("\x30\x06" ONE ONE "\0\0\0\x80"), OTA_E_MALFORMED },
        { "zeros inside the sequence", ROW("\x30\x08" ONE ONE "\0\0"), OTA_E_MALFORMED },
        { "a third integer", ROW("\x30\x09" ONE ONE ONE), OTA_E_MALFORMED },
        { "no s", ROW("\x30\x03" ONE), OTA_E_MALFORMED },
        { "s outside the sequence", ROW("\x30\x03" ONE ONE), OTA_E_MALFORMED },
        { "s half outside", ROW("\x30\x05" ONE ONE), OTA_E_MALFORMED },
        { "empty sequence", ROW("\x30\x00"), OTA_E_MALFORMED },
        { "nothing", ROW(""), OTA_E_MALFORMED },
        { "only zeros", ROW("\0\0\0\0\0\0\0\0"), OTA_E_MALFORMED },
        { "sequence longer than the input", ROW("\x30\x07" ONE ONE), OTA_E_MALFORMED },
        { "negative r", ROW("\x30\x25" NEGATIVE ONE), OTA_E_MALFORMED },
        { "negative s", ROW("\x30\x25" ONE NEGATIVE), OTA_E_MALFORMED },
        { "minus one", ROW("\x30\x06\x02\x01\xff" ONE), OTA_E_MALFORMED },
        { "r is zero", ROW("\x30\x06\x02\x01\x00" ONE), OTA_E_MALFORMED },
        { "s is zero", ROW("\x30\x06" ONE "\x02\x01\x00"), OTA_E_MALFORMED },
        { "r has no bytes", ROW("\x30\x05\x02\x00" ONE), OTA_E_MALFORMED },
        { "s has no bytes", ROW("\x30\x05" ONE "\x02\x00"), OTA_E_MALFORMED },
        { "sign byte without need", ROW("\x30\x07\x02\x02\x00\x01" ONE), OTA_E_MALFORMED },
        { "sign byte without need, 33 bytes", ROW("\x30\x26" OVERLONG ONE), OTA_E_MALFORMED },
        { "two sign bytes", ROW("\x30\x08\x02\x03\x00\x00\x80" ONE), OTA_E_MALFORMED },
        { "33 bytes", ROW("\x30\x26" BYTES_33 ONE), OTA_E_MALFORMED },
        { "s of 33 bytes", ROW("\x30\x26" ONE BYTES_33), OTA_E_MALFORMED },
        { "33 bytes behind a sign byte", ROW("\x30\x27" BYTES_34 ONE), OTA_E_MALFORMED },
        { "long form for a short length", ROW("\x30\x81\x06" ONE ONE), OTA_E_MALFORMED },
        { "long form of two bytes", ROW("\x30\x82\x00\x06" ONE ONE), OTA_E_MALFORMED },
        { "indefinite length", ROW("\x30\x80" ONE ONE "\0\0"), OTA_E_MALFORMED },
        { "long form inside", ROW("\x30\x07\x02\x81\x01\x01" ONE), OTA_E_MALFORMED },
        { "length 255", ROW("\x30\xff" ONE ONE), OTA_E_MALFORMED },
        { "a set", ROW("\x31\x06" ONE ONE), OTA_E_MALFORMED },
        { "a primitive sequence", ROW("\x10\x06" ONE ONE), OTA_E_MALFORMED },
        { "r is an octet string", ROW("\x30\x06\x04\x01\x01" ONE), OTA_E_MALFORMED },
        { "s is a boolean", ROW("\x30\x06" ONE "\x01\x01\x01"), OTA_E_MALFORMED },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t *const der = t_exact(rows[i].der.ptr, rows[i].der.len);
        uint8_t rs[OTA_P256_RS_SIZE], before[OTA_P256_RS_SIZE];
        memset(rs, 0x55, sizeof rs);
        memset(before, 0x55, sizeof before);
        const ota_err_t got = ota_signature_from_der((struct ota_span){ der, rows[i].der.len }, rs);
        CHECK_ROW(rows[i].why, got == rows[i].want);
        CHECK_ROW(rows[i].why, got == OTA_OK || memcmp(rs, before, sizeof rs) == 0);
        free(der);
    }
}

static void numbers_stand_at_the_right(void **state)
{
    (void)state;
    uint8_t rs[OTA_P256_RS_SIZE], want[OTA_P256_RS_SIZE] = { 0 };
    want[31] = 1;
    want[32] = 0x80;
    memset(want + 33, 0x11, 31);
    assert_int_equal(ota_signature_from_der(OTA_SPAN_LIT("\x30\x26" ONE SIGN_BYTE), rs), OTA_OK);
    assert_memory_equal(rs, want, sizeof want);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static const uint8_t whole[] = "\x30\x46" SIGN_BYTE SIGN_BYTE;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        uint8_t *const der = t_exact(whole, len);
        uint8_t rs[OTA_P256_RS_SIZE];
        assert_int_equal(ota_signature_from_der((struct ota_span){ der, len }, rs),
                         OTA_E_MALFORMED);
        free(der);
    }
}

/* --- against OpenSSL ---------------------------------------------------------------- */

/* What OpenSSL reads; false if it reads nothing, or not to the end. */
static bool openssl_reads(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE])
{
    const unsigned char *at = der.ptr;
    ECDSA_SIG *const sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    const bool good = sig != NULL && at == der.ptr + der.len &&
                      BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32) == 32 &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32) == 32;
    ECDSA_SIG_free(sig);
    return good;
}

/* Random numbers of random length, so that short ones and sign bytes come often. */
static int encode(uint32_t *seed, unsigned char out[80])
{
    ECDSA_SIG *const sig = ECDSA_SIG_new();
    BIGNUM *numbers[2];
    for (size_t i = 0; i < 2; i++) {
        uint8_t bytes[32];
        const int len = (int)(1u + t_random(seed) % 32u);
        for (size_t j = 0; j < sizeof bytes; j++) {
            bytes[j] = (uint8_t)t_random(seed);
        }
        bytes[0] = (uint8_t)(bytes[0] | 1u); /* not zero */
        numbers[i] = BN_bin2bn(bytes, len, NULL);
    }
    assert_int_equal(ECDSA_SIG_set0(sig, numbers[0], numbers[1]), 1);
    unsigned char *at = out;
    const int len = i2d_ECDSA_SIG(sig, &at);
    ECDSA_SIG_free(sig);
    return len;
}

static void reads_what_openssl_writes(void **state)
{
    (void)state;
    uint32_t seed = 20260101;
    for (unsigned i = 0; i < 5000; i++) {
        unsigned char der[80];
        uint8_t ours[OTA_P256_RS_SIZE], theirs[OTA_P256_RS_SIZE];
        const struct ota_span whole = { der, (size_t)encode(&seed, der) };
        assert_true(openssl_reads(whole, theirs));
        assert_int_equal(ota_signature_from_der(whole, ours), OTA_OK);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
}

/*
 * Any damage: what we take, OpenSSL takes, and reads the same. (Not the other way round: it
 * also reads negative numbers, zero and long lengths.)
 */
static void takes_nothing_that_openssl_reads_otherwise(void **state)
{
    (void)state;
    uint32_t seed = 4711, taken = 0;
    for (unsigned i = 0; i < 50000; i++) {
        unsigned char der[80];
        uint8_t ours[OTA_P256_RS_SIZE], theirs[OTA_P256_RS_SIZE];
        struct ota_span whole = { der, (size_t)encode(&seed, der) };
        der[t_random(&seed) % whole.len] = (unsigned char)t_random(&seed);
        if (ota_signature_from_der(whole, ours) != OTA_OK) {
            continue;
        }
        while (whole.len > 2u + der[1]) {
            whole.len--; /* The zeros that we take behind it. */
        }
        assert_true(openssl_reads(whole, theirs));
        assert_memory_equal(ours, theirs, sizeof ours);
        taken++;
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_only_der),
        cmocka_unit_test(numbers_stand_at_the_right),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(reads_what_openssl_writes),
        cmocka_unit_test(takes_nothing_that_openssl_reads_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
