#include "modular.h"
#include <string.h>

static void tell(struct modular *m, enum ota_job_status status, const char *reason)
{
    struct ota_writer w = ota_writer(OTA_BUF_OF(m->details));
    ota_write_str(&w, "{\"reason\":\"");
    ota_write_str(&w, reason);
    ota_write_str(&w, "\"}");
    const struct ota_jobs_update update = {
        .job_id = { m->journal.job_id, m->journal.job_id_len },
        .execution = m->journal.execution,
        .expected_version = status == OTA_JOB_IN_PROGRESS ? m->version : 0,
        .status = status,
        .details = ota_writer_done(&w),
    };
    ota_jobs_tell(&m->jobs, &update);
    m->state = status == OTA_JOB_IN_PROGRESS ? MODULAR_TAKING : MODULAR_REPORTING;
}

/* If not, the job has failed; the slot stays what it is, a download that did not come to its end. */
static bool ok(struct modular *m, ota_err_t err)
{
    if (err != OTA_OK) {
        tell(m, OTA_JOB_FAILED, ota_err_text(err));
    }
    return err == OTA_OK;
}

/* The provider has the result, or will not hear of the job any more. */
static void finish(struct modular *m, ota_ms_t ask_at)
{
    const bool in_flash = m->journal.state != OTA_JOURNAL_NONE;
    m->journal.state = OTA_JOURNAL_NONE;
    if (in_flash && ota_journal_write(m->cfg.installer.store, &m->journal) != OTA_OK) {
        return; /* this flash takes nothing any more: stand still, and tell again after a reset */
    }
    m->state = MODULAR_IDLE;
    m->ask_at = ask_at;
}

ota_err_t modular_init(struct modular *m, const struct modular_cfg *cfg)
{
    memset(m, 0, sizeof *m);
    m->cfg = *cfg;
    m->installer.cfg = cfg->installer;
    m->ask_at = OTA_NEVER;
    m->backoff = (struct ota_backoff){ cfg->jobs.retry_ms_min, cfg->jobs.retry_ms_max, 1 };
    ota_jobs_init(&m->jobs, &cfg->jobs);
    const ota_err_t err = ota_journal_read(cfg->installer.store, &m->journal);
    if (err == OTA_OK && m->journal.state == OTA_JOURNAL_ACTIVATING) {
        if (m->journal.slot != cfg->installer.running || cfg->rule == OTA_BOOT_LAST_RESORT) {
            tell(m, OTA_JOB_FAILED, "the image was not confirmed");
        } else if (cfg->rule == OTA_BOOT_CONFIRMED) {
            tell(m, OTA_JOB_SUCCEEDED, "installed");
        } else {
            m->state = MODULAR_TESTING;
        }
    }
    return err == OTA_E_NOT_FOUND ? OTA_OK : err;
}

void modular_tested(struct modular *m, bool good)
{
    if (good && installer_confirm(&m->installer) == OTA_OK) {
        tell(m, OTA_JOB_SUCCEEDED, "installed");
    } else {
        m->state = MODULAR_RESETTING; /* unconfirmed, so that the bootloader goes back */
    }
}

static ota_err_t prepare(struct modular *m, struct ota_json document)
{
    struct ota_stream_cfg cfg = m->cfg.stream;
    const struct ota_parser *parser;
    struct ota_jobdoc doc;
    struct ota_jobdoc_file file;
    ota_err_t err = ota_parser_chain_read(m->cfg.parsers, &document, &doc, &parser);
    m->fetches = err == OTA_OK;
    if (err == OTA_E_NOT_FOUND) {
        return m->cfg.custom(m->cfg.context, document);
    }
    if (err == OTA_OK) {
        err = parser->choose(&doc, (unsigned)ota_slot_other(m->cfg.installer.running), &file);
    }
    if (err == OTA_OK) {
        err = ota_json_string(&doc.stream, OTA_BUF_OF(m->stream_id), &cfg.stream);
    }
    if (err == OTA_OK) {
        cfg.file_id = file.file_id;
        cfg.file_size = file.size;
        err = ota_stream_init(&m->stream, &cfg);
    }
    return err == OTA_OK ? installer_begin(&m->installer, &file) : err;
}

