#include "ed25519_openssl.h"
#include "image_fixture.h"
#include <dirent.h>

static struct ota_verify_cfg config(struct ram_flash *ram, const struct ota_trust *t)
{
    return (struct ota_verify_cfg){
        .flash = &ram->base,
        .crypto = crypto(),
        .trust = t,
        .where = { SLOT_OFFSET, ram->base.size - SLOT_OFFSET },
        .counter_min = COUNTER,
    };
}

static bool all_zero(const void *bytes, size_t size)
{
    const uint8_t *const at = bytes;
    for (size_t i = 0; i < size; i++) {
        if (at[i] != 0) {
            return false;
        }
    }
    return true;
}

/* To the end, `budget` bytes a step; after an error nothing may look verified. */
static ota_err_t run(struct ota_verify *v, uint32_t budget, const struct ota_verified_image **done)
{
    static const struct ota_verified_image untouched;
    *done = NULL;
    for (;;) {
        const struct ota_verified_image *got = &untouched;
        const ota_err_t err = ota_verify_step(v, budget, &got);
        if (err != OTA_OK) {
            assert_ptr_equal(got, &untouched);
            assert_true(all_zero(&v->result.image, sizeof v->result.image));
            assert_true(all_zero(v->result.file_digest, OTA_DIGEST_SIZE));
            return err;
        }
        if (got != NULL) {
            *done = got;
            return OTA_OK;
        }
    }
}

static ota_err_t verify_bytes(struct ota_span image, uint32_t slot_size)
{
    const struct ota_trust t = trust();
    struct ram_flash ram = ram_flash(image, slot_size);
    const struct ota_verify_cfg cfg = config(&ram, &t);
    const struct ota_verified_image *done;
    struct ota_verify v;
    ota_verify_begin(&v, &cfg);
    const ota_err_t err = run(&v, UINT32_MAX, &done);
    free(ram.bytes);
    return err;
}

/* --- each vector -------------------------------------------------------------- */

