/* Private to lib/base: strings in the order of the errors. */
#ifndef OTA_ERR_LIST_H
#define OTA_ERR_LIST_H

#include "ota/err.h"

/**
 * The string of `err` in `list`, where they stand one behind the other, each with its terminator: that of OTA_OK,
 * those of OTA_ERRORS, and one for what is not in the list.
 */
const char *ota_err_string(const char *list, ota_err_t err);

#endif
