/*
 * Job document: what an AWS OTA job asks for, read from its JSON: `afr_ota`
 * exactly as the service writes it, and our member `waft` beside it (docs/spec/wire.md).
 *
 * Strict where it matters (a name twice, a number out of range, a signature
 * that is not base64: refused), lenient where AWS is: unknown members are
 * ignored, null is absent, numbers may be strings, escapes are decoded.
 */
#ifndef OTA_JOBDOC_H
#define OTA_JOBDOC_H

#include "ota/file_ids.h"
#include "ota/image.h"
#include "ota/json.h"
#include "ota/wire.h"

#define OTA_FILES_MAX 50u /* AWS: files of an OTA update */

enum { OTA_PROTOCOL_MQTT = 1, OTA_PROTOCOL_HTTP = 2 };

struct ota_jobdoc {
    uint8_t protocols;      /* OTA_PROTOCOL_... that the job offers and we know */
    uint8_t file_count;     /* 1 ..= OTA_FILES_MAX */
    struct ota_json stream; /* a name that ota_stream_id_ok() takes; empty text if absent */
    struct ota_json offers; /* the array that `protocols` is from */
    struct ota_json files;  /* the array, inside the document */
    /* `waft`, version 1: advice, absent members are marked so */
    bool has_digest, has_version, has_class, has_counter, has_hw;
    uint8_t digest[OTA_DIGEST_SIZE]; /* image digest; see ota_jobdoc_choose() */
    uint8_t class_id[OTA_UUID_SIZE];
    uint32_t counter;
    uint16_t hw_min, hw_max;
    struct ota_json version; /* a string that ota_version_parse() takes */
    struct ota_json hw;      /* the array that hw_min and hw_max are from */
    struct ota_json sources; /* the array; empty text if absent */
};

enum ota_signature_kind {
    OTA_SIGNATURE_NONE,
    OTA_SIGNATURE_P256,        /* sig-sha256-ecdsa */
    OTA_SIGNATURE_UNSUPPORTED, /* RSA, SHA-1: understood, refused by policy */
};

/* An ECDSA P-256 signature in DER has 72 bytes at most, and imgtool pads. */
#define OTA_SIGNATURE_DER_MAX 80u

/* Its strings are inside the document; empty text if absent. */
struct ota_jobdoc_file {
    uint32_t size; /* bytes, > 0 */
    uint8_t file_id;
    uint8_t file_type; /* 0: an image */
    enum ota_signature_kind signature_kind;
    struct ota_json signature; /* P256: base64 of 1 ..= OTA_SIGNATURE_DER_MAX bytes */
    struct ota_json refused;   /* a signature of an UNSUPPORTED kind */
    struct ota_json certfile;  /* a name to compare, never a path to open */
    struct ota_json url;       /* update_data_url */
};

/**
 * Read a document.
 *
 * @param document  a JSON object, from ota_json_parse(); lent as long as `doc` is used.
 * @return OTA_OK, and then each file and source is well-formed too; OTA_E_NOT_FOUND: no `afr_ota`,
 *         so another parser may understand it; OTA_E_JOB_DOCUMENT: an `afr_ota` that is not one
 *         (missing, doubled or ill-typed members, no file, too many, a file id twice), or a `waft`
 *         that is not one. On error `doc` is all zero: a document without files.
 */
OTA_MUST_CHECK ota_err_t ota_jobdoc_read(const struct ota_json *document, struct ota_jobdoc *doc);

/** Read the file at `index` (< file_count). Always OTA_OK for a document that ota_jobdoc_read() took. */
OTA_MUST_CHECK ota_err_t ota_jobdoc_file(const struct ota_jobdoc *doc, uint32_t index,
                                         struct ota_jobdoc_file *file);

/**
 * The deployment's signature over the file, as ota_deployment_check() wants it.
 *
 * @param rs  out, on OTA_OK.
 * @return OTA_OK; OTA_E_JOB_UNSIGNED: there is none; OTA_E_JOB_SIGNATURE: none of a kind that we check, or it is not one.
 */
OTA_MUST_CHECK ota_err_t ota_jobdoc_signature(const struct ota_jobdoc_file *file,
                                              uint8_t rs[OTA_P256_RS_SIZE]);

/**
 * Which file a device fetches for its image: of the alternatives in `sources` the one for `slot`
 * (0: A, 1: B); without sources, the first file of type 0. Sources with `from` (deltas) are passed
 * over by a device that has no use for them. Linked for two slots, one version is two images: if the
 * chosen source names a digest, it becomes the document's.
 *
 * @return OTA_OK and the file; OTA_E_JOB_NO_FILE: nothing for this device.
 */
OTA_MUST_CHECK ota_err_t ota_jobdoc_choose(struct ota_jobdoc *doc, unsigned slot,
                                           struct ota_jobdoc_file *file);

/** Where ota_jobdoc_next_data() stands; all zero to begin. */
struct ota_jobdoc_data {
    bool begun, image_seen;
    struct ota_file_ids named; /* by sources */
    struct ota_json_walk files;
};

/**
 * The next file that a job needs besides its image, in the order of the document: one that no source names; without
 * sources, any but the first of type 0.
 *
 * @return whether there was one.
 */
bool ota_jobdoc_next_data(const struct ota_jobdoc *doc, struct ota_jobdoc_data *at,
                          struct ota_jobdoc_file *file);

/** Whether the image with this digest is the one that is wanted, or one of the sources' images. */
bool ota_jobdoc_names_image(const struct ota_jobdoc *doc, const uint8_t digest[OTA_DIGEST_SIZE]);

/*
 * A parser of documents: the functions above, for a schema of its own. What it fills `doc` and
 * `file` with is meant as for afr_ota: strings are JSON strings inside the document, a stream's name,
 * signature and URL among them; `files` and `sources` are its own to use, or not. Each is a pure
 * function of what it is given.
 */
struct ota_parser {
    /** OTA_E_NOT_FOUND: not a document of mine, another parser may understand it. Any other error
     * ends the search: it is mine, and it is wrong. */
    ota_err_t (*read)(const struct ota_json *document, struct ota_jobdoc *doc);
    ota_err_t (*file)(const struct ota_jobdoc *doc, uint32_t index, struct ota_jobdoc_file *file);
    ota_err_t (*choose)(struct ota_jobdoc *doc, unsigned slot, struct ota_jobdoc_file *file);
    bool (*names_image)(const struct ota_jobdoc *doc, const uint8_t digest[OTA_DIGEST_SIZE]);
    /** NULL: its jobs have no data files. Of one without an image choose() says OTA_E_JOB_NO_FILE. */
    bool (*next_data)(const struct ota_jobdoc *doc, struct ota_jobdoc_data *at,
                      struct ota_jobdoc_file *file);
};

/** The one for `afr_ota` and `waft`. */
extern const struct ota_parser ota_parser_afr;

/** Parsers in order: the first that does not say OTA_E_NOT_FOUND has the word. */
struct ota_parser_chain {
    const struct ota_parser *const *parsers; /* lent */
    uint32_t count;                          /* 0: ota_parser_afr alone */
};

/**
 * Read a document with the chain.
 *
 * @param parser  out: whose word it is, for the other three functions; NULL if it is nobody's.
 * @return as that parser's read(); OTA_E_NOT_FOUND if it is nobody's.
 */
OTA_MUST_CHECK ota_err_t ota_parser_chain_read(struct ota_parser_chain chain,
                                               const struct ota_json *document,
                                               struct ota_jobdoc *doc,
                                               const struct ota_parser **parser);

#endif
