/*
 * JSON, RFC 8259 exactly, without a heap and without an array of tokens.
 *
 * ota_json_parse() checks a whole text once: grammar, UTF-8, escapes (a lone
 * surrogate is refused), depth. What it returns, and everything reached from
 * there, is a piece of valid text, so walking cannot fail and needs no state
 * but a cursor.
 *
 *     struct ota_json doc, value;
 *     ota_err_t err = ota_json_parse(payload, &doc);
 *     ...
 *     err = ota_json_find(&doc, "timestamp", &value);
 *     if (err == OTA_OK) { err = ota_json_u64(&value, &timestamp); }
 */
#ifndef OTA_JSON_H
#define OTA_JSON_H

#include "ota/cursor.h"
#include "ota/err.h"

/* Nesting: a job document needs five; the rest is room for members that we skip. */
#define OTA_JSON_DEPTH_MAX 32u

/** Told by the first character; the values are those characters. */
enum ota_json_kind {
    OTA_JSON_ABSENT = 0, /* no text: a member that was not there, or null */
    OTA_JSON_OBJECT = '{',
    OTA_JSON_ARRAY = '[',
    OTA_JSON_STRING = '"',
    OTA_JSON_NUMBER = '0',
    OTA_JSON_TRUE = 't',
    OTA_JSON_FALSE = 'f',
    OTA_JSON_NULL = 'n',
};

/** One value: its text, without surrounding blanks, borrowed from the parsed text. */
struct ota_json {
    struct ota_span text;
};

/**
 * Check that `text` is one JSON value and nothing else but blanks.
 *
 * @return OTA_OK; OTA_E_TRUNCATED if it ends too early (the empty text too);
 *         OTA_E_DEPTH past OTA_JSON_DEPTH_MAX; OTA_E_MALFORMED.
 */
OTA_MUST_CHECK ota_err_t ota_json_parse(struct ota_span text, struct ota_json *value);

enum ota_json_kind ota_json_kind(const struct ota_json *value);

/** A cursor over the members of an object or the elements of an array. */
struct ota_json_walk {
    struct ota_reader r;
    ota_err_t err; /* OTA_OK until behind the last one */
};

/** Begin before the first member or element; any other kind has none. */
struct ota_json_walk ota_json_walk(const struct ota_json *container);

/**
 * Step to the next member or element.
 *
 * @param key  out, for objects: the member's name (a string value); untouched for arrays. May be NULL.
 * @return whether there was one.
 */
bool ota_json_next(struct ota_json_walk *w, struct ota_json *key, struct ota_json *value);

/*
 * Reading an object into a struct, by a table: a row for each member that is of interest.
 *
 *     static const struct ota_json_field fields[] = {
 *         OTA_JSON_FIELD("filesize", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct file, size),
 *         OTA_JSON_FIELD("certfile", OTA_JSON_STRING, struct file, certfile),
 *     };
 *     struct file file = { 0 };
 *     ota_err_t err = ota_json_bind(&object, OTA_JSON_FIELDS(fields), &file);
 */
struct ota_json_field {
    const char *name;
    uint8_t kind, size; /* of the field in the struct */
    uint8_t offset;
    uint8_t mark; /* offset of a bool to set if the member is there; or the field's own */
};

/* What a row may say of its member: an enum ota_json_kind, or */
#define OTA_JSON_ANY      0u    /* whatever is there */
#define OTA_JSON_HEX      'x'   /* a string of two hexadecimal digits for each byte of the field */
#define OTA_JSON_UUID     'u'   /* the same with dashes: 123e4567-e89b-12d3-a456-426614174000 */
#define OTA_JSON_REQUIRED 0x80u /* beside the kind: absent or null is an error */

#define OTA_JSON_FIELD(name, kind, type, field) OTA_JSON_MARKED(name, kind, type, field, field)
#define OTA_JSON_MARKED(name, kind, type, field, mark)                                             \
    {                                                                                              \
        (name), (kind), sizeof(((type *)0)->field), offsetof(type, field), offsetof(type, mark)    \
    }
#define OTA_JSON_FIELDS(table) (table), sizeof(table) / sizeof((table)[0])

/**
 * Read the members of `object` that `fields` (at most 32) name into the struct at `into`.
 *
 * OTA_JSON_NUMBER goes to an unsigned integer of 1, 4 or 8 bytes, by the rules of
 * ota_json_u64(), and must fit; OTA_JSON_HEX and OTA_JSON_UUID to an array of bytes; each other
 * kind to a struct ota_json. The field of a member that is absent or null keeps its value; members
 * that no row names are skipped.
 *
 * @return OTA_OK; OTA_E_MALFORMED: no object, a name twice (two readers would disagree about
 *         which counts), a required member absent, a value of another kind; OTA_E_RANGE: a number
 *         does not fit. Some fields may have been written then.
 */
OTA_MUST_CHECK ota_err_t ota_json_bind(const struct ota_json *object,
                                       const struct ota_json_field *fields, size_t count,
                                       void *into);

/**
 * Find a member by name.
 *
 * @return OTA_OK; OTA_E_NOT_FOUND if it is absent or null, or `object` is not an
 *         object; OTA_E_MALFORMED if the name is there twice.
 */
OTA_MUST_CHECK ota_err_t ota_json_find(const struct ota_json *object, const char *name,
                                       struct ota_json *value);

/** Whether `value` is a string that, with its escapes decoded, equals `text`. */
bool ota_json_is(const struct ota_json *value, struct ota_span text);

/**
 * Decode a string into `out`.
 *
 * @param decoded  out: the characters (UTF-8), inside `out`; not terminated.
 * @return OTA_OK; OTA_E_MALFORMED if it is no string; OTA_E_TOO_LARGE if `out` is too small.
 */
OTA_MUST_CHECK ota_err_t ota_json_string(const struct ota_json *value, struct ota_buf out,
                                         struct ota_span *decoded);

/**
 * Read a whole number >= 0. A string that holds nothing but such a number counts too:
 * the service and its libraries write both.
 *
 * @return OTA_OK; OTA_E_MALFORMED (sign, fraction, exponent, leading zero, other kind);
 *         OTA_E_RANGE above 2^64 - 1.
 */
OTA_MUST_CHECK ota_err_t ota_json_u64(const struct ota_json *value, uint64_t *number);

/**
 * Read a string of exactly two hexadecimal digits a byte (at most 32 bytes); before byte i stands a dash if bit i of
 * `dashes` is set.
 *
 * @return whether it is one; if not, some of `bytes` may have been written.
 */
OTA_MUST_CHECK bool ota_json_hex(const struct ota_json *value, uint32_t dashes, uint8_t *bytes,
                                 size_t count);

#endif
