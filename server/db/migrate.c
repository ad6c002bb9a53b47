/* Migrations: numbered, applied in order, each in one transaction with its number. */
#include "migration_0001.h"
#include "migration_0002.h"
#include "sqlite_priv.h"
#include <stdio.h>

static const char *const migrations[] = { migration_0001, migration_0002 };
#define NEWEST ((int)(sizeof migrations / sizeof migrations[0]))

static bool version_read(sqlite3 *connection, int *version, struct srv_err *err)
{
    sqlite3_stmt *s = NULL;
    const bool read =
        sqlite3_prepare_v2(connection, "PRAGMA user_version", -1, &s, NULL) == SQLITE_OK &&
        sqlite3_step(s) == SQLITE_ROW;
    *version = read ? sqlite3_column_int(s, 0) : 0;
    sqlite3_finalize(s);
    return read || srv_fail(err, SRV_E_INTERNAL, "not a database of ours: %.100s",
                            sqlite3_errmsg(connection));
}

static bool run(sqlite3 *connection, const char *sql, struct srv_err *err)
{
    if (sqlite3_exec(connection, sql, NULL, NULL, NULL) != SQLITE_OK) {
        srv_fail(err, SRV_E_INTERNAL, "migration: %.120s", sqlite3_errmsg(connection));
        sqlite3_exec(connection, "ROLLBACK", NULL, NULL, NULL); /* none open: harmless */
        return false;
    }
    return true;
}

static bool step_up(sqlite3 *connection, int version, struct srv_err *err)
{
    char number[48];
    snprintf(number, sizeof number, "PRAGMA user_version = %d", version + 1);
    return run(connection, "BEGIN IMMEDIATE", err) && run(connection, migrations[version], err) &&
           run(connection, number, err) && run(connection, "COMMIT", err);
}

bool srv_sqlite_migrate(sqlite3 *connection, struct srv_err *err)
{
    int version;
    if (!version_read(connection, &version, err)) {
        return false;
    }
    if (version > NEWEST) {
        return srv_fail(err, SRV_E_INTERNAL, "the database is of a newer waftd (schema %d, not %d)",
                        version, NEWEST);
    }
    while (version < NEWEST) {
        if (!step_up(connection, version, err)) {
            return false;
        }
        version++;
    }
    return true;
}
