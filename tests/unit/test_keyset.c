#include "ed25519_openssl.h"
#include "image_fixture.h"
#include "ota/image_write.h"
#include "store_fixture.h"

/* Sectors of 512 bytes: a half of the trust log holds the longest keyset. */
enum { TRUST_SECTORS = 12, HARDWARE = 3 };

struct device {
    struct fix x;
    struct psa_port crypto;
    struct ota_crypto_ops ops;
    struct ota_keyset_room room;
};

static struct file keyset(const char *name)
{
    char file[160];
    (void)snprintf(file, sizeof file, "../keyset/%s.wkey", name);
    return vector(file);
}

/* Two release keys of the vectors, version 0, and a confirmed image by the first of them in slot A. */
static void device_make_with(struct device *d, uint32_t trust_sectors)
{
    memset(d, 0, sizeof *d);
    fix_init_trust(&d->x, 8, 0xff, trust_sectors);
    assert_int_equal(psa_port_init(&d->crypto, NULL), OTA_OK);
    d->ops = *d->crypto.base.ops;
    d->ops.verify_ed25519 = ed25519_openssl_verify;
    d->crypto.base.ops = &d->ops;
    const struct ota_trust t = trust();
    const struct file image = vector_image("good");
    assert_int_equal(ota_store_trust_write(&d->x.s, &t), OTA_OK);
    assert_int_equal(ota_store_write(&d->x.s, OTA_SLOT_A, 0, span_of(&image)), OTA_OK);
    assert_int_equal(ota_store_mark_factory(&d->x.s, OTA_SLOT_A), OTA_OK);
}

static void device_make(struct device *d)
{
    device_make_with(d, TRUST_SECTORS);
}

/* Install, in an exact allocation. Whatever comes of it, the document is as it was; refused: so is flash. */
static ota_err_t install_bytes(struct device *d, struct ota_span document)
{
    const size_t size = d->x.m.base.size;
    uint8_t *const before = t_exact(d->x.m.bytes, size);
    uint8_t *const copy = t_exact(document.ptr, document.len);
    const struct ota_buf room = { copy, document.len };
    const ota_err_t err =
        ota_store_keyset_install(&d->x.s, &d->crypto.base, OTA_SLOT_A, room, &d->room);
    assert_true(document.len == 0 || memcmp(copy, document.ptr, document.len) == 0);
    assert_true((memcmp(before, d->x.m.bytes, size) == 0) == (err != OTA_OK));
    free(copy);
    free(before);
    return err;
}

static ota_err_t install(struct device *d, const char *name)
{
    static struct file f;
    f = keyset(name);
    return install_bytes(d, span_of(&f));
}

static struct ota_trust trust_of(struct device *d)
{
    struct ota_trust t;
    fix_restart(&d->x);
    assert_int_equal(ota_store_trust(&d->x.s, &t), OTA_OK);
    return t;
}

static void device_free(struct device *d)
{
    fix_free(&d->x);
}

/* --- verdicts ---------------------------------------------------------------------- */