static const struct {
    const char *name;
    ota_err_t want;
} vectors[] = {
    { "good", OTA_OK },
    { "good-next-key", OTA_OK },
    { "good-unknown-then-known", OTA_OK },
    { "good-known-then-unknown", OTA_OK },
    { "good-both-known", OTA_OK },
    { "good-digest-last", OTA_OK },
    { "good-padded-der", OTA_OK },
    { "good-high-s", OTA_OK },
    { "good-unknown-protected", OTA_OK },
    { "good-hardware", OTA_OK },
    { "good-rom-fixed", OTA_OK },
    { "good-header-32", OTA_OK },
    { "good-counter-above", OTA_OK },
    { "good-counter-largest", OTA_OK },
    { "good-dependency", OTA_OK },
    { "good-dependencies", OTA_OK },
    { "format-header-16", OTA_E_IMAGE_FORMAT },
    { "format-header-31", OTA_E_IMAGE_FORMAT },
    { "format-flag-pic", OTA_E_IMAGE_FORMAT },
    { "format-flag-encrypted", OTA_E_IMAGE_FORMAT },
    { "format-flag-not-bootable", OTA_E_IMAGE_FORMAT },
    { "format-flag-ram-load", OTA_E_IMAGE_FORMAT },
    { "format-flag-lzma2", OTA_E_IMAGE_FORMAT },
    { "format-flag-unheard-of", OTA_E_IMAGE_FORMAT },
    { "format-unknown-unprotected", OTA_E_IMAGE_FORMAT },
    { "format-counter-unprotected-only", OTA_E_IMAGE_FORMAT },
    { "format-counter-in-both", OTA_E_IMAGE_FORMAT },
    { "format-vendor-unprotected", OTA_E_IMAGE_FORMAT },
    { "format-no-protected-area", OTA_E_IMAGE_FORMAT },
    { "format-no-counter", OTA_E_IMAGE_FORMAT },
    { "format-no-vendor", OTA_E_IMAGE_FORMAT },
    { "format-no-class", OTA_E_IMAGE_FORMAT },
    { "format-counter-twice", OTA_E_IMAGE_FORMAT },
    { "format-vendor-twice", OTA_E_IMAGE_FORMAT },
    { "format-class-twice", OTA_E_IMAGE_FORMAT },
    { "format-hardware-twice", OTA_E_IMAGE_FORMAT },
    { "format-unknown-twice", OTA_E_IMAGE_FORMAT },
    { "format-entry-longer-than-area", OTA_E_IMAGE_FORMAT },
    { "format-entry-head-cut", OTA_E_IMAGE_FORMAT },
    { "format-unprotected-entry-head-cut", OTA_E_IMAGE_FORMAT },
    { "format-counter-3-bytes", OTA_E_IMAGE_FORMAT },
    { "format-counter-8-bytes", OTA_E_IMAGE_FORMAT },
    { "format-counter-empty", OTA_E_IMAGE_FORMAT },
    { "format-vendor-15-bytes", OTA_E_IMAGE_FORMAT },
    { "format-class-17-bytes", OTA_E_IMAGE_FORMAT },
    { "format-hardware-3-bytes", OTA_E_IMAGE_FORMAT },
    { "format-hardware-backwards", OTA_E_IMAGE_FORMAT },
    { "format-no-digest", OTA_E_IMAGE_FORMAT },
    { "format-two-digests", OTA_E_IMAGE_FORMAT },
    { "format-two-equal-digests", OTA_E_IMAGE_FORMAT },
    { "format-digest-empty", OTA_E_IMAGE_FORMAT },
    { "format-digest-31-bytes", OTA_E_IMAGE_FORMAT },
    { "format-digest-33-bytes", OTA_E_IMAGE_FORMAT },
    { "format-key-id-empty", OTA_E_IMAGE_FORMAT },
    { "format-key-id-4-bytes", OTA_E_IMAGE_FORMAT },
    { "format-key-id-31-bytes", OTA_E_IMAGE_FORMAT },
    { "format-key-id-33-bytes", OTA_E_IMAGE_FORMAT },
    { "format-signature-before-key-id", OTA_E_IMAGE_FORMAT },
    { "format-signature-without-key-id", OTA_E_IMAGE_FORMAT },
    { "format-key-id-without-signature", OTA_E_IMAGE_FORMAT },
    { "format-two-key-ids-one-signature", OTA_E_IMAGE_FORMAT },
    { "format-one-key-id-two-signatures", OTA_E_IMAGE_FORMAT },
    { "format-three-signatures", OTA_E_IMAGE_FORMAT },
    { "format-digest-inside-a-pair", OTA_E_IMAGE_FORMAT },
    { "format-raw-signature", OTA_E_IMAGE_FORMAT },
    { "format-der-with-garbage", OTA_E_IMAGE_FORMAT },
    { "format-signature-empty", OTA_E_IMAGE_FORMAT },
    { "format-areas-too-large", OTA_E_IMAGE_FORMAT },
    { "format-ed25519-63-bytes", OTA_E_IMAGE_FORMAT },
    { "format-ed25519-empty", OTA_E_IMAGE_FORMAT },
    { "format-signature-pure", OTA_E_IMAGE_FORMAT },
    { "format-digest-sha-384", OTA_E_IMAGE_FORMAT },
    { "format-public-key", OTA_E_IMAGE_FORMAT },
    { "format-dependency-11-bytes", OTA_E_IMAGE_FORMAT },
    { "format-dependency-13-bytes", OTA_E_IMAGE_FORMAT },
    { "format-dependency-unprotected", OTA_E_IMAGE_FORMAT },
    { "dependency-higher", OTA_E_IMAGE_DEPENDENCY },
    { "dependency-other-image", OTA_E_IMAGE_DEPENDENCY },
    { "dependency-second-of-two", OTA_E_IMAGE_DEPENDENCY },
    { "dependency-first-of-two", OTA_E_IMAGE_DEPENDENCY },
    { "dependency-with-other-bits", OTA_E_IMAGE_DEPENDENCY },
    { "signature-ed25519-for-p256", OTA_E_IMAGE_SIGNATURE },
    { "vendor-other", OTA_E_IMAGE_VENDOR },
    { "class-other", OTA_E_IMAGE_CLASS },
    { "hardware-below", OTA_E_IMAGE_HARDWARE },
    { "hardware-above", OTA_E_IMAGE_HARDWARE },
    { "counter-below", OTA_E_IMAGE_COUNTER },
    { "counter-zero", OTA_E_IMAGE_COUNTER },
    { "key-unknown", OTA_E_IMAGE_KEY },
    { "key-unsigned", OTA_E_IMAGE_KEY },
    { "signature-by-stranger", OTA_E_IMAGE_SIGNATURE },
    { "signature-good-then-bad", OTA_E_IMAGE_SIGNATURE },
    { "signature-bad-then-good", OTA_E_IMAGE_SIGNATURE },
    { "digest-lying", OTA_E_IMAGE_DIGEST },
    { "slot-other", OTA_E_IMAGE_SLOT },
    { "slot-zero", OTA_E_IMAGE_SLOT },
};

