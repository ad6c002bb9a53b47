#include "image_fixture.h"
#include "ota/image_write.h"

/* Offsets in good.img. */
enum { TLVS = 139, UNPROTECTED = 191 };

static struct ota_image_header header_of(const struct file *f)
{
    struct ota_image_header h;
    assert_int_equal(ota_image_header_read(span_of(f), &h), OTA_OK);
    return h;
}

static struct ota_span tlvs_of(const struct file *f, const struct ota_image_header *h)
{
    const uint32_t at = ota_image_tlvs_offset(h);
    return (struct ota_span){ f->bytes + at, f->size - at };
}

static struct ota_image image_of(const char *name)
{
    const struct file f = vector_image(name);
    const struct ota_image_header h = header_of(&f);
    struct ota_image image;
    assert_int_equal(ota_image_read(&h, tlvs_of(&f, &h), &image), OTA_OK);
    return image;
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value);
    put16(at + 2, value >> 16);
}

/* --- header ----------------------------------------------------------------------- */

static void reads_a_header(void **state)
{
    (void)state;
    const struct file f = vector_image("good-rom-fixed");
    const struct ota_image_header h = header_of(&f);
    assert_int_equal(h.version.major, 1);
    assert_int_equal(h.version.minor, 2);
    assert_int_equal(h.version.revision, 3);
    assert_int_equal(h.version.build, 4);
    assert_int_equal(h.load_address, 0x1000);
    assert_int_equal(h.flags, OTA_IMAGE_FLAG_ROM_FIXED);
    assert_int_equal(h.header_size, 64);
    assert_int_equal(h.payload_size, 75);
    assert_int_equal(h.protected_size, 52);
    assert_int_equal(ota_image_tlvs_offset(&h), TLVS);
    assert_int_equal(ota_image_signed_size(&h), UNPROTECTED);
}

static void a_header_needs_all_its_bytes(void **state)
{
    (void)state;
    const struct file f = vector_image("good");
    for (size_t len = 0; len <= OTA_IMAGE_HEADER_SIZE; len++) {
        uint8_t *const head = t_exact(f.bytes, len);
        struct ota_image_header h, before;
        memset(&h, 0x55, sizeof h);
        before = h;
        const ota_err_t want = len < OTA_IMAGE_HEADER_SIZE ? OTA_E_TRUNCATED : OTA_OK;
        assert_int_equal(ota_image_header_read((struct ota_span){ head, len }, &h), want);
        assert_true(want == OTA_OK || memcmp(&h, &before, sizeof h) == 0);
        free(head);
    }
}

static void refuses_headers_that_it_cannot_honour(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t at, size, value;
        ota_err_t want;
    } rows[] = {
        { "MCUboot's old magic", 0, 4, 0x96f3b83c, OTA_E_IMAGE_FORMAT },
        { "erased", 0, 4, 0xffffffff, OTA_E_IMAGE_FORMAT },
        { "header of 0", 8, 2, 0, OTA_E_IMAGE_FORMAT },
        { "header of 31", 8, 2, 31, OTA_E_IMAGE_FORMAT },
        { "header of 32", 8, 2, 32, OTA_OK },
        { "largest header", 8, 2, 0xffff, OTA_OK },
        { "sizes wrap", 12, 4, 0xffffffff, OTA_E_IMAGE_FORMAT },
        { "sizes wrap by little", 12, 4, 0xffffffff - 64 - 52 + 1, OTA_E_IMAGE_FORMAT },
        { "largest payload", 12, 4, 0xffffffff - 64 - 2 * 0xffff, OTA_OK },
        { "payload one larger", 12, 4, 0xffffffff - 64 - 2 * 0xffff + 1, OTA_E_IMAGE_FORMAT },
        { "2 GiB", 12, 4, 0x80000000, OTA_OK },
        { "no flag", 16, 4, 0, OTA_OK },
        { "ROM_FIXED", 16, 4, 0x100, OTA_OK },
        { "PIC", 16, 4, 0x1, OTA_E_IMAGE_FORMAT },
        { "AES-128", 16, 4, 0x4, OTA_E_IMAGE_FORMAT },
        { "AES-256", 16, 4, 0x8, OTA_E_IMAGE_FORMAT },
        { "not bootable", 16, 4, 0x10, OTA_E_IMAGE_FORMAT },
        { "RAM_LOAD", 16, 4, 0x20, OTA_E_IMAGE_FORMAT },
        { "RAM_LOAD and ROM_FIXED", 16, 4, 0x120, OTA_E_IMAGE_FORMAT },
        { "LZMA1", 16, 4, 0x200, OTA_E_IMAGE_FORMAT },
        { "LZMA2", 16, 4, 0x400, OTA_E_IMAGE_FORMAT },
        { "Arm Thumb filter", 16, 4, 0x800, OTA_E_IMAGE_FORMAT },
        { "all flags", 16, 4, 0xffffffff, OTA_E_IMAGE_FORMAT },
        { "padding has no meaning", 28, 4, 0xffffffff, OTA_OK },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct file f = vector_image("good");
        struct ota_image_header h;
        if (rows[i].size == 2) {
            put16(f.bytes + rows[i].at, rows[i].value);
        } else {
            put32(f.bytes + rows[i].at, rows[i].value);
        }
        CHECK_ROW(rows[i].why, ota_image_header_read(span_of(&f), &h) == rows[i].want);
    }
}

