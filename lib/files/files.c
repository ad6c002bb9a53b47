/*
 * FILES: a job's data files, one after another, each by the handler of its type. A file is fetched, read back and
 * digested in pieces, and its deployment signature checked; then the provider is asked again, for the next
 * file's name, size and signature. So nothing is kept of those that are not being fetched.
 */
#include "../orchestrator/files_engine.h"
#include "ota/assert.h"

#include <string.h>

/* --- what a document asks for ------------------------------------------------------- */

static struct ota_file_handler *handler_for(const struct ota_orchestrator *o, uint8_t type,
                                            unsigned *index)
{
    const struct ota_files *const files = o->cfg.files;
    OTA_ASSERT(files->count <= OTA_FILE_HANDLERS_MAX);
    for (*index = 0; *index < files->count; ++*index) {
        OTA_ASSERT(files->handlers[*index]->type != 0); /* images are nobody's */
        if (files->handlers[*index]->type == type) {
            return files->handlers[*index];
        }
    }
    return NULL;
}

/* A walk through the document's data files. */
struct walk {
    struct ota_jobdoc_data at;
    struct ota_jobdoc_file found;
    struct ota_file file;
    struct ota_file_handler *handler; /* NULL: nobody's */
    uint8_t seen, nth[OTA_FILE_HANDLERS_MAX];
};

static bool next(const struct ota_orchestrator *o, const struct ota_reading *r, struct walk *w)
{
    unsigned index;
    if (r->parser->next_data == NULL || !r->parser->next_data(&r->doc, &w->at, &w->found)) {
        return false;
    }
    w->handler = handler_for(o, w->found.file_type, &index);
    w->file = (struct ota_file){
        .index = w->seen++,
        .nth = w->handler != NULL ? w->nth[index]++ : 0,
        .type = w->found.file_type,
        .id = w->found.file_id,
        .size = w->found.size,
    };
    return true;
}

static ota_err_t check_file(const struct walk *w)
{
    if (w->seen > OTA_JOURNAL_FILES_MAX || w->file.size == 0) {
        return OTA_E_JOB_DOCUMENT; /* ours says so itself; other parsers may not */
    }
    if (w->handler == NULL) {
        return OTA_E_JOB_FILE_TYPE;
    }
    uint8_t rs[OTA_P256_RS_SIZE]; /* only its form: what it is over is not here yet */
    const ota_err_t err = ota_jobdoc_signature(&w->found, rs);
    return err != OTA_OK ? err : w->handler->ops->check(w->handler, &w->file);
}

/* A signature names the bytes: an execution that is tried again brings the same text. */
OTA_APART static ota_err_t identify(struct ota_crypto *c, struct ota_sha256 *h,
                                    const struct walk *w)
{
    uint8_t front[6];
    struct ota_writer out = ota_writer(OTA_BUF_OF(front));
    ota_write_u32le(&out, w->file.size);
    ota_write_u8(&out, w->file.type);
    ota_write_u8(&out, 2); /* beside 0 and 1 of an image */
    const ota_err_t err = c->ops->sha256_update(c, h, ota_writer_done(&out));
    return err != OTA_OK ? err : c->ops->sha256_update(c, h, w->found.signature.text);
}

static ota_err_t survey(const struct ota_orchestrator *o, struct ota_reading *r,
                        struct ota_sha256 *h)
{
    struct walk w;
    memset(&w, 0, sizeof w);
    while (next(o, r, &w)) {
        ota_err_t err = check_file(&w);
        if (err == OTA_OK) {
            err = identify(o->cfg.crypto, h, &w);
        }
        if (err != OTA_OK) {
            return err;
        }
    }
    r->files = w.seen;
    return OTA_OK;
}

static void find(struct ota_orchestrator *o, struct ota_reading *r, uint8_t index)
{
    struct walk w;
    memset(&w, 0, sizeof w);
    for (unsigned i = 0; i <= index; i++) {
        (void)next(o, r, &w); /* survey() has seen so many */
    }
    r->file = w.found;
    o->file = w.file;
}

/* --- one file ------------------------------------------------------------------------- */

enum {
    RESUME = OTA_CLAIM_TAKEN,
    BEGIN,
    FETCH,
    DIGEST,
    TELL, /* the handler: it is verified */
};

/* There is one: the offer was surveyed. */
static struct ota_file_handler *mine(const struct ota_orchestrator *o)
{
    unsigned index;
    struct ota_file_handler *const h = handler_for(o, o->file.type, &index);
    OTA_ASSERT(h != NULL);
    return h;
}

/* A piece of the handler's work is done: once more, the next step, or the end. */
static enum verdict on_handler(struct ota_orchestrator *o, ota_err_t err, uint8_t next_step)
{
    if (err == OTA_E_BUSY) {
        return V_MORE;
    }
    if (err != OTA_OK) {
        return ota_fail_with(o, err);
    }
    o->step = next_step;
    return V_MORE;
}

/* Where it can go on: the mark, where both a block and what the handler likes begin. */
static enum verdict resume(struct ota_orchestrator *o)
{
    struct ota_file_handler *const h = mine(o);
    uint32_t at = o->journal.mark < o->journal.file_size ? o->journal.mark : 0;
    for (uint32_t was = at + 1u; at < was;) { /* each round goes down, and 0 is both */
        was = at - at % o->cfg.block_size;
        at = h->ops->resume(h, &o->file, was);
        OTA_ASSERT(at <= was);
    }
    if (at != o->journal.mark) {
        o->journal.mark = at; /* what lies behind is about to go */
        if (ota_journal_write(o->cfg.store, &o->journal) != OTA_OK) {
            return V_HALT;
        }
    }
    if (at > 0) {
        ota_event(o, OTA_EVENT_RESUMED);
        o->event.as.event.value = at;
        o->event.as.event.total = o->journal.file_size;
    }
    o->verified = false; /* no image is: its room is needed */
    o->step = BEGIN;
    return V_MORE;
}

