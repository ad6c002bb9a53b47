/*
 * Agent: the orchestrator with an inbox, for any loop: a thread, a task, a
 * super-loop. Instances, no globals.
 *
 *     for (;;) {
 *         struct ota_effect effect;
 *         while (ota_agent_poll(&agent, clock_ms(), &effect)) {
 *             perform(&effect);
 *         }
 *         wait_until(ota_agent_deadline(&agent));   // or until woken
 *     }
 *
 * Posting (message, link, SUBACK, command) may be done from any thread or from
 * the MQTT client's callback: it copies into the inbox under the port's lock and
 * wakes the loop. Polling belongs to one thread.
 */
#ifndef OTA_AGENT_H
#define OTA_AGENT_H

#include "ota/orchestrator.h"

/** The port to the operating system: all may be NULL in a super-loop. */
struct ota_agent_port {
    void (*lock)(void *context);
    void (*unlock)(void *context);
    void (*wake)(void *context); /* the loop's wait returns soon */
    void *context;
};

/* Messages that wait. Each takes one block of the lent memory; a block must hold the largest
 * message: topic and payload. Of one that does not fit the topic waits: it is asked for without what makes it large.
 * Full: dropped and counted (the protocol asks again). */
#define OTA_INBOX_MESSAGES_MAX 64u

struct ota_inbox_stats {
    uint32_t received, dropped, too_large, processed;
};

/* Of each block: kind, length of the topic, length of the payload. A block has room for 16 bytes more at least. */
#define OTA_INBOX_OVERHEAD 8u

/* Private to lib/agent. */
struct ota_inbox {
    uint8_t *memory; /* lent: message_count blocks of message_size */
    uint32_t message_size;
    uint8_t message_count; /* 1 ..= OTA_INBOX_MESSAGES_MAX */
    uint8_t head;          /* the oldest block; the others follow it, around the end */
    uint8_t reading;       /* 1: the loop, or who performs its effect, still reads it */
    uint8_t waiting;       /* behind it, or from it on */
    bool is_up;
    uint16_t signals; /* link edges and commands that the loop has not seen */
    struct ota_inbox_stats stats;
    struct ota_decision decision; /* the newest that the loop has not seen */
    uint8_t words[OTA_WORDS_MAX]; /* its reason */
};

struct ota_agent_cfg {
    struct ota_orchestrator_cfg orchestrator;
    struct ota_agent_port port;
    struct ota_buf inbox;  /* memory for messages */
    uint32_t message_size; /* bytes of one block of it: topic + payload + OTA_INBOX_OVERHEAD */
};

struct ota_agent {
    struct ota_agent_port port;
    /* Who understands a part of a response; NULL before the first was posted, so that it is linked where it is used. */
    void (*give_fetched)(struct ota_agent *a, struct ota_span about, struct ota_span bytes,
                         ota_ms_t now);
    struct ota_inbox inbox;
    struct ota_orchestrator orchestrator;
};

/** @return as ota_orchestrator_init(); OTA_E_NO_ROOM if `inbox` holds no block. */
OTA_MUST_CHECK ota_err_t ota_agent_init(struct ota_agent *a, const struct ota_agent_cfg *cfg);

/* Posting: from any thread. */

/** The link came up, or went down. Messages that wait in the inbox came over the link before: they are dropped. */
void ota_agent_post_link(struct ota_agent *a, bool up);
void ota_agent_post_subscribed(struct ota_agent *a, struct ota_span filter);
/** @return false if it was dropped: no room. Then it is as if the network had lost it. */
bool ota_agent_post_message(struct ota_agent *a, struct ota_span topic, struct ota_span payload);
void ota_agent_post_command(struct ota_agent *a, enum ota_command command);
/** One waits at a time: the newest. OTA_E_NAME: its words cannot be told, and nothing was posted. */
OTA_MUST_CHECK ota_err_t ota_agent_post_decision(struct ota_agent *a,
                                                 const struct ota_decision *decision);

/*
 * What an HTTP client hears (ota/fetched.h). Nothing of it is ever dropped: without room nothing is taken, and the
 * client holds the transfer up and posts it again. There is room while less than half of the inbox is in use, so that
 * messages have theirs beside it.
 */
bool ota_agent_post_fetched_head(struct ota_agent *a, uint32_t transfer, uint32_t status,
                                 struct ota_span content_range);
/** @return how many bytes were taken, from the first. */
size_t ota_agent_post_fetched_body(struct ota_agent *a, uint32_t transfer, struct ota_span bytes);
bool ota_agent_post_fetched_ended(struct ota_agent *a, uint32_t transfer);

/* The loop. What an effect points to stays as it is, whatever is posted, until the next call of poll. */
bool ota_agent_poll(struct ota_agent *a, ota_ms_t now, struct ota_effect *effect);
ota_ms_t ota_agent_deadline(struct ota_agent *a);

#endif
