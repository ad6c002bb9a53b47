/*
 * Store: what survives a power cut. Slots with MCUboot's trailers, the journal,
 * the rollback counter, the trust record, the identity.
 *
 * Every deed here can be cut at any point, before or inside a flash operation;
 * what a half-done deed leaves is read as such ("torn"), never as done. Flags
 * that must hold are read back. docs/spec/flash.md has every byte.
 *
 * A slot: image from its first byte; trailer sectors of its own at the end, so
 * that no data sector shares a sector with a mark.
 *
 *     trailer, from the slot's end (A = max(8, write_size)):
 *     magic 16 | image_ok A | copy_done A | download A | sequence A | trial marks A each, downwards
 *
 * Journal, counter, trust and identity are each two sectors that take turns:
 * records with a CRC, the newest valid one wins, a torn one is skipped, unknown
 * kinds are skipped, and a sector is erased only while the other holds the
 * newest record.
 */
#ifndef OTA_STORE_H
#define OTA_STORE_H

#include "ota/counter.h"
#include "ota/flash.h"
#include "ota/image.h"
#include "ota/wire.h"

enum ota_slot { OTA_SLOT_A, OTA_SLOT_B };
#define OTA_SLOT_COUNT 2u

static inline enum ota_slot ota_slot_other(enum ota_slot slot)
{
    return slot == OTA_SLOT_A ? OTA_SLOT_B : OTA_SLOT_A;
}

/** Trial marks that a trailer has room for: the most trial boots that a device can allow. */
#define OTA_TRIALS_MAX 8u

/**
 * Where things are. The rooms for an image in the two slots need not be equal. journal, counter, trust,
 * identity: two halves of one size each, which begin and end with a sector.
 */
struct ota_layout {
    struct ota_region slot[OTA_SLOT_COUNT];
    struct ota_region journal, counter, trust, identity;
    struct ota_counter *fuses; /* the rollback counter; NULL: it is the log in `counter` */
};

/* Private to lib/store: one two-sector record log. Looked through when it is first asked for. */
struct ota_log {
    struct ota_flash *flash;
    const struct ota_region *region;
    uint32_t limit;    /* where the half that is written ends, an offset in flash */
    uint32_t end;      /* where the next record goes, an offset in flash; == limit: full */
    uint32_t newest;   /* where the payload of the newest valid record of `kind` is; 0: none */
    uint32_t sequence; /* the highest of all valid records, of any kind */
    uint8_t kind;      /* what this log is for; records of other kinds are skipped */
    bool known;        /* limit, end, newest and sequence say what is in flash */
};

/* Open so that the caller can give it a home; `flash` and `layout` are lent for its life. */
struct ota_store {
    struct ota_flash *flash;
    const struct ota_layout *layout;
    struct ota_log journal, counter, trust, identity;
};

/**
 * Check the flash (sectors are multiples of 64 bytes, and runs add up to its size) and the layout
 * (inside, of whole sectors, no overlap, slots with room for a trailer and one sector, log halves of
 * whole sectors, the journal's with room for a state and its marks). Touches no
 * flash: each record log is looked through when it is first asked for, so that a bootloader
 * never reads the journal, and a rotten one cannot keep it from booting.
 *
 * @return OTA_OK; OTA_E_RANGE for a geometry or layout that does not fit.
 */
OTA_MUST_CHECK ota_err_t ota_store_open(struct ota_store *s, struct ota_flash *flash,
                                        const struct ota_layout *layout);

/**
 * The same without the checks: for a bootloader, whose flash and layout are constants that a test
 * or tool has opened.
 */
void ota_store_begin(struct ota_store *s, struct ota_flash *flash, const struct ota_layout *layout);

/* --- trailers -------------------------------------------------------------- */

enum ota_mark { OTA_MARK_UNSET, OTA_MARK_SET, OTA_MARK_TORN };