static enum verdict begin(struct ota_orchestrator *o)
{
    struct ota_file_handler *const h = mine(o);
    const enum verdict v = on_handler(o, h->ops->begin(h, &o->file, o->journal.mark), FETCH);
    if (o->step != FETCH) {
        return v;
    }
    o->received = o->journal.mark / o->cfg.block_size;
    o->told = o->published = 0;
    return ota_fetch_begin(o, o->journal.mark, o->journal.file_size);
}

static ota_err_t store(struct ota_orchestrator *o, const struct ota_block *block)
{
    struct ota_file_handler *const h = mine(o);
    return h->ops->write(h, &o->file, block->offset, block->data);
}

static enum verdict fetch(struct ota_orchestrator *o, struct ota_effect *effect)
{
    enum verdict v = ota_claim_tell_progress(o, effect);
    if (v == V_WAIT) {
        v = ota_claim_await_blocks(o);
    }
    if (v != V_OK) {
        return v;
    }
    ota_fetch_stop(o); /* the digest takes its room */
    o->at = 0;
    return on_handler(o, o->cfg.crypto->ops->sha256_begin(o->cfg.crypto, &o->u.digest.hash),
                      DIGEST);
}

static ota_err_t digest_piece(struct ota_orchestrator *o)
{
    struct ota_file_handler *const h = mine(o);
    const uint32_t left = o->journal.file_size - o->at;
    const uint32_t len = left < OTA_VERIFY_PIECE ? left : OTA_VERIFY_PIECE;
    uint8_t *const piece = o->u.digest.piece;
    const ota_err_t err = h->ops->read(h, &o->file, o->at, (struct ota_buf){ piece, len });
    if (err != OTA_OK) {
        return err;
    }
    o->at += len;
    return o->cfg.crypto->ops->sha256_update(o->cfg.crypto, &o->u.digest.hash,
                                             (struct ota_span){ piece, len });
}

OTA_APART static ota_err_t check_digest(struct ota_orchestrator *o)
{
    uint8_t digest[OTA_DIGEST_SIZE];
    const ota_err_t err = o->cfg.crypto->ops->sha256_peek(o->cfg.crypto, &o->u.digest.hash, digest);
    return err != OTA_OK
               ? err
               : ota_deployment_check(digest, o->journal.signature, o->cfg.trust, o->cfg.crypto);
}

static enum verdict digest(struct ota_orchestrator *o)
{
    ota_err_t err = OTA_OK;
    for (uint32_t budget = OTA_VERIFY_BUDGET;
         err == OTA_OK && budget > 0 && o->at < o->journal.file_size; budget -= OTA_VERIFY_PIECE) {
        err = digest_piece(o);
    }
    if (err == OTA_OK && o->at < o->journal.file_size) {
        return V_MORE;
    }
    return on_handler(o, err == OTA_OK ? check_digest(o) : err, TELL);
}

static enum verdict tell(struct ota_orchestrator *o)
{
    struct ota_file_handler *const h = mine(o);
    const ota_err_t err = h->ops->verified(h, &o->file);
    if (err != OTA_OK) {
        return on_handler(o, err, TELL);
    }
    o->at = 0;
    o->journal.file++;
    ota_event(o, OTA_EVENT_FILE_COMPLETE);
    o->event.as.event.value = o->journal.file;
    o->event.as.event.total = o->journal.files;
    if (o->journal.file < o->journal.files || !o->journal.no_image) {
        ota_claim_next_file(o);
    }
    return o->journal.file < o->journal.files ? V_FILES : V_OK;
}

static enum verdict receive(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const enum verdict taken = ota_claim_take(o);
    if (taken != V_OK) {
        return taken;
    }
    switch (o->step) {
    case RESUME: return resume(o);
    case BEGIN: return begin(o);
    case FETCH: return fetch(o, effect);
    case DIGEST: return digest(o);
    default: return tell(o);
    }
}

/* --- the job ----------------------------------------------------------------------------- */

static ota_err_t ask_one(struct ota_file_handler *h, enum ota_files_verb verb)
{
    switch (verb) {
    case OTA_FILES_APPLY: return h->ops->apply(h);
    case OTA_FILES_KEEP: return h->ops->keep(h);
    case OTA_FILES_DISCARD: break;
    }
    return h->ops->discard(h);
}

/* Each once more whenever one is busy: what is done already is done at once. */
static enum verdict ask(struct ota_orchestrator *o, enum ota_files_verb verb)
{
    for (unsigned i = 0; i < o->cfg.files->count; i++) {
        const ota_err_t err = ask_one(o->cfg.files->handlers[i], verb);
        if (err == OTA_E_BUSY) {
            return V_MORE;
        }
        if (err != OTA_OK) {
            return verb == OTA_FILES_APPLY ? ota_fail_with(o, err) : V_HALT;
        }
    }
    return V_OK;
}

const struct ota_files_engine ota_files_engine = {
    .survey = survey,
    .find = find,
    .receive = receive,
    .store = store,
    .ask = ask,
};