/* --- TLVs --------------------------------------------------------------------------- */

static void reads_what_an_image_says_of_itself(void **state)
{
    (void)state;
    const struct file f = vector_image("good-unknown-then-known");
    const struct ota_image image = image_of("good-unknown-then-known");
    const struct file stranger = vector("stranger.keyid"), release = vector("release.keyid");
    const struct ota_trust t = trust();
    assert_int_equal(image.size, f.size);
    assert_int_equal(image.counter, COUNTER);
    assert_int_equal(image.hw_min, 0);
    assert_int_equal(image.hw_max, 65535);
    assert_int_equal(image.header.payload_size, 75);
    assert_memory_equal(image.vendor, t.vendor, OTA_UUID_SIZE);
    assert_memory_equal(image.class_id, t.class_id, OTA_UUID_SIZE);
    assert_memory_equal(image.digest, f.bytes + UNPROTECTED + 8, OTA_DIGEST_SIZE);
    assert_int_equal(image.signature_count, 2);
    assert_memory_equal(image.signatures[0].key_id, stranger.bytes, OTA_DIGEST_SIZE);
    assert_memory_equal(image.signatures[1].key_id, release.bytes, OTA_DIGEST_SIZE);
    assert_int_equal(image_of("good-hardware").hw_min, 3);
    assert_int_equal(image_of("good-hardware").hw_max, 4);
    assert_int_equal(image_of("key-unsigned").signature_count, 0);
}

/* Read in an exact allocation, and see that an error leaves the image alone. */
static ota_err_t read_exact(const struct ota_image_header *h, struct ota_span tlvs)
{
    uint8_t *const copy = t_exact(tlvs.ptr, tlvs.len);
    struct ota_image image, before;
    memset(&image, 0x55, sizeof image);
    memcpy(&before, &image, sizeof before);
    const ota_err_t err = ota_image_read(h, (struct ota_span){ copy, tlvs.len }, &image);
    assert_true(err == OTA_OK || memcmp(&image, &before, sizeof image) == 0);
    free(copy);
    return err;
}

static void every_prefix_of_the_tlvs_is_truncated(void **state)
{
    (void)state;
    const struct file f = vector_image("good-both-known");
    const struct ota_image_header h = header_of(&f);
    struct ota_span tlvs = tlvs_of(&f, &h);
    assert_int_equal(read_exact(&h, tlvs), OTA_OK);
    while (tlvs.len > 0) {
        tlvs.len--;
        assert_int_equal(read_exact(&h, tlvs), OTA_E_TRUNCATED);
    }
}

static void bytes_behind_the_last_tlv_are_refused(void **state)
{
    (void)state;
    struct file f = vector_image("good");
    const struct ota_image_header h = header_of(&f);
    for (uint32_t more = 1; more < 1200; more = more * 3 + 1) {
        struct file longer = f;
        longer.size += more;
        assert_int_equal(read_exact(&h, tlvs_of(&longer, &h)), OTA_E_IMAGE_TRAILING);
    }
}

