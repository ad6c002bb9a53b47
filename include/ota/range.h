/*
 * Range: fetch ranges of one file over HTTP.
 *
 * One request at a time, of request_size bytes: from single blocks to all that
 * is missing in one response that is streamed into the store. Knows what to ask
 * for next, what an answer is worth, and when to ask again. Knows nothing of
 * URLs, sockets, TLS or flash: the caller sends `GET` with `Range: bytes=a-b`,
 * carries the bytes, tells the time, and stores the blocks.
 *
 *            ota_range_fetch          poll           head 206            last byte
 *   IDLE ---------------------> DUE --------> ASKED ----------> BODY ---------------+
 *                                ^              |                |                  |
 *                                +-- silence, refusal, early end-+   more is missing: DUE
 *                                                                    else: IDLE
 *
 * The bytes of a response come in order, so what is stored is one piece; a
 * response that ends early or turns out wrong costs what was not stored of it.
 *
 * Source: RFC 9110, sections 14 and 15.3.7.
 */
#ifndef OTA_RANGE_H
#define OTA_RANGE_H

#include "ota/backoff.h"
#include "ota/block.h"
#include "ota/err.h"

struct ota_range_cfg {
    uint32_t file_size;  /* bytes, > 0 */
    uint32_t block_size; /* bytes that are stored at once: a power of two */
    uint32_t
        request_size; /* bytes of a request: a multiple of block_size; UINT32_MAX: all at once */
    uint32_t retry_ms_min; /* first silence that is too long, > 0 */
    uint32_t retry_ms_max; /* >= min */
    uint32_t seed;         /* jitter */
};

struct ota_range_stats {
    uint32_t requests, blocks, refused, silences;
};

/* Open so that the caller can give it a home; private to lib/range. */
struct ota_range {
    enum { OTA_RANGE_IDLE, OTA_RANGE_DUE, OTA_RANGE_ASKED, OTA_RANGE_BODY } state;
    uint32_t stored; /* every byte of the range below it is stored; at the begin of a block */
    uint32_t end;    /* of the range; stored == end: IDLE */
    uint32_t got;    /* bytes below it came with the open response; >= stored */
    uint32_t asked;  /* the open request ends before this byte */
    uint32_t silences;
    ota_ms_t deadline; /* DUE: do not ask before; else: when silence is too long */
    struct ota_backoff backoff;
    struct ota_range_cfg cfg;
    struct ota_range_stats stats;
};

/** A request to send: both bytes inclusive, as in the header field. Whatever was open is to be given up. */
struct ota_range_request {
    uint32_t first, last;
};

/** Begin idle. Limits in `cfg` are the caller's own: asserted. */
void ota_range_init(struct ota_range *r, const struct ota_range_cfg *cfg);

/** Fetch the blocks that hold bytes `begin` ..< `end` (begin < end <= file_size). Replaces the range before. */
void ota_range_fetch(struct ota_range *r, uint32_t begin, uint32_t end);

/** Nothing left to fetch. */
bool ota_range_idle(const struct ota_range *r);

/** Nothing is wanted any more. */
void ota_range_stop(struct ota_range *r);

/** A new URL, or the network came back: what is open is lost; ask at once. */
void ota_range_renewed(struct ota_range *r);

/** @return whether `request` is to be sent now. */
bool ota_range_poll(struct ota_range *r, ota_ms_t now, struct ota_range_request *request);

/**
 * Read a response's head.
 *
 * @param status         of HTTP, after redirects.
 * @param content_range  value of the field Content-Range; empty if there is none.
 * @return OTA_OK: the body is wanted (206 for what was asked, or 200 for a request that began at the
 *         file's first byte: then the whole file follows); else give the transfer up. OTA_E_NOT_FOUND: this URL is of no use any more
 *         (401, 403, 404, 410): fetch a new one through the job; OTA_E_BUSY: the server cannot just now
 *         (429, 5xx); OTA_E_RANGE: it answered something else than it was asked: it can do no ranges,
 *         or its file is another. Asked again after a back-off all the same.
 */
OTA_MUST_CHECK ota_err_t ota_range_on_head(struct ota_range *r, uint32_t status,
                                           struct ota_span content_range, ota_ms_t now);

/**
 * Take bytes of the body: as many as make up one block. Call again with what is left.
 *
 * @param body   in, out: what came; shortened by what was taken.
 * @param room   for a block that came in pieces: one block, the same memory until the response ends.
 * @param block  out: the block to store now; data empty: not whole yet. Not counted as here before ota_range_stored().
 * @return OTA_OK; OTA_E_TOO_LARGE: more than was promised: give the transfer up; OTA_E_UNEXPECTED: no body is wanted now.
 */
OTA_MUST_CHECK ota_err_t ota_range_on_body(struct ota_range *r, struct ota_span *body,
                                           struct ota_buf room, struct ota_block *block,
                                           ota_ms_t now);

/** The block at `offset` is safe. Any but the next one is ignored. */
void ota_range_stored(struct ota_range *r, uint32_t offset);

/** The transfer is over, well or not: what is missing is asked for again. */
void ota_range_ended(struct ota_range *r, ota_ms_t now);

/** 0: poll at once; OTA_NEVER: idle. */
ota_ms_t ota_range_deadline(const struct ota_range *r);

#endif
