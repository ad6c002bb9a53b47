#include "ota/err.h"

/*
 * Three switches and not one table, so that a bootloader that needs only the
 * class does not carry the words.
 */

enum ota_err_class ota_err_class(ota_err_t err)
{
    switch (err) {
#define X(name, value, class, text)                                                                \
    case name: return OTA_CLASS_##class;
        OTA_ERRORS(X)
#undef X
    }
    return OTA_CLASS_DEVICE;
}

const char *ota_err_name(ota_err_t err)
{
    switch (err) {
#define X(name, value, class, text)                                                                \
    case name: return #name;
        OTA_ERRORS(X)
#undef X
    }
    return "OTA_E_?";
}

const char *ota_err_text(ota_err_t err)
{
    switch (err) {
#define X(name, value, class, text)                                                                \
    case name: return text;
        OTA_ERRORS(X)
#undef X
    }
    return "an error that is not in the list";
}
