#include "MQTTFileDownloader_base64.h"
#include "MQTTFileDownloader_cbor.h"
#include "ota/base64.h"
#include "ota/cbor.h"
#include <string.h>

/* --- CBOR ----------------------------------------------------------------------------------- */

static void put_number(struct ota_writer *w, const char *name, uint32_t number)
{
    ota_cbor_put_text(w, ota_span_of_str(name));
    ota_cbor_put_u64(w, number);
}

bool CBOR_Encode_GetStreamRequestMessage(uint8_t *messageBuffer, size_t messageBufferSize,
                                         size_t *encodedMessageSize, const char *clientToken,
                                         uint32_t fileId, uint32_t blockSize, uint32_t blockOffset,
                                         const uint8_t *blockBitmap, size_t blockBitmapSize,
                                         uint32_t numOfBlocksRequested)
{
    if (messageBuffer == NULL || encodedMessageSize == NULL || clientToken == NULL ||
        blockBitmap == NULL) {
        return false;
    }
    struct ota_writer w = ota_writer((struct ota_buf){ messageBuffer, messageBufferSize });
    ota_cbor_put_map(&w, 6);
    ota_cbor_put_text(&w, OTA_SPAN_LIT(OTA_CBOR_CLIENTTOKEN_KEY));
    ota_cbor_put_text(&w, ota_span_of_str(clientToken));
    put_number(&w, OTA_CBOR_FILEID_KEY, fileId);
    put_number(&w, OTA_CBOR_BLOCKSIZE_KEY, blockSize);
    put_number(&w, OTA_CBOR_BLOCKOFFSET_KEY, blockOffset);
    ota_cbor_put_text(&w, OTA_SPAN_LIT(OTA_CBOR_BLOCKBITMAP_KEY));
    ota_cbor_put_bytes(&w, (struct ota_span){ blockBitmap, blockBitmapSize });
    put_number(&w, OTA_CBOR_NUMBEROFBLOCKS_KEY, numOfBlocksRequested);
    if (w.bad) {
        return false;
    }
    *encodedMessageSize = ota_writer_done(&w).len;
    return true;
}

/* --- base64 ----------------------------------------------------------------------------------- */

static bool is_digit(uint8_t c)
{
    return (c | 0x20u) - (uint32_t)'a' < 26 || c - (uint32_t)'0' < 10 || c == '+' || c == '/';
}

/* What has come so far: our decoder takes the digits, the rest is only for the name of an error. */
struct text {
    struct ota_base64 decoder;
    size_t digits, pads, blanks;
};

static Base64Status_t take(struct text *t, uint8_t c)
{
    if (c == '\r' || c == '\n') {
        return Base64Success;
    }
    if (c == ' ') {
        t->blanks++;
        return Base64Success;
    }
    if (c == '=') {
        t->pads++;
        return t->blanks > 0 ? Base64InvalidSymbolOrdering
               : t->pads > 2 ? Base64InvalidPaddingSymbol
                             : Base64Success;
    }
    if (!is_digit(c)) {
        return Base64InvalidSymbol;
    }
    if (t->blanks > 0 || t->pads > 0) {
        return Base64InvalidSymbolOrdering;
    }
    t->digits++;
    ota_base64_put(&t->decoder, c);
    return Base64Success;
}

static Base64Status_t finish(const struct text *t, size_t *len)
{
    const size_t rest = t->digits % 4u;
    struct ota_span decoded;
    if (rest == 1) {
        return Base64InvalidInputSize;
    }
    if (t->pads > (rest == 0 ? 0 : 4u - rest)) {
        return Base64InvalidPaddingSymbol;
    }
    const ota_err_t err = ota_base64_end(&t->decoder, &decoded);
    if (err != OTA_OK) { /* of what can be wrong, this is left */
        return err == OTA_E_TOO_LARGE ? Base64InvalidBufferSize : Base64NonZeroPadding;
    }
    *len = decoded.len;
    return Base64Success;
}

Base64Status_t base64_Decode(uint8_t *dest, const size_t destLen, size_t *resultLen,
                             const uint8_t *encodedData, const size_t encodedLen)
{
    if (encodedLen < 2) {
        return Base64InvalidInputSize;
    }
    if (encodedData == NULL || dest == NULL || resultLen == NULL) {
        return Base64NullPointerInput;
    }
    struct text t = { .decoder = ota_base64((struct ota_buf){ dest, destLen }) };
    Base64Status_t status = Base64Success;
    for (size_t i = 0; i < encodedLen && status == Base64Success; i++) {
        status = take(&t, encodedData[i]);
    }
    return status == Base64Success ? finish(&t, resultLen) : status;
}
