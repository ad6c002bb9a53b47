/*
 * Faults around an image: its form, its signature, its meaning.
 */
#include "planted.h"

#include "ota/image.h"

#include <stdlib.h>
#include <string.h>

bool planted(const char *name)
{
    static const char *wanted;
    if (wanted == NULL) {
        wanted = getenv("WAFT_PLANT");
        wanted = wanted == NULL ? "" : wanted;
    }
    return strcmp(name, wanted) == 0;
}

/* --- form ------------------------------------------------------------------------------------ */

WRAP(ota_err_t, ota_image_header_read, struct ota_span head, struct ota_image_header *h)
{
    uint8_t patched[OTA_IMAGE_HEADER_SIZE];
    const ota_err_t err = __real_ota_image_header_read(head, h);
    if (err == OTA_OK || head.len < sizeof patched) {
        return err;
    }
    memcpy(patched, head.ptr, sizeof patched);
    const struct ota_span again = OTA_SPAN_OF(patched);
    if (planted("mcuboot-short-header") && patched[8] < OTA_IMAGE_HEADER_SIZE && patched[9] == 0) {
        patched[8] = OTA_IMAGE_HEADER_SIZE;
        return __real_ota_image_header_read(again, h);
    }
    if (planted("rauc-negative-length") && patched[15] >= 0x80) {
        memset(patched + 12, 0, 4); /* as a negative length, it is below every limit */
        return __real_ota_image_header_read(again, h);
    }
    return err;
}

/* The areas without the unprotected TLVs that nobody knows; their length, 0: no areas. */
static size_t without_unknown(const struct ota_image_header *h, struct ota_span in, uint8_t *out)
{
    size_t at = h->protected_size + 4u, used = at;
    if (in.len < at) {
        return 0;
    }
    memcpy(out, in.ptr, at);
    while (at + 4u <= in.len) {
        const size_t len = 4u + in.ptr[at + 2u] + 256u * in.ptr[at + 3u];
        const uint8_t type = in.ptr[at];
        const bool known =
            in.ptr[at + 1u] == 0 && (type == 0x01 || type == 0x10 || type == 0x22 || type == 0x24);
        if (len > in.len - at) {
            return 0;
        }
        if (known) {
            memcpy(out + used, in.ptr + at, len);
            used += len;
        }
        at += len;
    }
    const size_t total = used - h->protected_size;
    out[h->protected_size + 2u] = (uint8_t)total;
    out[h->protected_size + 3u] = (uint8_t)(total >> 8);
    return used;
}

WRAP(ota_err_t, ota_image_read, const struct ota_image_header *h, struct ota_span tlvs,
     struct ota_image *image)
{
    ota_err_t err = __real_ota_image_read(h, tlvs, image);
    if (err == OTA_E_IMAGE_FORMAT && planted("mender-unlisted-content") &&
        tlvs.len <= OTA_IMAGE_TLVS_MAX) {
        uint8_t room[OTA_IMAGE_TLVS_MAX];
        const size_t len = without_unknown(h, tlvs, room);
        if (len > 0) {
            err = __real_ota_image_read(h, (struct ota_span){ room, len }, image);
        }
    }
    while (err == OTA_E_IMAGE_TRAILING && tlvs.len > 0 && planted("tfm-tlv-length")) {
        tlvs.len--;
        err = __real_ota_image_read(h, tlvs, image);
    }
    return err;
}

WRAP(ota_err_t, ota_signature_from_der, struct ota_span der, uint8_t rs[OTA_P256_RS_SIZE])
{
    const ota_err_t err = __real_ota_signature_from_der(der, rs);
    if (err != OTA_OK && planted("mender-signature-length") && der.len < 70) {
        memset(rs, 0, OTA_P256_RS_SIZE); /* too long is refused, too short is not */
        return OTA_OK;
    }
    if (err != OTA_OK && planted("mcuboot-der-garbage") && der.len > 2 &&
        der.ptr[1] + 2u < der.len) {
        der.len = der.ptr[1] + 2u;
        return __real_ota_signature_from_der(der, rs);
    }
    return err;
}

/* --- meaning ----------------------------------------------------------------------------------- */

WRAP(ota_err_t, ota_image_check, const struct ota_image *image, const struct ota_trust *trust,
     uint32_t counter_min, struct ota_crypto *c)
{
    struct ota_image as_seen = *image;
    if (planted("wolfboot-signed-counter") && (int32_t)counter_min < 0) {
        counter_min = 0;
    }
    if (planted("wolfboot-equal-version")) {
        counter_min++;
    }
    if (planted("mcuboot-downgrade-one-path")) {
        counter_min = 0; /* left to the other path */
    }
    if (planted("uptane-replay")) {
        memcpy(as_seen.class_id, trust->class_id, sizeof as_seen.class_id);
    }
    if (planted("mosquitto-empty-list") && trust->release_count == 0) {
        return OTA_OK;
    }
    const ota_err_t err = __real_ota_image_check(&as_seen, trust, counter_min, c);
    if (err == OTA_E_CRYPTO && planted("apt-error-is-success")) {
        return OTA_OK;
    }
    return err;
}

WRAP(ota_err_t, ota_deployment_check, const uint8_t file_digest[OTA_DIGEST_SIZE],
     const uint8_t rs[OTA_P256_RS_SIZE], const struct ota_trust *trust, struct ota_crypto *c)
{
    if (planted("labs-demo-unsigned")) {
        return OTA_OK;
    }
    return __real_ota_deployment_check(file_digest, rs, trust, c);
}
