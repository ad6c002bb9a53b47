/*
 * CLAIMED and RECEIVING: from the offer to the bytes in flash.
 *
 * Head and tail come first: the header, then the TLVs, cost a block or two and
 * can refuse nearly everything before a sector is erased.
 */
#include "ota/assert.h"
#include "workflow.h"

#include <string.h>

/* Provider: a progress report each 64 blocks, as the agents before sent; small files are shown in sixteenths. */
#define PUBLISH_EVERY      64u
#define PUBLISHES_AT_LEAST 16u
/* Application: about so many progress events per download. */
#define EVENTS_PER_FILE 50u

/* Steps of CLAIMED; RECEIVING begins with the same three. */
enum {
    KNOW,   /* wait until the provider has offered this claim in this boot */
    TAKE,   /* tell IN_PROGRESS, unless it is */
    TAKING, /* wait for the answer */
    TAKEN,  /* ours; what follows differs */
    HEAD,   /* the first block is on its way */
    TAIL,   /* the TLVs are on their way */
    CHECK,  /* all that can be refused without the rest */
    OWN,    /* look before you burn: the running image must verify ... */
    OTHER,  /* ... or the target must not */
    BURN,   /* erase */
    CLEAN,  /* RECEIVING: make blank what lies behind the mark */
    FETCH,  /* RECEIVING: blocks are on their way */
};

uint32_t ota_claim_block_count(const struct ota_orchestrator *o)
{
    return (o->journal.file_size - 1u) / o->cfg.block_size + 1u;
}

bool ota_claim_streams(const struct ota_orchestrator *o)
{
    return (o->journal.state == OTA_JOURNAL_CLAIMED && (o->step == HEAD || o->step == TAIL)) ||
           (o->journal.state == OTA_JOURNAL_RECEIVING && o->step == FETCH);
}

/* --- taking the job ---------------------------------------------------------- */

void ota_claim_tell(struct ota_orchestrator *o)
{
    const struct ota_jobs_update update = {
        .job_id = { o->journal.job_id, o->journal.job_id_len },
        .execution = o->journal.execution,
        .expected_version = o->version, /* this execution as it was offered, or not at all */
        .status = OTA_JOB_IN_PROGRESS,
    };
    ota_jobs_tell(&o->jobs, &update);
}

static enum verdict take(struct ota_orchestrator *o)
{
    if (o->must_take) {
        ota_claim_tell(o);
    }
    o->step = o->must_take ? TAKING : TAKEN;
    return V_MORE;
}

/* The steps that CLAIMED and RECEIVING share; V_OK once the job is ours. */
static enum verdict own_the_job(struct ota_orchestrator *o)
{
    switch (o->step) {
    case KNOW:
        if (!o->claim_known) {
            return V_WAIT;
        }
        o->step = TAKE;
        return V_MORE;
    case TAKE: return take(o);
    case TAKING: return V_WAIT;
    default: return V_OK;
    }
}

enum verdict ota_claim_give_up(const struct ota_orchestrator *o)
{
    return o->journal.state == OTA_JOURNAL_CLAIMED && o->untouched ? V_FORGET : V_DROP;
}

/* Someone changed the execution, or our picture of it is old: look again. */
void ota_claim_look_again(struct ota_orchestrator *o)
{
    o->claim_known = false;
    o->step = KNOW;
    ota_check(o);
}

void ota_claim_on_answer(struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    if (o->step != TAKING) {
        return;
    }
    if (news->kind == OTA_JOBS_NEWS_ACCEPTED) {
        o->must_take = false;
        o->step = TAKEN;
        ota_event(o, OTA_EVENT_CLAIMED, o->journal.file_size, 0);
        return;
    }
    if (news->answer.code == OTA_WIRE_VersionMismatch &&
        !ota_job_status_terminal(news->answer.status)) {
        ota_claim_look_again(o);
        return;
    }
    ota_event(o, OTA_EVENT_CANCELED, 0, 0);
    o->answered = (uint8_t)ota_claim_give_up(o);
}

/* --- fetching ------------------------------------------------------------------- */

static enum verdict begin_stream(struct ota_orchestrator *o)
{
    const struct ota_stream_cfg cfg = {
        .root = o->cfg.root,
        .thing = o->cfg.thing,
        .stream = { o->source.stream, o->source.stream_len },
        .file_id = o->source.file_id,
        .file_size = o->journal.file_size,
        .block_size = o->cfg.block_size,
        .window = o->cfg.window,
        .format = o->cfg.format,
        .retry_ms_min = o->cfg.retry_ms_min,
        .retry_ms_max = o->cfg.retry_ms_max,
        .seed = o->jobs.cfg.seed,
    };
    const ota_err_t err = ota_stream_init(&o->stream, &cfg);
    return err == OTA_OK ? V_OK : ota_fail(o, OTA_REASON_ERROR, OTA_E_JOB_DOCUMENT, V_FAIL);
}

