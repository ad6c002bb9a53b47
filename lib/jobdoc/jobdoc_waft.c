#include "jobdoc_priv.h"
#include "ota/assert.h"
#include <string.h>

/* The version of the member that we write and read. Another one is a later waft's, and not for us. */
#define WAFT_VERSION 1u

/* --- sources --------------------------------------------------------------------- */

struct source {
    uint32_t file_id;
    bool delta;                       /* needs a base image */
    enum { ANY, A, B, UNKNOWN } slot; /* what it is linked for */
    bool has_digest;                  /* of the image that it gives */
    uint8_t digest[OTA_DIGEST_SIZE];
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

/* A member that may be missing: an image's digest. */
static bool read_digest(struct ota_json object, const char *name, bool *there,
                        uint8_t digest[OTA_DIGEST_SIZE])
{
    struct ota_json value;
    if (!jobdoc_optional(object, name, &value)) {
        return false;
    }
    *there = !jobdoc_is_absent(value);
    return !*there || jobdoc_hex(value, digest, OTA_DIGEST_SIZE);
}

static bool read_source(struct ota_json object, struct source *source)
{
    uint8_t base[OTA_DIGEST_SIZE];
    uint32_t size;
    return ota_json_kind(object) == OTA_JSON_OBJECT &&
           read_digest(object, "from", &source->delta, base) &&
           read_digest(object, "digest", &source->has_digest, source->digest) &&
           jobdoc_number_or(object, "filesize", UINT32_MAX, 0, &size) &&
           read_slot(object, source) &&
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

static bool read_version(struct ota_json value, struct ota_version *version)
{
    uint8_t room[OTA_VERSION_TEXT_MAX];
    struct ota_span text;
    return ota_json_string(value, OTA_BUF_OF(room), &text) == OTA_OK &&
           ota_version_parse(text, version) == OTA_OK;
}

/* [lowest, highest] hardware revision, both included. */
static bool read_hw(struct ota_json value, struct ota_jobdoc *doc)
{
    struct ota_json element;
    uint32_t revision[2] = { 0 }, count = 0;
    struct ota_json_walk w = ota_json_walk(value);
    while (ota_json_kind(value) == OTA_JSON_ARRAY && ota_json_next(&w, NULL, &element)) {
        if (count == 2 || !jobdoc_number(element, UINT16_MAX, &revision[count++])) {
            return false;
        }
    }
    doc->hw_min = (uint16_t)revision[0];
    doc->hw_max = (uint16_t)revision[1];
    return count == 2 && revision[0] <= revision[1];
}

enum advice { DIGEST, CLASS, VERSION, COUNTER, HW, ADVICE_COUNT };

static bool read_advice(enum advice which, struct ota_json value, struct ota_jobdoc *doc)
{
    switch (which) {
    case DIGEST: return doc->has_digest = jobdoc_hex(value, doc->digest, sizeof doc->digest);
    case CLASS: return doc->has_class = jobdoc_uuid(value, doc->class_id);
    case VERSION: return doc->has_version = read_version(value, &doc->version);
    case COUNTER: return doc->has_counter = jobdoc_number(value, UINT32_MAX, &doc->counter);
    case HW: return doc->has_hw = read_hw(value, doc);
    case ADVICE_COUNT: break;
    }
    OTA_UNREACHABLE();
}

bool jobdoc_read_waft(struct ota_json document, const struct jobdoc_ids *ids,
                      struct ota_jobdoc *doc)
{
    static const char *const names[ADVICE_COUNT] = {
        [DIGEST] = "digest",   [CLASS] = "class", [VERSION] = "version",
        [COUNTER] = "counter", [HW] = "hw",
    };
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
    for (unsigned i = 0; i < ADVICE_COUNT; i++) {
        struct ota_json value;
        if (!jobdoc_optional(waft, names[i], &value) ||
            (!jobdoc_is_absent(value) && !read_advice((enum advice)i, value, doc))) {
            return false;
        }
    }
    return read_sources(waft, ids, doc);
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

ota_err_t ota_jobdoc_choose(struct ota_jobdoc *doc, unsigned slot, struct ota_jobdoc_file *file)
{
    OTA_ASSERT(slot < 2);
    if (jobdoc_is_absent(doc->sources)) {
        return find_file(doc, FIRST_IMAGE, file);
    }
    struct ota_json_walk w = ota_json_walk(doc->sources);
    struct ota_json object;
    while (ota_json_next(&w, NULL, &object)) {
        struct source source;
        if (!read_source(object, &source) || !fits(&source, slot)) {
            continue;
        }
        if (source.has_digest) {
            doc->has_digest = true;
            memcpy(doc->digest, source.digest, sizeof doc->digest);
        }
        return find_file(doc, source.file_id, file);
    }
    return OTA_E_JOB_NO_FILE;
}

bool ota_jobdoc_names_image(const struct ota_jobdoc *doc, const uint8_t digest[OTA_DIGEST_SIZE])
{
    if (doc->has_digest && memcmp(doc->digest, digest, OTA_DIGEST_SIZE) == 0) {
        return true;
    }
    if (jobdoc_is_absent(doc->sources)) {
        return false;
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
