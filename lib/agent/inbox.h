/* Private to lib/agent: what lies in a block of the inbox. */
#ifndef OTA_AGENT_INBOX_H
#define OTA_AGENT_INBOX_H

#include "ota/agent.h"

enum inbox_kind {
    INBOX_MESSAGE,   /* topic and payload */
    INBOX_TOO_LARGE, /* topic of a message that does not fit into a block */
    INBOX_SUBACK,    /* the topic is the filter that was subscribed */
    INBOX_FETCHED,   /* part of a response: what it is, and its bytes */
};

/** With the lock held: how many blocks are in use. */
static inline uint32_t ota_inbox_used(const struct ota_inbox *in)
{
    return (uint32_t)in->waiting + in->reading;
}

void ota_agent_lock(struct ota_agent *a);
void ota_agent_unlock_and_wake(struct ota_agent *a);
/** With the lock held. @return false: no room, and that is counted. */
bool ota_inbox_put(struct ota_inbox *in, enum inbox_kind kind, struct ota_span topic,
                   struct ota_span payload);

#endif
