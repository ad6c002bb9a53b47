#include "profile.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_MAX (64u * 1024u)

bool cli_xdg_dir(char out[SRV_PATH_MAX], const char *variable, const char *fallback,
                 struct srv_err *err)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    /* The specification: a relative path there is to be ignored. */
    if (base != NULL && base[0] == '/') {
        return srv_path(out, base, "waft", err);
    }
    if (home == NULL || home[0] != '/') {
        return srv_fail(err, SRV_E_INVALID, "neither %s nor HOME says where your files are",
                        variable);
    }
    char path[SRV_PATH_MAX];
    return srv_path(path, home, fallback, err) && srv_path(out, path, "waft", err);
}

static char *copy_member(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? strdup(text) : NULL;
}

static bool read_file(struct cli_profile *p, struct srv_err *err)
{
    char dir[SRV_PATH_MAX], path[SRV_PATH_MAX], *text = NULL;
    if (!cli_xdg_dir(dir, CLI_CONFIG_DIR, err) || !srv_path(path, dir, "provider.json", err) ||
        !srv_file_read(path, PROFILE_MAX, &text, NULL, err)) {
        return false;
    }
    json_t *object = json_loads(text, 0, NULL);
    free(text);
    p->url = copy_member(object, "url");
    p->token = copy_member(object, "token");
    p->ca_pem = copy_member(object, "caPem");
    json_decref(object);
    return (p->url != NULL && p->token != NULL && p->ca_pem != NULL) ||
           srv_fail(err, SRV_E_INVALID, "%s is not what `waft up` writes: start it again", path);
}

static bool read_environment(struct cli_profile *p, struct srv_err *err)
{
    const char *url = getenv("WAFT_URL"), *token = getenv("WAFT_TOKEN"), *ca = getenv("WAFT_CA");
    if (url == NULL || token == NULL || ca == NULL) {
        return srv_fail(err, SRV_E_INVALID, "WAFT_URL, WAFT_TOKEN and WAFT_CA belong together");
    }
    p->url = strdup(url);
    p->token = strdup(token);
    return srv_file_read(ca, PROFILE_MAX, &p->ca_pem, NULL, err);
}

bool cli_profile_load_stored(struct cli_profile *profile, struct srv_err *err)
{
    *profile = (struct cli_profile){ 0 };
    if (read_file(profile, err)) {
        return true;
    }
    cli_profile_end(profile);
    return false;
}

bool cli_profile_load(struct cli_profile *profile, struct srv_err *err)
{
    if (getenv("WAFT_URL") == NULL && getenv("WAFT_TOKEN") == NULL) {
        return cli_profile_load_stored(profile, err);
    }
    *profile = (struct cli_profile){ 0 };
    if (read_environment(profile, err)) {
        return true;
    }
    cli_profile_end(profile);
    return false;
}

bool cli_profile_save(const struct cli_profile *profile, struct srv_err *err)
{
    char dir[SRV_PATH_MAX], path[SRV_PATH_MAX];
    if (!cli_xdg_dir(dir, CLI_CONFIG_DIR, err) || !srv_dir_make(dir, 0700, err) ||
        !srv_path(path, dir, "provider.json", err)) {
        return false;
    }
    json_t *object = json_pack("{s:s, s:s, s:s}", "url", profile->url, "token", profile->token,
                               "caPem", profile->ca_pem);
    char *text = json_dumps(object, JSON_INDENT(2));
    bool ok = text != NULL ? srv_file_write(path, text, strlen(text), 0600, err)
                           : srv_fail(err, SRV_E_INTERNAL, "the profile cannot be written");
    free(text);
    json_decref(object);
    return ok;
}

void cli_profile_end(struct cli_profile *profile)
{
    free(profile->url);
    free(profile->token);
    free(profile->ca_pem);
    *profile = (struct cli_profile){ 0 };
}
