/*
 * Version of an image: four numbers in its header, and one text for people.
 */
#ifndef OTA_VERSION_H
#define OTA_VERSION_H

#include "ota/cursor.h"
#include "ota/err.h"

struct ota_version {
    uint8_t major, minor;
    uint16_t revision;
    uint32_t build;
};

/** < 0, 0, > 0 as a is lower, equal, higher. The build number does not count (MCUboot's rule). */
int ota_version_compare(struct ota_version a, struct ota_version b);

/* "255.255.65535+4294967295" */
#define OTA_VERSION_TEXT_MAX 24u
/** "1.2.3", with "+build" if that is not 0. */
void ota_version_write(struct ota_writer *w, struct ota_version version);
/** The reverse, strictly: OTA_E_MALFORMED, or OTA_E_RANGE for a number that does not fit its field. */
OTA_MUST_CHECK ota_err_t ota_version_parse(struct ota_span text, struct ota_version *version);

#endif
