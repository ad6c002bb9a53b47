#include "tx.h"
#include <string.h>

static bool serial_ok(struct ota_span serial)
{
    for (size_t i = 0; i < serial.len; i++) {
        const uint8_t c = serial.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return serial.len <= SRV_SERIAL_HEX_MAX;
}

static bool certificate_set(struct srv_tx *tx, struct srv_thing *row, struct ota_span serial,
                            int64_t expires_s)
{
    if (!serial_ok(serial)) {
        return srv_fail(tx->err, SRV_E_INVALID, "a serial number is 1 to %u lower-case hex digits",
                        SRV_SERIAL_HEX_MAX);
    }
    srv_name_set(row->cert_serial, sizeof row->cert_serial, serial);
    row->cert_expires_s = expires_s;
    return true;
}

static bool thing_find(struct srv_tx *tx, struct ota_span name, struct srv_thing *row)
{
    return srv_db_thing_get(tx->db, name, row) ||
           srv_fail(tx->err, SRV_E_NOT_FOUND, "there is no thing %.*s", (int)name.len,
                    (const char *)name.ptr);
}

bool srv_do_thing_create(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_thing row = { .state = SRV_THING_ENABLED,
                             .created_at_s = tx->now_s,
                             .updated_at_s = tx->now_s };
    if (!ota_thing_name_ok(c->thing_create.name)) {
        return srv_fail(tx->err, SRV_E_INVALID, "a thing's name is 1 to %u of a-z A-Z 0-9 : _ -",
                        OTA_THING_NAME_MAX);
    }
    if (!certificate_set(tx, &row, c->thing_create.cert_serial, c->thing_create.cert_expires_s)) {
        return false;
    }
    struct srv_thing old;
    if (srv_db_thing_get(tx->db, c->thing_create.name, &old)) {
        return srv_fail(tx->err, SRV_E_EXISTS, "the thing %s exists already", old.name);
    }
    srv_name_set(row.name, sizeof row.name, c->thing_create.name);
    srv_db_thing_put(tx->db, &row);
    return true;
}

bool srv_do_thing_disable(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_thing row;
    if (!thing_find(tx, c->thing_disable.name, &row)) {
        return false;
    }
    row.state = SRV_THING_DISABLED;
    row.updated_at_s = tx->now_s;
    srv_db_thing_put(tx->db, &row);
    srv_tx_changed(tx, row.name);
    return true;
}

bool srv_do_thing_enable(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_thing row;
    if (!thing_find(tx, c->thing_enable.name, &row)) {
        return false;
    }
    if (c->thing_enable.cert_serial.len > 0 &&
        !certificate_set(tx, &row, c->thing_enable.cert_serial, c->thing_enable.cert_expires_s)) {
        return false;
    }
    row.state = SRV_THING_ENABLED;
    row.updated_at_s = tx->now_s;
    srv_db_thing_put(tx->db, &row);
    return true;
}

bool srv_do_artifact_add(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_artifact row = { .size = c->artifact_add.size, .created_at_s = tx->now_s };
    memcpy(row.digest, c->artifact_add.digest, sizeof row.digest);
    struct srv_artifact old;
    if (!srv_db_artifact_get(tx->db, row.digest, &old)) {
        srv_db_artifact_put(tx->db, &row);
    }
    return true;
}

/* Files come in any order; the row holds them by id. */
static bool file_insert(struct srv_tx *tx, struct srv_stream *stream,
                        const struct srv_file_spec *spec)
{
    struct srv_artifact artifact;
    if (!srv_db_artifact_get(tx->db, spec->digest, &artifact)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "the artifact of file %u is not here", spec->id);
    }
    size_t at = stream->file_count;
    while (at > 0 && stream->files[at - 1u].id > spec->id) {
        stream->files[at] = stream->files[at - 1u];
        at--;
    }
    if (at > 0 && stream->files[at - 1u].id == spec->id) {
        return srv_fail(tx->err, SRV_E_INVALID, "file id %u stands there twice", spec->id);
    }
    stream->files[at].id = spec->id;
    stream->files[at].size = artifact.size;
    memcpy(stream->files[at].digest, spec->digest, SRV_DIGEST_SIZE);
    stream->file_count++;
    return true;
}

static bool stream_check(struct srv_tx *tx, const struct srv_command *c)
{
    if (!ota_stream_id_ok(c->stream_create.id)) {
        return srv_fail(tx->err, SRV_E_INVALID, "a stream's id is 1 to %u of a-z A-Z 0-9 _ -",
                        OTA_STREAM_ID_MAX);
    }
    if (c->stream_create.file_count < 1 || c->stream_create.file_count > SRV_STREAM_FILES_MAX) {
        return srv_fail(tx->err, SRV_E_INVALID, "a stream has 1 to %u files", SRV_STREAM_FILES_MAX);
    }
    return srv_text_ok(c->stream_create.description, "a description", tx->err);
}

/* `row` with the command's files. */
static bool files_set(struct srv_tx *tx, const struct srv_command *c, struct srv_stream *row)
{
    row->file_count = 0;
    for (size_t i = 0; i < c->stream_create.file_count; i++) {
        if (!file_insert(tx, row, &c->stream_create.files[i])) {
            return false;
        }
    }
    return true;
}

bool srv_do_stream_create(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_stream row = { .version = 1,
                              .created_at_s = tx->now_s,
                              .description = c->stream_create.description };
    if (!stream_check(tx, c) || !files_set(tx, c, &row)) {
        return false;
    }
    struct srv_stream *old = srv_arena_take(tx->arena, sizeof *old);
    if (srv_db_stream_get(tx->db, tx->arena, c->stream_create.id, old)) {
        return srv_fail(tx->err, SRV_E_EXISTS, "the stream %.100s exists already", old->id);
    }
    srv_name_set(row.id, sizeof row.id, c->stream_create.id);
    srv_db_stream_put(tx->db, &row);
    return true;
}

bool srv_do_stream_update(struct srv_tx *tx, const struct srv_command *c)
{
    struct srv_stream *row = srv_arena_take(tx->arena, sizeof *row);
    if (!stream_check(tx, c)) {
        return false;
    }
    if (!srv_db_stream_get(tx->db, tx->arena, c->stream_create.id, row)) {
        return srv_fail(tx->err, SRV_E_NOT_FOUND, "there is no such stream");
    }
    if (!files_set(tx, c, row)) {
        return false;
    }
    if (c->stream_create.description.len > 0) {
        row->description = c->stream_create.description;
    }
    row->version++;
    srv_db_stream_put(tx->db, row);
    tx->outcome->streams_changed = true;
    return true;
}
