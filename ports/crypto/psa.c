#include "psa_port.h"
#include <assert.h>
#include <psa/crypto.h>
#include <string.h>

/* --- lock ------------------------------------------------------------------- */

static const struct psa_port *port_of(const struct ota_crypto *c)
{
    return (const struct psa_port *)(const void *)c; /* `base` is the first member */
}

static void take(const struct psa_port *port)
{
    if (port->lock != NULL) {
        port->lock->take(port->lock->context);
    }
}

static void give(const struct psa_port *port)
{
    if (port->lock != NULL) {
        port->lock->give(port->lock->context);
    }
}

/* --- SHA-256 ---------------------------------------------------------------- */

/*
 * The operation is copied out of and into the caller's plain memory. That is a clone as long as
 * PSA keeps the state inside the object, as Mbed TLS's software SHA-256 does; a port to an
 * accelerator with a context of its own needs psa_hash_clone() and another home for the result.
 */
static_assert(sizeof(psa_hash_operation_t) <= OTA_SHA256_ROOM, "a PSA hash fits its room");

static psa_hash_operation_t load(const struct ota_sha256 *h)
{
    psa_hash_operation_t op;
    memcpy(&op, h->state.room, sizeof op);
    return op;
}

static void save(struct ota_sha256 *h, const psa_hash_operation_t *op)
{
    memcpy(h->state.room, op, sizeof *op);
}

static ota_err_t sha256_begin(struct ota_crypto *c, struct ota_sha256 *h)
{
    psa_hash_operation_t op = PSA_HASH_OPERATION_INIT;
    (void)c;
    if (psa_hash_setup(&op, PSA_ALG_SHA_256) != PSA_SUCCESS) {
        return OTA_E_CRYPTO;
    }
    save(h, &op);
    return OTA_OK;
}

static ota_err_t sha256_update(struct ota_crypto *c, struct ota_sha256 *h, struct ota_span bytes)
{
    psa_hash_operation_t op = load(h);
    (void)c;
    if (bytes.len == 0) {
        return OTA_OK;
    }
    const psa_status_t status = psa_hash_update(&op, bytes.ptr, bytes.len);
    /* Also after a failure: PSA has then ended the operation, and going on must fail too. */
    save(h, &op);
    return status == PSA_SUCCESS ? OTA_OK : OTA_E_CRYPTO;
}

static ota_err_t sha256_peek(struct ota_crypto *c, const struct ota_sha256 *h,
                             uint8_t digest[OTA_DIGEST_SIZE])
{
    psa_hash_operation_t op = load(h);
    uint8_t out[OTA_DIGEST_SIZE];
    size_t len = 0;
    (void)c;
    if (psa_hash_finish(&op, out, sizeof out, &len) != PSA_SUCCESS || len != sizeof out) {
        (void)psa_hash_abort(
            &op); /* Only the copy is given up; there is nothing to do on failure. */
        return OTA_E_CRYPTO;
    }
    memcpy(digest, out, sizeof out);
    return OTA_OK;
}

/* --- ECDSA P-256 ------------------------------------------------------------ */

static psa_status_t verify(const uint8_t *point, const uint8_t *digest, const uint8_t *rs)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDSA(PSA_ALG_SHA_256));

    psa_key_id_t key;
    const psa_status_t imported = psa_import_key(&attributes, point, OTA_P256_POINT_SIZE, &key);
    if (imported != PSA_SUCCESS) {
        /* A point off the curve says nothing about the signature. */
        return PSA_ERROR_INVALID_ARGUMENT;
    }
    const psa_status_t verified = psa_verify_hash(key, PSA_ALG_ECDSA(PSA_ALG_SHA_256), digest,
                                                  OTA_DIGEST_SIZE, rs, OTA_P256_RS_SIZE);
    const psa_status_t destroyed = psa_destroy_key(key);
    /* A slot that is not given back is lost until the next reset: say so rather than run dry. */
    return verified != PSA_SUCCESS ? verified : destroyed;
}

static ota_err_t verify_p256(struct ota_crypto *c, const uint8_t point[OTA_P256_POINT_SIZE],
                             const uint8_t digest[OTA_DIGEST_SIZE],
                             const uint8_t rs[OTA_P256_RS_SIZE])
{
    const struct psa_port *port = port_of(c);
    take(port);
    const psa_status_t status = verify(point, digest, rs);
    give(port);
    if (status == PSA_SUCCESS) {
        return OTA_OK;
    }
    return status == PSA_ERROR_INVALID_SIGNATURE ? OTA_E_IMAGE_SIGNATURE : OTA_E_CRYPTO;
}

/* --- random ----------------------------------------------------------------- */

static ota_err_t random_bytes(struct ota_crypto *c, struct ota_buf into)
{
    const struct psa_port *port = port_of(c);
    take(port);
    const psa_status_t status = psa_generate_random(into.ptr, into.cap);
    give(port);
    return status == PSA_SUCCESS ? OTA_OK : OTA_E_CRYPTO;
}

ota_err_t psa_port_init(struct psa_port *port, const struct psa_lock *lock)
{
    static const struct ota_crypto_ops ops = {
        .sha256_begin = sha256_begin,
        .sha256_update = sha256_update,
        .sha256_peek = sha256_peek,
        .verify_p256 = verify_p256,
        .random = random_bytes,
    };
    *port = (struct psa_port){ .base = { .ops = &ops }, .lock = lock };
    take(port);
    const psa_status_t status = psa_crypto_init();
    give(port);
    return status == PSA_SUCCESS ? OTA_OK : OTA_E_CRYPTO;
}
