/* A signature: what is taken is, written anew, what was read. */
#include "fuzz.h"
#include "ota/image.h"

#include <string.h>

/* The shortest DER INTEGER of 32 big-endian bytes; how many bytes it has. */
static size_t put_integer(uint8_t *to, const uint8_t number[32])
{
    size_t zeros = 0;
    while (zeros < 31 && number[zeros] == 0) {
        zeros++;
    }
    const size_t sign = number[zeros] >= 0x80 ? 1 : 0, len = 32 - zeros;
    to[0] = 2;
    to[1] = (uint8_t)(sign + len);
    to[2] = 0;
    memcpy(to + 2 + sign, number + zeros, len);
    return 2 + sign + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t rs[OTA_P256_RS_SIZE], der[80];
    memset(rs, 0xa5, sizeof rs);
    const ota_err_t err = ota_signature_from_der((struct ota_span){ bytes, size }, rs);
    if (err != OTA_OK) {
        return 0;
    }
    const size_t r = put_integer(der + 2, rs);
    const size_t both = r + put_integer(der + 2 + r, rs + 32);
    der[0] = 0x30;
    der[1] = (uint8_t)both;
    FUZZ_CHECK(size >= 2 + both && memcmp(bytes, der, 2 + both) == 0);
    for (size_t i = 2 + both; i < size; i++) {
        FUZZ_CHECK(bytes[i] == 0);
    }
    return 0;
}
