/*
 * JSON, written: what servers and tools need. A device does not: what it says is short, and its
 * modules write it as text with places for numbers. A library of its own (json_write).
 *
 * Commas and quotes are the writer's; escaping too. The result is ota_writer_done() of the writer
 * lent at begin. Begin/end must match (asserted).
 */
#ifndef OTA_JSON_WRITE_H
#define OTA_JSON_WRITE_H

#include "ota/cursor.h"

struct ota_json_out {
    struct ota_writer *w;
    uint32_t open; /* below a leading 1, a bit for each open container: 1 an object; up to 31 */
    bool first, after_key;
};

struct ota_json_out ota_json_out(struct ota_writer *w);
void ota_json_object_begin(struct ota_json_out *o);
void ota_json_object_end(struct ota_json_out *o);
void ota_json_array_begin(struct ota_json_out *o);
void ota_json_array_end(struct ota_json_out *o);
void ota_json_key(struct ota_json_out *o, const char *name);
/** A string value; bytes that are not valid UTF-8 are written as U+FFFD. */
void ota_json_put_string(struct ota_json_out *o, struct ota_span text);
void ota_json_put_str(struct ota_json_out *o, const char *str);
void ota_json_put_u64(struct ota_json_out *o, uint64_t number);
void ota_json_put_bool(struct ota_json_out *o, bool value);
void ota_json_put_null(struct ota_json_out *o);
/** A value that is JSON already. */
void ota_json_put_raw(struct ota_json_out *o, struct ota_span json);
/** A string value of base64 (padded, no line breaks). */
void ota_json_put_base64(struct ota_json_out *o, struct ota_span bytes);

#endif
