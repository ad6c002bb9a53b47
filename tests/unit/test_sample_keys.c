/* In a build for real devices: lib/image/sample_keys.c as it is without OTA_TRUST_SAMPLE_KEYS. */
#include "image_fixture.h"
#include "store_fixture.h"
#include <dirent.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_vectors_is_known),
        cmocka_unit_test(no_other_key_is),
        cmocka_unit_test(trust_in_a_sample_key_is_no_trust),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