static void consider(struct modular *m, const struct ota_job_offer *offer)
{
    struct ota_journal *const j = &m->journal;
    const struct ota_span id = { offer->job_id, offer->job_id_len };
    const struct ota_span ours = { j->job_id, j->job_id_len };
    if (m->state != MODULAR_IDLE && offer->execution == j->execution && ota_span_eq(id, ours)) {
        return; /* what we are at */
    }
    *j = (struct ota_journal){ .job_id_len = offer->job_id_len, .execution = offer->execution };
    memcpy(j->job_id, id.ptr, id.len);
    m->version = offer->version;
    const ota_err_t err = prepare(m, offer->document);
    const enum ota_job_status good = m->fetches ? OTA_JOB_IN_PROGRESS : OTA_JOB_SUCCEEDED;
    tell(m, err == OTA_OK ? good : OTA_JOB_REJECTED, err == OTA_OK ? "taken" : ota_err_text(err));
}

static void hear_jobs(struct modular *m, const struct ota_topic *topic, struct ota_span payload,
                      ota_ms_t now)
{
    struct ota_jobs_news news;
    if (ota_jobs_on_message(&m->jobs, topic, payload, &news) != OTA_OK) {
        return;
    }
    if (news.kind == OTA_JOBS_NEWS_ACCEPTED && m->state == MODULAR_TAKING) {
        m->state = MODULAR_ERASING;
    } else if (news.kind == OTA_JOBS_NEWS_ACCEPTED) {
        m->refusals = 0;
        finish(m, now);
    } else if (news.kind == OTA_JOBS_NEWS_REJECTED) {
        finish(m, ota_backoff_deadline(&m->backoff, m->refusals++, now));
    } else if (news.kind == OTA_JOBS_NEWS_CHANGED && !modular_is_settled(m)) {
        ota_jobs_ask(&m->jobs);
    } else if (news.kind == OTA_JOBS_NEWS_OFFER && !modular_is_settled(m)) {
        consider(m, &news.offer);
    } else if (news.kind == OTA_JOBS_NEWS_EMPTY && !modular_is_settled(m)) {
        ota_jobs_hush(&m->jobs);
        m->state = MODULAR_IDLE; /* whatever we were at has been canceled */
    }
}

static void hear_stream(struct modular *m, const struct ota_topic *topic, struct ota_span payload,
                        ota_ms_t now)
{
    const struct ota_buf no_room = { NULL, 0 }; /* CBOR needs none */
    struct ota_block block;
    const ota_err_t err = ota_stream_on_message(&m->stream, topic, payload, no_room, &block);
    if (err == OTA_E_NOT_FOUND) {
        (void)ok(m, err); /* the stream is gone; a bad message is just dropped */
    } else if (err == OTA_OK && block.data.len > 0 &&
               ok(m, ota_store_write(m->cfg.installer.store, m->installer.slot, block.offset,
                                     block.data))) {
        ota_stream_stored(&m->stream, block.offset, now);
        m->state = ota_stream_idle(&m->stream) ? MODULAR_VERIFYING : MODULAR_FETCHING;
    }
}

void modular_message(struct modular *m, struct ota_span text, struct ota_span payload, ota_ms_t now)
{
    struct ota_topic topic;
    if (ota_topic_parse(m->cfg.jobs.root, text, &topic) != OTA_OK) {
        return; /* the application's own */
    }
    if (topic.kind < OTA_TOPIC_STREAM_DESCRIPTION) {
        hear_jobs(m, &topic, payload, now);
    } else if (m->state == MODULAR_FETCHING) {
        hear_stream(m, &topic, payload, now);
    }
}

/* Whose job it is goes into flash before the image can run: after the reset somebody must know. */
static void activate(struct modular *m, const struct ota_verified_image *image)
{
    m->journal.state = OTA_JOURNAL_ACTIVATING;
    m->journal.slot = m->installer.slot;
    if (ok(m, ota_journal_write(m->cfg.installer.store, &m->journal)) &&
        ok(m, ota_store_activate(m->cfg.installer.store, image))) {
        m->state = MODULAR_RESETTING;
    }
}

bool modular_poll(struct modular *m, ota_ms_t now, struct ota_effect *effect)
{
    const struct ota_verified_image *image;
    bool done;
    const bool fetching = m->state == MODULAR_FETCHING;
    modular_on_time(m, now);
    if (m->link && (ota_jobs_poll(&m->jobs, now, &m->cfg.scratch, effect) ||
                    (fetching && ota_stream_poll(&m->stream, now, &m->cfg.scratch, effect)))) {
        return true;
    }
    if (m->state == MODULAR_ERASING && ok(m, installer_erase(&m->installer, &done)) && done) {
        ota_stream_fetch(&m->stream, 0, m->stream.cfg.file_size);
        m->state = MODULAR_FETCHING;
    } else if (m->state == MODULAR_VERIFYING && ok(m, installer_verify(&m->installer, &image)) &&
               image != NULL) {
        activate(m, image);
    }
    effect->kind = OTA_EFFECT_REBOOT;
    return m->state == MODULAR_RESETTING;
}
