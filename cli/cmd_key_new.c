/* waft key new: a P-256 key for releases or deployments. */
#include "cli.h"
#include "keys.h"
#include "out.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 1024u

/* "release.key" -> "release.pub"; anything else gets ".pub" behind it. */
static bool public_path(char out[PATH_ROOM], const char *path)
{
    size_t len = strlen(path);
    size_t stem = len > 4 && strcmp(path + len - 4, ".key") == 0 ? len - 4 : len;
    int n = snprintf(out, PATH_ROOM, "%.*s.pub", (int)stem, path);
    return n > 0 && (size_t)n < PATH_ROOM;
}

/* false after a message. */
static bool read_kind(const char *text, enum ota_key_kind *kind)
{
    *kind = text != NULL && strcmp(text, "ed25519") == 0 ? OTA_KEY_ED25519 : OTA_KEY_P256;
    if (text == NULL || *kind == OTA_KEY_ED25519 || strcmp(text, "p256") == 0) {
        return true;
    }
    cli_fail(CLI_USAGE, NULL, "--type is p256 or ed25519, not %s", text);
    return false;
}

/* Both or none. */
static bool write_pair(const char *path, const char *public_half, EVP_PKEY *key,
                       struct srv_err *err)
{
    if (!cli_key_write_private(path, key, err)) {
        return false;
    }
    bool ok = cli_key_write_public(public_half, key, err);
    if (!ok) {
        unlink(path);
    }
    return ok;
}

static enum cli_exit run(const struct cli_args *args)
{
    const char *path = cli_operand(args, 0);
    char public_half[PATH_ROOM];
    enum ota_key_kind kind;
    if (!read_kind(cli_option(args, "--type"), &kind)) {
        return CLI_USAGE;
    }
    if (!public_path(public_half, path)) {
        return cli_fail(CLI_USAGE, NULL, "that path is too long");
    }
    if (access(public_half, F_OK) == 0) {
        return cli_fail(CLI_FAILED, "choose another name", "%s exists: keys are not overwritten",
                        public_half);
    }
    struct srv_err err = { 0 };
    uint8_t id[OTA_DIGEST_SIZE];
    EVP_PKEY *key = cli_key_make(kind, &err);
    bool ok = key != NULL && cli_key_id(key, id, &err) && write_pair(path, public_half, key, &err);
    EVP_PKEY_free(key);
    if (!ok) {
        return cli_fail(CLI_FAILED, NULL, "%s", err.text);
    }
    static const struct cli_column columns[] = {
        { "private", "private key", CLI_TEXT },
        { "public", "public key", CLI_TEXT },
        { "keyId", "key id", CLI_TEXT },
    };
    char hex[2 * OTA_DIGEST_SIZE + 1];
    cli_hex(hex, id, sizeof id);
    struct cli_table t;
    cli_table_begin(&t, columns, 3);
    cli_table_add(&t, (const char *const[]){ path, public_half, hex });
    cli_table_print_one(&t, args->format);
    cli_table_end(&t);
    return CLI_OK;
}

static const struct cli_option options[] = {
    { "--type", "p256|ed25519",
      "kind of key (default: p256); ed25519 signs images and keysets only, for devices whose "
      "crypto "
      "can check it",
      CLI_ONCE },
    { 0 },
};

const struct cli_command cli_key_new = {
    .noun = "key",
    .verb = "new",
    .operands = "FILE",
    .operand_min = 1,
    .operand_max = 1,
    .summary = "make a key: FILE (0600) and FILE.pub; for releases, or for deployments",
    .options = options,
    .run = run,
};