/* Each size and magic in the areas of good.img, by offset from their begin. */
static void sizes_that_do_not_agree_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        uint32_t at;
        int change;
        ota_err_t want;
    } rows[] = {
        { "protected magic", 0, 1, OTA_E_IMAGE_FORMAT },
        { "protected magic is the unprotected one", 0, -1, OTA_E_IMAGE_FORMAT },
        { "protected area one shorter", 2, -1, OTA_E_IMAGE_FORMAT },
        { "protected area one longer", 2, 1, OTA_E_IMAGE_FORMAT },
        { "protected area without room for its head", 2, -49, OTA_E_IMAGE_FORMAT },
        { "protected area of 0", 2, -52, OTA_E_IMAGE_FORMAT },
        { "protected area huge", 2, 0xffff - 52, OTA_E_IMAGE_FORMAT },
        { "counter shorter", 6, -1, OTA_E_IMAGE_FORMAT },
        { "counter longer", 6, 1, OTA_E_IMAGE_FORMAT },
        { "counter swallows the area", 6, 40, OTA_E_IMAGE_FORMAT },
        { "counter crosses into the unprotected area", 6, 41, OTA_E_IMAGE_FORMAT },
        { "counter huge", 6, 0xffff - 4, OTA_E_IMAGE_FORMAT },
        { "class one longer than its area", 34, 1, OTA_E_IMAGE_FORMAT },
        { "class one shorter", 34, -1, OTA_E_IMAGE_FORMAT },
        { "unprotected magic", 52, 2, OTA_E_IMAGE_FORMAT },
        { "unprotected magic is the protected one", 52, 1, OTA_E_IMAGE_FORMAT },
        { "unprotected area one longer", 54, 1, OTA_E_TRUNCATED },
        { "unprotected area one shorter", 54, -1, OTA_E_IMAGE_FORMAT },
        { "digest longer", 58, 1, OTA_E_IMAGE_FORMAT },
        { "digest huge", 58, 0xffff - 32, OTA_E_IMAGE_FORMAT },
        { "key id longer", 94, 1, OTA_E_IMAGE_FORMAT },
        { "signature one longer than its area", 130, 1, OTA_E_IMAGE_FORMAT },
        { "signature one shorter", 130, -1, OTA_E_IMAGE_FORMAT },
        { "signature huge", 130, 0xff00, OTA_E_IMAGE_FORMAT },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct file f = vector_image("good");
        const struct ota_image_header h = header_of(&f);
        uint8_t *const at = f.bytes + TLVS + rows[i].at;
        put16(at, (uint32_t)(at[0] | at[1] << 8) + (uint32_t)rows[i].change);
        CHECK_ROW(rows[i].why, read_exact(&h, tlvs_of(&f, &h)) == rows[i].want);
    }
}

static void the_header_must_name_the_size_of_the_protected_area(void **state)
{
    (void)state;
    static const uint16_t sizes[] = { 0, 1, 3, 4, 51, 53, 0xffff };
    const struct file f = vector_image("good");
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct ota_image_header h = header_of(&f);
        h.protected_size = sizes[i];
        assert_int_equal(read_exact(&h, tlvs_of(&f, &h)), OTA_E_IMAGE_FORMAT);
    }
}

/* A protected TLV of an unknown type, so long that both areas together have `size` bytes. */
static ota_err_t read_areas_of(uint32_t size)
{
    const struct file f = vector_image("key-unsigned");
    struct ota_image_header h = header_of(&f);
    const struct ota_span tlvs = tlvs_of(&f, &h);
    const uint32_t old = h.protected_size, unprotected = (uint32_t)tlvs.len - old;
    uint8_t bytes[2 * OTA_IMAGE_TLVS_MAX] = { 0 };
    h.protected_size = (uint16_t)(size - unprotected);
    memcpy(bytes, tlvs.ptr, old);
    put16(bytes + 2, h.protected_size);
    put16(bytes + old, 0x00a1);
    put16(bytes + old + 2, h.protected_size - old - 4);
    memcpy(bytes + h.protected_size, tlvs.ptr + old, unprotected);
    return read_exact(&h, (struct ota_span){ bytes, size });
}

