/*
 * Hold: the certificates of disabled things, brought from the database, where
 * the truth is, to the revocation list and to the broker.
 */
#ifndef SRV_HOLD_H
#define SRV_HOLD_H

#include "base/err.h"
#include "ota/span.h"

struct srv_db;
struct srv_identity;

/**
 * At start, before the broker: write the revocation list anew, so that a crash
 * between a disable and its list heals.
 */
SRV_MUST_CHECK bool srv_hold_at_start(struct srv_db *db, struct srv_identity *identity,
                                      struct srv_err *err);

#endif
