/*
 * The simulator's crypto: PSA, with a memory. A signature check is a pure
 * function of its arguments, and thousands of boots ask for the same few; so each
 * is computed once, and the simulator spends its time on the code under test.
 */
#include "sim_image_priv.h"

#include "psa_port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
    uint8_t point[OTA_P256_POINT_SIZE], digest[OTA_DIGEST_SIZE], rs[OTA_P256_RS_SIZE];
    ota_err_t answer;
};

/* More than the images and deployments of one test; the oldest is forgotten. */
#define MEMORY 64u

static struct {
    struct ota_crypto base;
    struct psa_port psa;
    struct asked asked[MEMORY];
    unsigned count;
    uint32_t random;
} port;

static ota_err_t begin(struct ota_crypto *c, struct ota_sha256 *h)
{
    (void)c;
    return port.psa.base.ops->sha256_begin(&port.psa.base, h);
}

static ota_err_t update(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span bytes)
{
    (void)c;
    return port.psa.base.ops->sha256_update(&port.psa.base, h, bytes);
}

static ota_err_t peek(struct ota_crypto *c, const struct ota_sha256 *h,
                      uint8_t digest[OTA_DIGEST_SIZE])
{
    (void)c;
    return port.psa.base.ops->sha256_peek(&port.psa.base, h, digest);
}

static bool same(const struct asked *a, const struct asked *b)
{
    return memcmp(a->point, b->point, sizeof a->point) == 0 &&
           memcmp(a->digest, b->digest, sizeof a->digest) == 0 &&
           memcmp(a->rs, b->rs, sizeof a->rs) == 0;
}

static ota_err_t verify(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                        const uint8_t digest[OTA_DIGEST_SIZE], const uint8_t rs[OTA_P256_RS_SIZE])
{
    struct asked now;
    (void)c;
    memcpy(now.point, point, sizeof now.point);
    memcpy(now.digest, digest, sizeof now.digest);
    memcpy(now.rs, rs, sizeof now.rs);
    for (unsigned i = 0; i < MEMORY && i < port.count; i++) {
        if (same(&port.asked[i], &now)) {
            return port.asked[i].answer;
        }
    }
    now.answer = port.psa.base.ops->verify_p256(&port.psa.base, point, digest, rs);
    port.asked[port.count++ % MEMORY] = now;
    return now.answer;
}

void sim_fill(uint32_t *state, struct ota_buf into)
{
    for (size_t i = 0; i < into.cap; i++) {
        *state = *state * 1664525u + 1013904223u;
        into.ptr[i] = (uint8_t)(*state >> 24);
    }
}

static ota_err_t random_bytes(struct ota_crypto *c, struct ota_buf into)
{
    (void)c;
    sim_fill(&port.random, into);
    return OTA_OK;
}

void sim_crypto_seed(uint32_t seed)
{
    port.random = seed;
}

struct ota_crypto *sim_crypto(void)
{
    static const struct ota_crypto_ops ops = {
        .sha256_begin = begin,
        .sha256_update = update,
        .sha256_peek = peek,
        .verify_p256 = verify,
        .random = random_bytes,
    };
    if (port.base.ops == NULL) {
        sim_must(psa_port_init(&port.psa, NULL) == OTA_OK, "PSA does not start");
        port.base.ops = &ops;
    }
    return &port.base;
}

void sim_must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "sim: %s\n", what);
        abort();
    }
}
