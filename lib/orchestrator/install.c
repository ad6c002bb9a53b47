/*
 * From the bytes in flash to the outcome: verify, activate, test, confirm or
 * give way; and what is done when nothing is claimed.
 */
#include "workflow.h"

#include <string.h>

/* --- (none) --------------------------------------------------------------------- */

/* Is there a way back from the running image? V_MORE while looking; V_OK: yes. */
static enum verdict look_for_way_back(struct ota_orchestrator *o)
{
    enum ota_slot_class other;
    if (ota_classify_slot(o, ota_slot_other(o->cfg.running), &other) == V_MORE) {
        return V_MORE;
    }
    return other == OTA_SLOT_CONFIRMED || other == OTA_SLOT_UNMARKED ? V_OK : V_FAIL;
}

/* Will the bootloader keep the running slot once it is confirmed? Then confirm it. */
static enum verdict settle_and_confirm(struct ota_orchestrator *o, enum ota_reason *why)
{
    enum ota_slot_class other;
    if (ota_classify_slot(o, ota_slot_other(o->cfg.running), &other) == V_MORE) {
        return V_MORE;
    }
    if (ota_store_settle(o->cfg.store, o->cfg.running, other) != OTA_OK) {
        *why = OTA_REASON_WOULD_NOT_STAY;
        return V_FAIL;
    }
    if (ota_store_confirm(o->cfg.store, o->cfg.running) != OTA_OK) {
        *why = OTA_REASON_CANNOT_CONFIRM;
        return V_FAIL;
    }
    ota_event(o, OTA_EVENT_CONFIRMED, 0, 0);
    return V_OK;
}

/* An offer that waits for the application's word. */
static enum verdict decide_offer(struct ota_orchestrator *o)
{
    if (!o->offered) {
        return V_WAIT;
    }
    if (ota_take_command(o, OTA_COMMAND_ACCEPT)) {
        o->offered = false;
        return V_OK;
    }
    if (ota_take_command(o, OTA_COMMAND_REFUSE)) {
        o->offered = false;
        return ota_fail(o, OTA_REASON_REFUSED_BY_APP, OTA_OK, V_REFUSE);
    }
    return V_WAIT;
}

/* How a self-test stands; V_OK passed, V_FAIL with the reason. The first call begins it. */
static enum verdict self_test(struct ota_orchestrator *o, ota_ms_t now, enum ota_reason *why)
{
    if (o->deadline == OTA_NEVER) {
        o->deadline = now + o->cfg.self_test_ms;
        ota_event(o, OTA_EVENT_START_TEST, o->cfg.self_test_ms, 0);
        return V_MORE;
    }
    if (ota_take_command(o, OTA_COMMAND_CONFIRM)) {
        return V_OK;
    }
    *why = OTA_REASON_SELF_TEST_FAILED;
    if (ota_take_command(o, OTA_COMMAND_REJECT)) {
        return V_FAIL;
    }
    if (ota_take_command(o, OTA_COMMAND_ABORT)) {
        *why = OTA_REASON_ABORTED;
        return V_FAIL;
    }
    *why = OTA_REASON_SELF_TEST_TIMEOUT;
    return now >= o->deadline ? V_FAIL : V_WAIT;
}

/* An unconfirmed image that no job of ours installed (H9): steps 0 test, 1 confirm, 2 way back? */
static enum verdict trial_without_job(struct ota_orchestrator *o, ota_ms_t now,
                                      struct ota_effect *effect)
{
    enum { TEST, CONFIRM, BACK };
    enum ota_reason why;
    enum verdict v;

    switch (o->step) {
    case TEST:
        v = self_test(o, now, &why);
        if (v == V_WAIT || v == V_MORE) {
            return v;
        }
        o->deadline = OTA_NEVER;
        o->step = v == V_OK ? CONFIRM : BACK;
        return V_MORE;
    case CONFIRM:
        v = settle_and_confirm(o, &why);
        if (v == V_MORE) {
            return V_MORE;
        }
        o->step = v == V_OK ? TEST : BACK;
        o->mode = v == V_OK ? OTA_MODE_IDLE : OTA_MODE_TRIAL;
        ota_check(o);
        return V_MORE;
    default:
        v = look_for_way_back(o);
        if (v == V_MORE) {
            return V_MORE;
        }
        if (v == V_OK) {
            return ota_reboot(o, effect);
        }
        ota_event(o, OTA_EVENT_SELF_TEST_FAILED, 0, 0);
        o->mode = OTA_MODE_STAY;
        o->step = TEST;
        ota_check(o);
        return V_MORE;
    }
}

