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
bool jobdoc_is_stream(const struct ota_json *value);
bool jobdoc_is_version(const struct ota_json *value);
bool jobdoc_is_signature(const struct ota_json *value);

/** The next of the files that `files` walks over; false at their end, or if it is not one. */
bool jobdoc_next_file(struct ota_json_walk *files, struct ota_jobdoc_file *file);

/*
 * Each reads its part into the fields of `doc` that are its; false if that is not what it must be. The ids of the
 * files are collected for the sources, which are looked at last.
 */
bool jobdoc_read_files(struct ota_jobdoc *doc, struct ota_file_ids *ids);
bool jobdoc_read_waft(const struct ota_json *object, struct ota_jobdoc *doc);
bool jobdoc_sources_ok(const struct ota_jobdoc *doc, const struct ota_file_ids *ids);

#endif
