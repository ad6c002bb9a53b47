/*
 * Image: MCUboot's format, read strictly, and the checks that decide whether an
 * image may run here.
 *
 *     header (32 bytes, padded to header_size) | payload | protected TLVs | TLVs
 *     <------------- image digest covers this ------------------------>
 *     <------------- file digest covers everything ------------------------->
 *
 * Source: MCUboot's design document and bootutil (docs/spec/image.md has every
 * byte). We are stricter than MCUboot where a laxness buys nothing: see
 * ota_image_read().
 *
 * Three depths of checking, each usable alone:
 *   ota_image_read()       the form: header and TLVs agree with each other
 *   ota_image_check()      the meaning: vendor, class, hardware, counter, signature over the
 *                          digest that the TLVs claim - two blocks of a file are enough
 *   ota_verify_step()      everything, read back from flash; only it makes a
 *                          struct ota_verified_image, and only that can be activated
 */
#ifndef OTA_IMAGE_H
#define OTA_IMAGE_H

#include "ota/crypto.h"
#include "ota/cursor.h"
#include "ota/err.h"
#include "ota/flash.h"
#include "ota/verdict.h"
#include "ota/version.h"

#define OTA_IMAGE_MAGIC       0x96f3b83du
#define OTA_IMAGE_HEADER_SIZE 32u
/* Both TLV areas together: what we write is about 250 bytes; a second key pair adds 116. */
#define OTA_IMAGE_TLVS_MAX       512u
#define OTA_IMAGE_SIGNATURES_MAX 2u /* key rotation: an old and a new key */
#define OTA_UUID_SIZE            16u
#define OTA_IMAGE_FLAG_ROM_FIXED 0x100u /* load_address is the flash address it was linked for */

struct ota_image_header {
    struct ota_version version;
    uint32_t load_address;
    uint32_t payload_size; /* bytes */
    uint32_t flags;
    uint16_t header_size;    /* where the payload begins, >= 32 */
    uint16_t protected_size; /* protected TLV area with its info header, 0 if none */
};

/**
 * Read a header from the first bytes of a file or slot (at least 32).
 *
 * @return OTA_OK (the sizes add up without overflow); OTA_E_TRUNCATED; OTA_E_IMAGE_FORMAT
 *         (magic, header_size < 32, a flag that we cannot honour: encrypted, compressed, not
 *         bootable, RAM_LOAD).
 */
OTA_MUST_CHECK ota_err_t ota_image_header_read(struct ota_span head, struct ota_image_header *h);

/** Bytes that the image digest covers. */
uint32_t ota_image_signed_size(const struct ota_image_header *h);
/** Where the TLV areas begin: right behind the payload. */
uint32_t ota_image_tlvs_offset(const struct ota_image_header *h);

/** The kinds of public key: the first byte of one. */
enum ota_key_kind {
    OTA_KEY_P256 = 0x04,    /* as SEC 1 marks an uncompressed point: X and Y follow */
    OTA_KEY_ED25519 = 0xed, /* 32 bytes follow, then zeros */
};
#define OTA_KEY_SIZE OTA_P256_POINT_SIZE

struct ota_image_signature {
    uint8_t key_id[OTA_DIGEST_SIZE]; /* SHA-256 of the key's SubjectPublicKeyInfo */
    uint8_t rs
        [OTA_P256_RS_SIZE]; /* r, s of ECDSA; R, S of Ed25519, whose message is the image digest */
    uint8_t kind;           /* enum ota_key_kind: by the TLV that it came in */
};

/** What an image says of itself. Of correct form; nothing is proved yet. */
struct ota_image {
    struct ota_image_header header;
    uint32_t size; /* bytes, through the last TLV: the file's size */
    uint32_t counter;
    uint16_t hw_min, hw_max; /* hardware revisions, inclusive; 0 .. 65535 if the image names none */
    bool dependency_unmet;   /* it wants another image, or itself higher than it is */
    uint8_t signature_count;
    uint8_t vendor[OTA_UUID_SIZE], class_id[OTA_UUID_SIZE];
    uint8_t digest[OTA_DIGEST_SIZE];
    struct ota_image_signature signatures[OTA_IMAGE_SIGNATURES_MAX];
};

