/*
 * Keyset: how a device process takes one from a file, and what of it MQTT needs. Before the agent starts: from
 * then on flash is the agent's alone.
 */
#ifndef POSIX_KEYSET_H
#define POSIX_KEYSET_H

#include "ota/store_trust.h"

/* Two certificates of 1024 bytes as PEM: base64, line ends, and the two lines around each. */
#define POSIX_KEYSET_PEM_MAX 3072u

/**
 * Install the keyset in the file at `path`.
 *
 * @return ota_store_keyset_install()'s; OTA_E_NOT_FOUND: no such file, or it cannot be read; OTA_E_TOO_LARGE
 *         for a file that is no keyset.
 */
OTA_MUST_CHECK ota_err_t posix_keyset_install(const char *path, struct ota_store *s,
                                              struct ota_crypto *c, enum ota_slot running);

/**
 * The certificates that the device's keyset brings, PEM, in `room`.
 *
 * @return OTA_OK; OTA_E_NOT_FOUND: it brings none, so the identity's count; OTA_E_FLASH. `pem` is untouched
 *         on error.
 */
OTA_MUST_CHECK ota_err_t posix_keyset_ca(struct ota_store *s, struct ota_buf room,
                                         struct ota_span *pem);

#endif
