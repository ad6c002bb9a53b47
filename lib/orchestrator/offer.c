/*
 * An offer: is it for us, or does the provider still mean the claim that we hold?
 */
#include "files_engine.h"

#include <string.h>

/* Early refusals from the document alone. It is advice: what passes here is checked again in the image. */
OTA_APART static ota_err_t check_advice(struct ota_orchestrator *o, const struct ota_reading *r)
{
    const struct ota_trust *trust = o->cfg.trust;
    const struct ota_jobdoc *doc = &r->doc;
    const struct ota_region room = ota_store_image_region(o->cfg.store, o->journal.slot);
    const ota_err_t err = ota_look(o);
    if (err != OTA_OK) {
        return err;
    }
    if (!ota_fetch_offered(o, doc, &r->file)) {
        return OTA_E_JOB_PROTOCOL;
    }
    if (doc->has_class && memcmp(doc->class_id, trust->class_id, OTA_UUID_SIZE) != 0) {
        return OTA_E_IMAGE_CLASS;
    }
    if (doc->has_hw && (trust->hw_revision < doc->hw_min || trust->hw_revision > doc->hw_max)) {
        return OTA_E_IMAGE_HARDWARE;
    }
    if (doc->has_counter && doc->counter < o->facts.counter) {
        return OTA_E_IMAGE_COUNTER;
    }
    if (!r->no_image && r->file.size > room.size) {
        return OTA_E_IMAGE_SIZE;
    }
    return ota_jobdoc_signature(&r->file, o->journal.signature);
}

/*
 * Until here `file` is the image, if there is one. If it is a data file's turn, or there is nothing but
 * data files, it is that one.
 */
static void turn_to_file(struct ota_orchestrator *o, struct ota_reading *r)
{
    const struct ota_journal *const j = &o->journal;
    const bool held = ota_holds_claim(o);
    const uint8_t index = held && j->file < r->files ? j->file : 0;
    if (r->parser->names_image(&r->doc, o->own.digest)) {
        r->no_image = true;
    }
    if (r->files > 0 && (held ? j->no_image || j->state == OTA_JOURNAL_FILES : r->no_image)) {
        o->cfg.files->engine->find(o, r, index);
    }
}

/* The image, and what comes with it. */
static ota_err_t choose(struct ota_orchestrator *o, struct ota_reading *r)
{
    ota_err_t err = ota_files_allowed(o, r);
    if (err == OTA_OK) {
        err = r->parser->choose(&r->doc, (unsigned)ota_slot_other(o->cfg.running), &r->file);
    }
    if (err == OTA_OK && r->file.size == 0) {
        err = OTA_E_JOB_DOCUMENT; /* ours says so itself; others may not */
    }
    /* Where sources name the image, none of them is for this device. */
    r->no_image = err == OTA_E_JOB_NO_FILE && r->doc.sources.text.len == 0;
    if (err == OTA_OK || r->no_image) {
        err = ota_bytes_id(o, r);
    }
    if (err == OTA_OK && r->no_image && r->files == 0) {
        err = OTA_E_JOB_NO_FILE;
    }
    return err;
}

static ota_err_t read_document(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                               struct ota_reading *r)
{
    if (offer->document.text.len == 0) {
        return OTA_E_JOB_TOO_LARGE;
    }
    ota_err_t err = ota_parser_chain_read(o->cfg.parsers, &offer->document, &r->doc, &r->parser);
    if (err == OTA_OK) {
        err = choose(o, r);
    }
    if (err == OTA_OK) {
        turn_to_file(o, r);
    }
    return err;
}

static void take_identity(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                          const struct ota_reading *r)
{
    o->ticket += r->same_execution ? 0 : 1u;
    o->journal.job_id_len = offer->job_id_len;
    memcpy(o->journal.job_id, offer->job_id, sizeof o->journal.job_id);
    o->journal.execution = offer->execution;
}

static void take_wanted(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                        const struct ota_reading *r)
{
    o->wanted.has_digest = r->doc.has_digest;
    memcpy(o->wanted.digest, r->doc.digest, sizeof o->wanted.digest);
    o->version = offer->version;
    o->must_take = offer->status == OTA_JOB_QUEUED;
    o->claim_known = true;
}

static bool same_report(const struct ota_orchestrator *o, const struct ota_job_offer *offer)
{
    const struct ota_journal *j = &o->journal;
    return offer->execution == j->execution && offer->job_id_len == j->job_id_len &&
           memcmp(offer->job_id, j->job_id, j->job_id_len) == 0;
}

void ota_offer_forget(struct ota_orchestrator *o)
{
    o->offered = OTA_OFFERED_NOTHING;
    o->commands &= (uint16_t)(1u << OTA_COMMAND_CHECK);
    ota_undefer(o);
}

