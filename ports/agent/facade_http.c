/* What an HTTP client hears. A program without HTTP links none of it. */
#include "post.h"

bool OTA_OnFetchedHead(uint32_t transfer, uint32_t status, struct ota_span content_range)
{
    struct ota_agent *const a = ota_facade_begin_post();
    bool taken = true;
    if (a != NULL) {
        taken = ota_agent_post_fetched_head(a, transfer, status, content_range);
        ota_facade_end_post();
    }
    return taken;
}

size_t OTA_OnFetchedBody(uint32_t transfer, struct ota_span bytes)
{
    struct ota_agent *const a = ota_facade_begin_post();
    size_t taken = bytes.len;
    if (a != NULL) {
        taken = ota_agent_post_fetched_body(a, transfer, bytes);
        ota_facade_end_post();
    }
    return taken;
}

bool OTA_OnFetchedEnded(uint32_t transfer)
{
    struct ota_agent *const a = ota_facade_begin_post();
    bool taken = true;
    if (a != NULL) {
        taken = ota_agent_post_fetched_ended(a, transfer);
        ota_facade_end_post();
    }
    return taken;
}
