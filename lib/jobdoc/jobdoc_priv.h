/*
 * What the files of lib/jobdoc share. They are several so that the compiler does not put the locals
 * of one part on the stack while another runs.
 */
#ifndef JOBDOC_PRIV_H
#define JOBDOC_PRIV_H

#include "ota/jobdoc.h"

static inline bool is_absent(const struct ota_json *value)
{
    return value->text.len == 0;
}

/* Whether a value is a string of this kind: decoded only to be checked. */
bool jobdoc_is_stream(struct ota_json value);
bool jobdoc_is_version(struct ota_json value);
bool jobdoc_is_signature(struct ota_json value);

/* The file ids of a document, in order. */
struct jobdoc_ids {
    uint8_t id[OTA_FILES_MAX];
};
bool jobdoc_has_id(const struct ota_jobdoc *doc, const struct jobdoc_ids *ids, uint8_t id);

/* Each reads its part into the fields of `doc` that are its; false if that is not what it must be. */
bool jobdoc_read_file(struct ota_json object, struct ota_jobdoc_file *file);
bool jobdoc_read_files(struct ota_jobdoc *doc, struct jobdoc_ids *ids);
bool jobdoc_read_waft(struct ota_json object, const struct jobdoc_ids *ids, struct ota_jobdoc *doc);

#endif
