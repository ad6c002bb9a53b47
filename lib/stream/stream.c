#include "ota/assert.h"
#include "stream_priv.h"
#include <string.h>

/*
 * How many places a block may be late. One that is overtaken by a block asked
 * for further behind it is lost: blocks of a request are sent in order, and
 * MQTT keeps it, but a gateway with several lanes may not, and a false alarm
 * costs a block sent twice.
 */
#define PLACES_LATE_MAX 3u

/* Where a block of the window is; from ASKED on it is on its way. */
enum place {
    NOWHERE, /* never asked for */
    HERE,
    LOST,  /* to be asked for again */
    ASKED, /* for the first time */
    AGAIN, /* the older ones of those asked for again... */
    AGAIN_LATER,
};

static unsigned place_of(const struct ota_stream *s, uint32_t block)
{
    const uint32_t slot = block % OTA_STREAM_WINDOW_MAX;
    return (unsigned)s->places[slot / 2u] >> (slot % 2u * 4u) & 15u;
}

static void put(struct ota_stream *s, uint32_t block, unsigned place)
{
    const uint32_t slot = block % OTA_STREAM_WINDOW_MAX;
    const unsigned shift = slot % 2u * 4u;
    const unsigned was = place_of(s, block);
    uint8_t *const two = &s->places[slot / 2u];
    *two = (uint8_t)(*two ^ (was ^ place) << shift);
    s->count[was]--;
    s->count[place]++;
    s->in_flight += (uint32_t)(place >= ASKED) - (uint32_t)(was >= ASKED);
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* --- beginning ---------------------------------------------------------------------- */

static bool in_limits(const struct ota_stream_cfg *cfg)
{
    return cfg->file_size > 0 && cfg->block_size >= OTA_STREAM_BLOCK_MIN &&
           cfg->block_size <= OTA_STREAM_BLOCK_MAX &&
           (cfg->block_size & (cfg->block_size - 1u)) == 0 && cfg->window > 0 &&
           cfg->window <= OTA_STREAM_WINDOW_MAX && cfg->retry_ms_min > 0 &&
           cfg->retry_ms_min <= cfg->retry_ms_max &&
           (cfg->file_size - 1u) / cfg->block_size < OTA_STREAM_BLOCK_COUNT_MAX;
}

ota_err_t ota_stream_init(struct ota_stream *s, const struct ota_stream_cfg *cfg)
{
    OTA_ASSERT(ota_topic_root_ok(cfg->root) && ota_thing_name_ok(cfg->thing));
    if (!in_limits(cfg)) {
        return OTA_E_RANGE;
    }
    if (!ota_stream_id_ok(cfg->stream)) {
        return OTA_E_NAME;
    }
    memset(s, 0, sizeof *s);
    s->cfg = *cfg;
    s->block_count = (cfg->file_size - 1u) / cfg->block_size + 1u;
    s->burst = OTA_STREAM_BURST_MAX / cfg->block_size;
    s->backoff = (struct ota_backoff){ cfg->retry_ms_min, cfg->retry_ms_max, cfg->seed };
    return OTA_OK;
}

void ota_stream_fetch(struct ota_stream *s, uint32_t begin, uint32_t end)
{
    OTA_ASSERT(begin < end && end <= s->cfg.file_size);
    s->first = begin / s->cfg.block_size;
    s->end = (end - 1u) / s->cfg.block_size + 1u;
    s->asked_end = s->mark = s->first;
    s->in_flight = s->silences = 0;
    memset(s->places, NOWHERE, sizeof s->places);
    memset(s->count, 0, sizeof s->count);
}

bool ota_stream_idle(const struct ota_stream *s)
{
    return s->first == s->end;
}

uint32_t ota_stream_stored_below(const struct ota_stream *s)
{
    return s->first < s->block_count ? s->first * s->cfg.block_size : s->cfg.file_size;
}

/* --- losing -------------------------------------------------------------------------- */

/* Blocks first ..< end that are on their way in `place` have been proved lost. */
static void prove_lost(struct ota_stream *s, uint32_t end, unsigned place)
{
    for (uint32_t block = s->first; block < end; block++) {
        if (place_of(s, block) == place) {
            put(s, block, LOST);
            s->stats.losses++;
        }
    }
}

/* Those asked for again later are the older ones now. */
static void age(struct ota_stream *s)
{
    for (uint32_t block = s->first; block < s->asked_end; block++) {
        if (place_of(s, block) == AGAIN_LATER) {
            put(s, block, AGAIN);
        }
    }
    s->mark = s->asked_end;
}

/*
 * `block` came the first time that it was asked for, so there is no doubt when it was sent: what
 * was sent before it will not come. The last of the range has none behind it that could prove
 * more, so it proves all.
 */
static void overtake(struct ota_stream *s, uint32_t block)
{
    const uint32_t late = block + 1u < s->end ? PLACES_LATE_MAX : 0;
    if (block >= late) {
        prove_lost(s, block - late, ASKED);
    }
    if (block >= s->mark + late) {
        prove_lost(s, s->asked_end, AGAIN);
        age(s);
    }
}

/*
 * Nothing that is on its way will come. What lies behind the last block that is here counts as never
 * asked for: its order will prove losses again.
 */
static void lose_all(struct ota_stream *s)
{
    uint32_t top = s->first;
    for (uint32_t block = s->asked_end; block > s->first; block--) {
        if (place_of(s, block - 1u) != HERE) {
            put(s, block - 1u, top > s->first ? LOST : NOWHERE);
        } else if (top == s->first) {
            top = block;
        }
    }
    s->asked_end = s->mark = top;
}

void ota_stream_reconnected(struct ota_stream *s)
{
    lose_all(s);
    s->silences = 0;
}

/* --- asking --------------------------------------------------------------------------- */

static uint32_t window_end(const struct ota_stream *s)
{
    return least(s->end, s->first + OTA_STREAM_WINDOW_MAX);
}

/* Blocks that one request may ask for now. */
static uint32_t room(const struct ota_stream *s)
{
    return least(s->cfg.window - s->in_flight, s->burst);
}

/* New blocks are asked for by the half window: fewer, larger requests, and still no idle link. */
static bool due(const struct ota_stream *s)
{
    const uint32_t half = least((s->cfg.window + 1u) / 2u, s->burst);
    const uint32_t possible = least(room(s), window_end(s) - s->asked_end);
    if (s->count[LOST] > 0) {
        return room(s) > 0;
    }
    return possible > 0 && possible >= least(half, s->end - s->asked_end);
}

/*
 * Ask for the blocks at `from`, which is LOST or NOWHERE, as far as there is room; then they are at
 * `to`. JSON has runs only: a gap ends the request.
 */
static void ask(struct ota_stream *s, struct stream_request *q, unsigned from, unsigned to)
{
    const bool anew = from == NOWHERE;
    const uint32_t end = anew ? window_end(s) : s->asked_end;
    uint32_t block = anew ? s->asked_end : s->first;
    for (uint32_t left = room(s); block < end && left > 0; block++) {
        if (place_of(s, block) == from) {
            put(s, block, to);
            stream_request_add(q, block);
            left--;
        } else if (q->count > 0 && s->cfg.format == OTA_FORMAT_JSON) {
            break;
        }
    }
    if (anew) {
        s->asked_end = block;
    }
}

bool ota_stream_poll(struct ota_stream *s, ota_ms_t now, const struct ota_scratch *scratch,
                     struct ota_effect *effect)
{
    if (ota_stream_idle(s)) {
        return false;
    }
    if (s->in_flight > 0 && now >= s->deadline && s->deadline != OTA_NEVER) {
        lose_all(s);
        s->silences++;
        s->stats.silences++;
    }
    if (!due(s)) {
        return false;
    }
    struct stream_request q = { 0 };
    if (s->count[LOST] == 0) {
        ask(s, &q, NOWHERE, ASKED);
    } else {
        if (s->count[AGAIN] == 0) {
            age(s);
        }
        ask(s, &q, LOST, s->count[AGAIN] == 0 ? AGAIN : AGAIN_LATER);
    }
    OTA_ASSERT(q.count > 0);
    stream_write_request(&s->cfg, &q, scratch, effect);
    s->deadline = ota_backoff_deadline(&s->backoff, s->silences, now);
    s->stats.requests++;
    return true;
}

ota_ms_t ota_stream_deadline(const struct ota_stream *s)
{
    if (ota_stream_idle(s)) {
        return OTA_NEVER;
    }
    return due(s) ? 0 : s->deadline;
}

/* --- hearing ---------------------------------------------------------------------------- */

static bool is_missing(const struct ota_stream *s, uint32_t block)
{
    return block >= s->first && block < window_end(s) && place_of(s, block) != HERE;
}

/* Of this file, inside it, and as long as it must be: the last block is short unless the file fills it. */
static ota_err_t check_data(const struct ota_stream *s, const struct stream_data *data)
{
    if (data->file != s->cfg.file_id) {
        return OTA_E_UNEXPECTED;
    }
    if (data->index >= s->block_count) {
        return OTA_E_RANGE;
    }
    const uint32_t offset = (uint32_t)data->index * s->cfg.block_size;
    const uint32_t len = least(s->cfg.file_size - offset, s->cfg.block_size);
    return data->length == len && data->bytes.text.len == len ? OTA_OK : OTA_E_RANGE;
}

static ota_err_t hear_data(struct ota_stream *s, enum ota_format format, struct ota_span payload,
                           struct ota_buf room_for_base64, struct ota_block *block)
{
    struct stream_data data;
    ota_err_t err = stream_read_data(format, payload, room_for_base64, &data);
    if (err == OTA_OK) {
        err = check_data(s, &data);
    }
    if (err != OTA_OK) {
        return err;
    }
    const uint32_t index = (uint32_t)data.index;
    *block = (struct ota_block){ .offset = index * s->cfg.block_size };
    if (is_missing(s, index)) {
        block->data = data.bytes.text;
    } else {
        s->stats.duplicates++;
    }
    return OTA_OK;
}

/* A provider in trouble is asked again, at the latest after a silence; to ask again for what is illegal or gone is vain. */
static ota_err_t hear_rejected(struct ota_stream *s, enum ota_format format,
                               struct ota_span payload, struct ota_block *block)
{
    enum ota_wire_code code;
    const ota_err_t err = stream_read_rejected(format, payload, &code);
    if (err != OTA_OK) {
        return err;
    }
    s->stats.rejected++;
    if (code != OTA_WIRE_InternalError && code != OTA_WIRE_RequestThrottled &&
        code != OTA_WIRE_CODE_COUNT) {
        return OTA_E_NOT_FOUND;
    }
    *block = (struct ota_block){ 0 };
    return OTA_OK;
}

ota_err_t ota_stream_on_message(struct ota_stream *s, const struct ota_topic *topic,
                                struct ota_span payload, struct ota_buf room_for_base64,
                                struct ota_block *block)
{
    ota_err_t err = OTA_E_UNEXPECTED;
    if (ota_span_eq(topic->thing, s->cfg.thing) && ota_span_eq(topic->id, s->cfg.stream)) {
        if (topic->kind == OTA_TOPIC_STREAM_DATA) {
            err = hear_data(s, topic->format, payload, room_for_base64, block);
        } else if (topic->kind == OTA_TOPIC_STREAM_REJECTED) {
            err = hear_rejected(s, topic->format, payload, block);
        }
    }
    if (err != OTA_OK && err != OTA_E_NOT_FOUND) {
        s->stats.refused++;
    }
    return err;
}

void ota_stream_stored(struct ota_stream *s, uint32_t offset, ota_ms_t now)
{
    OTA_ASSERT(offset % s->cfg.block_size == 0);
    const uint32_t block = offset / s->cfg.block_size;
    if (!is_missing(s, block)) {
        return;
    }
    const unsigned was = place_of(s, block);
    put(s, block, HERE);
    /* Which copy came of one that was asked for again is not known: that proves nothing. */
    if (was == ASKED) {
        overtake(s, block);
    }
    for (; s->first < s->end && place_of(s, s->first) == HERE; s->first++) {
        put(s, s->first, NOWHERE);
    }
    if (s->asked_end < s->first) {
        s->asked_end = s->first;
    }
    while (s->asked_end < window_end(s) && place_of(s, s->asked_end) == HERE) {
        s->asked_end++;
    }
    s->stats.blocks++;
    s->silences = 0;
    s->deadline = ota_backoff_deadline(&s->backoff, 0, now);
}
