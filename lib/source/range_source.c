/* HTTP ranges behind the verbs of a source. */
#include "ota/source.h"

#include <string.h>

static struct ota_range_source *mine(struct ota_source *s)
{
    return (struct ota_range_source *)s;
}

/* Nothing in it can end a line of the request. */
static bool is_url(struct ota_span text)
{
    bool ok = text.len > 0;
    for (size_t i = 0; ok && i < text.len; i++) {
        ok = text.ptr[i] > ' ' && text.ptr[i] <= '~';
    }
    return ok;
}

/* A document has a URL of its own each time that it is asked for: another one is no other source. */
static bool take(struct ota_source *base, const struct ota_jobdoc *doc,
                 const struct ota_jobdoc_file *file)
{
    struct ota_range_source *s = mine(base);
    const bool was_offered = base->offered;
    const bool is_new = !ota_json_is(&file->url, (struct ota_span){ s->room.ptr, s->url_len });
    struct ota_span url = OTA_SPAN_NONE;
    base->offered = (doc->protocols & OTA_PROTOCOL_HTTP) != 0 &&
                    ota_json_string(&file->url, s->room, &url) == OTA_OK && is_url(url);
    s->url_len = base->offered ? url.len : 0;
    if (is_new && s->denied) {
        s->denied = false;
        /* At once, or it may have expired too; but a server that denies one after the other is asked less and less often. */
        if (!s->unproven) {
            ota_range_renewed(&s->range);
        }
        s->unproven = true;
    }
    return was_offered == base->offered;
}

/* All at once, or whole blocks. */
static uint32_t request_size(const struct ota_range_source *s, uint32_t block_size)
{
    const uint32_t whole = s->request_size - s->request_size % block_size;
    const uint32_t some = whole > 0 ? whole : block_size;
    return s->request_size == 0 ? UINT32_MAX : some;
}

static void stop(struct ota_source *base)
{
    struct ota_range_source *s = mine(base);
    s->unwanted |= s->open && s->range.state != OTA_RANGE_IDLE;
    s->denied = s->paused = false;
    ota_range_stop(&s->range);
}

static ota_err_t begin(struct ota_source *base, union ota_source_room *room,
                       const struct ota_fetch *fetch)
{
    struct ota_range_source *s = mine(base);
    const struct ota_range_cfg cfg = {
        .file_size = fetch->file_size,
        .block_size = fetch->block_size,
        .request_size = request_size(s, fetch->block_size),
        .retry_ms_min = fetch->retry_ms_min,
        .retry_ms_max = fetch->retry_ms_max,
        .seed = fetch->seed,
    };
    (void)room;
    stop(base);
    ota_range_init(&s->range, &cfg);
    ota_range_fetch(&s->range, fetch->begin, fetch->end);
    return OTA_OK;
}

static uint32_t stored_below(const struct ota_source *s)
{
    return ((const struct ota_range_source *)s)->range.stored;
}

static void stored(struct ota_source *s, uint32_t offset, ota_ms_t now)
{
    (void)now;
    ota_range_stored(&mine(s)->range, offset);
}

static void pause(struct ota_source *base)
{
    struct ota_range_source *s = mine(base);
    s->paused = true;
    s->unwanted |= s->open && s->range.state != OTA_RANGE_IDLE;
    ota_range_renewed(&s->range);
}

/* What is under way has a connection of its own; but waiting is over. */
static void reconnected(struct ota_source *s)
{
    mine(s)->paused = false;
    if (mine(s)->range.state == OTA_RANGE_DUE) {
        ota_range_renewed(&mine(s)->range);
    }
}

/* --- what comes ------------------------------------------------------------------- */

/* How much an answer that is of no use says against the source. */
static unsigned strikes_for(ota_err_t err)
{
    return err == OTA_E_NOT_FOUND ? OTA_SOURCE_DENIAL
           : err == OTA_E_BUSY    ? OTA_SOURCE_FAULT
                                  : OTA_SOURCE_WRONG;
}

