/*
 * Private to lib/orchestrator: the deeds, and what they may answer.
 */
#ifndef OTA_WORKFLOW_H
#define OTA_WORKFLOW_H

#include "ota/orchestrator.h"

/** What a deed came to. Only the workflow table knows which state follows. */
enum verdict {
    V_WAIT,   /* nothing to do before a message, a command or a deadline */
    V_MORE,   /* a piece is done; call again soon */
    V_EFFECT, /* the effect is filled; call again */
    V_HALT,   /* flash does not take a record: stand still */
    /* from here on the state is left: */
    V_OK,
    V_FAIL,      /* journal.reason and .error say why. With an untouched slot the same as REFUSE */
    V_REFUSE,    /* the same, and there is nothing to clean up */
    V_GONE,      /* the bytes are not there (any more): fetch anew */
    V_DROP,      /* give the claim up. With an untouched slot the same as FORGET */
    V_FORGET,    /* the same, and there is nothing to clean up */
    V_INSTALLED, /* the running image is the one */
    V_AGAIN,     /* the same for another execution: record it, and begin the deed again */
    V_FINISHED,  /* done, and no image had to do with it */
    V_FILES,     /* a data file is next */
    V_COUNT,
};

#define V_LEAVES V_OK

/* workflow.c */
enum verdict ota_workflow_turn(struct ota_orchestrator *o, struct ota_effect *effect);
/** Write the state, then begin its deed. */
enum verdict ota_workflow_enter(struct ota_orchestrator *o, enum ota_journal_state state);
/** V_FAIL, and why: in our words, or as an error has it. */
enum verdict ota_fail(struct ota_orchestrator *o, enum ota_reason reason);
enum verdict ota_fail_with(struct ota_orchestrator *o, ota_err_t error);
/** The event waits for poll; its value and total are zero, for the caller to change. */
void ota_event(struct ota_orchestrator *o, enum ota_event_kind kind);
/** Reset now; whatever comes after it in this boot is not wanted. */
enum verdict ota_reboot(struct ota_orchestrator *o, struct ota_effect *effect);
bool ota_take_command(struct ota_orchestrator *o, enum ota_command command);
void ota_check(struct ota_orchestrator *o);
bool ota_check_waits(const struct ota_orchestrator *o);
/** The provider made us begin, or end, something that costs flash: see ota_rested_at(). */
void ota_spend(struct ota_orchestrator *o);
/** When the provider may be asked again. Past, but for a moment after a notification, and for a
 * provider that never leaves us alone. */
ota_ms_t ota_rested_at(const struct ota_orchestrator *o);
/** Read `facts`, and from them `confirmed`. */
OTA_MUST_CHECK ota_err_t ota_look(struct ota_orchestrator *o);
/** A piece of verifying `slot`: V_MORE; V_OK (u.verify.result); V_FAIL and `why`. */
enum verdict ota_verify_slot(struct ota_orchestrator *o, enum ota_slot slot);
/** The same, to classify it: V_MORE; V_OK and `slot_class`. */
enum verdict ota_classify_slot(struct ota_orchestrator *o, enum ota_slot slot);
/** No image begins in the target: its first bytes are blank. False with `why` if they cannot be read. */
bool ota_target_blank(struct ota_orchestrator *o);

/** A claim of the provider's job, which may still be given up. */
bool ota_holds_claim(const struct ota_orchestrator *o);

/* commands.c */
/** Whether the application has decided: V_WAIT if not. */
enum verdict ota_obey(struct ota_orchestrator *o);
/** What was put off is not any more. Whoever waits for `deadline` has waited for that alone. */
void ota_undefer(struct ota_orchestrator *o);
/** Something was put off, and its time has come: true once. */
bool ota_deferral_is_over(struct ota_orchestrator *o);

/* custom.c: all may do nothing, but for a cfg that names it */
struct ota_custom_ops {
    /** A job that no parser understands: identity, version and status are taken. */
    void (*offered)(struct ota_orchestrator *o, const struct ota_job_offer *offer);
    /** One runs, and this is next; NULL: nothing. Does the provider still mean ours? */
    void (*compare)(struct ota_orchestrator *o, const struct ota_job_offer *offer,
                    bool same_execution);
    /** The answer to IN_PROGRESS: only while TAKING is one awaited. */
    void (*on_answer)(struct ota_orchestrator *o, const struct ota_jobs_news *news);
    /** What a decision that ota_obey() found comes to. */
    enum verdict (*decided)(struct ota_orchestrator *o, enum verdict said);
};
/** There is one that the application has taken: the first two offers are none of it. */
static inline bool ota_custom_runs(const struct ota_orchestrator *o)
{
    return o->offered >= OTA_CUSTOM_TAKING;
}