enum verdict ota_deed_idle(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    switch (o->mode) {
    case OTA_MODE_IDLE:
    case OTA_MODE_STAY: return decide_offer(o);
    case OTA_MODE_ADOPT:
        /* A torn mark is left as it is: unmarked still boots (N3). */
        if (ota_store_adopt(o->cfg.store, o->cfg.running) == OTA_OK) {
            ota_event(o, OTA_EVENT_CONFIRMED, 0, 0);
        }
        o->mode = OTA_MODE_IDLE;
        return V_MORE;
    case OTA_MODE_TRIAL: return trial_without_job(o, now, effect);
    }
    return V_WAIT;
}

/* --- VERIFYING, READY, ACTIVATING ---------------------------------------------------- */

/*
 * What was promised is not there, or the marks are not as we write them: fetch anew. If this boot
 * did that already, the flash is not what it should be, and a download a minute would not mend it.
 */
static enum verdict take_afresh(struct ota_orchestrator *o, ota_err_t why)
{
    return o->fresh ? ota_fail(o, OTA_REASON_ERROR, why, V_FAIL) : V_GONE;
}

/* Verify the target and the deployment's signature over it. V_GONE: nothing is there. */
static enum verdict verify_target(struct ota_orchestrator *o)
{
    ota_err_t why;
    enum verdict v = ota_verify_slot(o, o->journal.slot, &why);
    if (v == V_MORE) {
        return V_MORE;
    }
    if (v == V_OK) {
        const struct ota_verified_image *image = &o->u.verify.result;
        why = image->image.size == o->journal.file_size ? OTA_OK : OTA_E_IMAGE_OTHER;
        if (why == OTA_OK) {
            why = ota_deployment_check(image->file_digest, o->journal.signature, o->cfg.trust,
                                       o->cfg.crypto);
        }
    }
    if (why == OTA_OK) {
        o->verified = true;
        return V_OK;
    }
    bool blank;
    if (ota_target_blank(o, &blank) == OTA_OK && blank) {
        return take_afresh(o, OTA_E_FLASH_READ_BACK);
    }
    return ota_fail(o, OTA_REASON_ERROR, why, V_FAIL);
}

enum verdict ota_deed_verify(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    (void)now;
    (void)effect;
    return verify_target(o);
}

enum verdict ota_deed_ready(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    (void)now;
    if (ota_take_command(o, OTA_COMMAND_ACTIVATE)) {
        o->journal.refusals = 0;
        return V_OK;
    }
    if (ota_take_command(o, OTA_COMMAND_REJECT)) {
        return ota_fail(o, OTA_REASON_REFUSED_BY_APP, OTA_OK, V_FAIL);
    }
    if (ota_take_command(o, OTA_COMMAND_ABORT)) {
        return ota_fail(o, OTA_REASON_ABORTED, OTA_OK, V_FAIL);
    }
    if (o->must_take) {
        o->must_take = false; /* it was offered when its bytes were here already */
        ota_claim_tell(o);
    }
    switch (o->step) {
    case 0:
        ota_event(o, OTA_EVENT_ACTIVATE, 0, 0);
        o->step = 1;
        return V_MORE;
    case 1: o->step = 2; return ota_publish_self_test(o, "ready", effect);
    default: return V_WAIT;
    }
}

enum verdict ota_deed_activate(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    (void)now;
    if (!o->verified) {
        const enum verdict v = verify_target(o); /* after a restart */
        return v == V_OK ? V_MORE : v;
    }
    const ota_err_t err = ota_store_activate(o->cfg.store, &o->u.verify.result);
    if (err == OTA_OK) {
        return ota_reboot(o, effect);
    }
    /* A torn or foreign mark cannot be written over (H4, N1). */
    return err == OTA_E_STATE || err == OTA_E_FLASH_READ_BACK
               ? take_afresh(o, err)
               : ota_fail(o, OTA_REASON_ERROR, err, V_FAIL);
}

/* --- TESTING ---------------------------------------------------------------------------- */

enum verdict ota_deed_test(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    if (o->step == 0 && ota_jobs_gate(o)) { /* the test does not wait for the link */
        o->step = 1;
        return ota_publish_self_test(o, "active", effect);
    }
    enum ota_reason why;
    const enum verdict v = self_test(o, now, &why);
    if (v != V_FAIL) {
        return v;
    }
    ota_event(o, OTA_EVENT_SELF_TEST_FAILED, 0, 0);
    return ota_fail(o, why, OTA_OK, V_FAIL);
}

/* --- the outcomes ------------------------------------------------------------------------- */

