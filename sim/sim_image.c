/*
 * Images and deployment signatures for the simulator, with keys that live as
 * long as the process.
 */
#include "sim.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

enum key { KEY_RELEASE, KEY_FOREIGN, KEY_DEPLOYMENT, KEY_COUNT };

static void must(bool ok)
{
    if (!ok) {
        abort(); /* out of memory, or OpenSSL without P-256 */
    }
}

static EVP_PKEY *key_of(enum key which)
{
    static EVP_PKEY *keys[KEY_COUNT];
    if (keys[which] == NULL) {
        keys[which] = EVP_EC_gen("P-256");
        must(keys[which] != NULL);
    }
    return keys[which];
}

static size_t sign(enum key which, const uint8_t digest[OTA_DIGEST_SIZE], uint8_t der[80])
{
    size_t len = 80;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key_of(which), NULL);
    must(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 &&
         EVP_PKEY_sign(ctx, der, &len, digest, OTA_DIGEST_SIZE) == 1);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

size_t sim_deployment_sign(const uint8_t digest[OTA_DIGEST_SIZE], uint8_t der[80])
{
    return sign(KEY_DEPLOYMENT, digest, der);
}

static void point_of(enum key which, uint8_t point[OTA_P256_POINT_SIZE])
{
    size_t len = 0;
    must(EVP_PKEY_get_octet_string_param(key_of(which), "pub", point, OTA_P256_POINT_SIZE, &len) ==
             1 &&
         len == OTA_P256_POINT_SIZE);
}

static struct ota_anchor anchor_of(struct ota_crypto *crypto, enum key which)
{
    struct ota_anchor anchor;
    uint8_t point[OTA_P256_POINT_SIZE];
    point_of(which, point);
    must(ota_anchor_make(crypto, point, &anchor) == OTA_OK);
    return anchor;
}

/* Any two UUIDs: ours, and the other class. */
static void fill_uuid(uint8_t uuid[OTA_UUID_SIZE], uint8_t first)
{
    for (unsigned i = 0; i < OTA_UUID_SIZE; i++) {
        uuid[i] = (uint8_t)(first + i);
    }
}

struct ota_trust sim_trust(struct ota_crypto *crypto)
{
    struct ota_trust trust = { .hw_revision = 1, .release_count = 1, .deployment_count = 1 };
    fill_uuid(trust.vendor, 0x10);
    fill_uuid(trust.class_id, 0x30);
    trust.release[0] = anchor_of(crypto, KEY_RELEASE);
    trust.deployment[0] = anchor_of(crypto, KEY_DEPLOYMENT);
    return trust;
}

static struct ota_image describe(const struct sim_image_spec *spec)
{
    struct ota_image image = {
        .header = { .version = spec->version,
                    .payload_size = spec->payload_size,
                    .header_size = OTA_IMAGE_HEADER_SIZE },
        .counter = spec->counter,
        .hw_min = 0,
        .hw_max = UINT16_MAX,
    };
    fill_uuid(image.vendor, 0x10);
    fill_uuid(image.class_id, spec->class_id == SIM_CLASS_OURS ? 0x30 : 0x50);
    return image;
}

/* Different for each version, and no run of erased bytes. */
static void write_payload(struct ota_writer *w, const struct sim_image_spec *spec)
{
    uint32_t x =
        1u + spec->version.major * 65537u + spec->version.minor * 257u + spec->version.revision;
    for (uint32_t i = 0; i < spec->payload_size; i++) {
        x = x * 1664525u + 1013904223u;
        ota_write_u8(w, (uint8_t)(x >> 24));
    }
}

static void key_id_of(enum key which, uint8_t id[OTA_DIGEST_SIZE])
{
    unsigned char *der = NULL;
    const int len = i2d_PUBKEY(key_of(which), &der);
    must(len > 0 && SHA256(der, (size_t)len, id) != NULL);
    OPENSSL_free(der);
}

struct sim_image *sim_image_make(const struct sim_image_spec *spec)
{
    const enum key key = spec->key == SIM_KEY_RELEASE ? KEY_RELEASE : KEY_FOREIGN;
    struct ota_image image = describe(spec);
    uint8_t tlvs[OTA_IMAGE_TLVS_MAX], der[80];
    struct ota_writer area = ota_writer(OTA_BUF_OF(tlvs));
    ota_image_protected_write(&area, &image);
    image.header.protected_size = (uint16_t)ota_writer_done(&area).len;

    struct sim_image *made = calloc(1, sizeof *made);
    must(made != NULL);
    const size_t room = (size_t)OTA_IMAGE_HEADER_SIZE + spec->payload_size + OTA_IMAGE_TLVS_MAX;
    made->bytes = malloc(room);
    must(made->bytes != NULL);

    struct ota_writer w = ota_writer((struct ota_buf){ made->bytes, room });
    ota_image_header_write(&w, &image.header, 0xff);
    write_payload(&w, spec);
    ota_image_protected_write(&w, &image);
    const struct ota_span covered = ota_writer_done(&w);
    SHA256(covered.ptr, covered.len, made->digest);

    struct ota_image_signing signing = { .der = { der, sign(key, made->digest, der) } };
    key_id_of(key, signing.key_id);
    ota_image_unprotected_write(&w, made->digest, &signing, 1);
    const struct ota_span file = ota_writer_done(&w);
    must(file.len > 0);
    made->size = (uint32_t)file.len;
    SHA256(made->bytes, made->size, made->file_digest);
    made->version = spec->version;
    made->behaviour = spec->behaviour;
    return made;
}

void sim_image_free(struct sim_image *image)
{
    if (image != NULL) {
        free(image->bytes);
        free(image);
    }
}
