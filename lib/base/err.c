#include "err_list.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Apart from the words, so that a bootloader does not carry them. */
enum ota_err_class ota_err_class(ota_err_t err)
{
    switch (err) {
    case OTA_OK: return OTA_CLASS_NONE;
#define X(name, value, class, text)                                                                \
    case OTA_E_##name: return OTA_CLASS_##class;
        OTA_ERRORS(X)
#undef X
    }
    return OTA_CLASS_DEVICE;
}

/* Walked rather than indexed: a table of pointers is as large as half of the strings. */
const char *ota_err_string(const char *list, ota_err_t err)
{
    static const int8_t values[] = { OTA_OK,
#define X(name, value, class, text) value,
                                     OTA_ERRORS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof values && values[i] != err; i++) {
        list += strlen(list) + 1;
    }
    return list;
}

const char *ota_err_word(ota_err_t err)
{
#define X(name, value, class, text) #name "\0"
    return ota_err_string("OK\0" OTA_ERRORS(X) "?", err);
#undef X
}
