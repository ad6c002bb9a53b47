/*
 * From the bytes in flash to the outcome: verify, activate, test, confirm or
 * give way; and what is done when nothing is claimed.
 */
#include "workflow.h"

static enum ota_slot other_slot(const struct ota_orchestrator *o)
{
    return ota_slot_other(o->cfg.running);
}

/* --- (none) --------------------------------------------------------------------- */

/* Is there a way back from the running image? V_MORE while looking; V_OK: yes. */
static enum verdict look_for_way_back(struct ota_orchestrator *o)
{
    if (ota_classify_slot(o, other_slot(o)) == V_MORE) {
        return V_MORE;
    }
    return o->slot_class == OTA_SLOT_CONFIRMED || o->slot_class == OTA_SLOT_UNMARKED ? V_OK
                                                                                     : V_FAIL;
}

/*
 * The other slot has been classified. Will the bootloader keep ours once it is confirmed? Then confirm it. V_HALT: what
 * is in flash now is not known; a restart finds out, and nobody is told before.
 */
static enum verdict settle_and_confirm(struct ota_orchestrator *o)
{
    struct ota_store *store = o->cfg.store;
    enum ota_reason reason = OTA_REASON_WOULD_NOT_STAY;
    ota_err_t err = ota_store_settle(store, o->cfg.running, (enum ota_slot_class)o->slot_class);
    if (err == OTA_OK) {
        reason = OTA_REASON_CANNOT_CONFIRM;
        err = ota_store_confirm(store, o->cfg.running);
    }
    if (err != OTA_OK) {
        return err == OTA_E_FLASH ? V_HALT : ota_fail(o, reason);
    }
    o->confirmed = OTA_CONFIRMED_YES; /* as the next look will say */
    ota_event(o, OTA_EVENT_CONFIRMED);
    return V_OK;
}

/* How a self-test stands: V_OK passed, V_FAIL and why. The first call begins it. */
static enum verdict self_test(struct ota_orchestrator *o)
{
    if (o->deadline == OTA_NEVER) {
        o->deadline = o->now + o->cfg.self_test_ms;
        ota_event(o, OTA_EVENT_START_TEST);
        o->event.as.event.value = o->cfg.self_test_ms;
        return V_MORE;
    }
    const enum verdict v = ota_obey(o);
    return v == V_WAIT && o->now >= o->deadline ? ota_fail(o, OTA_REASON_SELF_TEST_TIMEOUT) : v;
}

/* It is confirmed, and so are the files of a job that the journal has lost. */
static enum verdict keep_and_idle(struct ota_orchestrator *o)
{
    const enum verdict v = ota_files_ask(o, OTA_FILES_KEEP);
    if (v != V_OK) {
        return v;
    }
    o->mode = OTA_MODE_IDLE;
    o->step = 0;
    ota_check(o);
    return V_MORE;
}

/* An unconfirmed image that no job of ours installed (H9). */
static enum verdict trial_without_job(struct ota_orchestrator *o, struct ota_effect *effect)
{
    enum { TEST, CONFIRM, KEEP, BACK };
    enum verdict v;

    switch (o->step) {
    case TEST:
        v = self_test(o);
        if (v < V_LEAVES) {
            return v;
        }
        o->deadline = OTA_NEVER;
        o->step = v == V_OK ? CONFIRM : BACK;
        break;
    case CONFIRM:
        if (ota_classify_slot(o, other_slot(o)) == V_MORE) {
            return V_MORE;
        }
        if (settle_and_confirm(o) != V_OK) {
            o->step = BACK;
            break;
        }
        o->step = KEEP;
        return keep_and_idle(o);
    case KEEP: return keep_and_idle(o);
    default:
        v = look_for_way_back(o);
        if (v == V_MORE) {
            return V_MORE;
        }
        if (v == V_OK) {
            v = ota_files_ask(o, OTA_FILES_DISCARD);
            return v == V_OK ? ota_reboot(o, effect) : v;
        }
        ota_event(o, OTA_EVENT_SELF_TEST_FAILED);
        (void)ota_fail(o, OTA_REASON_NONE); /* it is no job's */
        o->mode = OTA_MODE_STAY;
        o->step = TEST;
        ota_check(o);
        break;
    }
    return V_MORE;
}