/* restart.c and orchestrator.c */
enum verdict ota_restart_turn(struct ota_orchestrator *o);

/* claim.c: from the offer to the bytes in flash */
/** Steps with which each deed begins that fetches. */
enum {
    OTA_CLAIM_KNOW, /* wait until the provider has offered this claim in this boot; tell IN_PROGRESS, unless it is */
    OTA_CLAIM_TAKING, /* wait for the answer */
    OTA_CLAIM_TAKEN,  /* ours; what follows differs */
};
/** Go through them: V_OK with `step` TAKEN or a later one; else what the deed comes to for now. */
enum verdict ota_claim_take(struct ota_orchestrator *o);
/** `journal.file` has changed: ask for the job, to learn of the file whose turn it is. */
void ota_claim_next_file(struct ota_orchestrator *o);
/** Tell the application and the provider how far the file has come: V_WAIT if there is nothing to tell. */
enum verdict ota_claim_tell_progress(struct ota_orchestrator *o, struct ota_effect *effect);
/** Blocks are on their way: V_OK: all are here; V_WAIT; V_MORE: in vain, so the deed begins again, with another source. */
enum verdict ota_claim_await_blocks(struct ota_orchestrator *o);
enum verdict ota_deed_fetch(struct ota_orchestrator *o, struct ota_effect *effect);
/** Tell IN_PROGRESS for the execution as it was offered. */
void ota_claim_tell(struct ota_orchestrator *o);
void ota_claim_on_answer(struct ota_orchestrator *o, const struct ota_jobs_news *news);
/** Blocks of the claim's file. */
uint32_t ota_claim_block_count(const struct ota_orchestrator *o);
/** Someone changed the execution, or our picture of it is old: ask for the job, then go on from the mark. */
void ota_claim_look_again(struct ota_orchestrator *o);
/** A block of the claim's file came. @return OTA_OK: it is safe, or need not be; else the claim has failed. */
OTA_MUST_CHECK ota_err_t ota_claim_keep(struct ota_orchestrator *o, const struct ota_block *block);

/* fetch.c: the claim's file, from whichever source has it */
/** What the newest document says of the file to fetch. @return false: something else than before. */
bool ota_fetch_take(struct ota_orchestrator *o, const struct ota_jobdoc *doc,
                    const struct ota_jobdoc_file *file);
/** The same for a new claim: what was held against the sources is forgotten. @return false: none of them can fetch it. */
bool ota_fetch_offered(struct ota_orchestrator *o, const struct ota_jobdoc *doc,
                       const struct ota_jobdoc_file *file);
/** Fetch the bytes from `begin` to `end` of the file, in `u.fetch.room`: V_MORE; V_FAIL and why. */
enum verdict ota_fetch_begin(struct ota_orchestrator *o, uint32_t begin, uint32_t end);
/** All of that is safe. */
bool ota_fetch_done(const struct ota_orchestrator *o);
/** Asking on would be in vain, and there is another source: begin again. */
bool ota_fetch_is_vain(const struct ota_orchestrator *o);
/** Whatever is on its way is not wanted any more, and `u.fetch.room` free. */
void ota_fetch_stop(struct ota_orchestrator *o);
/** Something for the sources came. */
OTA_MUST_CHECK ota_err_t ota_fetch_on_arrival(struct ota_orchestrator *o,
                                              struct ota_arrival *arrival);
/** Suspended: what is under way is broken off. */
void ota_fetch_pause(struct ota_orchestrator *o);
void ota_fetch_reconnected(struct ota_orchestrator *o);
bool ota_fetch_poll(struct ota_orchestrator *o, struct ota_effect *effect);
ota_ms_t ota_fetch_deadline(const struct ota_orchestrator *o);

/* install.c: from the bytes to the outcome */
enum verdict ota_deed_idle(struct ota_orchestrator *o, struct ota_effect *effect);
enum verdict ota_deed_verify(struct ota_orchestrator *o, struct ota_effect *effect);
enum verdict ota_deed_ready(struct ota_orchestrator *o, struct ota_effect *effect);
enum verdict ota_deed_activate(struct ota_orchestrator *o, struct ota_effect *effect);
enum verdict ota_deed_test(struct ota_orchestrator *o, struct ota_effect *effect);
enum verdict ota_deed_outcome_ok(struct ota_orchestrator *o, struct ota_effect *effect);
/**
 * A piece of verifying the running image once more, as ota_verify_slot(); only then the counter may
 * rise (H14). If it does not, that is told, and no more: the image is confirmed and sound, and the
 * next restart tries again.
 */
