/* Probe: one short connection of ours to the broker, with a pass in memory. */
#ifndef SRV_BROKER_PROBE_H
#define SRV_BROKER_PROBE_H

#include "identity/identity.h"
#include <netinet/in.h>
#include <sys/socket.h>

enum probe_result {
    PROBE_ABSENT,   /* nobody takes connections there, or not in time */
    PROBE_ACCEPTED, /* our certificate was; and so was the session, if one was wanted */
    PROBE_REVOKED,  /* our certificate is on the broker's list */
    PROBE_REFUSED,  /* anything else: not our broker, not our certificate, no session */
};

enum probe_depth {
    PROBE_TLS,     /* the handshake only: disturbs nobody */
    PROBE_SESSION, /* an MQTT session too: ends the one that has this name */
};

struct probe_peer {
    struct sockaddr_storage address;
    socklen_t address_len;
    const char *ca_path;
};

/** `text` is numeric; an address for "any" becomes the loopback's. */
bool probe_peer_init(struct probe_peer *peer, const char *text, uint16_t port, const char *ca_path);

enum probe_result probe(const struct probe_peer *peer, const struct srv_pass *pass,
                        enum probe_depth depth, int timeout_ms);

#endif
