/* A job document: what is taken as a whole is well-formed in each part. */
#include "ota/jobdoc.h"
#include "fuzz.h"
#include "ota/base64.h"

#include <string.h>

static void check_files(const struct ota_jobdoc *doc)
{
    struct ota_jobdoc_file file;
    bool seen[256] = { false };
    for (uint32_t i = 0; i < doc->file_count; i++) {
        FUZZ_CHECK(ota_jobdoc_file(doc, i, &file) == OTA_OK);
        FUZZ_CHECK(file.size > 0);
        uint8_t room[OTA_SIGNATURE_DER_MAX];
        struct ota_span der;
        const ota_err_t err = ota_json_base64(&file.signature, OTA_BUF_OF(room), &der);
        FUZZ_CHECK(err == (file.signature_kind == OTA_SIGNATURE_P256 ? OTA_OK : OTA_E_MALFORMED));
        FUZZ_CHECK(!seen[file.file_id]);
        seen[file.file_id] = true;
    }
    struct ota_jobdoc_data data = { .begun = false };
    uint32_t count = 0;
    for (; ota_jobdoc_next_data(doc, &data, &file); count++) {
        FUZZ_CHECK(seen[file.file_id] && file.size > 0);
        seen[file.file_id] = false; /* each once */
    }
    FUZZ_CHECK(count <= doc->file_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const struct ota_jobdoc empty;
    static struct ota_jobdoc doc;
    struct ota_json json;
    if (ota_json_parse((struct ota_span){ bytes, size }, &json) != OTA_OK) {
        return 0;
    }
    memset(&doc, 0xa5, sizeof doc);
    if (ota_jobdoc_read(&json, &doc) != OTA_OK) {
        FUZZ_CHECK(memcmp(&doc, &empty, sizeof doc) == 0);
        return 0;
    }
    FUZZ_CHECK(doc.file_count >= 1 && doc.file_count <= OTA_FILES_MAX);
    uint8_t room[OTA_STREAM_ID_MAX];
    struct ota_span stream;
    FUZZ_CHECK(doc.stream.text.len == 0 ||
               ota_json_string(&doc.stream, OTA_BUF_OF(room), &stream) == OTA_OK);
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
