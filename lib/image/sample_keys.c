/*
 * Sample keys: every key whose private half can be read by anyone, because it is in this repository.
 * tests/vectors has the scripts that make them; a test compares this table with them.
 */
#include "ota/image.h"
#include <string.h>

#define PREFIX_SIZE 8u /* no other key begins like one of these by chance */

static const uint8_t samples[][PREFIX_SIZE] = {
    { 0x82, 0xbd, 0xf9, 0x4e, 0xd7, 0xbf, 0x4d, 0x74 }, /* release */
    { 0xaf, 0xd2, 0x86, 0x54, 0x27, 0x73, 0x94, 0x35 }, /* release-next */
    { 0xf6, 0x8c, 0x2d, 0x58, 0x78, 0xaa, 0xfb, 0x83 }, /* stranger */
    { 0x41, 0x48, 0x81, 0x38, 0x07, 0x81, 0xfc, 0x15 }, /* deployment */
    { 0xe9, 0x0e, 0xeb, 0x74, 0x54, 0x2d, 0x02, 0xab }, /* deployment-next */
    { 0x82, 0xeb, 0xfa, 0xba, 0xd7, 0x60, 0xd7, 0x43 }, /* release-ed25519 */
    { 0xb2, 0x8e, 0xf3, 0x85, 0xb5, 0xaf, 0x8a, 0xf0 }, /* stranger-ed25519 */
};

#if defined(OTA_TRUST_SAMPLE_KEYS)
static const size_t refused = 0;
#else
static const size_t refused = sizeof samples / sizeof samples[0];
#endif

bool ota_key_is_sample(const uint8_t key_id[OTA_DIGEST_SIZE])
{
    for (size_t i = 0; i < refused; i++) {
        if (memcmp(samples[i], key_id, PREFIX_SIZE) == 0) {
            return true;
        }
    }
    return false;
}