static void each_vector_gets_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct file f = vector_image(vectors[i].name);
        CHECK_ROW(vectors[i].name, verify_bytes(span_of(&f), 2048) == vectors[i].want);
    }
}

/* --- Ed25519 ------------------------------------------------------------------- */

static const struct {
    const char *name;
    ota_err_t able, unable; /* by a port that can check Ed25519, and by one that cannot */
} ed25519_vectors[] = {
    { "good", OTA_OK, OTA_OK },
    { "good-ed25519", OTA_OK, OTA_E_IMAGE_KEY },
    { "good-ed25519-then-p256", OTA_OK, OTA_OK },
    { "good-p256-then-ed25519", OTA_OK, OTA_OK },
    { "good-everything", OTA_OK, OTA_OK },
    { "signature-ed25519-by-stranger", OTA_E_IMAGE_SIGNATURE, OTA_E_IMAGE_KEY },
    { "signature-ed25519-over-bytes", OTA_E_IMAGE_SIGNATURE, OTA_E_IMAGE_KEY },
    { "signature-p256-for-ed25519", OTA_E_IMAGE_SIGNATURE, OTA_E_IMAGE_KEY },
    { "signature-ed25519-for-p256", OTA_E_IMAGE_SIGNATURE, OTA_E_IMAGE_SIGNATURE },
};

/* A P-256 release key, and an Ed25519 one. */
static struct ota_trust mixed_trust(void)
{
    const struct file key = vector("release-ed25519.public");
    struct ota_trust t = trust();
    assert_int_equal(key.size, OTA_KEY_SIZE);
    assert_int_equal(ota_anchor_make(crypto(), key.bytes, &t.release[1]), OTA_OK);
    return t;
}

static ota_err_t verify_mixed(const char *name, struct ota_crypto *c)
{
    const struct file f = vector_image(name);
    const struct ota_trust t = mixed_trust();
    struct ram_flash ram = ram_flash(span_of(&f), sizeof f.bytes);
    struct ota_verify_cfg cfg = config(&ram, &t);
    const struct ota_verified_image *done;
    struct ota_verify v;
    cfg.crypto = c;
    ota_verify_begin(&v, &cfg);
    const ota_err_t err = run(&v, UINT32_MAX, &done);
    free(ram.bytes);
    return err;
}