/**
 * Read the TLV areas, the bytes from ota_image_tlvs_offset() to the end of the file.
 *
 * Refused though MCUboot takes it: a TLV that we do not know in the unprotected area; a key
 * hash that is not 32 bytes, or without its signature right behind it; security counter, vendor
 * or class missing or not protected (absent never means unchecked); a protected TLV twice, but
 * for dependencies; areas of more than OTA_IMAGE_TLVS_MAX; bytes behind the last TLV. An image
 * without any signature has the form: ota_image_check() refuses it.
 *
 * @return OTA_OK; OTA_E_TRUNCATED if `tlvs` ends before the areas do; OTA_E_IMAGE_TRAILING if it
 *         goes on behind them; OTA_E_IMAGE_FORMAT. `image` is untouched on error.
 */
OTA_MUST_CHECK ota_err_t ota_image_read(const struct ota_image_header *h, struct ota_span tlvs,
                                        struct ota_image *image);

/** ota_image_header_read() of what begins in `where`; OTA_E_IMAGE_SIZE if there is no room for a header; OTA_E_FLASH. */
OTA_MUST_CHECK ota_err_t ota_image_header_from_flash(struct ota_flash *flash,
                                                     const struct ota_region *where,
                                                     struct ota_image_header *h);

/**
 * Read what the image in a slot says of itself: ota_image_header_read() and ota_image_read() over flash.
 *
 * @return theirs; OTA_E_IMAGE_SIZE if it goes on behind `where`; OTA_E_FLASH. Nothing is proved yet.
 */
OTA_MUST_CHECK ota_err_t ota_image_from_flash(struct ota_flash *flash, struct ota_region where,
                                              struct ota_image *image);

/** A public key that this device trusts. */
struct ota_anchor {
    uint8_t key_id[OTA_DIGEST_SIZE];
    uint8_t key[OTA_KEY_SIZE]; /* the first byte is its enum ota_key_kind */
};

#define OTA_ANCHORS_MAX    2u /* of each sort, so that a key can be rotated */
#define OTA_KEYSET_CAS_MAX 2u /* the same for the broker's authorities */

/** What this device is, and whom it believes: its newest keyset (ota/keyset.h), and its hardware. */
struct ota_trust {
    uint32_t version; /* of the keyset; 0 unless the factory chose another */
    uint16_t hw_revision;
    uint16_t ca_size[OTA_KEYSET_CAS_MAX]; /* bytes of the broker's certificates; 0: none */
    uint8_t revoked_count;
    uint8_t release_count, deployment_count; /* 0 ..= OTA_ANCHORS_MAX */
    uint8_t vendor[OTA_UUID_SIZE], class_id[OTA_UUID_SIZE];
    struct ota_anchor release[OTA_ANCHORS_MAX]; /* sign images; offline */
    struct ota_anchor
        deployment[OTA_ANCHORS_MAX]; /* sign deployments (files); P-256, as job documents want */
};

/** key_id of a key: SHA-256 over its DER SubjectPublicKeyInfo. OTA_E_RANGE: a kind that is none. */
OTA_MUST_CHECK ota_err_t ota_anchor_make(struct ota_crypto *c, const uint8_t key[OTA_KEY_SIZE],
                                         struct ota_anchor *anchor);

/**
 * Whether a key's private half is public, being in waft's tests and documents. A build for real devices
 * trusts no such key; one for tests (OTA_TRUST_SAMPLE_KEYS) says no of every key.
 */
bool ota_key_is_sample(const uint8_t key_id[OTA_DIGEST_SIZE]);