enum verdict ota_deed_idle(struct ota_orchestrator *o, struct ota_effect *effect)
{
    if (o->mode == OTA_MODE_TRIAL) {
        return trial_without_job(o, effect);
    }
    if (o->mode != OTA_MODE_ADOPT) {
        /* An offer may wait for the application's word; put off, it is asked for again. */
        if (ota_deferral_is_over(o)) {
            ota_check(o);
            return V_MORE;
        }
        const bool custom = o->offered >= OTA_OFFERED_CUSTOM;
        const enum verdict said = ota_obey(o);
        return said != V_WAIT && custom ? o->cfg.custom->decided(o, said) : said;
    }
    /* A torn mark is left as it is: unmarked still boots (N3). */
    if (ota_store_adopt(o->cfg.store, o->cfg.running) == OTA_OK) {
        ota_event(o, OTA_EVENT_CONFIRMED);
    }
    o->mode = OTA_MODE_IDLE;
    return V_MORE;
}

/* --- VERIFYING, READY, ACTIVATING ---------------------------------------------------- */

/*
 * What was promised is not there, or the marks are not as we write them: fetch anew. If this boot
 * did that already, the flash is not what it should be, and a download a minute would not mend it.
 */
static enum verdict take_afresh(struct ota_orchestrator *o, ota_err_t why)
{
    return o->fresh ? ota_fail_with(o, why) : V_GONE;
}

/* The target and the deployment's signature over it. V_GONE: nothing is there. */
enum verdict ota_deed_verify(struct ota_orchestrator *o, struct ota_effect *effect)
{
    (void)effect;
    const enum verdict v = ota_verify_slot(o, o->journal.slot);
    ota_err_t why = o->why;
    if (v == V_MORE) {
        return V_MORE;
    }
    if (v == V_OK) {
        const struct ota_verified_image *image = &o->u.verify.result;
        why = image->image.size != o->journal.file_size
                  ? OTA_E_IMAGE_OTHER
                  : ota_deployment_check(image->file_digest, o->journal.signature, o->cfg.trust,
                                         o->cfg.crypto);
    }
    if (why == OTA_OK) {
        o->verified = true;
        return V_OK;
    }
    return ota_target_blank(o) ? take_afresh(o, OTA_E_FLASH_READ_BACK) : ota_fail_with(o, why);
}

enum verdict ota_deed_ready(struct ota_orchestrator *o, struct ota_effect *effect)
{
    o->journal.refusals = 0;
    const enum verdict v = ota_obey(o);
    if (v != V_WAIT) {
        return v;
    }
    if (o->must_take) {
        o->must_take = false; /* it was offered when its bytes were here already */
        ota_claim_tell(o);
    }
    if (ota_deferral_is_over(o) || (o->step == 0 && !o->deferred)) {
        ota_event(o, OTA_EVENT_ACTIVATE);
        o->step = o->step == 0 ? 1 : o->step;
        return V_MORE;
    }
    if (o->step <= 1) {
        o->step = 2;
        const bool image = !o->journal.no_image;
        if (o->cfg.step_minutes != NULL) { /* a timer that went on meanwhile would end the job */
            return ota_tell(o, image ? OTA_SAY_SELF_TEST : "");
        }
        return image ? ota_publish(o, OTA_SAY_SELF_TEST, effect) : V_WAIT;
    }
    return V_WAIT;
}

enum verdict ota_deed_activate(struct ota_orchestrator *o, struct ota_effect *effect)
{
    if (!o->verified) {
        const enum verdict v = ota_deed_verify(o, effect); /* after a restart */
        return v == V_OK ? V_MORE : v;
    }
    const ota_err_t err = ota_store_activate(o->cfg.store, &o->u.verify.result);
    if (err == OTA_OK) {
        return ota_reboot(o, effect);
    }
    /* A torn or foreign mark cannot be written over (H4, N1). */
    return err == OTA_E_STATE || err == OTA_E_FLASH_READ_BACK ? take_afresh(o, err)
                                                              : ota_fail_with(o, err);
}

/* --- TESTING ---------------------------------------------------------------------------- */

/* The job's data files, for the image that now runs: before it is told to test, and in any case before it is confirmed. */
static enum verdict apply_files(struct ota_orchestrator *o)
{
    const enum verdict v = o->applied ? V_OK : ota_files_ask(o, OTA_FILES_APPLY);
    o->applied = v == V_OK;
    return v;
}

