#include "jobdoc_priv.h"
#include "ota/assert.h"
#include "ota/base64.h"

/* --- one file ------------------------------------------------------------------ */

/* Base64 of the largest signature that we keep, with the line breaks that signers add. */
#define SIGNATURE_TEXT_MAX 128u

static bool read_p256(struct ota_json value, struct ota_jobdoc_file *file)
{
    uint8_t room[SIGNATURE_TEXT_MAX];
    struct ota_span text, der;
    if (ota_json_string(value, OTA_BUF_OF(room), &text) != OTA_OK ||
        ota_base64_decode(text, OTA_BUF_OF(file->signature), &der) != OTA_OK || der.len == 0) {
        return false;
    }
    file->signature_len = (uint8_t)der.len;
    file->signature_kind = OTA_SIGNATURE_P256;
    return true;
}

/* The member's name is the algorithm. One that we can check wins over those that we only recognise. */
static bool read_signature(struct ota_json object, struct ota_jobdoc_file *file)
{
    static const char *const others[] = { "sig-sha256-rsa", "sig-sha1-rsa", "sig-sha1-ecdsa" };

    struct ota_json value;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (!jobdoc_optional(object, others[i], &value)) {
            return false;
        }
        if (!jobdoc_is_absent(value)) {
            if (ota_json_kind(value) != OTA_JSON_STRING) {
                return false;
            }
            file->signature_kind = OTA_SIGNATURE_UNSUPPORTED;
        }
    }
    return jobdoc_optional(object, "sig-sha256-ecdsa", &value) &&
           (jobdoc_is_absent(value) || read_p256(value, file));
}

static bool optional_string(struct ota_json object, const char *name, struct ota_json *value)
{
    return jobdoc_optional(object, name, value) &&
           (jobdoc_is_absent(*value) || ota_json_kind(*value) == OTA_JSON_STRING);
}

static bool read_file(struct ota_json object, struct ota_jobdoc_file *file)
{
    uint32_t id, type;
    if (ota_json_kind(object) != OTA_JSON_OBJECT ||
        !jobdoc_required_number(object, "filesize", UINT32_MAX, &file->size) || file->size == 0 ||
        !jobdoc_required_number(object, "fileid", UINT8_MAX, &id) ||
        !jobdoc_number_or(object, "fileType", UINT8_MAX, 0, &type)) {
        return false;
    }
    file->file_id = (uint8_t)id;
    file->file_type = (uint8_t)type;
    return optional_string(object, "certfile", &file->certfile) &&
           optional_string(object, "update_data_url", &file->url) && read_signature(object, file);
}

ota_err_t ota_jobdoc_file(const struct ota_jobdoc *doc, uint32_t index,
                          struct ota_jobdoc_file *file)
{
    OTA_ASSERT(index < doc->file_count);
    struct ota_json_walk w = ota_json_walk(doc->files);
    struct ota_json object = { OTA_SPAN_NONE };
    for (uint32_t i = 0; i <= index; i++) {
        const bool there = ota_json_next(&w, NULL, &object);
        OTA_ASSERT(there);
    }
    struct ota_jobdoc_file read = { 0 };
    if (!read_file(object, &read)) {
        return OTA_E_JOB_DOCUMENT;
    }
    *file = read;
    return OTA_OK;
}

/* --- the whole ------------------------------------------------------------------- */

static bool read_files(struct ota_json afr_ota, struct jobdoc_ids *ids, struct ota_jobdoc *doc)
{
    if (!jobdoc_required(afr_ota, "files", OTA_JSON_ARRAY, &doc->files)) {
        return false;
    }
    struct ota_json_walk w = ota_json_walk(doc->files);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct ota_jobdoc_file file = { 0 };
        if (doc->file_count == OTA_FILES_MAX || !read_file(object, &file) ||
            jobdoc_has_id(ids, file.file_id)) {
            return false;
        }
        ids->bits[file.file_id / 8u] |= (uint8_t)(1u << (file.file_id % 8u));
        doc->file_count++;
    }
    return doc->file_count > 0;
}

static bool read_protocols(struct ota_json afr_ota, struct ota_jobdoc *doc)
{
    struct ota_json list, word;
    if (!jobdoc_required(afr_ota, "protocols", OTA_JSON_ARRAY, &list)) {
        return false;
    }
    struct ota_json_walk w = ota_json_walk(list);
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
static bool read_stream(struct ota_json afr_ota, struct ota_jobdoc *doc)
{
    struct ota_json value;
    struct ota_span name;
    if (!jobdoc_optional(afr_ota, "streamname", &value)) {
        return false;
    }
    if (jobdoc_is_absent(value)) {
        return (doc->protocols & OTA_PROTOCOL_MQTT) == 0;
    }
    if (ota_json_string(value, OTA_BUF_OF(doc->stream), &name) != OTA_OK ||
        !ota_stream_id_ok(name)) {
        return false;
    }
    doc->stream_len = (uint8_t)name.len;
    return true;
}

ota_err_t ota_jobdoc_read(struct ota_json document, struct ota_jobdoc *doc)
{
    struct ota_json afr_ota;
    const ota_err_t err = ota_json_find(document, "afr_ota", &afr_ota);
    if (err != OTA_OK) {
        return err == OTA_E_NOT_FOUND ? err : OTA_E_JOB_DOCUMENT;
    }
    struct ota_jobdoc read = { 0 };
    struct jobdoc_ids ids = { 0 };
    if (ota_json_kind(afr_ota) != OTA_JSON_OBJECT || !read_protocols(afr_ota, &read) ||
        !read_stream(afr_ota, &read) || !read_files(afr_ota, &ids, &read) ||
        !jobdoc_read_waft(document, &ids, &read)) {
        return OTA_E_JOB_DOCUMENT;
    }
    *doc = read;
    return OTA_OK;
}