/**
 * DER SEQUENCE{r,s} to r‖s. Strict DER integers for P-256; zero bytes behind the sequence are
 * accepted (imgtool < 1.5 padded to 72), anything else is not.
 *
 * @return OTA_OK; OTA_E_MALFORMED.
 */
OTA_MUST_CHECK ota_err_t ota_signature_from_der(struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE]);

/**
 * May this image run here, if its bytes are what it claims? In this order: vendor, class,
 * hardware, dependencies, counter >= `counter_min`, a signature by a release anchor over
 * image->digest.
 *
 * @return OTA_OK; OTA_E_IMAGE_VENDOR, _CLASS, _HARDWARE, _DEPENDENCY, _COUNTER; OTA_E_IMAGE_KEY if
 *         no signature names an anchor, or only one of a kind that the crypto port cannot check;
 *         OTA_E_IMAGE_SIGNATURE; OTA_E_CRYPTO.
 */
OTA_MUST_CHECK ota_err_t ota_image_check(const struct ota_image *image,
                                         const struct ota_trust *trust, uint32_t counter_min,
                                         struct ota_crypto *c);

/**
 * Check a deployment signature over a file digest: by the anchors of `trust`, each in turn.
 *
 * @return OTA_OK; OTA_E_JOB_SIGNATURE; OTA_E_CRYPTO.
 */
OTA_MUST_CHECK ota_err_t ota_deployment_check(const uint8_t file_digest[OTA_DIGEST_SIZE],
                                              const uint8_t rs[OTA_P256_RS_SIZE],
                                              const struct ota_trust *trust, struct ota_crypto *c);

/**
 * An image that was read back from flash and verified. Only ota_verify_step() makes one.
 */
struct ota_verified_image {
    ota_proof_t proof;       /* holds for where.offset: see ota_proved() */
    struct ota_region where; /* the region it was read from */
    struct ota_image image;
    uint8_t file_digest[OTA_DIGEST_SIZE]; /* over image.size bytes */
};

struct ota_verify_cfg {
    struct ota_flash *flash;
    struct ota_crypto *crypto;
    const struct ota_trust *trust; /* lent until the end */
    struct ota_region where;       /* the slot's room for an image */
    uint32_t counter_min;
};

/* Flash is read in pieces of this while it is digested: a few SHA-256 blocks, to be worth a call. */
#define OTA_VERIFY_PIECE 256u

/* Private to lib/image; open so that the caller can give it a home. */
struct ota_verify {
    struct ota_verify_cfg cfg;
    uint32_t at;
    enum { OTA_VERIFY_HEADER, OTA_VERIFY_HASHING, OTA_VERIFY_DONE } state;
    struct ota_verified_image result;
    union {
        uint8_t tlvs[OTA_IMAGE_TLVS_MAX]; /* while they are read */
        struct {
            struct ota_sha256 hash;
            uint8_t piece[OTA_VERIFY_PIECE];
        } digest; /* from then on */
    } u;
};

/** `cfg` is copied; it may be &v->cfg. */
void ota_verify_begin(struct ota_verify *v, const struct ota_verify_cfg *cfg);

/**
 * Verify a bit more: reads at most `budget` bytes (> 0) of flash (the first step: header and
 * TLVs besides), so that no call blocks long.
 *
 * @param done  out, on OTA_OK: NULL while there is more to do; then the verified image, inside `v`.
 * @return OTA_OK; else why it must not run, first found of: OTA_E_IMAGE_FORMAT, _SIZE, those of
 *         ota_image_check(), OTA_E_IMAGE_SLOT (ROM_FIXED for another address than where.offset),
 *         OTA_E_IMAGE_DIGEST, OTA_E_FLASH, OTA_E_CRYPTO. After an error, begin again.
 */
OTA_MUST_CHECK ota_err_t ota_verify_step(struct ota_verify *v, uint32_t budget,
                                         const struct ota_verified_image **done);

#endif
