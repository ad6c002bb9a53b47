/* Private to lib/base: strings in the order of OTA_ERRORS. */
#ifndef OTA_ERR_LIST_H
#define OTA_ERR_LIST_H

#include "ota/err.h"

/** The string of `err` in `list`: one behind the other, each with its terminator; outside the list, the last one. */
const char *ota_err_string(const char *list, ota_err_t err);

#endif
