/* The MQTT stream behind the verbs of a source. */
#include "ota/source.h"

#include <string.h>

static struct ota_stream_source *mine(struct ota_source *s)
{
    return (struct ota_stream_source *)s;
}

static bool take(struct ota_source *base, const struct ota_jobdoc *doc,
                 const struct ota_jobdoc_file *file)
{
    struct ota_stream_source *s = mine(base);
    const struct ota_span old = { s->name, s->name_len };
    const bool offered = (doc->protocols & OTA_PROTOCOL_MQTT) != 0;
    const bool same = s->base.offered == offered &&
                      (!offered || (s->file_id == file->file_id && ota_json_is(&doc->stream, old)));
    struct ota_span name = OTA_SPAN_NONE;
    /* A document that was read has a legal name, or none. */
    s->base.offered =
        offered && ota_json_string(&doc->stream, OTA_BUF_OF(s->name), &name) == OTA_OK;
    s->name_len = (uint8_t)name.len;
    s->file_id = file->file_id;
    return same;
}

static ota_err_t begin(struct ota_source *base, union ota_source_room *room,
                       const struct ota_fetch *fetch)
{
    struct ota_stream_source *s = mine(base);
    const struct ota_stream_cfg cfg = {
        .root = fetch->root,
        .thing = fetch->thing,
        .stream = { s->name, s->name_len },
        .file_id = s->file_id,
        .file_size = fetch->file_size,
        .block_size = fetch->block_size,
        .window = fetch->window,
        .format = fetch->format,
        .retry_ms_min = fetch->retry_ms_min,
        .retry_ms_max = fetch->retry_ms_max,
        .seed = fetch->seed,
    };
    const ota_err_t err = ota_stream_init(&room->stream, &cfg);
    if (err == OTA_OK) {
        s->stream = &room->stream;
        ota_stream_fetch(s->stream, fetch->begin, fetch->end);
    }
    return err;
}

static void stop(struct ota_source *s)
{
    mine(s)->stream = NULL;
}

static uint32_t stored_below(const struct ota_source *s)
{
    return ota_stream_stored_below(((const struct ota_stream_source *)s)->stream);
}

static void stored(struct ota_source *s, uint32_t offset, ota_ms_t now)
{
    ota_stream_stored(mine(s)->stream, offset, now);
}

static void reconnected(struct ota_source *s)
{
    if (mine(s)->stream != NULL) {
        ota_stream_reconnected(mine(s)->stream);
    }
}

static ota_err_t hear(struct ota_source *s, struct ota_arrival *arrival, struct ota_buf room,
                      ota_ms_t now, struct ota_block *block)
{
    const struct ota_span payload = arrival->bytes;
    (void)now;
    arrival->bytes = OTA_SPAN_NONE;
    block->data = OTA_SPAN_NONE;
    if (mine(s)->stream == NULL || arrival->kind != OTA_ARRIVAL_MESSAGE) {
        return OTA_OK; /* late blocks of a fetch that is over */
    }
    const ota_err_t err =
        ota_stream_on_message(mine(s)->stream, arrival->topic, payload, room, block);
    if (err == OTA_E_NOT_FOUND) {
        ota_source_strike(s, OTA_SOURCE_DENIAL);
    }
    return err;
}

static bool poll(struct ota_source *s, ota_ms_t now, const struct ota_scratch *scratch,
                 struct ota_effect *effect)
{
    struct ota_stream *stream = mine(s)->stream;
    if (stream == NULL) {
        return false;
    }
    const uint32_t silences = stream->stats.silences;
    const bool asks = ota_stream_poll(stream, now, scratch, effect);
    ota_source_strike(s, stream->stats.silences - silences);
    return asks;
}

static ota_ms_t deadline(const struct ota_source *s)
{
    const struct ota_stream *stream = ((const struct ota_stream_source *)s)->stream;
    return stream != NULL ? ota_stream_deadline(stream) : OTA_NEVER;
}

static const struct ota_source_ops ops = {
    .protocol = OTA_PROTOCOL_MQTT,
    .take = take,
    .begin = begin,
    .stop = stop,
    .stored_below = stored_below,
    .stored = stored,
    .reconnected = reconnected,
    .hear = hear,
    .poll = poll,
    .deadline = deadline,
};

struct ota_source *ota_stream_source(struct ota_stream_source *s, struct ota_source *next)
{
    memset(s, 0, sizeof *s);
    s->base.ops = &ops;
    s->base.next = next;
    return &s->base;
}
