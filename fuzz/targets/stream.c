/*
 * Messages of a stream, one behind the other: the first byte chooses the form, then each message has
 * two bytes of length. Whatever comes, blocks are the file's, and a download ends only when each was stored.
 */
#include "ota/stream.h"
#include "fuzz.h"
#include "ota/cursor.h"

#include <string.h>

enum { BLOCK = 256, BLOCKS = 9, FILE_SIZE = BLOCK * BLOCKS - 100 };

static void begin(struct ota_stream *s, enum ota_format format)
{
    const struct ota_stream_cfg cfg = {
        .root = OTA_SPAN_LIT("$aws"),
        .thing = OTA_SPAN_LIT("t"),
        .stream = OTA_SPAN_LIT("s"),
        .file_id = 1,
        .file_size = FILE_SIZE,
        .block_size = BLOCK,
        .window = 4,
        .format = format,
        .retry_ms_min = 100,
        .retry_ms_max = 1000,
        .seed = 1,
    };
    FUZZ_CHECK(ota_stream_init(s, &cfg) == OTA_OK);
    ota_stream_fetch(s, 0, FILE_SIZE);
}

/* Asks for what it wants now. */
static void let_it_ask(struct ota_stream *s, ota_ms_t now)
{
    static uint8_t topic[OTA_TOPIC_MAX], payload[OTA_SCRATCH_PAYLOAD_MIN];
    const struct ota_scratch scratch = { OTA_BUF_OF(topic), OTA_BUF_OF(payload) };
    struct ota_effect effect;
    for (unsigned i = 0; ota_stream_poll(s, now, &scratch, &effect); i++) {
        FUZZ_CHECK(i < 16 && effect.kind == OTA_EFFECT_PUBLISH);
    }
}

static void receive(struct ota_stream *s, struct ota_span message, bool stored[BLOCKS],
                    ota_ms_t now)
{
    static uint8_t room[BLOCK];
    const struct ota_topic topic = {
        .kind = message.len % 8 == 7 ? OTA_TOPIC_STREAM_REJECTED : OTA_TOPIC_STREAM_DATA,
        .thing = OTA_SPAN_LIT("t"),
        .id = OTA_SPAN_LIT("s"),
        .format = s->cfg.format,
    };
    struct ota_block block;
    if (ota_stream_on_message(s, &topic, message, OTA_BUF_OF(room), &block) != OTA_OK ||
        block.data.len == 0) {
        return;
    }
    FUZZ_CHECK(block.offset % BLOCK == 0 && block.offset < FILE_SIZE);
    const uint32_t left = FILE_SIZE - block.offset;
    FUZZ_CHECK(block.data.len == (left < BLOCK ? left : BLOCK));
    FUZZ_CHECK(!stored[block.offset / BLOCK]);
    stored[block.offset / BLOCK] = true;
    ota_stream_stored(s, block.offset, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct ota_reader r = ota_reader((struct ota_span){ bytes, size });
    struct ota_stream s;
    bool stored[BLOCKS] = { false };
    ota_ms_t now = 0;
    begin(&s, ota_read_u8(&r) % 2 == 0 ? OTA_FORMAT_CBOR : OTA_FORMAT_JSON);
    while (ota_reader_left(&r) > 2) {
        let_it_ask(&s, now);
        const size_t len = ota_read_u16le(&r), left = ota_reader_left(&r);
        receive(&s, ota_read_bytes(&r, len < left ? len : left), stored, now);
        now += 40;
    }
    size_t count = 0;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        count += stored[i] ? 1 : 0;
    }
    FUZZ_CHECK(ota_stream_idle(&s) == (count == BLOCKS));
    return 0;
}
