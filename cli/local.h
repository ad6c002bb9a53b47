/* Local: a provider on this machine, known by its data directory. */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "api.h"
#include <sys/types.h>

/** --data, or the user's own directory; absolute. */
SRV_MUST_CHECK bool cli_local_dir(char out[SRV_PATH_MAX], const struct cli_args *args,
                                  struct srv_err *err);

/**
 * How to reach it: from the files that waftd writes. `host` NULL: where `waft up` has stored that it
 * listens, else this machine.
 */
SRV_MUST_CHECK bool cli_local_profile(struct cli_profile *profile, const char *dir,
                                      const char *host, struct srv_err *err);

/**
 * Ask the provider of `dir` how it is.
 *
 * @return its status; NULL, without a message, if none answers.
 */
json_t *cli_local_status(const char *dir, const char *host);

#endif
