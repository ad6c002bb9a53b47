#include "jobdoc_priv.h"
#include "ota/assert.h"

/* The version of the member that we write and read. Another one is a later waft's, and not for us. */
#define WAFT_VERSION 1u

/* --- sources --------------------------------------------------------------------- */

struct source {
    uint32_t file_id;
    bool delta;                       /* needs a base image */
    enum { ANY, A, B, UNKNOWN } slot; /* what it is linked for */
};

static bool read_slot(struct ota_json object, struct source *source)
{
    struct ota_json value;
    if (!jobdoc_optional(object, "slot", &value)) {
        return false;
    }
    if (jobdoc_is_absent(value)) {
        source->slot = ANY;
    } else if (ota_json_is(value, OTA_SPAN_LIT("A"))) {
        source->slot = A;
    } else if (ota_json_is(value, OTA_SPAN_LIT("B"))) {
        source->slot = B;
    } else {
        source->slot = UNKNOWN; /* of a device with other slots */
        return ota_json_kind(value) == OTA_JSON_STRING;
    }
    return true;
}

static bool read_source(struct ota_json object, struct source *source)
{
    uint8_t base[OTA_DIGEST_SIZE];
    uint32_t size;
    struct ota_json from;
    if (ota_json_kind(object) != OTA_JSON_OBJECT || !jobdoc_optional(object, "from", &from) ||
        !jobdoc_number_or(object, "filesize", UINT32_MAX, 0, &size)) {
        return false;
    }
    source->delta = !jobdoc_is_absent(from);
    return (!source->delta || jobdoc_hex(from, base, sizeof base)) && read_slot(object, source) &&
           jobdoc_required_number(object, "fileid", UINT8_MAX, &source->file_id);
}

static bool read_sources(struct ota_json waft, const struct jobdoc_ids *ids, struct ota_jobdoc *doc)
{
    if (!jobdoc_optional(waft, "sources", &doc->sources)) {
        return false;
    }
    if (jobdoc_is_absent(doc->sources)) {
        return true;
    }
    if (ota_json_kind(doc->sources) != OTA_JSON_ARRAY) {
        return false;
    }
    struct ota_json_walk w = ota_json_walk(doc->sources);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct source source;
        if (!read_source(object, &source) || !jobdoc_has_id(ids, source.file_id)) {
            return false;
        }
    }
    return true;
}

/* --- advice ----------------------------------------------------------------------- */

static bool read_digest(struct ota_json waft, struct ota_jobdoc *doc)
{
    struct ota_json value;
    if (!jobdoc_optional(waft, "digest", &value)) {
        return false;
    }
    doc->has_digest = !jobdoc_is_absent(value);
    return !doc->has_digest || jobdoc_hex(value, doc->digest, sizeof doc->digest);
}

static bool read_class(struct ota_json waft, struct ota_jobdoc *doc)
{
    struct ota_json value;
    if (!jobdoc_optional(waft, "class", &value)) {
        return false;
    }
    doc->has_class = !jobdoc_is_absent(value);
    return !doc->has_class || jobdoc_uuid(value, doc->class_id);
}

static bool read_version(struct ota_json waft, struct ota_jobdoc *doc)
{
    uint8_t room[OTA_VERSION_TEXT_MAX];
    struct ota_span text;
    struct ota_json value;
    if (!jobdoc_optional(waft, "version", &value)) {
        return false;
    }
    doc->has_version = !jobdoc_is_absent(value);
    return !doc->has_version || (ota_json_string(value, OTA_BUF_OF(room), &text) == OTA_OK &&
                                 ota_version_parse(text, &doc->version) == OTA_OK);
}

static bool read_counter(struct ota_json waft, struct ota_jobdoc *doc)
{
    struct ota_json value;
    if (!jobdoc_optional(waft, "counter", &value)) {
        return false;
    }
    doc->has_counter = !jobdoc_is_absent(value);
    return !doc->has_counter || jobdoc_number(value, UINT32_MAX, &doc->counter);
}

/* [lowest, highest] hardware revision, both included. */
static bool read_hw(struct ota_json waft, struct ota_jobdoc *doc)
{
    struct ota_json value, element;
    if (!jobdoc_optional(waft, "hw", &value)) {
        return false;
    }
    doc->has_hw = !jobdoc_is_absent(value);
    if (!doc->has_hw) {
        return true;
    }
    uint32_t revision[2], count = 0;
    struct ota_json_walk w = ota_json_walk(value);
    while (ota_json_kind(value) == OTA_JSON_ARRAY && ota_json_next(&w, NULL, &element)) {
        if (count == 2 || !jobdoc_number(element, UINT16_MAX, &revision[count++])) {
            return false;
        }
    }
    if (count != 2 || revision[0] > revision[1]) {
        return false;
    }
    doc->hw_min = (uint16_t)revision[0];
    doc->hw_max = (uint16_t)revision[1];
    return true;
}

bool jobdoc_read_waft(struct ota_json document, const struct jobdoc_ids *ids,
                      struct ota_jobdoc *doc)
{
    struct ota_json waft;
    uint32_t version;
    if (!jobdoc_optional(document, "waft", &waft)) {
        return false;
    }
    if (jobdoc_is_absent(waft)) {
        return true;
    }
    if (!jobdoc_required_number(waft, "v", UINT32_MAX, &version)) {
        return false;
    }
    if (version != WAFT_VERSION) {
        return true;
    }
    return read_digest(waft, doc) && read_class(waft, doc) && read_version(waft, doc) &&
           read_counter(waft, doc) && read_hw(waft, doc) && read_sources(waft, ids, doc);
}

/* --- choosing ---------------------------------------------------------------------- */

static bool fits(const struct source *source, unsigned slot)
{
    return !source->delta && (source->slot == ANY || (source->slot == A && slot == 0) ||
                              (source->slot == B && slot == 1));
}

/* The first image: what a job without sources means. No file id is as large. */
#define FIRST_IMAGE UINT32_MAX

static ota_err_t find_file(const struct ota_jobdoc *doc, uint32_t file_id,
                           struct ota_jobdoc_file *file)
{
    for (uint32_t i = 0; i < doc->file_count; i++) {
        struct ota_jobdoc_file candidate;
        const ota_err_t err = ota_jobdoc_file(doc, i, &candidate);
        if (err != OTA_OK) {
            return err;
        }
        if (file_id == FIRST_IMAGE ? candidate.file_type == 0 : candidate.file_id == file_id) {
            *file = candidate;
            return OTA_OK;
        }
    }
    return OTA_E_JOB_NO_FILE;
}

ota_err_t ota_jobdoc_choose(const struct ota_jobdoc *doc, unsigned slot,
                            struct ota_jobdoc_file *file)
{
    OTA_ASSERT(slot < 2);
    if (jobdoc_is_absent(doc->sources)) {
        return find_file(doc, FIRST_IMAGE, file);
    }
    struct ota_json_walk w = ota_json_walk(doc->sources);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct source source;
        if (read_source(object, &source) && fits(&source, slot)) {
            return find_file(doc, source.file_id, file);
        }
    }
    return OTA_E_JOB_NO_FILE;
}