enum verdict ota_deed_test(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const enum verdict applied = apply_files(o);
    if (applied == V_FAIL) {
        ota_event(o, OTA_EVENT_SELF_TEST_FAILED);
    }
    if (applied != V_OK) {
        return applied;
    }
    if (o->step == 0 && ota_jobs_gate(o)) { /* the test does not wait for the link */
        o->step = 1;
        return ota_publish(o, OTA_SAY_SELF_TEST, effect);
    }
    const enum verdict v = self_test(o);
    if (v == V_FAIL) {
        ota_event(o, OTA_EVENT_SELF_TEST_FAILED);
    }
    return v;
}

/* --- the outcomes ------------------------------------------------------------------------- */

/* A slot that is confirmed already: would the boot decision pick it, whatever the versions? */
static bool stays(const struct ota_orchestrator *o)
{
    const struct ota_slot_facts *mine = &o->facts.slot[o->cfg.running];
    const struct ota_slot_facts *other = &o->facts.slot[other_slot(o)];
    if (o->slot_class != OTA_SLOT_CONFIRMED) {
        return true;
    }
    return mine->sequence_mark == OTA_MARK_SET &&
           (other->sequence_mark != OTA_MARK_SET || mine->sequence > other->sequence);
}

enum verdict ota_raise_counter(struct ota_orchestrator *o)
{
    const enum verdict v = ota_verify_slot(o, o->cfg.running);
    if (v == V_OK && ota_store_counter_raise(o->cfg.store, o->own.counter) != OTA_OK) {
        ota_event(o, OTA_EVENT_FLASH_FAULT);
    }
    return v;
}

/* Confirm, or see that it is and stays so; then the counter. */
enum verdict ota_deed_outcome_ok(struct ota_orchestrator *o, struct ota_effect *effect)
{
    (void)effect;
    const enum verdict applied = apply_files(o); /* unless it was confirmed by other means */
    if (applied != V_OK) {
        return applied;
    }
    if (o->step != 0) {
        const enum verdict v = ota_raise_counter(o);
        if (v != V_FAIL) {
            return v;
        }
        if (ota_err_class(o->why) == OTA_CLASS_DEVICE) {
            return V_HALT; /* it could not be looked at, which says nothing of the image */
        }
        (void)ota_fail(o, OTA_REASON_DAMAGED);
        o->journal.error = o->why;
        return V_REFUSE;
    }
    if (ota_classify_slot(o, other_slot(o)) == V_MORE) {
        return V_MORE;
    }
    if (ota_look(o) != OTA_OK) {
        return V_HALT;
    }
    if (o->confirmed != OTA_CONFIRMED_NO) {
        if (!stays(o)) {
            (void)ota_fail(o, OTA_REASON_WOULD_NOT_STAY);
            return V_REFUSE; /* confirmed: there is no giving up any more */
        }
    } else {
        const enum verdict v = settle_and_confirm(o);
        if (v != V_OK) {
            return v;
        }
    }
    o->step = 1;
    return V_MORE;
}

/* Forget the target, unless the running image has rotted and the target may be what saves us. */
static enum verdict withdraw(struct ota_orchestrator *o)
{
    const enum verdict v = ota_verify_slot(o, o->cfg.running);
    if (v == V_MORE) {
        return V_MORE;
    }
    if (v == V_OK && ota_store_withdraw(o->cfg.store, o->journal.slot) != OTA_OK) {
        return V_HALT; /* a pending mark may still be there: the restart tries again */
    }
    return V_OK;
}

/* OUTCOME(fail) and DROP. If the failed image itself runs: reset into the other, if there is one. */
enum verdict ota_deed_give_up(struct ota_orchestrator *o, struct ota_effect *effect)
{
    if (o->journal.no_image || o->journal.slot != o->cfg.running) {
        const enum verdict v = o->step == 0 ? ota_files_ask(o, OTA_FILES_DISCARD) : V_OK;
        if (v != V_OK) {
            return v;
        }
        o->step = 1;
        return o->journal.no_image ? V_OK : withdraw(o);
    }
    if (ota_look(o) != OTA_OK) {
        return V_HALT;
    }
    if (o->confirmed != OTA_CONFIRMED_NO) {
        (void)ota_fail(o, OTA_REASON_CONFIRMED_AGAINST_VERDICT);
        return V_OK;
    }
    const enum verdict v = look_for_way_back(o);
    if (v == V_MORE) {
        return V_MORE;
    }
    if (v == V_OK) {
        return ota_reboot(o, effect);
    }
    o->mode = OTA_MODE_STAY;
    o->journal.reason = OTA_REASON_NO_WAY_BACK; /* the error stays */
    return V_OK;
}
