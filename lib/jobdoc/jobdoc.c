#include "jobdoc_priv.h"
#include "ota/assert.h"
#include <string.h>

static bool is_absent(const struct ota_json *value)
{
    return value->text.len == 0;
}

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
        return jobdoc_text_ok(file->signature, TEXT_SIGNATURE);
    }
    if (!is_absent(&file->refused)) {
        file->signature_kind = OTA_SIGNATURE_UNSUPPORTED;
    }
    return true;
}

static bool read_file(struct ota_json object, struct ota_jobdoc_file *file)
{
    memset(file, 0, sizeof *file);
    return ota_json_bind(object, OTA_JSON_FIELDS(file_fields), file) == OTA_OK && file->size > 0 &&
           read_signature(file);
}

ota_err_t ota_jobdoc_file(const struct ota_jobdoc *doc, uint32_t index,
                          struct ota_jobdoc_file *file)
{
    OTA_ASSERT(index < doc->file_count);
    struct ota_json_walk w = ota_json_walk(doc->files);
    struct ota_json object;
    for (uint32_t i = 0; i <= index; i++) {
        if (!ota_json_next(&w, NULL, &object)) {
            return OTA_E_JOB_DOCUMENT;
        }
    }
    return read_file(object, file) ? OTA_OK : OTA_E_JOB_DOCUMENT;
}

/* The file ids of a document, in order. */
struct ids {
    uint8_t id[OTA_FILES_MAX];
};

static bool has_id(const struct ota_jobdoc *doc, const struct ids *ids, uint8_t id)
{
    return memchr(ids->id, id, doc->file_count) != NULL;
}

static bool read_files(struct ota_jobdoc *doc, struct ids *ids)
{
    struct ota_json_walk w = ota_json_walk(doc->files);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct ota_jobdoc_file file;
        if (doc->file_count == OTA_FILES_MAX || !read_file(object, &file) ||
            has_id(doc, ids, file.file_id)) {
            return false;
        }
        ids->id[doc->file_count++] = file.file_id;
    }
    return doc->file_count > 0;
}

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
                                   : jobdoc_text_ok(doc->stream, TEXT_STREAM);
}

/* --- sources --------------------------------------------------------------------- */

struct source {
    bool has_from, has_digest;
    uint8_t file_id;
    uint32_t size;
    struct ota_json slot;
    uint8_t from[OTA_DIGEST_SIZE], digest[OTA_DIGEST_SIZE];
};
static const struct ota_json_field source_fields[] = {
    OTA_JSON_MARKED("from", OTA_JSON_HEX, struct source, from, has_from),
    OTA_JSON_MARKED("digest", OTA_JSON_HEX, struct source, digest, has_digest),
    OTA_JSON_FIELD("slot", OTA_JSON_STRING, struct source, slot),
    OTA_JSON_FIELD("filesize", OTA_JSON_NUMBER, struct source, size),
    OTA_JSON_FIELD("fileid", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct source, file_id),
};

static bool read_source(struct ota_json object, struct source *source)
{
    memset(source, 0, sizeof *source);
    return ota_json_bind(object, OTA_JSON_FIELDS(source_fields), source) == OTA_OK;
}

static bool sources_ok(const struct ota_jobdoc *doc, const struct ids *ids)
{
    struct ota_json_walk w = ota_json_walk(doc->sources);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct source source;
        if (!read_source(object, &source) || !has_id(doc, ids, source.file_id)) {
            return false;
        }
    }
    return true;
}

/* --- waft ------------------------------------------------------------------------- */

/* The version of the member that we write and read. Another one is a later waft's, and not for us. */
#define WAFT_VERSION 1u

static const struct ota_json_field version_field[] = {
    { "v", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, sizeof(uint32_t), 0, 0 },
};
static const struct ota_json_field advice_fields[] = {
    OTA_JSON_MARKED("digest", OTA_JSON_HEX, struct ota_jobdoc, digest, has_digest),
    OTA_JSON_MARKED("version", OTA_JSON_STRING, struct ota_jobdoc, version, has_version),
    OTA_JSON_MARKED("class", OTA_JSON_UUID, struct ota_jobdoc, class_id, has_class),
    OTA_JSON_MARKED("counter", OTA_JSON_NUMBER, struct ota_jobdoc, counter, has_counter),
    OTA_JSON_MARKED("hw", OTA_JSON_ARRAY, struct ota_jobdoc, hw, has_hw),
    OTA_JSON_FIELD("sources", OTA_JSON_ARRAY, struct ota_jobdoc, sources),
};

