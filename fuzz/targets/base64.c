/* What is decoded is, encoded anew, the text without its line breaks and with all of its padding. */
#include "ota/base64.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void compare(const uint8_t *text, size_t size, struct ota_span again)
{
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\r' || text[i] == '\n') {
            continue;
        }
        FUZZ_CHECK(at < again.len && text[i] == again.ptr[at]);
        at++;
    }
    for (; at < again.len; at++) {
        FUZZ_CHECK(again.ptr[at] == '=');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static uint8_t encoded[8192];
    if (size > 4096) {
        return 0;
    }
    /* Room of the exact length, so that one byte too far is seen. */
    const size_t room = (size + 3) / 4 * 3;
    uint8_t *const out = malloc(room > 0 ? room : 1);
    struct ota_span decoded;
    const ota_err_t err = ota_base64_decode((struct ota_span){ bytes, size },
                                            (struct ota_buf){ out, room }, &decoded);
    FUZZ_CHECK(err == OTA_OK || err == OTA_E_MALFORMED);
    if (err == OTA_OK) {
        struct ota_writer w = ota_writer(OTA_BUF_OF(encoded));
        ota_base64_write(&w, decoded);
        compare(bytes, size, ota_writer_done(&w));
    }
    free(out);
    return 0;
}
