/*
 * Keyset: one signed document that replaces all keys of a device, and the
 * certificates by which it knows its broker.
 *
 *     head | release keys | deployment keys | revoked key ids | certificates | signer | signature
 *     <------------------------ the signature covers -------------------------->
 *
 * It is signed by a release key that the device trusts now, and its version is
 * higher than that of what is there: so an old one cannot come back. The store
 * keeps it as it came, as the device's trust record (ota_store_keyset_install());
 * docs/spec/image.md has every byte, docs/keys.md says when to use it.
 *
 * Reading one proves nothing. Bringing it to the device is the application's
 * business: a custom job, a file, a stick.
 */
#ifndef OTA_KEYSET_H
#define OTA_KEYSET_H

#include "ota/image.h"

#define OTA_KEYSET_MAGIC       0x79656b77u /* "wkey" */
#define OTA_KEYSET_FORMAT      1u
#define OTA_KEYSET_HEAD_SIZE   50u
#define OTA_KEYSET_HW_OFFSET   12u /* u16: 0 in a document; the store puts the device's own there */
#define OTA_KEYSET_ANCHOR_SIZE (OTA_DIGEST_SIZE + OTA_KEY_SIZE)
#define OTA_KEYSET_SIGNER_SIZE (1u + OTA_DIGEST_SIZE) /* enum ota_key_kind, key id */
/* For ever, so few: a key that no keyset names is not trusted anyway; a revoked one cannot come back. */
#define OTA_KEYSET_REVOKED_MAX 8u
#define OTA_KEYSET_CA_SIZE_MAX 1024u /* a P-256 certificate has 400 to 700 bytes of DER */
#define OTA_KEYSET_SIZE_MAX                                                                        \
    (OTA_KEYSET_HEAD_SIZE + 2u * OTA_ANCHORS_MAX * OTA_KEYSET_ANCHOR_SIZE +                        \
     OTA_KEYSET_REVOKED_MAX * OTA_DIGEST_SIZE + OTA_KEYSET_CAS_MAX * OTA_KEYSET_CA_SIZE_MAX +      \
     OTA_KEYSET_SIGNER_SIZE + OTA_P256_RS_SIZE)

/**
 * Read the head of a document, or of a trust record, from its first OTA_KEYSET_HEAD_SIZE bytes: all of
 * `trust` but the anchors, which stay as they are. A document's hw_revision is 0.
 *
 * @return OTA_OK: each count is within its limit; OTA_E_KEYSET_FORMAT: `trust` is as it was.
 */
OTA_MUST_CHECK ota_err_t ota_keyset_head_read(struct ota_span bytes, struct ota_trust *trust);

/** Where, in bytes from the begin: the revoked key ids; the certificate `index` (OTA_KEYSET_CAS_MAX: behind them). */
uint32_t ota_keyset_revoked_offset(const struct ota_trust *trust);
uint32_t ota_keyset_ca_offset(const struct ota_trust *trust, uint32_t index);

/** A document, taken apart; the spans are borrowed from it. Nothing is proved. */
struct ota_keyset {
    struct ota_trust trust;
    struct ota_span revoked; /* trust.revoked_count ids of OTA_DIGEST_SIZE bytes */
    struct ota_span ca[OTA_KEYSET_CAS_MAX];
    struct ota_span covered; /* what is signed: all but r and s */
    struct ota_image_signature signature;
};

/**
 * Read a document, strictly: exactly its length, one or two keys of both sorts, of kinds that there
 * are (deployment keys P-256), no bytes that mean nothing, no revoked key among its own.
 *
 * @return OTA_OK; OTA_E_KEYSET_FORMAT; OTA_E_KEYSET_REVOKED. `keyset` is undefined on error.
 */
OTA_MUST_CHECK ota_err_t ota_keyset_read(struct ota_span document, struct ota_keyset *keyset);

/** Whether `key_id` is among those that the keyset revokes. */
bool ota_keyset_revokes(const struct ota_keyset *keyset, const uint8_t key_id[OTA_DIGEST_SIZE]);

#endif
