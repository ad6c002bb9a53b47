#include "jobdoc_priv.h"
#include "ota/assert.h"
#include <string.h>

/* --- one file ------------------------------------------------------------------ */

/* A signature's name is its algorithm. */
static const struct ota_json_field file_fields[] = {
    OTA_JSON_FIELD("filesize", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct ota_jobdoc_file, size),
    OTA_JSON_FIELD("fileid", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct ota_jobdoc_file, file_id),
    OTA_JSON_FIELD("fileType", OTA_JSON_NUMBER, struct ota_jobdoc_file, file_type),
    OTA_JSON_FIELD("certfile", OTA_JSON_STRING, struct ota_jobdoc_file, certfile),
    OTA_JSON_FIELD("update_data_url", OTA_JSON_STRING, struct ota_jobdoc_file, url),
    OTA_JSON_FIELD("sig-sha256-ecdsa", OTA_JSON_STRING, struct ota_jobdoc_file, signature),
    OTA_JSON_FIELD("sig-sha256-rsa", OTA_JSON_STRING, struct ota_jobdoc_file, refused),
    OTA_JSON_FIELD("sig-sha1-rsa", OTA_JSON_STRING, struct ota_jobdoc_file, refused),
    OTA_JSON_FIELD("sig-sha1-ecdsa", OTA_JSON_STRING, struct ota_jobdoc_file, refused),
};

/* One that we can check wins over those that we only recognise. */
static bool read_signature(struct ota_jobdoc_file *file)
{
    if (!is_absent(&file->signature)) {
        file->signature_kind = OTA_SIGNATURE_P256;
        return jobdoc_is_signature(&file->signature);
    }
    if (!is_absent(&file->refused)) {
        file->signature_kind = OTA_SIGNATURE_UNSUPPORTED;
    }
    return true;
}

bool jobdoc_next_file(struct ota_json_walk *files, struct ota_jobdoc_file *file)
{
    struct ota_json object;
    if (!ota_json_next(files, NULL, &object)) {
        return false;
    }
    memset(file, 0, sizeof *file);
    return ota_json_bind(&object, OTA_JSON_FIELDS(file_fields), file) == OTA_OK && file->size > 0 &&
           read_signature(file);
}

ota_err_t ota_jobdoc_file(const struct ota_jobdoc *doc, uint32_t index,
                          struct ota_jobdoc_file *file)
{
    OTA_ASSERT(index < doc->file_count);
    struct ota_json_walk files = ota_json_walk(&doc->files);
    bool good = true;
    for (uint32_t i = 0; good && i <= index; i++) {
        good = jobdoc_next_file(&files, file);
    }
    return good ? OTA_OK : OTA_E_JOB_DOCUMENT;
}

bool jobdoc_read_files(struct ota_jobdoc *doc, struct ota_file_ids *ids)
{
    memset(ids, 0, sizeof *ids);
    struct ota_json_walk files = ota_json_walk(&doc->files);
    struct ota_jobdoc_file file;
    while (jobdoc_next_file(&files, &file)) {
        if (doc->file_count == OTA_FILES_MAX || !ota_file_ids_add(ids, file.file_id)) {
            return false;
        }
        doc->file_count++;
    }
    return doc->file_count > 0 && files.err != OTA_OK; /* at their end, not at a wrong one */
}
