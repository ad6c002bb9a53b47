/*
 * Private to lib/agent: a pool of fixed blocks and the order in which they wait.
 * Knows nothing of locks: the agent calls it with the port's lock held.
 */
#ifndef OTA_INBOX_H
#define OTA_INBOX_H

#include "ota/agent.h"

enum ota_inbox_kind { OTA_INBOX_MESSAGE, OTA_INBOX_SUBSCRIBED };

struct ota_inbox_item {
    enum ota_inbox_kind kind;
    struct ota_span topic, payload; /* in the block, until ota_inbox_release() */
};

OTA_MUST_CHECK ota_err_t ota_inbox_init(struct ota_inbox *in, struct ota_buf memory,
                                        uint32_t message_size);
/** False: no room, or too large (then its topic is remembered). */
bool ota_inbox_put(struct ota_inbox *in, enum ota_inbox_kind kind, struct ota_span topic,
                   struct ota_span payload);
/** The oldest one; its block stays used until released. One is read at a time. */
bool ota_inbox_take(struct ota_inbox *in, struct ota_inbox_item *item);
/** What was taken, if anything, has been read. */
void ota_inbox_release(struct ota_inbox *in);
/** Drop all that waits; not what is being read. */
void ota_inbox_flush(struct ota_inbox *in);

#endif