static const struct {
    const char *name;
    ota_err_t want;
} rows[] = {
    { "good", OTA_OK },
    { "good-one-of-each", OTA_OK },
    { "good-by-the-other", OTA_OK },
    { "good-rotated", OTA_OK },
    { "good-one-ca", OTA_OK },
    { "good-largest", OTA_OK },
    { "good-release-signs-deployments", OTA_OK },
    { "next-by-ed25519", OTA_E_KEYSET_SIGNATURE }, /* this device does not know that key yet */
    { "next-by-revoked", OTA_OK },                 /* nor that this one is revoked */
    { "format-magic", OTA_E_KEYSET_FORMAT },
    { "format-format", OTA_E_KEYSET_FORMAT },
    { "format-hardware", OTA_E_KEYSET_FORMAT },
    { "format-no-release-key", OTA_E_KEYSET_FORMAT },
    { "format-no-deployment-key", OTA_E_KEYSET_FORMAT },
    { "format-three-release-keys", OTA_E_KEYSET_FORMAT },
    { "format-three-deployment-keys", OTA_E_KEYSET_FORMAT },
    { "format-nine-revoked", OTA_E_KEYSET_FORMAT },
    { "format-ca-of-1025", OTA_E_KEYSET_FORMAT },
    { "format-second-ca-of-1025", OTA_E_KEYSET_FORMAT },
    { "format-second-ca-alone", OTA_E_KEYSET_FORMAT },
    { "format-ca-shorter", OTA_E_KEYSET_FORMAT },
    { "format-ca-longer", OTA_E_KEYSET_FORMAT },
    { "format-byte-before-signer", OTA_E_KEYSET_FORMAT },
    { "format-byte-behind", OTA_E_KEYSET_FORMAT },
    { "format-ed25519-deploys", OTA_E_KEYSET_FORMAT },
    { "format-ed25519-with-rest", OTA_E_KEYSET_FORMAT },
    { "format-kind-of-none", OTA_E_KEYSET_FORMAT },
    { "format-id-of-another", OTA_E_KEYSET_FORMAT },
    { "device-vendor", OTA_E_KEYSET_DEVICE },
    { "device-class", OTA_E_KEYSET_DEVICE },
    { "signature-by-stranger", OTA_E_KEYSET_SIGNATURE },
    { "signature-by-deployment", OTA_E_KEYSET_SIGNATURE },
    { "signature-forged", OTA_E_KEYSET_SIGNATURE },
    { "signature-of-other-kind", OTA_E_KEYSET_SIGNATURE },
    { "signature-of-no-kind", OTA_E_KEYSET_SIGNATURE },
    { "signature-flipped", OTA_E_KEYSET_SIGNATURE },
    { "signature-over-other-bytes", OTA_E_KEYSET_SIGNATURE },
    { "version-0", OTA_E_KEYSET_VERSION },
    { "revoked-own-release", OTA_E_KEYSET_REVOKED },
    { "revoked-own-second-release", OTA_E_KEYSET_REVOKED },
    { "revoked-own-deployment", OTA_E_KEYSET_REVOKED },
    { "strands", OTA_E_KEYSET_STRANDS },
    { "strands-ed25519", OTA_E_KEYSET_STRANDS },
};

static void each_vector_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct device d;
        device_make(&d);
        CHECK_ROW(rows[i].name, install(&d, rows[i].name) == rows[i].want);
        /* Twice, and it is no news any more. */
        const ota_err_t again = rows[i].want == OTA_OK ? OTA_E_KEYSET_VERSION : rows[i].want;
        const ota_err_t err = install(&d, rows[i].name);
        /* A key that signed its own end is not asked again. */
        CHECK_ROW(rows[i].name, err == again || err == OTA_E_KEYSET_SIGNATURE);
        device_free(&d);
    }
}

/* Behind good-rotated, which revoked a release key and a stranger. */
static void a_second_keyset_builds_on_the_first(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ota_err_t want;
    } next[] = {
        { "next-by-ed25519", OTA_OK },
        { "next-forgets", OTA_E_KEYSET_REVOKED },
        { "next-forgets-all", OTA_E_KEYSET_REVOKED },
        { "next-brings-back", OTA_E_KEYSET_REVOKED },
        { "next-by-revoked", OTA_E_KEYSET_SIGNATURE },
        { "next-same-version", OTA_E_KEYSET_VERSION },
        { "good", OTA_E_KEYSET_VERSION },
    };
    for (size_t i = 0; i < COUNT(next); i++) {
        struct device d;
        device_make(&d);
        assert_int_equal(install(&d, "good-rotated"), OTA_OK);
        CHECK_ROW(next[i].name, install(&d, next[i].name) == next[i].want);
        device_free(&d);
    }
}

/* --- what is there afterwards ----------------------------------------------------------- */

