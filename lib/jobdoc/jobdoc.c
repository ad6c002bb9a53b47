#include "jobdoc_priv.h"
#include <string.h>

/* --- afr_ota --------------------------------------------------------------------- */

static const struct ota_json_field afr_ota_fields[] = {
    OTA_JSON_FIELD("protocols", OTA_JSON_REQUIRED | OTA_JSON_ARRAY, struct ota_jobdoc, offers),
    OTA_JSON_FIELD("streamname", OTA_JSON_STRING, struct ota_jobdoc, stream),
    OTA_JSON_FIELD("files", OTA_JSON_REQUIRED | OTA_JSON_ARRAY, struct ota_jobdoc, files),
};

static bool read_protocols(struct ota_jobdoc *doc)
{
    struct ota_json_walk w = ota_json_walk(doc->offers);
    struct ota_json word;
    while (ota_json_next(&w, NULL, &word)) {
        if (ota_json_kind(word) != OTA_JSON_STRING) {
            return false;
        }
        if (ota_json_is(word, OTA_SPAN_LIT("MQTT"))) {
            doc->protocols |= OTA_PROTOCOL_MQTT;
        } else if (ota_json_is(word, OTA_SPAN_LIT("HTTP"))) {
            doc->protocols |= OTA_PROTOCOL_HTTP;
        }
    }
    return true;
}

/* Only a job that offers MQTT needs a stream. */
static bool stream_ok(const struct ota_jobdoc *doc)
{
    return is_absent(&doc->stream) ? (doc->protocols & OTA_PROTOCOL_MQTT) == 0
                                   : jobdoc_is_stream(doc->stream);
}

/* --- the whole ---------------------------------------------------------------------- */

static bool read_document(struct ota_json document, struct ota_json afr_ota, struct ota_jobdoc *doc)
{
    struct jobdoc_ids ids;
    struct ota_json waft;
    if (ota_json_bind(afr_ota, OTA_JSON_FIELDS(afr_ota_fields), doc) != OTA_OK ||
        !read_protocols(doc) || !stream_ok(doc) || !jobdoc_read_files(doc, &ids)) {
        return false;
    }
    const ota_err_t err = ota_json_find(document, "waft", &waft);
    return err == OTA_E_NOT_FOUND || (err == OTA_OK && jobdoc_read_waft(waft, &ids, doc));
}

ota_err_t ota_jobdoc_read(struct ota_json document, struct ota_jobdoc *doc)
{
    struct ota_json afr_ota;
    memset(doc, 0, sizeof *doc);
    const ota_err_t err = ota_json_find(document, "afr_ota", &afr_ota);
    if (err == OTA_OK && read_document(document, afr_ota, doc)) {
        return OTA_OK;
    }
    memset(doc, 0, sizeof *doc);
    return err == OTA_E_NOT_FOUND ? OTA_E_NOT_FOUND : OTA_E_JOB_DOCUMENT;
}
