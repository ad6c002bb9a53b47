#include "ota/cursor.h"
#include "ota/assert.h"
#include <string.h>

/* --- reading -------------------------------------------------------------- */

struct ota_reader ota_reader(struct ota_span in)
{
    OTA_ASSERT(in.ptr != NULL || in.len == 0);
    /* C has no sum of a null pointer and zero. */
    return (struct ota_reader){ .at = in.ptr, .end = in.len > 0 ? in.ptr + in.len : in.ptr };
}

size_t ota_reader_left(const struct ota_reader *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->at);
}

struct ota_span ota_read_bytes(struct ota_reader *r, size_t len)
{
    const uint8_t *const bytes = r->at;
    if (len > ota_reader_left(r)) {
        r->bad = true;
    }
    if (r->bad || len == 0) {
        return OTA_SPAN_NONE;
    }
    r->at = bytes + len;
    return (struct ota_span){ bytes, len };
}

/* `flip` 0: the least byte comes first; size - 1: the greatest, since size is a power of two. */
static uint64_t read_number(struct ota_reader *r, size_t size, size_t flip)
{
    const struct ota_span bytes = ota_read_bytes(r, size);
    uint64_t value = 0;
    for (size_t i = bytes.len; i > 0; i--) {
        value = value << 8 | bytes.ptr[(i - 1) ^ flip];
    }
    return value;
}

uint8_t ota_read_u8(struct ota_reader *r)
{
    return (uint8_t)read_number(r, 1, 0);
}

uint16_t ota_read_u16le(struct ota_reader *r)
{
    return (uint16_t)read_number(r, 2, 0);
}

uint32_t ota_read_u32le(struct ota_reader *r)
{
    return (uint32_t)read_number(r, 4, 0);
}

uint64_t ota_read_u64le(struct ota_reader *r)
{
    return read_number(r, 8, 0);
}

uint64_t ota_read_be(struct ota_reader *r, size_t size)
{
    return read_number(r, size, size - 1);
}

/* --- writing -------------------------------------------------------------- */

struct ota_writer ota_writer(struct ota_buf out)
{
    OTA_ASSERT(out.ptr != NULL || out.cap == 0);
    return (struct ota_writer){
        .begin = out.ptr,
        .at = out.ptr,
        .end = out.cap > 0 ? out.ptr + out.cap : out.ptr,
    };
}

void ota_write_bytes(struct ota_writer *w, struct ota_span bytes)
{
    if (bytes.len > (size_t)(w->end - w->at)) {
        w->bad = true;
    }
    if (w->bad || bytes.len == 0) {
        return;
    }
    memcpy(w->at, bytes.ptr, bytes.len);
    w->at += bytes.len;
}

void ota_write_str(struct ota_writer *w, const char *str)
{
    ota_write_bytes(w, ota_span_of_str(str));
}

static void write_number(struct ota_writer *w, size_t size, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)value;
        value >>= 8;
    }
    ota_write_bytes(w, (struct ota_span){ bytes, size });
}

void ota_write_u8(struct ota_writer *w, uint8_t value)
{
    write_number(w, 1, value);
}

void ota_write_u16le(struct ota_writer *w, uint16_t value)
{
    write_number(w, 2, value);
}

void ota_write_u32le(struct ota_writer *w, uint32_t value)
{
    write_number(w, 4, value);
}

void ota_write_u64le(struct ota_writer *w, uint64_t value)
{
    write_number(w, 8, value);
}

void ota_write_be(struct ota_writer *w, size_t size, uint64_t value)
{
    uint8_t bytes[8];
    for (size_t i = sizeof bytes; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
    ota_write_bytes(w, (struct ota_span){ &bytes[sizeof bytes - size], size });
}

/*
 * Divides by ten, with the 32-bit division that small cores have: the compiler's
 * routine for 64 bits is larger than this whole file.
 */
static uint8_t cut_last_digit(uint64_t *value)
{
    const uint32_t high = (uint32_t)(*value >> 32);
    const uint32_t low = (uint32_t)*value;
    const uint32_t middle = (high % 10u) << 16 | low >> 16;
    const uint32_t last = (middle % 10u) << 16 | (low & 0xffffu);
    *value = (uint64_t)(high / 10u) << 32 | (middle / 10u) << 16 | last / 10u;
    return (uint8_t)(last % 10u);
}

void ota_write_decimal(struct ota_writer *w, uint64_t value)
{
    uint8_t digits[20]; /* 2^64 - 1 has twenty */
    size_t first = sizeof digits;
    do {
        digits[--first] = (uint8_t)('0' + cut_last_digit(&value));
    } while (value > 0);
    ota_write_bytes(w, (struct ota_span){ &digits[first], sizeof digits - first });
}

void ota_write_hex(struct ota_writer *w, uint32_t value, unsigned digits)
{
    OTA_ASSERT(digits <= 8);
    while (digits > 0) {
        const uint32_t nibble = value >> (4u * --digits) & 15u;
        ota_write_u8(w, (uint8_t)(nibble < 10 ? '0' + nibble : 'a' + nibble - 10u));
    }
}

struct ota_span ota_writer_done(const struct ota_writer *w)
{
    if (w->bad) {
        return OTA_SPAN_NONE;
    }
    return (struct ota_span){ w->begin, (size_t)(w->at - w->begin) };
}
