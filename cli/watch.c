#include "watch.h"
#include "ota/wire.h"
#include "out.h"
#include "progress.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One request waits this long for news. */
#define WAIT_S 20
/* So long a provider may be away (a restart, an update of itself) before watching ends. */
#define AWAY_S_MAX 120
#define AGAIN_MS   500

struct watch {
    struct cli_api *api;
    struct cli_progress progress;
    int64_t deadline_s; /* monotonic; 0: none */
    int64_t away_since_s;
    json_int_t next;  /* sequence number of the last event shown */
    json_t *quarters; /* of the download that was shown as a line, by thing */
    json_t *job;      /* as it stood last */
};

static int64_t clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

/* "12/57" */
static bool read_received(const json_t *details, unsigned long long *done,
                          unsigned long long *total)
{
    return sscanf(cli_text(details, "receive"), "%llu/%llu", done, total) == 2 && *total > 0;
}

/* An event in words; the device's own words come through cli_print_text() later. */
static void describe(char *out, size_t cap, const json_t *event)
{
    const json_t *details = json_object_get(event, "detailsMap");
    const char *status = cli_text(event, "status"), *test = cli_text(details, "self_test");
    const char *reason = cli_text(details, "reason");
    unsigned long long done = 0, total = 0;
    if (strcmp(status, "IN_PROGRESS") != 0) {
        snprintf(out, cap, "%s%s%s", status, reason[0] != '\0' ? ": " : "", reason);
    } else if (strcmp(test, "ready") == 0) {
        snprintf(out, cap, "received and verified; restarts into the new image");
    } else if (strcmp(test, "active") == 0) {
        snprintf(out, cap, "the new image runs; self-test");
    } else if (read_received(details, &done, &total)) {
        snprintf(out, cap, "receives %llu of %llu blocks", done, total);
    } else {
        snprintf(out, cap, "accepted the job%s%s", reason[0] != '\0' ? ": " : "", reason);
    }
}

static void print_line(const json_t *event, const char *words)
{
    fputs("  ", stderr);
    cli_print_text(stderr, cli_text(event, "thingName"));
    fputs(": ", stderr);
    cli_print_text(stderr, words);
    fputc('\n', stderr);
}

/* Whether this thing has come a quarter further since the last line about it. */
static bool next_quarter(struct watch *w, const char *thing, unsigned long long done,
                         unsigned long long total)
{
    json_int_t quarter = done <= total ? (json_int_t)(done * 4 / total) : 4;
    const json_t *last = json_object_get(w->quarters, thing);
    if (last != NULL && json_integer_value(last) == quarter) {
        return false;
    }
    json_object_set_new(w->quarters, thing, json_integer(quarter));
    return true;
}

/* Progress moves the bar; everything else, and a quarter where there is no bar, is a line that stays. */
static void show_event(struct watch *w, const json_t *event)
{
    char words[1400];
    unsigned long long done = 0, total = 0;
    const json_t *details = json_object_get(event, "detailsMap");
    const char *thing = cli_text(event, "thingName");
    describe(words, sizeof words, event);
    bool running = strcmp(cli_text(event, "status"), "IN_PROGRESS") == 0 &&
                   cli_text(details, "self_test")[0] == '\0';
    if (running && read_received(details, &done, &total)) {
        if (w->progress.terminal) {
            cli_progress_show(&w->progress, done, total, thing);
        } else if (next_quarter(w, thing, done, total)) {
            print_line(event, words);
        }
        return;
    }
    json_object_del(w->quarters, thing);
    cli_progress_clear(&w->progress);
    print_line(event, words);
}

static bool take_news(struct watch *w, json_t *answer)
{
    size_t i;
    json_t *event;
    json_array_foreach(json_object_get(answer, "events"), i, event)
    {
        show_event(w, event);
    }
    w->next = cli_integer(answer, "next");
    json_decref(w->job);
    w->job = json_incref(json_object_get(answer, "job"));
    bool ended = strcmp(cli_text(w->job, "status"), "IN_PROGRESS") != 0;
    bool more = json_array_size(json_object_get(answer, "events")) > 0;
    return ended && !more;
}

/* Whether to ask again after a call that got no answer. */
static bool bear_with(struct watch *w)
{
    if (w->api->code != CLI_NO_PROVIDER) {
        return false;
    }
    if (w->away_since_s == 0) {
        w->away_since_s = clock_s();
        cli_progress_clear(&w->progress);
        fputs("  the provider is away: waiting for it\n", stderr);
    }
    poll(NULL, 0, AGAIN_MS);
    return clock_s() - w->away_since_s < AWAY_S_MAX;
}

static enum cli_exit verdict(const json_t *job)
{
    const json_t *counts = json_object_get(job, "jobProcessDetails");
    const char *name;
    json_t *value;
    json_int_t all = 0;
    json_object_foreach((json_t *)(uintptr_t)counts, name, value)
    {
        all += json_integer_value(value);
    }
    return all > 0 && cli_integer(counts, "numberOfSucceededThings") == all ? CLI_OK
                                                                            : CLI_UPDATE_BAD;
}

