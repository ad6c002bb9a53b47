/*
 * UTF-8 (RFC 3629), one character at a time; private to the codecs.
 */
#ifndef OTA_UTF8_H
#define OTA_UTF8_H

#include "ota/cursor.h"

/** No character: behind the last code point. */
#define OTA_UTF8_INVALID UINT32_MAX

/** ota_read_u8(), in fewer steps: each byte of each text comes this way. */
uint8_t ota_utf8_byte(struct ota_reader *r);

/**
 * The next character's code point; OTA_UTF8_INVALID for bytes that are no UTF-8: too long
 * a form, a surrogate, above U+10FFFF. If the input ends first, `r` is bad as well.
 */
uint32_t ota_utf8_read(struct ota_reader *r);

/** Write a code point that ota_utf8_read() could return. */
void ota_utf8_write(struct ota_writer *w, uint32_t code);

#endif
