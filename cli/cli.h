/*
 * waft: the operator's tool. One file a command, one table of commands (main.c).
 *
 * A command is a noun and a verb (`thing create`), or a verb alone (`deploy`).
 * It is given its arguments already checked against its own table, says what it
 * did on stdout, and what went wrong, with what to do next, on stderr.
 */
#ifndef CLI_H
#define CLI_H

#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Exit codes, also in `waft --help`: scripts decide by them. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,      /* refused, not found, not possible: stderr says what */
    CLI_USAGE = 2,       /* the command line makes no sense */
    CLI_UPDATE_BAD = 3,  /* the job ended, and not every thing has SUCCEEDED */
    CLI_TIMED_OUT = 4,   /* --timeout has passed; the job goes on */
    CLI_NO_PROVIDER = 5, /* waftd cannot be reached */
};

enum cli_format { CLI_TABLE, CLI_JSON, CLI_CSV };

struct cli_option {
    const char *name;  /* "--key" */
    const char *value; /* what follows it, for the help; NULL: a flag */
    const char *help;
    enum { CLI_ONCE, CLI_REQUIRED, CLI_REPEATED, CLI_SOME /* at least once */ } how;
};

/* One value of the command line, and the option that it belongs to; NULL: none. */
struct cli_value {
    const struct cli_option *option;
    const char *text;
};

struct cli_args {
    size_t count;
    struct cli_value *values;
    enum cli_format format;
};

struct cli_command {
    const char *noun, *verb; /* verb NULL: the noun is all */
    const char *operands;    /* "NAME [NAME...]", for the help */
    size_t operand_min, operand_max;
    const char *summary;
    const char *example;              /* may be NULL */
    const struct cli_option *options; /* ended by one without a name; may be NULL */
    enum cli_exit (*run)(const struct cli_args *args);
};

/** The i-th operand; NULL if there are fewer. */
const char *cli_operand(const struct cli_args *args, size_t i);

/** The value of an option; NULL if it was not given. A flag's value is its own name. */
const char *cli_option(const struct cli_args *args, const char *name);

/** The i-th value of a repeated option; NULL if there are fewer. */
const char *cli_option_at(const struct cli_args *args, const char *name, size_t i);

/** A whole number of min ..= max; false with a message on stderr. `text` NULL: `number` stays as it is. */
bool cli_number(const char *what, const char *text, unsigned long long min, unsigned long long max,
                unsigned long long *number);

/** Say on stderr what went wrong; `next` (may be NULL) says what to do. Always returns `code`. */
__attribute__((format(printf, 3, 4))) enum cli_exit cli_fail(enum cli_exit code, const char *next,
                                                             const char *format, ...);

/* The commands. */
extern const struct cli_command cli_up, cli_down, cli_status;
extern const struct cli_command cli_thing_create, cli_thing_list, cli_thing_show;
extern const struct cli_command cli_thing_disable, cli_thing_enable;
extern const struct cli_command cli_key_new;
extern const struct cli_command cli_image_sign, cli_image_info, cli_image_verify, cli_image_resign;
extern const struct cli_command cli_keyset_make, cli_keyset_info;
extern const struct cli_command cli_factory, cli_deploy;
extern const struct cli_command cli_job_list, cli_job_show, cli_job_watch, cli_job_cancel;

#endif
