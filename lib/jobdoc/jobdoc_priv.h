/* What the files of lib/jobdoc share: values with limits, and the member `waft`. */
#ifndef JOBDOC_PRIV_H
#define JOBDOC_PRIV_H

#include "ota/jobdoc.h"

/* Each returns whether the value is what it must be; a document has one error for all that is not. */

/* A member that may be missing: then `value` has empty text. False if it is there twice. */
bool jobdoc_optional(struct ota_json object, const char *name, struct ota_json *value);
bool jobdoc_required(struct ota_json object, const char *name, enum ota_json_kind kind,
                     struct ota_json *value);
bool jobdoc_is_absent(struct ota_json value);
bool jobdoc_number(struct ota_json value, uint32_t max, uint32_t *number);
/* The member `name`, or `fallback` if it is missing. */
bool jobdoc_number_or(struct ota_json object, const char *name, uint32_t max, uint32_t fallback,
                      uint32_t *number);
bool jobdoc_required_number(struct ota_json object, const char *name, uint32_t max,
                            uint32_t *number);
/* A string of exactly 2 * len hexadecimal digits. */
bool jobdoc_hex(struct ota_json value, uint8_t *bytes, size_t len);
/* A string like 123e4567-e89b-12d3-a456-426614174000. */
bool jobdoc_uuid(struct ota_json value, uint8_t bytes[OTA_UUID_SIZE]);

/* The file ids of a document, one bit each. */
struct jobdoc_ids {
    uint8_t bits[32];
};
bool jobdoc_has_id(const struct jobdoc_ids *ids, uint32_t id);

/* Read the member `waft` of `document`, if it is there, into the fields of `doc` that are its. */
bool jobdoc_read_waft(struct ota_json document, const struct jobdoc_ids *ids,
                      struct ota_jobdoc *doc);

#endif
