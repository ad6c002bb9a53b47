/* What the files of lib/stream share: requests out, messages in. */
#ifndef STREAM_PRIV_H
#define STREAM_PRIV_H

#include "ota/json.h"
#include "ota/stream.h"

/* Blocks to ask for: `count` of those that begin at `offset`; bit k of `bits` stands for offset + k. */
struct stream_request {
    uint32_t offset, count;
    uint32_t span; /* highest bit set, plus one */
    uint8_t bits[OTA_STREAM_WINDOW_MAX / 8u];
};

/* One more, behind those that it has. */
void stream_request_add(struct stream_request *q, uint32_t block);

void stream_write_request(const struct ota_stream_cfg *cfg, const struct stream_request *q,
                          const struct ota_scratch *scratch, struct ota_effect *effect);

/* A data message as it came: well formed, not yet compared with anything. */
struct stream_data {
    uint64_t file, index, length;
    struct ota_json bytes; /* in CBOR the bytes themselves, in JSON base64, then decoded */
};

ota_err_t stream_read_data(enum ota_format format, struct ota_span payload, struct ota_buf room,
                           struct stream_data *data);
ota_err_t stream_read_rejected(enum ota_format format, struct ota_span payload,
                               enum ota_wire_code *code);

#endif