static void the_device_believes_what_the_keyset_says(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    assert_int_equal(install(&d, "good-rotated"), OTA_OK);
    const struct ota_trust t = trust_of(&d), factory = trust();
    const struct file ed25519 = vector("release-ed25519.public"),
                      deployment = vector("deployment-next.point");
    assert_int_equal(t.version, 7);
    assert_int_equal(t.hw_revision, HARDWARE);
    assert_memory_equal(t.vendor, factory.vendor, OTA_UUID_SIZE);
    assert_memory_equal(t.class_id, factory.class_id, OTA_UUID_SIZE);
    assert_int_equal(t.release_count, 2);
    assert_int_equal(t.deployment_count, 2);
    assert_int_equal(t.revoked_count, 2);
    assert_memory_equal(&t.release[0], &factory.release[0], sizeof t.release[0]);
    assert_memory_equal(t.release[1].key, ed25519.bytes, OTA_KEY_SIZE);
    assert_memory_equal(t.deployment[1].key, deployment.bytes, OTA_KEY_SIZE);
    device_free(&d);
}

static void certificates_come_back_as_they_went_in(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    assert_int_equal(install(&d, "good-rotated"), OTA_OK);
    const struct ota_trust t = trust_of(&d);
    static const struct {
        const char *why;
        uint32_t index, room;
        ota_err_t want;
        uint32_t size, step;
    } ca[] = {
        { "the first", 0, 1024, OTA_OK, 400, 7 },
        { "in exactly its room", 0, 400, OTA_OK, 400, 7 },
        { "a byte less", 0, 399, OTA_E_TOO_LARGE, 0, 0 },
        { "the second", 1, 1024, OTA_OK, 1024, 11 },
        { "a third", 2, 1024, OTA_E_NOT_FOUND, 0, 0 },
        { "a very large index", UINT32_MAX, 1024, OTA_E_NOT_FOUND, 0, 0 },
    };
    for (size_t i = 0; i < COUNT(ca); i++) {
        uint8_t room[1024] = { 0 };
        struct ota_span der = OTA_SPAN_NONE;
        const struct ota_buf into = { room, ca[i].room };
        CHECK_ROW(ca[i].why, ota_store_ca(&d.x.s, &t, ca[i].index, into, &der) == ca[i].want);
        CHECK_ROW(ca[i].why, der.len == ca[i].size);
        for (uint32_t k = 2; k < der.len; k++) {
            CHECK_ROW(ca[i].why, der.ptr[k] == (uint8_t)((k - 2) * ca[i].step));
        }
    }
    device_free(&d);
}

static void a_factory_record_has_no_certificates(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    struct ota_trust t = trust_of(&d);
    uint8_t room[8];
    struct ota_span der;
    assert_int_equal(ota_store_ca(&d.x.s, &t, 0, OTA_BUF_OF(room), &der), OTA_E_NOT_FOUND);
    t.ca_size[0] = 8; /* of another keyset: what is not there is not read */
    assert_int_equal(ota_store_ca(&d.x.s, &t, 0, OTA_BUF_OF(room), &der), OTA_E_NOT_FOUND);
    t.revoked_count = 8;
    assert_int_equal(ota_store_ca(&d.x.s, &t, 0, OTA_BUF_OF(room), &der), OTA_E_NOT_FOUND);
    d.x.m.broken_read = d.x.layout.trust;
    assert_int_equal(ota_store_ca(&d.x.s, &t, 0, OTA_BUF_OF(room), &der), OTA_E_FLASH);
    device_free(&d);
}

/* --- look before you burn ------------------------------------------------------------------ */

static void a_trial_is_confirmed_before_its_keys_are_replaced(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    const uint32_t image_ok = field_at(&d.x, OTA_SLOT_A, F_IMAGE_OK);
    d.x.m.bytes[image_ok] = 0xff;
    assert_int_equal(install(&d, "good"), OTA_E_STATE);
    d.x.m.bytes[image_ok] = 0x00; /* torn is not confirmed */
    assert_int_equal(install(&d, "good"), OTA_E_STATE);
    memset(d.x.m.bytes + field_at(&d.x, OTA_SLOT_A, F_MAGIC), 0xff, 16);
    assert_int_equal(install(&d, "good"), OTA_OK); /* no marks at all: programmed by a debugger */
    device_free(&d);
}

