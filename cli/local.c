#include "local.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX (64u * 1024u)

bool cli_local_dir(char out[SRV_PATH_MAX], const struct cli_args *args, struct srv_err *err)
{
    const char *given = cli_option(args, "--data");
    if (given == NULL) {
        return cli_xdg_dir(out, CLI_DATA_DIR, err);
    }
    char here[SRV_PATH_MAX];
    if (given[0] == '/') {
        snprintf(out, SRV_PATH_MAX, "%s", given);
        return strlen(given) < SRV_PATH_MAX ||
               srv_fail(err, SRV_E_INVALID, "--data: that path is too long");
    }
    return getcwd(here, sizeof here) != NULL ? srv_path(out, here, given, err)
                                             : srv_fail_errno(err, "this directory has no path");
}

static bool read_line(char **text, const char *dir, const char *name, struct srv_err *err)
{
    char path[SRV_PATH_MAX];
    if (!srv_path(path, dir, name, err) || !srv_file_read(path, FILE_MAX, text, NULL, err)) {
        return false;
    }
    return true;
}

/* The stored address, if it is that of the provider with this token. */
static char *stored_url(const char *token)
{
    struct cli_profile stored;
    struct srv_err err;
    char *url = NULL;
    if (cli_profile_load_stored(&stored, &err)) {
        url = strcmp(stored.token, token) == 0 ? strdup(stored.url) : NULL;
        cli_profile_end(&stored);
    }
    return url;
}

bool cli_local_profile(struct cli_profile *profile, const char *dir, const char *host,
                       struct srv_err *err)
{
    *profile = (struct cli_profile){ 0 };
    char *port = NULL, url[128];
    bool ok = read_line(&port, dir, "https-port", err) &&
              read_line(&profile->token, dir, "token", err) &&
              read_line(&profile->ca_pem, dir, "ca/ca.crt", err);
    if (ok) {
        profile->token[strcspn(profile->token, "\r\n")] = '\0';
        const char *at = host != NULL ? host : "127.0.0.1";
        bool v6 = strchr(at, ':') != NULL;
        snprintf(url, sizeof url, "https://%s%s%s:%u", v6 ? "[" : "", at, v6 ? "]" : "",
                 (unsigned)strtoul(port, NULL, 10));
        profile->url = host == NULL ? stored_url(profile->token) : NULL;
        profile->url = profile->url != NULL ? profile->url : strdup(url);
    } else {
        cli_profile_end(profile);
    }
    free(port);
    return ok;
}

json_t *cli_local_status(const char *dir, const char *host)
{
    struct cli_profile profile;
    struct srv_err err;
    struct cli_api api;
    if (!cli_local_profile(&profile, dir, host, &err)) {
        return NULL;
    }
    json_t *status = NULL;
    if (cli_api_begin_with(&api, profile)) {
        api.patient = true;
        status = cli_call(&api, "GET", NULL, "/waft/v1/status");
    }
    cli_api_end(&api);
    return status;
}
