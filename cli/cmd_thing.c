/* waft thing list, show, disable, enable. */
#include "api.h"
#include "out.h"
#include <stdio.h>
#include <string.h>

/* The list has the first of them; what the device says of itself is behind those. */
static const struct cli_column columns[] = {
    { "thingName", "THING", CLI_TEXT },
    { "state", "STATE", CLI_TEXT },
    { "createdAt", "CREATED", CLI_TEXT },
    { "certificateSerial", "CERTIFICATE", CLI_TEXT },
    { "certificateExpiresAt", "EXPIRES", CLI_TEXT },
    { "version", "RUNS", CLI_TEXT },
    { "reportedAt", "SAID AT", CLI_TEXT },
    { "confirmed", "CONFIRMED", CLI_TEXT },
    { "slot", "SLOT", CLI_TEXT },
    { "digest", "IMAGE", CLI_TEXT },
    { "class", "CLASS", CLI_TEXT },
    { "hw", "HARDWARE", CLI_TEXT },
    { "job", "LAST JOB", CLI_TEXT },
    { "result", "RESULT", CLI_TEXT },
};
enum { COLUMNS = sizeof columns / sizeof columns[0], FIRST_SAID = 7, LIST_COLUMNS = 7 };

static void add_thing(struct cli_table *t, const json_t *thing)
{
    char created[32], expires[32], reported[32];
    cli_time(created, cli_integer(thing, "createdAt"));
    cli_time(expires, cli_integer(thing, "certificateExpiresAt"));
    cli_time(reported, cli_integer(thing, "reportedAt"));
    bool enabled = json_is_true(json_object_get(thing, "enabled"));
    const json_t *said = json_object_get(thing, "attributes");
    const char *cells[COLUMNS] = { cli_text(thing, "thingName"),
                                   enabled ? "enabled" : "disabled",
                                   created,
                                   cli_text(thing, "certificateSerial"),
                                   expires,
                                   cli_text(said, "version"),
                                   reported };
    for (size_t i = FIRST_SAID; i < COLUMNS; i++) {
        cells[i] = cli_text(said, columns[i].key);
    }
    cli_table_add(t, cells);
}

static enum cli_exit list(const struct cli_args *args)
{
    struct cli_api api;
    json_t *things = cli_api_begin(&api) ? cli_list(&api, "/waft/v1/things", "things") : NULL;
    if (things != NULL) {
        struct cli_table t;
        cli_table_begin(&t, columns, LIST_COLUMNS);
        for (size_t i = 0; i < json_array_size(things); i++) {
            add_thing(&t, json_array_get(things, i));
        }
        cli_table_print(&t, args->format, "no things yet: `waft thing create NAME` makes one");
        cli_table_end(&t);
    }
    enum cli_exit code = things != NULL ? CLI_OK : api.code;
    json_decref(things);
    cli_api_end(&api);
    return code;
}

static enum cli_exit show(const struct cli_args *args)
{
    struct cli_api api;
    json_t *thing = cli_api_begin(&api)
                        ? cli_call(&api, "GET", NULL, "/waft/v1/things/%s", cli_operand(args, 0))
                        : NULL;
    if (thing != NULL) {
        struct cli_table t;
        cli_table_begin(&t, columns, COLUMNS);
        add_thing(&t, thing);
        cli_table_print_one(&t, args->format);
        cli_table_end(&t);
    }
    enum cli_exit code = thing != NULL ? CLI_OK : api.code;
    json_decref(thing);
    cli_api_end(&api);
    return code;
}

/* Several names: each is tried, the first failure is the exit code. */
static enum cli_exit change(const struct cli_args *args, const char *verb, const char *done)
{
    struct cli_api api;
    enum cli_exit code = cli_api_begin(&api) ? CLI_OK : api.code;
    const char *name = NULL;
    for (size_t i = 0; api.curl != NULL && (name = cli_operand(args, i)) != NULL; i++) {
        json_t *answer = cli_call(&api, "POST", NULL, "/waft/v1/things/%s/%s", name, verb);
        if (answer != NULL) {
            cli_print_text(stdout, name);
            printf(" %s\n", done);
        } else if (code == CLI_OK) {
            code = api.code;
        }
        json_decref(answer);
    }
    cli_api_end(&api);
    return code;
}

static enum cli_exit disable(const struct cli_args *args)
{
    return change(args, "disable", "is disabled: it is disconnected and stays out");
}

static enum cli_exit enable(const struct cli_args *args)
{
    return change(args, "enable", "is enabled: it may connect again");
}

const struct cli_command cli_thing_list = {
    .noun = "thing",
    .verb = "list",
    .summary = "list all things",
    .run = list,
};

const struct cli_command cli_thing_show = {
    .noun = "thing",
    .verb = "show",
    .operands = "NAME",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "show one thing, and what its device last said of itself",
    .run = show,
};

const struct cli_command cli_thing_disable = {
    .noun = "thing",
    .verb = "disable",
    .operands = "NAME...",
    .operand_min = 1,
    .operand_max = 1000,
    .summary = "disconnect things and keep them out",
    .run = disable,
};

const struct cli_command cli_thing_enable = {
    .noun = "thing",
    .verb = "enable",
    .operands = "NAME...",
    .operand_min = 1,
    .operand_max = 1000,
    .summary = "let disabled things connect again",
    .run = enable,
};
