/*
 * Records: sizes of payloads that a reader and a writer in different files share. Private to lib/store.
 */
#ifndef OTA_STORE_RECORDS_H
#define OTA_STORE_RECORDS_H

#include "log.h"
#include "ota/keyset.h"

/* Trust is a keyset (ota/keyset.h). All keys, without certificates and revocations: what every device has room for. */
#define OTA_TRUST_SIZE_MIN (OTA_KEYSET_HEAD_SIZE + 2u * OTA_ANCHORS_MAX * OTA_KEYSET_ANCHOR_SIZE)

/* Journal: a state, and a mark: sequence of its state 4 | mark 4. */
#define OTA_JOURNAL_STATE_SIZE 196u
#define OTA_JOURNAL_MARK_SIZE  8u
/* Marks that a download leaves: see ota_journal_mark_interval(). */
#define OTA_JOURNAL_MARKS 64u

#endif
