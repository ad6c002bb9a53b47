/*
 * The fast ring: a digest of four multiplying lanes, and a signature that is the digest of key and
 * message. Nothing of it is secure; it tells images and torn images apart, a hundred times faster.
 */
#include "sim_image_priv.h"

#include <string.h>

#define LANES 4u
#define BLOCK (LANES * 8u)

struct fast {
    uint64_t lane[LANES], len;
    uint8_t hold[BLOCK];
};
_Static_assert(sizeof(struct fast) <= OTA_SHA256_ROOM, "fits where a SHA-256 does");

static void mix(struct fast *h, const uint8_t block[BLOCK])
{
    static const uint64_t odd[LANES] = { 0x9e3779b97f4a7c15u, 0xc2b2ae3d27d4eb4fu,
                                         0x165667b19e3779f9u, 0xd6e8feb86659fd93u };
    uint64_t word[LANES];
    memcpy(word, block, sizeof word);
    for (unsigned i = 0; i < LANES; i++) {
        const uint64_t x = (h->lane[i] ^ word[i]) * odd[i];
        h->lane[i] = (x ^ x >> 29) + h->lane[(i + 1u) % LANES];
    }
}

static struct fast load(const struct ota_sha256 *h)
{
    struct fast f;
    memcpy(&f, h->state.room, sizeof f);
    return f;
}

static void save(struct ota_sha256 *h, const struct fast *f)
{
    memcpy(h->state.room, f, sizeof *f);
}

static ota_err_t begin(struct ota_crypto *c, struct ota_sha256 *h)
{
    (void)c;
    const struct fast f = { .lane = { 1, 2, 3, 4 } };
    save(h, &f);
    return OTA_OK;
}

static ota_err_t update(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span bytes)
{
    (void)c;
    struct fast f = load(h);
    while (bytes.len > 0) {
        const size_t held = f.len % BLOCK;
        const size_t take = bytes.len < BLOCK - held ? bytes.len : BLOCK - held;
        memcpy(f.hold + held, bytes.ptr, take);
        f.len += take;
        bytes.ptr += take;
        bytes.len -= take;
        if (held + take == BLOCK) {
            mix(&f, f.hold);
        }
    }
    save(h, &f);
    return OTA_OK;
}

static ota_err_t peek(struct ota_crypto *c, const struct ota_sha256 *h,
                      uint8_t digest[OTA_DIGEST_SIZE])
{
    (void)c;
    struct fast f = load(h);
    const size_t held = f.len % BLOCK;
    memset(f.hold + held, 0, BLOCK - held);
    mix(&f, f.hold);
    f.lane[0] ^= f.len;
    for (unsigned i = 0; i < 2u * LANES; i++) {
        mix(&f, f.hold);
    }
    memcpy(digest, f.lane, OTA_DIGEST_SIZE);
    return OTA_OK;
}

/* r and s: positive, of full length, so that their DER is always the same 70 bytes. */
static void rs_of(const uint8_t point[OTA_P256_POINT_SIZE], const uint8_t digest[OTA_DIGEST_SIZE],
                  uint8_t rs[OTA_P256_RS_SIZE])
{
    for (uint8_t half = 0; half < 2; half++) {
        struct ota_sha256 h;
        (void)begin(NULL, &h);
        (void)update(NULL, &h, (struct ota_span){ point, OTA_P256_POINT_SIZE });
        (void)update(NULL, &h, (struct ota_span){ digest, OTA_DIGEST_SIZE });
        (void)update(NULL, &h, (struct ota_span){ &half, 1 });
        uint8_t *const number = rs + half * OTA_DIGEST_SIZE;
        (void)peek(NULL, &h, number);
        number[0] = (uint8_t)((number[0] & 0x3fu) | 0x40u);
    }
}

static ota_err_t verify(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                        const uint8_t digest[OTA_DIGEST_SIZE], const uint8_t rs[OTA_P256_RS_SIZE])
{
    uint8_t want[OTA_P256_RS_SIZE];
    (void)c;
    rs_of(point, digest, want);
    return memcmp(want, rs, sizeof want) == 0 ? OTA_OK : OTA_E_IMAGE_SIGNATURE;
}

static struct {
    struct ota_crypto base;
    uint32_t random;
} port;

static ota_err_t random_bytes(struct ota_crypto *c, struct ota_buf into)
{
    (void)c;
    sim_fill(&port.random, into);
    return OTA_OK;
}

static void point_of(enum sim_key which, uint8_t point[OTA_P256_POINT_SIZE])
{
    memset(point, 0x40 + (int)which, OTA_P256_POINT_SIZE);
    point[0] = 0x04;
}

static size_t sign(enum sim_key which, const uint8_t digest[OTA_DIGEST_SIZE],
                   uint8_t der[SIM_DER_MAX])
{
    uint8_t point[OTA_P256_POINT_SIZE], rs[OTA_P256_RS_SIZE];
    point_of(which, point);
    rs_of(point, digest, rs);
    const uint8_t heads[2][2] = { { 0x30, 68 }, { 0x02, 32 } };
    memcpy(der, heads[0], 2);
    memcpy(der + 2, heads[1], 2);
    memcpy(der + 4, rs, 32);
    memcpy(der + 36, heads[1], 2);
    memcpy(der + 38, rs + 32, 32);
    return 70;
}

static void seed_random(uint32_t seed)
{
    port.random = seed;
}

const struct sim_keys *sim_keys_fast(void)
{
    static const struct ota_crypto_ops ops = {
        .sha256_begin = begin,
        .sha256_update = update,
        .sha256_peek = peek,
        .verify_p256 = verify,
        .random = random_bytes,
    };
    static const struct sim_keys keys = {
        .crypto = &port.base, .point = point_of, .sign = sign, .seed = seed_random
    };
    port.base.ops = &ops;
    return &keys;
}