/* [lowest, highest] hardware revision, both included. */
static bool read_hw(struct ota_jobdoc *doc)
{
    struct ota_json_walk w = ota_json_walk(doc->hw);
    struct ota_json element;
    uint64_t revision[2];
    unsigned count = 0;
    while (ota_json_next(&w, NULL, &element)) {
        if (count == 2 || ota_json_u64(element, &revision[count++]) != OTA_OK) {
            return false;
        }
    }
    if (count != 2 || revision[0] > revision[1] || revision[1] > UINT16_MAX) {
        return false;
    }
    doc->hw_min = (uint16_t)revision[0];
    doc->hw_max = (uint16_t)revision[1];
    return true;
}

static bool read_waft(struct ota_json object, const struct ids *ids, struct ota_jobdoc *doc)
{
    uint32_t version;
    if (ota_json_bind(object, OTA_JSON_FIELDS(version_field), &version) != OTA_OK) {
        return false;
    }
    if (version != WAFT_VERSION) {
        return true;
    }
    return ota_json_bind(object, OTA_JSON_FIELDS(advice_fields), doc) == OTA_OK &&
           (!doc->has_version || jobdoc_text_ok(doc->version, TEXT_VERSION)) &&
           (!doc->has_hw || read_hw(doc)) && sources_ok(doc, ids);
}

/* --- the whole ---------------------------------------------------------------------- */

static bool read_document(struct ota_json document, struct ota_json afr_ota, struct ota_jobdoc *doc)
{
    struct ids ids;
    struct ota_json waft;
    if (ota_json_bind(afr_ota, OTA_JSON_FIELDS(afr_ota_fields), doc) != OTA_OK ||
        !read_protocols(doc) || !stream_ok(doc) || !read_files(doc, &ids)) {
        return false;
    }
    const ota_err_t err = ota_json_find(document, "waft", &waft);
    return err == OTA_E_NOT_FOUND || (err == OTA_OK && read_waft(waft, &ids, doc));
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

/* --- choosing ------------------------------------------------------------------------- */

static bool fits(const struct source *source, unsigned slot)
{
    const struct ota_span name = { (const uint8_t *)&"AB"[slot], 1 };
    return !source->has_from && (is_absent(&source->slot) || ota_json_is(source->slot, name));
}

static bool find_source(const struct ota_jobdoc *doc, unsigned slot, struct source *source)
{
    struct ota_json_walk w = ota_json_walk(doc->sources);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        if (read_source(object, source) && fits(source, slot)) {
            return true;
        }
    }
    return false;
}

ota_err_t ota_jobdoc_choose(struct ota_jobdoc *doc, unsigned slot, struct ota_jobdoc_file *file)
{
    OTA_ASSERT(slot < 2);
    const bool first_image = is_absent(&doc->sources);
    struct source source;
    source.has_digest = false;
    if (!first_image && !find_source(doc, slot, &source)) {
        return OTA_E_JOB_NO_FILE;
    }
    struct ota_json_walk w = ota_json_walk(doc->files);
    struct ota_json object;
    struct ota_jobdoc_file candidate;
    do {
        if (!ota_json_next(&w, NULL, &object) || !read_file(object, &candidate)) {
            return OTA_E_JOB_NO_FILE;
        }
    } while (first_image ? candidate.file_type != 0 : candidate.file_id != source.file_id);
    if (source.has_digest) {
        doc->has_digest = true;
        memcpy(doc->digest, source.digest, OTA_DIGEST_SIZE);
    }
    *file = candidate;
    return OTA_OK;
}

bool ota_jobdoc_names_image(const struct ota_jobdoc *doc, const uint8_t digest[OTA_DIGEST_SIZE])
{
    if (doc->has_digest && memcmp(doc->digest, digest, OTA_DIGEST_SIZE) == 0) {
        return true;
    }
    struct ota_json_walk w = ota_json_walk(doc->sources);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct source source;
        if (read_source(object, &source) && source.has_digest &&
            memcmp(source.digest, digest, OTA_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}