/* ---- Ctrl-C ---- */

/* A signal's handler has no context. Written before the handler is set, and only then. */
static struct {
    char text[160];
    size_t len;
} farewell;

/* Ends as the signal ends a program, so that a script's loop ends with it. */
static void say_farewell(int signal_number)
{
    ssize_t written = write(STDERR_FILENO, farewell.text, farewell.len);
    (void)written; /* nobody is left to be told */
    raise(signal_number);
}

/* Who was started without a terminal's signals stays without them. */
static void on_end(void (*handler)(int))
{
    static const int numbers[] = { SIGINT, SIGTERM };
    const struct sigaction action = { .sa_handler = handler, .sa_flags = (int)SA_RESETHAND };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction old;
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

static void prepare_farewell(const char *job_id, bool bar)
{
    int len = snprintf(farewell.text, sizeof farewell.text,
                       "%swaft: the job goes on: `waft job watch %.*s` shows it again\n",
                       bar ? "\r\033[K" : "", (int)OTA_JOB_ID_MAX, job_id);
    farewell.len = len > 0 ? (size_t)len : 0;
}

/* ---- watching ---- */

static enum cli_exit watch(struct watch *w, const char *job_id)
{
    char again[160];
    snprintf(again, sizeof again, "`waft job watch %.*s` goes on watching", (int)OTA_JOB_ID_MAX,
             job_id);
    for (;;) {
        int64_t left = w->deadline_s > 0 ? w->deadline_s - clock_s() : WAIT_S;
        if (left <= 0) {
            return cli_fail(CLI_TIMED_OUT, again, "not finished in time; the job goes on");
        }
        char after[24], wait[24];
        snprintf(after, sizeof after, "%lld", (long long)w->next);
        snprintf(wait, sizeof wait, "%lld", (long long)(left < WAIT_S ? left : WAIT_S));
        json_t *answer = cli_call(w->api, "GET", NULL, "/waft/v1/jobs/%s/events?after=%s&wait=%s",
                                  job_id, after, wait);
        if (answer == NULL && !bear_with(w)) {
            return w->api->code == CLI_NO_PROVIDER
                       ? cli_fail(CLI_NO_PROVIDER, again,
                                  "the provider stays away, and devices wait for it; `waft up` "
                                  "starts it")
                       : w->api->code;
        }
        w->away_since_s = answer != NULL ? 0 : w->away_since_s;
        bool ended = answer != NULL && take_news(w, answer);
        json_decref(answer);
        if (ended) {
            return verdict(w->job);
        }
    }
}

enum cli_exit cli_watch(struct cli_api *api, const char *job_id, unsigned timeout_s)
{
    struct watch w = {
        .api = api,
        .progress = cli_progress_begin("download", true),
        .deadline_s = timeout_s > 0 ? clock_s() + timeout_s : 0,
        .quarters = json_object(),
    };
    api->patient = true;
    prepare_farewell(job_id, w.progress.terminal);
    on_end(say_farewell);
    enum cli_exit code = watch(&w, job_id);
    on_end(SIG_DFL);
    api->patient = false;
    cli_progress_end(&w.progress);
    json_decref(w.quarters);
    json_decref(w.job);
    return code;
}

enum cli_exit cli_print_executions(struct cli_api *api, const char *job_id, enum cli_format format)
{
    static const struct cli_column columns[] = {
        { "thingName", "THING", CLI_TEXT }, { "status", "STATUS", CLI_TEXT },
        { "reason", "REASON", CLI_TEXT },   { "executionNumber", "TRY", CLI_NUMBER },
        { "queuedAt", "QUEUED", CLI_TEXT }, { "lastUpdatedAt", "LAST CHANGE", CLI_TEXT },
    };
    char path[256];
    char *escaped = curl_easy_escape(api->curl, job_id, 0);
    snprintf(path, sizeof path, "/waft/v1/jobs/%s/executions", escaped != NULL ? escaped : "");
    curl_free(escaped);
    json_t *rows = cli_list(api, path, "executions");
    if (rows == NULL) {
        return api->code;
    }
    struct cli_table t;
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const json_t *details =
            json_object_get(json_object_get(row, "statusDetails"), "detailsMap");
        char number[24], queued[32], changed[32];
        snprintf(number, sizeof number, "%lld", (long long)cli_integer(row, "executionNumber"));
        cli_time(queued, cli_integer(row, "queuedAt"));
        cli_time(changed, cli_integer(row, "lastUpdatedAt"));
        cli_table_add(
            &t, (const char *const[]){ cli_text(row, "thingName"), cli_text(row, "status"),
                                       cli_text(details, "reason"), number, queued, changed });
    }
    cli_table_print(&t, format, "the job is for no thing");
    cli_table_end(&t);
    json_decref(rows);
    return CLI_OK;
}
