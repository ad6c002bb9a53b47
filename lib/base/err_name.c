#include "err_list.h"

const char *ota_err_name(ota_err_t err)
{
#define X(name, value, class, text) "OTA_E_" #name "\0"
    return ota_err_string("OTA_OK\0" OTA_ERRORS(X) "OTA_E_?", err);
#undef X
}
