/*
 * Base64 (RFC 4648, standard alphabet), as signers write it.
 */
#ifndef OTA_BASE64_H
#define OTA_BASE64_H

#include "ota/json.h"

/** Characters for `len` bytes, padded. */
#define OTA_BASE64_SIZE(len) ((((len) + 2u) / 3u) * 4u)

/**
 * Decoding, character by character: what text they stand in is the caller's. CR and LF are skipped
 * wherever they stand (signers break lines at 64 or 76), missing padding is accepted (all of it, or
 * one of two); too much padding, padding in the middle, bits set behind the last byte and any other
 * character are not.
 */
struct ota_base64 {
    struct ota_writer w;
    uint32_t bits;    /* digits shifted in: */
    uint32_t waiting; /* so many of the low bits are not written yet */
    uint32_t pads;
    ota_err_t err;
};

/** @param out  room; may be the text itself: output never overtakes input. */
struct ota_base64 ota_base64(struct ota_buf out);
/** The next character: a code point, of which all but ASCII is refused. */
void ota_base64_put(struct ota_base64 *d, uint32_t c);

/**
 * @param decoded  out: the bytes, inside the room; untouched on error.
 * @return OTA_OK; OTA_E_MALFORMED; OTA_E_TOO_LARGE if the room is too small.
 */
OTA_MUST_CHECK ota_err_t ota_base64_end(const struct ota_base64 *d, struct ota_span *decoded);

/** Decode a string of JSON into `out`. @return as ota_base64_end(); OTA_E_MALFORMED too if it is no string. */
OTA_MUST_CHECK ota_err_t ota_json_base64(const struct ota_json *value, struct ota_buf out,
                                         struct ota_span *decoded);

/* Whole texts: a library of its own (base64_text), since no device needs it. */

/** Decode `text` into `out`; the rest as at ota_base64_end(). */
OTA_MUST_CHECK ota_err_t ota_base64_decode(struct ota_span text, struct ota_buf out,
                                           struct ota_span *decoded);

/** Write `bytes` as base64, padded, without line breaks. */
void ota_base64_write(struct ota_writer *w, struct ota_span bytes);

#endif
