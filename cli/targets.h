/* Targets: the things that a deployment is for. */
#ifndef CLI_TARGETS_H
#define CLI_TARGETS_H

#include "api.h"

/** The names in all --to, each once, in an array of the caller's; NULL with err. */
json_t *cli_targets_read(const struct cli_args *args, struct srv_err *err);

/**
 * Ask the provider whether each of them exists and is enabled. It judges again when the job is
 * made; asked before, nothing has to be uploaded for a mistyped name.
 *
 * @return false after a message that names those that cannot be updated, with api->code.
 */
bool cli_targets_check(struct cli_api *api, const json_t *things);

#endif