struct ota_slot_facts {
    enum ota_mark magic, image_ok, copy_done;
    enum ota_mark download;      /* a download into this slot began */
    enum ota_mark sequence_mark; /* SET: `sequence` counts */
    uint32_t sequence;           /* install sequence */
    uint8_t trials;              /* trial marks written; a torn one counts */
};

struct ota_store_facts {
    struct ota_slot_facts slot[OTA_SLOT_COUNT];
    uint32_t counter;     /* rollback counter: images below it do not run */
    uint32_t counter_max; /* as high as it can be raised: images above it are not installed */
};

/** Read both trailers and the counter. The only reader of trailers. A counter that cannot be read is an error. */
OTA_MUST_CHECK ota_err_t ota_store_facts(struct ota_store *s, struct ota_store_facts *facts);

/** What a slot is, from its trailer and whether its image verifies (update-workflow, section 5). */
enum ota_slot_class {
    OTA_SLOT_INVALID,    /* does not verify */
    OTA_SLOT_CONFIRMED,  /* magic good, image_ok set */
    OTA_SLOT_UNTRIED,    /* magic good, image_ok not set, no trial mark, copy_done unset */
    OTA_SLOT_TRIED,      /* magic good, image_ok not set, tried */
    OTA_SLOT_UNMARKED,   /* magic not good, no download began: programmed by a debugger */
    OTA_SLOT_INCOMPLETE, /* magic not good, a download began: never booted */
};
enum ota_slot_class ota_slot_classify(const struct ota_slot_facts *facts, bool verifies);

/** The part of a slot that can hold an image: all but the trailer's sectors. Exact: a byte more is OTA_E_IMAGE_SIZE. */
struct ota_region ota_store_image_region(const struct ota_store *s, enum ota_slot slot);

/* --- filling a slot (agent) ------------------------------------------------ */

/**
 * Erase one more sector of a slot: first sector first, trailer last.
 *
 * @param at  in, out: bytes erased so far; begin with 0; the slot's size: done.
 */
OTA_MUST_CHECK ota_err_t ota_store_erase_step(struct ota_store *s, enum ota_slot slot,
                                              uint32_t *at);

/** Say in the trailer that a download begins. The slot must have been erased. */
OTA_MUST_CHECK ota_err_t ota_store_mark_download(struct ota_store *s, enum ota_slot slot);

/**
 * Before a download goes on from `*at` (where a sector begins, else OTA_E_RANGE): make one more sector
 * blank, so that nothing is programmed twice. Erases only what is not blank.
 *
 * @param at  in, out: bytes behind which everything must be blank; the image region's size: done.
 */
OTA_MUST_CHECK ota_err_t ota_store_clean_step(struct ota_store *s, enum ota_slot slot,
                                              uint32_t *at);

/**
 * Program bytes of an image. `offset` must be a multiple of the write size (OTA_E_RANGE); a short
 * last unit is filled up with erased bytes, so only a file's last block may be unaligned.
 * OTA_E_IMAGE_SIZE beyond the image region.
 */
OTA_MUST_CHECK ota_err_t ota_store_write(struct ota_store *s, enum ota_slot slot, uint32_t offset,
                                         struct ota_span bytes);
OTA_MUST_CHECK ota_err_t ota_store_read(struct ota_store *s, enum ota_slot slot, uint32_t offset,
                                        struct ota_buf into);

/** Forget what is in a slot: erase its first sector, then its trailer. */
OTA_MUST_CHECK ota_err_t ota_store_withdraw(struct ota_store *s, enum ota_slot slot);

/* --- marks ------------------------------------------------------------------ */

