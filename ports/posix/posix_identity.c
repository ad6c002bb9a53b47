#include "posix_identity.h"
#include "ota/wire.h"
#include <string.h>

enum field { THING = 1, KEY, CERT, CA, TOPIC_ROOT, FIELD_END };

/* Where a type is kept; NULL: not one of ours. */
static struct ota_span *place(struct posix_identity *identity, unsigned type)
{
    struct ota_span *const places[FIELD_END] = {
        [THING] = &identity->thing,           [KEY] = &identity->key_pem,
        [CERT] = &identity->cert_pem,         [CA] = &identity->ca_pem,
        [TOPIC_ROOT] = &identity->topic_root,
    };
    return type < FIELD_END ? places[type] : NULL;
}

/* A zero would end the text early for whoever reads it as a C string. */
static bool is_text(struct ota_span s)
{
    return memchr(s.ptr, 0, s.len) == NULL;
}

static ota_err_t check(const struct posix_identity *identity)
{
    const struct ota_span pems[] = { identity->key_pem, identity->cert_pem, identity->ca_pem };
    if (identity->thing.len == 0) {
        return OTA_E_NOT_FOUND;
    }
    for (size_t i = 0; i < sizeof pems / sizeof pems[0]; i++) {
        if (pems[i].len == 0) {
            return OTA_E_NOT_FOUND;
        }
        if (!is_text(pems[i])) {
            return OTA_E_MALFORMED;
        }
    }
    if (!ota_thing_name_ok(identity->thing)) {
        return OTA_E_NAME;
    }
    if (identity->topic_root.len > 0 && !ota_topic_root_ok(identity->topic_root)) {
        return OTA_E_NAME;
    }
    return OTA_OK;
}

ota_err_t posix_identity_read(struct ota_span record, struct posix_identity *identity)
{
    struct posix_identity found = { .thing = OTA_SPAN_NONE };
    struct ota_reader r = ota_reader(record);
    unsigned seen = 0; /* a bit a type */
    while (ota_reader_left(&r) > 0) {
        unsigned type = ota_read_u16le(&r);
        struct ota_span bytes = ota_read_bytes(&r, ota_read_u16le(&r));
        if (r.bad) {
            return OTA_E_TRUNCATED;
        }
        struct ota_span *into = place(&found, type);
        if (into == NULL) {
            continue;
        }
        if ((seen >> type & 1u) != 0) {
            return OTA_E_MALFORMED;
        }
        seen |= 1u << type;
        *into = bytes;
    }
    ota_err_t err = check(&found);
    if (err == OTA_OK) {
        *identity = found;
    }
    return err;
}

static void write_field(struct ota_writer *w, enum field type, struct ota_span bytes)
{
    if (bytes.len > UINT16_MAX) {
        w->bad = true;
        return;
    }
    ota_write_u16le(w, (uint16_t)type);
    ota_write_u16le(w, (uint16_t)bytes.len);
    ota_write_bytes(w, bytes);
}

void posix_identity_write(struct ota_writer *w, const struct posix_identity *identity)
{
    write_field(w, THING, identity->thing);
    write_field(w, KEY, identity->key_pem);
    write_field(w, CERT, identity->cert_pem);
    write_field(w, CA, identity->ca_pem);
    if (identity->topic_root.len > 0) {
        write_field(w, TOPIC_ROOT, identity->topic_root);
    }
}
