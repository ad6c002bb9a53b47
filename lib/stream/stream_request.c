#include "ota/assert.h"
#include "ota/cbor.h"
#include "ota/json.h"
#include "stream_priv.h"

/* What agents of this protocol have always sent. Data need not echo it, so it says nothing. */
#define TOKEN OTA_SPAN_LIT("rdy")

enum { NUMBERS = 4 };
static const char keys[NUMBERS][2] = { "f", "l", "o", "n" };

/*
 * A run, or with a bitmap before the last number the map of six that the service has served for
 * years.
 */
static void write_cbor(struct ota_writer *w, const uint32_t numbers[NUMBERS],
                       const struct stream_request *q)
{
    const bool run = q->count == q->span;
    ota_cbor_put_map(w, run ? 5 : 6);
    ota_cbor_put_text(w, OTA_SPAN_LIT("c"));
    ota_cbor_put_text(w, TOKEN);
    for (unsigned i = 0; i < NUMBERS; i++) {
        if (i == NUMBERS - 1u && !run) {
            ota_cbor_put_text(w, OTA_SPAN_LIT("b"));
            ota_cbor_put_bytes(w, (struct ota_span){ q->bits, (q->span + 7u) / 8u });
        }
        ota_cbor_put_text(w, ota_span_of_str(keys[i]));
        ota_cbor_put_u64(w, numbers[i]);
    }
}

/* How the service reads a bitmap in JSON is not known for sure, so a request in JSON is a run. */
static void write_json(struct ota_writer *w, const uint32_t numbers[NUMBERS])
{
    struct ota_json_out o = ota_json_out(w);
    ota_json_object_begin(&o);
    ota_json_key(&o, "c");
    ota_json_put_string(&o, TOKEN);
    for (unsigned i = 0; i < NUMBERS; i++) {
        ota_json_key(&o, keys[i]);
        ota_json_put_u64(&o, numbers[i]);
    }
    ota_json_object_end(&o);
}

void stream_write_request(const struct ota_stream_cfg *cfg, const struct stream_request *q,
                          const struct ota_scratch *scratch, struct ota_effect *effect)
{
    const struct ota_topic topic = {
        .kind = OTA_TOPIC_STREAM_GET, .thing = cfg->thing, .id = cfg->stream, .format = cfg->format
    };
    struct ota_writer name = ota_writer(scratch->topic), body = ota_writer(scratch->payload);
    ota_topic_write(&name, cfg->root, &topic);
    const uint32_t numbers[NUMBERS] = { cfg->file_id, cfg->block_size, q->offset, q->count };
    if (cfg->format == OTA_FORMAT_CBOR) {
        write_cbor(&body, numbers, q);
    } else {
        OTA_ASSERT(q->count == q->span);
        write_json(&body, numbers);
    }
    OTA_ASSERT(!name.bad && !body.bad); /* the caller lent less than effect.h says */
    effect->kind = OTA_EFFECT_PUBLISH;
    effect->as.publish.topic = ota_writer_done(&name);
    effect->as.publish.payload = ota_writer_done(&body);
    effect->as.publish.qos = OTA_QOS_0;
}