static void both_areas_may_be_as_large_as_the_limit(void **state)
{
    (void)state;
    assert_int_equal(read_areas_of(OTA_IMAGE_TLVS_MAX - 1), OTA_OK);
    assert_int_equal(read_areas_of(OTA_IMAGE_TLVS_MAX), OTA_OK);
    assert_int_equal(read_areas_of(OTA_IMAGE_TLVS_MAX + 1), OTA_E_IMAGE_FORMAT);
}

/* Whatever the bytes are: an answer, and none that reads outside. */
static void any_damage_has_an_answer(void **state)
{
    (void)state;
    const struct file good = vector_image("good-both-known");
    const struct ota_image_header h = header_of(&good);
    uint32_t seed = 99;
    for (unsigned i = 0; i < 20000; i++) {
        struct file f = good;
        for (uint32_t n = 1 + t_random(&seed) % 4; n > 0; n--) {
            f.bytes[TLVS + t_random(&seed) % (f.size - TLVS)] = (uint8_t)t_random(&seed);
        }
        f.size -= t_random(&seed) % 4 == 0 ? t_random(&seed) % (f.size - TLVS) : 0;
        const ota_err_t err = read_exact(&h, tlvs_of(&f, &h));
        assert_true(err == OTA_OK || err == OTA_E_IMAGE_FORMAT || err == OTA_E_TRUNCATED ||
                    err == OTA_E_IMAGE_TRAILING);
    }
}

/* --- policy -------------------------------------------------------------------------- */

static void the_first_thing_wrong_is_named(void **state)
{
    (void)state;
    const struct ota_trust t = trust();
    struct ota_image image = image_of("signature-by-stranger");
    image.vendor[15] ^= 1;
    image.class_id[15] ^= 1;
    image.hw_min = 4;
    image.counter = COUNTER - 1;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_VENDOR);
    image.vendor[15] ^= 1;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_CLASS);
    image.class_id[15] ^= 1;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_HARDWARE);
    image.hw_min = 3;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_COUNTER);
    image.counter = COUNTER;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_SIGNATURE);
    image.signatures[0].key_id[0] ^= 1;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_KEY);
}

static void counters_compare_as_unsigned_numbers(void **state)
{
    (void)state;
    static const uint32_t values[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff };
    const struct ota_trust t = trust();
    struct ota_image image = image_of("good");
    for (size_t i = 0; i < COUNT(values); i++) {
        for (size_t min = 0; min < COUNT(values); min++) {
            image.counter = values[i];
            assert_int_equal(ota_image_check(&image, &t, values[min], crypto()),
                             i >= min ? OTA_OK : OTA_E_IMAGE_COUNTER);
        }
    }
}

static void hardware_ranges_include_both_ends(void **state)
{
    (void)state;
    struct ota_image image = image_of("good");
    struct ota_trust t = trust();
    image.hw_min = 3;
    image.hw_max = 5;
    for (uint16_t revision = 0; revision < 8; revision++) {
        t.hw_revision = revision;
        assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()),
                         revision >= 3 && revision <= 5 ? OTA_OK : OTA_E_IMAGE_HARDWARE);
    }
    t.hw_revision = 65535;
    image.hw_min = 65535;
    image.hw_max = 65535;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_OK);
}

static void without_anchors_nothing_is_trusted(void **state)
{
    (void)state;
    const struct ota_image image = image_of("good");
    struct ota_trust t = trust();
    t.release_count = 0;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_KEY);
    t.release_count = 1;
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_OK);
    t.release_count = 255; /* a record that lies reads no further than there are anchors */
    memset(t.release, 0, sizeof t.release);
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_KEY);
}

static void deployment_anchors_do_not_sign_images(void **state)
{
    (void)state;
    const struct ota_image image = image_of("good");
    struct ota_trust t = trust();
    memset(t.release, 0, sizeof t.release);
    assert_int_equal(ota_image_check(&image, &t, COUNTER, crypto()), OTA_E_IMAGE_KEY);
}

static void a_broken_crypto_port_is_no_verdict(void **state)
{
    (void)state;
    const struct ota_image image = image_of("good-both-known");
    const struct ota_trust t = trust();
    for (uint32_t n = 1; n <= 2; n++) {
        struct bad_crypto bad = bad_crypto(n);
        assert_int_equal(ota_image_check(&image, &t, COUNTER, &bad.base), OTA_E_CRYPTO);
    }
    /* The first anchor says no, and the second must be able to say yes. */
    const struct ota_image by_next = image_of("good-next-key");
    for (uint32_t n = 1; n <= 2; n++) {
        struct bad_crypto bad = bad_crypto(n);
        assert_int_equal(
            ota_deployment_check(by_next.digest, by_next.signatures[0].rs, &t, &bad.base),
            OTA_E_CRYPTO);
    }
}

