/*
 * Base64 (RFC 4648, standard alphabet), as signers write it.
 */
#ifndef OTA_BASE64_H
#define OTA_BASE64_H

#include "ota/cursor.h"
#include "ota/err.h"

/** Characters for `len` bytes, padded. */
#define OTA_BASE64_SIZE(len) ((((len) + 2u) / 3u) * 4u)

/**
 * Decode. CR and LF are skipped wherever they stand (signers break lines at 64
 * or 76), missing padding is accepted (all of it, or one of two); too much
 * padding, padding in the middle, bits set behind the last byte and any other
 * character are not.
 *
 * @param out      room; may be the text itself (decoding in place: output never overtakes input).
 * @param decoded  out: the bytes, inside `out`; untouched on error.
 * @return OTA_OK; OTA_E_MALFORMED; OTA_E_TOO_LARGE if `out` is too small.
 */
OTA_MUST_CHECK ota_err_t ota_base64_decode(struct ota_span text, struct ota_buf out,
                                           struct ota_span *decoded);

/** Write `bytes` as base64, padded, without line breaks. */
void ota_base64_write(struct ota_writer *w, struct ota_span bytes);

#endif
