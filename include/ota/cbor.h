/*
 * CBOR (RFC 8949), as far as MQTT file streams need it: a pull reader that
 * fails once, and a writer.
 *
 *     struct ota_cbor c = ota_cbor(payload);
 *     struct ota_cbor_map map = ota_cbor_map(&c);
 *     while (ota_cbor_next_key(&c, &map, &key)) {
 *         if (ota_span_eq(key, OTA_SPAN_LIT("f"))) { file = ota_cbor_u64(&c); }
 *         else                                     { ota_cbor_skip(&c); }
 *     }
 *     if (ota_cbor_end(&c) != OTA_OK) ...
 *
 * Maps and arrays may have definite or indefinite length; strings of
 * indefinite length are refused (no service sends them). Floats and tags are
 * skipped over, never read.
 */
#ifndef OTA_CBOR_H
#define OTA_CBOR_H

#include "ota/cursor.h"
#include "ota/err.h"

#define OTA_CBOR_DEPTH_MAX 16u

struct ota_cbor {
    struct ota_reader r;
    ota_err_t err; /* the first failure; sticky */
};

struct ota_cbor_map {
    size_t left; /* pairs or elements; SIZE_MAX: it ends with a break */
};

/** Kind of the item that comes next; OTA_CBOR_NONE at the end or after a failure. */
enum ota_cbor_kind {
    OTA_CBOR_UINT,
    OTA_CBOR_NEGATIVE,
    OTA_CBOR_BYTES,
    OTA_CBOR_TEXT,
    OTA_CBOR_ARRAY,
    OTA_CBOR_MAP,
    OTA_CBOR_TAG,
    OTA_CBOR_SIMPLE,
    OTA_CBOR_BREAK,
    OTA_CBOR_NONE,
};

struct ota_cbor ota_cbor(struct ota_span in);
enum ota_cbor_kind ota_cbor_peek(const struct ota_cbor *c);

/** Each reads one item of its kind; another kind sets err to OTA_E_MALFORMED and gives zero or nothing. */
uint64_t ota_cbor_u64(struct ota_cbor *c);
struct ota_span ota_cbor_bytes(struct ota_cbor *c);
struct ota_span ota_cbor_text(struct ota_cbor *c); /* UTF-8 is checked */
struct ota_cbor_map ota_cbor_map(struct ota_cbor *c);

/** The next key (text), the cursor then before its value; false at the map's end or after a failure. */
bool ota_cbor_next_key(struct ota_cbor *c, struct ota_cbor_map *map, struct ota_span *key);

/** The same for an array: entered by ota_cbor_array(), true while an element comes. */
struct ota_cbor_map ota_cbor_array(struct ota_cbor *c);
bool ota_cbor_next_element(struct ota_cbor *c, struct ota_cbor_map *array);

/**
 * Skip one item with all that is inside it: its structure is checked, not its characters.
 * More than OTA_CBOR_DEPTH_MAX containers in one another: OTA_E_DEPTH.
 */
void ota_cbor_skip(struct ota_cbor *c);

/** The first failure; bytes left over count as OTA_E_MALFORMED. */
OTA_MUST_CHECK ota_err_t ota_cbor_end(const struct ota_cbor *c);

/* Writing, shortest form; the sticky failure is the writer's. */

/** The head of an item: what kind, and its number: the value, or how many bytes, elements, pairs follow. */
void ota_cbor_put_head(struct ota_writer *w, enum ota_cbor_kind kind, uint64_t number);

static inline void ota_cbor_put_map(struct ota_writer *w, uint64_t pair_count)
{
    ota_cbor_put_head(w, OTA_CBOR_MAP, pair_count);
}

static inline void ota_cbor_put_array(struct ota_writer *w, uint64_t count)
{
    ota_cbor_put_head(w, OTA_CBOR_ARRAY, count);
}

static inline void ota_cbor_put_u64(struct ota_writer *w, uint64_t number)
{
    ota_cbor_put_head(w, OTA_CBOR_UINT, number);
}

static inline void ota_cbor_put_text(struct ota_writer *w, struct ota_span text)
{
    ota_cbor_put_head(w, OTA_CBOR_TEXT, text.len);
    ota_write_bytes(w, text);
}

static inline void ota_cbor_put_bytes(struct ota_writer *w, struct ota_span bytes)
{
    ota_cbor_put_head(w, OTA_CBOR_BYTES, bytes.len);
    ota_write_bytes(w, bytes);
}

#endif
