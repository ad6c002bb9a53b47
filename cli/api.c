#include "api.h"
#include "progress.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX (64u * 1024u * 1024u)
#define PATH_ROOM  1024u
/* A request may wait for events for 25 s; anything beyond this is a provider that hangs. */
#define CALL_TIMEOUT_S    90L
#define CONNECT_TIMEOUT_S 10L

struct answer {
    char *bytes;
    size_t len;
};

bool cli_api_begin_with(struct cli_api *api, struct cli_profile profile)
{
    *api = (struct cli_api){ .code = CLI_FAILED, .profile = profile };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    api->curl = curl_easy_init();
    return api->curl != NULL;
}

bool cli_api_begin(struct cli_api *api)
{
    struct srv_err err = { 0 };
    struct cli_profile profile;
    if (cli_profile_load(&profile, &err)) {
        return cli_api_begin_with(api, profile);
    }
    *api = (struct cli_api){ .code = CLI_NO_PROVIDER };
    bool by_environment = getenv("WAFT_URL") != NULL || getenv("WAFT_TOKEN") != NULL;
    cli_fail(api->code,
             by_environment ? "set all three, or none to use what `waft up` has stored"
                            : "`waft up` starts a provider and stores how to reach it",
             "%s", err.text);
    return false;
}

void cli_api_end(struct cli_api *api)
{
    if (api->curl != NULL) {
        curl_easy_cleanup(api->curl);
        curl_global_cleanup();
    }
    cli_profile_end(&api->profile);
}

/* ---- one exchange ---- */

static size_t take_answer(char *bytes, size_t size, size_t count, void *user)
{
    struct answer *answer = user;
    size_t len = size * count;
    char *grown =
        len <= ANSWER_MAX - answer->len ? realloc(answer->bytes, answer->len + len + 1u) : NULL;
    if (grown == NULL) {
        return 0;
    }
    memcpy(grown + answer->len, bytes, len);
    answer->bytes = grown;
    answer->len += len;
    grown[answer->len] = '\0';
    return len;
}

