/*
 * Bytes travel with their length.
 */
#ifndef OTA_SPAN_H
#define OTA_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bytes that someone else owns: read only, valid as long as their source is. */
struct ota_span {
    const uint8_t *ptr;
    size_t len;
};

/** Room to write into: `cap` bytes at `ptr`. */
struct ota_buf {
    uint8_t *ptr;
    size_t cap;
};

#define OTA_SPAN_NONE      ((struct ota_span){ NULL, 0 })
#define OTA_SPAN_LIT(s)    ((struct ota_span){ (const uint8_t *)(s), sizeof(s) - 1 })
#define OTA_SPAN_OF(array) ((struct ota_span){ (const uint8_t *)(array), sizeof(array) })
#define OTA_BUF_OF(array)  ((struct ota_buf){ (uint8_t *)(array), sizeof(array) })

/** The characters of a C string, without its terminator. NULL gives an empty span. */
struct ota_span ota_span_of_str(const char *str);

/** Whether both hold the same bytes. Not constant in time: never for secrets. */
bool ota_span_eq(struct ota_span a, struct ota_span b);

#endif