/* A slot that is confirmed already: would rule 3 of the boot decision pick it? */
static bool stays(const struct ota_store_facts *facts, enum ota_slot own,
                  enum ota_slot_class other_class)
{
    const struct ota_slot_facts *mine = &facts->slot[own];
    const struct ota_slot_facts *other = &facts->slot[ota_slot_other(own)];
    if (other_class != OTA_SLOT_CONFIRMED || other->sequence_mark != OTA_MARK_SET) {
        return true;
    }
    return mine->sequence_mark == OTA_MARK_SET && mine->sequence > other->sequence;
}

static enum verdict check_stays(struct ota_orchestrator *o)
{
    enum ota_slot_class other;
    struct ota_store_facts facts;
    if (ota_classify_slot(o, ota_slot_other(o->cfg.running), &other) == V_MORE) {
        return V_MORE;
    }
    if (ota_store_facts(o->cfg.store, &facts) != OTA_OK || !stays(&facts, o->cfg.running, other)) {
        return ota_fail(o, OTA_REASON_WOULD_NOT_STAY, OTA_OK, V_REFUSE);
    }
    return V_OK;
}

/* Own image verified once more; only then the counter may rise (H14). */
static enum verdict raise_counter(struct ota_orchestrator *o)
{
    ota_err_t why;
    const enum verdict v = ota_verify_slot(o, o->cfg.running, &why);
    if (v == V_MORE) {
        return V_MORE;
    }
    if (v != V_OK) {
        return ota_fail(o, OTA_REASON_DAMAGED, why, V_REFUSE);
    }
    why = ota_store_counter_raise(o->cfg.store, o->own.counter);
    if (why != OTA_OK) {
        /* Confirmed and sound: the next restart tries to raise it again. */
        ota_event(o, OTA_EVENT_FLASH_FAULT, 0, 0);
    }
    return V_OK;
}

enum verdict ota_deed_outcome_ok(struct ota_orchestrator *o, ota_ms_t now,
                                 struct ota_effect *effect)
{
    enum { LOOK, CONFIRM, CHECK, COUNTER };
    enum ota_confirmed confirmed;
    enum ota_reason why;
    enum verdict v;
    (void)now;
    (void)effect;

    switch (o->step) {
    case LOOK:
        if (ota_own_confirmed(o, &confirmed) != OTA_OK) {
            return V_HALT;
        }
        o->step = confirmed == OTA_CONFIRMED_NO ? CONFIRM : CHECK;
        return V_MORE;
    case CONFIRM:
        v = settle_and_confirm(o, &why);
        if (v == V_FAIL) {
            return ota_fail(o, why, OTA_OK, V_FAIL);
        }
        o->step = v == V_OK ? COUNTER : CONFIRM;
        return V_MORE;
    case CHECK:
        v = check_stays(o);
        o->step = v == V_OK ? COUNTER : CHECK;
        return v == V_OK ? V_MORE : v;
    default: return raise_counter(o);
    }
}

/* Forget the target, unless the running image has rotted and the target may be what saves us. */
static enum verdict withdraw(struct ota_orchestrator *o)
{
    ota_err_t why;
    const enum verdict v = ota_verify_slot(o, o->cfg.running, &why);
    if (v == V_MORE) {
        return V_MORE;
    }
    if (v == V_OK && ota_store_withdraw(o->cfg.store, o->journal.slot) != OTA_OK) {
        return V_HALT; /* a pending mark may still be there: the restart tries again */
    }
    return V_OK;
}

/* The failed image itself runs: reset into the other, if there is one. */
static enum verdict give_way(struct ota_orchestrator *o, struct ota_effect *effect)
{
    const enum verdict v = look_for_way_back(o);
    if (v == V_OK) {
        return ota_reboot(o, effect);
    }
    if (v == V_FAIL) {
        o->mode = OTA_MODE_STAY;
        return V_OK;
    }
    return v;
}

enum verdict ota_deed_outcome_fail(struct ota_orchestrator *o, ota_ms_t now,
                                   struct ota_effect *effect)
{
    enum ota_confirmed confirmed;
    (void)now;
    if (o->journal.slot != o->cfg.running) {
        return withdraw(o);
    }
    if (ota_own_confirmed(o, &confirmed) != OTA_OK) {
        return V_HALT;
    }
    if (confirmed != OTA_CONFIRMED_NO) {
        return ota_fail(o, OTA_REASON_CONFIRMED_AGAINST_VERDICT, OTA_OK, V_OK);
    }
    const enum verdict v = give_way(o, effect);
    return v == V_OK ? ota_fail(o, OTA_REASON_NO_WAY_BACK, o->journal.error, V_OK) : v;
}

enum verdict ota_deed_drop(struct ota_orchestrator *o, ota_ms_t now, struct ota_effect *effect)
{
    (void)now;
    return o->journal.slot == o->cfg.running ? give_way(o, effect) : withdraw(o);
}
