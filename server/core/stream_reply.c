/* What the provider says on a stream's topics, in both formats. */
#include "ota/assert.h"
#include "ota/cbor.h"
#include "ota/json_write.h"
#include "stream.h"

/* One map in either format: members are put by kind, the format is looked at in one place. */
struct map {
    enum ota_format format;
    struct ota_writer *w;
    struct ota_json_out o;
};

static struct map map_begin(enum ota_format format, struct ota_writer *w, uint64_t member_count)
{
    struct map m = { .format = format, .w = w, .o = ota_json_out(w) };
    if (format == OTA_FORMAT_JSON) {
        ota_json_object_begin(&m.o);
    } else {
        ota_cbor_put_map(w, member_count);
    }
    return m;
}

static void map_end(struct map *m)
{
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_object_end(&m->o);
    }
}

static void key(struct map *m, const char *name)
{
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_key(&m->o, name);
    } else {
        ota_cbor_put_text(m->w, ota_span_of_str(name));
    }
}

static void put_number(struct map *m, const char *name, uint64_t value)
{
    key(m, name);
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_put_u64(&m->o, value);
    } else {
        ota_cbor_put_u64(m->w, value);
    }
}

static void put_text(struct map *m, const char *name, struct ota_span text)
{
    key(m, name);
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_put_string(&m->o, text);
    } else {
        ota_cbor_put_text(m->w, text);
    }
}

static void put_bytes(struct map *m, const char *name, struct ota_span bytes)
{
    key(m, name);
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_put_base64(&m->o, bytes);
    } else {
        ota_cbor_put_bytes(m->w, bytes);
    }
}

struct ota_span srv_stream_data(const struct srv_stream_get *get, const struct srv_block *block,
                                struct ota_span bytes, struct ota_buf out)
{
    OTA_ASSERT(bytes.len == block->len);
    struct ota_writer w = ota_writer(out);
    const bool token = get->token.ptr != NULL;
    struct map m = map_begin(get->format, &w, token ? 5 : 4);
    put_number(&m, "f", get->file->id);
    put_number(&m, "i", block->number);
    put_number(&m, "l", block->len);
    put_bytes(&m, "p", bytes);
    if (token) {
        put_text(&m, "c", get->token);
    }
    map_end(&m);
    return ota_writer_done(&w);
}

static void put_files(struct map *m, const struct srv_stream *stream)
{
    key(m, "r");
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_array_begin(&m->o);
    } else {
        ota_cbor_put_array(m->w, stream->file_count);
    }
    for (size_t i = 0; i < stream->file_count; i++) {
        if (m->format == OTA_FORMAT_JSON) {
            ota_json_object_begin(&m->o);
        } else {
            ota_cbor_put_map(m->w, 2);
        }
        put_number(m, "f", stream->files[i].id);
        put_number(m, "z", stream->files[i].size);
        map_end(m);
    }
    if (m->format == OTA_FORMAT_JSON) {
        ota_json_array_end(&m->o);
    }
}

struct ota_span srv_stream_description(enum ota_format format, struct ota_span token,
                                       const struct srv_stream *stream, struct ota_buf out)
{
    struct ota_writer w = ota_writer(out);
    struct map m = map_begin(format, &w, token.ptr != NULL ? 4 : 3);
    if (token.ptr != NULL) {
        put_text(&m, "c", token);
    }
    put_number(&m, "s", stream->version);
    put_text(&m, "d", stream->description);
    put_files(&m, stream);
    map_end(&m);
    return ota_writer_done(&w);
}

struct ota_span srv_stream_rejected(enum ota_format format, struct ota_span token,
                                    const struct srv_err *err, struct ota_buf out)
{
    const struct ota_span code = ota_span_of_str(ota_wire_code_name(srv_code_wire(err->code)));
    const struct ota_span text = ota_span_of_str(err->text);
    struct ota_writer w = ota_writer(out);
    struct map m = map_begin(format, &w, token.ptr != NULL ? 6 : 4);
    if (token.ptr != NULL) {
        put_text(&m, "clientToken", token);
        put_text(&m, "c", token);
    }
    put_text(&m, "code", code);
    put_text(&m, "o", code);
    put_text(&m, "message", text);
    put_text(&m, "m", text);
    map_end(&m);
    return ota_writer_done(&w);
}
