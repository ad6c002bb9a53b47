/*
 * Images that a simulated device may run, and who signed them.
 *
 * Two rings of keys: real ECDSA P-256 and SHA-256, and one that is only fast, for runs by the
 * million: a digest and a signature that nobody forges by accident.
 */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include "ota/image.h"

/** What an image does when it runs. */
enum sim_behaviour {
    SIM_GOOD,   /* passes its self-test */
    SIM_FAILS,  /* says that it does not */
    SIM_SILENT, /* never says anything: the deadline decides */
    SIM_HANGS,  /* never starts its agent: the watchdog resets it */
};

struct sim_image {
    uint8_t *bytes;
    uint32_t size;
    uint8_t file_digest[OTA_DIGEST_SIZE], digest[OTA_DIGEST_SIZE];
    struct ota_version version;
    uint32_t counter;
    enum sim_behaviour behaviour;
};

struct sim_image_spec {
    struct ota_version version;
    uint32_t payload_size;
    uint32_t counter;
    uint32_t address; /* the flash address that it is linked for; 0: any */
    enum sim_behaviour behaviour;
    enum { SIM_CLASS_OURS, SIM_CLASS_OTHER } class_id;
    enum { SIM_KEY_RELEASE, SIM_KEY_FOREIGN } key;
};

/** Room for a signature in DER. */
#define SIM_DER_MAX 80u

enum sim_key { SIM_KEYS_RELEASE, SIM_KEYS_FOREIGN, SIM_KEYS_DEPLOYMENT, SIM_KEYS_COUNT };

/* Whoever signs, and the device's crypto that believes it. */
struct sim_keys {
    struct ota_crypto *crypto;
    void (*point)(enum sim_key which, uint8_t point[OTA_P256_POINT_SIZE]);
    size_t (*sign)(enum sim_key which, const uint8_t digest[OTA_DIGEST_SIZE],
                   uint8_t der[SIM_DER_MAX]);
    void (*seed)(uint32_t seed); /* where the random numbers of `crypto` begin */
};

/** Both live as long as the process. */
const struct sim_keys *sim_keys_real(void);
const struct sim_keys *sim_keys_fast(void);

/** An image signed as `spec` says; the caller frees it. Same spec and keys, same payload. */
struct sim_image *sim_image_signed(const struct sim_keys *keys, const struct sim_image_spec *spec);
/** The same, with real keys. */
struct sim_image *sim_image_make(const struct sim_image_spec *spec);
/** Bytes that are no image: a data file. `size` > 0; the caller frees it. */
struct sim_image *sim_data_make(const struct sim_keys *keys, uint32_t size, uint32_t seed);
void sim_image_free(struct sim_image *image);

/** The trust record of a device that believes these keys. */
struct ota_trust sim_trust(const struct sim_keys *keys);

/** The document of an AWS OTA update of this image in stream `id`, with its deployment signature. */
void sim_image_document(const struct sim_keys *keys, const char *id, const struct sim_image *image,
                        char *text, size_t room);

/** A file of a document: its id is its place in it. */
struct sim_entry {
    uint8_t type;
    const struct sim_image *bytes;
};
/** The same for several files, each with its signature. */
void sim_files_document(const struct sim_keys *keys, const char *id,
                        const struct sim_entry *entries, size_t count, char *text, size_t room);

#endif
