/* A job document: what is taken as a whole is well-formed in each part. */
#include "ota/jobdoc.h"
#include "fuzz.h"

#include <string.h>

static void check_files(const struct ota_jobdoc *doc)
{
    struct ota_jobdoc_file file;
    bool seen[256] = { false };
    for (uint32_t i = 0; i < doc->file_count; i++) {
        FUZZ_CHECK(ota_jobdoc_file(doc, i, &file) == OTA_OK);
        FUZZ_CHECK(file.size > 0);
        FUZZ_CHECK(file.signature_len <= sizeof file.signature);
        FUZZ_CHECK(!seen[file.file_id]);
        seen[file.file_id] = true;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct ota_jobdoc doc, before;
    struct ota_json json;
    if (ota_json_parse((struct ota_span){ bytes, size }, &json) != OTA_OK) {
        return 0;
    }
    memset(&doc, 0xa5, sizeof doc);
    before = doc;
    if (ota_jobdoc_read(json, &doc) != OTA_OK) {
        FUZZ_CHECK(memcmp(&doc, &before, sizeof doc) == 0);
        return 0;
    }
    FUZZ_CHECK(doc.file_count >= 1 && doc.file_count <= OTA_FILES_MAX);
    FUZZ_CHECK(doc.stream_len <= OTA_STREAM_ID_MAX);
    check_files(&doc);
    for (unsigned slot = 0; slot < 2; slot++) {
        struct ota_jobdoc chosen = doc;
        struct ota_jobdoc_file file;
        const ota_err_t err = ota_jobdoc_choose(&chosen, slot, &file);
        FUZZ_CHECK(err == OTA_OK || err == OTA_E_JOB_NO_FILE);
        FUZZ_CHECK(err != OTA_OK || !chosen.has_digest ||
                   ota_jobdoc_names_image(&doc, chosen.digest));
    }
    return 0;
}
