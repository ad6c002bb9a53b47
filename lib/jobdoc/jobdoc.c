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
    struct ota_json_walk w = ota_json_walk(&doc->offers);
    struct ota_json word;
    while (ota_json_next(&w, NULL, &word)) {
        if (ota_json_kind(&word) != OTA_JSON_STRING) {
            return false;
        }
        if (ota_json_is(&word, OTA_SPAN_LIT("MQTT"))) {
            doc->protocols |= OTA_PROTOCOL_MQTT;
        } else if (ota_json_is(&word, OTA_SPAN_LIT("HTTP"))) {
            doc->protocols |= OTA_PROTOCOL_HTTP;
        }
    }
    return true;
}

/* Only a job that offers MQTT needs a stream. */
static bool stream_ok(const struct ota_jobdoc *doc)
{
    return is_absent(&doc->stream) ? (doc->protocols & OTA_PROTOCOL_MQTT) == 0
                                   : jobdoc_is_stream(&doc->stream);
}

static bool read_afr_ota(const struct ota_json *object, struct ota_jobdoc *doc,
                         struct ota_file_ids *ids)
{
    return ota_json_bind(object, OTA_JSON_FIELDS(afr_ota_fields), doc) == OTA_OK &&
           read_protocols(doc) && stream_ok(doc) && jobdoc_read_files(doc, ids);
}

/* --- the whole ---------------------------------------------------------------------- */

static ota_err_t read_document(const struct ota_json *document, struct ota_jobdoc *doc)
{
    struct ota_file_ids ids;
    struct ota_json member;
    ota_err_t err = ota_json_find(document, "afr_ota", &member);
    if (err == OTA_E_NOT_FOUND) {
        return OTA_E_NOT_FOUND;
    }
    if (err != OTA_OK || !read_afr_ota(&member, doc, &ids)) {
        return OTA_E_JOB_DOCUMENT;
    }
    err = ota_json_find(document, "waft", &member);
    if (err == OTA_E_NOT_FOUND) {
        return OTA_OK;
    }
    const bool good =
        err == OTA_OK && jobdoc_read_waft(&member, doc) && jobdoc_sources_ok(doc, &ids);
    return good ? OTA_OK : OTA_E_JOB_DOCUMENT;
}

ota_err_t ota_jobdoc_read(const struct ota_json *document, struct ota_jobdoc *doc)
{
    memset(doc, 0, sizeof *doc);
    const ota_err_t err = read_document(document, doc);
    if (err != OTA_OK) {
        memset(doc, 0, sizeof *doc);
    }
    return err;
}
