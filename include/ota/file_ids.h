/* File ids: the files of a stream or of a job by their number on the wire. A set of them, a bit each; all zero: none. */
#ifndef OTA_FILE_IDS_H
#define OTA_FILE_IDS_H

#include <stdbool.h>
#include <stdint.h>

struct ota_file_ids {
    uint8_t bits[256 / 8];
};

bool ota_file_ids_has(const struct ota_file_ids *ids, uint8_t id);

/** @return whether it is new. */
bool ota_file_ids_add(struct ota_file_ids *ids, uint8_t id);

#endif
