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
 *     err = ota_json_find(doc, "timestamp", &value);
 *     if (err == OTA_OK) { err = ota_json_u64(value, &timestamp); }
 */
#ifndef OTA_JSON_H
#define OTA_JSON_H

#include "ota/cursor.h"
#include "ota/err.h"

/* Nesting: a job document needs five; the rest is room for members that we skip. */
#define OTA_JSON_DEPTH_MAX 32u

enum ota_json_kind {
    OTA_JSON_OBJECT,
    OTA_JSON_ARRAY,
    OTA_JSON_STRING,
    OTA_JSON_NUMBER,
    OTA_JSON_TRUE,
    OTA_JSON_FALSE,
    OTA_JSON_NULL,
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

enum ota_json_kind ota_json_kind(struct ota_json value);

/** A cursor over the members of an object or the elements of an array. */
struct ota_json_walk {
    struct ota_reader r;
};

/** Begin before the first member or element; any other kind has none. */
struct ota_json_walk ota_json_walk(struct ota_json container);

/**
 * Step to the next member or element.
 *
 * @param key  out, for objects: the member's name (a string value); untouched for arrays. May be NULL.
 * @return whether there was one.
 */
bool ota_json_next(struct ota_json_walk *w, struct ota_json *key, struct ota_json *value);

/**
 * Find a member by name.
 *
 * @return OTA_OK; OTA_E_NOT_FOUND if it is absent or null, or `object` is not an
 *         object; OTA_E_MALFORMED if the name is there twice (two readers would
 *         disagree about which counts).
 */
OTA_MUST_CHECK ota_err_t ota_json_find(struct ota_json object, const char *name,
                                       struct ota_json *value);

/** Whether `value` is a string that, with its escapes decoded, equals `text`. */
bool ota_json_is(struct ota_json value, struct ota_span text);

/**
 * Decode a string into `out`.
 *
 * @param decoded  out: the characters (UTF-8), inside `out`; not terminated.
 * @return OTA_OK; OTA_E_MALFORMED if it is no string; OTA_E_TOO_LARGE if `out` is too small.
 */
OTA_MUST_CHECK ota_err_t ota_json_string(struct ota_json value, struct ota_buf out,
                                         struct ota_span *decoded);

/**
 * Read a whole number >= 0. A string that holds nothing but such a number counts too:
 * the service and its libraries write both.
 *
 * @return OTA_OK; OTA_E_MALFORMED (sign, fraction, exponent, leading zero, other kind);
 *         OTA_E_RANGE above 2^64 - 1.
 */
OTA_MUST_CHECK ota_err_t ota_json_u64(struct ota_json value, uint64_t *number);

/*
 * Writing. Commas and quotes are the writer's; escaping too. The result is
 * ota_writer_done() of the writer lent at begin. Begin/end must match (asserted).
 */
struct ota_json_out {
    struct ota_writer *w;
    uint32_t open; /* below a leading 1, a bit for each open container: 1 an object; up to 31 */
    bool first, after_key;
};

struct ota_json_out ota_json_out(struct ota_writer *w);
void ota_json_object_begin(struct ota_json_out *o);
void ota_json_object_end(struct ota_json_out *o);
void ota_json_array_begin(struct ota_json_out *o);
void ota_json_array_end(struct ota_json_out *o);
void ota_json_key(struct ota_json_out *o, const char *name);
/** A string value; bytes that are not valid UTF-8 are written as U+FFFD. */
void ota_json_put_string(struct ota_json_out *o, struct ota_span text);
void ota_json_put_str(struct ota_json_out *o, const char *str);
void ota_json_put_u64(struct ota_json_out *o, uint64_t number);
void ota_json_put_bool(struct ota_json_out *o, bool value);
void ota_json_put_null(struct ota_json_out *o);
/** A value that is JSON already. */
void ota_json_put_raw(struct ota_json_out *o, struct ota_span json);
/** A string value of base64 (padded, no line breaks). */
void ota_json_put_base64(struct ota_json_out *o, struct ota_span bytes);

#endif
