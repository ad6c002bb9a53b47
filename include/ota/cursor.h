/*
 * Cursors that fail once.
 *
 * A reader walks over untrusted bytes. The first read past the end sets `bad`
 * and each later read gives zero, so a parser reads all its fields and asks
 * once. A writer is the same for output: after the first byte that does not
 * fit, `bad` is set and nothing more is written.
 */
#ifndef OTA_CURSOR_H
#define OTA_CURSOR_H

#include "ota/span.h"

struct ota_reader {
    const uint8_t *at, *end;
    bool bad;
};

struct ota_reader ota_reader(struct ota_span in);
uint8_t ota_read_u8(struct ota_reader *r);
uint16_t ota_read_u16le(struct ota_reader *r);
uint32_t ota_read_u32le(struct ota_reader *r);
uint64_t ota_read_u64le(struct ota_reader *r);

/** The most significant byte first; `size` is 1, 2, 4 or 8. */
uint64_t ota_read_be(struct ota_reader *r, size_t size);

/** The next `len` bytes, borrowed from the input; empty once bad. */
struct ota_span ota_read_bytes(struct ota_reader *r, size_t len);

/** Bytes not read yet; 0 once bad. */
size_t ota_reader_left(const struct ota_reader *r);

struct ota_writer {
    uint8_t *begin, *at, *end;
    bool bad;
};

struct ota_writer ota_writer(struct ota_buf out);
void ota_write_u8(struct ota_writer *w, uint8_t value);
void ota_write_u16le(struct ota_writer *w, uint16_t value);
void ota_write_u32le(struct ota_writer *w, uint32_t value);
void ota_write_u64le(struct ota_writer *w, uint64_t value);

/** The low `size` (1 ..= 8) bytes of `value`, the most significant one first. */
void ota_write_be(struct ota_writer *w, size_t size, uint64_t value);

/** All of `bytes`, or none of them and `bad`. */
void ota_write_bytes(struct ota_writer *w, struct ota_span bytes);

/** The characters of `str`, without its terminator. */
void ota_write_str(struct ota_writer *w, const char *str);

/** `value` in decimal, without leading zeros. */
void ota_write_decimal(struct ota_writer *w, uint64_t value);

/** `value` as exactly `digits` (1 ..= 8) lower-case hexadecimal digits; higher ones are cut off. */
void ota_write_hex(struct ota_writer *w, uint32_t value, unsigned digits);

/** What has been written; empty once bad, so that half a message is never sent. */
struct ota_span ota_writer_done(const struct ota_writer *w);

#endif
