/* Items one behind the other: what skipping takes, walking takes no further. */
#include "ota/cbor.h"
#include "fuzz.h"

static void walk(struct ota_cbor *c, unsigned depth);

static void walk_map(struct ota_cbor *c, unsigned depth)
{
    struct ota_cbor_map map = ota_cbor_map(c);
    struct ota_span key;
    while (ota_cbor_next_key(c, &map, &key)) {
        walk(c, depth + 1);
    }
}

static void walk_array(struct ota_cbor *c, unsigned depth)
{
    struct ota_cbor_map array = ota_cbor_array(c);
    while (ota_cbor_next_element(c, &array)) {
        walk(c, depth + 1);
    }
}

static void walk(struct ota_cbor *c, unsigned depth)
{
    if (depth > OTA_CBOR_DEPTH_MAX) {
        ota_cbor_skip(c);
        return;
    }
    switch (ota_cbor_peek(c)) {
    case OTA_CBOR_UINT: (void)ota_cbor_u64(c); break;
    case OTA_CBOR_BYTES: (void)ota_cbor_bytes(c); break;
    case OTA_CBOR_TEXT: (void)ota_cbor_text(c); break;
    case OTA_CBOR_ARRAY: walk_array(c, depth); break;
    case OTA_CBOR_MAP: walk_map(c, depth); break;
    case OTA_CBOR_NEGATIVE:
    case OTA_CBOR_TAG:
    case OTA_CBOR_SIMPLE:
    case OTA_CBOR_BREAK:
    case OTA_CBOR_NONE: ota_cbor_skip(c); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct ota_span in = { bytes, size };
    struct ota_cbor walked = ota_cbor(in), skipped = ota_cbor(in);
    walk(&walked, 0);
    ota_cbor_skip(&skipped);
    if (walked.err == OTA_OK && skipped.err == OTA_OK) {
        FUZZ_CHECK(walked.r.at == skipped.r.at);
        FUZZ_CHECK(ota_cbor_end(&walked) == ota_cbor_end(&skipped));
    }
    FUZZ_CHECK(walked.r.at >= bytes && walked.r.at <= bytes + size);
    return 0;
}
