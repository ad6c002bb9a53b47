#include "ota/cbor.h"
#include "utf8.h"

/*
 * The first byte of an item: its kind (3 bits; enum ota_cbor_kind has their values) and how its
 * number is given (5 bits).
 */
#define INFO_1_BYTE     24u /* the number follows in 1, 2, 4 or 8 bytes: 24 ..= 27 */
#define INFO_8_BYTES    27u
#define INFO_INDEFINITE 31u
#define BREAK           0xffu
#define SIMPLE_1_BYTE   0xf8u

/* Added to the kind of an array or a map that ends with a break; of SIMPLE it makes the break. */
#define INDEFINITE        8u
#define MAY_BE_INDEFINITE (1u << OTA_CBOR_ARRAY | 1u << OTA_CBOR_MAP | 1u << OTA_CBOR_SIMPLE)

/* --- reading heads ----------------------------------------------------------- */

/* From now on there is nothing left to read. */
static void fail(struct ota_cbor *c, ota_err_t err)
{
    c->r.bad = true;
    if (c->err == OTA_OK) {
        c->err = err;
    }
}

/* Lengths and counts are below or at the number of bytes left: each byte or element takes at least one. */
static bool fits(const struct ota_cbor *c, unsigned kind, uint64_t number)
{
    const bool counts = kind >= OTA_CBOR_BYTES && kind <= OTA_CBOR_MAP;
    return !counts || number <= ota_reader_left(&c->r) >> (kind == OTA_CBOR_MAP);
}

/*
 * One head, checked: its kind, and its number or UINT64_MAX if it has none. After a failure
 * the number is 0.
 */
static unsigned read_head(struct ota_cbor *c, uint64_t *number)
{
    const uint8_t first = ota_read_u8(&c->r);
    const unsigned info = first & 31u;
    unsigned kind = first >> 5;
    uint64_t n = info;
    ota_err_t err = OTA_OK;
    if (info >= INFO_1_BYTE && info <= INFO_8_BYTES) {
        n = ota_read_be(&c->r, (size_t)1 << (info - INFO_1_BYTE));
    }
    if (info == INFO_INDEFINITE && (MAY_BE_INDEFINITE >> kind & 1u) != 0) {
        kind += INDEFINITE;
        n = UINT64_MAX;
    } else if (info > INFO_8_BYTES || (first == SIMPLE_1_BYTE && n < 32)) {
        err = OTA_E_MALFORMED; /* simple values below 32 have no second form (RFC 8949, 3.3) */
    } else if (!fits(c, kind, n)) {
        err = OTA_E_TRUNCATED;
    }
    if (c->r.bad) {
        err = OTA_E_TRUNCATED;
    }
    if (err != OTA_OK) {
        fail(c, err);
        n = 0;
    }
    *number = n;
    return kind;
}

/* The number of a head that must be of this kind; UINT64_MAX: the container ends with a break. */
static uint64_t read_head_of(struct ota_cbor *c, unsigned kind)
{
    uint64_t number;
    if ((read_head(c, &number) & 7u) == kind) {
        return number;
    }
    fail(c, OTA_E_MALFORMED);
    return 0;
}

/* --- reading ------------------------------------------------------------------ */

struct ota_cbor ota_cbor(struct ota_span in)
{
    struct ota_cbor c;
    c.r = ota_reader(in);
    c.err = OTA_OK;
    return c;
}

enum ota_cbor_kind ota_cbor_peek(const struct ota_cbor *c)
{
    if (ota_reader_left(&c->r) == 0) {
        return OTA_CBOR_NONE;
    }
    const uint8_t first = *c->r.at;
    return first == BREAK ? OTA_CBOR_BREAK : (enum ota_cbor_kind)(first >> 5);
}

uint64_t ota_cbor_u64(struct ota_cbor *c)
{
    return read_head_of(c, OTA_CBOR_UINT);
}

struct ota_span ota_cbor_bytes(struct ota_cbor *c)
{
    return ota_read_bytes(&c->r, (size_t)read_head_of(c, OTA_CBOR_BYTES));
}

