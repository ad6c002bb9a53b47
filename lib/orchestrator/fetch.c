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

/* The first that the job offers and that is not asked in vain; NULL: none. */
static struct ota_source *promising(const struct ota_orchestrator *o)
{
    struct ota_source *s = o->cfg.source;
    while (s != NULL && (!s->offered || s->strikes >= OTA_SOURCE_VAIN)) {
        s = s->next;
    }
    return s;
}

/* What was held against the sources is forgotten. */
static void forgive(struct ota_orchestrator *o)
{
    for (struct ota_source *s = o->cfg.source; s != NULL; s = s->next) {
        s->strikes = 0;
    }
}

bool ota_fetch_offered(struct ota_orchestrator *o, const struct ota_jobdoc *doc,
                       const struct ota_jobdoc_file *file)
{
    (void)ota_fetch_take(o, doc, file);
    forgive(o);
    return promising(o) != NULL;
}

/* --- from begin to end ---------------------------------------------------------------- */

/* The first that is not asked in vain and can begin. Have all had their turns: from the first one again. */
static struct ota_source *begin_first(struct ota_orchestrator *o, const struct ota_fetch *fetch)
{
    for (unsigned round = 0; round < 2; round++) {
        struct ota_source *s;
        while ((s = promising(o)) != NULL) {
            if (s->ops->begin(s, &o->u.fetch.room, fetch) == OTA_OK) {
                return s;
            }
            s->strikes = OTA_SOURCE_VAIN;
        }
        forgive(o);
    }
    return NULL;
}

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
    struct ota_source *const s = begin_first(o, &fetch);
    if (s == NULL) {
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

bool ota_fetch_is_vain(const struct ota_orchestrator *o)
{
    const struct ota_source *other = o->cfg.source;
    while (other != NULL && (other == o->source || !other->offered)) {
        other = other->next;
    }
    return o->source->strikes >= OTA_SOURCE_VAIN && other != NULL && o->now >= ota_rested_at(o);
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
    if (o->journal.state == OTA_JOURNAL_CLAIMED || safe >= o->journal.file_size ||
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
        o->source->strikes = 0;
        o->source->ops->stored(o->source, block->offset, o->now);
        err = raise_mark(o);
    }
    if (err != OTA_OK) {
        o->answered = (uint8_t)ota_fail_with(o, err);
    }
}

ota_err_t ota_fetch_on_arrival(struct ota_orchestrator *o, struct ota_arrival *arrival)
{
    ota_err_t err = OTA_OK;
    /* Without a source: late blocks of a fetch that is over. */
    while (o->source != NULL) {
        struct ota_block block;
        err = o->source->ops->hear(o->source, arrival, o->cfg.room, o->now, &block);
        if (err != OTA_OK) {
            break;
        }
        on_block(o, &block);
        if (arrival->bytes.len == 0) {
            break;
        }
    }
    if (err == OTA_E_NOT_FOUND) {
        ota_claim_look_again(o); /* the stream is gone: perhaps the job is too */
        return OTA_OK;
    }
    if (o->source != NULL && o->source->stale) {
        o->source->stale = false;
        ota_check(o);
    }
    return err;
}

/* --- asking ------------------------------------------------------------------------------ */

void ota_fetch_pause(struct ota_orchestrator *o)
{
    if (o->source != NULL && o->source->ops->pause != NULL) {
        o->source->ops->pause(o->source);
    }
}

void ota_fetch_reconnected(struct ota_orchestrator *o)
{
    if (o->source != NULL && !o->suspended) {
        o->source->ops->reconnected(o->source);
    }
}

/* What it does is of use now: messages need a link, and answers a subscription. */
static bool may_ask(const struct ota_orchestrator *o, const struct ota_source *s)
{
    return s->ops->protocol != OTA_PROTOCOL_MQTT || (!o->suspended && ota_stream_gate(o));
}

/* All of them: one that has been stopped may have something to break off. */
bool ota_fetch_poll(struct ota_orchestrator *o, struct ota_effect *effect)
{
    struct ota_source *s = o->cfg.source;
    while (s != NULL && !(may_ask(o, s) && s->ops->poll(s, o->now, &o->cfg.scratch, effect))) {
        s = s->next;
    }
    return s != NULL;
}

ota_ms_t ota_fetch_deadline(const struct ota_orchestrator *o)
{
    ota_ms_t soonest = OTA_NEVER;
    for (const struct ota_source *s = o->cfg.source; s != NULL; s = s->next) {
        const ota_ms_t at = may_ask(o, s) ? s->ops->deadline(s) : OTA_NEVER;
        soonest = at < soonest ? at : soonest;
    }
    return soonest;
}
