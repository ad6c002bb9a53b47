/* A keyset in a file: read, taken apart. */
#ifndef CLI_KEYSET_FILE_H
#define CLI_KEYSET_FILE_H

#include "base/err.h"
#include "cli.h"
#include "ota/keyset.h"

struct cli_keyset {
    struct ota_keyset keyset; /* of correct form; borrows from `bytes` */
    char *bytes;
    size_t size;
};

/** false with err if there is no such file, or it is no keyset; free with cli_keyset_end(). */
SRV_MUST_CHECK bool cli_keyset_read(const char *path, struct cli_keyset *out, struct srv_err *err);
void cli_keyset_end(struct cli_keyset *keyset);

/** What it says; `signature`: a word on its signature. */
void cli_keyset_print(const struct ota_keyset *keyset, const char *signature,
                      enum cli_format format);

#endif