static void a_deployment_is_signed_by_any_of_its_anchors(void **state)
{
    (void)state;
    const struct ota_image by_first = image_of("good"), by_next = image_of("good-next-key");
    const struct ota_image by_none = image_of("key-unknown");
    struct ota_trust t = trust();
    assert_int_equal(ota_deployment_check(by_first.digest, by_first.signatures[0].rs, &t, crypto()),
                     OTA_OK);
    assert_int_equal(ota_deployment_check(by_next.digest, by_next.signatures[0].rs, &t, crypto()),
                     OTA_OK);
    assert_int_equal(ota_deployment_check(by_none.digest, by_none.signatures[0].rs, &t, crypto()),
                     OTA_E_JOB_SIGNATURE);
    t.deployment_count = 1;
    assert_int_equal(ota_deployment_check(by_next.digest, by_next.signatures[0].rs, &t, crypto()),
                     OTA_E_JOB_SIGNATURE);
    t.deployment_count = 0;
    assert_int_equal(ota_deployment_check(by_first.digest, by_first.signatures[0].rs, &t, crypto()),
                     OTA_E_JOB_SIGNATURE);
    t.deployment_count = 255; /* a record that lies reads no further than there are anchors */
    assert_int_equal(ota_deployment_check(by_none.digest, by_none.signatures[0].rs, &t, crypto()),
                     OTA_E_JOB_SIGNATURE);
}

static void a_key_id_is_the_digest_of_the_key_in_der(void **state)
{
    (void)state;
    static const char *const keys[][2] = {
        { "release.point", "release.keyid" },
        { "release-next.point", "release-next.keyid" },
        { "stranger.point", "stranger.keyid" },
    };
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct file point = vector(keys[i][0]), want = vector(keys[i][1]);
        struct ota_anchor anchor;
        assert_int_equal(ota_anchor_make(crypto(), point.bytes, &anchor), OTA_OK);
        assert_memory_equal(anchor.key_id, want.bytes, OTA_DIGEST_SIZE);
        assert_memory_equal(anchor.key, point.bytes, OTA_P256_POINT_SIZE);
    }
    struct file other = vector("release-ed25519.public"), id = vector("release-ed25519.keyid");
    struct ota_anchor ed25519;
    assert_int_equal(ota_anchor_make(crypto(), other.bytes, &ed25519), OTA_OK);
    assert_memory_equal(ed25519.key_id, id.bytes, OTA_DIGEST_SIZE);
    other.bytes[0] = 0x02; /* a compressed point: no device holds one */
    assert_int_equal(ota_anchor_make(crypto(), other.bytes, &ed25519), OTA_E_RANGE);
    assert_memory_equal(ed25519.key_id, id.bytes, OTA_DIGEST_SIZE);
    for (uint32_t n = 1; n <= 4; n++) {
        const struct file point = vector(keys[0][0]);
        struct bad_crypto bad = bad_crypto(n);
        struct ota_anchor anchor = { .key_id = { 0x55 } };
        assert_int_equal(ota_anchor_make(&bad.base, point.bytes, &anchor), OTA_E_CRYPTO);
        assert_int_equal(anchor.key_id[0], 0x55);
    }
}

/* --- writing ----------------------------------------------------------------------------- */

