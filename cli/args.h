/* Args: from argv to a command and its checked arguments. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "cli.h"

/**
 * Take the words behind the command's name apart.
 *
 * @return false after a message on stderr. `args` borrows from `argv`; free with
 *         cli_args_end() in both cases.
 */
bool cli_args_read(const struct cli_command *command, int argc, char **argv, struct cli_args *args);
void cli_args_end(struct cli_args *args);

/** Print what a command is, does and takes. */
void cli_command_help(const struct cli_command *command);

#endif