static void ed25519_counts_where_the_port_can_check_it(void **state)
{
    (void)state;
    struct ota_crypto_ops able = *crypto()->ops;
    able.verify_ed25519 = ed25519_openssl_verify;
    struct psa_port port = { .base.ops = &able };
    for (size_t i = 0; i < COUNT(ed25519_vectors); i++) {
        const char *const name = ed25519_vectors[i].name;
        CHECK_ROW(name, verify_mixed(name, &port.base) == ed25519_vectors[i].able);
        CHECK_ROW(name, verify_mixed(name, crypto()) == ed25519_vectors[i].unable);
    }
}

/* --- all vectors ------------------------------------------------------------------ */

static bool has_row(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(vectors); i++) {
        if (strlen(vectors[i].name) == len && strncmp(vectors[i].name, name, len) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < COUNT(ed25519_vectors); i++) {
        const char *const other = ed25519_vectors[i].name;
        if (strlen(other) == len && strncmp(other, name, len) == 0) {
            return true;
        }
    }
    return false;
}

static void no_vector_is_left_out(void **state)
{
    (void)state;
    DIR *const dir = opendir(IMAGE_VECTORS);
    assert_non_null(dir);
    size_t seen = 0;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        const size_t len = strlen(e->d_name);
        if (len > 4 && strcmp(e->d_name + len - 4, ".img") == 0) {
            CHECK_ROW(e->d_name, has_row(e->d_name, len - 4));
            seen++;
        }
    }
    assert_int_equal(closedir(dir), 0);
    assert_in_range(seen, 90, 200);
}

/* --- where MCUboot is more generous --------------------------------------------------- */

/* Each case that its own validator was run on (docs/spec/image.md), and the vector that is it. */
static const struct {
    const char *why, *name;
    ota_err_t want;
} generous[] = {
    { "header_size 16", "format-header-16", OTA_E_IMAGE_FORMAT },
    { "unknown unprotected TLV", "format-unknown-unprotected", OTA_E_IMAGE_FORMAT },
    { "counter only unprotected", "format-counter-unprotected-only", OTA_E_IMAGE_FORMAT },
    { "counter unprotected too", "format-counter-in-both", OTA_E_IMAGE_FORMAT },
    { "key hash of 4 bytes", "format-key-id-4-bytes", OTA_E_IMAGE_FORMAT },
    { "key hash of 0 bytes", "format-key-id-empty", OTA_E_IMAGE_FORMAT },
    { "key, signature, digest", "good-digest-last", OTA_OK },
    { "signature before its key hash", "format-signature-before-key-id", OTA_E_IMAGE_FORMAT },
    { "signature without key hash", "format-signature-without-key-id", OTA_E_IMAGE_FORMAT },
    { "DER padded with zeros", "good-padded-der", OTA_OK },
    { "DER with garbage behind", "format-der-with-garbage", OTA_E_IMAGE_FORMAT },
    { "high-S twin", "good-high-s", OTA_OK },
    { "raw r and s", "format-raw-signature", OTA_E_IMAGE_FORMAT },
    { "unknown key, then a good pair", "good-unknown-then-known", OTA_OK },
    { "a good pair, then an unknown key", "good-known-then-unknown", OTA_OK },
    { "good, then the same key's bad one", "signature-good-then-bad", OTA_E_IMAGE_SIGNATURE },
    { "two digests, the second wrong", "format-two-digests", OTA_E_IMAGE_FORMAT },
};

static void is_as_strict_as_the_specification_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(generous); i++) {
        const struct file f = vector_image(generous[i].name);
        CHECK_ROW(generous[i].why, verify_bytes(span_of(&f), 2048) == generous[i].want);
    }
}

/* In MCUboot 20 KiB of it land in flash beside a good signature. */
static void unsigned_bytes_are_refused_however_many(void **state)
{
    (void)state;
    enum { MORE = 20 * 1024, UNPROTECTED = 191 };
    static uint8_t bytes[2048 + MORE];
    const struct file f = vector_image("good");
    const uint32_t size = f.size - UNPROTECTED + 4u + MORE;
    memcpy(bytes, f.bytes, f.size);
    bytes[UNPROTECTED + 2] = (uint8_t)size;
    bytes[UNPROTECTED + 3] = (uint8_t)(size >> 8);
    bytes[f.size] = 0xa1;
    bytes[f.size + 3] = MORE >> 8;
    const struct ota_span image = { bytes, UNPROTECTED + size };
    assert_int_equal(verify_bytes(image, sizeof bytes), OTA_E_IMAGE_FORMAT);
}

