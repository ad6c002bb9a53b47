/* waft thing create: a device's identity. Its private key is made here and never sent. */
#include "api.h"
#include "keys.h"
#include "ota/wire.h"
#include "out.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PEM_MAX (64u * 1024u)

struct paths {
    char key[SRV_PATH_MAX], cert[SRV_PATH_MAX], ca[SRV_PATH_MAX];
};

static bool make_paths(struct paths *p, const char *dir, const char *thing, struct srv_err *err)
{
    char name[OTA_THING_NAME_MAX + 8u];
    snprintf(name, sizeof name, "%s.key", thing);
    bool ok = srv_dir_make(dir, 0755, err) && srv_path(p->key, dir, name, err);
    snprintf(name, sizeof name, "%s.crt", thing);
    return ok && srv_path(p->cert, dir, name, err) && srv_path(p->ca, dir, "ca.crt", err);
}

/* One directory is for one provider: its CA is not silently replaced by another's. */
static bool write_ca(const char *path, const char *pem, struct srv_err *err)
{
    char *there = NULL;
    if (srv_file_read(path, PEM_MAX, &there, NULL, NULL)) {
        bool same = strcmp(there, pem) == 0;
        free(there);
        return same ||
               srv_fail(err, SRV_E_EXISTS,
                        "%s is another provider's: choose another directory with --dir", path);
    }
    return srv_file_write(path, pem, strlen(pem), 0644, err);
}

static bool write_certificate(const struct paths *p, const json_t *answer, struct srv_err *err)
{
    const char *cert = cli_text(answer, "certificatePem");
    return cert[0] != '\0'
               ? srv_file_write(p->cert, cert, strlen(cert), 0644, err)
               : srv_fail(err, SRV_E_INTERNAL, "the provider's answer has no certificate");
}

static void print_result(const char *thing, const struct paths *p, const json_t *answer,
                         enum cli_format format)
{
    static const struct cli_column columns[] = {
        { "thingName", "thing", CLI_TEXT },         { "key", "private key", CLI_TEXT },
        { "certificate", "certificate", CLI_TEXT }, { "ca", "provider's CA", CLI_TEXT },
        { "broker", "broker", CLI_TEXT },           { "topicRoot", "topic root", CLI_TEXT },
    };
    struct cli_table t;
    cli_table_begin(&t, columns, sizeof columns / sizeof columns[0]);
    cli_table_add(&t,
                  (const char *const[]){ thing, p->key, p->cert, p->ca, cli_text(answer, "broker"),
                                         cli_text(answer, "topicRoot") });
    cli_table_print_one(&t, format);
    cli_table_end(&t);
}

/*
 * Key and CA are on disk before the provider is asked: it makes a thing once, and
 * its certificate without them would be of no use.
 */
static enum cli_exit create(const char *thing, const struct paths *p, const struct cli_args *args)
{
    struct srv_err err = { 0 };
    struct cli_api api;
    if (!cli_api_begin(&api)) {
        cli_api_end(&api);
        return api.code;
    }
    EVP_PKEY *key = cli_key_make(OTA_KEY_P256, &err);
    char *csr = key != NULL ? cli_csr_make(key, &err) : NULL;
    bool stored = csr != NULL && write_ca(p->ca, api.profile.ca_pem, &err) &&
                  cli_key_write_private(p->key, key, &err);
    json_t *answer =
        stored ? cli_call(&api, "POST", json_pack("{s:s}", "csr", csr), "/waft/v1/things/%s", thing)
               : NULL;
    enum cli_exit code = answer != NULL ? CLI_OK : api.code;
    if (stored && answer == NULL) {
        unlink(p->key);
    }
    if (!stored || (answer != NULL && !write_certificate(p, answer, &err))) {
        code =
            cli_fail(CLI_FAILED,
                     err.code == SRV_E_EXISTS ? "choose another name, or directory (--dir)" : NULL,
                     "%s", err.text);
    } else if (answer != NULL) {
        print_result(thing, p, answer, args->format);
    }
    json_decref(answer);
    free(csr);
    EVP_PKEY_free(key);
    cli_api_end(&api);
    return code;
}

static enum cli_exit run(const struct cli_args *args)
{
    const char *thing = cli_operand(args, 0), *dir = cli_option(args, "--dir");
    struct srv_err err = { 0 };
    struct paths p;
    if (!ota_thing_name_ok(ota_span_of_str(thing))) {
        return cli_fail(CLI_USAGE, NULL, "a thing name is 1 to %u of a-z A-Z 0-9 : _ -",
                        OTA_THING_NAME_MAX);
    }
    if (!make_paths(&p, dir != NULL ? dir : ".", thing, &err)) {
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    return create(thing, &p, args);
}

static const struct cli_option options[] = {
    { "--dir", "DIR", "where NAME.key, NAME.crt and ca.crt go (default: here)", CLI_ONCE },
    { 0 },
};

const struct cli_command cli_thing_create = {
    .noun = "thing",
    .verb = "create",
    .operands = "NAME",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "make a device's identity: a key that stays here, and its certificate",
    .options = options,
    .run = run,
};
