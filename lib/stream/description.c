#include "ota/description.h"
#include "ota/assert.h"
#include "ota/cbor.h"
#include "ota/file_ids.h"
#include "ota/json.h"
#include <string.h>

/* The same token as in requests for blocks; the answer need not bear it. */
static const char ask_json[] = "{\"c\":\"rdy\"}";
static const char ask_cbor[] = "\xa1"
                               "ac"
                               "crdy";

void ota_describe(struct ota_span root, const struct ota_topic *stream,
                  const struct ota_scratch *scratch, struct ota_effect *effect)
{
    struct ota_topic topic = *stream;
    struct ota_writer name = ota_writer(scratch->topic), body = ota_writer(scratch->payload);
    topic.kind = OTA_TOPIC_STREAM_DESCRIBE;
    ota_topic_write(&name, root, &topic);
    ota_write_str(&body, topic.format == OTA_FORMAT_JSON ? ask_json : ask_cbor);
    OTA_ASSERT(!name.bad && !body.bad); /* the caller lent less than effect.h says */
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&name);
    effect->as.publish.payload = ota_writer_done(&body);
    effect->as.publish.qos = OTA_QOS_0;
}

/* --- what both formats come to --------------------------------------------------------- */

struct reading {
    struct ota_description *d;
    uint8_t wanted;
    struct ota_file_ids seen;
};

static ota_err_t take_file(struct reading *r, uint64_t id, uint64_t size)
{
    if (id > UINT8_MAX) {
        return OTA_E_RANGE;
    }
    if (!ota_file_ids_add(&r->seen, (uint8_t)id) || r->d->file_count == OTA_STREAM_FILES_MAX) {
        return OTA_E_MALFORMED;
    }
    r->d->file_count++;
    if (id == r->wanted) {
        r->d->has_file = true;
        r->d->file_size = size;
    }
    return OTA_OK;
}

/* --- JSON -------------------------------------------------------------------------------- */

struct members {
    uint32_t version;
    struct ota_json files;
};
static const struct ota_json_field member_fields[] = {
    OTA_JSON_FIELD("s", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct members, version),
    OTA_JSON_FIELD("r", OTA_JSON_REQUIRED | OTA_JSON_ARRAY, struct members, files),
};

struct file {
    uint64_t id, size;
};
static const struct ota_json_field file_fields[] = {
    OTA_JSON_FIELD("f", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct file, id),
    OTA_JSON_FIELD("z", OTA_JSON_REQUIRED | OTA_JSON_NUMBER, struct file, size),
};

static ota_err_t read_json(struct ota_span payload, struct reading *r)
{
    struct ota_json object;
    struct members members;
    ota_err_t err = ota_json_parse(payload, &object);
    if (err == OTA_OK) {
        err = ota_json_bind(&object, OTA_JSON_FIELDS(member_fields), &members);
    }
    if (err != OTA_OK) {
        return err;
    }
    r->d->version = members.version;
    struct ota_json_walk walk = ota_json_walk(&members.files);
    while (err == OTA_OK && ota_json_next(&walk, NULL, &object)) {
        struct file file;
        err = ota_json_bind(&object, OTA_JSON_FIELDS(file_fields), &file);
        if (err == OTA_OK) {
            err = take_file(r, file.id, file.size);
        }
    }
    return err;
}

/* --- CBOR -------------------------------------------------------------------------------- */

static void expect(struct ota_cbor *c, bool good)
{
    if (!good && c->err == OTA_OK) {
        c->err = OTA_E_MALFORMED;
    }
}

/* Whether `key` is this one; the second time is malformed: two readers would disagree about which counts. */
static bool is(struct ota_cbor *c, struct ota_span key, const char *name, bool *seen)
{
    if (!ota_span_eq(key, ota_span_of_str(name))) {
        return false;
    }
    expect(c, !*seen);
    *seen = true;
    return true;
}

static void read_cbor_file(struct ota_cbor *c, struct reading *r)
{
    struct ota_cbor_map map = ota_cbor_map(c);
    struct file file = { 0 };
    bool has_id = false, has_size = false;
    struct ota_span key;
    while (ota_cbor_next_key(c, &map, &key)) {
        if (is(c, key, "f", &has_id)) {
            file.id = ota_cbor_u64(c);
        } else if (is(c, key, "z", &has_size)) {
            file.size = ota_cbor_u64(c);
        } else {
            ota_cbor_skip(c);
        }
    }
    expect(c, has_id && has_size);
    if (c->err == OTA_OK) {
        c->err = take_file(r, file.id, file.size);
    }
}

static ota_err_t read_cbor(struct ota_span payload, struct reading *r)
{
    struct ota_cbor c = ota_cbor(payload);
    struct ota_cbor_map map = ota_cbor_map(&c);
    bool has_version = false, has_files = false;
    struct ota_span key;
    while (ota_cbor_next_key(&c, &map, &key)) {
        if (is(&c, key, "s", &has_version)) {
            const uint64_t version = ota_cbor_u64(&c);
            r->d->version = (uint32_t)version;
            expect(&c, version <= UINT32_MAX);
        } else if (is(&c, key, "r", &has_files)) {
            struct ota_cbor_map files = ota_cbor_array(&c);
            while (ota_cbor_next_element(&c, &files)) {
                read_cbor_file(&c, r);
            }
        } else {
            ota_cbor_skip(&c);
        }
    }
    expect(&c, has_version && has_files);
    return ota_cbor_end(&c);
}

ota_err_t ota_description_read(enum ota_format format, struct ota_span payload, uint8_t file_id,
                               struct ota_description *d)
{
    struct reading r = { .d = d, .wanted = file_id };
    memset(d, 0, sizeof *d);
    const ota_err_t err =
        format == OTA_FORMAT_JSON ? read_json(payload, &r) : read_cbor(payload, &r);
    if (err != OTA_OK) {
        memset(d, 0, sizeof *d);
    }
    return err;
}
