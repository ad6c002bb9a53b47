/* A text: what is valid can be walked wholly, and is valid again with blanks around it. */
#include "ota/json.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void read_leaf(struct ota_json value)
{
    uint64_t number;
    struct ota_span decoded;
    uint8_t *const room = malloc(value.text.len + 1);
    const struct ota_buf out = { room, value.text.len };
    const ota_err_t err = ota_json_string(&value, out, &decoded);
    FUZZ_CHECK(err == OTA_OK || ota_json_kind(&value) != OTA_JSON_STRING);
    if (err == OTA_OK) {
        FUZZ_CHECK(decoded.len + 2 <= value.text.len); /* decoding never makes it longer */
        FUZZ_CHECK(ota_json_is(&value, decoded));
        FUZZ_CHECK(decoded.len == 0 ||
                   ota_json_string(&value, (struct ota_buf){ room, decoded.len - 1 }, &decoded) ==
                       OTA_E_TOO_LARGE);
    }
    FUZZ_CHECK(ota_json_u64(&value, &number) != OTA_OK ||
               ota_json_kind(&value) == OTA_JSON_NUMBER ||
               ota_json_kind(&value) == OTA_JSON_STRING);
    free(room);
}

static void walk(struct ota_json value, unsigned depth)
{
    FUZZ_CHECK(depth <= OTA_JSON_DEPTH_MAX);
    read_leaf(value);
    struct ota_json_walk w = ota_json_walk(&value);
    struct ota_json key = { OTA_SPAN_NONE }, inner;
    while (ota_json_next(&w, &key, &inner)) {
        FUZZ_CHECK(inner.text.len > 0 && inner.text.ptr >= value.text.ptr);
        FUZZ_CHECK(inner.text.ptr + inner.text.len < value.text.ptr + value.text.len);
        if (key.text.len > 0) {
            read_leaf(key);
        }
        walk(inner, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct ota_json doc, found, again;
    if (ota_json_parse((struct ota_span){ bytes, size }, &doc) != OTA_OK) {
        return 0;
    }
    walk(doc, 0);
    FUZZ_CHECK(ota_json_find(&doc, "a", &found) != OTA_OK ||
               ota_json_kind(&doc) == OTA_JSON_OBJECT);
    FUZZ_CHECK(ota_json_parse(doc.text, &again) == OTA_OK);
    FUZZ_CHECK(again.text.ptr == doc.text.ptr && again.text.len == doc.text.len);
    return 0;
}
