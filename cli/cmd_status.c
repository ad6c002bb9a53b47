/* waft status: how the provider is. */
#include "api.h"
#include "out.h"
#include <stdio.h>

static const struct cli_column columns[] = {
    { "url", "provider", CLI_TEXT },
    { "broker", "broker", CLI_TEXT },
    { "brokerState", "broker is", CLI_TEXT },
    { "pid", "process", CLI_NUMBER },
    { "brokerPid", "broker process", CLI_NUMBER },
    { "topicRoot", "topic root", CLI_TEXT },
    { "downloadUrl", "downloads at", CLI_TEXT },
    { "startedAt", "running since", CLI_TEXT },
    { "thingsEnabled", "things enabled", CLI_NUMBER },
    { "thingsDisabled", "things disabled", CLI_NUMBER },
    { "jobsInProgress", "jobs in progress", CLI_NUMBER },
    { "queued", "updates queued", CLI_NUMBER },
    { "inProgress", "updates in progress", CLI_NUMBER },
    { "succeeded", "updates succeeded", CLI_NUMBER },
    { "failed", "updates failed", CLI_NUMBER },
    { "rejected", "updates rejected", CLI_NUMBER },
};

static void print_status(const struct cli_api *api, const json_t *status, enum cli_format format)
{
    const json_t *counts = json_object_get(status, "executions");
    const int64_t values[] = {
        cli_integer(status, "pid"),
        cli_integer(status, "brokerPid"),
        cli_integer(status, "thingsEnabled"),
        cli_integer(status, "thingsDisabled"),
        cli_integer(status, "jobsInProgress"),
        cli_integer(counts, "QUEUED"),
        cli_integer(counts, "IN_PROGRESS"),
        cli_integer(counts, "SUCCEEDED"),
        cli_integer(counts, "FAILED"),
        cli_integer(counts, "REJECTED"),
    };
    char texts[sizeof values / sizeof values[0]][24], since[32];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(texts[i], sizeof texts[i], "%lld", (long long)values[i]);
    }
    cli_time(since, cli_integer(status, "startedAt"));
    bool up = json_is_true(json_object_get(status, "brokerConnected"));
    struct cli_table t;
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t, (const char *const[]){
                          api->profile.url, cli_text(status, "broker"), up ? "connected" : "away",
                          texts[0], texts[1], cli_text(status, "topicRoot"),
                          cli_text(status, "downloadUrl"), since, texts[2], texts[3], texts[4],
                          texts[5], texts[6], texts[7], texts[8], texts[9] });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
}

static enum cli_exit run(const struct cli_args *args)
{
    struct cli_api api;
    json_t *status = cli_api_begin(&api) ? cli_call(&api, "GET", NULL, "/waft/v1/status") : NULL;
    if (status != NULL) {
        print_status(&api, status, args->format);
    }
    enum cli_exit code = status != NULL ? CLI_OK : api.code;
    json_decref(status);
    cli_api_end(&api);
    return code;
}

const struct cli_command cli_status = {
    .noun = "status",
    .summary = "show how the provider and its broker are",
    .run = run,
};