static void an_image_that_cannot_be_read_strands(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    uint8_t *const slot = d.x.m.bytes + d.x.layout.slot[OTA_SLOT_A].offset;
    slot[0] ^= 1;
    assert_int_equal(install(&d, "good"), OTA_E_KEYSET_STRANDS);
    slot[0] ^= 1;
    d.x.m.broken_read = (struct ota_region){ d.x.layout.slot[OTA_SLOT_A].offset, 1 };
    assert_int_equal(install(&d, "good"), OTA_E_FLASH);
    d.x.m.broken_read = (struct ota_region){ field_at(&d.x, OTA_SLOT_A, F_MAGIC), 1 };
    assert_int_equal(install(&d, "good"), OTA_E_FLASH);
    device_free(&d);
}

static void without_trust_there_is_nothing_to_begin_with(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    memset(d.x.m.bytes + d.x.layout.trust.offset, 0xff, d.x.layout.trust.size);
    fix_restart(&d.x);
    assert_int_equal(install(&d, "good"), OTA_E_NOT_FOUND);
    device_free(&d);
}

static void what_the_log_cannot_hold_is_refused_before_anything_is_erased(void **state)
{
    (void)state;
    struct device d;
    device_make_with(&d, 2);
    assert_int_equal(install(&d, "good-largest"), OTA_E_TOO_LARGE);
    assert_int_equal(install(&d, "good"), OTA_OK);
    device_free(&d);
}

/* --- ports that fail --------------------------------------------------------------------------- */

static void any_failure_of_the_crypto_port_is_no_verdict(void **state)
{
    (void)state;
    ota_err_t err = OTA_E_CRYPTO;
    uint32_t n = 0;
    struct device d;
    device_make(&d);
    const struct file f = keyset("good");
    while (err != OTA_OK) {
        struct bad_crypto bad = bad_crypto(++n);
        struct file copy = f;
        const struct ota_buf document = { copy.bytes, copy.size };
        err = ota_store_keyset_install(&d.x.s, &bad.base, OTA_SLOT_A, document, &d.room);
        assert_true(err == OTA_OK || err == OTA_E_CRYPTO);
        assert_int_equal(trust_of(&d).version, err == OTA_OK ? 1 : 0);
    }
    /* The document's digest and signature, three key ids, the image's signature. */
    assert_int_equal(n, 4 + 3 * 4 + 1 + 1);
    device_free(&d);
}

/* The flash below, and the one call of read that fails. */
static const struct ota_flash_ops *below;
static uint32_t reads, fail_at;

static ota_err_t read_or_fail(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    return ++reads == fail_at ? OTA_E_FLASH : below->read(f, offset, into);
}

static void fail_read(struct device *d, uint32_t n)
{
    static struct ota_flash_ops ops;
    below = d->x.m.base.ops;
    ops = *below;
    ops.read = read_or_fail;
    d->x.m.base.ops = &ops;
    reads = 0;
    fail_at = n;
}

static void heal(struct device *d)
{
    d->x.m.base.ops = below;
}

/* Whichever read of flash fails: nothing is believed that was not before, and the next try is as good. */
static void any_read_that_fails_leaves_the_old_keys(void **state)
{
    (void)state;
    static struct file f;
    f = keyset("next-by-ed25519");
    uint32_t n = 0;
    for (ota_err_t err = OTA_E_FLASH; err != OTA_OK;) {
        struct device d;
        device_make(&d);
        assert_int_equal(install(&d, "good-rotated"), OTA_OK);
        fix_restart(&d.x);
        fail_read(&d, ++n);
        const struct ota_buf document = { f.bytes, f.size };
        err = ota_store_keyset_install(&d.x.s, &d.crypto.base, OTA_SLOT_A, document, &d.room);
        heal(&d);
        assert_true(err == OTA_OK || err == OTA_E_FLASH);
        const uint32_t version = trust_of(&d).version;
        /* The last reads are those that see whether it arrived: there the new keys may be true already. */
        assert_true(version == 7 || version == 8);
        assert_true(err != OTA_OK || version == 8);
        device_free(&d);
    }
    assert_in_range(n, 100, 10000);
}

