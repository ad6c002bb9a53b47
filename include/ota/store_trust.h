/*
 * Trust in a store, written: the factory's first record, and keysets that replace it. A bootloader
 * only reads (ota_store_trust()).
 */
#ifndef OTA_STORE_TRUST_H
#define OTA_STORE_TRUST_H

#include "ota/keyset.h"
#include "ota/store.h"

/** Factory: the first trust record, without certificates and revocations. */
OTA_MUST_CHECK ota_err_t ota_store_trust_write(struct ota_store *s, const struct ota_trust *trust);

/** One of the broker's certificates, DER, as `trust` counts them. OTA_E_NOT_FOUND; OTA_E_TOO_LARGE. */
OTA_MUST_CHECK ota_err_t ota_store_ca(struct ota_store *s, const struct ota_trust *trust,
                                      uint32_t index, struct ota_buf into, struct ota_span *der);

/* Room that installing a keyset needs; private to lib/store, open so that the caller can give it a home. */
struct ota_keyset_room {
    struct ota_keyset next;
    struct ota_trust now;
    struct ota_image image;
    struct ota_sha256 hash;
};

/**
 * Replace all keys and certificates by those of a keyset. Not while an agent runs on this store; what
 * was read of trust before is old afterwards. One append, read back, is the commit: a cut leaves the
 * old trust or the new one.
 *
 * @param running   the slot that runs: under the new keys it must verify.
 * @param document  the bytes as they came. Written to in between; as they were after the call.
 * @return OTA_OK: the next boot believes the new keys; else nothing has changed:
 *         OTA_E_KEYSET_FORMAT, also for a key whose id is another's; _DEVICE: another vendor or class;
 *         _VERSION: not higher than the device's; _SIGNATURE: not by a release key that is trusted
 *         now; _REVOKED: one of its keys is revoked, or it drops a revocation; _STRANDS: the running
 *         image would not verify; OTA_E_KEY_SAMPLE; OTA_E_STATE: the running image is a trial, confirm
 *         it first; OTA_E_TOO_LARGE for half of the trust log; OTA_E_FLASH, OTA_E_FLASH_READ_BACK,
 *         OTA_E_CRYPTO, OTA_E_NOT_FOUND: without trust there is nothing to begin with.
 */
OTA_MUST_CHECK ota_err_t ota_store_keyset_install(struct ota_store *s, struct ota_crypto *c,
                                                  enum ota_slot running, struct ota_buf document,
                                                  struct ota_keyset_room *room);

#endif
