/* The factory's side of trust. */
#include "ota/assert.h"
#include "ota/image_write.h"
#include "ota/store_trust.h"
#include "records.h"

ota_err_t ota_store_trust_write(struct ota_store *s, const struct ota_trust *trust)
{
    static const struct ota_span no_ca[OTA_KEYSET_CAS_MAX];
    uint8_t bytes[OTA_TRUST_SIZE_MIN];
    struct ota_writer w = ota_writer(OTA_BUF_OF(bytes));
    OTA_ASSERT(trust->release_count <= OTA_ANCHORS_MAX &&
               trust->deployment_count <= OTA_ANCHORS_MAX);
    ota_keyset_write(&w, trust, OTA_SPAN_NONE, no_ca);
    OTA_ASSERT(!w.bad);
    return ota_log_append(&s->trust, OTA_LOG_TRUST, ota_writer_done(&w));
}