static void hear_end(struct ota_range_source *s, ota_ms_t now)
{
    s->open = s->unwanted = false;
    if (s->range.state == OTA_RANGE_ASKED || s->range.state == OTA_RANGE_BODY) {
        ota_source_strike(&s->base, OTA_SOURCE_FAULT);
        ota_range_ended(&s->range, now);
    }
}

static ota_err_t hear(struct ota_source *base, struct ota_arrival *arrival, struct ota_buf room,
                      ota_ms_t now, struct ota_block *block)
{
    struct ota_range_source *s = mine(base);
    struct ota_span bytes = arrival->bytes;
    ota_err_t err;
    block->data = OTA_SPAN_NONE;
    arrival->bytes = OTA_SPAN_NONE;
    if (arrival->kind == OTA_ARRIVAL_MESSAGE || arrival->transfer != s->transfer || !s->open) {
        return OTA_OK; /* late */
    }
    if (arrival->kind == OTA_ARRIVAL_ENDED) {
        hear_end(s, now);
        return OTA_OK;
    }
    if (s->unwanted) {
        return OTA_OK;
    }
    if (arrival->kind == OTA_ARRIVAL_HEAD) {
        err = ota_range_on_head(&s->range, arrival->status, bytes, now);
        s->unproven = s->unproven && err != OTA_OK;
    } else {
        err = ota_range_on_body(&s->range, &bytes, room, block, now);
        arrival->bytes = err == OTA_OK ? bytes : OTA_SPAN_NONE;
    }
    if (err != OTA_OK) {
        s->unwanted = true;
        ota_source_strike(base, strikes_for(err));
    }
    if (err == OTA_E_NOT_FOUND) {
        s->denied = base->stale = true;
        err = OTA_OK;
    }
    return err;
}

/* --- asking ------------------------------------------------------------------------- */

static void fetch_effect(const struct ota_range_source *s, struct ota_range_request request,
                         struct ota_effect *effect)
{
    effect->kind = OTA_EFFECT_FETCH;
    effect->as.fetch.url = (struct ota_span){ s->room.ptr, s->url_len };
    effect->as.fetch.first = request.first;
    effect->as.fetch.last = request.last;
    effect->as.fetch.transfer = s->transfer;
}

static bool poll(struct ota_source *base, ota_ms_t now, const struct ota_scratch *scratch,
                 struct ota_effect *effect)
{
    struct ota_range_source *s = mine(base);
    struct ota_range_request request;
    const uint32_t silences = s->range.stats.silences;
    (void)scratch;
    const bool asks = !s->paused && ota_range_poll(&s->range, now, &request);
    ota_source_strike(base, s->range.stats.silences - silences);
    if (asks) {
        s->transfer++;
        s->open = true;
        s->unwanted = false; /* the one before is broken off by this one */
        fetch_effect(s, request, effect);
        return true;
    }
    s->unwanted |= s->open && s->range.state == OTA_RANGE_DUE; /* it fell silent once too often */
    if (s->unwanted) {
        s->open = s->unwanted = false;
        effect->kind = OTA_EFFECT_FETCH_STOP;
        effect->as.fetch.transfer = s->transfer;
        return true;
    }
    return false;
}

static ota_ms_t deadline(const struct ota_source *base)
{
    const struct ota_range_source *s = (const struct ota_range_source *)base;
    const ota_ms_t at = s->paused ? OTA_NEVER : ota_range_deadline(&s->range);
    return s->unwanted ? 0 : at;
}

static const struct ota_source_ops ops = {
    .protocol = OTA_PROTOCOL_HTTP,
    .take = take,
    .begin = begin,
    .stop = stop,
    .stored_below = stored_below,
    .stored = stored,
    .reconnected = reconnected,
    .pause = pause,
    .hear = hear,
    .poll = poll,
    .deadline = deadline,
};

struct ota_source *ota_range_source(struct ota_range_source *s, struct ota_buf url,
                                    uint32_t request_bytes, struct ota_source *next)
{
    memset(s, 0, sizeof *s);
    s->base.ops = &ops;
    s->base.next = next;
    s->room = url;
    s->request_size = request_bytes;
    return &s->base;
}
