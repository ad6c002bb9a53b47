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
        cli_fail(CLI_USAGE, "--help shows what there is", "there is no option %s here", word);
        return false;
    }
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    if (option->value == NULL) {
        if (value != NULL) {
            cli_fail(CLI_USAGE, NULL, "%s takes no value", option->name);
            return false;
        }
        value = option->name;
    } else if (value == NULL) {
        if (*at + 1 >= argc) {
            cli_fail(CLI_USAGE, NULL, "%s wants %s", option->name, option->value);
            return false;
        }
        value = argv[++*at];
    }
    if (option->how != CLI_REPEATED && given(args, option)) {
        cli_fail(CLI_USAGE, NULL, "%s is given twice", option->name);
        return false;
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
        cli_fail(CLI_USAGE, "--help explains", "this command wants %s", command->operands);
        return false;
    }
    if (operands > command->operand_max) {
        cli_fail(CLI_USAGE, NULL, "%s is one word too many",
                 cli_operand(args, command->operand_max));
        return false;
    }
    for (const struct cli_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (o->how == CLI_REQUIRED && !given(args, o)) {
            cli_fail(CLI_USAGE, "--help explains", "%s %s is missing: %s", o->name, o->value,
                     o->help);
            return false;
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

static void print_options(const struct cli_option *list)
{
    for (; list != NULL && list->name != NULL; list++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", list->name, list->value != NULL ? " " : "",
                 list->value != NULL ? list->value : "");
        printf("  %-28s %s%s\n", left, list->help,
               list->how == CLI_REQUIRED   ? " (required)"
               : list->how == CLI_REPEATED ? " (may be given several times)"
                                           : "");
    }
}

void cli_command_help(const struct cli_command *command)
{
    printf("waft %s%s%s%s%s\n\n%s\n\n", command->noun, command->verb != NULL ? " " : "",
           command->verb != NULL ? command->verb : "", command->operands != NULL ? " " : "",
           command->operands != NULL ? command->operands : "", command->summary);
    print_options(command->options);
    print_options(common);
}