/* The whole image again, from what was read of it: the writer against make.py, byte by byte. */
static void writes_what_it_read(void **state)
{
    (void)state;
    static const char *const names[] = { "good",           "good-both-known", "good-hardware",
                                         "good-rom-fixed", "good-header-32",  "key-unsigned" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct file f = vector_image(names[i]);
        const struct ota_image image = image_of(names[i]);
        const struct ota_image_header *const h = &image.header;
        struct ota_image_signing signings[OTA_IMAGE_SIGNATURES_MAX];
        uint32_t at = ota_image_signed_size(h) + 4 + 36;
        for (size_t n = 0; n < image.signature_count; n++) {
            memcpy(signings[n].key_id, image.signatures[n].key_id, OTA_DIGEST_SIZE);
            at += 36;
            signings[n].signature = (struct ota_span){ f.bytes + at + 4, f.bytes[at + 2] };
            at += 4u + f.bytes[at + 2];
        }
        uint8_t *const out = malloc(f.size);
        struct ota_writer w = ota_writer((struct ota_buf){ out, f.size });
        ota_image_header_write(&w, h, 0xff);
        ota_write_bytes(&w, (struct ota_span){ f.bytes + h->header_size, h->payload_size });
        ota_image_protected_write(&w, &image, NULL);
        ota_image_unprotected_write(&w, image.digest, signings, image.signature_count);
        CHECK_ROW(names[i], ota_span_eq(ota_writer_done(&w), span_of(&f)));
        free(out);
    }
}

/* The unprotected area of a vector. */
static struct ota_span unprotected_of(const struct file *f)
{
    const struct ota_image_header h = header_of(f);
    const uint32_t at = ota_image_signed_size(&h);
    return (struct ota_span){ f->bytes + at, f->size - at };
}

static void a_hardware_range_that_begins_at_zero_is_written_too(void **state)
{
    (void)state;
    static const struct {
        uint16_t min, max;
    } rows[] = { { 0, 5 }, { 3, UINT16_MAX }, { 0, 0 } };
    const struct file f = vector_image("good-hardware");
    struct ota_image image = image_of("good-hardware");
    for (size_t i = 0; i < COUNT(rows); i++) {
        static struct ota_image got;
        uint8_t out[OTA_IMAGE_TLVS_MAX];
        struct ota_writer w = ota_writer(OTA_BUF_OF(out));
        image.hw_min = rows[i].min;
        image.hw_max = rows[i].max;
        ota_image_protected_write(&w, &image, NULL);
        ota_write_bytes(&w, unprotected_of(&f));
        assert_int_equal(ota_image_read(&image.header, ota_writer_done(&w), &got), OTA_OK);
        assert_int_equal(got.hw_min, rows[i].min);
        assert_int_equal(got.hw_max, rows[i].max);
    }
}

/* Out of its own vectors: what "good-everything" has that the others do not. */
static void writes_dependencies_and_both_kinds_of_signature(void **state)
{
    (void)state;
    const struct file f = vector_image("good-everything");
    const struct ota_image image = image_of("good-everything");
    const struct ota_image_header *const h = &image.header;
    const struct ota_image_dependency wants = { .version = { .major = 1 } };
    const struct ota_image_dependencies needs = { &wants, 1 };
    const uint8_t *const first = f.bytes + ota_image_signed_size(h) + 4 + 36 + 36;
    struct ota_image_signing signings[2] = { { .kind = OTA_KEY_P256 },
                                             { .kind = OTA_KEY_ED25519 } };
    signings[0].signature = (struct ota_span){ first + 4, first[2] };
    signings[1].signature = OTA_SPAN_OF(image.signatures[1].rs);
    uint8_t out[OTA_IMAGE_TLVS_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(out));
    for (size_t n = 0; n < 2; n++) {
        memcpy(signings[n].key_id, image.signatures[n].key_id, OTA_DIGEST_SIZE);
    }
    ota_image_protected_write(&w, &image, &needs);
    ota_image_unprotected_write(&w, image.digest, signings, 2);
    assert_true(ota_span_eq(ota_writer_done(&w), tlvs_of(&f, h)));
}

static struct ota_image_signing pair_of(struct ota_span area, unsigned n)
{
    struct ota_image_signing s = { .kind = OTA_KEY_P256 };
    const uint8_t *at = area.ptr + 4 + 36;
    for (; n > 0; n--) {
        at += 36 + 4 + at[36 + 2];
    }
    memcpy(s.key_id, at + 4, OTA_DIGEST_SIZE);
    s.signature = (struct ota_span){ at + 36 + 4, at[36 + 2] };
    return s;
}

static void check_resigned(struct ota_span area, const struct ota_image_signing *s,
                           struct ota_span want)
{
    uint8_t *const out = malloc(want.len);
    struct ota_writer w = ota_writer((struct ota_buf){ out, want.len });
    ota_image_resign(&w, area, s);
    assert_true(ota_span_eq(ota_writer_done(&w), want));
    free(out);
}

