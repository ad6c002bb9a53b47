/* waft job list, show, watch, cancel. */
#include "api.h"
#include "ota/wire.h"
#include "out.h"
#include "watch.h"
#include <stdio.h>
#include <string.h>

static const struct cli_column columns[] = {
    { "jobId", "JOB", CLI_TEXT },
    { "status", "STATUS", CLI_TEXT },
    { "description", "WHAT", CLI_TEXT },
    { "things", "THINGS", CLI_NUMBER },
    { "succeeded", "SUCCEEDED", CLI_NUMBER },
    { "failed", "FAILED", CLI_NUMBER },
    { "rejected", "REJECTED", CLI_NUMBER },
    { "canceled", "CANCELED", CLI_NUMBER },
    { "open", "OPEN", CLI_NUMBER },
    { "createdAt", "CREATED", CLI_TEXT },
    { "deadlineMinutes", "DEADLINE", CLI_NUMBER }, /* too wide for a list on a terminal */
};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

/* AWS's eight counters in five columns: the two of one column mean the same to an operator. */
enum { SUCCEEDED, FAILED, REJECTED, CANCELED, OPEN, COUNTS };
static const char *const counters[COUNTS][2] = {
    [SUCCEEDED] = { "numberOfSucceededThings", NULL },
    [FAILED] = { "numberOfFailedThings", "numberOfTimedOutThings" },
    [REJECTED] = { "numberOfRejectedThings", NULL },
    [CANCELED] = { "numberOfCanceledThings", "numberOfRemovedThings" },
    [OPEN] = { "numberOfQueuedThings", "numberOfInProgressThings" },
};

static void add_job(struct cli_table *t, const json_t *job)
{
    const json_t *details = json_object_get(job, "jobProcessDetails");
    const int64_t deadline =
        cli_integer(json_object_get(job, "timeoutConfig"), "inProgressTimeoutInMinutes");
    char texts[COUNTS][24], things[24], created[32], minutes[24] = "";
    int64_t all = 0;
    for (size_t i = 0; i < COUNTS; i++) {
        int64_t count = cli_integer(details, counters[i][0]);
        count += counters[i][1] != NULL ? cli_integer(details, counters[i][1]) : 0;
        snprintf(texts[i], sizeof texts[i], "%lld", (long long)count);
        all += count;
    }
    snprintf(things, sizeof things, "%lld", (long long)all);
    if (deadline > 0) {
        snprintf(minutes, sizeof minutes, "%lld", (long long)deadline);
    }
    cli_time(created, cli_integer(job, "createdAt"));
    cli_table_add(t, (const char *const[]){ cli_text(job, "jobId"), cli_text(job, "status"),
                                            cli_text(job, "description"), things, texts[SUCCEEDED],
                                            texts[FAILED], texts[REJECTED], texts[CANCELED],
                                            texts[OPEN], created, minutes });
}

static enum cli_exit list(const struct cli_args *args)
{
    struct cli_api api;
    json_t *jobs = cli_api_begin(&api) ? cli_list(&api, "/waft/v1/jobs", "jobs") : NULL;
    if (jobs != NULL) {
        struct cli_table t;
        cli_table_begin(&t, columns, args->format == CLI_TABLE ? COLUMN_COUNT - 1 : COLUMN_COUNT);
        for (size_t i = 0; i < json_array_size(jobs); i++) {
            add_job(&t, json_array_get(jobs, i));
        }
        cli_table_print(&t, args->format, "no jobs yet: `waft deploy` makes one");
        cli_table_end(&t);
    }
    enum cli_exit code = jobs != NULL ? CLI_OK : api.code;
    json_decref(jobs);
    cli_api_end(&api);
    return code;
}

static bool is_job_id(const char *id)
{
    if (!ota_job_id_ok(ota_span_of_str(id))) {
        cli_fail(CLI_USAGE, "`waft job list` shows all", "\"%.80s\" is no job id", id);
        return false;
    }
    return true;
}

static enum cli_exit show(const struct cli_args *args)
{
    const char *id = cli_operand(args, 0);
    if (!is_job_id(id)) {
        return CLI_USAGE;
    }
    struct cli_api api;
    json_t *answer = cli_api_begin(&api) ? cli_call(&api, "GET", NULL, "/jobs/%s", id) : NULL;
    enum cli_exit code = api.code;
    if (answer != NULL && args->format == CLI_TABLE) {
        struct cli_table t;
        cli_table_begin(&t, columns, COLUMN_COUNT);
        add_job(&t, json_object_get(answer, "job"));
        cli_table_print_one(&t, args->format);
        cli_table_end(&t);
        putchar('\n');
    }
    if (answer != NULL) {
        code = cli_print_executions(&api, id, args->format);
    }
    json_decref(answer);
    cli_api_end(&api);
    return code;
}

static enum cli_exit watch(const struct cli_args *args)
{
    unsigned long long timeout = 0;
    if (!is_job_id(cli_operand(args, 0)) ||
        !cli_number("--timeout", cli_option(args, "--timeout"), 1, 1000000, &timeout)) {
        return CLI_USAGE;
    }
    struct cli_api api;
    enum cli_exit code =
        cli_api_begin(&api) ? cli_watch(&api, cli_operand(args, 0), (unsigned)timeout) : api.code;
    cli_api_end(&api);
    return code;
}

static enum cli_exit cancel(const struct cli_args *args)
{
    const char *id = cli_operand(args, 0), *reason = cli_option(args, "--reason");
    bool force = cli_option(args, "--force") != NULL;
    struct cli_api api;
    if (!is_job_id(id)) {
        return CLI_USAGE;
    }
    if (!cli_api_begin(&api)) {
        cli_api_end(&api);
        return api.code;
    }
    json_t *body = json_object();
    if (reason != NULL) {
        json_object_set_new(body, "comment", json_string(reason));
    }
    json_t *answer =
        cli_call(&api, "PUT", body, "/jobs/%s/cancel?force=%s", id, force ? "true" : "false");
    enum cli_exit code = answer != NULL ? CLI_OK : api.code;
    if (answer != NULL) {
        cli_print_text(stdout, id);
        puts(force ? " is canceled" : " is canceled where it was not in progress");
    }
    json_decref(answer);
    cli_api_end(&api);
    return code;
}

static const struct cli_option watch_options[] = {
    { "--timeout", "SECONDS", "stop watching after this long; exit code 4", CLI_ONCE },
    { 0 },
};

static const struct cli_option cancel_options[] = {
    { "--force", NULL, "also where the update is in progress", CLI_ONCE },
    { "--reason", "TEXT", "why, for those who look later", CLI_ONCE },
    { 0 },
};

const struct cli_command cli_job_list = {
    .noun = "job",
    .verb = "list",
    .summary = "list all jobs, the newest first",
    .run = list,
};

const struct cli_command cli_job_show = {
    .noun = "job",
    .verb = "show",
    .operands = "JOB",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "show a job and how each of its things stands",
    .run = show,
};

const struct cli_command cli_job_watch = {
    .noun = "job",
    .verb = "watch",
    .operands = "JOB",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "watch a job until it ends; exit code 3 if it did not succeed everywhere",
    .options = watch_options,
    .run = watch,
};

const struct cli_command cli_job_cancel = {
    .noun = "job",
    .verb = "cancel",
    .operands = "JOB",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "cancel a job",
    .options = cancel_options,
    .run = cancel,
};
