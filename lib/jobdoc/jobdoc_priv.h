/* What the files of lib/jobdoc share. */
#ifndef JOBDOC_PRIV_H
#define JOBDOC_PRIV_H

#include "ota/jobdoc.h"

enum jobdoc_text { TEXT_STREAM, TEXT_VERSION, TEXT_SIGNATURE };

/* Whether a value is a string of this kind. Decoded only to be checked: one buffer for all of them. */
bool jobdoc_text_ok(struct ota_json value, enum jobdoc_text what);

#endif
