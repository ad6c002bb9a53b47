/*
 * Image writing: what a device reads, made. For tools, factories and tests; a device links none of it.
 *
 * The bytes of an image are
 *     ota_image_header_write | payload | ota_image_protected_write | ota_image_unprotected_write
 * The caller digests the first three and signs that digest.
 *
 * Every function writes to the end or makes the writer bad; nothing is checked that a reader checks.
 */
#ifndef OTA_IMAGE_WRITE_H
#define OTA_IMAGE_WRITE_H

#include "ota/cursor.h"
#include "ota/keyset.h"

struct ota_image_signing {
    uint8_t key_id[OTA_DIGEST_SIZE];
    enum ota_key_kind kind;
    struct ota_span signature; /* over the digest: P-256 in DER, Ed25519 its 64 bytes */
};

/** "Image `image` must be there in `version` or higher." Ours is image 0, and the only one that waft knows. */
struct ota_image_dependency {
    uint8_t image;
    struct ota_version version;
};

struct ota_image_dependencies {
    const struct ota_image_dependency *list;
    size_t count;
};

/** 32 bytes, then `erased` up to header_size. protected_size must be what ota_image_protected_write() gives. */
void ota_image_header_write(struct ota_writer *w, const struct ota_image_header *h, uint8_t erased);
/** Counter, dependencies (NULL: none), vendor, class, and the hardware range unless it is 0 .. 65535. */
void ota_image_protected_write(struct ota_writer *w, const struct ota_image *image,
                               const struct ota_image_dependencies *dependencies);
/** Digest, then key id and signature of each of `count` signings. */
void ota_image_unprotected_write(struct ota_writer *w, const uint8_t digest[OTA_DIGEST_SIZE],
                                 const struct ota_image_signing *signings, size_t count);

/**
 * The unprotected area `area` of an image of correct form again, with one more pair, or with the pair of
 * the same key replaced. All other bytes are as they were.
 */
void ota_image_resign(struct ota_writer *w, struct ota_span area,
                      const struct ota_image_signing *signing);

/**
 * A keyset up to its signer: head and anchors as `trust` says, `revoked` (whole key ids), and the
 * certificates; of these two the lengths count. In a document the signer follows, u8 kind and key id,
 * and r, s.
 */
void ota_keyset_write(struct ota_writer *w, const struct ota_trust *trust, struct ota_span revoked,
                      const struct ota_span ca[OTA_KEYSET_CAS_MAX]);

#endif