static void an_image_may_fill_its_slot_to_the_last_byte(void **state)
{
    (void)state;
    const struct file f = vector_image("good");
    assert_int_equal(verify_bytes(span_of(&f), f.size), OTA_OK);
}

static void an_image_cut_at_any_length_is_larger_than_its_slot(void **state)
{
    (void)state;
    const struct file f = vector_image("good");
    for (uint32_t len = 0; len < f.size; len++) {
        assert_int_equal(verify_bytes(span_of(&f), len), OTA_E_IMAGE_SIZE);
    }
}

static void an_erased_slot_is_not_an_image(void **state)
{
    (void)state;
    assert_int_equal(verify_bytes(OTA_SPAN_LIT(""), 2048), OTA_E_IMAGE_FORMAT);
}

/* --- one flipped bit anywhere ---------------------------------------------------- */

/*
 * Where a flipped bit of good.img is found out. Offsets: header 0, its padding 32, payload 64,
 * protected area 139 (counter value 147, vendor 155, class 175), unprotected area 191 (digest
 * value 199, key id 235, signature 271). Errors: those that are possible in the range.
 */
static const struct {
    const char *why;
    uint32_t end;
    ota_err_t want[4];
} places[] = {
    { "magic", 4, { OTA_E_IMAGE_FORMAT } },
    { "load address: means nothing without its flag", 8, { OTA_E_IMAGE_DIGEST } },
    { "sizes", 16, { OTA_E_IMAGE_FORMAT, OTA_E_IMAGE_SIZE } },
    { "flags", 20, { OTA_E_IMAGE_FORMAT, OTA_E_IMAGE_SLOT } },
    { "version, padding, payload", 139, { OTA_E_IMAGE_DIGEST } },
    { "protected heads", 147, { OTA_E_IMAGE_FORMAT } },
    { "counter: below, or up but not signed", 151, { OTA_E_IMAGE_COUNTER, OTA_E_IMAGE_DIGEST } },
    { "vendor's head", 155, { OTA_E_IMAGE_FORMAT } },
    { "vendor", 171, { OTA_E_IMAGE_VENDOR } },
    { "class's head", 175, { OTA_E_IMAGE_FORMAT } },
    { "class", 191, { OTA_E_IMAGE_CLASS } },
    { "unprotected heads", 199, { OTA_E_IMAGE_FORMAT, OTA_E_IMAGE_SIZE } },
    { "digest", 231, { OTA_E_IMAGE_SIGNATURE } },
    { "key id's head", 235, { OTA_E_IMAGE_FORMAT } },
    { "key id", 267, { OTA_E_IMAGE_KEY } },
    { "signature's head, DER heads, r, s", 2048, { OTA_E_IMAGE_FORMAT, OTA_E_IMAGE_SIGNATURE } },
};

static bool is_one_of(ota_err_t err, const ota_err_t want[4])
{
    bool found = false;
    for (size_t i = 0; i < 4; i++) {
        found = found || (want[i] != OTA_OK && want[i] == err);
    }
    return found;
}

static void any_flipped_bit_is_found_out(void **state)
{
    (void)state;
    const struct file good = vector_image("good");
    size_t place = 0;
    for (uint32_t at = 0; at < good.size; at++) {
        if (at == places[place].end) {
            place++;
        }
        /* One bit of each byte, another one each time: all eight would take ten seconds. */
        const unsigned bit = (at * 3u) % 8u;
        struct file f = good;
        f.bytes[at] = (uint8_t)(f.bytes[at] ^ 1u << bit);
        const ota_err_t err = verify_bytes(span_of(&f), 2048);
        if (!is_one_of(err, places[place].want)) {
            fail_msg("[%s] byte %u bit %u: %s", places[place].why, (unsigned)at, bit,
                     ota_err_name(err));
        }
    }
}

