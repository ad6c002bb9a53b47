/* What an HTTP client hears, through the inbox. A device without HTTP links none of it. */
#include "inbox.h"
#include "ota/fetched.h"

#include <string.h>

struct about {
    enum { HEAD, BODY, ENDED } kind;
    uint32_t transfer, status;
};

static void give(struct ota_agent *a, struct ota_span bytes_of_about, struct ota_span bytes,
                 ota_ms_t now)
{
    struct ota_orchestrator *o = &a->orchestrator;
    struct about about;
    memcpy(&about, bytes_of_about.ptr, sizeof about);
    switch (about.kind) {
    case HEAD: ota_orchestrator_fetched_head(o, about.transfer, about.status, bytes, now); break;
    case BODY: ota_orchestrator_fetched_body(o, about.transfer, bytes, now); break;
    case ENDED: ota_orchestrator_fetched_ended(o, about.transfer, now); break;
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* As many of `bytes` as a block takes. @return false: no room now. */
static bool post(struct ota_agent *a, const struct about *about, struct ota_span *bytes)
{
    struct ota_inbox *const in = &a->inbox;
    const struct ota_span topic = { (const uint8_t *)about, sizeof *about };
    const size_t size = in->message_size, overhead = OTA_INBOX_OVERHEAD + sizeof *about;
    bytes->len = least(bytes->len, size > overhead ? size - overhead : 0);
    ota_agent_lock(a);
    if (a->give_fetched == NULL) {
        a->give_fetched = give;
    }
    const bool room = ota_inbox_used(in) < (in->message_count + 1u) / 2u;
    const bool taken = room && ota_inbox_put(in, INBOX_FETCHED, topic, *bytes);
    ota_agent_unlock_and_wake(a);
    return taken;
}

bool ota_agent_post_fetched_head(struct ota_agent *a, uint32_t transfer, uint32_t status,
                                 struct ota_span content_range)
{
    return post(a, &(struct about){ HEAD, transfer, status }, &content_range);
}

size_t ota_agent_post_fetched_body(struct ota_agent *a, uint32_t transfer, struct ota_span bytes)
{
    return post(a, &(struct about){ BODY, transfer, 0 }, &bytes) ? bytes.len : 0;
}

bool ota_agent_post_fetched_ended(struct ota_agent *a, uint32_t transfer)
{
    struct ota_span none = OTA_SPAN_NONE;
    return post(a, &(struct about){ ENDED, transfer, 0 }, &none);
}
