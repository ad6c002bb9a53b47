#include "args.h"
#include "out.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every command has these. */
static const struct cli_option common[] = {
    { "-o", "table|json|csv", "form of the output (default: table)", CLI_ONCE },
    { "--json", NULL, "the same as -o json", CLI_ONCE },
    { "--help", NULL, "this text", CLI_ONCE },
    { 0 },
};

enum cli_exit cli_fail(enum cli_exit code, const char *next, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("waft: ", stderr);
    cli_print_text(stderr, text);
    fputc('\n', stderr);
    if (next != NULL) {
        fprintf(stderr, "      %s\n", next);
    }
    return code;
}

/* ---- reading ---- */

/* Always false. */
static __attribute__((format(printf, 2, 3))) bool misused(const struct cli_command *command,
                                                          const char *format, ...)
{
    char text[512], next[80];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(next, sizeof next, "`waft %s%s%s --help` explains", command->noun,
             command->verb != NULL ? " " : "", command->verb != NULL ? command->verb : "");
    cli_fail(CLI_USAGE, next, "%s", text);
    return false;
}

static bool is_required(const struct cli_option *option)
{
    return option->how == CLI_REQUIRED || option->how == CLI_SOME;
}

static bool may_be_repeated(const struct cli_option *option)
{
    return option->how == CLI_REPEATED || option->how == CLI_SOME;
}

static const struct cli_option *find_option(const struct cli_option *list, const char *name,
                                            size_t len)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (strlen(list->name) == len && strncmp(list->name, name, len) == 0) {
            return list;
        }
    }
    return NULL;
}

static bool given(const struct cli_args *args, const struct cli_option *option)
{
    for (size_t i = 0; i < args->count; i++) {
        if (args->values[i].option == option) {
            return true;
        }
    }
    return false;
}

/* One option at argv[*at]; moves *at over a value that stands in a word of its own. */
static bool read_option(const struct cli_command *command, int argc, char **argv, int *at,
                        struct cli_args *args)
{
    const char *word = argv[*at];
    size_t len = strcspn(word, "=");
    const struct cli_option *option = find_option(command->options, word, len);
    option = option != NULL ? option : find_option(common, word, len);
    if (option == NULL) {
        return misused(command, "there is no option %s here", word);
    }
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (option->value == NULL) {
        if (value != NULL) {
            return misused(command, "%s takes no value", option->name);
        }
        value = option->name;
    } else if (value == NULL) {
        if (*at + 1 >= argc) {
            return misused(command, "%s wants %s", option->name, option->value);
        }
        value = argv[++*at];
    }
    if (!may_be_repeated(option) && given(args, option)) {
        return misused(command, "%s is given twice", option->name);
    }
    args->values[args->count++] = (struct cli_value){ option, value };
    return true;
}

static bool read_format(struct cli_args *args)
{
    static const char *const words[] = {
        [CLI_TABLE] = "table", [CLI_JSON] = "json", [CLI_CSV] = "csv"
    };
    const char *word = cli_option(args, "-o");
    if (cli_option(args, "--json") != NULL) {
        if (word != NULL) {
            cli_fail(CLI_USAGE, NULL, "--json and -o both say what the output is: one is enough");
            return false;
        }
        word = words[CLI_JSON];
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (word == NULL || strcmp(word, words[i]) == 0) {
            args->format = (enum cli_format)i;
            return true;
        }
    }
    cli_fail(CLI_USAGE, NULL, "-o is table, json or csv, not %s", word);
    return false;
}

static bool check_counts(const struct cli_command *command, const struct cli_args *args)
{
    size_t operands = 0;
    for (size_t i = 0; i < args->count; i++) {
        operands += args->values[i].option == NULL;
    }
    if (operands < command->operand_min) {
        return misused(command, "this command wants %s", command->operands);
    }
    if (operands > command->operand_max) {
        return misused(command, "%s is one word too many", cli_operand(args, command->operand_max));
    }
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (is_required(o) && !given(args, o)) {
            return misused(command, "%s %s is missing: %s", o->name, o->value, o->help);
        }
    }
    return true;
}

