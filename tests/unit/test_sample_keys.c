/* In a build for real devices: lib/image/sample_keys.c as it is without OTA_TRUST_SAMPLE_KEYS. */
#include "image_fixture.h"
#include "ota/image_write.h"
#include "store_fixture.h"
#include <dirent.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>

static void every_key_of_the_vectors_is_known(void **state)
{
    (void)state;
    DIR *const dir = opendir(IMAGE_VECTORS);
    assert_non_null(dir);
    unsigned seen = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        const size_t len = strlen(e->d_name);
        if (len > 6 && strcmp(e->d_name + len - 6, ".keyid") == 0) {
            CHECK_ROW(e->d_name, ota_key_is_sample(vector(e->d_name).bytes));
            seen++;
        }
    }
    assert_int_equal(closedir(dir), 0);
    assert_int_equal(seen, 7);
}

static void no_other_key_is(void **state)
{
    (void)state;
    struct file id = vector("release.keyid");
    for (unsigned i = 0; i < 8; i++) {
        id.bytes[i] ^= 1;
        assert_false(ota_key_is_sample(id.bytes));
        id.bytes[i] ^= 1;
    }
}

/* The bootloader reads trust by this very function: without it nothing boots. */
static void trust_in_a_sample_key_is_no_trust(void **state)
{
    (void)state;
    for (unsigned place = 0; place < 4; place++) {
        struct fix x;
        struct ota_trust got, t = trust();
        struct ota_anchor *const all[4] = { &t.release[0], &t.release[1], &t.deployment[0],
                                            &t.deployment[1] };
        fix_init(&x, 8, 0xff);
        for (unsigned i = 0; i < 4; i++) {
            all[i]->key_id[0] ^= i == place ? 0 : 0xff;
        }
        assert_int_equal(ota_store_trust_write(&x.s, &t), OTA_OK);
        assert_int_equal(ota_store_trust(&x.s, &got), OTA_E_KEY_SAMPLE);
        assert_int_equal(got.release_count + got.deployment_count, 0);
        fix_free(&x);
    }
}

/* A release key of this run, which nobody else has. */
static struct ota_anchor own_anchor(EVP_PKEY *key)
{
    struct ota_anchor anchor;
    uint8_t point[OTA_KEY_SIZE];
    size_t len = 0;
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                                     sizeof point, &len),
                     1);
    assert_int_equal(ota_anchor_make(crypto(), point, &anchor), OTA_OK);
    return anchor;
}

/* A keyset of `trust`, signed by its first release key. */
static struct ota_span sign(const struct ota_trust *trust, EVP_PKEY *key, struct ota_buf room)
{
    static const struct ota_span no_ca[OTA_KEYSET_CAS_MAX];
    uint8_t digest[OTA_DIGEST_SIZE], der[80], rs[OTA_P256_RS_SIZE];
    size_t len = sizeof der;
    struct ota_writer w = ota_writer(room);
    ota_keyset_write(&w, trust, OTA_SPAN_NONE, no_ca);
    ota_write_u8(&w, OTA_KEY_P256);
    ota_write_bytes(&w, OTA_SPAN_OF(trust->release[0].key_id));
    const struct ota_span covered = ota_writer_done(&w);
    struct ota_sha256 h;
    assert_int_equal(crypto()->ops->sha256_begin(crypto(), &h), OTA_OK);
    assert_int_equal(crypto()->ops->sha256_update(crypto(), &h, covered), OTA_OK);
    assert_int_equal(crypto()->ops->sha256_peek(crypto(), &h, digest), OTA_OK);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_sign(ctx, der, &len, digest, sizeof digest), 1);
    EVP_PKEY_CTX_free(ctx);
    assert_int_equal(ota_signature_from_der((struct ota_span){ der, len }, rs), OTA_OK);
    ota_write_bytes(&w, OTA_SPAN_OF(rs));
    return ota_writer_done(&w);
}

static void a_keyset_that_brings_a_sample_key_is_refused(void **state)
{
    (void)state;
    static struct ota_keyset_room room;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct fix x;
    struct ota_trust t = trust();
    uint8_t bytes[OTA_KEYSET_SIZE_MAX];
    t.hw_revision = 0;
    t.release[0] = own_anchor(key);
    t.release[1] = t.release[0];
    t.deployment[0] = t.release[0];
    t.deployment[1] = t.release[0];
    fix_init(&x, 8, 0xff);
    assert_int_equal(ota_store_trust_write(&x.s, &t), OTA_OK);
    t.version = 1;
    t.deployment[1] = trust().release[0];
    const struct ota_span document = sign(&t, key, OTA_BUF_OF(bytes));
    assert_int_equal(ota_store_keyset_install(&x.s, crypto(), OTA_SLOT_A,
                                              (struct ota_buf){ bytes, document.len }, &room),
                     OTA_E_KEY_SAMPLE);
    assert_int_equal(ota_store_trust(&x.s, &t), OTA_OK);
    assert_int_equal(t.version, 0);
    EVP_PKEY_free(key);
    fix_free(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_vectors_is_known),
        cmocka_unit_test(no_other_key_is),
        cmocka_unit_test(trust_in_a_sample_key_is_no_trust),
        cmocka_unit_test(a_keyset_that_brings_a_sample_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
