/*
 * Requests as JSON, strictly: UTF-8, no duplicate members, bounded depth, one
 * object and nothing behind it. A member that is null counts as absent.
 */
#ifndef SRV_JSON_H
#define SRV_JSON_H

#include "arena.h"
#include "base/err.h"
#include <jansson.h>

/* AWS IoT: a message has at most 128 KiB. */
#define SRV_PAYLOAD_MAX    (128u * 1024u)
#define SRV_JSON_DEPTH_MAX 32u
/* AWS IoT Jobs quotas. */
#define SRV_DETAILS_MAX      10u
#define SRV_DETAIL_KEY_MAX   128u
#define SRV_DETAIL_VALUE_MAX 1024u

/** Parse an object; an empty text counts as {}. On success json_decref() it. */
bool srv_json_object(struct ota_span text, json_t **object, struct srv_err *err);

/** The client token: at most 64 bytes; ptr is NULL if there is none. Borrowed from `object`. */
bool srv_json_token(const json_t *object, struct ota_span *token, struct srv_err *err);

/** A member that is true or false; `value` keeps what it has if the member is absent. */
bool srv_json_flag(const json_t *object, const char *name, bool *value, struct srv_err *err);

enum srv_number_form { SRV_NUMBER_ONLY, SRV_NUMBER_OR_TEXT };
struct srv_number_rule {
    const char *name;
    int64_t min, max;
    enum srv_number_form form;
};
struct srv_number {
    bool given;
    int64_t value;
};
bool srv_json_number(const json_t *object, const struct srv_number_rule *rule,
                     struct srv_number *number, struct srv_err *err);

/** statusDetails: absent (unchanged), or a map that replaces the old one. */
struct srv_details {
    bool given;
    struct ota_span text; /* compact JSON in the arena; empty for {} */
};
bool srv_json_details(const json_t *object, struct srv_arena *a, struct srv_details *details,
                      struct srv_err *err);

#endif
