/*
 * Files: what a job brings besides an image, or instead of one: a coprocessor's image, assets,
 * certificates. Each is received by the handler of its type.
 *
 *     document:  data file 0, data file 1, ..., image
 *     per file:  begin -> write, blocks in any order -> read: digest, signature -> verified
 *     per job:   all verified -> apply -> keep
 *                        \-> at any point: discard
 *
 * All or nothing. Data files come first and the image last, so that whatever goes wrong with a file
 * costs no reset. With an image, what was received is applied when the new image's self-test begins (by the
 * new image, before it is told to test), kept once the image is confirmed, and discarded if the old one runs
 * again: the files are always those of the image that runs. A job of data files only has no reset and no self-test:
 * received, verified, READY (the application says when), applied, kept, reported.
 *
 * Where it is looked up: the workflow's journal. So a handler need remember nothing but its bytes; every verb may come again, also
 * after a power cut, and must then end as if it had come once.
 *
 *     static struct ota_file_handler *const handlers[] = { &assets.base, &modem.base };
 *     static const struct ota_files files = { &ota_files_engine, handlers, 2 };
 *     orchestrator_cfg.files = &files;     // NULL: images only, and nothing of lib/files is linked
 */
#ifndef OTA_FILES_H
#define OTA_FILES_H

#include "ota/err.h"
#include "ota/span.h"

/** A data file of the job that is going on. */
struct ota_file {
    uint8_t index; /* of the job's data files, in the order of the document, from 0 */
    uint8_t nth;   /* of those of its type, from 0 */
    uint8_t type;  /* fileType, 1 ..= 255 */
    uint8_t id;    /* fileid: the provider's name for it in this job, no more */
    uint32_t size; /* bytes, > 0 */
};

struct ota_file_handler;

/*
 * Each call does a bounded piece of work, about as much as erasing a sector. OTA_E_BUSY from begin, verified,
 * apply, keep or discard: a piece is done, call again. Every other error ends the job; one of class IMAGE says that the
 * file is not for this device (REJECTED), others that it went wrong (FAILED).
 */
struct ota_file_handler_ops {
    /**
     * Would this file be taken? Asked of each file of an offer before anything else happens, and again whenever
     * the provider sends the document: it changes nothing. OTA_E_JOB_FILE_SIZE: no room for it; what is here of it already
     * needs none, or the download that it is in would end.
     */
    ota_err_t (*check)(struct ota_file_handler *h, const struct ota_file *file);
    /**
     * Bytes below `mark` were written, before a power cut perhaps. From where can it go on?
     *
     * @return at most `mark`, 0 if nothing of it is here; the same for what it returns. Changes nothing.
     */
    uint32_t (*resume)(struct ota_file_handler *h, const struct ota_file *file, uint32_t mark);
    /**
     * Get ready to receive this file: bytes below `from`, which resume() has returned, stay; everything from there
     * on will be written, and what may be there does not count any more.
     */
    ota_err_t (*begin)(struct ota_file_handler *h, const struct ota_file *file, uint32_t from);
    /** A block at `offset`, each once, in any order. On OTA_OK it survives a power cut. */
    ota_err_t (*write)(struct ota_file_handler *h, const struct ota_file *file, uint32_t offset,
                       struct ota_span bytes);
    /** All of it is there: what would be used of it, for the digest. */
    ota_err_t (*read)(struct ota_file_handler *h, const struct ota_file *file, uint32_t offset,
                      struct ota_buf into);
    /** The deployment signature over what was read is good. The last moment to look into it and to refuse. */
    ota_err_t (*verified)(struct ota_file_handler *h, const struct ota_file *file);

    /* Of the job; asked of every handler, also of those that had no file of it. */

    /** Use what was verified, and remember what it replaces. Nothing to apply: OTA_OK. */
    ota_err_t (*apply)(struct ota_file_handler *h);
    /** What is applied stays: what it replaced may go. What is not applied is forgotten. */
    ota_err_t (*keep)(struct ota_file_handler *h);
    /** Back to what was before the job. What is kept stays. */
    ota_err_t (*discard)(struct ota_file_handler *h);
};

/** A port is this and what it needs behind it. */
struct ota_file_handler {
    const struct ota_file_handler_ops *ops; /* in ROM */
    uint8_t type;                           /* fileType, 1 ..= 255; one handler a type */
};

#define OTA_FILE_HANDLERS_MAX 8u

/* Private: how the orchestrator reaches lib/files without naming it. */
struct ota_files_engine;
extern const struct ota_files_engine ota_files_engine;

/** For the orchestrator's config; lent as long as it runs. */
struct ota_files {
    const struct ota_files_engine *engine; /* &ota_files_engine */
    struct ota_file_handler *const *handlers;
    uint8_t count; /* <= OTA_FILE_HANDLERS_MAX */
};

#endif