/* The server's certificate must be of the CA in the profile: the system's list is not asked. */
static void set_up(struct cli_api *api, const char *method, const char *path, struct answer *answer)
{
    CURL *curl = api->curl;
    char url[PATH_ROOM + 256u];
    struct curl_blob ca = { api->profile.ca_pem, strlen(api->profile.ca_pem), CURL_BLOB_COPY };
    snprintf(url, sizeof url, "%s%s", api->profile.url, path);
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, CALL_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static struct curl_slist *headers_of(const struct cli_api *api, const char *type)
{
    char line[512];
    snprintf(line, sizeof line, "Authorization: Bearer %s", api->profile.token);
    struct curl_slist *list = curl_slist_append(NULL, line);
    snprintf(line, sizeof line, "Content-Type: %s", type);
    list = curl_slist_append(list, line);
    return curl_slist_append(list, "Expect:");
}

static void say_no_answer(struct cli_api *api, CURLcode why)
{
    api->code = CLI_NO_PROVIDER;
    if (api->patient) {
        return;
    }
    bool untrusted = why == CURLE_PEER_FAILED_VERIFICATION;
    cli_fail(api->code,
             untrusted ? "another provider runs there: `waft up` stores the right one"
                       : "`waft up` starts it",
             "the provider at %s cannot be reached: %s", api->profile.url, curl_easy_strerror(why));
}

static void say_refused(struct cli_api *api, const json_t *answer)
{
    const char *message = cli_text(answer, "message"), *next = NULL;
    if (api->status == 401) {
        next = "`waft up` stores the token for you; or set WAFT_TOKEN";
    } else if (api->status == 404) {
        next = "`waft thing list` and `waft job list` show what there is";
    } else if (api->status >= 500) {
        next = "the provider's log says more; its disk may be full: see `df` there";
    }
    api->code = CLI_FAILED;
    cli_fail(api->code, next, "%s",
             message[0] != '\0' ? message : "the provider gave an answer without a reason");
}

/* Perform what is set up. `quiet_404`: finding nothing is no failure. */
static json_t *perform(struct cli_api *api, struct answer *answer, bool quiet_404)
{
    api->status = 0;
    CURLcode why = curl_easy_perform(api->curl);
    if (why != CURLE_OK) {
        say_no_answer(api, why);
        return NULL;
    }
    curl_easy_getinfo(api->curl, CURLINFO_RESPONSE_CODE, &api->status);
    json_t *json = json_loadb(answer->bytes != NULL ? answer->bytes : "", answer->len, 0, NULL);
    if (api->status == 200 && json_is_object(json)) {
        return json;
    }
    if (!quiet_404 || api->status != 404) {
        say_refused(api, json);
    }
    json_decref(json);
    return NULL;
}

/* ---- paths ---- */

/* A path from a format of %s only, each text escaped. */
static bool write_path(struct cli_api *api, char out[PATH_ROOM], const char *format, va_list args)
{
    size_t at = 0;
    for (const char *f = format; *f != '\0'; f++) {
        char one[2] = { *f, '\0' };
        char *escaped = NULL;
        if (f[0] == '%' && f[1] == 's') {
            escaped = curl_easy_escape(api->curl, va_arg(args, const char *), 0);
            f++;
        }
        int n = snprintf(out + at, PATH_ROOM - at, "%s", escaped != NULL ? escaped : one);
        curl_free(escaped);
        if (n < 0 || (size_t)n >= PATH_ROOM - at) {
            return false;
        }
        at += (size_t)n;
    }
    return true;
}

static json_t *exchange(struct cli_api *api, const char *method, json_t *body, const char *path,
                        bool quiet_404)
{
    struct answer answer = { 0 };
    set_up(api, method, path, &answer);
    struct curl_slist *headers = headers_of(api, "application/json");
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    if (text != NULL) {
        curl_easy_setopt(api->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
        curl_easy_setopt(api->curl, CURLOPT_POSTFIELDS, text);
    }
    json_t *json = perform(api, &answer, quiet_404);
    curl_slist_free_all(headers);
    free(answer.bytes);
    free(text);
    json_decref(body);
    return json;
}

json_t *cli_call(struct cli_api *api, const char *method, json_t *body, const char *path, ...)
{
    char whole[PATH_ROOM];
    va_list args;
    va_start(args, path);
    bool fits = write_path(api, whole, path, args);
    va_end(args);
    if (!fits) {
        api->code = cli_fail(CLI_FAILED, NULL, "that name is too long");
        json_decref(body);
        return NULL;
    }
    return exchange(api, method, body, whole, false);
}

json_t *cli_find(struct cli_api *api, const char *path, ...)
{
    char whole[PATH_ROOM];
    va_list args;
    va_start(args, path);
    bool fits = write_path(api, whole, path, args);
    va_end(args);
    return fits ? exchange(api, "GET", NULL, whole, true) : NULL;
}

json_t *cli_list(struct cli_api *api, const char *path, const char *member)
{
    json_t *all = json_array();
    char token[256] = "";
    do {
        char *escaped = curl_easy_escape(api->curl, token, 0);
        char whole[PATH_ROOM];
        snprintf(whole, sizeof whole, "%s%s%s", path, token[0] != '\0' ? "?nextToken=" : "",
                 escaped != NULL ? escaped : "");
        curl_free(escaped);
        json_t *page = exchange(api, "GET", NULL, whole, false);
        if (page == NULL) {
            json_decref(all);
            return NULL;
        }
        json_array_extend(all, json_object_get(page, member));
        snprintf(token, sizeof token, "%s", cli_text(page, "nextToken"));
        json_decref(page);
    } while (token[0] != '\0');
    return all;
}

/* ---- upload ---- */

struct source {
    const char *bytes;
    size_t len, at;
    struct cli_progress *progress;
};

static size_t give_bytes(char *out, size_t size, size_t count, void *user)
{
    struct source *source = user;
    size_t room = size * count, left = source->len - source->at;
    size_t len = left < room ? left : room;
    memcpy(out, source->bytes + source->at, len);
    source->at += len;
    cli_progress_show(source->progress, source->at, source->len, "");
    return len;
}

bool cli_upload(struct cli_api *api, const char *path, const char *bytes, size_t len, bool show)
{
    struct answer answer = { 0 };
    struct cli_progress progress = cli_progress_begin("upload", show);
    struct source source = { bytes, len, 0, &progress };
    set_up(api, "PUT", path, &answer);
    struct curl_slist *headers = headers_of(api, "application/octet-stream");
    curl_easy_setopt(api->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(api->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(api->curl, CURLOPT_TIMEOUT, 0L); /* as long as bytes move */
    curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(api->curl, CURLOPT_LOW_SPEED_TIME, CALL_TIMEOUT_S);
    curl_easy_setopt(api->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)len);
    curl_easy_setopt(api->curl, CURLOPT_READFUNCTION, give_bytes);
    curl_easy_setopt(api->curl, CURLOPT_READDATA, &source);
    json_t *json = perform(api, &answer, false);
    cli_progress_end(&progress);
    curl_slist_free_all(headers);
    free(answer.bytes);
    bool ok = json != NULL;
    json_decref(json);
    return ok;
}

/* ---- answers ---- */

const char *cli_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

int64_t cli_integer(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}