/* --- steps ------------------------------------------------------------------------- */

static void says_what_it_verified_whatever_the_budget(void **state)
{
    (void)state;
    static const uint32_t budgets[] = { 1, 7, 127, 128, 129, 1000, UINT32_MAX };
    const struct file f = vector_image("good");
    const struct ota_trust t = trust();
    uint8_t digest[OTA_DIGEST_SIZE];
    struct ota_sha256 h;
    assert_int_equal(crypto()->ops->sha256_begin(crypto(), &h), OTA_OK);
    assert_int_equal(crypto()->ops->sha256_update(crypto(), &h, span_of(&f)), OTA_OK);
    assert_int_equal(crypto()->ops->sha256_peek(crypto(), &h, digest), OTA_OK);

    for (size_t i = 0; i < COUNT(budgets); i++) {
        struct ram_flash ram = ram_flash(span_of(&f), 2048);
        const struct ota_verify_cfg cfg = config(&ram, &t);
        const struct ota_verified_image *done = NULL;
        struct ota_verify v;
        ota_verify_begin(&v, &cfg);
        assert_int_equal(run(&v, budgets[i], &done), OTA_OK);
        assert_int_equal(done->where.offset, SLOT_OFFSET);
        assert_int_equal(done->where.size, 2048);
        assert_int_equal(done->image.size, f.size);
        assert_int_equal(done->image.counter, COUNTER);
        assert_int_equal(done->image.header.version.revision, 3);
        assert_memory_equal(done->file_digest, digest, sizeof digest);
        free(ram.bytes);
    }
}

static void a_step_reads_no_more_than_its_budget(void **state)
{
    (void)state;
    const struct file f = vector_image("good");
    const struct ota_trust t = trust();
    struct ram_flash ram = ram_flash(span_of(&f), 2048);
    const struct ota_verify_cfg cfg = config(&ram, &t);
    const struct ota_verified_image *done = NULL;
    struct ota_verify v;
    ota_verify_begin(&v, &cfg);
    assert_int_equal(ota_verify_step(&v, 10, &done), OTA_OK);
    assert_true(ram.read <= OTA_IMAGE_HEADER_SIZE + OTA_IMAGE_TLVS_MAX + 10);
    uint32_t steps = 1;
    while (done == NULL) {
        const uint32_t before = ram.read;
        assert_int_equal(ota_verify_step(&v, 10, &done), OTA_OK);
        assert_in_range(ram.read - before, 1, 10);
        steps++;
    }
    assert_int_equal(steps, (f.size + 9) / 10);
    free(ram.bytes);
}

static void stays_done_and_reads_no_more(void **state)
{
    (void)state;
    const struct file f = vector_image("good");
    const struct ota_trust t = trust();
    struct ram_flash ram = ram_flash(span_of(&f), 2048);
    const struct ota_verify_cfg cfg = config(&ram, &t);
    const struct ota_verified_image *done, *again = NULL;
    struct ota_verify v;
    ota_verify_begin(&v, &cfg);
    assert_int_equal(run(&v, 100, &done), OTA_OK);
    const uint32_t reads = ram.reads;
    assert_int_equal(ota_verify_step(&v, 100, &again), OTA_OK);
    assert_ptr_equal(again, done);
    assert_int_equal(ram.reads, reads);
    free(ram.bytes);
}

/* --- without proof ------------------------------------------------------------------ */