static enum verdict refuse(struct ota_orchestrator *o, ota_err_t error)
{
    return ota_fail(o, OTA_REASON_ERROR, error, o->untouched ? V_REFUSE : V_FAIL);
}

static enum verdict fetch_head(struct ota_orchestrator *o)
{
    if (begin_stream(o) != V_OK) {
        return refuse(o, OTA_E_JOB_DOCUMENT);
    }
    const uint32_t size = o->journal.file_size;
    ota_stream_fetch(&o->stream, 0, size < o->cfg.block_size ? size : o->cfg.block_size);
    memset(&o->u.early, 0, sizeof o->u.early);
    o->verified = false;
    o->step = HEAD;
    return V_MORE;
}

static enum verdict fetch_tail(struct ota_orchestrator *o)
{
    const uint32_t begin = ota_image_tlvs_offset(&o->u.early.header);
    const uint32_t size = o->journal.file_size;
    if (begin >= size) {
        return refuse(o, OTA_E_IMAGE_FORMAT); /* also a head that was no header: all zero */
    }
    if (size - begin > OTA_IMAGE_TLVS_MAX) {
        return refuse(o, OTA_E_IMAGE_TRAILING);
    }
    ota_stream_fetch(&o->stream, begin, size);
    o->step = TAIL;
    return V_MORE;
}

