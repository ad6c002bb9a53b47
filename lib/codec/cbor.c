#include "ota/cbor.h"
#include "utf8.h"

/* The first byte of an item: a major type (3 bits) and how its number is given (5 bits). */
enum {
    MAJOR_UINT,
    MAJOR_NEGATIVE,
    MAJOR_BYTES,
    MAJOR_TEXT,
    MAJOR_ARRAY,
    MAJOR_MAP,
    MAJOR_TAG,
    MAJOR_SIMPLE
};
#define INFO_1_BYTE     24u /* the number follows in 1, 2, 4 or 8 bytes: 24 ..= 27 */
#define INFO_8_BYTES    27u
#define INFO_INDEFINITE 31u
#define BREAK           0xffu

struct head {
    uint8_t major;
    bool indefinite; /* of major 7: the break */
    uint64_t number;
};

/* --- reading heads ----------------------------------------------------------- */

static void fail(struct ota_cbor *c, ota_err_t err)
{
    if (c->err == OTA_OK) {
        c->err = err;
    }
}

static uint64_t read_number(struct ota_reader *r, uint8_t info)
{
    switch (info) {
    case 24: return ota_read_u8(r);
    case 25: return ota_read_be(r, 2);
    case 26: return ota_read_be(r, 4);
    case 27: return ota_read_be(r, 8);
    default: return info;
    }
}

/* Lengths and counts are below or at the number of bytes left: each byte or element takes at least one. */
static bool fits(const struct ota_cbor *c, const struct head *h)
{
    const bool counts = h->major >= MAJOR_BYTES && h->major <= MAJOR_MAP;
    const size_t left = ota_reader_left(&c->r);
    return !counts || h->number <= (h->major == MAJOR_MAP ? left / 2u : left);
}

static bool may_be_indefinite(uint8_t major)
{
    return major == MAJOR_ARRAY || major == MAJOR_MAP || major == MAJOR_SIMPLE;
}

/* One head, checked; after a failure a zero that the caller must not look at. */
static struct head read_head(struct ota_cbor *c)
{
    struct head h = { 0 };
    if (c->err != OTA_OK) {
        return h;
    }
    const uint8_t first = ota_read_u8(&c->r);
    const uint8_t info = first & 31u;
    h.major = first >> 5;
    h.indefinite = info == INFO_INDEFINITE;
    if (h.indefinite ? !may_be_indefinite(h.major) : info > INFO_8_BYTES) {
        fail(c, OTA_E_MALFORMED);
        return h;
    }
    h.number = h.indefinite ? 0 : read_number(&c->r, info);
    if (c->r.bad || !fits(c, &h)) {
        fail(c, OTA_E_TRUNCATED);
    } else if (h.major == MAJOR_SIMPLE && info == INFO_1_BYTE && h.number < 32) {
        fail(c, OTA_E_MALFORMED); /* simple values below 32 have no second form (RFC 8949, 3.3) */
    }
    return h;
}

static struct head read_head_of(struct ota_cbor *c, uint8_t major)
{
    const struct head h = read_head(c);
    if (c->err == OTA_OK && h.major == major) {
        return h;
    }
    fail(c, OTA_E_MALFORMED);
    return (struct head){ 0 };
}

/* --- reading ------------------------------------------------------------------ */

struct ota_cbor ota_cbor(struct ota_span in)
{
    return (struct ota_cbor){ .r = ota_reader(in), .err = OTA_OK };
}

enum ota_cbor_kind ota_cbor_peek(const struct ota_cbor *c)
{
    if (c->err != OTA_OK || ota_reader_left(&c->r) == 0) {
        return OTA_CBOR_NONE;
    }
    const uint8_t first = *c->r.at;
    if (first == BREAK) {
        return OTA_CBOR_BREAK;
    }
    return (enum ota_cbor_kind)(first >> 5);
}
_Static_assert((int)OTA_CBOR_UINT == MAJOR_UINT && (int)OTA_CBOR_SIMPLE == MAJOR_SIMPLE,
               "kinds are majors");

uint64_t ota_cbor_u64(struct ota_cbor *c)
{
    return read_head_of(c, MAJOR_UINT).number;
}

struct ota_span ota_cbor_bytes(struct ota_cbor *c)
{
    const struct head h = read_head_of(c, MAJOR_BYTES);
    return ota_read_bytes(&c->r, (size_t)h.number);
}

struct ota_span ota_cbor_text(struct ota_cbor *c)
{
    const struct head h = read_head_of(c, MAJOR_TEXT);
    const struct ota_span text = ota_read_bytes(&c->r, (size_t)h.number);
    struct ota_reader r = ota_reader(text);
    while (ota_reader_left(&r) > 0) {
        if (ota_utf8_read(&r) == OTA_UTF8_INVALID) {
            fail(c, OTA_E_MALFORMED);
            return OTA_SPAN_NONE;
        }
    }
    return text;
}

static struct ota_cbor_map enter(struct ota_cbor *c, uint8_t major)
{
    const struct head h = read_head_of(c, major);
    return (struct ota_cbor_map){ .left = h.number, .indefinite = h.indefinite };
}

struct ota_cbor_map ota_cbor_map(struct ota_cbor *c)
{
    return enter(c, MAJOR_MAP);
}

struct ota_cbor_map ota_cbor_array(struct ota_cbor *c)
{
    return enter(c, MAJOR_ARRAY);
}

