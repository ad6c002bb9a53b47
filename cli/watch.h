/* Watch: a job until it ends, as a bar or as lines; and what became of it. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "api.h"

/**
 * Show what happens until the job has ended. A provider that goes away is waited for.
 *
 * @param timeout_s  0: none.
 * @return CLI_OK if every thing has SUCCEEDED, CLI_UPDATE_BAD, CLI_TIMED_OUT, or why it could not
 *         be watched (after a message).
 */
enum cli_exit cli_watch(struct cli_api *api, const char *job_id, unsigned timeout_s);

/** Each thing of a job with its status and reason. */
enum cli_exit cli_print_executions(struct cli_api *api, const char *job_id, enum cli_format format);

#endif
