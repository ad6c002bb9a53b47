/*
 * Data files, as far as every device has to know of them: one that has no handlers refuses them, and finds its way
 * in a journal that another image has written.
 */
#include "files_engine.h"

ota_err_t ota_files_allowed(const struct ota_orchestrator *o, const struct ota_reading *r)
{
    struct ota_jobdoc_data at = { .begun = false };
    struct ota_jobdoc_file file;
    const bool refused = o->cfg.files == NULL && r->parser->next_data != NULL &&
                         r->parser->next_data(&r->doc, &at, &file);
    return refused ? OTA_E_JOB_FILE_TYPE : OTA_OK;
}

enum verdict ota_files_ask(struct ota_orchestrator *o, enum ota_files_verb verb)
{
    /* With no state there may still be files of a job that the journal has lost. */
    if (o->journal.files == 0 && o->journal.state != OTA_JOURNAL_NONE) {
        return V_OK;
    }
    if (o->cfg.files == NULL) {
        return verb == OTA_FILES_APPLY ? ota_fail_with(o, OTA_E_JOB_FILE_TYPE) : V_OK;
    }
    return o->cfg.files->engine->ask(o, verb);
}

enum verdict ota_files_settle(struct ota_orchestrator *o)
{
    const bool stays = o->journal.no_image ? o->journal.state == OTA_JOURNAL_REPORT_OK
                                           : o->journal.slot == o->cfg.running;
    return ota_files_ask(o, stays ? OTA_FILES_KEEP : OTA_FILES_DISCARD);
}

enum verdict ota_deed_files(struct ota_orchestrator *o, struct ota_effect *effect)
{
    return o->cfg.files == NULL ? V_DROP : o->cfg.files->engine->receive(o, effect);
}

enum verdict ota_deed_apply(struct ota_orchestrator *o, struct ota_effect *effect)
{
    (void)effect;
    return ota_files_ask(o, OTA_FILES_APPLY);
}
