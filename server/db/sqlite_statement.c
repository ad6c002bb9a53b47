#include "sqlite_priv.h"
#include "statements.h"
#include <stdio.h>
#include <string.h>

static const char *const names[SQL_COUNT] = {
#define X(name) #name,
    SRV_STATEMENTS(X)
#undef X
};

void srv_sql_fail(struct srv_db *db, const char *doing)
{
    struct srv_sqlite *self = (struct srv_sqlite *)db;
    if (db->err.code != SRV_OK) {
        return;
    }
    const int code = sqlite3_errcode(self->connection) & 0xff;
    const enum srv_code kind = code == SQLITE_FULL   ? SRV_E_DISK_FULL
                               : code == SQLITE_BUSY ? SRV_E_UNAVAILABLE
                                                     : SRV_E_INTERNAL;
    srv_fail(&db->err, kind, "database, %s: %.100s", doing, sqlite3_errmsg(self->connection));
}

/* The text between "-- :name" and the next section. */
static const char *section(enum srv_statement which)
{
    char mark[64];
    snprintf(mark, sizeof mark, "-- :%s\n", names[which]);
    const char *found = strstr(statements, mark);
    return found != NULL ? found + strlen(mark) : "";
}

sqlite3_stmt *srv_sql(struct srv_db *db, enum srv_statement which)
{
    struct srv_sqlite *self = (struct srv_sqlite *)db;
    if (db->err.code != SRV_OK) {
        return NULL;
    }
    sqlite3_stmt **s = &self->statements[which];
    if (*s == NULL && sqlite3_prepare_v3(self->connection, section(which), -1,
                                         SQLITE_PREPARE_PERSISTENT, s, NULL) != SQLITE_OK) {
        srv_sql_fail(db, names[which]);
        return NULL;
    }
    srv_sql_done(*s);
    return *s;
}

/* A bind fails only for want of memory or a wrong index; the step after it then tells. */
void srv_sql_bind_text(sqlite3_stmt *s, int index, struct ota_span text)
{
    if (s != NULL) {
        const char *bytes = text.len > 0 ? (const char *)text.ptr : "";
        sqlite3_bind_text64(s, index, bytes, text.len, SQLITE_STATIC, SQLITE_UTF8);
    }
}

void srv_sql_bind_str(sqlite3_stmt *s, int index, const char *text)
{
    srv_sql_bind_text(s, index, ota_span_of_str(text));
}

void srv_sql_bind_blob(sqlite3_stmt *s, int index, const uint8_t *bytes, size_t size)
{
    if (s != NULL) {
        sqlite3_bind_blob64(s, index, bytes, size, SQLITE_STATIC);
    }
}

void srv_sql_bind_int(sqlite3_stmt *s, int index, int64_t value)
{
    if (s != NULL) {
        sqlite3_bind_int64(s, index, value);
    }
}

void srv_sql_bind_u64(sqlite3_stmt *s, int index, uint64_t value)
{
    srv_sql_bind_int(s, index, (int64_t)value);
}

bool srv_sql_row(struct srv_db *db, sqlite3_stmt *s)
{
    if (s == NULL) {
        return false;
    }
    const int code = sqlite3_step(s);
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code != SQLITE_DONE) {
        srv_sql_fail(db, "step");
    }
    srv_sql_done(s);
    return false;
}

void srv_sql_run(struct srv_db *db, sqlite3_stmt *s)
{
    while (srv_sql_row(db, s)) {
    }
}

void srv_sql_done(sqlite3_stmt *s)
{
    if (s != NULL) {
        sqlite3_reset(s); /* repeats the step's error, which has been told */
        sqlite3_clear_bindings(s);
    }
}

static struct ota_span column(sqlite3_stmt *s, int index)
{
    const uint8_t *bytes = sqlite3_column_blob(s, index);
    const int len = sqlite3_column_bytes(s, index);
    return (struct ota_span){ bytes, bytes != NULL && len > 0 ? (size_t)len : 0 };
}

struct ota_span srv_sql_text(struct srv_arena *a, sqlite3_stmt *s, int index)
{
    const struct ota_span text = column(s, index);
    return text.len > 0 ? srv_arena_copy(a, text) : OTA_SPAN_NONE;
}

void srv_sql_name(char *out, size_t cap, sqlite3_stmt *s, int index)
{
    const struct ota_span text = column(s, index);
    const size_t len = text.len < cap ? text.len : cap - 1u;
    if (len > 0) {
        memcpy(out, text.ptr, len);
    }
    out[len] = '\0';
}

void srv_sql_digest(uint8_t out[SRV_DIGEST_SIZE], sqlite3_stmt *s, int index)
{
    const struct ota_span bytes = column(s, index);
    memset(out, 0, SRV_DIGEST_SIZE);
    if (bytes.len == SRV_DIGEST_SIZE) {
        memcpy(out, bytes.ptr, SRV_DIGEST_SIZE);
    }
}

uint64_t srv_sql_u64(sqlite3_stmt *s, int index)
{
    return (uint64_t)sqlite3_column_int64(s, index);
}

size_t srv_sql_rows(struct srv_db *db, sqlite3_stmt *s, const struct srv_sql_reader *reader,
                    struct srv_arena *a, size_t limit, void *rows)
{
    uint8_t *array = NULL;
    size_t count = 0, room = 0;
    while (count < limit && srv_sql_row(db, s)) {
        if (count == room) {
            room = room == 0 ? (limit < 8u ? limit : 8u) : room * 2u;
            uint8_t *larger = srv_arena_take(a, room * reader->item_size);
            if (count > 0) {
                memcpy(larger, array, count * reader->item_size);
            }
            array = larger;
        }
        reader->read(s, a, array + count * reader->item_size);
        count++;
    }
    srv_sql_done(s);
    memcpy(rows, &array, sizeof array); /* whatever the row's type, a pointer to it */
    return db->err.code == SRV_OK ? count : 0;
}
