#include "err_list.h"

const char *ota_err_text(ota_err_t err)
{
#define X(name, value, class, text) text "\0"
    return ota_err_string("no error\0" OTA_ERRORS(X) "an error that is not in the list", err);
#undef X
}
