#include "jobdoc_priv.h"
#include "ota/base64.h"

bool jobdoc_text_ok(struct ota_json value, enum jobdoc_text what)
{
    uint8_t room[OTA_STREAM_ID_MAX];
    _Static_assert(sizeof room >= OTA_VERSION_TEXT_MAX && sizeof room >= OTA_SIGNATURE_DER_MAX,
                   "room for each kind");
    struct ota_span text;
    struct ota_version version;
    if (what == TEXT_SIGNATURE) {
        const struct ota_buf der = { room, OTA_SIGNATURE_DER_MAX };
        return ota_json_base64(value, der, &text) == OTA_OK && text.len > 0;
    }
    if (ota_json_string(value, OTA_BUF_OF(room), &text) != OTA_OK) {
        return false;
    }
    return what == TEXT_STREAM ? ota_stream_id_ok(text)
                               : ota_version_parse(text, &version) == OTA_OK;
}