/* Nothing is claimed: what was said of another offer does not hold for this one. */
static void make_room(struct ota_orchestrator *o, const struct ota_reading *r)
{
    if (!r->same_execution) {
        ota_offer_forget(o);
    }
    o->offered = OTA_OFFERED_NOTHING;
    o->untouched = true;
    o->journal = (struct ota_journal){ .slot = ota_slot_other(o->cfg.running) };
}

/* Is this for us? V_OK: then the journal has what is known of it. */
static enum verdict consider(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                             const struct ota_reading *r)
{
    ota_err_t err = r->err;
    if (err == OTA_E_NOT_FOUND) {
        if (o->cfg.custom != NULL) {
            o->cfg.custom->offered(o, offer);
            return V_WAIT;
        }
        /* For the application's eyes; the job is refused all the same. */
        ota_event(o, OTA_EVENT_CUSTOM_JOB);
        o->event.as.event.document = offer->document.text;
        err = OTA_E_JOB_DOCUMENT;
    }
    if (err == OTA_OK && r->parser->names_image(&r->doc, o->own.digest)) {
        if (o->mode == OTA_MODE_STAY) {
            return ota_fail(o, OTA_REASON_NO_WAY_BACK);
        }
        if (r->files == 0) {
            o->journal.slot = o->cfg.running;
            (void)ota_fail(o, OTA_REASON_ALREADY_INSTALLED);
            return V_INSTALLED;
        }
    }
    if (err == OTA_OK) {
        err = check_advice(o, r);
    }
    if (err != OTA_OK) {
        return ota_fail_with(o, err);
    }
    o->journal.file_size = r->file.size;
    o->journal.files = r->files;
    o->journal.no_image = r->no_image;
    memcpy(o->journal.bytes_id, r->bytes_id, sizeof o->journal.bytes_id);
    return V_OK;
}

static bool same_bytes(const struct ota_orchestrator *o, const struct ota_reading *r)
{
    return r->err == OTA_OK && memcmp(r->bytes_id, o->journal.bytes_id, OTA_DIGEST_SIZE) == 0;
}

/*
 * We hold a claim: does the provider still mean it? V_WAIT: it says nothing of that; V_MORE: yes;
 * V_AGAIN: the same bytes for another execution. Then what is here stays, and the result is for
 * that one; nobody hears of it before it is recorded.
 */
static enum verdict compare(struct ota_orchestrator *o, const struct ota_reading *r)
{
    if (r->same_execution && o->claim_known && r->err == OTA_E_JOB_TOO_LARGE) {
        return V_WAIT; /* asked without the document: it has not changed */
    }
    /* Another execution has its own signatures; and so has another file. */
    const bool same_signature = r->same_execution && r->files == 0;
    if (!same_bytes(o, r) ||
        (!same_signature && ota_jobdoc_signature(&r->file, o->journal.signature) != OTA_OK)) {
        ota_event(o, OTA_EVENT_CANCELED);
        return V_DROP;
    }
    o->journal.file_size = r->file.size;
    const bool same_source = ota_fetch_take(o, &r->doc, &r->file);
    if (r->same_execution && same_source && o->claim_known) {
        return V_MORE;
    }
    if (!o->next_file) {
        ota_spend(o); /* it was not we who wanted to know */
    }
    o->next_file = false;
    ota_fetch_stop(o);
    if (r->same_execution) {
        o->step = 0; /* the deed begins again with what it now knows */
        return V_MORE;
    }
    ota_jobs_hush(&o->jobs);
    return V_AGAIN;
}

/* What the offer comes to, and what is kept of it. */
static enum verdict take_offer(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                               const struct ota_reading *r)
{
    const bool held = ota_holds_claim(o);
    enum verdict v = V_OK;
    if (!held) {
        make_room(o, r);
    } else {
        v = compare(o, r);
        if (v == V_WAIT || v == V_DROP) {
            return v;
        }
    }
    take_identity(o, offer, r);
    if (!held) {
        v = consider(o, offer, r);
        if (v != V_OK) {
            return v;
        }
    }
    take_wanted(o, offer, r);
    if (!held && o->cfg.policy == OTA_POLICY_ASK) {
        o->offered = OTA_OFFERED_IMAGE;
        if (!o->deferred) {
            ota_event(o, OTA_EVENT_OFFER);
            o->event.as.event.value = r->file.size;
            o->event.as.event.document = offer->document.text;
        }
        return V_WAIT;
    }
    return v;
}

/* From ACTIVATING on what was decided goes on; the next job waits its turn. */
void ota_offer_judge(struct ota_orchestrator *o, const struct ota_job_offer *offer)
{
    if (o->journal.state == OTA_JOURNAL_NONE || ota_holds_claim(o)) {
        struct ota_reading r;
        r.same_execution = same_report(o, offer);
        if (ota_custom_runs(o)) {
            o->cfg.custom->compare(o, offer, r.same_execution);
            return;
        }
        r.err = read_document(o, offer, &r);
        const enum verdict v = take_offer(o, offer, &r);
        if (v >= V_LEAVES) {
            o->answered = (uint8_t)v;
        }
    }
}
