/* A keyset: what is taken is made of its parts, without a byte between or behind, and trusts none that it revokes. */
#include "ota/keyset.h"
#include "fuzz.h"

static void check_anchors(const struct ota_keyset *k, const struct ota_anchor *anchors,
                          uint8_t count)
{
    FUZZ_CHECK(count >= 1 && count <= OTA_ANCHORS_MAX);
    for (uint8_t i = 0; i < count; i++) {
        FUZZ_CHECK(!ota_keyset_revokes(k, anchors[i].key_id));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct ota_keyset k;
    const ota_err_t err = ota_keyset_read((struct ota_span){ bytes, size }, &k);
    FUZZ_CHECK(err == OTA_OK || err == OTA_E_KEYSET_FORMAT || err == OTA_E_KEYSET_REVOKED);
    if (err != OTA_OK) {
        return 0;
    }
    check_anchors(&k, k.trust.release, k.trust.release_count);
    check_anchors(&k, k.trust.deployment, k.trust.deployment_count);
    FUZZ_CHECK(size <= OTA_KEYSET_SIZE_MAX);
    FUZZ_CHECK(k.covered.ptr == bytes && k.covered.len + OTA_P256_RS_SIZE == size);
    FUZZ_CHECK(k.revoked.len == 0 || k.revoked.ptr == bytes + ota_keyset_revoked_offset(&k.trust));
    FUZZ_CHECK(k.revoked.len % OTA_DIGEST_SIZE == 0 &&
               k.revoked.len <= OTA_KEYSET_REVOKED_MAX * OTA_DIGEST_SIZE);
    size_t certificates = 0;
    for (uint32_t i = 0; i < OTA_KEYSET_CAS_MAX; i++) {
        FUZZ_CHECK(k.ca[i].len <= OTA_KEYSET_CA_SIZE_MAX);
        FUZZ_CHECK(k.ca[i].len == 0 || k.ca[i].ptr == bytes + ota_keyset_ca_offset(&k.trust, i));
        certificates += k.ca[i].len;
    }
    FUZZ_CHECK(ota_keyset_revoked_offset(&k.trust) + k.revoked.len + certificates +
                   OTA_KEYSET_SIGNER_SIZE ==
               k.covered.len);
    return 0;
}