static void any_read_that_fails_gives_no_certificate(void **state)
{
    (void)state;
    struct device d;
    device_make(&d);
    assert_int_equal(install(&d, "good-rotated"), OTA_OK);
    const struct ota_trust t = trust_of(&d);
    uint8_t room[1024];
    uint32_t n = 0;
    for (ota_err_t err = OTA_E_FLASH; err != OTA_OK;) {
        struct ota_span der = OTA_SPAN_NONE;
        fix_restart(&d.x);
        fail_read(&d, ++n);
        err = ota_store_ca(&d.x.s, &t, 1, OTA_BUF_OF(room), &der);
        heal(&d);
        assert_true(err == OTA_OK || err == OTA_E_FLASH);
        assert_int_equal(der.len, err == OTA_OK ? 1024 : 0);
    }
    assert_in_range(n, 10, 1000);
    device_free(&d);
}

/* --- the reader ---------------------------------------------------------------------------------- */

static void every_prefix_is_refused(void **state)
{
    (void)state;
    static struct file f;
    f = keyset("good-rotated");
    for (uint32_t len = 0; len <= f.size; len++) {
        static struct ota_keyset k;
        uint8_t *const bytes = t_exact(f.bytes, len);
        const ota_err_t want = len == f.size ? OTA_OK : OTA_E_KEYSET_FORMAT;
        assert_int_equal(ota_keyset_read((struct ota_span){ bytes, len }, &k), want);
        free(bytes);
    }
}

static void any_damage_has_an_answer(void **state)
{
    (void)state;
    static struct file good, f;
    static struct ota_keyset k;
    good = keyset("good-rotated");
    uint32_t seed = 7;
    for (unsigned i = 0; i < 20000; i++) {
        f = good;
        for (uint32_t n = 1 + t_random(&seed) % 4; n > 0; n--) {
            f.bytes[t_random(&seed) % 60] = (uint8_t)t_random(&seed);
        }
        f.size -= t_random(&seed) % 4 == 0 ? t_random(&seed) % f.size : 0;
        uint8_t *const bytes = t_exact(f.bytes, f.size);
        const ota_err_t err = ota_keyset_read((struct ota_span){ bytes, f.size }, &k);
        assert_true(err == OTA_OK || err == OTA_E_KEYSET_FORMAT || err == OTA_E_KEYSET_REVOKED);
        free(bytes);
    }
}

/* What was read, written again: the writer against make.py, byte by byte. */
static void writes_what_it_read(void **state)
{
    (void)state;
    static const char *const names[] = { "good", "good-rotated", "good-one-ca", "good-largest" };
    for (size_t i = 0; i < COUNT(names); i++) {
        static struct file f;
        static struct ota_keyset k;
        f = keyset(names[i]);
        assert_int_equal(ota_keyset_read(span_of(&f), &k), OTA_OK);
        uint8_t *const out = malloc(f.size);
        struct ota_writer w = ota_writer((struct ota_buf){ out, f.size });
        ota_keyset_write(&w, &k.trust, k.revoked, k.ca);
        ota_write_u8(&w, k.signature.kind);
        ota_write_bytes(&w, OTA_SPAN_OF(k.signature.key_id));
        CHECK_ROW(names[i], ota_span_eq(ota_writer_done(&w), k.covered));
        ota_write_bytes(&w, OTA_SPAN_OF(k.signature.rs));
        CHECK_ROW(names[i], ota_span_eq(ota_writer_done(&w), span_of(&f)));
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vector_gets_its_verdict),
        cmocka_unit_test(a_second_keyset_builds_on_the_first),
        cmocka_unit_test(the_device_believes_what_the_keyset_says),
        cmocka_unit_test(certificates_come_back_as_they_went_in),
        cmocka_unit_test(a_factory_record_has_no_certificates),
        cmocka_unit_test(a_trial_is_confirmed_before_its_keys_are_replaced),
        cmocka_unit_test(an_image_that_cannot_be_read_strands),
        cmocka_unit_test(without_trust_there_is_nothing_to_begin_with),
        cmocka_unit_test(what_the_log_cannot_hold_is_refused_before_anything_is_erased),
        cmocka_unit_test(any_failure_of_the_crypto_port_is_no_verdict),
        cmocka_unit_test(any_read_that_fails_leaves_the_old_keys),
        cmocka_unit_test(any_read_that_fails_gives_no_certificate),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(any_damage_has_an_answer),
        cmocka_unit_test(writes_what_it_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