struct ota_span ota_cbor_text(struct ota_cbor *c)
{
    const struct ota_span text = ota_read_bytes(&c->r, (size_t)read_head_of(c, OTA_CBOR_TEXT));
    struct ota_reader r = ota_reader(text);
    while (ota_reader_left(&r) > 0) {
        if (ota_utf8_read(&r) == OTA_UTF8_INVALID) {
            fail(c, OTA_E_MALFORMED);
            return OTA_SPAN_NONE;
        }
    }
    return text;
}

struct ota_cbor_map ota_cbor_map(struct ota_cbor *c)
{
    return (struct ota_cbor_map){ (size_t)read_head_of(c, OTA_CBOR_MAP) };
}

struct ota_cbor_map ota_cbor_array(struct ota_cbor *c)
{
    return (struct ota_cbor_map){ (size_t)read_head_of(c, OTA_CBOR_ARRAY) };
}

bool ota_cbor_next_element(struct ota_cbor *c, struct ota_cbor_map *array)
{
    if (array->left == SIZE_MAX && ota_cbor_peek(c) == OTA_CBOR_BREAK) {
        c->r.at++;
        array->left = 0;
    }
    if (c->err != OTA_OK || array->left == 0) {
        return false;
    }
    if (array->left != SIZE_MAX) {
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

/*
 * A container that is being skipped. `left` counts its own head, and keys and values alike: to
 * come, or of an indefinite one 0 minus those seen.
 */
struct level {
    size_t left;
    unsigned kind;
};

static struct level level_of(unsigned kind, uint64_t number)
{
    if (kind >= INDEFINITE) {
        return (struct level){ 0, kind };
    }
    return (struct level){ (size_t)number * (kind == OTA_CBOR_MAP ? 2u : 1u) + 1u, kind };
}

/* A break ends an indefinite container; in a map only behind a value. */
static bool may_break(const struct level *l)
{
    return l->kind == OTA_CBOR_ARRAY + INDEFINITE ||
           (l->kind == OTA_CBOR_MAP + INDEFINITE && l->left % 2u != 0);
}

void ota_cbor_skip(struct ota_cbor *c)
{
    struct level levels[OTA_CBOR_DEPTH_MAX + 1u], *innermost = levels;
    unsigned before = OTA_CBOR_SIMPLE;
    *innermost = (struct level){ 1, OTA_CBOR_ARRAY };
    while (levels[0].left > 0) {
        uint64_t number;
        const unsigned kind = read_head(c, &number);
        if (c->err != OTA_OK) {
            return;
        }
        if (kind == OTA_CBOR_BYTES || kind == OTA_CBOR_TEXT) {
            (void)ota_read_bytes(&c->r, (size_t)number);
        } else if (kind % INDEFINITE == OTA_CBOR_ARRAY || kind % INDEFINITE == OTA_CBOR_MAP) {
            if (innermost == &levels[OTA_CBOR_DEPTH_MAX]) {
                fail(c, OTA_E_DEPTH);
                return;
            }
            *++innermost = level_of(kind, number);
        } else if (kind == OTA_CBOR_SIMPLE + INDEFINITE) {
            if (before == OTA_CBOR_TAG || !may_break(innermost)) {
                fail(c, OTA_E_MALFORMED);
                return;
            }
            innermost--;
        }
        before = kind;
        /* A tag says what the next item is. Any other item is complete, and so are the containers that it fills. */
        while (kind != OTA_CBOR_TAG && --innermost->left == 0 && innermost > levels) {
            innermost--;
        }
    }
}

ota_err_t ota_cbor_end(const struct ota_cbor *c)
{
    if (c->err != OTA_OK) {
        return c->err;
    }
    return ota_reader_left(&c->r) > 0 ? OTA_E_MALFORMED : OTA_OK;
}

/* --- writing -------------------------------------------------------------------- */

void ota_cbor_put_head(struct ota_writer *w, enum ota_cbor_kind kind, uint64_t number)
{
    const uint32_t low = (uint32_t)number;
    unsigned info = low;
    size_t size = 0; /* of the number behind the first byte */
    if (number >= INFO_1_BYTE) {
        const unsigned doublings = number != low ? 3 : low > UINT16_MAX ? 2 : low > UINT8_MAX;
        info = INFO_1_BYTE + doublings;
        size = (size_t)1 << doublings;
    }
    ota_write_u8(w, (uint8_t)((unsigned)kind << 5 | info));
    ota_write_be(w, size, number);
}
