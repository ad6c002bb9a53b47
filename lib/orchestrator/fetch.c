/*
 * Fetching: which source is asked, what comes of it, and how far it has come.
 */
#include "workflow.h"

/* --- what the job offers ------------------------------------------------------------ */

bool ota_fetch_take(struct ota_orchestrator *o, const struct ota_jobdoc *doc,
                    const struct ota_jobdoc_file *file)
{
    bool same = true;
    for (struct ota_source *s = o->cfg.source; s != NULL; s = s->next) {
        same &= s->ops->take(s, doc, file);
    }
    return same;
}

/* The first that the job offers; NULL: none. */
static struct ota_source *first_offered(const struct ota_orchestrator *o)
{
    struct ota_source *s = o->cfg.source;
    while (s != NULL && !s->offered) {
        s = s->next;
    }
    return s;
}

bool ota_fetch_possible(const struct ota_orchestrator *o)
{
    return first_offered(o) != NULL;
}

/* --- from begin to end ---------------------------------------------------------------- */

enum verdict ota_fetch_begin(struct ota_orchestrator *o, uint32_t begin, uint32_t end)
{
    const struct ota_fetch fetch = {
        .root = o->cfg.root,
        .thing = o->cfg.thing,
        .begin = begin,
        .end = end,
        .file_size = o->journal.file_size,
        .block_size = o->cfg.block_size,
        .window = o->cfg.window,
        .format = o->cfg.format,
        .retry_ms_min = o->cfg.retry_ms_min,
        .retry_ms_max = o->cfg.retry_ms_max,
        .seed = o->jobs.cfg.seed,
    };
    struct ota_source *s = first_offered(o);
    if (s == NULL || s->ops->begin(s, &o->u.fetch.room, &fetch) != OTA_OK) {
        return ota_fail_with(o, OTA_E_JOB_DOCUMENT);
    }
    o->source = s;
    o->fetch_end = end;
    return V_MORE;
}

bool ota_fetch_done(const struct ota_orchestrator *o)
{
    return o->source->ops->stored_below(o->source) >= o->fetch_end;
}

void ota_fetch_stop(struct ota_orchestrator *o)
{
    if (o->source != NULL) {
        o->source->ops->stop(o->source);
        o->source = NULL;
    }
}

/* --- what comes ------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Raise the mark when another interval of bytes is safe. */
static ota_err_t raise_mark(struct ota_orchestrator *o)
{
    const uint32_t interval =
        larger(ota_journal_mark_interval(o->cfg.store, o->journal.file_size), o->cfg.block_size);
    const uint32_t safe = o->source->ops->stored_below(o->source);
    if (o->journal.state != OTA_JOURNAL_RECEIVING || safe >= o->journal.file_size ||
        safe < o->journal.mark + interval) {
        return OTA_OK;
    }
    o->journal.mark = safe;
    return ota_journal_mark(o->cfg.store, &o->journal);
}

static void on_block(struct ota_orchestrator *o, const struct ota_block *block)
{
    if (block->data.len == 0 || o->answered != V_WAIT) {
        return; /* here already; or the claim is over */
    }
    ota_err_t err = ota_claim_keep(o, block);
    if (err == OTA_OK) {
        o->source->ops->stored(o->source, block->offset, o->now);
        err = raise_mark(o);
    }
    if (err != OTA_OK) {
        o->answered = (uint8_t)ota_fail_with(o, err);
    }
}

ota_err_t ota_fetch_on_arrival(struct ota_orchestrator *o, struct ota_arrival *arrival)
{
    struct ota_block block;
    if (o->source == NULL) {
        return OTA_OK; /* late blocks of a fetch that is over */
    }
    const ota_err_t err = o->source->ops->hear(o->source, arrival, o->cfg.room, o->now, &block);
    if (err == OTA_OK) {
        on_block(o, &block);
    } else if (err == OTA_E_NOT_FOUND) {
        ota_claim_look_again(o); /* the stream is gone: perhaps the job is too */
        return OTA_OK;
    }
    return err;
}

/* --- asking ------------------------------------------------------------------------------ */

void ota_fetch_reconnected(struct ota_orchestrator *o)
{
    if (o->source != NULL) {
        o->source->ops->reconnected(o->source);
    }
}

/* The source that may ask now; NULL: none. */
static struct ota_source *asking(const struct ota_orchestrator *o)
{
    const bool ready =
        o->source != NULL && (o->source->ops->protocol != OTA_PROTOCOL_MQTT || ota_stream_gate(o));
    return ready ? o->source : NULL;
}

bool ota_fetch_poll(struct ota_orchestrator *o, struct ota_effect *effect)
{
    struct ota_source *s = asking(o);
    return s != NULL && s->ops->poll(s, o->now, &o->cfg.scratch, effect);
}

ota_ms_t ota_fetch_deadline(const struct ota_orchestrator *o)
{
    const struct ota_source *s = asking(o);
    return s != NULL ? s->ops->deadline(s) : OTA_NEVER;
}
