/*
 * CLAIMED and RECEIVING: from the offer to the bytes in flash.
 *
 * Head and tail come first: the header, then the TLVs, cost a block or two and
 * can refuse nearly everything before a sector is erased.
 */
#include "files_engine.h"
#include "ota/assert.h"

#include <string.h>

/* Provider: a progress report each 64 blocks, as the agents before sent; small files are shown in sixteenths. */
#define PUBLISH_EVERY      64u
#define PUBLISHES_AT_LEAST 16u
/* Application: about so many progress events per download. */
#define EVENTS_PER_FILE 50u

/* Steps, behind those of ota_claim_take(). */
enum {
    TAKEN = OTA_CLAIM_TAKEN,
    /* CLAIMED: */
    HEAD,  /* the first block is on its way */
    TAIL,  /* the TLVs are on their way */
    OWN,   /* look before you burn: the running image must verify ... */
    OTHER, /* ... or the target must not */
    BURN,  /* erase */
    WIPE,  /* forget data files of whatever job */
    /* RECEIVING: */
    CLEAN, /* make blank what lies behind the mark */
    FETCH, /* blocks are on their way */
};

uint32_t ota_claim_block_count(const struct ota_orchestrator *o)
{
    return (o->journal.file_size - 1u) / o->cfg.block_size + 1u;
}

/* --- taking the job ---------------------------------------------------------- */

void ota_claim_tell(struct ota_orchestrator *o)
{
    struct ota_jobs_update update;
    ota_update_of(o, OTA_JOB_IN_PROGRESS, &update);
    update.expected_version = o->version; /* this execution as it was offered, or not at all */
    ota_jobs_tell(&o->jobs, &update);
}

void ota_claim_look_again(struct ota_orchestrator *o)
{
    ota_fetch_stop(o);
    o->claim_known = false;
    o->step = OTA_CLAIM_KNOW;
    ota_check(o);
}

void ota_claim_on_answer(struct ota_orchestrator *o, const struct ota_jobs_news *news)
{
    if (o->step != OTA_CLAIM_TAKING) {
        return;
    }
    if (news->kind == OTA_JOBS_NEWS_ACCEPTED) {
        o->must_take = false;
        o->step = TAKEN;
        ota_event(o, OTA_EVENT_CLAIMED);
        o->event.as.event.value = o->journal.file_size;
    } else if (news->answer.code == OTA_WIRE_VersionMismatch &&
               !ota_job_status_terminal(news->answer.status)) {
        ota_claim_look_again(o);
    } else {
        ota_event(o, OTA_EVENT_CANCELED);
        o->answered = V_DROP;
    }
}

enum verdict ota_claim_take(struct ota_orchestrator *o)
{
    const enum verdict said = ota_obey(o);
    if (said != V_WAIT) {
        return said;
    }
    switch (o->step) {
    case OTA_CLAIM_KNOW:
        if (!o->claim_known) {
            return V_WAIT;
        }
        if (o->must_take) {
            ota_claim_tell(o);
        }
        o->step = o->must_take ? OTA_CLAIM_TAKING : OTA_CLAIM_TAKEN;
        return V_MORE;
    case OTA_CLAIM_TAKING: return V_WAIT;
    default: return V_OK;
    }
}

void ota_claim_next_file(struct ota_orchestrator *o)
{
    ota_claim_look_again(o);
    o->journal.mark = 0;
    o->next_file = true;
}

/* --- head and tail ---------------------------------------------------------------- */

/* Ask for the bytes from `begin` to `end` of the file; what comes belongs to `step`. */
static enum verdict fetch(struct ota_orchestrator *o, uint8_t step, uint32_t begin, uint32_t end)
{
    o->step = step;
    return ota_fetch_begin(o, begin, end);
}

static enum verdict fetch_head(struct ota_orchestrator *o)
{
    const uint32_t size = o->journal.file_size;
    memset(&o->u.fetch, 0, sizeof o->u.fetch);
    o->verified = false;
    return fetch(o, HEAD, 0, size < o->cfg.block_size ? size : o->cfg.block_size);
}

static enum verdict fetch_tail(struct ota_orchestrator *o)
{
    const uint32_t begin = ota_image_tlvs_offset(&o->u.fetch.header);
    const uint32_t size = o->journal.file_size;
    if (begin >= size) {
        return ota_fail_with(o, OTA_E_IMAGE_FORMAT); /* also a head that was no header: all zero */
    }
    if (size - begin > OTA_IMAGE_TLVS_MAX) {
        return ota_fail_with(o, OTA_E_IMAGE_TRAILING);
    }
    return fetch(o, TAIL, begin, size);
}

