/*
 * SQLite behind srv_db: WAL, synchronous=FULL, foreign keys on.
 *
 * One writer in the process; any number of readers, each with a connection of
 * its own (one thread at a time).
 */
#ifndef SRV_SQLITE_H
#define SRV_SQLITE_H

#include "core/db.h"

/** Open (or make) the database, and bring it to the newest migration. ":memory:" is one of its own.
 */
SRV_MUST_CHECK bool srv_sqlite_open(const char *path, struct srv_db **db, struct srv_err *err);

/** A connection that can only read what is committed. The database must exist. */
SRV_MUST_CHECK bool srv_sqlite_open_reader(const char *path, struct srv_db **db,
                                           struct srv_err *err);

#endif
