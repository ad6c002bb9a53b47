/*
 * Source: where the bytes of a file come from. The orchestrator knows what it wants, a source how it
 * is had: over an MQTT stream, over HTTP ranges, or over what you write yourself.
 *
 * Sources are the caller's, in a list: the first that the job offers is fetched from, the others are
 * what is left when it turns out that asking it again would be in vain.
 *
 *           take        begin               the last byte stored, or stop
 *   (none) ------> IDLE ------> FETCHING ------------------------------> IDLE
 *
 * Memory for the time of a fetch is lent by begin, so that nothing is kept for it while there is none.
 */
#ifndef OTA_SOURCE_H
#define OTA_SOURCE_H

#include "ota/block.h"
#include "ota/effect.h"
#include "ota/jobdoc.h"
#include "ota/range.h"
#include "ota/stream.h"

struct ota_source;

/** What is fetched, and how. */
struct ota_fetch {
    struct ota_span root, thing; /* topic root and thing name; lent for the life of the source */
    uint32_t begin, end;         /* of the file: the blocks that hold these bytes, begin < end */
    uint32_t file_size, block_size;
    uint32_t window; /* blocks in flight */
    enum ota_format format;
    uint32_t retry_ms_min, retry_ms_max;
    uint32_t seed;
};

/** Room for what a source must know while it fetches, until stop. */
union ota_source_room {
    struct ota_stream stream;
};

/** What came for a source. */
struct ota_arrival {
    enum {
        OTA_ARRIVAL_MESSAGE, /* on a topic of streams */
        OTA_ARRIVAL_HEAD,    /* of a transfer over HTTP: status and Content-Range */
        OTA_ARRIVAL_BODY,    /* a piece of any length */
        OTA_ARRIVAL_ENDED,   /* it is over, well or not */
    } kind;
    struct ota_span bytes; /* payload, Content-Range, piece. In, out: shortened by what was taken */
    const struct ota_topic *topic; /* MESSAGE */
    uint32_t transfer;             /* HEAD, BODY, ENDED: the number that came with the effect */
    uint32_t status;               /* HEAD */
};

struct ota_source_ops {
    uint8_t protocol; /* OTA_PROTOCOL_...: with MQTT it is polled only while subscribed */

    /**
     * A document came: keep of it what it takes to fetch `file`, and set `offered`. Also while fetching.
     * @return whether it is as it was: a fetch that goes on can go on.
     */
    bool (*take)(struct ota_source *s, const struct ota_jobdoc *doc,
                 const struct ota_jobdoc_file *file);

    /** Fetch, of the file that was taken; replaces the fetch before. Error: not from here. */
    ota_err_t (*begin)(struct ota_source *s, union ota_source_room *room,
                       const struct ota_fetch *fetch);

    /** Let go of the room; what still comes is ignored. Also when there is no fetch. */
    void (*stop)(struct ota_source *s);

    /** While fetching: every byte of the range below this one is stored. */
    uint32_t (*stored_below)(const struct ota_source *s);
    /** While fetching: the block at `offset` is safe. */
    void (*stored)(struct ota_source *s, uint32_t offset, ota_ms_t now);
    /** The link came back, or the pause is over: what was on its way is lost. Also when there is no fetch. */
    void (*reconnected)(struct ota_source *s);
    /** Ask for nothing before reconnected; also when there is no fetch. NULL: with the link nothing comes anyway. */
    void (*pause)(struct ota_source *s);

    /**
     * Read what came; not for this source, or late: no block. Called again while bytes are left.
     *
     * @param room   one block, for what has to be decoded or put together.
     * @param block  out, on OTA_OK: to be stored now; data may be empty.
     * @return OTA_OK; OTA_E_NOT_FOUND: what the job said is no longer there, so ask for the job and
     *         begin anew; class PEER: refused, and nothing else.
     */
    ota_err_t (*hear)(struct ota_source *s, struct ota_arrival *arrival, struct ota_buf room,
                      ota_ms_t now, struct ota_block *block);

    /** At most one effect; false when there is no fetch. */
    bool (*poll)(struct ota_source *s, ota_ms_t now, const struct ota_scratch *scratch,
                 struct ota_effect *effect);
    /** 0: poll at once; OTA_NEVER: there is no fetch. */
    ota_ms_t (*deadline)(const struct ota_source *s);
};

/** The first member of each source. */
struct ota_source {
    const struct ota_source_ops *ops;
    struct ota_source *next; /* the one to fall back on; NULL: none */
    bool offered;            /* the newest document offers it */
    bool stale;              /* set by hear: ask for the job; what take then gives it will do */
    uint8_t strikes; /* against it, since the last block that was stored; see OTA_SOURCE_VAIN */
};

/* When to try another: after eight faults that may pass, three denials, or two answers that are wrong. */
enum {
    OTA_SOURCE_FAULT = 1,  /* silence, an early end, a server in trouble */
    OTA_SOURCE_DENIAL = 3, /* gone, or forbidden */
    OTA_SOURCE_WRONG = 4,  /* something else than was asked for: it will be so again */
    OTA_SOURCE_VAIN = 8,
};

/** Never so many that they begin anew. */
static inline void ota_source_strike(struct ota_source *s, unsigned strikes)
{
    s->strikes = (uint8_t)(s->strikes < OTA_SOURCE_VAIN ? s->strikes + strikes : s->strikes);
}

/** The MQTT stream as a source. Open so that the caller can give it a home. */
struct ota_stream_source {
    struct ota_source base;
    struct ota_stream *stream; /* NULL: no fetch */
    uint8_t file_id, name_len;
    uint8_t name[OTA_STREAM_ID_MAX];
};

/** @return `&s->base`, in front of `next`. */
struct ota_source *ota_stream_source(struct ota_stream_source *s, struct ota_source *next);

/** HTTP ranges as a source: effects FETCH out, what the HTTP client hears in. Needs the orchestrator's `room`. */
struct ota_range_source {
    struct ota_source base;
    struct ota_range range;
    struct ota_buf room; /* for the URL */
    size_t url_len;
    uint32_t request_size;
    uint32_t transfer; /* the newest */
    bool open;         /* it has not ended, nor was it broken off */
    bool unwanted;     /* it is to be broken off */
    bool denied;       /* by this URL */
    bool unproven;     /* it came for one that was denied, and has served nothing yet */
    bool paused;
};

/**
 * @param url           lent: an URL that does not fit is none. OTA_URL_MAX bytes are enough.
 * @param request_bytes bytes to ask for at once, rounded to blocks; 0: all that is missing in one
 *                      response, streamed into the store.
 * @return `&s->base`, in front of `next`.
 */
struct ota_source *ota_range_source(struct ota_range_source *s, struct ota_buf url,
                                    uint32_t request_bytes, struct ota_source *next);

#endif
