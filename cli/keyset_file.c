#include "keyset_file.h"
#include "base/file.h"
#include <stdlib.h>

bool cli_keyset_read(const char *path, struct cli_keyset *out, struct srv_err *err)
{
    *out = (struct cli_keyset){ .bytes = NULL };
    if (!srv_file_read(path, 2u * OTA_KEYSET_SIZE_MAX, &out->bytes, &out->size, err)) {
        return false;
    }
    const ota_err_t why =
        ota_keyset_read((struct ota_span){ (const uint8_t *)out->bytes, out->size }, &out->keyset);
    if (why == OTA_OK) {
        return true;
    }
    cli_keyset_end(out);
    return srv_fail(err, SRV_E_INVALID, "%s: %s (%s)", path, ota_err_text(why), ota_err_name(why));
}

void cli_keyset_end(struct cli_keyset *keyset)
{
    free(keyset->bytes);
    keyset->bytes = NULL;
}