bool ota_cbor_next_element(struct ota_cbor *c, struct ota_cbor_map *array)
{
    if (array->indefinite && ota_cbor_peek(c) == OTA_CBOR_BREAK) {
        (void)ota_read_u8(&c->r);
        *array = (struct ota_cbor_map){ 0 };
    }
    if (c->err != OTA_OK || (!array->indefinite && array->left == 0)) {
        return false;
    }
    if (!array->indefinite) {
        array->left--;
    }
    return true;
}

bool ota_cbor_next_key(struct ota_cbor *c, struct ota_cbor_map *map, struct ota_span *key)
{
    if (!ota_cbor_next_element(c, map)) {
        return false;
    }
    const struct ota_span text = ota_cbor_text(c);
    if (c->err != OTA_OK) {
        return false;
    }
    *key = text;
    return true;
}

/* --- skipping ------------------------------------------------------------------ */

/* A container that is being skipped. `items`, keys and values alike: to come, or seen if indefinite. */
struct level {
    size_t items;
    bool indefinite, map;
};

/* The head of the next item itself, behind its tags. A tag says what the item is; a break is none. */
static struct head read_untagged_head(struct ota_cbor *c)
{
    struct head h = read_head(c);
    bool tagged = false;
    while (c->err == OTA_OK && h.major == MAJOR_TAG) {
        tagged = true;
        h = read_head(c);
    }
    if (tagged && h.major == MAJOR_SIMPLE && h.indefinite) {
        fail(c, OTA_E_MALFORMED);
    }
    return h;
}

/* A break ends an indefinite container; in a map only behind a value. */
static bool may_break(const struct level *innermost)
{
    return innermost->indefinite && !(innermost->map && innermost->items % 2u != 0);
}

/* One more item is complete: so are those containers of which it was the last. Returns the depth left. */
static unsigned count_item(struct level *levels, unsigned depth)
{
    while (depth > 0) {
        struct level *innermost = &levels[depth - 1];
        if (innermost->indefinite) {
            innermost->items++;
            break;
        }
        if (--innermost->items > 0) {
            break;
        }
        depth--;
    }
    return depth;
}

static struct level level_of(const struct head *h)
{
    const bool map = h->major == MAJOR_MAP;
    return (struct level){ (size_t)h->number * (map ? 2u : 1u), h->indefinite, map };
}

void ota_cbor_skip(struct ota_cbor *c)
{
    struct level levels[OTA_CBOR_DEPTH_MAX];
    unsigned depth = 0;
    do {
        const struct head h = read_untagged_head(c);
        if (c->err != OTA_OK) {
            return;
        }
        if (h.major == MAJOR_BYTES || h.major == MAJOR_TEXT) {
            (void)ota_read_bytes(&c->r, (size_t)h.number);
        } else if (h.major == MAJOR_ARRAY || h.major == MAJOR_MAP) {
            if (depth == OTA_CBOR_DEPTH_MAX) {
                fail(c, OTA_E_DEPTH);
                return;
            }
            levels[depth] = level_of(&h);
            if (h.indefinite || h.number > 0) {
                depth++;
                continue;
            }
        } else if (h.major == MAJOR_SIMPLE && h.indefinite) {
            if (depth == 0 || !may_break(&levels[depth - 1])) {
                fail(c, OTA_E_MALFORMED);
                return;
            }
            depth--;
        }
        depth = count_item(levels, depth);
    } while (depth > 0);
}

ota_err_t ota_cbor_end(const struct ota_cbor *c)
{
    if (c->err != OTA_OK) {
        return c->err;
    }
    return ota_reader_left(&c->r) > 0 ? OTA_E_MALFORMED : OTA_OK;
}

/* --- writing -------------------------------------------------------------------- */

static void put_head(struct ota_writer *w, uint8_t major, uint64_t number)
{
    const uint8_t first = (uint8_t)(major << 5);
    if (number < INFO_1_BYTE) {
        ota_write_u8(w, (uint8_t)(first | number));
    } else if (number <= UINT8_MAX) {
        ota_write_u8(w, first | 24u);
        ota_write_u8(w, (uint8_t)number);
    } else if (number <= UINT16_MAX) {
        ota_write_u8(w, first | 25u);
        ota_write_be(w, 2, number);
    } else if (number <= UINT32_MAX) {
        ota_write_u8(w, first | 26u);
        ota_write_be(w, 4, number);
    } else {
        ota_write_u8(w, first | 27u);
        ota_write_be(w, 8, number);
    }
}

void ota_cbor_put_map(struct ota_writer *w, uint64_t pair_count)
{
    put_head(w, MAJOR_MAP, pair_count);
}

void ota_cbor_put_array(struct ota_writer *w, uint64_t count)
{
    put_head(w, MAJOR_ARRAY, count);
}

void ota_cbor_put_u64(struct ota_writer *w, uint64_t number)
{
    put_head(w, MAJOR_UINT, number);
}

void ota_cbor_put_text(struct ota_writer *w, struct ota_span text)
{
    put_head(w, MAJOR_TEXT, text.len);
    ota_write_bytes(w, text);
}

void ota_cbor_put_bytes(struct ota_writer *w, struct ota_span bytes)
{
    put_head(w, MAJOR_BYTES, bytes.len);
    ota_write_bytes(w, bytes);
}