/* Head or tail: keep what the early checks look at. */
static ota_err_t keep_early(struct ota_orchestrator *o, const struct ota_block *block)
{
    if (o->step == HEAD) {
        return ota_image_header_read(block->data, &o->u.fetch.header) == OTA_OK
                   ? OTA_OK
                   : OTA_E_IMAGE_FORMAT;
    }
    const uint32_t tlvs = ota_image_tlvs_offset(&o->u.fetch.header);
    const uint32_t end = block->offset + (uint32_t)block->data.len;
    const uint32_t from = block->offset > tlvs ? block->offset : tlvs;
    /* The sources give blocks of what was asked for, and all of them hold some of it. */
    OTA_ASSERT(from < end && end - tlvs <= sizeof o->u.fetch.tlvs);
    memcpy(o->u.fetch.tlvs + (from - tlvs), block->data.ptr + (from - block->offset), end - from);
    return OTA_OK;
}

ota_err_t ota_claim_keep(struct ota_orchestrator *o, const struct ota_block *block)
{
    if (o->journal.state == OTA_JOURNAL_CLAIMED) {
        return keep_early(o, block);
    }
    const ota_err_t err =
        o->journal.state == OTA_JOURNAL_FILES
            ? o->cfg.files->engine->store(o, block)
            : ota_store_write(o->cfg.store, o->journal.slot, block->offset, block->data);
    if (err == OTA_OK) {
        o->received++;
        o->stats.blocks++;
        o->stats.bytes += (uint32_t)block->data.len;
    }
    return err;
}

/* --- the early checks -------------------------------------------------------------- */

/* May the image whose head and tail are here run on this device, from the claim's slot? */
static ota_err_t check_image(struct ota_orchestrator *o)
{
    struct ota_image *image = &o->u.fetch.image;
    const struct ota_image_header *h = &o->u.fetch.header;
    const struct ota_span tlvs = { o->u.fetch.tlvs,
                                   o->journal.file_size - ota_image_tlvs_offset(h) };
    const struct ota_region room = ota_store_image_region(o->cfg.store, o->journal.slot);

    ota_err_t err = ota_image_read(h, tlvs, image);
    if (err == OTA_OK) {
        err = ota_look(o);
    }
    if (err == OTA_OK) {
        err = ota_image_check(image, o->cfg.trust, o->facts.counter, o->cfg.crypto);
    }
    if (err != OTA_OK) {
        return err == OTA_E_TRUNCATED ? OTA_E_IMAGE_FORMAT : err;
    }
    if (o->wanted.has_digest && memcmp(image->digest, o->wanted.digest, OTA_DIGEST_SIZE) != 0) {
        return OTA_E_IMAGE_OTHER;
    }
    if ((h->flags & OTA_IMAGE_FLAG_ROM_FIXED) != 0 && h->load_address != room.offset) {
        return OTA_E_IMAGE_SLOT;
    }
    return image->counter > o->facts.counter_max ? OTA_E_IMAGE_COUNTER_ROOM : OTA_OK;
}

/* Data files come before the image. */
static enum verdict begin_files(struct ota_orchestrator *o)
{
    o->untouched = false;
    o->step = WIPE;
    return V_MORE;
}

static enum verdict check_early(struct ota_orchestrator *o)
{
    const struct ota_image *image = &o->u.fetch.image;
    ota_fetch_stop(o); /* the image takes its room */
    const ota_err_t err = check_image(o);
    if (err != OTA_OK) {
        return ota_fail_with(o, err);
    }
    o->journal.version = image->header.version;
    o->step = OWN;
    if (memcmp(image->digest, o->own.digest, OTA_DIGEST_SIZE) != 0) {
        return V_MORE;
    }
    /* It runs already. Unconfirmed, it has failed its test before: installing it again would not mend it. */
    if (o->confirmed == OTA_CONFIRMED_NO) {
        return ota_fail(o, OTA_REASON_NO_WAY_BACK);
    }
    if (o->journal.files > 0) {
        o->journal.no_image = true; /* what is left of the job */
        return begin_files(o);
    }
    o->journal.slot = o->cfg.running;
    (void)ota_fail(o, OTA_REASON_ALREADY_INSTALLED);
    return V_INSTALLED;
}

/* --- burning ------------------------------------------------------------------------ */

/* A running image that rotted must not erase the one that could replace it. */
static enum verdict look_before_burning(struct ota_orchestrator *o, struct ota_effect *effect)
{
    if (ota_classify_slot(o, o->step == OWN ? o->cfg.running : o->journal.slot) == V_MORE) {
        return V_MORE;
    }
    if (o->step == OWN && o->slot_class == OTA_SLOT_INVALID) {
        o->step = OTHER;
        return V_MORE;
    }
    /* What is INCOMPLETE never boots: a reset would leave nothing at all. */
    if (o->step == OTHER && o->slot_class != OTA_SLOT_INVALID &&
        o->slot_class != OTA_SLOT_INCOMPLETE) {
        return ota_reboot(o, effect);
    }
    o->at = 0;
    o->untouched = false;
    o->step = BURN;
    return V_MORE;
}

/* What a journal that was lost has left behind is not this job's. */
static enum verdict wipe(struct ota_orchestrator *o)
{
    const enum verdict v = ota_files_ask(o, OTA_FILES_DISCARD);
    if (v != V_OK) {
        return v;
    }
    o->journal.file = 0;
    ota_claim_next_file(o);
    return V_FILES;
}