bool cli_args_read(const struct cli_command *command, int argc, char **argv, struct cli_args *args)
{
    *args = (struct cli_args){ .values = calloc((size_t)argc + 1u, sizeof *args->values) };
    if (args->values == NULL) {
        return false;
    }
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        bool is_option = !only_operands && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!is_option) {
            args->values[args->count++] = (struct cli_value){ NULL, argv[i] };
        } else if (!read_option(command, argc, argv, &i, args)) {
            return false;
        }
    }
    if (cli_option(args, "--help") != NULL) {
        return true;
    }
    return read_format(args) && check_counts(command, args);
}

void cli_args_end(struct cli_args *args)
{
    free(args->values);
    args->values = NULL;
}

const char *cli_operand(const struct cli_args *args, size_t i)
{
    for (size_t at = 0; at < args->count; at++) {
        if (args->values[at].option == NULL && i-- == 0) {
            return args->values[at].text;
        }
    }
    return NULL;
}

const char *cli_option_at(const struct cli_args *args, const char *name, size_t i)
{
    for (size_t at = 0; at < args->count; at++) {
        const struct cli_option *option = args->values[at].option;
        if (option != NULL && strcmp(option->name, name) == 0 && i-- == 0) {
            return args->values[at].text;
        }
    }
    return NULL;
}

const char *cli_option(const struct cli_args *args, const char *name)
{
    return cli_option_at(args, name, 0);
}

bool cli_number(const char *what, const char *text, unsigned long long min, unsigned long long max,
                unsigned long long *number)
{
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    errno = 0;
    bool digits = text[0] >= '0' && text[0] <= '9';
    unsigned long long value = digits ? strtoull(text, &end, 0) : 0;
    if (!digits || *end != '\0' || errno != 0 || value < min || value > max) {
        cli_fail(CLI_USAGE, NULL, "%s is a whole number of %llu to %llu, not \"%s\"", what, min,
                 max, text);
        return false;
    }
    *number = value;
    return true;
}

/* ---- help ---- */

#define HELP_COLUMN 31
#define HELP_WIDTH  100

/* Words at HELP_COLUMN, and on further lines below it. */
static void print_wrapped(const char *text)
{
    int at = HELP_COLUMN;
    while (*text != '\0') {
        int len = (int)strcspn(text, " ");
        if (at > HELP_COLUMN && at + 1 + len > HELP_WIDTH) {
            printf("\n%*s", HELP_COLUMN, "");
            at = HELP_COLUMN;
        } else if (at > HELP_COLUMN) {
            putchar(' ');
            at++;
        }
        printf("%.*s", len, text);
        at += len;
        text += len + (text[len] == ' ');
    }
    putchar('\n');
}

static void print_options(const struct cli_option *list)
{
    static const char *const note[] = {
        [CLI_ONCE] = "",
        [CLI_REQUIRED] = " (required)",
        [CLI_REPEATED] = " (may be given several times)",
        [CLI_SOME] = " (required, may be given several times)",
    };
    for (; list != NULL && list->name != NULL; list++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", list->name, list->value != NULL ? " " : "",
                 list->value != NULL ? list->value : "");
        char help[400];
        snprintf(help, sizeof help, "%s%s", list->help, note[list->how]);
        printf("  %-*s ", HELP_COLUMN - 3, left);
        print_wrapped(help);
    }
}

void cli_command_help(const struct cli_command *command)
{
    printf("waft %s%s%s%s%s", command->noun, command->verb != NULL ? " " : "",
           command->verb != NULL ? command->verb : "", command->operands != NULL ? " " : "",
           command->operands != NULL ? command->operands : "");
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (is_required(o)) {
            printf(" %s %s", o->name, o->value);
        }
    }
    printf(" [options]\n\n%s\n\n", command->summary);
    print_options(command->options);
    print_options(common);
    if (command->example != NULL) {
        printf("\nfor example:\n  %s\n", command->example);
    }
}
