/*
 * Records: sizes of payloads that a reader and a writer in different files share. Private to lib/store.
 */
#ifndef OTA_STORE_RECORDS_H
#define OTA_STORE_RECORDS_H

#include "log.h"

/* Trust: vendor 16 | class 16 | hw_revision 2 | release_count 1 | deployment_count 1, then the anchors. */
#define OTA_TRUST_HEAD_SIZE   36u
#define OTA_TRUST_ANCHOR_SIZE (OTA_DIGEST_SIZE + OTA_P256_POINT_SIZE)
#define OTA_TRUST_SIZE_MAX    (OTA_TRUST_HEAD_SIZE + 2u * OTA_ANCHORS_MAX * OTA_TRUST_ANCHOR_SIZE)

/* Journal: a state, and a mark: sequence of its state 4 | mark 4. */
#define OTA_JOURNAL_STATE_SIZE 196u
#define OTA_JOURNAL_MARK_SIZE  8u
/* Marks that a download leaves: see ota_journal_mark_interval(). */
#define OTA_JOURNAL_MARKS 64u

#endif