static void a_signature_is_added_behind_the_others(void **state)
{
    (void)state;
    const struct file one = vector_image("good"), two = vector_image("good-known-then-unknown");
    const struct ota_image_signing added = pair_of(unprotected_of(&two), 1);
    check_resigned(unprotected_of(&one), &added, unprotected_of(&two));
    /* And where the digest comes last, behind it. */
    const struct file last = vector_image("good-digest-last");
    const struct ota_span area = unprotected_of(&last);
    uint8_t want[OTA_IMAGE_TLVS_MAX];
    struct ota_writer w = ota_writer(OTA_BUF_OF(want));
    const size_t size = area.len + 36 + 4 + added.signature.len;
    ota_write_u16le(&w, 0x6907);
    ota_write_u16le(&w, (uint16_t)size);
    ota_write_bytes(&w, (struct ota_span){ area.ptr + 4, area.len - 4 });
    ota_write_bytes(&w, (struct ota_span){ added.signature.ptr - 40, 40 + added.signature.len });
    check_resigned(area, &added, ota_writer_done(&w));
}

static void the_same_keys_signature_is_replaced_where_it_stands(void **state)
{
    (void)state;
    static const char *const names[] = { "good-known-then-unknown", "good-unknown-then-known" };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct file f = vector_image(names[i]);
        const struct ota_span area = unprotected_of(&f);
        for (unsigned n = 0; n < 2; n++) {
            /* A shorter one first, then what was there: all is as it was. */
            struct ota_image_signing s = pair_of(area, n), other = s;
            uint8_t room[OTA_IMAGE_TLVS_MAX];
            struct ota_writer w = ota_writer(OTA_BUF_OF(room));
            other.signature.len -= 8;
            ota_image_resign(&w, area, &other);
            assert_int_equal(ota_writer_done(&w).len, area.len - 8);
            check_resigned(ota_writer_done(&w), &s, area);
        }
    }
}

static void writes_nothing_that_no_device_would_read(void **state)
{
    (void)state;
    static uint8_t der[0x10000], out[0x20000];
    const struct ota_image_signing signings[1] = { { .signature = OTA_SPAN_OF(der) } };
    const uint8_t digest[OTA_DIGEST_SIZE] = { 0 };
    struct ota_writer w = ota_writer(OTA_BUF_OF(out));
    ota_image_unprotected_write(&w, digest, signings, 1);
    assert_true(w.bad);
}

/* --- versions ------------------------------------------------------------------------------ */

static void versions_have_one_text_each(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        ota_err_t want;
        struct ota_version version;
    } rows[] = {
        { "0.0.0", OTA_OK, { 0, 0, 0, 0 } },
        { "1.2.3", OTA_OK, { 1, 2, 3, 0 } },
        { "1.2.3+4", OTA_OK, { 1, 2, 3, 4 } },
        { "255.255.65535+4294967295", OTA_OK, { 255, 255, 65535, 4294967295 } },
        { "256.0.0", OTA_E_RANGE, { 0 } },
        { "0.256.0", OTA_E_RANGE, { 0 } },
        { "0.0.65536", OTA_E_RANGE, { 0 } },
        { "0.0.0+4294967296", OTA_E_RANGE, { 0 } },
        { "0.0.0+99999999999999999999999999", OTA_E_RANGE, { 0 } },
        { "", OTA_E_MALFORMED, { 0 } },
        { "1", OTA_E_MALFORMED, { 0 } },
        { "1.", OTA_E_MALFORMED, { 0 } },
        { "1.2", OTA_E_MALFORMED, { 0 } },
        { "1.2.", OTA_E_MALFORMED, { 0 } },
        { "1.2.3.", OTA_E_MALFORMED, { 0 } },
        { "1.2.3.4", OTA_E_MALFORMED, { 0 } },
        { "1.2.3+", OTA_E_MALFORMED, { 0 } },
        { "1.2.3+4+5", OTA_E_MALFORMED, { 0 } },
        { "1.2.3 ", OTA_E_MALFORMED, { 0 } },
        { " 1.2.3", OTA_E_MALFORMED, { 0 } },
        { "v1.2.3", OTA_E_MALFORMED, { 0 } },
        { "-1.2.3", OTA_E_MALFORMED, { 0 } },
        { "1.-2.3", OTA_E_MALFORMED, { 0 } },
        { "01.2.3", OTA_E_MALFORMED, { 0 } },
        { "1.2.00", OTA_E_MALFORMED, { 0 } },
        { "1..3", OTA_E_MALFORMED, { 0 } },
        { "1,2,3", OTA_E_MALFORMED, { 0 } },
        { "1.2.a", OTA_E_MALFORMED, { 0 } },
        { "1.2.3-rc1", OTA_E_MALFORMED, { 0 } },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const size_t len = strlen(rows[i].text);
        uint8_t *const text = t_exact(rows[i].text, len);
        struct ota_version got = { 9, 9, 9, 9 };
        CHECK_ROW(rows[i].text,
                  ota_version_parse((struct ota_span){ text, len }, &got) == rows[i].want);
        if (rows[i].want == OTA_OK) {
            uint8_t out[OTA_VERSION_TEXT_MAX];
            struct ota_writer w = ota_writer(OTA_BUF_OF(out));
            CHECK_ROW(rows[i].text, ota_version_compare(got, rows[i].version) == 0);
            CHECK_ROW(rows[i].text, got.build == rows[i].version.build);
            ota_version_write(&w, got);
            CHECK_ROW(rows[i].text,
                      ota_span_eq(ota_writer_done(&w), (struct ota_span){ text, len }));
        } else {
            CHECK_ROW(rows[i].text, got.major == 9 && got.build == 9);
        }
        free(text);
    }
}

