#include "jobdoc_priv.h"
#include "ota/base64.h"

bool jobdoc_is_stream(const struct ota_json *value)
{
    uint8_t room[OTA_STREAM_ID_MAX];
    struct ota_span id;
    return ota_json_string(value, OTA_BUF_OF(room), &id) == OTA_OK && ota_stream_id_ok(id);
}

bool jobdoc_is_version(const struct ota_json *value)
{
    uint8_t room[OTA_VERSION_TEXT_MAX];
    struct ota_span text;
    struct ota_version version;
    return ota_json_string(value, OTA_BUF_OF(room), &text) == OTA_OK &&
           ota_version_parse(text, &version) == OTA_OK;
}

bool jobdoc_is_signature(const struct ota_json *value)
{
    uint8_t room[OTA_SIGNATURE_DER_MAX];
    struct ota_span der;
    return ota_json_base64(value, OTA_BUF_OF(room), &der) == OTA_OK && der.len > 0;
}

ota_err_t ota_jobdoc_signature(const struct ota_jobdoc_file *file, uint8_t rs[OTA_P256_RS_SIZE])
{
    uint8_t room[OTA_SIGNATURE_DER_MAX];
    struct ota_span der;
    if (file->signature_kind == OTA_SIGNATURE_NONE) {
        return OTA_E_JOB_UNSIGNED;
    }
    if (ota_json_base64(&file->signature, OTA_BUF_OF(room), &der) != OTA_OK ||
        ota_signature_from_der(der, rs) != OTA_OK) {
        return OTA_E_JOB_SIGNATURE;
    }
    return OTA_OK;
}
