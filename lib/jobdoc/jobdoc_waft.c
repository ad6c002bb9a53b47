#include "jobdoc_priv.h"
#include "ota/assert.h"
#include <string.h>

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

/* The next of the sources that `sources` walks over; false at their end, or if it is not one. */
static bool next_source(struct ota_json_walk *sources, struct source *source)
{
    struct ota_json object;
    if (!ota_json_next(sources, NULL, &object)) {
        return false;
    }
    memset(source, 0, sizeof *source);
    return ota_json_bind(&object, OTA_JSON_FIELDS(source_fields), source) == OTA_OK;
}

bool jobdoc_sources_ok(const struct ota_jobdoc *doc, const struct ota_file_ids *ids)
{
    struct ota_json_walk sources = ota_json_walk(&doc->sources);
    struct source source;
    while (next_source(&sources, &source)) {
        if (!ota_file_ids_has(ids, source.file_id)) {
            return false;
        }
    }
    return sources.err != OTA_OK; /* at their end, not at a wrong one */
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
    struct ota_json_walk w = ota_json_walk(&doc->hw);
    struct ota_json element;
    uint64_t revision[2];
    unsigned count = 0;
    while (ota_json_next(&w, NULL, &element)) {
        if (count == 2 || ota_json_u64(&element, &revision[count++]) != OTA_OK) {
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

bool jobdoc_read_waft(const struct ota_json *object, struct ota_jobdoc *doc)
{
    uint32_t version;
    if (ota_json_bind(object, OTA_JSON_FIELDS(version_field), &version) != OTA_OK) {
        return false;
    }
    if (version != WAFT_VERSION) {
        return true;
    }
    return ota_json_bind(object, OTA_JSON_FIELDS(advice_fields), doc) == OTA_OK &&
           (!doc->has_version || jobdoc_is_version(&doc->version)) &&
           (!doc->has_hw || read_hw(doc));
}

/* --- choosing ------------------------------------------------------------------------- */

static bool fits(const struct source *source, unsigned slot)
{
    const struct ota_span name = { (const uint8_t *)&"AB"[slot], 1 };
    return !source->has_from && (is_absent(&source->slot) || ota_json_is(&source->slot, name));
}

static bool find_source(const struct ota_jobdoc *doc, unsigned slot, struct source *source)
{
    struct ota_json_walk sources = ota_json_walk(&doc->sources);
    while (next_source(&sources, source)) {
        if (fits(source, slot)) {
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
    struct ota_json_walk files = ota_json_walk(&doc->files);
    struct ota_jobdoc_file candidate;
    do {
        if (!jobdoc_next_file(&files, &candidate)) {
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
    struct ota_json_walk sources = ota_json_walk(&doc->sources);
    struct source source;
    while (next_source(&sources, &source)) {
        if (source.has_digest && memcmp(source.digest, digest, OTA_DIGEST_SIZE) == 0) {
            return true;
        }
    }
    return false;
}