static void versions_are_ordered_without_their_build(void **state)
{
    (void)state;
    static const struct ota_version order[] = { { 0, 0, 0, 9 },     { 0, 0, 1, 8 },
                                                { 0, 0, 65535, 7 }, { 0, 1, 0, 6 },
                                                { 0, 255, 0, 5 },   { 1, 0, 0, 4 },
                                                { 128, 0, 0, 3 },   { 255, 255, 65535, 2 } };
    for (size_t a = 0; a < COUNT(order); a++) {
        for (size_t b = 0; b < COUNT(order); b++) {
            const int got = ota_version_compare(order[a], order[b]);
            assert_int_equal((got > 0) - (got < 0), (a > b) - (a < b));
        }
        struct ota_version other_build = order[a];
        other_build.build = 0xffffffff;
        assert_int_equal(ota_version_compare(order[a], other_build), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_header),
        cmocka_unit_test(a_header_needs_all_its_bytes),
        cmocka_unit_test(refuses_headers_that_it_cannot_honour),
        cmocka_unit_test(reads_what_an_image_says_of_itself),
        cmocka_unit_test(every_prefix_of_the_tlvs_is_truncated),
        cmocka_unit_test(bytes_behind_the_last_tlv_are_refused),
        cmocka_unit_test(sizes_that_do_not_agree_are_refused),
        cmocka_unit_test(the_header_must_name_the_size_of_the_protected_area),
        cmocka_unit_test(both_areas_may_be_as_large_as_the_limit),
        cmocka_unit_test(any_damage_has_an_answer),
        cmocka_unit_test(the_first_thing_wrong_is_named),
        cmocka_unit_test(counters_compare_as_unsigned_numbers),
        cmocka_unit_test(hardware_ranges_include_both_ends),
        cmocka_unit_test(without_anchors_nothing_is_trusted),
        cmocka_unit_test(deployment_anchors_do_not_sign_images),
        cmocka_unit_test(a_broken_crypto_port_is_no_verdict),
        cmocka_unit_test(a_deployment_is_signed_by_any_of_its_anchors),
        cmocka_unit_test(a_key_id_is_the_digest_of_the_key_in_der),
        cmocka_unit_test(writes_what_it_read),
        cmocka_unit_test(a_hardware_range_that_begins_at_zero_is_written_too),
        cmocka_unit_test(writes_dependencies_and_both_kinds_of_signature),
        cmocka_unit_test(a_signature_is_added_behind_the_others),
        cmocka_unit_test(the_same_keys_signature_is_replaced_where_it_stands),
        cmocka_unit_test(writes_nothing_that_no_device_would_read),
        cmocka_unit_test(versions_have_one_text_each),
        cmocka_unit_test(versions_are_ordered_without_their_build),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