/**
 * Ask the bootloader to try a verified image: install sequence (one more than the other slot's),
 * read back, then the magic, read back. Goes on where a cut left it.
 *
 * @return OTA_OK; OTA_E_STATE if the image is not proved to be verified, the sequence is torn or another, the
 *         magic is torn, or a mark of a trial or a confirm is there: the slot must be erased and filled again;
 *         OTA_E_IMAGE_COUNTER_ROOM: once confirmed, the counter could not follow it; OTA_E_FLASH_READ_BACK;
 *         OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_store_activate(struct ota_store *s,
                                            const struct ota_verified_image *image);

/**
 * Would the bootloader go on choosing this slot once it is confirmed? If the other slot is
 * CONFIRMED, the own sequence must be exactly one more; an erased one is written now.
 *
 * @param other  what the other slot is.
 * @return OTA_OK; OTA_E_STATE: it would not stay; OTA_E_FLASH, OTA_E_FLASH_READ_BACK.
 */
OTA_MUST_CHECK ota_err_t ota_store_settle(struct ota_store *s, enum ota_slot slot,
                                          enum ota_slot_class other);

/**
 * Set image_ok, read back.
 *
 * @return OTA_OK; OTA_E_FLASH_READ_BACK: torn, and cannot be set before an erase; OTA_E_STATE: without
 *         a good magic it would confirm nothing; OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_store_confirm(struct ota_store *s, enum ota_slot slot);

/**
 * Confirm an UNMARKED running slot: image_ok, read back, then magic, read back.
 *
 * @return OTA_OK; OTA_E_FLASH_READ_BACK: torn, harmless: it stays UNMARKED; OTA_E_STATE: the slot is
 *         a trial or an incomplete download; OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_store_adopt(struct ota_store *s, enum ota_slot slot);

/**
 * Bootloader, before the jump into a trial: the next trial mark, and copy_done if it is unset.
 *
 * @return OTA_OK: the boot is counted; OTA_E_STATE: no room for another mark; OTA_E_FLASH_READ_BACK,
 *         OTA_E_FLASH.
 */
OTA_MUST_CHECK ota_err_t ota_store_trial(struct ota_store *s, enum ota_slot slot);

/** Factory, on an erased trailer: sequence 0, magic, image_ok. OTA_E_STATE: another sequence is there. */
OTA_MUST_CHECK ota_err_t ota_store_mark_factory(struct ota_store *s, enum ota_slot slot);

/* --- journal (agent only) ----------------------------------------------------- */

/* Values are in flash: append-only. */
enum ota_journal_state {
    OTA_JOURNAL_NONE = 0,
    OTA_JOURNAL_CLAIMED = 1,
    OTA_JOURNAL_RECEIVING = 2,
    OTA_JOURNAL_VERIFYING = 3,
    OTA_JOURNAL_READY = 4,
    OTA_JOURNAL_ACTIVATING = 5,
    OTA_JOURNAL_TESTING = 6,
    OTA_JOURNAL_OUTCOME_OK = 7,
    OTA_JOURNAL_OUTCOME_FAIL = 8,
    OTA_JOURNAL_DROP = 9,
    OTA_JOURNAL_REPORT_OK = 10,
    OTA_JOURNAL_REPORT_FAIL = 11,
    OTA_JOURNAL_FILES = 12,    /* data files are received, one after another */
    OTA_JOURNAL_APPLYING = 13, /* of a job without an image */
};
#define OTA_JOURNAL_STATES 14u

/** Why an update ended, beyond an error code. Values are in flash: append-only. */
enum ota_reason {
    OTA_REASON_NONE = 0,
    OTA_REASON_ERROR = 1, /* see `error` */
    OTA_REASON_ALREADY_INSTALLED = 2,
    OTA_REASON_SELF_TEST_FAILED = 3, /* the application said so */
    OTA_REASON_SELF_TEST_TIMEOUT = 4,
    OTA_REASON_REVERTED = 5, /* the bootloader went back; see `reset_cause` */
    OTA_REASON_REFUSED_BY_BOOT = 6,
    OTA_REASON_DID_NOT_START = 7,
    OTA_REASON_POWER_LOST = 8, /* before the confirm */
    OTA_REASON_CANNOT_CONFIRM = 9,
    OTA_REASON_WOULD_NOT_STAY = 10,
    OTA_REASON_NO_WAY_BACK = 11,
    OTA_REASON_DAMAGED = 12, /* the confirmed image rotted */
    OTA_REASON_CONFIRMED_AGAINST_VERDICT = 13,
    OTA_REASON_ABORTED = 14,  /* by the application */
    OTA_REASON_CANCELED = 15, /* by the provider */
    OTA_REASON_REFUSED_BY_APP = 16,
    OTA_REASON_JOB_DONE = 17,   /* the application finished a job of its own kind, well */
    OTA_REASON_JOB_FAILED = 18, /* or badly */
};
#define OTA_REASON_LAST OTA_REASON_JOB_FAILED