enum verdict ota_raise_counter(struct ota_orchestrator *o);
enum verdict ota_deed_give_up(struct ota_orchestrator *o, struct ota_effect *effect);

struct ota_reading;

/* data_files.c: the way to lib/files, for a device that has it */
enum ota_files_verb { OTA_FILES_APPLY, OTA_FILES_KEEP, OTA_FILES_DISCARD };
/**
 * A piece of it, by all handlers: V_MORE; V_OK; V_FAIL and `why` from APPLY; V_HALT from the others.
 * V_OK too if the job has no data files.
 */
enum verdict ota_files_ask(struct ota_orchestrator *o, enum ota_files_verb verb);
/** After the job: the files are those of the image that runs. A piece of it: V_MORE, V_OK, V_HALT. */
enum verdict ota_files_settle(struct ota_orchestrator *o);
/** OTA_E_JOB_FILE_TYPE: a device without handlers cannot take a document's data files. */
OTA_MUST_CHECK ota_err_t ota_files_allowed(const struct ota_orchestrator *o,
                                           const struct ota_reading *r);
enum verdict ota_deed_files(struct ota_orchestrator *o, struct ota_effect *effect);
enum verdict ota_deed_apply(struct ota_orchestrator *o, struct ota_effect *effect);

/* report.c */
enum verdict ota_deed_report(struct ota_orchestrator *o, struct ota_effect *effect);
void ota_report_on_answer(struct ota_orchestrator *o, const struct ota_jobs_news *news);
/** What is told of the claim's execution: all but the details. */
void ota_update_of(struct ota_orchestrator *o, enum ota_job_status status,
                   struct ota_jobs_update *update);
/** Tell the provider once, without waiting for an answer: V_EFFECT; V_MORE if there is no link. */
#define OTA_SAY_RECEIVE   "{\"receive\":\"%n\"}"
#define OTA_SAY_SELF_TEST "{\"self_test\":\"%s\",\"updatedBy\":\"0x%p\",\"version\":\"%v\"}"
enum verdict ota_publish(struct ota_orchestrator *o, const char *details,
                         struct ota_effect *effect);
/** The same, until it is answered: V_MORE. Details "": none. */
enum verdict ota_tell(struct ota_orchestrator *o, const char *details);

/* orchestrator.c */
/** Something came; if `err`, it was dropped, and that is counted and told. */
void ota_heard(struct ota_orchestrator *o, ota_err_t err);

/* subscriptions.c */
bool ota_subscriptions_poll(struct ota_orchestrator *o, struct ota_effect *effect);
void ota_subscriptions_reset(struct ota_orchestrator *o);
void ota_subscriptions_acked(struct ota_orchestrator *o, struct ota_span filter);
bool ota_jobs_gate(const struct ota_orchestrator *o); /* link, and the Jobs topics are subscribed */
bool ota_stream_gate(const struct ota_orchestrator *o); /* and the streams' too */

/* An offer, read. */
struct ota_reading {
    ota_err_t err;       /* why not; OTA_E_NOT_FOUND: no parser understands it */
    bool same_execution; /* the one that the journal holds */
    bool no_image;       /* it has none, or none that is not here already */
    uint8_t files;       /* data files that it needs besides */
    const struct ota_parser *parser;
    struct ota_jobdoc doc;
    struct ota_jobdoc_file file; /* the image, or the data file whose turn it is */
    uint8_t bytes_id[OTA_DIGEST_SIZE];
};

/* bytes_id.c */
/** Of `file`, unless there is no image, and of the data files, which it counts. @return OTA_OK;
 * OTA_E_CRYPTO; what is wrong with a data file. */
OTA_MUST_CHECK ota_err_t ota_bytes_id(const struct ota_orchestrator *o, struct ota_reading *r);

/* offer.c */
void ota_offer_judge(struct ota_orchestrator *o, const struct ota_job_offer *offer);
/** Nothing is offered any more; nor does what was said of it hold. */
void ota_offer_forget(struct ota_orchestrator *o);

/* answers.c */
/** A message on a topic of Jobs. */
OTA_MUST_CHECK ota_err_t ota_answers_on_message(struct ota_orchestrator *o,
                                                const struct ota_topic *topic,
                                                struct ota_span payload);

#endif
