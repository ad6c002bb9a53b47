#include "ota/json.h"
#include "ota/wire.h"
#include "ota_job_processor.h"
#include <string.h>

/* The two names as functions, not as the macros that tell the generations apart. */
#undef populateJobDocFields
#undef otaParser_parseJobDocFile

/* AWS: files of an OTA update. */
#define FILES_MAX 50

struct document {
    struct ota_json protocols, files, stream;
};
static const struct ota_json_field document_fields[] = {
    OTA_JSON_FIELD("protocols", OTA_JSON_REQUIRED | OTA_JSON_ARRAY, struct document, protocols),
    OTA_JSON_FIELD("files", OTA_JSON_REQUIRED | OTA_JSON_ARRAY, struct document, files),
    OTA_JSON_FIELD("streamname", OTA_JSON_STRING, struct document, stream),
};

struct file {
    uint32_t size, id, type;
    struct ota_json path, certfile, signature, url, scheme;
};
static const struct ota_json_field file_fields[] = {
    OTA_JSON_FIELD("filesize", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct file, size),
    OTA_JSON_FIELD("fileid", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct file, id),
    OTA_JSON_FIELD("fileType", OTA_JSON_NUMBER, struct file, type),
    OTA_JSON_FIELD("filepath", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct file, path),
    OTA_JSON_FIELD("certfile", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct file, certfile),
    OTA_JSON_FIELD("sig-sha256-ecdsa", OTA_JSON_REQUIRED | OTA_JSON_STRING, struct file, signature),
    OTA_JSON_FIELD("update_data_url", OTA_JSON_STRING, struct file, url),
    OTA_JSON_FIELD("auth_scheme", OTA_JSON_STRING, struct file, scheme),
};

static bool read_document(const char *text, size_t len, struct document *doc)
{
    struct ota_json object, afr_ota;
    memset(doc, 0, sizeof *doc);
    return text != NULL &&
           ota_json_parse((struct ota_span){ (const uint8_t *)text, len }, &object) == OTA_OK &&
           ota_json_find(&object, "afr_ota", &afr_ota) == OTA_OK &&
           ota_json_bind(&afr_ota, OTA_JSON_FIELDS(document_fields), doc) == OTA_OK;
}

static bool find_file(const struct document *doc, int32_t index, struct ota_json *object)
{
    struct ota_json_walk w = ota_json_walk(&doc->files);
    bool there = index >= 0 && index < FILES_MAX;
    for (int32_t i = 0; there && i <= index; i++) {
        there = ota_json_next(&w, NULL, object);
    }
    return there;
}

/* Whether the document offers this protocol; of an empty one, the first that it names is taken. */
static bool choose_protocol(const struct document *doc, struct ota_span wanted, bool *mqtt)
{
    struct ota_json_walk w = ota_json_walk(&doc->protocols);
    struct ota_json word;
    while (ota_json_next(&w, NULL, &word)) {
        *mqtt = ota_json_is(&word, OTA_SPAN_LIT("MQTT"));
        if (wanted.len == 0 || ota_json_is(&word, wanted)) {
            return *mqtt || ota_json_is(&word, OTA_SPAN_LIT("HTTP"));
        }
    }
    return false;
}

/* The characters of a string as they stand in the document. */
static void put(struct ota_json value, const char **text, size_t *len)
{
    const bool some = value.text.len > 2;
    *text = value.text.len > 0 ? (const char *)value.text.ptr + 1 : NULL;
    *len = some ? value.text.len - 2 : 0;
}

static bool is_stream(const struct ota_json *value)
{
    return value->text.len > 2 &&
           ota_stream_id_ok((struct ota_span){ value->text.ptr + 1, value->text.len - 2 });
}

static bool read_file(const struct document *doc, int32_t index, struct ota_span protocol,
                      AfrOtaJobDocumentFields_t *fields)
{
    struct ota_json object;
    struct file file = { .size = 0 };
    bool mqtt;
    if (!find_file(doc, index, &object) ||
        ota_json_bind(&object, OTA_JSON_FIELDS(file_fields), &file) != OTA_OK ||
        !choose_protocol(doc, protocol, &mqtt)) {
        return false;
    }
    if (mqtt ? !is_stream(&doc->stream) : file.scheme.text.len <= 2 || file.url.text.len <= 2) {
        return false;
    }
    *fields = (AfrOtaJobDocumentFields_t){ .fileId = file.id,
                                           .fileSize = file.size,
                                           .fileType = file.type };
    put(file.signature, &fields->signature, &fields->signatureLen);
    put(file.path, &fields->filepath, &fields->filepathLen);
    put(file.certfile, &fields->certfile, &fields->certfileLen);
    put(mqtt ? doc->stream : file.url, &fields->imageRef, &fields->imageRefLen);
    if (!mqtt) {
        put(file.scheme, &fields->authScheme, &fields->authSchemeLen);
    }
    return true;
}

static bool populate(const char *text, size_t len, int32_t index, struct ota_span protocol,
                     AfrOtaJobDocumentFields_t *fields)
{
    struct document doc;
    return fields != NULL && read_document(text, len, &doc) &&
           read_file(&doc, index, protocol, fields);
}

static int8_t parse(const char *text, size_t len, uint8_t index, struct ota_span protocol,
                    AfrOtaJobDocumentFields_t *fields)
{
    struct document doc;
    struct ota_json next;
    if (!populate(text, len, index, protocol, fields)) {
        return -1;
    }
    return read_document(text, len, &doc) && find_file(&doc, index + 1, &next) ? (int8_t)(index + 1)
                                                                               : 0;
}

/* A protocol must be named: an empty word would be taken for none. */
static bool is_named(const char *protocol, size_t len, struct ota_span *word)
{
    *word = (struct ota_span){ (const uint8_t *)protocol, len };
    return protocol != NULL && len > 0;
}

bool populateJobDocFields(const char *jobDoc, const size_t jobDocLength, int32_t fileIndex,
                          const char *protocol, size_t protocolLength,
                          AfrOtaJobDocumentFields_t *result)
{
    struct ota_span word;
    return is_named(protocol, protocolLength, &word) &&
           populate(jobDoc, jobDocLength, fileIndex, word, result);
}

bool populateJobDocFields_v1(const char *jobDoc, const size_t jobDocLength, int32_t fileIndex,
                             AfrOtaJobDocumentFields_t *result)
{
    return populate(jobDoc, jobDocLength, fileIndex, OTA_SPAN_NONE, result);
}

int8_t otaParser_parseJobDocFile(const char *jobDoc, const size_t jobDocLength,
                                 const uint8_t fileIndex, const char *protocol,
                                 size_t protocolLength, AfrOtaJobDocumentFields_t *fields)
{
    struct ota_span word;
    return is_named(protocol, protocolLength, &word)
               ? parse(jobDoc, jobDocLength, fileIndex, word, fields)
               : -1;
}

int8_t otaParser_parseJobDocFile_v1(const char *jobDoc, const size_t jobDocLength,
                                    const uint8_t fileIndex, AfrOtaJobDocumentFields_t *fields)
{
    return parse(jobDoc, jobDocLength, fileIndex, OTA_SPAN_NONE, fields);
}
