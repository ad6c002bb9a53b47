/*
 * Stream: fetch ranges of one file, block by block, over an MQTT file stream.
 *
 * Knows which blocks are here, which to ask for next, and when to ask again.
 * Knows nothing of sockets, clocks, flash or tasks: the caller carries the
 * bytes, tells the time, and stores the blocks.
 *
 * At most `window` blocks are on their way, and none is asked for that lies 256
 * or more behind the first one missing: memory is bounded, not the file.
 * Requests overlap: when half of the window has come, the next half is asked
 * for, so the link never idles. A block that comes proves that those asked for
 * some places before it and still missing are lost: they are asked for again at
 * once. Silence is answered by asking again, with a back-off that grows to
 * retry_ms_max and never ends.
 *
 *            ota_stream_fetch      last block of the range stored
 *   IDLE ----------------------> FETCHING -------------------------> IDLE
 *
 * Source: AWS IoT developer guide, "MQTT-based file delivery".
 */
#ifndef OTA_STREAM_H
#define OTA_STREAM_H

#include "ota/backoff.h"
#include "ota/block.h"
#include "ota/effect.h"
#include "ota/wire.h"

/* Blocks in flight: four bits of state each. 256 blocks of 512 bytes are the service's 128 KiB. */
#define OTA_STREAM_WINDOW_MAX 256u
/* AWS: block offsets end at 98,304. */
#define OTA_STREAM_BLOCK_COUNT_MAX 98305u

struct ota_stream_cfg {
    struct ota_span root, thing, stream; /* lent for the life of the context */
    uint8_t file_id;
    uint32_t version;    /* of the stream: another one is refused; 0: whichever it is */
    uint32_t file_size;  /* bytes, > 0 */
    uint32_t block_size; /* bytes, OTA_STREAM_BLOCK_MIN ..= OTA_STREAM_BLOCK_MAX, a power of two */
    uint32_t window;     /* blocks, 1 ..= OTA_STREAM_WINDOW_MAX */
    enum ota_format format;
    uint32_t retry_ms_min; /* first silence that is too long, > 0 */
    uint32_t retry_ms_max; /* >= min */
    uint32_t seed;         /* jitter */
};

struct ota_stream_stats {
    uint32_t requests, blocks, duplicates, refused, losses, silences, rejected;
};

/* Open so that the caller can give it a home; private to lib/stream. */
struct ota_stream {
    struct ota_stream_cfg cfg;
    uint32_t block_count; /* of the file */
    uint32_t burst;       /* blocks that one request may ask for */
    uint32_t first;       /* every block of the range below it is stored */
    uint32_t end;         /* the range ends before this block; first == end: IDLE */
    uint32_t asked_end;   /* from here on nothing has been asked for */
    uint32_t mark;        /* from here on, first asked for after the older ones asked for again */
    uint32_t in_flight;   /* asked for and not here, nor known to be lost */
    uint32_t silences;    /* in a row */
    ota_ms_t deadline;
    struct ota_stream_stats stats;
    struct ota_backoff backoff;
    uint16_t count[6];                          /* of blocks at each place but the first */
    uint8_t places[OTA_STREAM_WINDOW_MAX / 2u]; /* a ring by block number: half a byte a block */
};

/**
 * @return OTA_OK, idle; OTA_E_RANGE if a number in `cfg` is outside its limits or the file has more
 *         blocks than the service can address (98,305); OTA_E_NAME if the stream's name is no legal one.
 */
OTA_MUST_CHECK ota_err_t ota_stream_init(struct ota_stream *s, const struct ota_stream_cfg *cfg);

/**
 * Fetch the blocks that hold bytes `begin` ..< `end` (begin < end <= file_size). Replaces the
 * range before; blocks of that one that still arrive count as duplicates.
 */
void ota_stream_fetch(struct ota_stream *s, uint32_t begin, uint32_t end);

/** Nothing left to fetch. */
bool ota_stream_idle(const struct ota_stream *s);

/** Bytes of the file below which every block of the range is stored: what a resumption can start from. */
uint32_t ota_stream_stored_below(const struct ota_stream *s);

/** The link came back: what is in flight is lost; ask at once. */
void ota_stream_reconnected(struct ota_stream *s);

/** At most one effect (PUBLISH, QoS 0) a call; call again until it returns false. */
bool ota_stream_poll(struct ota_stream *s, ota_ms_t now, const struct ota_scratch *scratch,
                     struct ota_effect *effect);

/**
 * Read one message of a stream topic (data or rejected) of this stream.
 *
 * @param room   for decoding JSON's base64: one block; unused for CBOR.
 * @param block  out, on OTA_OK: the block to store now. Not counted as here before
 *               ota_stream_stored(): forget that, and the download stalls; it never ends with a hole.
 * @return OTA_OK; OTA_E_NOT_FOUND if the provider says that stream or file is gone, or that the
 *         request is illegal (ask for the job again); else class PEER and only stats have changed:
 *         another stream's, a wrong file, a block outside the file, a wrong length, malformed.
 */
OTA_MUST_CHECK ota_err_t ota_stream_on_message(struct ota_stream *s, const struct ota_topic *topic,
                                               struct ota_span payload, struct ota_buf room,
                                               struct ota_block *block);

/** The block at `offset` is safe. Twice, or outside the window, is harmless. */
void ota_stream_stored(struct ota_stream *s, uint32_t offset, ota_ms_t now);

/** 0: poll at once; OTA_NEVER: idle. */
ota_ms_t ota_stream_deadline(const struct ota_stream *s);

#endif
