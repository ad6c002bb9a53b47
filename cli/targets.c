#include "targets.h"
#include "ota/wire.h"
#include <string.h>

/* One transaction at the provider makes all executions of a job. */
#define TARGETS_MAX 4096u
/* A wrong list of thousands is understood from its beginning. */
#define NAMED_MAX 20u

/* ---- the command line ---- */

static bool add_one(json_t *things, const char *name, size_t len, struct srv_err *err)
{
    const int shown = len < 40 ? (int)len : 40;
    if (!ota_thing_name_ok((struct ota_span){ (const uint8_t *)name, len })) {
        return srv_fail(err, SRV_E_INVALID, "--to: \"%.*s\" is no thing name", shown, name);
    }
    size_t i;
    const json_t *there;
    json_array_foreach(things, i, there)
    {
        if (json_string_length(there) == len && memcmp(json_string_value(there), name, len) == 0) {
            return srv_fail(err, SRV_E_INVALID, "--to names %.*s twice", shown, name);
        }
    }
    if (json_array_size(things) == TARGETS_MAX) {
        return srv_fail(err, SRV_E_LIMIT, "--to names more than %u things: make several jobs",
                        TARGETS_MAX);
    }
    json_array_append_new(things, json_stringn(name, len));
    return true;
}

/* --to a,b --to c */
json_t *cli_targets_read(const struct cli_args *args, struct srv_err *err)
{
    json_t *things = json_array();
    const char *list = NULL;
    for (size_t i = 0; (list = cli_option_at(args, "--to", i)) != NULL; i++) {
        for (const char *at = list;; at++) {
            size_t len = strcspn(at, ",");
            if (!add_one(things, at, len, err)) {
                json_decref(things);
                return NULL;
            }
            at += len;
            if (*at == '\0') {
                break;
            }
        }
    }
    return things;
}

/* ---- at the provider ---- */

enum fitness { FIT, UNKNOWN, DISABLED, NOT_TOLD };

static enum fitness ask(struct cli_api *api, const char *name)
{
    json_t *thing = cli_find(api, "/waft/v1/things/%s", name);
    if (thing == NULL) {
        return api->status == 404 ? UNKNOWN : NOT_TOLD;
    }
    bool enabled = json_is_true(json_object_get(thing, "enabled"));
    json_decref(thing);
    return enabled ? FIT : DISABLED;
}

bool cli_targets_check(struct cli_api *api, const json_t *things)
{
    size_t i, unfit = 0;
    const json_t *thing;
    json_array_foreach(things, i, thing)
    {
        const char *name = json_string_value(thing);
        enum fitness is = ask(api, name);
        if (is == NOT_TOLD) {
            return false;
        }
        if (is != FIT && ++unfit <= NAMED_MAX) {
            cli_fail(CLI_FAILED, NULL, is == UNKNOWN ? "there is no thing %s" : "%s is disabled",
                     name);
        }
    }
    if (unfit > 0) {
        api->code = cli_fail(CLI_FAILED,
                             "see `waft thing list`; `waft thing enable NAME` lets one in again",
                             "%zu of %zu things cannot be updated; nothing was sent", unfit,
                             json_array_size(things));
    }
    return unfit == 0;
}
