#include "jobdoc_priv.h"
#include <string.h>

static const struct ota_json_field id_field[] = {
    { "fileid", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, sizeof(uint8_t), 0, 0 },
};

static void begin(const struct ota_jobdoc *doc, struct ota_jobdoc_data *at)
{
    struct ota_json_walk sources = ota_json_walk(&doc->sources);
    struct ota_json source;
    uint8_t id;
    at->begun = true;
    at->image_seen = !is_absent(&doc->sources); /* then they name it */
    at->files = ota_json_walk(&doc->files);
    while (ota_json_next(&sources, NULL, &source) &&
           ota_json_bind(&source, OTA_JSON_FIELDS(id_field), &id) == OTA_OK) {
        (void)ota_file_ids_add(&at->named, id); /* two sources may be one file */
    }
}

bool ota_jobdoc_next_data(const struct ota_jobdoc *doc, struct ota_jobdoc_data *at,
                          struct ota_jobdoc_file *file)
{
    if (!at->begun) {
        begin(doc, at);
    }
    while (jobdoc_next_file(&at->files, file)) {
        if (!at->image_seen && file->file_type == 0) {
            at->image_seen = true;
        } else if (!ota_file_ids_has(&at->named, file->file_id)) {
            return true;
        }
    }
    return false;
}
