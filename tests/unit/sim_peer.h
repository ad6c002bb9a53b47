/*
 * A device of another make at the simulator's provider: not our orchestrator, but whatever the test
 * has. Flash, factory, bootloader, provider and virtual time are the simulator's; what the provider
 * sends is kept until the test takes it.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "sim.h"

#define PEER_MESSAGES 256u

struct peer_message {
    uint8_t *topic, *payload; /* heap */
    size_t topic_len, payload_len;
};

struct peer {
    struct sim sim; /* first: the wire's hook finds us by it */
    struct peer_message kept[PEER_MESSAGES];
    size_t first, count;
    uint32_t lose_permille; /* of the messages of both directions */
    uint32_t random;        /* which of them; not 0 */
};

void peer_open(struct peer *p, const struct sim_image *first);
void peer_close(struct peer *p);

/** What the bootloader decides now. Ends what is on the wire, and gives the device its store and trust. */
struct ota_boot_result peer_boot(struct peer *p);

void peer_publish(struct peer *p, struct ota_span topic, struct ota_span payload);
/** Let time pass until `until`, or until something has come for the device. @return whether it has. */
bool peer_wait(struct peer *p, ota_ms_t until);
/** The oldest message that has come; the caller's, for peer_release(). False: none. */
bool peer_take(struct peer *p, struct peer_message *message);
void peer_release(struct peer_message *message);

#endif
