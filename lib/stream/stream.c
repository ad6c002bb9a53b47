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

/* --- sets of blocks --------------------------------------------------------------- */

static bool has(const uint8_t *set, uint32_t block)
{
    const uint32_t slot = block % OTA_STREAM_WINDOW_MAX;
    return ((unsigned)set[slot / 8u] >> (slot % 8u) & 1u) != 0;
}

static void put(uint8_t *set, uint32_t block)
{
    const uint32_t slot = block % OTA_STREAM_WINDOW_MAX;
    set[slot / 8u] = (uint8_t)(set[slot / 8u] | 1u << (slot % 8u));
}

/* Whether it was in there. */
static bool take(uint8_t *set, uint32_t block)
{
    const uint32_t slot = block % OTA_STREAM_WINDOW_MAX;
    const bool was = has(set, block);
    set[slot / 8u] = (uint8_t)(set[slot / 8u] & ~(1u << (slot % 8u)));
    return was;
}

static bool is_empty(const uint8_t *set)
{
    uint8_t any = 0;
    for (size_t i = 0; i < OTA_STREAM_SET_SIZE; i++) {
        any |= set[i];
    }
    return any == 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* --- beginning ---------------------------------------------------------------------- */

static bool in_limits(const struct ota_stream_cfg *cfg)
{
    return cfg->file_size > 0 && cfg->block_size >= OTA_STREAM_BLOCK_MIN &&
           cfg->block_size <= OTA_STREAM_BLOCK_MAX &&
           (cfg->block_size & (cfg->block_size - 1u)) == 0 && cfg->window > 0 &&
           cfg->window <= OTA_STREAM_WINDOW_MAX && cfg->retry_ms_min > 0 &&
           cfg->retry_ms_min <= cfg->retry_ms_max;
}

ota_err_t ota_stream_init(struct ota_stream *s, const struct ota_stream_cfg *cfg)
{
    OTA_ASSERT(ota_topic_root_ok(cfg->root) && ota_thing_name_ok(cfg->thing));
    if (!in_limits(cfg)) {
        return OTA_E_RANGE;
    }
    const uint32_t block_count = (cfg->file_size - 1u) / cfg->block_size + 1u;
    if (block_count > OTA_STREAM_BLOCK_COUNT_MAX) {
        return OTA_E_RANGE;
    }
    if (!ota_stream_id_ok(cfg->stream)) {
        return OTA_E_NAME;
    }
    *s = (struct ota_stream){
        .cfg = *cfg,
        .block_count = block_count,
        .backoff = { cfg->retry_ms_min, cfg->retry_ms_max, cfg->seed },
    };
    return OTA_OK;
}

void ota_stream_fetch(struct ota_stream *s, uint32_t begin, uint32_t end)
{
    OTA_ASSERT(begin < end && end <= s->cfg.file_size);
    s->first = begin / s->cfg.block_size;
    s->end = (end - 1u) / s->cfg.block_size + 1u;
    s->asked_end = s->swept = s->mark = s->first;
    s->in_flight = s->lost_count = s->silences = 0;
    memset(s->here, 0, sizeof s->here);
    memset(s->lost, 0, sizeof s->lost);
    memset(s->again, 0, sizeof s->again);
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

static void lose(struct ota_stream *s, uint32_t block)
{
    put(s->lost, block);
    s->lost_count++;
}

/* A block that was on its way has been proved lost. */
static void prove_lost(struct ota_stream *s, uint32_t block)
{
    lose(s, block);
    s->in_flight--;
    s->stats.losses++;
}

static void age(struct ota_stream *s)
{
    memcpy(s->again[0], s->again[1], sizeof s->again[0]);
    memset(s->again[1], 0, sizeof s->again[1]);
    s->mark = s->asked_end;
}

/* The older of those asked for again have been overtaken. */
static void lose_older_again(struct ota_stream *s)
{
    for (uint32_t block = s->first; block < s->swept; block++) {
        if (take(s->again[0], block)) {
            prove_lost(s, block);
        }
    }
    age(s);
}

static bool on_first_way(const struct ota_stream *s, uint32_t block)
{
    return block >= s->swept && block < s->asked_end && !has(s->here, block);
}

/*
 * `block` came the first time that it was asked for, so there is no doubt when it was sent: what
 * was sent before it will not come. The last of the range has none behind it that could prove
 * more, so it proves all.
 */
static void overtake(struct ota_stream *s, uint32_t block)
{
    const uint32_t late = block + 1u < s->end ? PLACES_LATE_MAX : 0;
    for (; s->swept + late < block; s->swept++) {
        if (!has(s->here, s->swept)) {
            prove_lost(s, s->swept);
        }
    }
    if (block >= s->mark + late) {
        lose_older_again(s);
    }
}

/*
 * Nothing that is on its way will come. What lies behind the last block that is here counts as never
 * asked for: its order will prove losses again.
 */
static void lose_all(struct ota_stream *s)
{
    uint32_t top = s->asked_end;
    while (top > s->first && !has(s->here, top - 1u)) {
        top--;
    }
    memset(s->lost, 0, sizeof s->lost);
    memset(s->again, 0, sizeof s->again);
    s->lost_count = s->in_flight = 0;
    for (uint32_t block = s->first; block < top; block++) {
        if (!has(s->here, block)) {
            lose(s, block);
        }
    }
    s->asked_end = s->swept = s->mark = top;
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
    return least(s->cfg.window - s->in_flight, OTA_STREAM_BURST_MAX / s->cfg.block_size);
}

/* New blocks are asked for by the half window: fewer, larger requests, and still no idle link. */
static bool new_due(const struct ota_stream *s)
{
    const uint32_t half =
        least((s->cfg.window + 1u) / 2u, OTA_STREAM_BURST_MAX / s->cfg.block_size);
    const uint32_t possible = least(room(s), window_end(s) - s->asked_end);
    return possible > 0 && possible >= least(half, s->end - s->asked_end);
}

static bool due(const struct ota_stream *s)
{
    return (s->lost_count > 0 && room(s) > 0) || new_due(s);
}

/* JSON has runs only: a gap ends the request. */
static bool takes_gap(const struct ota_stream *s, const struct stream_request *q)
{
    return s->cfg.format == OTA_FORMAT_CBOR || q->count == 0;
}

static void add(struct ota_stream *s, struct stream_request *q, uint32_t block)
{
    if (q->count == 0) {
        q->offset = block;
    }
    put(q->bits, block - q->offset);
    q->span = block - q->offset + 1u;
    q->count++;
    s->in_flight++;
}

static void add_lost(struct ota_stream *s, struct stream_request *q)
{
    if (is_empty(s->again[0])) {
        age(s);
    }
    uint8_t *const generation = s->again[is_empty(s->again[0]) ? 0 : 1];
    uint32_t left = room(s);
    for (uint32_t block = s->first; block < s->swept && left > 0; block++) {
        if (take(s->lost, block)) {
            add(s, q, block);
            put(generation, block);
            s->lost_count--;
            left--;
        } else if (!takes_gap(s, q)) {
            return;
        }
    }
}

static void add_new(struct ota_stream *s, struct stream_request *q)
{
    uint32_t left = room(s);
    for (; s->asked_end < window_end(s) && left > 0; s->asked_end++) {
        if (!has(s->here, s->asked_end)) {
            add(s, q, s->asked_end);
            left--;
        } else if (!takes_gap(s, q)) {
            return;
        }
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
    if (s->lost_count > 0) {
        add_lost(s, &q);
    } else {
        add_new(s, &q);
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

/* Of this file, inside it, and as long as it must be: the last block is short unless the file fills it. */
static ota_err_t check_data(const struct ota_stream *s, const struct stream_data *data)
{
    if (data->number[STREAM_FILE] != s->cfg.file_id) {
        return OTA_E_UNEXPECTED;
    }
    if (data->number[STREAM_INDEX] >= s->block_count) {
        return OTA_E_RANGE;
    }
    const uint32_t offset = (uint32_t)data->number[STREAM_INDEX] * s->cfg.block_size;
    const uint32_t len = least(s->cfg.file_size - offset, s->cfg.block_size);
    return data->number[STREAM_LENGTH] == len && data->bytes.len == len ? OTA_OK : OTA_E_RANGE;
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
    const uint32_t index = (uint32_t)data.number[STREAM_INDEX];
    *block = (struct ota_block){ .offset = index * s->cfg.block_size };
    if (index < s->first || index >= window_end(s) || has(s->here, index)) {
        s->stats.duplicates++;
    } else {
        block->data = data.bytes;
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

/* `block` is here now: out of the set that it was in, and what that proves. */
static void arrive(struct ota_stream *s, uint32_t block)
{
    if (take(s->lost, block)) {
        s->lost_count--;
    } else if (take(s->again[0], block) || take(s->again[1], block)) {
        s->in_flight--; /* which of its copies came is not known, so it proves nothing */
    } else if (on_first_way(s, block)) {
        s->in_flight--;
        put(s->here, block);
        overtake(s, block);
    }
    put(s->here, block);
}

void ota_stream_stored(struct ota_stream *s, uint32_t offset, ota_ms_t now)
{
    OTA_ASSERT(offset % s->cfg.block_size == 0);
    const uint32_t block = offset / s->cfg.block_size;
    if (block < s->first || block >= window_end(s) || has(s->here, block)) {
        return;
    }
    arrive(s, block);
    while (s->first < s->end && take(s->here, s->first)) {
        s->first++;
    }
    s->swept = most(s->swept, s->first);
    s->asked_end = most(s->asked_end, s->first);
    while (s->asked_end < window_end(s) && has(s->here, s->asked_end)) {
        s->asked_end++;
    }
    s->stats.blocks++;
    s->silences = 0;
    s->deadline = ota_backoff_deadline(&s->backoff, 0, now);
}
