/*
 * Link: one TLS 1.2 connection at a time, over lwIP's raw TCP and Mbed TLS, for a super-loop.
 *
 *   DOWN -- link_open --> CONNECTING -- TCP --> GREETING -- handshake --> UP
 *     ^                        |                    |                      |
 *     +------- link_close -----+------- LOST <------+----------------------+
 *
 * Nothing is called back: link_turn() moves it on, link_read() and link_send() carry bytes, and
 * every fault ends in LOST. What is sent goes straight into TLS and from there into TCP's memory:
 * nothing waits here. Not lwIP's altcp_tls: version 2.1.3 of it does not tell when a record fails,
 * and takes a server's certificate unverified.
 *
 * Mutual authentication: the device's P-256 key and certificate; the broker's certificate must come
 * from the device's CA, be within its dates, carry the name that was asked for, and say that it is a
 * server's. Records of at most 4 KiB are asked for (RFC 6066); a broker that does not keep to it
 * cannot be used. OpenSSL, and with it mosquitto, does.
 */
#ifndef MPS2_LINK_H
#define MPS2_LINK_H

#include "ota/span.h"
#include <lwip/ip_addr.h>
#include <lwip/pbuf.h>
#include <mbedtls/ssl.h>

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_GREETING, LINK_UP, LINK_LOST };

/* PEM, without a terminating zero. */
struct link_identity {
    struct ota_span key, cert, ca;
};

/** What Mbed TLS keeps of a connection besides its heap. */
struct link_tls {
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt ca, cert;
    mbedtls_pk_context key;
};

struct link {
    enum link_state state;
    uint16_t in_used; /* bytes of the first of `in` */
    int fault;        /* of Mbed TLS, or lwIP's negated; 0: the peer closed */
    struct tcp_pcb *pcb;
    struct pbuf *in;      /* came and not decrypted yet */
    struct link_tls *tls; /* lent */
};

/**
 * Read the identity, once.
 *
 * @param tls      lent for ever.
 * @param scratch  each of its PEMs and a zero pass through here; nothing stays.
 * @return 0, or Mbed TLS's word for what is wrong with it.
 */
int link_init(struct link *l, struct link_tls *tls, const struct link_identity *identity,
              struct ota_buf scratch);

/** DOWN only. `name` must be in the broker's certificate; it may be another than the address's. */
void link_open(struct link *l, ip_addr_t address, uint16_t port, const char *name);

/** Go on. A handshake takes a few turns; one of them computes for about 0.1 s. */
enum link_state link_turn(struct link *l);

/** @return bytes read; 0: nothing now, or not UP. */
size_t link_read(struct link *l, struct ota_buf into);

/** Send `head` and `rest`, both of them whole. @return false: not UP, or TCP has no room for that now; nothing is sent. */
bool link_send(struct link *l, struct ota_span head, struct ota_span rest);

/** Give the connection up, in any state: DOWN. */
void link_close(struct link *l);

#endif
