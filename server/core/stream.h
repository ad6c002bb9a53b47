/*
 * Streams: MQTT file delivery, the provider's half. Pure: who may read what is
 * srv_stream_grant()'s answer, the bytes are the caller's.
 *
 *     if (srv_stream_get_parse(&get, format, payload, stream, arena, &err)) {
 *         while (srv_stream_next(&get, &block)) {
 *             read block.len bytes at block.offset of get.file
 *             payload = srv_stream_data(&get, &block, bytes, out);
 *         }
 *     } else {
 *         payload = srv_stream_rejected(format, get.token, &err, out);
 *     }
 *
 * Which blocks: ascending, at most `n`, at most OTA_STREAM_BURST_MAX bytes in
 * all; what does not fit is silently not sent and must be asked for again.
 */
#ifndef SRV_STREAM_H
#define SRV_STREAM_H

#include "srv.h"

/* AWS IoT file streams: quotas of GetStream. */
#define SRV_STREAM_OFFSET_MAX   98304u
#define SRV_STREAM_COUNT_MAX    98304u
#define SRV_STREAM_BITMAP_LIMIT 12288u /* bytes; a bitmap is shorter */

/* Room for a data message: base64 of the block, and the members around it. */
#define SRV_STREAM_DATA_ROOM(len) ((((len) + 2u) / 3u) * 4u + 512u)
/* Room for a description: 50 files, and a description text whose every byte is escaped. */
#define SRV_STREAM_DESCRIPTION_ROOM (6u * SRV_DESCRIPTION_MAX + 50u * 48u + 1024u)

/** A GetStream request that has been checked; private, but for file and token. */
struct srv_stream_get {
    const struct srv_stream_file *file;
    struct ota_span token; /* ptr NULL: none; borrowed from the payload or the arena */
    enum ota_format format;
    uint32_t block_size;
    uint64_t first;         /* block that bit 0 of the bitmap stands for */
    struct ota_span bitmap; /* ptr NULL: every block */
    uint64_t next;          /* relative to first */
    uint32_t count_left;
    uint32_t bytes_left;
};

struct srv_block {
    uint64_t number; /* in the file */
    uint64_t offset;
    uint32_t len;
};

/**
 * Read and check a request for `stream`.
 *
 * @return false with `err` set; get->token is what could be read of it. True:
 *         at least one block can be served.
 */
bool srv_stream_get_parse(struct srv_stream_get *get, enum ota_format format,
                          struct ota_span payload, const struct srv_stream *stream,
                          struct srv_arena *a, struct srv_err *err);

/** The next block to send; false: the request is served. */
bool srv_stream_next(struct srv_stream_get *get, struct srv_block *block);

/** The data message; empty if `out` is smaller than SRV_STREAM_DATA_ROOM(block->len). */
struct ota_span srv_stream_data(const struct srv_stream_get *get, const struct srv_block *block,
                                struct ota_span bytes, struct ota_buf out);

/** Answer a DescribeStream: token and errors as above. */
bool srv_stream_describe_parse(enum ota_format format, struct ota_span payload, struct srv_arena *a,
                               struct ota_span *token, struct srv_err *err);
struct ota_span srv_stream_description(enum ota_format format, struct ota_span token,
                                       const struct srv_stream *stream, struct ota_buf out);

/** The rejection of either, in both spellings of the service. `out`: 1 KiB suffices. */
struct ota_span srv_stream_rejected(enum ota_format format, struct ota_span token,
                                    const struct srv_err *err, struct ota_buf out);

#endif
