/*
 * What the tests of images share: the vectors of tests/vectors/image as files, a
 * device that trusts their keys, flash in memory, and crypto whose n-th call fails.
 */
#ifndef IMAGE_FIXTURE_H
#define IMAGE_FIXTURE_H

#include "ota/image.h"
#include "psa_port.h"
#include "t.h"

struct file {
    uint8_t bytes[4096];
    uint32_t size;
};

/* The vector `name`, with its extension. */
static inline struct file vector(const char *name)
{
    char path[512];
    struct file f = { .size = 0 };
    (void)snprintf(path, sizeof path, "%s/%s", IMAGE_VECTORS, name);
    FILE *in = fopen(path, "rb");
    if (in == NULL) {
        fail_msg("no vector %s", path);
    } else {
        f.size = (uint32_t)fread(f.bytes, 1, sizeof f.bytes, in);
        (void)fclose(in);
    }
    assert_in_range(f.size, 1, sizeof f.bytes - 1);
    return f;
}

static inline struct file vector_image(const char *name)
{
    char file[128];
    (void)snprintf(file, sizeof file, "%s.img", name);
    return vector(file);
}

static inline struct ota_span span_of(const struct file *f)
{
    return (struct ota_span){ f->bytes, f->size };
}

static inline struct ota_crypto *crypto(void)
{
    static struct psa_port port;
    if (port.base.ops == NULL) {
        assert_int_equal(psa_port_init(&port, NULL), OTA_OK);
    }
    return &port.base;
}

enum { COUNTER = 7, SLOT_OFFSET = 0x1000 };

/* make.py's vendor and class, hardware revision 3, both release keys. */
static inline struct ota_trust trust(void)
{
    static const char *const points[] = { "release.point", "release-next.point" };
    struct ota_trust t = { .hw_revision = 3, .release_count = 2, .deployment_count = 2 };
    for (uint8_t i = 0; i < OTA_UUID_SIZE; i++) {
        t.vendor[i] = (uint8_t)(0x10 + i);
        t.class_id[i] = (uint8_t)(0x30 + i);
    }
    for (size_t i = 0; i < COUNT(points); i++) {
        const struct file point = vector(points[i]);
        assert_int_equal(point.size, OTA_P256_POINT_SIZE);
        assert_int_equal(ota_anchor_make(crypto(), point.bytes, &t.release[i]), OTA_OK);
        t.deployment[i] = t.release[i];
    }
    return t;
}

/* --- flash in memory --------------------------------------------------------- */

struct ram_flash {
    struct ota_flash base;
    uint8_t *bytes;   /* an allocation of exactly base.size */
    uint32_t read;    /* bytes read so far */
    uint32_t reads;   /* calls of read so far */
    uint32_t fail_at; /* the call of read that fails; 0: none */
};

static inline ota_err_t ram_read(struct ota_flash *f, uint32_t offset, struct ota_buf into)
{
    struct ram_flash *const ram = (struct ram_flash *)f;
    if (++ram->reads == ram->fail_at) {
        return OTA_E_FLASH;
    }
    memcpy(into.ptr, ram->bytes + offset, into.cap);
    ram->read += (uint32_t)into.cap;
    return OTA_OK;
}

/* A slot of `slot_size` bytes at SLOT_OFFSET, the flash ending with it; erased behind the image. */
static inline struct ram_flash ram_flash(struct ota_span image, uint32_t slot_size)
{
    static const struct ota_flash_ops ops = { .read = ram_read };
    const uint32_t size = SLOT_OFFSET + slot_size;
    struct ram_flash ram = {
        .base = { .ops = &ops, .size = size, .sector_size = 1, .write_size = 1, .erased = 0xff },
        .bytes = malloc(size),
    };
    assert_non_null(ram.bytes);
    memset(ram.bytes, 0xff, size);
    memcpy(ram.bytes + SLOT_OFFSET, image.ptr, image.len < slot_size ? image.len : slot_size);
    return ram;
}

/* --- crypto that fails ------------------------------------------------------------ */

struct bad_crypto {
    struct ota_crypto base;
    uint32_t calls, fail_at; /* as in struct ram_flash */
};

static inline bool now_fails(struct ota_crypto *c)
{
    struct bad_crypto *const bad = (struct bad_crypto *)c;
    return ++bad->calls == bad->fail_at;
}

static inline ota_err_t bad_begin(struct ota_crypto *c, struct ota_sha256 *h)
{
    return now_fails(c) ? OTA_E_CRYPTO : crypto()->ops->sha256_begin(crypto(), h);
}

static inline ota_err_t bad_update(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span in)
{
    return now_fails(c) ? OTA_E_CRYPTO : crypto()->ops->sha256_update(crypto(), h, in);
}

static inline ota_err_t bad_peek(struct ota_crypto *c, const struct ota_sha256 *h, uint8_t *digest)
{
    return now_fails(c) ? OTA_E_CRYPTO : crypto()->ops->sha256_peek(crypto(), h, digest);
}

static inline ota_err_t bad_verify(struct ota_crypto *c, const uint8_t *point,
                                   const uint8_t *digest, const uint8_t *rs)
{
    return now_fails(c) ? OTA_E_CRYPTO : crypto()->ops->verify_p256(crypto(), point, digest, rs);
}

static inline struct bad_crypto bad_crypto(uint32_t fail_at)
{
    static const struct ota_crypto_ops ops = {
        .sha256_begin = bad_begin,
        .sha256_update = bad_update,
        .sha256_peek = bad_peek,
        .verify_p256 = bad_verify,
    };
    return (struct bad_crypto){ .base = { .ops = &ops }, .fail_at = fail_at };
}

#endif