/* Head or tail: keep what the early checks look at. */
static void keep_early(struct ota_orchestrator *o, const struct ota_block *block)
{
    if (o->step == HEAD) {
        if (block->offset == 0 &&
            ota_image_header_read(block->data, &o->u.early.header) != OTA_OK) {
            o->journal.error = OTA_E_IMAGE_FORMAT;
            o->journal.reason = OTA_REASON_ERROR;
            o->answered = o->untouched ? V_REFUSE : V_FAIL;
        }
        return;
    }
    const uint32_t tlvs = ota_image_tlvs_offset(&o->u.early.header);
    const uint32_t end = block->offset + (uint32_t)block->data.len;
    const uint32_t from = block->offset > tlvs ? block->offset : tlvs;
    if (from < end) {
        OTA_ASSERT(end - tlvs <= sizeof o->u.early.tlvs);
        memcpy(o->u.early.tlvs + (from - tlvs), block->data.ptr + (from - block->offset),
               end - from);
    }
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Raise the mark when another interval of bytes is safe. */
static ota_err_t raise_mark(struct ota_orchestrator *o)
{
    const uint32_t interval =
        larger(ota_journal_mark_interval(o->cfg.store, o->journal.file_size), o->cfg.block_size);
    const uint32_t safe = ota_stream_stored_below(&o->stream);
    if (safe >= o->journal.file_size || safe < o->journal.mark + interval) {
        return OTA_OK;
    }
    const ota_err_t err = ota_journal_mark(o->cfg.store, safe);
    if (err == OTA_OK) {
        o->journal.mark = safe;
    }
    return err;
}

static void store_block(struct ota_orchestrator *o, const struct ota_block *block, ota_ms_t now)
{
    ota_err_t err = ota_store_write(o->cfg.store, o->journal.slot, block->offset, block->data);
    if (err == OTA_OK) {
        ota_stream_stored(&o->stream, block->offset, now);
        err = raise_mark(o);
    }
    if (err != OTA_OK) {
        o->answered = (uint8_t)ota_fail(o, OTA_REASON_ERROR, err, V_FAIL);
        return;
    }
    o->received++;
    o->stats.blocks++;
    o->stats.bytes += (uint32_t)block->data.len;
}

void ota_claim_on_block(struct ota_orchestrator *o, const struct ota_block *block, ota_ms_t now)
{
    if (block->data.len == 0 || o->answered != V_WAIT) {
        return; /* here already; or the claim is over */
    }
    if (o->journal.state == OTA_JOURNAL_RECEIVING) {
        store_block(o, block, now);
        return;
    }
    keep_early(o, block);
    ota_stream_stored(&o->stream, block->offset, now);
}

/* --- the early checks -------------------------------------------------------------- */

/* An image that runs unconfirmed has failed its test before: installing it again would not mend it. */
static enum verdict already_installed(struct ota_orchestrator *o)
{
    enum ota_confirmed confirmed;
    if (ota_own_confirmed(o, &confirmed) != OTA_OK) {
        return V_HALT;
    }
    if (confirmed == OTA_CONFIRMED_NO) {
        return ota_fail(o, OTA_REASON_NO_WAY_BACK, OTA_OK, o->untouched ? V_REFUSE : V_FAIL);
    }
    o->journal.slot = o->cfg.running;
    return ota_fail(o, OTA_REASON_ALREADY_INSTALLED, OTA_OK, V_INSTALLED);
}

static enum verdict check_early(struct ota_orchestrator *o)
{
    const struct ota_image_header *h = &o->u.early.header;
    const uint32_t offset = ota_image_tlvs_offset(h);
    const struct ota_span tlvs = { o->u.early.tlvs, o->journal.file_size - offset };
    struct ota_image image;
    struct ota_store_facts facts;

    ota_err_t err = ota_image_read(h, tlvs, &image);
    if (err == OTA_OK) {
        err = ota_store_facts(o->cfg.store, &facts);
    }
    if (err == OTA_OK) {
        err = ota_image_check(&image, o->cfg.trust, facts.counter, o->cfg.crypto);
    }
    if (err == OTA_OK && o->source.has_digest &&
        memcmp(image.digest, o->source.digest, OTA_DIGEST_SIZE) != 0) {
        err = OTA_E_IMAGE_OTHER;
    }
    const struct ota_region room = ota_store_image_region(o->cfg.store, o->journal.slot);
    if (err == OTA_OK && (h->flags & OTA_IMAGE_FLAG_ROM_FIXED) != 0 &&
        h->load_address != room.offset) {
        err = OTA_E_IMAGE_SLOT;
    }
    if (err == OTA_OK && image.size > room.size) {
        err = OTA_E_IMAGE_SIZE;
    }
    if (err == OTA_OK && image.counter > facts.counter_max) {
        err = OTA_E_IMAGE_COUNTER_ROOM;
    }
    if (err != OTA_OK) {
        return refuse(o, err == OTA_E_TRUNCATED ? OTA_E_IMAGE_FORMAT : err);
    }
    if (memcmp(image.digest, o->own.digest, OTA_DIGEST_SIZE) == 0) {
        return already_installed(o);
    }
    o->journal.version = h->version;
    o->step = OWN;
    return V_MORE;
}

/* --- burning ------------------------------------------------------------------------ */

/* A running image that rotted must not erase the one that could replace it. */
static enum verdict look_before_burning(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const enum ota_slot slot = o->step == OWN ? o->cfg.running : o->journal.slot;
    enum ota_slot_class class;
    if (ota_classify_slot(o, slot, &class) == V_MORE) {
        return V_MORE;
    }
    if (o->step == OWN && class == OTA_SLOT_INVALID) {
        o->step = OTHER;
        return V_MORE;
    }
    /* What is INCOMPLETE never boots: a reset would leave nothing at all. */
    if (o->step == OTHER && class != OTA_SLOT_INVALID && class != OTA_SLOT_INCOMPLETE) {
        return ota_reboot(o, effect);
    }
    o->at = 0;
    o->untouched = false;
    o->step = BURN;
    return V_MORE;
}

static enum verdict burn(struct ota_orchestrator *o)
{
    ota_err_t err = ota_store_erase_step(o->cfg.store, o->journal.slot, &o->at);
    if (err == OTA_OK && o->at < o->cfg.store->layout->slot[o->journal.slot].size) {
        return V_MORE;
    }
    if (err == OTA_OK) {
        err = ota_store_mark_download(o->cfg.store, o->journal.slot);
    }
    o->journal.mark = 0;
    o->fresh = true;
    return err == OTA_OK ? V_OK : ota_fail(o, OTA_REASON_ERROR, err, V_FAIL);
}

enum verdict ota_deed_claim(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    (void)now;
    if (ota_take_command(o, OTA_COMMAND_ABORT)) {
        return ota_fail(o, OTA_REASON_ABORTED, OTA_OK, o->untouched ? V_REFUSE : V_FAIL);
    }
    switch (o->step) {
    case KNOW:
    case TAKE:
    case TAKING: return own_the_job(o);
    case TAKEN: return fetch_head(o);
    case HEAD: return ota_stream_idle(&o->stream) ? fetch_tail(o) : V_WAIT;
    case TAIL:
        if (!ota_stream_idle(&o->stream)) {
            return V_WAIT;
        }
        o->step = CHECK;
        return V_MORE;
    case CHECK: return check_early(o);
    case OWN:
    case OTHER: return look_before_burning(o, effect);
    default: return burn(o);
    }
}

/* --- RECEIVING ------------------------------------------------------------------------ */

/* Where a download can go on: the mark, at the begin of a block and of a sector. */
static uint32_t resume_at(const struct ota_orchestrator *o)
{
    const struct ota_region *slot = &o->cfg.store->layout->slot[o->journal.slot];
    uint32_t at = o->journal.mark < o->journal.file_size ? o->journal.mark : 0;
    for (;;) { /* each round goes down, and 0 is both */
        at -= at % o->cfg.block_size;
        const struct ota_region sector = ota_flash_sector(o->cfg.store->flash, slot->offset + at);
        if (sector.offset == slot->offset + at) {
            return at;
        }
        at = sector.offset - slot->offset;
    }
}

/* Has someone erased what the journal promises: the bytes below `begin`, or the download mark? */
static ota_err_t find_gone(struct ota_orchestrator *o, uint32_t begin, bool *gone)
{
    bool blank;
    struct ota_store_facts facts;
    ota_err_t err = ota_target_blank(o, &blank);
    if (err == OTA_OK) {
        err = ota_store_facts(o->cfg.store, &facts);
    }
    if (err == OTA_OK) {
        *gone = (blank && begin > 0) || facts.slot[o->journal.slot].download == OTA_MARK_UNSET;
    }
    return err;
}

/* The job is ours; the mark tells what is here. */
static enum verdict begin_receiving(struct ota_orchestrator *o)
{
    bool gone;
    const uint32_t begin = resume_at(o);
    const ota_err_t err = find_gone(o, begin, &gone);
    if (err != OTA_OK) {
        return ota_fail(o, OTA_REASON_ERROR, err, V_FAIL);
    }
    if (gone) {
        return V_GONE;
    }
    if (begin != o->journal.mark) {
        o->journal.mark = begin; /* what lies behind is about to be erased */
        if (ota_journal_write(o->cfg.store, &o->journal) != OTA_OK) {
            return V_HALT;
        }
    }
    if (begin > 0) {
        ota_event(o, OTA_EVENT_RESUMED, begin, o->journal.file_size);
    }
    const bool just_erased = o->at == o->cfg.store->layout->slot[o->journal.slot].size;
    o->at = just_erased ? o->at : begin;
    o->step = CLEAN;
    return V_MORE;
}

static enum verdict clean(struct ota_orchestrator *o)
{
    const struct ota_region room = ota_store_image_region(o->cfg.store, o->journal.slot);
    if (o->at < room.size) {
        const ota_err_t err = ota_store_clean_step(o->cfg.store, o->journal.slot, &o->at);
        return err == OTA_OK ? V_MORE : ota_fail(o, OTA_REASON_ERROR, err, V_FAIL);
    }
    o->at = 0; /* from here on nothing is blank for sure */
    if (begin_stream(o) != V_OK) {
        return ota_fail(o, OTA_REASON_ERROR, OTA_E_JOB_DOCUMENT, V_FAIL);
    }
    const uint32_t begin = resume_at(o);
    ota_stream_fetch(&o->stream, begin, o->journal.file_size);
    o->received = begin / o->cfg.block_size;
    o->told = o->published = 0;
    o->step = FETCH;
    return V_MORE;
}

static enum verdict tell_progress(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const uint32_t total = ota_claim_block_count(o);
    const uint32_t sixteenth = total / PUBLISHES_AT_LEAST + 1u;
    const uint32_t every = sixteenth < PUBLISH_EVERY ? sixteenth : PUBLISH_EVERY;
    if (o->received != o->told &&
        (o->received - o->told >= total / EVENTS_PER_FILE || o->received == total)) {
        o->told = o->received;
        ota_event(o, OTA_EVENT_PROGRESS, o->received, total);
        return V_MORE;
    }
    if (o->received > 0 && (o->published == 0 || o->received - o->published >= every)) {
        o->published = o->received;
        return ota_publish_receive(o, effect);
    }
    return V_WAIT;
}

enum verdict ota_deed_receive(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    (void)now;
    if (ota_take_command(o, OTA_COMMAND_ABORT)) {
        return ota_fail(o, OTA_REASON_ABORTED, OTA_OK, V_FAIL);
    }
    switch (o->step) {
    case KNOW:
    case TAKE:
    case TAKING: return own_the_job(o);
    case TAKEN: return begin_receiving(o);
    case CLEAN: return clean(o);
    default: break;
    }
    const enum verdict v = tell_progress(o, effect);
    if (v != V_WAIT) {
        return v;
    }
    return ota_stream_idle(&o->stream) ? V_OK : V_WAIT;
}
