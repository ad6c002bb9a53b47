/*
 * Identity: who this device is on the network. What the identity record in flash
 * (ota/store.h) holds for a device process: written by `waft factory`, read by the
 * application, looked into by nobody between.
 *
 *     record = field *
 *     field  = type u16 | length u16 | bytes          little-endian
 *
 * | type | holds                                               |      |
 * |------|-----------------------------------------------------|------|
 * | 1    | thing name; also the common name of the certificate | once |
 * | 2    | private key, PEM                                    | once |
 * | 3    | certificate, PEM, perhaps with its chain            | once |
 * | 4    | certificates of the authorities for brokers, PEM    | once |
 * | 5    | topic root, if it is not "$aws"                     | 0, 1 |
 *
 * Fields stand in any order; other types are skipped, so that an older image can
 * read what a newer factory wrote.
 */
#ifndef POSIX_IDENTITY_H
#define POSIX_IDENTITY_H

#include "ota/cursor.h"
#include "ota/err.h"

/* A P-256 key and a few certificates are 2 KiB; one sector of flash is 4 KiB. Room for a long chain. */
#define POSIX_IDENTITY_MAX 8192u

struct posix_identity {
    struct ota_span thing;
    struct ota_span key_pem, cert_pem, ca_pem; /* without a terminating zero */
    struct ota_span topic_root;                /* empty: the default */
};

/**
 * Take a record apart; `identity` borrows from it.
 *
 * @return OTA_OK; OTA_E_TRUNCATED if it ends inside a field; OTA_E_NOT_FOUND if a field of 1-4 is
 *         missing or empty; OTA_E_MALFORMED for a known field twice, or a PEM field with a zero byte;
 *         OTA_E_NAME for a thing name or topic root that is none. Untouched on error.
 */
OTA_MUST_CHECK ota_err_t posix_identity_read(struct ota_span record,
                                             struct posix_identity *identity);

/** The record of `identity`. The writer is bad if it does not fit, or if a field is over 65535 bytes. */
void posix_identity_write(struct ota_writer *w, const struct posix_identity *identity);

#endif