/* AWS: files of an OTA update. */
#define OTA_JOURNAL_FILES_MAX 50u

struct ota_journal {
    enum ota_journal_state state;
    enum ota_slot slot; /* the claim's target */
    /* result */
    enum ota_reason reason;
    ota_err_t error;
    uint8_t reset_cause; /* enum ota_reset_cause of the boot that followed */
    uint8_t refusals;    /* ACTIVATING: times the bootloader did not try it */
    uint8_t job_id_len;  /* 0 ..= OTA_JOB_ID_MAX */
    uint8_t files;       /* data files of the job besides its image, 0 ..= OTA_JOURNAL_FILES_MAX */
    uint8_t file;        /* so many of them are received and verified */
    bool no_image;       /* the job has data files only */
    uint32_t file_size;  /* of what is being received */
    uint32_t mark;       /* bytes of it below are in flash; kept up by ota_journal_mark() */
    uint64_t execution;  /* execution number: with the job id, the report's identity */
    struct ota_version version;          /* of the image that is installed, as its header says */
    uint8_t bytes_id[OTA_DIGEST_SIZE];   /* the bytes' identity */
    uint8_t signature[OTA_P256_RS_SIZE]; /* of the deployment, over the file */
    uint8_t job_id[OTA_JOB_ID_MAX];
};

/** The newest state with its newest mark. OTA_E_NOT_FOUND: none that can be read (then act as NONE). */
OTA_MUST_CHECK ota_err_t ota_journal_read(struct ota_store *s, struct ota_journal *j);
/** Make `j` the newest state. On OTA_OK it is in flash, read back. */
OTA_MUST_CHECK ota_err_t ota_journal_write(struct ota_store *s, const struct ota_journal *j);
/**
 * Raise the mark of the newest state, which is `j` but for its mark: a short record, or the whole state
 * where there is no room for one more.
 */
OTA_MUST_CHECK ota_err_t ota_journal_mark(struct ota_store *s, const struct ota_journal *j);
/** Bytes between two marks for a file: max(sector, file_size / 64), whole sectors. */
uint32_t ota_journal_mark_interval(const struct ota_store *s, uint32_t file_size);

/* --- counter, trust, identity --------------------------------------------------- */

/**
 * The counter that ota_store_facts() shows, raised, read back; lower or equal: nothing is written.
 * Only after a confirm, or the way back is closed. OTA_E_COUNTER_FULL above counter_max.
 */
OTA_MUST_CHECK ota_err_t ota_store_counter_raise(struct ota_store *s, uint32_t value);

/**
 * Whom the device believes: the newest keyset's head and anchors.
 *
 * @return OTA_OK; OTA_E_NOT_FOUND: no valid trust record, so nothing can be verified: fail closed;
 *         OTA_E_KEY_SAMPLE in a release build; OTA_E_FLASH. On error `trust` has no anchors.
 */
OTA_MUST_CHECK ota_err_t ota_store_trust(struct ota_store *s, struct ota_trust *trust);

/* Writing it: ota/store_trust.h. */

/** The application's identity record: bytes that the store does not look into. */
OTA_MUST_CHECK ota_err_t ota_store_identity(struct ota_store *s, struct ota_buf into,
                                            struct ota_span *identity);
OTA_MUST_CHECK ota_err_t ota_store_identity_write(struct ota_store *s, struct ota_span identity);

#endif
