#include "verify_port.h"
#include <assert.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/sha256.h>
#include <string.h>

/* --- SHA-256 ---------------------------------------------------------------- */

/* Mbed TLS's software context is plain memory, so it may live in the caller's. */
static_assert(sizeof(mbedtls_sha256_context) <= OTA_SHA256_ROOM, "a context fits its room");

static mbedtls_sha256_context load(const struct ota_sha256 *h)
{
    mbedtls_sha256_context context;
    memcpy(&context, h->state.room, sizeof context);
    return context;
}

static void save(struct ota_sha256 *h, const mbedtls_sha256_context *context)
{
    memcpy(h->state.room, context, sizeof *context);
}

static ota_err_t sha256_begin(struct ota_crypto *c, struct ota_sha256 *h)
{
    mbedtls_sha256_context context;
    (void)c;
    mbedtls_sha256_init(&context);
    if (mbedtls_sha256_starts_ret(&context, 0) != 0) {
        return OTA_E_CRYPTO;
    }
    save(h, &context);
    return OTA_OK;
}

static ota_err_t sha256_update(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span bytes)
{
    mbedtls_sha256_context context = load(h);
    (void)c;
    if (bytes.len == 0) {
        return OTA_OK;
    }
    const int failed = mbedtls_sha256_update_ret(&context, bytes.ptr, bytes.len);
    save(h, &context);
    return failed == 0 ? OTA_OK : OTA_E_CRYPTO;
}

static ota_err_t sha256_peek(struct ota_crypto *c, const struct ota_sha256 *h,
                             uint8_t digest[OTA_DIGEST_SIZE])
{
    mbedtls_sha256_context context = load(h);
    uint8_t out[OTA_DIGEST_SIZE];
    (void)c;
    if (mbedtls_sha256_finish_ret(&context, out) != 0) {
        return OTA_E_CRYPTO;
    }
    memcpy(digest, out, sizeof out);
    return OTA_OK;
}

/* --- ECDSA P-256 ------------------------------------------------------------ */

struct question {
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
    mbedtls_mpi r, s;
};

static int ask(struct question *q, const uint8_t *point, const uint8_t *digest, const uint8_t *rs)
{
    int failed = mbedtls_ecp_group_load(&q->group, MBEDTLS_ECP_DP_SECP256R1);
    failed = failed != 0
                 ? failed
                 : mbedtls_ecp_point_read_binary(&q->group, &q->point, point, OTA_P256_POINT_SIZE);
    failed = failed != 0 ? failed : mbedtls_ecp_check_pubkey(&q->group, &q->point);
    failed = failed != 0 ? failed : mbedtls_mpi_read_binary(&q->r, rs, OTA_P256_RS_SIZE / 2u);
    failed = failed != 0 ? failed
                         : mbedtls_mpi_read_binary(&q->s, rs + OTA_P256_RS_SIZE / 2u,
                                                   OTA_P256_RS_SIZE / 2u);
    if (failed != 0) {
        return failed;
    }
    return mbedtls_ecdsa_verify(&q->group, digest, OTA_DIGEST_SIZE, &q->point, &q->r, &q->s);
}

static ota_err_t verify_p256(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                             const uint8_t digest[OTA_DIGEST_SIZE],
                             const uint8_t rs[OTA_P256_RS_SIZE])
{
    struct question q;
    (void)c;
    mbedtls_ecp_group_init(&q.group);
    mbedtls_ecp_point_init(&q.point);
    mbedtls_mpi_init(&q.r);
    mbedtls_mpi_init(&q.s);
    const int failed = ask(&q, point, digest, rs);
    mbedtls_mpi_free(&q.s);
    mbedtls_mpi_free(&q.r);
    mbedtls_ecp_point_free(&q.point);
    mbedtls_ecp_group_free(&q.group);
    if (failed == 0) {
        return OTA_OK;
    }
    return failed == MBEDTLS_ERR_ECP_VERIFY_FAILED ? OTA_E_IMAGE_SIGNATURE : OTA_E_CRYPTO;
}

/* --- random ----------------------------------------------------------------- */

static ota_err_t no_random(struct ota_crypto *c, struct ota_buf into)
{
    (void)c;
    (void)into;
    return OTA_E_CRYPTO;
}

void verify_port_init(struct ota_crypto *port)
{
    static const struct ota_crypto_ops ops = {
        .sha256_begin = sha256_begin,
        .sha256_update = sha256_update,
        .sha256_peek = sha256_peek,
        .verify_p256 = verify_p256,
        .random = no_random,
    };
    port->ops = &ops;
}
