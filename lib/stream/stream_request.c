#include "ota/assert.h"
#include "ota/cbor.h"
#include "stream_priv.h"

/*
 * Requests: % a number, # the bitmap. In CBOR, 'a' (0x61) begins a text of one character, 'c' one of
 * three. "c" is what agents of this protocol have always sent; data need not echo it, so it says
 * nothing. A stream's version comes first, where it is known.
 */
static const char run_json[] = "{\"c\":\"rdy\",\"f\":%,\"l\":%,\"o\":%,\"n\":%}";
static const char run_cbor[] = "\xa5"
                               "ac"
                               "crdy"
                               "af%al%ao%an%";
/* The map of six that the service has served for years. How it reads a bitmap in JSON is not known for sure. */
static const char bitmap_cbor[] = "\xa6"
                                  "ac"
                                  "crdy"
                                  "af%al%ao%ab#an%";
static const char version_json[] = "\"s\":%,";
static const char version_cbor[] = "as%";

void stream_request_add(struct stream_request *q, uint32_t block)
{
    if (q->count == 0) {
        q->offset = block;
    }
    const uint32_t bit = block - q->offset;
    q->bits[bit / 8u] = (uint8_t)(q->bits[bit / 8u] | 1u << bit % 8u);
    q->span = bit + 1u;
    q->count++;
}

static void write_template(struct ota_writer *w, bool json, const char *text,
                           const uint32_t *number, const struct stream_request *q)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '#') {
            ota_cbor_put_bytes(w, (struct ota_span){ q->bits, (q->span + 7u) / 8u });
        } else if (*c != '%') {
            ota_write_u8(w, (uint8_t)*c);
        } else if (json) {
            ota_write_decimal(w, *number++);
        } else {
            ota_cbor_put_u64(w, *number++);
        }
    }
}

static void write_body(struct ota_writer *w, const struct ota_stream_cfg *cfg,
                       const struct stream_request *q)
{
    const bool json = cfg->format == OTA_FORMAT_JSON, run = q->count == q->span;
    const uint32_t numbers[] = { cfg->file_id, cfg->block_size, q->offset, q->count };
    const char *const text = json ? run_json : run ? run_cbor : bitmap_cbor;
    OTA_ASSERT(run || !json);
    if (cfg->version != 0) {
        ota_write_u8(w, (uint8_t)(text[0] + (json ? 0 : 1))); /* one pair more in the map */
        write_template(w, json, json ? version_json : version_cbor, &cfg->version, q);
    } else {
        ota_write_u8(w, (uint8_t)text[0]);
    }
    write_template(w, json, text + 1, numbers, q);
}

void stream_write_request(const struct ota_stream_cfg *cfg, const struct stream_request *q,
                          const struct ota_scratch *scratch, struct ota_effect *effect)
{
    const struct ota_topic topic = {
        .kind = OTA_TOPIC_STREAM_GET, .thing = cfg->thing, .id = cfg->stream, .format = cfg->format
    };
    struct ota_writer name = ota_writer(scratch->topic), body = ota_writer(scratch->payload);
    ota_topic_write(&name, cfg->root, &topic);
    write_body(&body, cfg, q);
    OTA_ASSERT(!name.bad && !body.bad); /* the caller lent less than effect.h says */
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&name);
    effect->as.publish.payload = ota_writer_done(&body);
    effect->as.publish.qos = OTA_QOS_0;
}