static uint32_t slot_size(const struct ota_orchestrator *o)
{
    return o->cfg.store->layout->slot[o->journal.slot].size;
}

static enum verdict burn(struct ota_orchestrator *o)
{
    ota_err_t err = ota_store_erase_step(o->cfg.store, o->journal.slot, &o->at);
    if (err == OTA_OK && o->at < slot_size(o)) {
        return V_MORE;
    }
    if (err == OTA_OK) {
        err = ota_store_mark_download(o->cfg.store, o->journal.slot);
    }
    o->journal.mark = 0;
    o->fresh = true;
    if (err != OTA_OK) {
        return ota_fail_with(o, err);
    }
    return o->journal.files > 0 ? begin_files(o) : V_OK;
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

/* The job is ours; the mark tells what is here. */
static enum verdict begin_receiving(struct ota_orchestrator *o)
{
    const uint32_t begin = resume_at(o);
    const bool blank = ota_target_blank(o);
    if (o->why == OTA_OK) {
        o->why = ota_look(o);
    }
    if (o->why != OTA_OK) {
        return ota_fail_with(o, o->why);
    }
    /* Has someone erased what the journal promises: the bytes below `begin`, or the download mark? */
    if ((blank && begin > 0) || o->facts.slot[o->journal.slot].download == OTA_MARK_UNSET) {
        return V_GONE;
    }
    if (begin != o->journal.mark) {
        o->journal.mark = begin; /* what lies behind is about to be erased */
        if (ota_journal_write(o->cfg.store, &o->journal) != OTA_OK) {
            return V_HALT;
        }
    }
    if (begin > 0) {
        ota_event(o, OTA_EVENT_RESUMED);
        o->event.as.event.value = begin;
        o->event.as.event.total = o->journal.file_size;
    }
    if (o->at != slot_size(o)) { /* not erased just now */
        o->at = begin;
    }
    o->step = CLEAN;
    return V_MORE;
}

static enum verdict clean(struct ota_orchestrator *o)
{
    if (o->at < ota_store_image_region(o->cfg.store, o->journal.slot).size) {
        const ota_err_t err = ota_store_clean_step(o->cfg.store, o->journal.slot, &o->at);
        return err == OTA_OK ? V_MORE : ota_fail_with(o, err);
    }
    const uint32_t begin = resume_at(o);
    o->at = 0; /* from here on nothing is blank for sure */
    o->received = begin / o->cfg.block_size;
    o->told = o->published = 0;
    return fetch(o, FETCH, begin, o->journal.file_size);
}

enum verdict ota_claim_tell_progress(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const uint32_t total = ota_claim_block_count(o);
    const uint32_t sixteenth = total / PUBLISHES_AT_LEAST + 1u;
    const uint32_t every = sixteenth < PUBLISH_EVERY ? sixteenth : PUBLISH_EVERY;
    if (o->received != o->told &&
        (o->received - o->told >= total / EVENTS_PER_FILE || o->received == total)) {
        o->told = o->received;
        ota_event(o, OTA_EVENT_PROGRESS);
        o->event.as.event.value = o->received;
        o->event.as.event.total = total;
        return V_MORE;
    }
    if (o->received > 0 && (o->published == 0 || o->received - o->published >= every)) {
        o->published = o->received;
        return ota_publish(o, OTA_SAY_RECEIVE, effect);
    }
    return V_WAIT;
}

/* --- both states ---------------------------------------------------------------------- */

enum verdict ota_claim_await_blocks(struct ota_orchestrator *o)
{
    if (ota_fetch_done(o)) {
        return V_OK;
    }
    if (!ota_fetch_is_vain(o)) {
        return V_WAIT;
    }
    /* Another source may have blocks in another order: it begins at the mark, as after a restart. */
    ota_fetch_stop(o);
    ota_spend(o);
    o->step = TAKEN;
    return V_MORE;
}

/* The steps in which blocks are on their way. */
static enum verdict while_fetching(struct ota_orchestrator *o, struct ota_effect *effect)
{
    enum verdict v = o->step == FETCH ? ota_claim_tell_progress(o, effect) : V_WAIT;
    if (v == V_WAIT) {
        v = ota_claim_await_blocks(o);
    }
    if (v != V_OK) {
        return v;
    }
    switch (o->step) {
    case HEAD: return fetch_tail(o);
    case TAIL: return check_early(o);
    default: return V_OK;
    }
}

/* The job is ours. */
static enum verdict begin(struct ota_orchestrator *o)
{
    if (o->journal.state == OTA_JOURNAL_RECEIVING) {
        return begin_receiving(o);
    }
    return o->journal.no_image ? begin_files(o) : fetch_head(o);
}

/* A flat switch: what each step does. */
enum verdict ota_deed_fetch(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const enum verdict taken = ota_claim_take(o);
    if (taken != V_OK) {
        return taken;
    }
    switch (o->step) {
    case TAKEN: return begin(o);
    case OWN:
    case OTHER: return look_before_burning(o, effect);
    case BURN: return burn(o);
    case WIPE: return wipe(o);
    case CLEAN: return clean(o);
    default: return while_fetching(o, effect);
    }
}