static void what_a_slot_says_can_be_read_without_proof(void **state)
{
    (void)state;
    struct file f = vector_image("digest-lying");
    struct ram_flash ram = ram_flash(span_of(&f), f.size);
    const struct ota_region all = { SLOT_OFFSET, f.size }, less = { SLOT_OFFSET, f.size - 1 };
    struct ota_image image;
    assert_int_equal(ota_image_from_flash(&ram.base, all, &image), OTA_OK);
    assert_int_equal(image.size, f.size);
    assert_int_equal(image.counter, COUNTER);
    assert_int_equal(image.header.version.minor, 2);
    assert_int_equal(ota_image_from_flash(&ram.base, less, &image), OTA_E_IMAGE_SIZE);
    for (uint32_t n = 1; n <= 2; n++) {
        ram.reads = 0;
        ram.fail_at = n;
        assert_int_equal(ota_image_from_flash(&ram.base, all, &image), OTA_E_FLASH);
    }
    ram.bytes[SLOT_OFFSET] ^= 1;
    assert_int_equal(ota_image_from_flash(&ram.base, all, &image), OTA_E_IMAGE_FORMAT);
    free(ram.bytes);
}

/* --- ports that fail ------------------------------------------------------------------ */

static void any_read_that_fails_ends_it_and_it_can_begin_again(void **state)
{
    (void)state;
    const struct file f = vector_image("good");
    const struct ota_trust t = trust();
    struct ram_flash ram = ram_flash(span_of(&f), 2048);
    const struct ota_verify_cfg cfg = config(&ram, &t);
    const struct ota_verified_image *done;
    struct ota_verify v;
    ota_err_t err = OTA_E_FLASH;
    uint32_t n = 0;
    while (err != OTA_OK) {
        ram.reads = 0;
        ram.fail_at = ++n;
        ota_verify_begin(&v, &cfg);
        err = run(&v, 50, &done);
        assert_true(err == OTA_OK || err == OTA_E_FLASH);
        if (err != OTA_OK) {
            assert_int_equal(run(&v, 50, &done), OTA_OK);
        }
    }
    assert_true(n > 5);
    free(ram.bytes);
}

static void any_failure_of_the_crypto_port_ends_it(void **state)
{
    (void)state;
    const struct file f = vector_image("good-both-known");
    const struct ota_trust t = trust();
    struct ram_flash ram = ram_flash(span_of(&f), 2048);
    const struct ota_verified_image *done;
    struct ota_verify v;
    ota_err_t err = OTA_E_CRYPTO;
    uint32_t n = 0;
    while (err != OTA_OK) {
        struct bad_crypto bad = bad_crypto(++n);
        struct ota_verify_cfg cfg = config(&ram, &t);
        cfg.crypto = &bad.base;
        ota_verify_begin(&v, &cfg);
        err = run(&v, 50, &done);
        assert_true(err == OTA_OK || err == OTA_E_CRYPTO);
    }
    assert_true(n > 2 + 1 + 8 + 2);
    free(ram.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_vector_gets_its_verdict),
        cmocka_unit_test(ed25519_counts_where_the_port_can_check_it),
        cmocka_unit_test(no_vector_is_left_out),
        cmocka_unit_test(is_as_strict_as_the_specification_says),
        cmocka_unit_test(unsigned_bytes_are_refused_however_many),
        cmocka_unit_test(an_image_may_fill_its_slot_to_the_last_byte),
        cmocka_unit_test(an_image_cut_at_any_length_is_larger_than_its_slot),
        cmocka_unit_test(an_erased_slot_is_not_an_image),
        cmocka_unit_test(any_flipped_bit_is_found_out),
        cmocka_unit_test(says_what_it_verified_whatever_the_budget),
        cmocka_unit_test(a_step_reads_no_more_than_its_budget),
        cmocka_unit_test(stays_done_and_reads_no_more),
        cmocka_unit_test(what_a_slot_says_can_be_read_without_proof),
        cmocka_unit_test(any_read_that_fails_ends_it_and_it_can_begin_again),
        cmocka_unit_test(any_failure_of_the_crypto_port_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
