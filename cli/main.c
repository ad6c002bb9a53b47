/* waft: finds the command, checks its arguments, runs it. */
#include "args.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* In the order in which a newcomer meets them. */
static const struct cli_command *const commands[] = {
    &cli_up,         &cli_down,          &cli_status,       &cli_thing_create, &cli_thing_list,
    &cli_thing_show, &cli_thing_disable, &cli_thing_enable, &cli_key_new,      &cli_image_sign,
    &cli_image_info, &cli_image_verify,  &cli_image_resign, &cli_keyset_make,  &cli_keyset_info,
    &cli_factory,    &cli_deploy,        &cli_job_list,     &cli_job_show,     &cli_job_watch,
    &cli_job_cancel,
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const char *words_of(const struct cli_command *c, char name[32])
{
    snprintf(name, 32, "%s %s", c->noun, c->verb != NULL ? c->verb : "");
    return name;
}

static void print_overview(FILE *to)
{
    fputs("waft: over-the-air updates, from a signed image to a confirmed boot\n\n", to);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct cli_command *c = commands[i];
        char name[32];
        fprintf(to, "  waft %-16s %s\n", words_of(c, name), c->summary);
    }
    fputs("\n`waft COMMAND --help` explains each.\n\n"
          "The provider is the one that `waft up` started, or WAFT_URL, WAFT_TOKEN and WAFT_CA.\n\n"
          "Exit codes: 0 done; 1 refused or not possible; 2 wrong command line; 3 an update did\n"
          "not succeed; 4 timed out waiting (the job goes on); 5 the provider cannot be reached;\n"
          "130 Ctrl-C (a job that was watched goes on).\n",
          to);
}

/* The command of these words, and how many of them are its name; NULL: none. */
static const struct cli_command *find(int argc, char **argv, int *words)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const struct cli_command *c = commands[i];
        if (strcmp(argv[1], c->noun) != 0) {
            continue;
        }
        if (c->verb == NULL || (argc > 2 && strcmp(argv[2], c->verb) == 0)) {
            *words = c->verb == NULL ? 1 : 2;
            return c;
        }
    }
    return NULL;
}

/* "thing" alone, or "thing crate": the verbs that there are. */
static enum cli_exit no_such_command(const char *noun)
{
    bool known = false;
    char name[32];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(noun, commands[i]->noun) == 0) {
            fprintf(stderr, "%s      waft %-16s %s\n", known ? "" : "waft: which one?\n",
                    words_of(commands[i], name), commands[i]->summary);
            known = true;
        }
    }
    return known ? CLI_USAGE
                 : cli_fail(CLI_USAGE, "`waft --help` shows all", "there is no command %s", noun);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_overview(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_overview(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("waft " WAFT_VERSION);
        return CLI_OK;
    }
    int words = 0;
    const struct cli_command *command = find(argc, argv, &words);
    if (command == NULL) {
        return (int)no_such_command(argv[1]);
    }
    struct cli_args args;
    enum cli_exit code = CLI_USAGE;
    if (cli_args_read(command, argc - 1 - words, argv + 1 + words, &args)) {
        if (cli_option(&args, "--help") != NULL) {
            cli_command_help(command);
            code = CLI_OK;
        } else {
            code = command->run(&args);
        }
    }
    cli_args_end(&args);
    if (fflush(stdout) != 0) {
        return (int)cli_fail(CLI_FAILED, NULL, "the output could not be written");
    }
    return (int)code;
}
