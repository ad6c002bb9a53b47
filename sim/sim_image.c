/*
 * Images, made by the device's own writer and signed with a ring of keys.
 */
#include "sim_image_priv.h"

#include "ota/base64.h"
#include "ota/image_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Any two UUIDs: ours, and the other class. */
static void fill_uuid(uint8_t uuid[OTA_UUID_SIZE], uint8_t first)
{
    for (unsigned i = 0; i < OTA_UUID_SIZE; i++) {
        uuid[i] = (uint8_t)(first + i);
    }
}

static struct ota_anchor anchor_of(const struct sim_keys *keys, enum sim_key which)
{
    struct ota_anchor anchor;
    uint8_t point[OTA_P256_POINT_SIZE];
    keys->point(which, point);
    sim_must(ota_anchor_make(keys->crypto, point, &anchor) == OTA_OK, "a key is no anchor");
    return anchor;
}

struct ota_trust sim_trust(const struct sim_keys *keys)
{
    struct ota_trust trust = { .hw_revision = 1, .release_count = 1, .deployment_count = 1 };
    fill_uuid(trust.vendor, 0x10);
    fill_uuid(trust.class_id, 0x30);
    trust.release[0] = anchor_of(keys, SIM_KEYS_RELEASE);
    trust.deployment[0] = anchor_of(keys, SIM_KEYS_DEPLOYMENT);
    return trust;
}

static struct ota_image describe(const struct sim_image_spec *spec)
{
    struct ota_image image = {
        .header = { .load_address = spec->address,
                    .flags = spec->address != 0 ? OTA_IMAGE_FLAG_ROM_FIXED : 0,
                    .version = spec->version,
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

static void digest_of(const struct sim_keys *keys, struct ota_span bytes,
                      uint8_t digest[OTA_DIGEST_SIZE])
{
    struct ota_crypto *const c = keys->crypto;
    struct ota_sha256 h;
    sim_must(c->ops->sha256_begin(c, &h) == OTA_OK &&
                 c->ops->sha256_update(c, &h, bytes) == OTA_OK &&
                 c->ops->sha256_peek(c, &h, digest) == OTA_OK,
             "no digest");
}

struct sim_image *sim_image_signed(const struct sim_keys *keys, const struct sim_image_spec *spec)
{
    const enum sim_key key = spec->key == SIM_KEY_RELEASE ? SIM_KEYS_RELEASE : SIM_KEYS_FOREIGN;
    struct ota_image image = describe(spec);
    uint8_t tlvs[OTA_IMAGE_TLVS_MAX], der[SIM_DER_MAX];
    struct ota_writer area = ota_writer(OTA_BUF_OF(tlvs));
    ota_image_protected_write(&area, &image, NULL);
    image.header.protected_size = (uint16_t)ota_writer_done(&area).len;

    struct sim_image *made = calloc(1, sizeof *made);
    sim_must(made != NULL, "out of memory");
    const size_t room = (size_t)OTA_IMAGE_HEADER_SIZE + spec->payload_size + OTA_IMAGE_TLVS_MAX;
    made->bytes = malloc(room);
    sim_must(made->bytes != NULL, "out of memory");

    struct ota_writer w = ota_writer((struct ota_buf){ made->bytes, room });
    ota_image_header_write(&w, &image.header, 0xff);
    write_payload(&w, spec);
    ota_image_protected_write(&w, &image, NULL);
    digest_of(keys, ota_writer_done(&w), made->digest);

    struct ota_image_signing signing = { .signature = { der, keys->sign(key, made->digest, der) } };
    const struct ota_anchor anchor = anchor_of(keys, key);
    memcpy(signing.key_id, anchor.key_id, sizeof signing.key_id);
    ota_image_unprotected_write(&w, made->digest, &signing, 1);
    const struct ota_span file = ota_writer_done(&w);
    sim_must(file.len > 0, "an image that does not fit");
    made->size = (uint32_t)file.len;
    digest_of(keys, file, made->file_digest);
    made->version = spec->version;
    made->counter = spec->counter;
    made->behaviour = spec->behaviour;
    return made;
}

struct sim_image *sim_data_make(const struct sim_keys *keys, uint32_t size, uint32_t seed)
{
    struct sim_image *made = calloc(1, sizeof *made);
    sim_must(made != NULL, "out of memory");
    made->bytes = malloc(size);
    sim_must(made->bytes != NULL, "out of memory");
    made->size = size;
    sim_fill(&seed, (struct ota_buf){ made->bytes, size });
    digest_of(keys, (struct ota_span){ made->bytes, size }, made->file_digest);
    return made;
}

struct sim_image *sim_image_make(const struct sim_image_spec *spec)
{
    return sim_image_signed(sim_keys_real(), spec);
}

void sim_image_free(struct sim_image *image)
{
    if (image != NULL) {
        free(image->bytes);
        free(image);
    }
}

/* As snprintf, behind what is there. */
static void append(char *text, size_t room, const char *more, size_t len)
{
    const size_t at = strlen(text);
    sim_must(len < room - at, "document too large");
    memcpy(text + at, more, len);
    text[at + len] = '\0';
}

static void append_entry(const struct sim_keys *keys, const struct sim_entry *entry, size_t id,
                         char *text, size_t room)
{
    char one[320];
    uint8_t der[SIM_DER_MAX], base64[128];
    struct ota_writer b = ota_writer(OTA_BUF_OF(base64));
    const size_t der_len = keys->sign(SIM_KEYS_DEPLOYMENT, entry->bytes->file_digest, der);
    ota_base64_write(&b, (struct ota_span){ der, der_len });
    const struct ota_span signature = ota_writer_done(&b);
    const int len =
        snprintf(one, sizeof one,
                 "%s{\"filepath\":\"image\",\"filesize\":%u,\"fileid\":%u,\"certfile\":\"deploy\","
                 "\"fileType\":%u,\"sig-sha256-ecdsa\":\"%.*s\"}",
                 id > 0 ? "," : "", (unsigned)entry->bytes->size, (unsigned)id, entry->type,
                 (int)signature.len, (const char *)signature.ptr);
    sim_must(len > 0 && (size_t)len < sizeof one, "file too large");
    append(text, room, one, (size_t)len);
}

void sim_files_document(const struct sim_keys *keys, const char *id,
                        const struct sim_entry *entries, size_t count, char *text, size_t room)
{
    const int len = snprintf(
        text, room, "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"%s\",\"files\":[", id);
    sim_must(len > 0 && (size_t)len < room, "document too large");
    for (size_t i = 0; i < count; i++) {
        append_entry(keys, &entries[i], i, text, room);
    }
    append(text, room, "]}}", 3);
}

void sim_image_document(const struct sim_keys *keys, const char *id, const struct sim_image *image,
                        char *text, size_t room)
{
    const struct sim_entry entry = { 0, image };
    sim_files_document(keys, id, &entry, 1, text, room);
}
